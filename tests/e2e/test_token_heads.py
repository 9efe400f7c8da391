"""Heads that give something for every token of an encoder.

Catches an axis too many or too few in what run writes, describe prints and the
header says, and classify taking one token's class for the text's.
"""

import os
import unittest

from driver import ASHLAR, EQUATION_CASES, DriverTest, read_npy, write_npy

ANSWERS = os.path.join(EQUATION_CASES, "roberta_question_answering")
QUESTIONS = os.path.join(EQUATION_CASES, "big_bird_question_answering")
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

    def check_rows(self, words, rows):
        """Rows (ids, mask, expected start_logits) of 9 columns."""
        shape = (len(rows), 9)
        for place, name in enumerate(("input_ids", "attention_mask")):
            write_npy(self.path(f"{name}.npy"), shape,
                      [x for row in rows for x in row[place]])
            words = [*words, f"--in={name}={self.path(name)}.npy"]
        self.execute([*words, "--out", "start_logits=o.npy"])
        got_shape, got = read_npy(self.path("o.npy"))
        self.assertEqual(tuple(got_shape), shape)
        expected = [x for row in rows for x in row[2]]
        kept = [x for row in rows for x in row[1]]
        for a, b, real in zip(got, expected, kept, strict=True):
            self.assertLess(abs(a - b) if real else abs(a), 5e-5 + 1e-6 * abs(b))

    def test_questions_are_no_answers(self):
        """The head looks at the ids of whole sequences, some at a call."""
        run = os.path.join(QUESTIONS, "b2_s9_rightpad")
        both = [*zip(*(
            [list(numbers[:9]), list(numbers[9:])] for _, numbers in
            (read_npy(os.path.join(run, name + ".npy")) for name in
             ("in.input_ids", "in.attention_mask", "out.start_logits"))))]
        _, ids = read_npy(os.path.join(QUESTIONS, "b1_s7", "in.input_ids.npy"))
        _, starts = read_npy(os.path.join(QUESTIONS, "b1_s7",
                                          "out.start_logits.npy"))
        self.assertLess(min(starts), -9e5)
        self.assertLess(abs(starts[0]), 100)
        both.append(([*ids, 0, 0], [1] * 7 + [0] * 2, [*starts, 0, 0]))
        empty = ([0] * 9, [0] * 9, [0] * 9)
        library = self.compile(QUESTIONS + "/model", "q.so", "--max-tokens=15")
        program = self.compile(QUESTIONS + "/model", "q", "--max-sequences=2")
        for words in ([ASHLAR, "run", library], [program]):
            for rows in (both, both[::-1], [empty, *both, empty, both[1]]):
                self.check_rows(words, rows)

    def test_types_are_no_input(self):
        library = self.compile(QUESTIONS + "/model", "q.so")
        write_npy(self.path("x.npy"), (1, 3), [5, 2, 6])
        done = self.ashlar("run", library, "--in=input_ids=x.npy",
                           "--in=token_type_ids=x.npy",
                           "--out=start_logits=o.npy", status=1)
        self.assertIn("token_type_ids", done.stderr)

    def test_padding_anywhere_and_several_calls(self):
        """The stored numbers move with their tokens."""
        run = os.path.join(ANSWERS, "b2_s9_rightpad")
        whole, short = zip(*(
            [list(numbers[:9]), list(numbers[9:])] for _, numbers in
            (read_npy(os.path.join(run, name + ".npy")) for name in
             ("in.input_ids", "in.attention_mask", "out.start_logits"))))
        real = sum(short[1])
        self.assertTrue(0 < real < 9)
        left = [row[real:] + row[:real] for row in short]
        gap = [row[:2] + row[real:real + 1] + row[2:real] + row[real + 1:]
               for row in short]
        library = self.compile(ANSWERS + "/model", "m.so", "--max-tokens=12")
        program = self.compile(ANSWERS + "/model", "m", "--max-sequences=2")
        for words in ([ASHLAR, "run", library], [program]):
            for rows in ([short, whole], [left, whole, gap], [left],
                         [whole, whole, short, gap, whole]):
                self.check_rows(words, rows)

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
