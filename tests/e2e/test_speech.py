"""A model that reads arrays of frames: whisper.

Catches: text that is not the case's, or that the tool and an executable make
differently of one array, sequences that see their neighbours through the
convolutions, suppressed tokens that are chosen, and arrays of other shapes that
are not refused by name.
"""

import json
import os
import shutil
import unittest

from driver import CASES, DriverTest, read_npy, write_npy
from test_cases import greedy_text

CASE = os.path.join(CASES, "whisper")
MODEL = os.path.join(CASE, "model")
MELS, FRAMES, HIDDEN = 20, 60, 40


class Speech(DriverTest):
    def features(self, run="b2_t13"):
        return os.path.join(CASE, run, "in.input_features.npy")

    def cut(self, name, begin, frames, row=0):
        """Some frames of one sequence."""
        (_, mels, length), numbers = read_npy(self.features())
        part = [numbers[(row * mels + mel) * length + frame]
                for mel in range(mels)
                for frame in range(begin, begin + frames)]
        write_npy(self.path(name), (1, mels, frames), part, "<f4")
        return self.path(name)

    def encode(self, library, features, *flags):
        self.ashlar("run", library, f"--in=input_features={features}",
                    f"--out=encoder_last_hidden_state={self.path('h.npy')}",
                    *flags)
        return read_npy(self.path("h.npy"))

    def generate(self, library, *flags, features=None):
        features = features or self.features()
        return self.ashlar("generate", library, "--ids-only", "--ignore-eos",
                           "--max-new-tokens=8",
                           f"--in=input_features={features}",
                           *flags).stdout.splitlines()

    test_greedy_text = greedy_text("whisper")

    def test_tool_and_executable(self):
        library = self.compile(MODEL, "m.so", "--max-sequences=3")
        program = self.compile(MODEL, "m", "--max-sequences=3")
        for flags in ((), ("--beams=3",), ("--decoder-ids=3,7,9",),
                      ("--threads=1",), ("--temperature=0.8", "--seed=4")):
            with self.subTest(flags=flags):
                lines = self.generate(library, *flags)
                self.assertEqual(len(lines), 2)
                done = self.execute(
                    [program, "--ids-only", "--ignore-eos",
                     "--max-new-tokens=8",
                     f"--in=input_features={self.features()}", *flags])
                self.assertEqual(done.stdout.splitlines(), lines)
        write_npy(self.path("start.npy"), (2, 2), [3, 7, 3, 9])
        start = f"--in=decoder_input_ids={self.path('start.npy')}"
        lines = self.generate(library, start)
        self.assertEqual(lines[0], self.generate(
            library, "--decoder-ids=3,7")[0])
        self.assertEqual(lines[1], self.generate(
            library, "--decoder-ids=3,9")[1])
        done = self.execute(
            [program, "--ids-only", "--ignore-eos", "--max-new-tokens=8",
             f"--in=input_features={self.features()}", start])
        self.assertEqual(done.stdout.splitlines(), lines)

    def test_sequences_alone_and_together(self):
        """Each has the bits that it has alone, whatever the threads."""
        library = self.compile(MODEL, "m.so", "--max-sequences=2",
                               "--max-tokens=60", "--max-source=30")
        shape, both = self.encode(library, self.features())
        self.assertEqual(shape, (2, FRAMES // 2, HIDDEN))
        half = len(both) // 2
        for row in range(2):
            alone = self.cut("one.npy", 0, FRAMES, row)
            for flags in ((), ("--threads=3",)):
                _, numbers = self.encode(library, alone, *flags)
                self.assertEqual(numbers, both[row * half:(row + 1) * half])

    def test_fewer_frames(self):
        for precision in ("f32", "bf16", "int8", "int4"):
            library = self.compile(MODEL, precision + ".so",
                                   f"--precision={precision}")
            for frames in (2, 14, 58):
                shape, numbers = self.encode(library,
                                             self.cut("f.npy", 0, frames))
                self.assertEqual(shape, (1, frames // 2, HIDDEN))
                self.assertTrue(all(abs(x) < 100 for x in numbers))

    def test_suppressed_tokens(self):
        folder = self.path("model")
        shutil.copytree(MODEL, folder)
        free = self.generate(self.compile(folder, "free.so"))
        ids = [int(word) for word in free[0].split(",")]
        file = os.path.join(folder, "generation_config.json")
        os.chmod(file, 0o644)
        with open(file) as stream:
            settings = json.load(stream)
        never = sorted(set(ids[1:]) - {ids[0]})[:2]
        settings["suppress_tokens"] = never
        settings["begin_suppress_tokens"] = [ids[0]]
        with open(file, "w") as stream:
            json.dump(settings, stream)
        library = self.compile(folder, "m.so", "--max-sequences=2")
        for flags in ((), ("--beams=2",), ("--temperature=2", "--seed=1")):
            line = self.generate(library, *flags)[0]
            made = [int(word) for word in line.split(",")]
            self.assertNotEqual(made[0], ids[0])
            self.assertFalse(set(made) & set(never), made)

    def test_forced_prompt(self):
        folder = self.path("model")
        shutil.copytree(MODEL, folder)
        file = os.path.join(folder, "generation_config.json")
        os.chmod(file, 0o644)
        with open(file) as stream:
            settings = json.load(stream)
        settings["forced_decoder_ids"] = [[1, 7], [2, 9]]
        with open(file, "w") as stream:
            json.dump(settings, stream)
        library = self.compile(folder, "m.so")
        self.assertEqual(self.generate(library),
                         self.generate(library, "--decoder-ids=3,7,9"))

    def test_header(self):
        self.compile(MODEL, "m.so")
        with open(self.path("m.h")) as file:
            self.assertIn("/* m_encode: input_features [2 * rows, 20] -> "
                          "encoder_last_hidden_state [rows, hidden], "
                          "hidden = 40. */", file.read())

    def test_refusals(self):
        library = self.compile(MODEL, "m.so")
        program = self.compile(MODEL, "m")
        small = self.compile(MODEL, "small.so", "--max-source=10")
        write_npy(self.path("mels.npy"), (1, 19, 60), [0.0] * 1140, "<f4")
        write_npy(self.path("odd.npy"), (1, 20, 59), [0.0] * 1180, "<f4")
        write_npy(self.path("long.npy"), (1, 20, 80), [0.0] * 1600, "<f4")
        for array, message in (
                ("mels", "input_features: shape [1, 19, 60]; expected [batch, "
                         "20, length]"),
                ("odd", "input_features: shape [1, 20, 59] has 59 frames; "
                        "expected a multiple of 2"),
                ("long", "input_features has 80 frames; the model takes 60")):
            given = f"--in=input_features={self.path(array)}.npy"
            for words in (["run", library, given, "--out=encoder_last_hidden_"
                           "state=h.npy"], ["generate", library, given]):
                self.assertIn(message, self.ashlar(*words, status=1).stderr)
            self.assertIn(message,
                          self.execute([program, given], 1).stderr)
        self.assertIn(
            "input_features has 60 frames; the artifact takes 20 at most "
            "(--max-source of compile counts 2 as one)",
            self.ashlar("generate", small, "--in=input_features="
                        + self.features(), status=1).stderr)
        self.assertIn("the model reads input_features, not tokens",
                      self.ashlar("generate", library, "--ids=1,2",
                                  status=1).stderr)
        self.assertIn("it needs --in",
                      self.execute([program, "--ids=1,2"], 2).stderr)
        self.assertIn("only 30 positions",
                      self.ashlar("compile", MODEL, "-o", self.path("n.so"),
                                  "--max-source=31", status=1).stderr)


if __name__ == "__main__":
    unittest.main()
