"""The demo models reproduce their 4,000 expected lines.

Catches anything between a line of text and a line of text: tokenizers, stop
tokens, chat of tools and executables, drift of numbers over long outputs.
"""

import json
import os
import unittest

from driver import EXAMPLES, DriverTest


def expected(model):
    with open(os.path.join(EXAMPLES, model, "expected.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == 1000, model
    return lines


class Examples(DriverTest):
    def prepare(self, model):
        lines = expected(model)
        prompts = "".join(line["input"] + "\n" for line in lines)
        with open(self.path("prompts.txt"), "w") as file:
            file.write(prompts)
        return lines, prompts

    def check_generation(self, model):
        lines, prompts = self.prepare(model)
        folder = os.path.join(EXAMPLES, model)
        library = self.compile(folder, "model.so")
        done = self.ashlar("generate", library, "--ids-only",
                           "--prompt-file", self.path("prompts.txt"))
        self.assertEqual(done.stdout.splitlines(),
                         [",".join(map(str, line["output_ids"]))
                          for line in lines])
        program = self.compile(folder, "model")
        done = self.execute([program], input=prompts)
        self.assertEqual(done.stdout.splitlines(),
                         [line["output"] for line in lines])
        # As arguments, and through the tool as text.
        inputs = [line["input"] for line in lines[:3]]
        outputs = "".join(line["output"] + "\n" for line in lines[:3])
        self.assertEqual(self.execute([program, *inputs]).stdout, outputs)
        flags = [f"--prompt={text}" for text in inputs]
        self.assertEqual(self.ashlar("generate", library, *flags).stdout,
                         outputs)
        done = self.ashlar("generate", library, "--prompt-file=-",
                           input=prompts)
        self.assertEqual(done.stdout.splitlines(),
                         [line["output"] for line in lines])

    def test_calculator_gpt(self):
        self.check_generation("calculator-gpt")

    def test_date_translator(self):
        self.check_generation("date-translator")

    def test_story_llama(self):
        self.check_generation("story-llama")

    def test_sentiment_bert(self):
        lines, prompts = self.prepare("sentiment-bert")
        folder = os.path.join(EXAMPLES, "sentiment-bert")
        labels = [line["output"] for line in lines]
        library = self.compile(folder, "model.so")
        file = self.path("prompts.txt")
        done = self.ashlar("classify", library, "--file", file)
        self.assertEqual([line.split("\t")[0]
                          for line in done.stdout.splitlines()], labels)
        done = self.ashlar("classify", library, "--file=-", "--json",
                           input=prompts)
        for line, label in zip(done.stdout.splitlines(), labels, strict=True):
            answer = json.loads(line)
            self.assertEqual(answer["label"], label)
            total = sum(of["probability"] for of in answer["classes"])
            self.assertAlmostEqual(total, 1, 5)
        done = self.execute([self.compile(folder, "model")], input=prompts)
        self.assertEqual([line.split("\t")[0]
                          for line in done.stdout.splitlines()], labels)

    def right_answers(self, model, precision):
        """How many lines give the target: what the model was trained to say."""
        lines, _ = self.prepare(model)
        library = self.compile(os.path.join(EXAMPLES, model), "model.so",
                               f"--precision={precision}")
        flag = f"--prompt-file={self.path('prompts.txt')}"
        if model == "sentiment-bert":
            flag = f"--file={self.path('prompts.txt')}"
        command = "classify" if model == "sentiment-bert" else "generate"
        answers = self.ashlar(command, library, flag).stdout.splitlines()
        return sum(answer.split("\t")[0] == line["target"]
                   for answer, line in zip(answers, lines, strict=True))

    def test_fewer_bits(self):
        """bf16 loses no answer (of a thousand it may win or lose one whose margin
        is a rounding), int8 none of 200."""
        for model in ("calculator-gpt", "date-translator", "sentiment-bert"):
            with self.subTest(model=model):
                full = self.right_answers(model, "f32")
                self.assertGreater(full, 900)
                self.assertLessEqual(abs(self.right_answers(model, "bf16") - full), 1)
                self.assertGreaterEqual(self.right_answers(model, "int8"), full - 5)


if __name__ == "__main__":
    unittest.main()
