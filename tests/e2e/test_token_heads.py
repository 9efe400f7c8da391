"""Heads that give something for every token of an encoder.

Catches an axis too many or too few in what run writes, describe prints and the
header says, and classify taking one token's class for the text's.
"""

import os
import unittest

from driver import EQUATION_CASES, DriverTest, read_npy

ANSWERS = os.path.join(EQUATION_CASES, "roberta_question_answering")
CLASSES = os.path.join(EQUATION_CASES, "electra_token_classifier")


class TokenHeads(DriverTest):
    def test_numbers_have_no_axis_of_features(self):
        library = self.compile(os.path.join(ANSWERS, "model"), "answers.so")
        run = os.path.join(ANSWERS, "b2_s9_rightpad")
        outputs = ("start_logits", "end_logits")
        words = ["run", library]
        for name in ("input_ids", "attention_mask"):
            words += ["--in", f"{name}={run}/in.{name}.npy"]
        for name in outputs:
            words += ["--out", f"{name}={self.path(name)}.npy"]
        self.ashlar(*words)
        for name in outputs:
            shape, _ = read_npy(self.path(f"{name}.npy"))
            self.assertEqual(tuple(shape), (2, 9))
        described = self.ashlar("describe", library).stdout
        with open(self.path("answers.h")) as file:
            header = file.read()
        for name in outputs:
            self.assertIn(f"-> {name} [B, S]\n", described)
            self.assertIn(f": {name} [rows]. */", header)

    def test_classes_of_tokens_are_not_the_text_s(self):
        model = os.path.join(CLASSES, "model")
        done = self.ashlar("classify", model, "--text=a", status=1)
        self.assertEqual(
            done.stderr,
            f"error: {model}: the model gives logits of each token, not of "
            "whole texts\nuse ashlar run with token ids as .npy\n")
        self.assertIn("-> logits [B, S, 5]\n",
                      self.ashlar("describe", model).stdout)


if __name__ == "__main__":
    unittest.main()
