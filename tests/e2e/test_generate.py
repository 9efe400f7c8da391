"""Sampling, beams, streams and batches of the example models.

Catches: text that depends on threads, batches or the way that it is printed,
and options that executables and the tool understand differently.
"""

import json
import math
import os
import shutil
import unittest

from driver import EXAMPLES, DriverTest, read_npy, write_npy

CALCULATOR = os.path.join(EXAMPLES, "calculator-gpt")
STORY = os.path.join(EXAMPLES, "story-llama")
DATE = os.path.join(EXAMPLES, "date-translator")


def inputs(model, count):
    with open(os.path.join(model, "expected.jsonl")) as file:
        return [json.loads(line)["input"] for line in file][:count]


class Generate(DriverTest):
    def lines(self, artifact, *flags):
        return self.ashlar("generate", artifact, *flags).stdout.splitlines()

    def prompts(self, model, count):
        with open(self.path("prompts.txt"), "w") as file:
            file.writelines(line + "\n" for line in inputs(model, count))
        return "--prompt-file=" + self.path("prompts.txt")

    def test_seeds(self):
        flags = ("--temperature=0.9", "--top-p=0.95")
        library = self.compile(STORY, "story.so")
        program = self.compile(STORY, "story")
        prompt = inputs(STORY, 1)[0]
        texts = set()
        for seed in range(6):
            words = (*flags, f"--seed={seed}")
            text = self.lines(library, "--prompt", prompt, *words)
            for more in (("--threads=1",), ("--threads=2",), ("--stream",)):
                self.assertEqual(
                    self.lines(library, "--prompt", prompt, *words, *more),
                    text)
            self.assertEqual(self.execute([program, *words, prompt]).stdout,
                             text[0] + "\n")
            texts.add(text[0])
        self.assertGreater(len(texts), 3)

    def test_first_tokens_have_their_probabilities(self):
        """What the model's own logits say of the next token."""
        library = self.compile(STORY, "story.so", "--max-sequences=32")
        ids = [1, 20, 30]
        write_npy(self.path("ids.npy"), (1, 3), ids)
        self.ashlar("run", library, "--in=input_ids=ids.npy",
                    "--out=logits=logits.npy")
        shape, logits = read_npy(self.path("logits.npy"))
        last = [value / 2.5 for value in logits[-shape[-1]:]]
        weights = [math.exp(value - max(last)) for value in last]
        top = sorted(range(len(weights)), key=lambda i: -weights[i])[:4]
        total = sum(weights[i] for i in top)
        count = 2000
        write_npy(self.path("ids.npy"), (count, 3), ids * count)
        drawn = self.lines(library, "--in=input_ids=ids.npy", "--ids-only",
                           "--max-new-tokens=1", "--temperature=2.5",
                           "--top-k=4", "--seed=3")
        self.assertEqual(len(drawn), count)
        for token in top:
            expected = weights[token] / total
            self.assertAlmostEqual(drawn.count(str(token)) / count, expected,
                                   delta=5 * math.sqrt(expected / count))

    def test_batches_give_the_same(self):
        for model in (CALCULATOR, DATE, STORY):
            with self.subTest(model=model):
                file = self.prompts(model, 30)
                alone = self.compile(model, "alone.so")
                many = self.compile(model, "many.so", "--max-sequences=7")
                for flags in ((), ("--temperature=1", "--seed=4"),
                              ("--repetition-penalty=1.2",),
                              ("--max-new-tokens=3", "--ids-only")):
                    expected = self.lines(alone, file, *flags)
                    self.assertEqual(len(expected), 30)
                    self.assertEqual(self.lines(many, file, *flags), expected)
                    self.assertEqual(
                        self.lines(many, file, *flags, "--stream"), expected)

    def test_prompts_before_a_bad_one(self):
        many = self.compile(CALCULATOR, "many.so", "--max-sequences=4")
        good = inputs(CALCULATOR, 6)
        expected = self.lines(many, *(f"--prompt={text}" for text in good))
        with open(self.path("prompts.txt"), "w") as file:
            file.write("\n".join([*good, "", *good]))
        done = self.ashlar("generate", many, "--prompt-file=prompts.txt",
                           status=1)
        self.assertEqual(done.stdout.splitlines(), expected)

    def test_beams(self):
        for model in (CALCULATOR, DATE):
            with self.subTest(model=model):
                prompts = inputs(model, 20)
                flags = [f"--prompt={text}" for text in prompts]
                library = self.compile(model, "beams.so", "--max-sequences=4")
                program = self.compile(model, "beams", "--max-sequences=4")
                greedy = self.lines(library, *flags)
                best = self.lines(library, *flags, "--beams=4")
                # Sure of its answers, the model finds the same ones.
                same = sum(a == b for a, b in zip(greedy, best, strict=True))
                self.assertGreaterEqual(same, 19)
                four = self.lines(library, *flags, "--beams=4", "--n-best=4")
                self.assertEqual(four[::4], best)
                for i in range(0, len(four), 4):
                    self.assertEqual(len(set(four[i:i + 4])), 4)
                done = self.execute([program, "--beams=4", *prompts])
                self.assertEqual(done.stdout.splitlines(), best)
                # A model is compiled for as many beams.
                self.assertEqual(self.lines(model, *flags[:2], "--beams=4"),
                                 best[:2])

    def settings_copy(self, model, name, **settings):
        """The folder with other settings of generation."""
        folder = self.path(name)
        shutil.copytree(model, folder)
        file = os.path.join(folder, "generation_config.json")
        with open(file) as text:
            own = json.load(text)
        with open(file, "w") as text:
            json.dump({**own, **settings}, text)
        return folder

    def test_settings_of_beams_are_the_folders(self):
        """A penalty that likes long texts, and a search that goes on."""
        prompts = ["37+48=", "9*8=", "100-7="]
        words = [f"--prompt={text}" for text in prompts]
        plain = self.compile(CALCULATOR, "plain.so", "--max-sequences=4")
        given = {}
        for stopping in ("false", "true", "never"):
            given[stopping] = self.lines(
                plain, *words, "--beams=4", "--length-penalty=3",
                f"--early-stopping={stopping}", "--n-best=2")
            self.assertEqual(len(given[stopping]), 2 * len(prompts))
        self.assertEqual(len(set(map(tuple, given.values()))), 3)
        folder = self.settings_copy(CALCULATOR, "settings", num_beams=3,
                                    length_penalty=3.0, early_stopping="never",
                                    num_return_sequences=2)
        library = self.compile(folder, "own.so", "--max-sequences=4")
        program = self.compile(folder, "own", "--max-sequences=4")
        for more in ((), ("--n-best=2",), ("--length-penalty=3",)):
            beams = ("--beams=4", *more)
            self.assertEqual(self.lines(library, *words, *beams), given["never"])
            self.assertEqual(self.lines(folder, *words, *beams), given["never"])
            done = self.execute([program, *beams, *prompts])
            self.assertEqual(done.stdout.splitlines(), given["never"])
        # Options come before the folder.
        for stopping, expected in given.items():
            flags = ("--beams=4", f"--early-stopping={stopping}")
            self.assertEqual(self.lines(library, *words, *flags), expected)
            self.assertEqual(self.lines(library, *words, *flags, "--n-best=1"),
                             expected[::2])
            done = self.execute([program, *flags, *prompts])
            self.assertEqual(done.stdout.splitlines(), expected)

    def test_beams_are_not_the_folders(self):
        """Its number of beams turns no search on, and forbids no stream."""
        folder = self.settings_copy(DATE, "beams", num_beams=4,
                                    length_penalty=2.0, early_stopping=True,
                                    num_return_sequences=3)
        prompts = inputs(DATE, 5)
        words = [f"--prompt={text}" for text in prompts]
        expected = self.lines(DATE, *words)
        library = self.path("one.so")
        done = self.ashlar("compile", folder, "-o", library)
        self.assertIn("generation_config.json asks for what generation does "
                      "with --beams=4 alone", done.stderr)
        program = self.compile(folder, "one")
        for more in ((), ("--stream",), ("--temperature=1e-3",)):
            self.assertEqual(self.lines(library, *words, *more), expected)
            run = self.execute([program, *more, *prompts])
            self.assertEqual(run.stdout.splitlines(), expected)

    def test_beams_are_the_best_by_the_models_own_logits(self):
        """Scores from whole sequences by `run`, for a vocabulary of digits."""
        library = self.compile(CALCULATOR, "beams.so", "--max-sequences=15")
        ids = [4, 12, 7, 3]
        flags = ("--max-new-tokens=2", "--ignore-eos", "--length-penalty=0",
                 "--ids-only")
        write_npy(self.path("p.npy"), (1, len(ids)), ids)
        lines = self.lines(library, "--in=input_ids=p.npy", *flags,
                           "--beams=15", "--n-best=15")
        found = [tuple(map(int, line.split(","))) for line in lines]
        rows = [[*ids, token] for token in range(15)]
        write_npy(self.path("r.npy"), (15, len(ids) + 1),
                  [id for row in rows for id in row])
        self.ashlar("run", library, "--in=input_ids=r.npy",
                    "--out=logits=l.npy")
        shape, logits = read_npy(self.path("l.npy"))
        self.assertEqual(shape[2], 15)

        def logarithms(row, column):
            begin = (row * shape[1] + column) * 15
            values = logits[begin:begin + 15]
            total = math.log(sum(math.exp(v - max(values)) for v in values))
            return [v - max(values) - total for v in values]

        first = logarithms(0, len(ids) - 1)
        scores = {}
        for a in range(15):
            second = logarithms(a, len(ids))
            for b in range(15):
                scores[a, b] = first[a] + second[b]
        best = sorted(scores, key=lambda pair: -scores[pair])[:15]
        for a, b in zip(found, best, strict=True):
            self.assertAlmostEqual(scores[a], scores[b], 4)

    def test_stop_ids(self):
        line = self.lines(CALCULATOR, "--prompt=37+48=", "--ids-only")[0]
        first = line.split(",")[0]
        self.assertEqual(self.lines(CALCULATOR, "--prompt=37+48=",
                                    "--ids-only", f"--stop-ids={first},0"),
                         [first])

    def test_decoder_ids(self):
        library = self.compile(DATE, "date.so")
        prompt = inputs(DATE, 1)[0]
        whole = self.lines(library, "--prompt", prompt, "--ids-only")[0]
        start, rest = whole.split(",", 1)
        with open(os.path.join(DATE, "config.json")) as file:
            begin = json.load(file)["decoder_start_token_id"]
        self.assertEqual(self.lines(library, "--prompt", prompt, "--ids-only",
                                    f"--decoder-ids={begin},{start}"), [rest])

    def test_help_names_all(self):
        tool = self.ashlar("generate", "--help").stdout
        program = self.execute([self.compile(CALCULATOR, "m"), "--help"]).stdout
        for flag in ("--temperature", "--top-k", "--top-p", "--seed",
                     "--repetition-penalty", "--stream", "--beams",
                     "--early-stopping", "--length-penalty", "--n-best",
                     "--stop-ids", "--decoder-ids"):
            self.assertIn(flag, tool)
            self.assertIn(flag, program)


if __name__ == "__main__":
    unittest.main()
