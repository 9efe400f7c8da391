"""Rotary scalings that depend on the length: dynamic and longrope.

Catches chunks of a prompt with angles of the length so far instead of the whole
prompt's, positions of the caller that are not heeded, generation that keeps keys
where transformers forgets them, and limits that leave no room for a scaling.
"""

import json
import os
import shutil
import unittest

from driver import CASES, EQUATION_CASES, DriverTest, read_npy, write_npy

LONGROPE = os.path.join(EQUATION_CASES, "phi3_longrope", "model")  # 16 positions
DYNAMIC = os.path.join(CASES, "llama_rope_dynamic", "model")
YARN = os.path.join(EQUATION_CASES, "llama_yarn", "model")


def config_of(model):
    with open(os.path.join(model, "config.json")) as file:
        return json.load(file)


class RotaryLengths(DriverTest):
    def ids(self, model, count):
        return [(7 * i * i + 3 * i + 1) % (config_of(model)["vocab_size"] - 4) + 3
                for i in range(count)]

    def logits(self, library, ids, *words):
        """[tokens][vocabulary]"""
        write_npy(self.path("ids.npy"), [1, len(ids)], ids)
        self.ashlar("run", library, f"--in=input_ids={self.path('ids.npy')}",
                    f"--out=logits={self.path('logits.npy')}", *words)
        (_, count, features), numbers = read_npy(self.path("logits.npy"))
        self.assertEqual(count, len(ids))
        return [list(numbers[i * features:(i + 1) * features]) for i in range(count)]

    def changed(self, model, name, **keys):
        """A copy of `model` with other keys in its configuration."""
        folder = self.path(name)
        shutil.copytree(model, folder)
        config = {**config_of(model), **keys}
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file)
        return folder

    def near(self, got, expected, tolerance=2e-4):
        for row, other in zip(got, expected, strict=True):
            for a, b in zip(row, other, strict=True):
                self.assertAlmostEqual(a, b, delta=tolerance)

    def test_chunks_are_the_prompt_at_once(self):
        for model in (LONGROPE, DYNAMIC):
            ids = self.ids(model, 40)
            whole = self.compile(model, "whole.so", "--max-context=64")
            pieces = self.compile(model, "pieces.so", "--max-context=64",
                                  "--max-tokens=6")
            self.assertEqual(self.logits(pieces, ids), self.logits(whole, ids))
            words = ["generate", "--ids=" + ",".join(map(str, ids)), "--ids-only",
                     "--ignore-eos", "--max-new-tokens=12"]
            self.assertEqual(self.ashlar(*words, pieces).stdout,
                             self.ashlar(*words, whole).stdout)

    def test_embeddings_in_chunks(self):
        """Of a story's text: a rotary model with a tokenizer."""
        story = self.changed(os.path.join(os.path.dirname(CASES), "..", "..",
                                          "examples", "story-llama"), "story",
                             max_position_embeddings=16,
                             rope_scaling={"type": "dynamic", "factor": 2.0})
        results = []
        for name, flags in (("a.so", []), ("b.so", ["--max-tokens=5"])):
            library = self.compile(story, name, "--max-context=128", *flags)
            self.ashlar("embed", library, "--text=" + "Once upon a time. " * 5,
                        "--pooling=mean", f"--out={self.path('e.npy')}")
            results.append(read_npy(self.path("e.npy")))
        self.assertEqual(*results)

    def test_positions_of_the_caller(self):
        """Dynamic angles at a distance are those of a model whose theta is what
        the formula makes of the highest position; only differences count."""
        config = config_of(DYNAMIC)
        most, scaling = config["max_position_embeddings"], config["rope_scaling"]
        dims = config["hidden_size"] // config["num_attention_heads"]
        ids = self.ids(DYNAMIC, 6)
        begin = 3 * most
        length = begin + len(ids)
        factor = scaling["factor"]
        theta = config.get("rope_theta", 10000.0) * (
            factor * length / most - (factor - 1)) ** (dims / (dims - 2))
        plain = self.changed(DYNAMIC, "plain", rope_theta=theta, rope_scaling=None)
        expected = self.logits(self.compile(plain, "plain.so"), ids)
        write_npy(self.path("at.npy"), [1, len(ids)], range(begin, length))
        given = f"--in=position_ids={self.path('at.npy')}"
        library = self.compile(DYNAMIC, "m.so", f"--max-context={length}")
        self.near(self.logits(library, ids, given), expected)
        small = self.compile(DYNAMIC, "s.so", f"--max-context={length - 1}",
                             "--max-tokens=8")
        done = self.ashlar("run", small, f"--in=input_ids={self.path('ids.npy')}",
                           given, f"--out=logits={self.path('l.npy')}", status=1)
        self.assertIn(f"position_ids: angles are asked for a length of {length}",
                      done.stderr)
        self.assertIn("--max-context", done.stderr)

    def test_generation_beyond_the_original_length(self):
        """Each token is the best one of a whole pass over what is before it."""
        prompt, count = self.ids(LONGROPE, 10), 20
        for flags in ([], ["--max-tokens=7"]):
            library = self.compile(LONGROPE, "m.so", *flags)
            words = ["generate", library, "--ids=" + ",".join(map(str, prompt)),
                     "--ids-only", "--ignore-eos", f"--max-new-tokens={count}"]
            tokens = [int(word) for word in self.ashlar(*words).stdout.split(",")]
            self.assertEqual(len(tokens), count)
            for i, token in enumerate(tokens):
                last = self.logits(library, prompt + tokens[:i])[-1]
                self.assertLess(max(last) - last[token], 1e-3, i)

    def test_beams_beyond_the_original_length(self):
        """The sum of log probabilities that the best beam has, from whole passes."""
        import math
        prompt, count = self.ids(LONGROPE, 13), 8
        library = self.compile(LONGROPE, "m.so", "--max-sequences=3",
                               "--max-tokens=5")
        done = self.ashlar("generate", library, "--beams=3", "--n-best=1",
                           "--ids=" + ",".join(map(str, prompt)), "--ids-only",
                           "--ignore-eos", f"--max-new-tokens={count}")
        tokens = [int(word) for word in done.stdout.split(",")]
        others = {}

        def steps(sequence):
            if tuple(sequence) not in others:
                last = self.logits(library, sequence)[-1]
                top = max(last)
                total = top + math.log(sum(math.exp(x - top) for x in last))
                others[tuple(sequence)] = [x - total for x in last]
            return others[tuple(sequence)]

        beams = [(0.0, [])]
        for _ in range(count):
            found = [(score + x, tail + [token]) for score, tail in beams
                     for token, x in enumerate(steps(prompt + tail))]
            beams = sorted(found, reverse=True)[:3]
        self.assertIn(tokens, [tail for score, tail in beams
                               if beams[0][0] - score < 1e-3])

    def test_scaling_makes_room(self):
        """Published files leave the maximum as it was before the scaling."""
        yarn = config_of(YARN)["rope_scaling"]
        original = yarn["original_max_position_embeddings"]
        most = int(original * yarn["factor"])
        model = self.changed(YARN, "short", max_position_embeddings=original)
        ids = self.ids(YARN, most)
        short = self.compile(model, "short.so", f"--max-context={most}")
        full = self.compile(YARN, "full.so", f"--max-context={most}")
        self.assertEqual(self.logits(short, ids), self.logits(full, ids))
        done = self.ashlar("compile", model, "-o", self.path("x.so"),
                           f"--max-context={most + 1}", status=1)
        self.assertIn(f"has only {most} positions", done.stderr)


if __name__ == "__main__":
    unittest.main()
