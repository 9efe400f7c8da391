"""The descriptions in examples/specs compute the formulas at their tops.

Catches a form of attention, position, norm or block that is built otherwise
than it is written, in float32 and bf16, and a description that is printed
otherwise than it was read.
"""

import json
import os
import unittest

from driver import EXAMPLES, ROOT, DriverTest, case_names, read_npy, write_npy

SPECS = os.path.join(EXAMPLES, "specs")
TEXTBOOK = os.path.join(ROOT, "tests", "cases", "textbook")


def spec_names():
    return sorted(name[:-len(".yaml")] for name in os.listdir(SPECS)
                  if name.endswith(".yaml"))


def spec(name):
    return os.path.join(SPECS, name + ".yaml")


class Specs(DriverTest):
    def test_each_has_a_case(self):
        self.assertEqual(spec_names(), case_names(TEXTBOOK))
        self.assertGreaterEqual(len(spec_names()), 40)

    def test_each_is_in_the_table(self):
        with open(os.path.join(SPECS, "README.md")) as file:
            rows = [line.split("`")[1] for line in file
                    if line.startswith("| `")]
        self.assertEqual(sorted(rows), spec_names())

    def test_printed_again_it_is_the_same_binary(self):
        for name in ("additive_cross", "positions_relative",
                     "random_blocks"):
            with self.subTest(name=name):
                folder = self.path(name)
                os.makedirs(os.path.join(folder, "again"))
                printed = os.path.join(folder, "model.yaml")
                self.ashlar("spec", spec(name), "-o", printed)
                first = self.compile(spec(name), name + "/m.so")
                second = self.compile(printed, name + "/again/m.so")
                with open(first, "rb") as one, open(second, "rb") as other:
                    self.assertEqual(one.read(), other.read())

    def test_scale_of_vectors(self):
        """As if the caller had multiplied them, to the bit."""
        with open(spec("multi_head")) as file:
            text = file.read().replace("../..", ROOT)
        scaled = text.replace("    blocks:", "    embedding: {scale: 7}\n    blocks:")
        for name, description in (("plain", text), ("scaled", scaled)):
            with open(self.path(name + ".yaml"), "w") as file:
                file.write(description)
        shape, numbers = read_npy(os.path.join(TEXTBOOK, "multi_head", "b1_s7",
                                               "in.inputs.npy"))
        write_npy(self.path("x.npy"), shape, numbers, "<f4")
        write_npy(self.path("7x.npy"), shape, [7 * x for x in numbers], "<f4")
        outputs = []
        for name, given in (("plain", "x"), ("plain", "7x"), ("scaled", "x")):
            self.ashlar("run", self.path(name + ".yaml"), "--in",
                        f"inputs={given}.npy", "--out", "last_hidden_state=y.npy")
            outputs.append(read_npy(self.path("y.npy")))
        self.assertEqual(outputs[1], outputs[2])
        self.assertNotEqual(outputs[0], outputs[2])

    def test_learned_positions_end_with_their_table(self):
        """40 rows: more tokens are refused when compiling."""
        for name, flag in (("decoder_stack", "--max-context"),
                           ("positions_learned", "--max-context"),
                           ("positions_learned", "--max-source")):
            self.compile(spec(name), "m.so", flag + "=40")
            done = self.ashlar("compile", spec(name), "-o", self.path("n.so"),
                               flag + "=41", status=1)
            self.assertIn("only 40 positions", done.stderr)
        words = ["compile", spec(name), "-o", self.path("n.so"), "--max-sequences=2"]
        self.ashlar(*words, "--max-tokens=80")
        done = self.ashlar(*words, "--max-tokens=81", status=1)
        self.assertIn("--max-tokens is 81, but 2 sequences of the model's 40 "
                      "positions have 80 together", done.stderr)


def in_float32(name):
    def test(self):
        self.ashlar("verify", spec(name), "--case",
                    os.path.join(TEXTBOOK, name))
    return test


def in_bf16(name):
    """All stay below 1.4e-2; where keys are not multiplied but added, they stay
    float32."""
    def test(self):
        done = self.ashlar("verify", spec(name), "--precision=bf16", "--json",
                           "--case", os.path.join(TEXTBOOK, name))
        outputs = json.loads(done.stdout)["outputs"]
        self.assertGreater(len(outputs), 0)
        for output in outputs:
            self.assertLess(output["rel_l2"], 3e-2,
                            (output["run"], output["name"]))
    return test


for spec_name in spec_names():
    setattr(Specs, f"test_{spec_name}", in_float32(spec_name))
# Every third one, and those whose keys are added, to save time. Not those that
# choose experts: a small error takes a row to another one.
CHOOSING = ("experts", "experts_top_1")
for index, spec_name in enumerate(spec_names()):
    if spec_name in CHOOSING:
        continue
    if index % 3 == 0 or spec_name.startswith(("additive", "experts")):
        setattr(Specs, f"test_{spec_name}_bf16", in_bf16(spec_name))


if __name__ == "__main__":
    unittest.main()
