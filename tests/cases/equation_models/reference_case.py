"""A case: computed, checked and written."""

import json
import math
import os
import shutil
import zlib

import numpy as np

from .attention import spread
from .draws import draw_ids, draw_runs, draw_weights, wanted_outputs
from .files import (TESTS_CASES, described, rel_l2, rounded, valid_part,
                    write_array, write_safetensors)
from .model import Model


class Case:
    """Draws a case's weights and inputs, computes, checks and writes it."""

    def __init__(self, made):
        self.made, self.folder = made, os.path.join(
            TESTS_CASES, "equations", made["name"])
        self.seed = zlib.crc32(made["name"].encode()) & 0x7fffffff
        rng = np.random.Generator(np.random.PCG64(self.seed))
        self.weights = draw_weights(made, rng)
        self.inputs = draw_runs(made, rng)
        self.rng = rng

    def compute(self, inputs, dtype=np.float64, **change):
        model = Model({**self.made["config"], **change}, self.weights, dtype)
        outputs = self.made["forward"](model, inputs)
        for values in outputs.values():
            assert values.dtype == dtype and np.isfinite(values).all()
        return outputs

    def run(self, name):
        """The description of a run; its arrays are written."""
        inputs = self.inputs[name]
        exact = self.compute(inputs)
        single = self.compute(inputs, np.float32)
        record = {"name": name, "inputs": [], "outputs": []}
        for key, values in inputs.items():
            if values.dtype.kind != "f":
                values = values.astype(np.int64)
            file = f"{name}/in.{key}.npy"
            record["inputs"].append(described(key, values, file))
            write_array(self.folder, file, values)
        for output, source, where in wanted_outputs(self.made, name):
            file = f"{name}/out.{output}.npy"
            write_array(self.folder, file, exact[output])
            ref = valid_part(exact[output], inputs, where)
            got = valid_part(single[output].astype(np.float64), inputs, where)
            error, largest = rel_l2(got, ref), np.abs(got - ref).max()
            rms = math.sqrt((ref * ref).mean())
            record["outputs"].append({
                **described(output, exact[output], file), "source": source,
                "valid_where": where, "f32_rel_l2": rounded(error, 4),
                "f32_max_abs": rounded(largest, 4), "ref_rms": rounded(rms, 4),
                "ref_max_abs": rounded(np.abs(ref).max(), 4),
                "tol_rel_l2": rounded(max(10 * error, 5e-6), 2),
                "tol_max_abs": rounded(max(20 * largest, 1e-5 * rms), 2)})
        if "pad" in name:
            apart = self.padding_matters(name, exact)
            assert apart < 1e-12, (self.made["name"], name, apart)
            record["same_as_unpadded_rel_l2"] = rounded(apart, 2)
        return record

    def padding_matters(self, name, exact):
        """How far rows computed alone, without padding, are from the batch."""
        inputs, worst = self.inputs[name], 0.0
        for row in range(2):
            keep = inputs["attention_mask"][row] == 1
            alone = {}
            for key, values in inputs.items():
                part = values[row:row + 1]
                if key != "decoder_input_ids":
                    part = part[:, keep]
                if key not in ("attention_mask", "position_ids"):
                    alone[key] = part
            for output, _, where in wanted_outputs(self.made, name):
                ref = self.compute(alone)[output]
                got = exact[output][row:row + 1]
                got = got if where is None else got[:, keep]
                worst = max(worst, rel_l2(got, ref))
        return worst

    def check_spread(self):
        spread.clear()
        for name in self.inputs:
            self.compute(self.inputs[name])
        away = np.concatenate([part.ravel() for part in spread]).mean()
        assert away > 0.25, (self.made["name"], away)
        return rounded(away, 2)

    def check_changes(self, runs):
        """Every option must move some run's logits by over 100 tolerances."""
        found = {}
        changes = {**self.made["changes"], "uniform attention":
                   {"_uniform": True}}
        for label, change in changes.items():
            most = 0.0
            for record in runs:
                inputs = self.inputs[record["name"]]
                output = record["outputs"][0]
                other = self.compute(inputs, **change)[output["name"]]
                ref = self.compute(inputs)[output["name"]]
                where = output["valid_where"]
                ref, other = [valid_part(values, inputs, where)
                              for values in (ref, other)]
                most = max(most, min(
                    rel_l2(other, ref) / output["tol_rel_l2"],
                    np.abs(other - ref).max() / output["tol_max_abs"]))
            # The two gelus are no further than 5e-4 apart anywhere.
            least = 15 if label.startswith("gelu by") else 100
            assert most > least, (self.made["name"], label, most)
            found[label] = int(most)
        return found

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
        if os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
        os.makedirs(os.path.join(self.folder, "model"))
        with open(os.path.join(self.folder, "model", "config.json"), "w") as f:
            f.write(json.dumps(config, indent=2, sort_keys=True) + "\n")
        write_safetensors(os.path.join(self.folder, "model",
                                       "model.safetensors"), self.weights)
        runs = [self.run(name) for name in self.inputs]
        record = {
            "format": 1, "case": made["name"], "family": config["model_type"],
            "model_class": made["model_class"], "model_dir": "model",
            **({"tower": made["tower"]} if "tower" in made else {}),
            "weights_dtype": "float32",
            "pad_token_id": config.get("pad_token_id"),
            "parameters": sum(w.size for w in self.weights.values()),
            "seed": self.seed, "note": made["note"],
            "draw": {"embedding_std": made["embedding"],
                     "matrix_gain": made["gain"]},
            "attention_from_uniform": self.check_spread(),
            "changes": self.check_changes(runs), "runs": runs}
        if made["kind"] in ("decoder", "seq2seq"):
            record["greedy"] = self.greedy(max(
                output["tol_max_abs"] for run in runs
                for output in run["outputs"] if output["name"] == "logits"))
        with open(os.path.join(self.folder, "case.json"), "w") as file:
            file.write(json.dumps(record, indent=1) + "\n")
        size = sum(os.path.getsize(os.path.join(at, file))
                   for at, _, files in os.walk(self.folder) for file in files)
        assert size < 300_000, (made["name"], size)
        print(f"{made['name']}: {size} bytes, {record['parameters']} "
              f"parameters, {record['attention_from_uniform']} from uniform, "
              f"least change {min(record['changes'].values())}", flush=True)
