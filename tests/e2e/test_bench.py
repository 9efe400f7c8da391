"""Where the time goes: phases of real calls against what the manifest lists.

Catches a phase that the manifest forgets or that has no mark, marks that depend
on the number of workers, parts that do not add up, and drawings that are none.
"""

import collections
import json
import os
import re
import unittest
import xml.etree.ElementTree as xml

from driver import EXAMPLES, DriverTest

STEPS = {"sentiment-bert": ["encode"], "story-llama": ["prompt", "decode"],
         "date-translator": ["encode", "decode"]}
SVG = "{http://www.w3.org/2000/svg}"


def phases_of(entry):
    """Names of a call's phases, each as often as it runs."""
    names = []
    for item in entry["phases"]:
        inner = item.get("phases", [item])
        names += item.get("layers", 1) * [phase["name"] for phase in inner]
    return names


class Bench(DriverTest):
    def entries(self, artifact):
        manifest = json.loads(self.ashlar("describe", artifact, "--json").stdout)
        return manifest["entries"]

    def measure(self, artifact, *flags):
        return json.loads(self.ashlar(
            "bench", artifact, "--phases", "--json", "--prompt-tokens=9",
            "--new-tokens=3" if "decode" in self.steps else "--prompt-tokens=9",
            *flags).stdout)

    def check_step(self, step, names):
        """`names`: the phases of the calls that the step takes."""
        rows = step["phases"]
        self.assertEqual({row["name"]: row["calls"] for row in rows},
                         collections.Counter(names))
        times = [row["milliseconds"] for row in rows]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertAlmostEqual(sum(times) + step["outside_milliseconds"],
                               step["milliseconds"], places=6)
        self.assertAlmostEqual(sum(row["limit_milliseconds"] for row in rows),
                               step["limit_milliseconds"], places=9)
        # Rates times times are the work of the whole step.
        for rate in ("gflop_per_second", "gbyte_per_second"):
            self.assertAlmostEqual(
                sum(row[rate] * row["milliseconds"] for row in rows) /
                (step[rate] * step["milliseconds"]), 1, places=6)

    def test_phases_are_those_of_the_calls(self):
        for model, self.steps in STEPS.items():
            artifact = self.compile(os.path.join(EXAMPLES, model), "m.so",
                                    "--max-tokens=16")
            calls = {entry["call"] + entry["output"]: phases_of(entry)
                     for entry in self.entries(artifact)}
            logits = calls["headlogits"]
            for threads in (1, 3):
                with self.subTest(model=model, threads=threads):
                    result = self.measure(artifact, f"--threads={threads}")
                    self.assertEqual(result["limits"]["threads"], threads)
                    self.assertGreater(result["limits"]["gbyte_per_second"], 0)
                    self.assertEqual(set(result), {*self.steps, "limits"})
                    last = "last_hidden_state"
                    if self.steps == ["encode", "decode"]:
                        self.check_step(result["encode"],
                                        calls["encodeencoder_" + last])
                    else:
                        first = "decode" if "decode" in self.steps else "encode"
                        self.check_step(result[self.steps[0]],
                                        calls[first + last] + logits)
                    if "decode" in self.steps:
                        self.check_step(result["decode"],
                                        calls["decode" + last] + logits)

    def test_a_prompt_in_pieces(self):
        self.steps = STEPS["story-llama"]
        artifact = self.compile(os.path.join(EXAMPLES, "story-llama"), "m.so",
                                "--max-tokens=4")
        entries = {entry["call"]: phases_of(entry)
                   for entry in self.entries(artifact)}
        self.check_step(self.measure(artifact)["prompt"],
                        3 * entries["decode"] + entries["head"])

    def test_names_are_those_of_the_program(self):
        """In this order, in the IR as in the manifest."""
        model = os.path.join(EXAMPLES, "date-translator")
        program = self.ashlar("inspect", model, "--stage=program").stdout
        printed = re.findall(r'ashlar.phase "([^"]+)"', program)
        listed = [phase["name"] for entry in self.entries(model)
                  for item in entry["phases"]
                  for phase in item.get("phases", [item])]
        self.assertGreater(len(listed), 20)
        self.assertEqual(printed, listed)

    def test_a_manifest_that_lies(self):
        self.steps = STEPS["story-llama"]
        artifact = self.compile(os.path.join(EXAMPLES, "story-llama"), "m.so")
        with open(artifact, "rb") as file:
            code = file.read()
        for before, after in ((b'"layers": 3', b'"layers": 2'),
                              (b'"layers": 3', b'"layers": 9')):
            self.assertIn(before, code)
            with open(artifact, "wb") as file:
                file.write(code.replace(before, after))
            self.ashlar("bench", artifact)
            done = self.ashlar("bench", artifact, "--phases", status=1)
            self.assertIn("its manifest lists", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_text_and_drawing(self):
        self.steps = STEPS["date-translator"]
        artifact = self.compile(os.path.join(EXAMPLES, "date-translator"),
                                "m.so")
        drawing = self.path("roofline.svg")
        text = self.ashlar("bench", artifact, "--phases", "--threads=2",
                           f"--roofline={drawing}").stdout
        self.assertRegex(text, r"limits of 2 threads: f32 [\d.]+ GFLOP/s \(fma")
        self.assertEqual(len(re.findall("of the speed of light", text)), 2)
        self.assertRegex(text, r"% +2 .*model.decoder.layers.\*.fc2\n")
        root = xml.parse(drawing).getroot()
        self.assertEqual(root.tag, SVG + "svg")
        dots = [node for node in root.iter(SVG + "circle")
                if node.get("class").startswith("dot")]
        counted = [line for line in text.splitlines()
                   if re.search(r"( compute | memory )", line)
                   and not re.search(r" - .* memory ", line)]
        self.assertGreater(len(counted), 10)
        self.assertEqual(len(dots), len(counted))
        labels = {node.text for node in root.iter(SVG + "text")}
        self.assertIn("model.decoder.layers.*.fc2", labels)

    def test_a_drawing_alone(self):
        self.steps = STEPS["sentiment-bert"]
        model = os.path.join(EXAMPLES, "sentiment-bert")
        done = self.ashlar("bench", model, "--roofline=r.svg")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        xml.parse(self.path("r.svg"))
        self.assertEqual(os.listdir(self.folder), ["r.svg"])


if __name__ == "__main__":
    unittest.main()
