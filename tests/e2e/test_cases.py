"""The reference cases through compiled code.

Catches wrong numbers in any tensor of any supported family, odd sizes, padding
on either side, and decoding that disagrees with a whole forward pass.
"""

import json
import os
import subprocess
import unittest

from driver import (ASHLAR, CASES, EMULATED_LEVEL, EQUATION_CASES, DriverTest,
                    case_names, read_case, read_npy)


class Cases(DriverTest):
    pass


def emulation(level):
    return [f"--target={level}", "--emulate"] if level else []


def verification(name, cases):
    """Words that compare a case's model with its stored outputs."""
    folder = os.path.join(cases, name)
    tower = read_case(name, cases).get("tower")
    return ["verify", os.path.join(folder, "model"), "--case", folder,
            *([f"--tower={tower}"] if tower else [])]


def outputs_and_tensors(name, cases=CASES):
    def test(self):
        self.ashlar(*verification(name, cases), *emulation(EMULATED_LEVEL))
    return test


def same_errors(name, precision, level, cases=CASES):
    """With fewer bits all levels round alike, whatever their kernels."""
    def test(self):
        def errors(*target):
            done = subprocess.run(
                [ASHLAR, *verification(name, cases), "--json",
                 f"--precision={precision}", *target],
                capture_output=True, text=True)
            # Here errors are compared, not judged.
            self.assertIn(done.returncode, (0, 3), done.stderr[-2000:])
            return done.stdout
        got = errors(*emulation(level))
        self.assertGreater(len(json.loads(got)["outputs"]), 0)
        self.assertEqual(got, errors("--target=x86-64-v3"))
    return test


def greedy_text(name):
    def test(self):
        case = read_case(name)
        greedy = case["greedy"]
        folder = os.path.join(CASES, name)
        library = self.compile(os.path.join(folder, "model"), "model.so",
                               *emulation(EMULATED_LEVEL))
        # One token more than is compared: a model's settings may force the
        # last one.
        words = ["generate", library, "--ignore-eos", "--ids-only",
                 f"--max-new-tokens={greedy['new_tokens'] + 1}"]
        for given in greedy["inputs"]:
            file = os.path.join(folder, given["file"])
            words.append(f"--in={given['name']}={file}")
        line = self.ashlar(*words).stdout
        got = [int(word) for word in line.split(",")]
        _, tokens = read_npy(os.path.join(folder, greedy["tokens_file"]))
        _, margins = read_npy(os.path.join(folder, greedy["margins_file"]))
        tolerance = max(output["tol_max_abs"] for run in case["runs"]
                        for output in run["outputs"]
                        if output["name"] == "logits")
        sure = len(tokens)
        for step, margin in enumerate(margins):
            if margin < 2 * tolerance:
                sure = step
                break
        self.assertGreater(sure, 0)
        self.assertEqual(got[:sure], list(tokens)[:sure])
    return test


# What the logits (or what else a model gives) may differ by with fewer bits, as
# relative L2 error: the bar, or where the rounding of factors alone costs more
# than that (tests/cases/rounding_errors.py: narrow random weights of hidden sizes
# 24 to 96, where few products average it out), 1.4 times it. Of cases that are not
# in its list bart, whose scores are far apart, comes to 2.2e-2 in bf16 (rounding
# alone to 1.4e-2 in the same five rows); gemma2, whose norms divide what its layers
# gave by its size, to 2.1e-2, and to 1.07e-1 in int8.
# int4's error is reported by `describe`, not judged here.
BARS = {"bf16": 2e-2, "int8": 3e-2}
NOT_COVERED = {"bf16": 3e-2, "int8": 1.2e-1}
BY_ROUNDING = 1.4
with open(os.path.join(os.path.dirname(CASES), "rounding_errors.json")) as rounding:
    ROUNDING_ERRORS = json.load(rounding)
# Whose rows a small error may take to another expert.
CHOOSING = ("mixtral",)


def tolerance_of(name, precision):
    if name not in ROUNDING_ERRORS:
        return NOT_COVERED[precision]
    return max(BARS[precision], BY_ROUNDING * ROUNDING_ERRORS[name][precision])


def fewer_bits(name, precision):
    def test(self):
        folder = os.path.join(CASES, name)
        done = self.ashlar("verify", os.path.join(folder, "model"), "--json",
                           "--case", folder, f"--precision={precision}")
        outputs = json.loads(done.stdout)["outputs"]
        self.assertGreater(len(outputs), 0)
        for output in outputs:
            self.assertLess(output["rel_l2"], tolerance_of(name, precision),
                            (output["run"], output["name"]))
    return test


for index, case_name in enumerate(case_names()):
    # By turns, to save time: bf16, int8, neither of them, greedy text. (That a
    # token comes out of decoding as out of a whole pass is tested to the bit.)
    if index % 4 < len(BARS) and case_name not in CHOOSING:
        precision = list(BARS)[index % 4]
        setattr(Cases, f"test_{case_name}_{precision}", fewer_bits(case_name, precision))
    setattr(Cases, f"test_{case_name}", outputs_and_tensors(case_name))
    if index % 2 == 1 and read_case(case_name).get("greedy"):
        setattr(Cases, f"test_{case_name}_greedy", greedy_text(case_name))

for case_name in case_names(EQUATION_CASES):
    setattr(Cases, f"test_{case_name}", outputs_and_tensors(case_name, EQUATION_CASES))


# The levels that most machines lack: some cases always, all if asked for.
for case_name, precision, level in (("llama_gqa", "bf16", "sapphirerapids"),
                                    ("longformer", "int8", "sapphirerapids"),
                                    ("bigbird_sparse", "int8", "x86-64-v4-vnni"),
                                    ("t5_v1_1", "bf16", "x86-64-v4")):
    setattr(Cases, f"test_{case_name}_{level}",
            same_errors(case_name, precision, level))

if EMULATED_LEVEL:
    for cases in CASES, EQUATION_CASES:
        for index, case_name in enumerate(case_names(cases)):
            turns = "int8", "int8,kv=int8", "int4", "int4,group=32,zero_points"
            for precision in "bf16", turns[index % len(turns)]:
                setattr(Cases, f"test_{case_name}_{precision}_emulated",
                        same_errors(case_name, precision, EMULATED_LEVEL, cases))


class AllCases(unittest.TestCase):
    def test_are_there(self):
        self.assertGreaterEqual(len(case_names()), 48)
        self.assertGreaterEqual(len(case_names(EQUATION_CASES)), 62)


if __name__ == "__main__":
    unittest.main()
