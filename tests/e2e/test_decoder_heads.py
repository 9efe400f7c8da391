"""Heads over decoders, whose sequences come in several calls.

Catches a class taken from a row before the last one: of the call with which a
sequence begins, of padding, or of another sequence of the batch; and answers
and tokens' classes that lie at other rows than their tokens.
"""

import json
import os
import shutil
import unittest

from driver import EQUATION_CASES, EXAMPLES, DriverTest, read_case, read_npy

CASES = ("bloom_classifier", "gpt2_classifier", "gpt2_token_classifier",
         "llama_question_answering", "llama_reward", "qwen2_token_classifier")


class Classify(DriverTest):
    """Texts by a decoder's last row: whole, in calls of few tokens, alone or
    behind others."""

    TEXTS = ["Once upon a time there was a little dog who liked to play.", "No.",
             "The end came. " * 9]

    def test_calls_of_any_size(self):
        folder = self.path("model")
        shutil.copytree(os.path.join(EXAMPLES, "story-llama"), folder)
        path = os.path.join(folder, "config.json")
        with open(path) as file:
            config = json.load(file)
        labels = {"0": "bad", "1": "good", "2": "odd"}
        config.update(architectures=["LlamaForSequenceClassification"],
                      id2label=labels,
                      label2id={name: int(i) for i, name in labels.items()})
        with open(path, "w") as file:
            json.dump(config, file)
        results = []
        for flags in ([], ["--max-tokens=8"]):
            library = self.compile(folder, "m.so", "--random-weights=3", *flags)
            together = self.ashlar("classify", library, "--json",
                                   *(f"--text={text}" for text in self.TEXTS)).stdout
            alone = "".join(self.ashlar("classify", library, "--json",
                                        f"--text={text}").stdout
                            for text in self.TEXTS)
            self.assertEqual(together, alone)
            results.append(together)
        self.assertEqual(*results)
        self.assertEqual(len(set(results[0].splitlines())), len(self.TEXTS))


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
