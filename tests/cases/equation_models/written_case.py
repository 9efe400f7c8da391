"""A case of equations or of textbook: drawn, checked and written."""

import json
import math
import os
import shutil
import zlib

import numpy as np

from .files import (TESTS_CASES, described, rel_l2, rounded, valid_part,
                    write_array, write_safetensors)


class WrittenCase:
    """Weights and inputs by the random numbers of a case's name. Which outputs
    a run has and how they are computed is left to `wanted` and `outputs`."""

    def __init__(self, made, folder, draw_weights, draw_runs):
        self.made, self.folder = made, os.path.join(TESTS_CASES, folder,
                                                    made["name"])
        self.seed = zlib.crc32(made["name"].encode()) & 0x7fffffff
        self.rng = np.random.Generator(np.random.PCG64(self.seed))
        self.weights = draw_weights(made, self.rng)
        self.inputs = draw_runs(made, self.rng)

    def outputs(self, inputs, dtype, **change):
        """Of the forward pass in `dtype`, with something about it changed."""
        raise NotImplementedError

    def wanted(self, run, outputs):
        """(output, source, input that says where it is valid) of a run."""
        raise NotImplementedError

    def compute(self, inputs, dtype=np.float64, **change):
        outputs = self.outputs(inputs, dtype, **change)
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
        for output, source, where in self.wanted(name, exact):
            file = f"{name}/out.{output}.npy"
            write_array(self.folder, file, exact[output])
            ref = valid_part(exact[output], inputs, where)
            got = valid_part(single[output].astype(np.float64), inputs, where)
            error, largest = rel_l2(got, ref), np.abs(got - ref).max()
            rms = math.sqrt((ref * ref).mean())
            record["outputs"].append({
                **described(output, exact[output], file),
                **({"source": source} if source else {}),
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
            refs = self.compute(alone)
            for output, _, where in self.wanted(name, exact):
                got = exact[output][row:row + 1]
                got = got if where is None else got[:, keep]
                worst = max(worst, rel_l2(got, refs[output]))
        return worst

    def check_change(self, label, change, runs, gelus, count=None):
        """It must move one of some run's first `count` outputs by over 100
        tolerances; says by how many."""
        most = 0.0
        for record in runs:
            inputs = self.inputs[record["name"]]
            others, refs = self.compute(inputs, **change), self.compute(inputs)
            for output in record["outputs"][:count]:
                other, ref = [valid_part(values[output["name"]], inputs,
                                         output["valid_where"])
                              for values in (others, refs)]
                most = max(most, min(
                    rel_l2(other, ref) / output["tol_rel_l2"],
                    np.abs(other - ref).max() / output["tol_max_abs"]))
        # The two gelus are no further than 5e-4 apart anywhere.
        least = 15 if gelus else 100
        assert most > least, (self.made["name"], label, most)
        return int(most)

    def write_weights(self, place):
        """The first file of the folder, which is made anew."""
        if os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
        path = os.path.join(self.folder, place)
        os.makedirs(os.path.dirname(path))
        write_safetensors(path, self.weights)

    def parameters(self):
        return sum(values.size for values in self.weights.values())

    def write_record(self, record, limit, more=""):
        """case.json, after which the folder may have `limit` bytes."""
        with open(os.path.join(self.folder, "case.json"), "w") as file:
            file.write(json.dumps(record, indent=1) + "\n")
        size = sum(os.path.getsize(os.path.join(at, file))
                   for at, _, files in os.walk(self.folder) for file in files)
        assert size < limit, (self.made["name"], size)
        print(f"{self.made['name']}: {size} bytes, {record['parameters']} "
              f"parameters, {more}least change "
              f"{min(record['changes'].values())}", flush=True)
