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

    def test_the_folder_says_how_long(self):
        """Longer texts are cut, special tokens stay; a prompt stands first."""
        folder = self.sentence_folder({"pooling_mode_mean_tokens": True},
                                      ("Transformer", ""),
                                      ("Pooling", "1_Pooling"))
        texts = ["the music was lovely", "the music was"]
        ids = [entry["input_ids"] for entry in examples(40)]
        self.assertEqual(len({row[0] for row in ids}), 1)
        self.assertEqual(len({row[-1] for row in ids}), 1)
        whole = [self.embed(folder, f"--text={text}") for text in texts]
        self.assertNotEqual(*whole)
        # [CLS] the music was [SEP]
        with open(os.path.join(folder, "sentence_bert_config.json"),
                  "w") as file:
            json.dump({"max_seq_length": 5, "do_lower_case": False}, file)
        library = self.compile(folder, "m.so")
        for text in texts:
            self.assertEqual(self.embed(library, f"--text={text}"), whole[1])
        program = self.compile(folder, "m")
        self.execute([program, "--out=sentence_embedding=e.npy", texts[0]])
        self.assertEqual([list(read_npy(self.path("e.npy"))[1])], whole[1])
        # The YAML says the same.
        self.ashlar("spec", folder, "-o", self.path("m.yaml"))
        self.assertEqual(self.embed(self.path("m.yaml"), f"--text={texts[0]}"),
                         whole[1])
        with open(os.path.join(folder, "config_sentence_transformers.json"),
                  "w") as file:
            json.dump({"prompts": {"query": "the ", "other": "no "},
                       "default_prompt_name": "query"}, file)
        for text in ("music was lovely", "music was"):
            self.assertEqual(self.embed(folder, f"--text={text}"), whole[1])

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

    def test_the_encoder_of_an_encoder_and_decoder(self):
        """Positions are biases of the scores, and there is no head."""
        folder = self.path("t5")
        os.mkdir(folder)
        shutil.copy(os.path.join(SENTIMENT, "tokenizer.json"), folder)
        with open(os.path.join(SENTIMENT, "config.json")) as file:
            vocabulary = json.load(file)["vocab_size"]
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"model_type": "t5", "architectures": ["T5EncoderModel"],
                       "vocab_size": vocabulary, "d_model": 24, "d_kv": 5,
                       "d_ff": 30, "num_layers": 2, "num_heads": 3}, file)
        library = self.compile(folder, "m.so", "--random-weights=1")
        entry = examples(1)[0]
        rows = self.rows(library, entry["input_ids"])
        [vector] = self.embed(library, f"--text={entry['input']}",
                              "--pooling=mean")
        for column, number in zip(zip(*rows), vector, strict=True):
            self.assertAlmostEqual(sum(column) / len(rows), number, 5)

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
