"""Heads over decoders, whose sequences come in several calls.

Catches a class taken from a row before the last one: of the call with which a
sequence begins, of padding, or of another sequence of the batch; and answers
and tokens' classes that lie at other rows than their tokens.
"""

import os
import unittest

from driver import EQUATION_CASES, DriverTest, read_case, read_npy

CASES = ("bloom_classifier", "gpt2_classifier", "gpt2_token_classifier",
         "llama_question_answering", "llama_reward", "qwen2_token_classifier")


class DecoderHeads(DriverTest):
    def check_run(self, words, case, run):
        folder = os.path.join(EQUATION_CASES, case["case"])
        words = list(words)
        for given in run["inputs"]:
            words += ["--in",
                      f"{given['name']}={os.path.join(folder, given['file'])}"]
        for output in run["outputs"]:
            words += ["--out",
                      f"{output['name']}={self.path(output['name'])}.npy"]
        self.execute(words)
        masks = {given["name"]: read_npy(os.path.join(folder, given["file"]))[1]
                 for given in run["inputs"]}
        for output in run["outputs"]:
            shape, got = read_npy(self.path(output["name"] + ".npy"))
            _, ref = read_npy(os.path.join(folder, output["file"]))
            self.assertEqual(list(shape), output["shape"])
            real = masks.get(output["valid_where"], [1])
            each = len(ref) // len(real)  # numbers of a row
            for i, number in enumerate(ref):
                expected = number if real[i // each] else 0
                self.assertLess(abs(got[i] - expected),
                                max(1e-3, 2 * output["tol_max_abs"]),
                                (run["name"], output["name"], i))

    def check(self, name, words):
        case = read_case(name, EQUATION_CASES)
        self.assertEqual(len(case["runs"]), 5)
        for run in case["runs"]:
            self.check_run(words, case, run)

    def test_executable(self):
        model = os.path.join(EQUATION_CASES, "llama_reward", "model")
        self.check("llama_reward",
                   [self.compile(model, "reward", "--max-tokens=5")])


def in_calls_of_few_tokens(name):
    def test(self):
        model = os.path.join(EQUATION_CASES, name, "model")
        library = self.compile(model, "model.so", "--max-tokens=6",
                               "--max-sequences=2")
        self.check(name, [os.environ["ASHLAR"], "run", library])
    return test


for each_case in CASES:
    setattr(DecoderHeads, f"test_{each_case}", in_calls_of_few_tokens(each_case))


if __name__ == "__main__":
    unittest.main()
