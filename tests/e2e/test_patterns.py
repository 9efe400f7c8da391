"""Tokenizers whose patterns no DFA follows, from compile to text.

Catches tools that cut such texts otherwise than the tokenizers library (its ids
are stored under tests/text_cases), executables that take texts they cannot cut,
and patterns that tables can follow but executables do not.
"""

import json
import os
import shutil
import unittest

from driver import ROOT, DriverTest

TOKENIZERS = os.path.join(ROOT, "tests", "text_cases")
GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2",
        "n_embd": 24, "n_layer": 1, "n_head": 3, "n_positions": 128,
        "vocab_size": 400, "bos_token_id": 0, "eos_token_id": 0}
FLAGS = ("--max-new-tokens=6", "--ignore-eos")


class Patterns(DriverTest):
    def model(self, name):
        """The tokenizer `name`, and some texts with their ids."""
        folder = self.path(name)
        os.mkdir(folder)
        shutil.copy(os.path.join(TOKENIZERS, name + ".json"),
                    os.path.join(folder, "tokenizer.json"))
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(GPT2, file)
        with open(os.path.join(TOKENIZERS, "texts.json")) as file:
            texts = json.load(file)
        with open(os.path.join(TOKENIZERS, "expected", name + ".json")) as file:
            ids = [entry["ids"] for entry in json.load(file)]
        cases = [(text, ",".join(map(str, part))) for text, part
                 in zip(texts, ids) if 4 < len(part) < 40 and "\0" not in text]
        self.assertGreater(len(cases), 12)
        return folder, cases[:12]

    def generate(self, artifact, flag):
        return self.ashlar("generate", artifact, "--ids-only", *FLAGS,
                           flag).stdout

    def check_tools(self, artifact, cases):
        for text, ids in cases:
            self.assertEqual(self.generate(artifact, "--prompt=" + text),
                             self.generate(artifact, "--ids=" + ids), text)

    def test_irregular(self):
        folder, cases = self.model("irregular_ahead")
        done = self.ashlar("compile", folder, "-o", self.path("m.so"),
                           "--random-weights=5")
        self.assertNotIn("pattern", done.stderr)
        self.check_tools(self.path("m.so"), cases)
        done = self.ashlar("compile", folder, "-o", self.path("program"),
                           "--random-weights=5")
        self.assertIn("byte 34: look-ahead of more than one character is "
                      "not regular; the executable takes token ids\n",
                      done.stderr)
        self.assertIn(r'pattern "\\d{1,3}(?=', done.stderr)
        done = self.execute([self.path("program"), *FLAGS, cases[0][0]],
                            status=1)
        self.assertIn("give token ids (--ids), or use ashlar itself",
                      done.stderr)
        # What it makes of ids is text all the same.
        for _, ids in cases[:3]:
            self.assertEqual(
                self.execute([self.path("program"), *FLAGS,
                              "--ids=" + ids]).stdout,
                self.ashlar("generate", self.path("m.so"), *FLAGS,
                            "--ids=" + ids).stdout)

    def test_deepseek(self):
        folder, cases = self.model("deepseek")
        self.check_tools(self.compile(folder, "m.so", "--random-weights=5"),
                         cases)
        done = self.ashlar("compile", folder, "-o", self.path("program"),
                           "--random-weights=5")
        self.assertNotIn("token ids", done.stderr)
        for text, ids in cases:
            self.assertEqual(
                self.execute([self.path("program"), *FLAGS, "--ids-only",
                              text]).stdout,
                self.generate(self.path("m.so"), "--ids=" + ids), text)


if __name__ == "__main__":
    unittest.main()
