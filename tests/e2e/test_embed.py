"""Sentence embeddings against what `run` gives for the same tokens.

Catches: rows of another text, padding that counts, pooling or length that the
folder asks for and nobody heeds.
"""

import json
import math
import os
import shutil
import unittest

from driver import ASHLAR, EXAMPLES, DriverTest, read_npy, write_npy

SENTIMENT = os.path.join(EXAMPLES, "sentiment-bert")


def examples(count):
    with open(os.path.join(SENTIMENT, "expected.jsonl")) as file:
        return [json.loads(line) for line in file][:count]


class Embed(DriverTest):
    def embed(self, artifact, *flags):
        self.ashlar("embed", artifact, f"--out={self.path('e.npy')}", *flags)
        shape, numbers = read_npy(self.path("e.npy"))
        return [list(numbers[i * shape[1]:(i + 1) * shape[1]])
                for i in range(shape[0])]

    def rows(self, library, ids):
        write_npy(self.path("ids.npy"), (1, len(ids)), ids)
        self.ashlar("run", library, "--in=input_ids=ids.npy",
                    "--out=last_hidden_state=h.npy")
        (_, length, hidden), numbers = read_npy(self.path("h.npy"))
        return [numbers[i * hidden:(i + 1) * hidden] for i in range(length)]

    def test_poolings(self):
        library = self.compile(SENTIMENT, "m.so")
        entry = examples(1)[0]
        rows = self.rows(library, entry["input_ids"])
        columns = list(zip(*rows))
        expected = {"mean": [sum(column) / len(rows) for column in columns],
                    "cls": rows[0], "last": rows[-1],
                    "max": [max(column) for column in columns]}
        for pooling, vector in expected.items():
            flags = (f"--text={entry['input']}", f"--pooling={pooling}")
            found = self.embed(library, *flags)
            self.assertEqual(len(found), 1)
            for a, b in zip(found[0], vector, strict=True):
                self.assertAlmostEqual(a, b, 5)
            norm = math.sqrt(sum(value * value for value in vector))
            found = self.embed(library, *flags, "--normalize")
            for a, b in zip(found[0], vector, strict=True):
                self.assertAlmostEqual(a, b / norm, 5)

    def test_batches_give_the_same_bits(self):
        library = self.compile(SENTIMENT, "m.so")
        small = self.compile(SENTIMENT, "s.so", "--max-sequences=1")
        texts = [entry["input"] for entry in examples(40)]
        with open(self.path("texts"), "w") as file:
            file.writelines(text + "\n" for text in texts)
        for flags in ((), ("--pooling=max", "--normalize")):
            many = self.embed(library, "--file=" + self.path("texts"), *flags)
            self.assertEqual(len(many), 40)
            self.assertEqual(self.embed(small, "--file=" + self.path("texts"),
                                        "--threads=1", *flags), many)
            for i in (0, 7, 39):
                self.assertEqual(self.embed(library, f"--text={texts[i]}",
                                            *flags), [many[i]])
        program = self.compile(SENTIMENT, "m")
        self.execute([program, "--out", "sentence_embedding=e.npy",
                      "--pooling=max", "--normalize"],
                     input="".join(text + "\n" for text in texts))
        shape, numbers = read_npy(self.path("e.npy"))
        self.assertEqual(shape, (40, len(many[0])))
        self.assertEqual(list(numbers), sum(many, []))

    def sentence_folder(self, pooling, *modules):
        folder = self.path("folder")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SENTIMENT, folder)
        os.mkdir(os.path.join(folder, "1_Pooling"))
        with open(os.path.join(folder, "1_Pooling/config.json"), "w") as file:
            json.dump(pooling, file)
        with open(os.path.join(folder, "modules.json"), "w") as file:
            json.dump([{"type": "sentence_transformers.models." + name,
                        "path": path} for name, path in modules], file)
        return folder

    def test_the_folder_says_how(self):
        text = "--text=the music was lovely"
        modules = (("Transformer", ""), ("Pooling", "1_Pooling"))
        expected = self.embed(SENTIMENT, text, "--pooling=cls", "--normalize")
        folder = self.sentence_folder({"pooling_mode_cls_token": True},
                                      *modules, ("Normalize", "2_Normalize"))
        library = self.compile(folder, "m.so")
        done = self.ashlar("embed", library, text, "--out=e.npy")
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.embed(library, text), expected)
        self.assertEqual(self.embed(library, text, "--pooling=mean",
                                    "--no-normalize"),
                         self.embed(SENTIMENT, text, "--pooling=mean"))
        self.assertIn("pooling: cls", self.ashlar("spec", folder).stdout)
        # The YAML says the same.
        self.ashlar("spec", folder, "-o", self.path("m.yaml"))
        self.assertEqual(self.embed(self.path("m.yaml"), text), expected)

    def test_what_is_not_known_needs_a_choice(self):
        folder = self.sentence_folder(
            {"pooling_mode_mean_tokens": True}, ("Transformer", ""),
            ("Pooling", "1_Pooling"), ("Dense", "2_Dense"))
        done = self.execute([ASHLAR, "embed", folder, "--text=good",
                             "--out=o.npy"], status=1)
        self.assertIn("Dense", done.stderr)
        self.assertIn("choose one with --pooling", done.stderr)
        self.assertFalse(os.path.exists(self.path("o.npy")))
        self.embed(folder, "--text=good", "--pooling=mean")

    def test_without_modules_it_says_what_it_does(self):
        done = self.ashlar("embed", SENTIMENT, "--text=good", "--out=e.npy")
        self.assertIn("mean of all rows, not normalized", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_decoders(self):
        library = self.compile(os.path.join(EXAMPLES, "story-llama"), "m.so",
                               "--max-tokens=8")
        text = "--text=One afternoon, Sara and Hugo played with a red ball"
        vectors = {pooling: self.embed(library, text, f"--pooling={pooling}")
                   for pooling in ("mean", "cls", "last", "max")}
        whole = self.compile(os.path.join(EXAMPLES, "story-llama"), "w.so")
        for pooling, vector in vectors.items():
            self.assertEqual(self.embed(whole, text, f"--pooling={pooling}"),
                             vector)


if __name__ == "__main__":
    unittest.main()
