"""What describe says of tensors: precision, bytes, and what encoding cost.

Catches errors that are not those of the numbers in the checkpoint, tables that
are read from the wrong place, and commands that stop where only a part is
missing.
"""

import array
import json
import math
import os
import struct
import unittest

from driver import CASES, EXAMPLES, DriverTest

STORY = os.path.join(EXAMPLES, "story-llama")


def read_tensor(model, name):
    """Shape and numbers of a float32 tensor."""
    with open(os.path.join(model, "model.safetensors"), "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        info = header[name]
        assert info["dtype"] == "F32", name
        begin, end = info["data_offsets"]
        file.seek(8 + length + begin)
        numbers = array.array("f")
        numbers.frombytes(file.read(end - begin))
    return info["shape"], numbers


def int8_error(model, name):
    """|w - encoded w| / |w| of rows with a scale each, in float64."""
    (rows, columns), numbers = read_tensor(model, name)
    lost = norm = 0.0
    for row in range(rows):
        part = numbers[row * columns:(row + 1) * columns]
        scale = max(map(abs, part)) / 127
        norm += sum(number * number for number in part)
        if scale:
            lost += sum((number - round(number / scale) * scale) ** 2
                        for number in part)
    return math.sqrt(lost / norm)


class Windows(DriverTest):
    def manifest(self, name, *flags):
        path = os.path.join(EXAMPLES, "specs", name + ".yaml")
        return json.loads(self.ashlar("describe", path, "--json", *flags).stdout)

    def attention(self, manifest):
        (entry,) = manifest["entries"]
        (layers,) = [group for group in entry["phases"] if "layers" in group]
        (phase,) = [phase for phase in layers["phases"]
                    if phase["name"].endswith(".mix")]
        return phase

    def test_caches_do_not_grow_with_the_context(self):
        """Two layers, 3 heads of 8 with values of 16 lanes, two segments."""
        for context in (600, 6000, 600000):
            manifest = self.manifest("sliding_window", "--max-tokens=32",
                                     f"--max-context={context}")
            size = 2 * 2 * 256 * 3 * (8 + 16) * 4
            self.assertEqual(manifest["memory"]["cache_bytes"],
                             math.ceil((size + 64) / 4096) * 4096)
        grown = [self.manifest("anchored_window", "--max-tokens=32",
                               f"--max-context={context}")["memory"]["cache_bytes"]
                 for context in (600, 6000)]
        self.assertGreater(grown[1], 7 * grown[0])

    def test_windows_of_phases(self):
        """Which keys bench counts."""
        causal = self.attention(self.manifest("sliding_window"))
        self.assertEqual(causal["window"], {"behind": 4, "ahead": 0})
        both = self.attention(self.manifest("local_window"))
        self.assertEqual(both["window"], {"behind": 3, "ahead": 3})
        # Its pattern needs the first keys, too.
        self.assertNotIn("window", self.attention(self.manifest("anchored_window")))


    def test_spellings_of_a_window(self):
        """A window behind the query under causality is the same field, so it
        has the same ring, tiles and hash."""
        with open(os.path.join(EXAMPLES, "specs", "sliding_window.yaml")) as file:
            text = file.read()
        written = "causal: true\n          window: 5\n"
        self.assertIn(written, text)
        expected = self.manifest("sliding_window", "--max-context=6000")
        self.assertLess(expected["memory"]["cache_bytes"], 2 ** 20)
        for spelling in ("causal: true\n          mask: window(behind=4)",
                         "causal: true\n          mask: window(behind=4, ahead=3)",
                         "mask: causal & window(behind=4)",
                         "mask: window(behind=4, ahead=0)"):
            with self.subTest(spelling):
                path = self.path("sliding_window.yaml")
                with open(path, "w") as file:
                    file.write(text.replace(written, spelling + "\n"))
                done = self.ashlar("describe", path, "--json", "--max-context=6000")
                self.assertEqual(json.loads(done.stdout), expected)


class Tiles(DriverTest):
    """Which tiles of 32 queries by 32 keys attention visits, of each layer."""

    def write(self, attentions):
        """A decoder whose layers have these lines beside `causal`."""
        with open(os.path.join(EXAMPLES, "specs", "sliding_window.yaml")) as file:
            head, block = file.read().split("      - first: 0\n")
        self.assertIn("count: 2\n", block)
        self.assertIn("window: 5\n", block)
        path = self.path("m.yaml")
        with open(path, "w") as file:
            file.write(head)
            for layer, line in enumerate(attentions):
                file.write(f"      - first: {layer}\n" + block.replace(
                    "count: 2\n", "count: 1\n").replace("window: 5\n", line + "\n"))
        return path

    @staticmethod
    def windowed(length, window):
        """Segments of 256 keys from the first that a row sees, up to its own."""
        visited = 0
        for first in range(0, length, 32):
            last = min(first + 32, length) - 1
            begin = max(0, first + 1 - window) // 256 * 256
            visited += (last - begin) // 32 + 1
        return visited

    def lines(self, model, *flags):
        text = self.ashlar("describe", model, *flags).stdout
        return [line.split(" of layer")[1].split(" tiles")[0]
                for line in text.splitlines() if " tiles at 2,048 tokens" in line]

    def test_layers_of_different_masks(self):
        model = self.write(["window: 5", "", "window: 5", "", "",
                            "mask: window(behind=39) | prefix(3)"])
        seen = len({(i // 32, j // 32) for i in range(2048)
                    for j in range(i + 1) if i - j < 40 or j < 3})
        self.assertEqual(self.lines(model, "--max-context=2048"),
                         [f"s 0, 2 visits {self.windowed(2048, 5)} of 4,096",
                          "s 1, 3-4 visits 2,080 of 4,096",
                          f" 5 visits {seen} of 4,096"])
        done = self.ashlar("describe", model, "--json", "--max-context=2048")
        tiles = [phase["tiles"] for group in json.loads(done.stdout)["entries"][0]
                 ["phases"] for phase in group.get("phases", [group])
                 if "tiles" in phase]
        self.assertEqual([(each["first_layer"], each["layer_step"])
                          for each in tiles], [(0, 2), (1, 2), (4, 1), (5, 1)])

    def test_layers_that_are_alike(self):
        model = self.write([""] * 3)
        self.assertEqual(self.lines(model, "--max-context=2048"),
                         ["s 0-2 visits 2,080 of 4,096"])

    def test_all_keys(self):
        """An encoder without a mask; its heads are not layers."""
        model = os.path.join(EXAMPLES, "specs", "multi_head.yaml")
        self.assertEqual(self.lines(model, "--max-tokens=2048"),
                         [" 0 visits 4,096 of 4,096"])

    def test_a_call_is_of_several_sequences(self):
        """Each is at most as long as the table of positions: of 40 rows."""
        model = os.path.join(CASES, "bert_masked_lm", "model")
        text = self.ashlar("describe", model, "--max-tokens=2048",
                           "--max-sequences=52").stdout
        self.assertIn(" of layers 0-2 visits 4 of 4 tiles at 40 tokens", text)


class Describe(DriverTest):
    def tensors(self, path, *flags):
        manifest = json.loads(self.ashlar("describe", path, "--json",
                                          *flags).stdout)
        return manifest["tensors"]

    def find(self, tensors, name, layer=None):
        found = [tensor for tensor in tensors if name in tensor["names"] and
                 tensor.get("layer") == layer]
        self.assertEqual(len(found), 1, name)
        return found[0]

    def test_int8_errors_are_those_of_the_numbers(self):
        library = self.compile(STORY, "m.so", "--precision=int8")
        tensors = self.tensors(library)
        head = self.find(tensors, "lm_head.weight")
        self.assertEqual(head["precision"], "int8")
        self.assertAlmostEqual(head["error"],
                               int8_error(STORY, "lm_head.weight"), places=6)
        for layer in range(3):
            down = self.find(tensors,
                             "model.layers.{layer}.mlp.down_proj.weight", layer)
            expected = int8_error(
                STORY, f"model.layers.{layer}.mlp.down_proj.weight")
            self.assertAlmostEqual(down["error"], expected, places=6)
        embedding = self.find(tensors, "model.embed_tokens.weight")
        self.assertEqual(embedding["precision"], "bf16")
        self.assertLess(embedding["error"], 2 ** -9)
        self.assertGreater(embedding["error"], 2 ** -11)

    def test_errors_grow_as_bits_go(self):
        last = 0
        for precision in ("f32", "bf16", "int8", "int4,zero_points", "int4"):
            library = self.compile(STORY, "m.so",
                                   f"--precision={precision},lm_head=f32")
            down = self.find(self.tensors(library),
                             "model.layers.{layer}.mlp.down_proj.weight", 0)
            self.assertEqual(down["precision"], precision.split(",")[0])
            if precision == "f32":
                self.assertEqual(down["error"], 0)
            else:
                self.assertGreater(down["error"], last)
            self.assertLess(down["error"], 0.2)
            last = down["error"]

    def test_table(self):
        library = self.compile(STORY, "m.so",
                               "--precision=int8,*o_proj*=f32,lm_head=bf16")
        lines = self.ashlar("describe", library).stdout.splitlines()
        rows = [line.split() for line in lines[lines.index("tensors") + 1:]]
        self.assertEqual(rows[0], ["layer", "precision", "bytes", "error"])
        head = [row for row in rows if row[0] == "lm_head.weight"]
        self.assertEqual(head[0][1], "bf16")
        # Three tensors in one weight of three layers: three lines.
        first = [row[0] for row in rows].index(
            "model.layers.{layer}.self_attn.q_proj.weight")
        self.assertEqual(rows[first][1:3], ["0", "int8"])
        for layer, name in ((1, "k"), (2, "v")):
            self.assertEqual(
                rows[first + layer][:4],
                ["+", f"model.layers.{{layer}}.self_attn.{name}_proj.weight",
                 str(layer), "int8"])
            self.assertGreater(float(rows[first + layer][-1]), 0)
        # What is not encoded has one line, and no error.
        exact = [row for row in rows if "o_proj" in row[0]]
        self.assertEqual([row[1:3] for row in exact], [["0-2", "f32"]])
        self.assertEqual(len(exact[0]), 4)

    def test_layers_by_number(self):
        """What a pattern tells apart by the layer's index is stored so. Layers
        that are cut, but stored alike, give the numbers of those that are not."""
        flags = "--precision=int4,*layers.1.*=f32,*.2.mlp.down*=int8"
        tensors = self.tensors(STORY, flags)
        for name, precisions in (
                ("self_attn.o_proj", ["int4", "f32", "int4"]),
                ("mlp.down_proj", ["int4", "f32", "int8"])):
            for layer, precision in enumerate(precisions):
                found = self.find(
                    tensors, f"model.layers.{{layer}}.{name}.weight", layer)
                self.assertEqual(found["precision"], precision)
        text = self.ashlar("describe", STORY, flags).stdout
        rows = [line.split() for line in text.splitlines() if "o_proj" in line]
        self.assertEqual([row[1:3] for row in rows],
                         [["0", "int4"], ["1", "f32"], ["2", "int4"]])
        cut = self.ashlar("verify", STORY, "--json", "--precision=f32,*.0.*=bf16,"
                            "*.1.*=bf16,*.2.*=bf16,lm_head=bf16")
        whole = self.ashlar("verify", STORY, "--json",
                            "--precision=bf16,embeddings=f32,kv=f32")
        cut, whole = (json.loads(done.stdout)["tensors"] for done in (cut, whole))
        self.assertGreater(len(whole), 30)
        self.assertEqual(cut, whole)

    def test_tiles_that_a_mask_leaves(self):
        """Those of 32 queries and 32 keys in which some query sees some key."""
        model = os.path.join(EXAMPLES, "specs", "anchored_window.yaml")
        flag = "--max-context=300"
        manifest = json.loads(self.ashlar("describe", model, "--json",
                                          flag).stdout)
        [tiles] = [phase["tiles"] for group in manifest["entries"][0]["phases"]
                   for phase in group.get("phases", [group])
                   if "tiles" in phase]
        length = tiles["tokens"]
        self.assertGreaterEqual(length, 300)
        seen = {(i // 32, j // 32) for i in range(length)
                for j in range(i + 1) if i - j < 8 or j < 3}
        side = (length + 31) // 32
        self.assertEqual((tiles["visited"], tiles["total"]),
                         (len(seen), side * side))
        self.assertIn(f"visits {len(seen)} of {side * side} tiles at {length} "
                      "tokens", self.ashlar("describe", model, flag).stdout)

    def test_models_have_no_errors(self):
        tensors = self.tensors(STORY, "--precision=int4,*down*=int8")
        self.assertFalse(any("error" in tensor for tensor in tensors))
        down = self.find(tensors, "model.layers.{layer}.mlp.down_proj.weight", 2)
        self.assertEqual(down["precision"], "int8")
        text = self.ashlar("describe", STORY, "--precision=int4").stdout
        self.assertNotIn("error", text)
        self.assertIn(" 0-2  int4 ", text)

    def test_every_kind_of_artifact(self):
        expected = None
        for output, *flags in (("m.so",), ("m",), ("m.o",), ("m.a",),
                               ("x.so", "--weights=external")):
            path = self.compile(STORY, output, "--precision=int8",
                                *(flags or []))
            tensors = self.tensors(path)
            expected = expected or tensors
            self.assertEqual(tensors, expected, output)

    def test_weights_that_are_elsewhere(self):
        library = self.compile(STORY, "m.so", "--precision=int8",
                               "--weights=external")
        weights = library + ".weights"
        os.rename(weights, self.path("elsewhere"))
        done = self.ashlar("describe", library)
        self.assertIn("m.so.weights: cannot be opened", done.stderr)
        self.assertIn(" 0-2  int8 ", done.stdout)
        tensors = self.tensors(library)
        self.assertFalse(any("error" in tensor for tensor in tensors))
        # Those of another compilation.
        other = self.compile(STORY, "o.so", "--precision=int4",
                             "--weights=external")
        os.rename(other + ".weights", weights)
        done = self.ashlar("describe", library)
        self.assertIn("another compilation", done.stderr)
        # Some of it is missing.
        os.rename(self.path("elsewhere"), weights)
        self.assertEqual(self.ashlar("describe", library).stderr, "")
        for size in (0, 40, 64, os.path.getsize(weights) - 1):
            os.truncate(weights, size)
            done = self.ashlar("describe", library)
            self.assertIn("truncated", done.stderr)
            self.assertIn("tensors", done.stdout)
            self.compile(STORY, "m.so", "--precision=int8",
                         "--weights=external")

    def test_patterns_match_something(self):
        for command in (("describe", STORY),
                        ("compile", STORY, "-o", self.path("m.so")),
                        ("inspect", STORY, "--stage=graph")):
            done = self.ashlar(*command, "--precision=int8,*up_proj*=bf16,x?=f32",
                               status=1)
            self.assertIn('no linear has a tensor that "x?" matches',
                          done.stderr)
            self.assertIn("ashlar describe MODEL", done.stderr)
        self.assertFalse(os.path.exists(self.path("m.so")))

    def test_experts(self):
        """A token reads the weights of its own experts only."""
        model = os.path.join(CASES, "mixtral", "model")
        done = json.loads(self.ashlar("describe", model, "--json").stdout)
        work = done["entries"][0]["work"]
        # Three layers of experts of 3 * 48 * 36, padded to panels of 16.
        one = 3 * 4 * (2 * 48 * 48 + 36 * 48)
        self.assertEqual(work["expert_bytes_per_row"], 2 * one)
        self.assertEqual(work["expert_bytes"], 4 * one)
        self.assertIn(" a row, up to ", self.ashlar("describe", model).stdout)
        done = self.ashlar("describe", model,
                           "--precision=int8,*.experts.1.w1*=f32", status=1)
        self.assertIn('"*.experts.1.w1*" matches some experts of a layer and '
                      "not others", done.stderr)

    def test_numbers_that_are_not_finite(self):
        model = self.path("model")
        os.mkdir(model)
        for name in os.listdir(STORY):
            with open(os.path.join(STORY, name), "rb") as source, \
                    open(os.path.join(model, name), "wb") as copy:
                copy.write(source.read())
        name = "model.layers.1.mlp.up_proj.weight"
        with open(os.path.join(model, "model.safetensors"), "r+b") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            begin = json.loads(file.read(length))[name]["data_offsets"][0]
            file.seek(8 + length + begin + 4 * 1000)
            file.write(struct.pack("<f", math.inf))
        done = self.ashlar("compile", model, "-o", self.path("m.so"),
                           "--precision=int8", status=1)
        self.assertIn(f'tensor "{name}": has a number that is infinity',
                      done.stderr)
        self.assertFalse(os.path.exists(self.path("m.so")))
        library = self.compile(model, "m.so",
                               "--precision=int8,*up_proj*=bf16")
        up = self.find(self.tensors(library),
                       "model.layers.{layer}.mlp.up_proj.weight", 1)
        self.assertIsNone(up["error"])


if __name__ == "__main__":
    unittest.main()
