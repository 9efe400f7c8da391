"""A case of tests/cases/textbook: computed, checked and written."""

import inspect

from equation_models.functions import gelu, gelu_tanh
from equation_models.written_case import WrittenCase

from .draws import draw_runs, draw_weights
from .weights import Weights


class Case(WrittenCase):
    def __init__(self, made):
        super().__init__(made, "textbook", draw_weights, draw_runs)

    def outputs(self, inputs, dtype, **change):
        outputs = self.made["forward"](Weights(self.weights, dtype), inputs,
                                       **change)
        if not isinstance(outputs, dict):
            outputs = {"last_hidden_state": outputs}
        return outputs

    def wanted(self, run, outputs):
        pair = self.made["reads"] == "pair"
        return [(name, None, "attention_mask" if "pad" in run and (
                     not pair or name.startswith("encoder")) else None)
                for name in outputs]

    def check_changes(self, runs):
        found = {}
        for change in self.made["changes"]:
            [(key, value)] = change.items()
            label = f"{key} {getattr(value, '__name__', value)}"
            given = inspect.signature(self.made["forward"]).parameters[key]
            gelus = {value, given.default} == {gelu, gelu_tanh}
            found[label] = self.check_change(label, change, runs, gelus)
        return found

    def write(self):
        name = self.made["name"]
        self.write_weights("model.safetensors")
        runs = [self.run(run) for run in self.inputs]
        self.write_record({
            "format": 1, "case": name, "family": "custom",
            "model": f"../../../../examples/specs/{name}.yaml",
            "weights_dtype": "float32", "parameters": self.parameters(),
            "seed": self.seed, "changes": self.check_changes(runs),
            "runs": runs}, 150_000)
