"""Every kind of artifact, and programs in C that use it.

Catches artifacts that do not link or load with an ordinary C compiler, names
that two models share, and weights that are not found.
"""

import os
import subprocess
import unittest

from driver import CC, EXAMPLES, ROOT, DriverTest

CALCULATOR = os.path.join(EXAMPLES, "calculator-gpt")
SENTIMENT = os.path.join(EXAMPLES, "sentiment-bert")
STORY = os.path.join(EXAMPLES, "story-llama")


class Emit(DriverTest):
    def cc(self, source, *words):
        self.execute([CC, "-std=c11", "-Wall", "-Werror", "-I", self.folder,
                      os.path.join(ROOT, source), *words])

    def test_kind_follows_the_suffix(self):
        for output, start in (("m.so", b"\x7fELF"), ("m.o", b"\x7fELF"),
                              ("m.a", b"!<arch>\n"), ("m", b"\x7fELF")):
            path = self.compile(CALCULATOR, output)
            with open(path, "rb") as file:
                self.assertTrue(file.read(8).startswith(start), output)
            self.assertEqual(os.access(path, os.X_OK),
                             output in ("m.so", "m"), output)
        self.ashlar("compile", CALCULATOR, "-o", self.path("n.so"),
                    "--emit=static", status=2)

    def test_emit_says_the_kind(self):
        for kind in ("shared", "exe", "object", "static"):
            self.ashlar("compile", CALCULATOR, "-o", self.path(kind),
                        f"--emit={kind}", "--name=m")
        done = self.execute([self.path("exe"), "12-48="])
        self.assertEqual(done.stdout, "-36\n")
        done = self.ashlar("generate", self.path("shared"), "--prompt=12-48=")
        self.assertEqual(done.stdout, "-36\n")

    def test_external_weights(self):
        library = self.compile(CALCULATOR, "m.so", "--weights=external")
        words = ("generate", library, "--prompt=37+48=")
        self.assertEqual(self.ashlar(*words).stdout, "85\n")
        os.rename(library + ".weights", self.path("elsewhere"))
        self.ashlar(*words, status=1)
        # Those of another model.
        other = self.compile(STORY, "s.so", "--weights=external")
        os.rename(other + ".weights", library + ".weights")
        self.ashlar(*words, status=1)

    def test_executable_with_external_weights(self):
        program = self.compile(CALCULATOR, "m", "--weights=external")
        done = self.execute([program, f"--weights={program}.weights", "37+48="])
        self.assertEqual(done.stdout, "85\n")
        done = self.execute([program, "37+48="], status=1)
        self.assertIn("--weights", done.stderr)

    def test_shared_library_from_c(self):
        library = self.compile(STORY, "story.so")
        self.cc("examples/c/generate.c", library, "-Wl,-rpath,$ORIGIN",
                "-o", self.path("program"))
        prompt = "On Saturday, Nora found a little turtle in the forest."
        done = self.ashlar("generate", library, "--ids-only",
                           f"--prompt={prompt}")
        ids = ["1", "512", "47", "481", "36", "189", "67", "273", "437", "244",
               "415", "187", "482"]
        program = self.execute([self.path("program"), *ids])
        self.assertEqual(program.stdout.split(), done.stdout.strip().split(","))

    def test_static_library_from_c(self):
        library = self.compile(SENTIMENT, "sentiment.a")
        self.cc("examples/c/embed_static.c", library, "-lm", "-lpthread",
                "-o", self.path("program"))
        for ids, label in ((("2 164 79 184 21 39 110 5 3"), "negative"),
                           (("2 164 79 184 110 6 3"), "positive")):
            text = self.execute([self.path("program"), library + ".weights",
                                 *ids.split()]).stdout
            self.assertEqual(text, label + "\n")
        self.execute([self.path("program"), self.path("none"), "2"], status=1)

    def test_two_models_in_one_program(self):
        first = self.compile(CALCULATOR, "calculator.o")
        second = self.compile(SENTIMENT, "sentiment.a")
        self.cc("tests/e2e/two_models.c", first, second, "-lm", "-lpthread",
                "-o", self.path("program"))
        done = self.execute([self.path("program"), first + ".weights",
                             second + ".weights"])
        self.assertEqual(done.stdout, "6 0\n")

    def test_executables_are_not_loaded(self):
        program = self.compile(CALCULATOR, "m")
        done = self.ashlar("generate", program, "--prompt=1+1=", status=1)
        self.assertIn("is to be run, not loaded", done.stderr)
        for output in ("m.o", "m.a"):
            path = self.compile(CALCULATOR, output)
            done = self.ashlar("generate", path, "--prompt=1+1=", status=1)
            self.assertIn("cannot be loaded", done.stderr)

    def test_same_input_gives_the_same_bytes(self):
        contents = []
        for folder in ("a", "b"):
            os.mkdir(self.path(folder))
            with open(self.compile(CALCULATOR, folder + "/m.so"), "rb") as file:
                contents.append(file.read())
        self.assertEqual(contents[0], contents[1])

    def test_yaml_gives_the_same_binary(self):
        self.ashlar("spec", CALCULATOR, "-o", self.path("model.yaml"))
        os.mkdir(self.path("a"))
        os.mkdir(self.path("b"))
        first = self.compile(CALCULATOR, "a/m.so")
        second = self.compile(self.path("model.yaml"), "b/m.so")
        with open(first, "rb") as one, open(second, "rb") as other:
            self.assertEqual(one.read(), other.read())


if __name__ == "__main__":
    unittest.main()
