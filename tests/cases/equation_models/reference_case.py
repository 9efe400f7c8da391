"""A case of tests/cases/equations: computed, checked and written."""

import json
import os

import numpy as np

from .attention import spread
from .draws import draw_ids, draw_runs, draw_weights, wanted_outputs
from .files import described, rounded, write_array
from .model import Model
from .written_case import WrittenCase


class Case(WrittenCase):
    def __init__(self, made):
        super().__init__(made, "equations", draw_weights, draw_runs)

    def outputs(self, inputs, dtype, **change):
        model = Model({**self.made["config"], **change}, self.weights, dtype)
        return self.made["forward"](model, inputs)

    def wanted(self, run, outputs):
        return wanted_outputs(self.made, run)

    def check_spread(self):
        spread.clear()
        for name in self.inputs:
            self.compute(self.inputs[name])
        away = np.concatenate([part.ravel() for part in spread]).mean()
        assert away > 0.25, (self.made["name"], away)
        return rounded(away, 2)

    def check_changes(self, runs):
        """Of every option, and of attention: by the first output."""
        changes = {**self.made["changes"], "uniform attention":
                   {"_uniform": True}}
        return {label: self.check_change(label, change, runs,
                                         label.startswith("gelu by"), count=1)
                for label, change in changes.items()}

    def greedy(self, tolerance):
        """Eight tokens after a prompt; the first draw without near ties."""
        pairs = self.made["kind"] == "seq2seq"
        grows = "decoder_input_ids" if pairs else "input_ids"
        for _ in range(200):
            prompt = {"input_ids": draw_ids(self.made, self.rng, 1, 6)}
            if pairs:
                start = self.made["config"]["decoder_start_token_id"]
                prompt["decoder_input_ids"] = np.full((1, 1), start)
            inputs, tokens, margins = dict(prompt), [], []
            for _ in range(8):
                logits = self.compute(inputs)["logits"][0, -1]
                second, best = np.sort(logits)[-2:]
                margins.append(best - second)
                tokens.append(int(logits.argmax()))
                inputs[grows] = np.append(inputs[grows], [tokens[-1:]], 1)
            # A padding's id would not count as a token.
            if (min(margins) > 20 * tolerance and len(set(tokens)) >= 4 and
                    self.made.get("pad") not in tokens):
                break
        else:
            raise AssertionError(f"{self.made['name']}: no sure greedy text")
        for key, values in prompt.items():
            write_array(self.folder, f"greedy/in.{key}.npy", values)
        write_array(self.folder, "greedy/out.tokens.npy", np.array(tokens))
        write_array(self.folder, "greedy/out.margins.npy", np.array(margins))
        return {"name": "greedy",
                "inputs": [described(key, values, f"greedy/in.{key}.npy")
                           for key, values in prompt.items()],
                "new_tokens": 8, "tokens_file": "greedy/out.tokens.npy",
                "margins_file": "greedy/out.margins.npy",
                "min_margin": rounded(min(margins), 4),
                "distinct": len(set(tokens)), "grows": grows}

    def write(self):
        made, config = self.made, self.made["config"]
        self.write_weights(os.path.join("model", "model.safetensors"))
        with open(os.path.join(self.folder, "model", "config.json"), "w") as f:
            f.write(json.dumps(config, indent=2, sort_keys=True) + "\n")
        runs = [self.run(name) for name in self.inputs]
        record = {
            "format": 1, "case": made["name"], "family": config["model_type"],
            "model_class": made["model_class"], "model_dir": "model",
            **({"tower": made["tower"]} if "tower" in made else {}),
            "weights_dtype": "float32",
            "pad_token_id": config.get("pad_token_id"),
            "parameters": self.parameters(),
            "seed": self.seed, "note": made["note"],
            "draw": {"embedding_std": made["embedding"],
                     "matrix_gain": made["gain"]},
            "attention_from_uniform": self.check_spread(),
            "changes": self.check_changes(runs), "runs": runs}
        if made["kind"] in ("decoder", "seq2seq"):
            record["greedy"] = self.greedy(max(
                output["tol_max_abs"] for run in runs
                for output in run["outputs"] if output["name"] == "logits"))
        self.write_record(
            record, 300_000,
            f"{record['attention_from_uniform']} from uniform, ")
