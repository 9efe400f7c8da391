"""Encoders of images from outside: arrays in, a C program, and what is refused.

Catches pixels that are taken in another order than a caller has them in, sizes
of images that nobody checks, and commands for texts that run on images.
"""

import json
import os
import unittest

from driver import (CASES, CC, EQUATION_CASES, DriverTest, read_case, read_npy,
                    write_npy)

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(CASES, "vit_classifier")
MODEL = os.path.join(FOLDER, "model")


class Images(DriverTest):
    def run_case(self, command, run, name):
        """Output `name` of a run of the case through `command`."""
        given = os.path.join(FOLDER, run["inputs"][0]["file"])
        self.execute([*command, f"--in=pixel_values={given}",
                      f"--out={name}={self.path('out.npy')}"])
        return read_npy(self.path("out.npy"))

    def assert_close(self, run, name, shape, numbers):
        output, = [o for o in run["outputs"] if o["name"] == name]
        expected = read_npy(os.path.join(FOLDER, output["file"]))
        self.assertEqual(list(shape), list(expected[0]))
        for got, reference in zip(numbers, expected[1]):
            self.assertLess(abs(got - reference), output["tol_max_abs"])

    def test_run(self):
        library = self.compile(MODEL, "vit.so")
        program = self.compile(MODEL, "vit", "--max-tokens=26")
        for run in read_case("vit_classifier")["runs"]:
            for name in ("logits", "last_hidden_state"):
                for command in ([os.environ["ASHLAR"], "run", library],
                                [program]):
                    self.assert_close(run, name,
                                      *self.run_case(command, run, name))

    def test_heads_that_read_all_patches(self):
        """From an executable, whose calls take two images of the three."""
        folder = os.path.join(EQUATION_CASES, "dinov2_classifier")
        program = self.compile(os.path.join(folder, "model"), "dino",
                               "--max-tokens=29")
        run = read_case("dinov2_classifier", EQUATION_CASES)["runs"][1]
        given = os.path.join(folder, run["inputs"][0]["file"])
        self.execute([program, f"--in=pixel_values={given}",
                      f"--out=logits={self.path('out.npy')}"])
        output, = [o for o in run["outputs"] if o["name"] == "logits"]
        shape, expected = read_npy(os.path.join(folder, output["file"]))
        found = read_npy(self.path("out.npy"))
        self.assertEqual(list(found[0]), list(shape))
        for got, reference in zip(found[1], expected):
            self.assertLess(abs(got - reference), output["tol_max_abs"])

    def test_program(self):
        self.compile(MODEL, "vit.so")
        self.execute([CC, "-std=c11", "-Wall", "-Werror", f"-I{self.folder}",
                      os.path.join(HERE, "images.c"), self.path("vit.so"),
                      f"-Wl,-rpath,{self.folder}", "-o", self.path("program")])
        run = read_case("vit_classifier")["runs"][1]
        shape, pixels = read_npy(os.path.join(FOLDER, run["inputs"][0]["file"]))
        with open(self.path("pixels"), "wb") as file:
            file.write(pixels.tobytes())
        with open(self.path("pixels"), "rb") as file:
            lines = self.execute([self.path("program")], stdin=file).stdout
        self.assert_close(run, "logits", (2, 5), map(float, lines.split()))

    def test_header_and_manifest(self):
        library = self.compile(MODEL, "vit.so")
        with open(self.path("vit.h")) as file:
            header = file.read()
        self.assertIn("vit_encode: pixel_values [sequences, 3, 30, 30] -> "
                      "last_hidden_state [rows, hidden]", header)
        for line in ("VIT_IMAGE_ROWS 26", "VIT_IMAGE_CHANNELS 3",
                     "VIT_MAX_IMAGES 8"):
            self.assertIn(f"#define {line}", header)
        self.assertNotIn("VIT_VOCABULARY", header)
        entries = json.loads(self.ashlar("describe", library,
                                         "--json").stdout)["entries"]
        self.assertEqual(entries[0]["inputs"], ["pixel_values"])
        self.assertEqual(entries[0]["image"],
                         {"channels": 3, "height": 30, "width": 30, "rows": 26})
        self.assertIn("images [B, 3, 30, 30] of float32, each of them a "
                      "sequence of 26 rows", self.ashlar("describe",
                                                         library).stdout)

    def test_refused(self):
        library = self.compile(MODEL, "vit.so")
        for shape in ((1, 3, 30, 31), (1, 1, 30, 30), (3, 30, 30),
                      (1, 3, 60, 15)):
            size = 1
            for extent in shape:
                size *= extent
            write_npy(self.path("in.npy"), shape, [0.0] * size, "<f4")
            done = self.ashlar("run", library, "--in=pixel_values=in.npy",
                               "--out=logits=o.npy", status=1)
            self.assertIn(f"pixel_values: shape {list(shape)}; expected "
                          "[batch, 3, 30, 30]", done.stderr)
            self.assertFalse(os.path.exists(self.path("o.npy")))
        write_npy(self.path("in.npy"), (1, 3, 30, 30), [0] * 2700)
        done = self.ashlar("run", library, "--in=pixel_values=in.npy",
                           "--out=logits=o.npy", status=1)
        self.assertIn("pixel_values: elements are int64", done.stderr)
        done = self.ashlar("run", library, "--in=attention_mask=in.npy",
                           "--out=logits=o.npy", status=1)
        self.assertIn("no input of this model; it has: pixel_values",
                      done.stderr)
        done = self.ashlar("classify", library, "--file=in.npy", status=1)
        self.assertIn("the model reads images, not texts", done.stderr)
        self.assertIn("ashlar run --in pixel_values=FILE.npy", done.stderr)
        done = self.ashlar("compile", MODEL, "-o", "m.so", "--max-tokens=25",
                           status=1)
        self.assertIn("--max-tokens is 25, but an image has 26 rows",
                      done.stderr)
        self.ashlar("verify", MODEL, "--tokens=26", status=2)
        self.ashlar("bench", library, "--prompt-tokens=26", status=2)

    def test_bits_are_the_image_s_own(self):
        """Whatever else is in the batch, and however many workers there are."""
        shape, pixels = read_npy(os.path.join(FOLDER, "b2",
                                              "in.pixel_values.npy"))
        size = len(pixels) // 2
        images = [pixels[:size], pixels[size:], pixels[:size][::-1]]
        for precision in ("f32", "int8"):
            library = self.compile(MODEL, f"vit_{precision}.so",
                                   "--max-tokens=52",
                                   f"--precision={precision}")

            def run(of, threads):
                write_npy(self.path("in.npy"), (len(of), *shape[1:]),
                          [x for image in of for x in image], "<f4")
                self.ashlar("run", library, "--in=pixel_values=in.npy",
                            "--out=last_hidden_state=h.npy",
                            "--out=logits=l.npy", f"--threads={threads}")
                rows, logits = (read_npy(self.path(name))[1]
                                for name in ("h.npy", "l.npy"))
                return [(part(rows, i, len(of)), part(logits, i, len(of)))
                        for i in range(len(of))]

            def part(numbers, index, count):
                size = len(numbers) // count
                return numbers[index * size:(index + 1) * size].tobytes()

            alone = [run([image], 1)[0] for image in images]
            self.assertEqual(run(images, 1), alone)
            self.assertEqual(run(images[::-1], 2), alone[::-1])

    def test_values_that_are_not_numbers(self):
        """They reach their own sequence and no other, at any precision; what is finite
        stays so."""
        for precision in ("f32", "bf16", "int8", "int4,group=32,zero_points"):
            library = self.compile(MODEL, "vit.so", f"--precision={precision}")

            def run(number):
                pixels = [0.5] * 5400
                pixels[3700] = number
                write_npy(self.path("in.npy"), (2, 3, 30, 30), pixels, "<f4")
                self.ashlar("run", library, "--in=pixel_values=in.npy", "--out=logits=o.npy")
                return list(read_npy(self.path("o.npy"))[1])

            alone = run(0.5)[:5]
            for number in (float("nan"), float("inf"), -float("inf"), 3e38, 1e-42):
                logits = run(number)
                self.assertEqual(logits[:5], alone, (precision, number))
                finite = abs(number) < float("inf")
                self.assertTrue(all((x == x) == finite for x in logits[5:]),
                                (precision, number, logits))


if __name__ == "__main__":
    unittest.main()
