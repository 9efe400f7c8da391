"""Weights of attention: `run --attention` and `attend`.

The weights of first layers are computed here once more, from the formulas of the
specs under examples/specs. Catches: weights of another layer, head or sequence,
scores without bias, cap or mask, keys that move with padding or with the pieces
that a prompt is fed in.
"""

import array
import json
import math
import os
import re
import struct
import unittest

from driver import EXAMPLES, ROOT, DriverTest, read_npy, write_npy

TEXTBOOK = os.path.join(ROOT, "tests", "cases", "textbook")
TRANSLATOR = os.path.join(EXAMPLES, "date-translator")
GPT = os.path.join(EXAMPLES, "calculator-gpt")


def spec(name):
    return os.path.join(EXAMPLES, "specs", name + ".yaml")


def read_tensors(name):
    """Matrices by name, as lists of rows."""
    with open(os.path.join(TEXTBOOK, name, "model.safetensors"), "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        numbers = array.array("f", data[begin:end])
        columns = entry["shape"][-1]
        tensors[key] = [numbers[i:i + columns]
                        for i in range(0, len(numbers), columns)]
    return tensors


def project(rows, matrix):
    return [[sum(a * b for a, b in zip(row, out)) for out in matrix]
            for row in rows]


def softmax(scores):
    """Of scores, of which None is masked."""
    most = max(score for score in scores if score is not None)
    weights = [0.0 if score is None else math.exp(score - most)
               for score in scores]
    return [weight / sum(weights) for weight in weights]


def weigh(queries, keys, heads, score):
    """[heads][rows][keys]; score(head, i, j, product) gives None for a masked
    key."""
    width = len(queries[0]) // heads
    result = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        result.append([
            softmax([score(head, i, j,
                           sum(a * b for a, b in zip(query[part], key[part])))
                     for j, key in enumerate(keys)])
            for i, query in enumerate(queries)])
    return result


class Attend(DriverTest):
    def weights(self, artifact, choice, *inputs):
        self.ashlar("run", artifact, f"--attention={choice}",
                    *(f"--in={name}={file}" for name, file in inputs),
                    "--out=attention=a.npy")
        return read_npy(self.path("a.npy"))

    def check(self, found, expected):
        """`expected` is [batch][heads][rows][keys], without masked tokens at the
        end."""
        shape, numbers = found
        batch, heads, rows, columns = shape
        self.assertEqual((batch, heads), (len(expected), len(expected[0])))
        for b in range(batch):
            for h in range(heads):
                for i in range(rows):
                    begin = ((b * heads + h) * rows + i) * columns
                    row = numbers[begin:begin + columns]
                    wanted = (expected[b][h][i] if i < len(expected[b][h])
                              else [])
                    wanted = wanted + [0.0] * (columns - len(wanted))
                    for a, e in zip(row, wanted, strict=True):
                        self.assertAlmostEqual(a, e, 5)

    def check_spec(self, name, run, heads, score, weightless=False):
        """The first layer's weights in a case whose inputs are vectors."""
        path = os.path.join(TEXTBOOK, name, run)
        inputs = [("inputs", os.path.join(path, "in.inputs.npy"))]
        (batch, length, width), numbers = read_npy(inputs[0][1])
        lengths = [length] * batch
        mask = os.path.join(path, "in.attention_mask.npy")
        if os.path.exists(mask):
            inputs.append(("attention_mask", mask))
            _, kept = read_npy(mask)
            lengths = [sum(kept[b * length:(b + 1) * length])
                       for b in range(batch)]
            self.assertLess(min(lengths), length)
        tensors = read_tensors(name) if not weightless else {}
        expected = []
        for b in range(batch):
            rows = [numbers[(b * length + i) * width:][:width]
                    for i in range(lengths[b])]
            query, key = (
                (rows, rows) if weightless else
                (project(rows, tensors[f"layers.0.attention.{part}.weight"])
                 for part in ("query", "key")))
            expected.append(weigh(query, key, heads, score))
        library = self.path(name + ".so")
        if not os.path.exists(library):
            self.compile(spec(name), name + ".so", "--taps")
        self.check(self.weights(library, "0", *inputs), expected)

    def test_products(self):
        for run in ("b1_s1", "b1_s7", "b1_s33", "b2_s9_rightpad"):
            with self.subTest(run):
                self.check_spec("multi_head", run, 4,
                                lambda h, i, j, s: s / math.sqrt(6))

    def test_without_weights(self):
        self.check_spec("self_attention_weightless", "b1_s33", 1,
                        lambda h, i, j, s: s, weightless=True)

    def test_windows(self):
        self.check_spec(
            "local_window", "b1_s33", 3,
            lambda h, i, j, s: s / math.sqrt(8) if abs(i - j) < 4 else None)

    def test_soft_caps(self):
        self.check_spec("soft_cap", "b2_s9_rightpad", 3, lambda h, i, j, s:
                        2 * math.tanh(s / math.sqrt(8) / 2))

    def test_marked_tokens(self):
        """Their weights are of other projections, in the same place."""
        tensors = read_tensors("marked_tokens")
        path = os.path.join(TEXTBOOK, "marked_tokens", "b1_s33")
        files = [(name, os.path.join(path, f"in.{name}.npy"))
                 for name in ("input_ids", "marks")]
        ids, marks = (read_npy(file)[1] for _, file in files)
        self.assertIn(sum(marks), range(2, 33))
        rows = [tensors["tokens.weight"][id] for id in ids]
        query, key, marked_query, marked_key = (
            project(rows, tensors[f"layers.0.attention.{part}.weight"])
            for part in ("query", "key", "marked_query", "marked_key"))
        others = weigh(query, key, 3, lambda h, i, j, s: s / math.sqrt(8)
                       if abs(i - j) < 4 or marks[j] else None)
        marked = weigh(marked_query, marked_key, 3,
                       lambda h, i, j, s: s / math.sqrt(8))
        expected = [[(marked if marks[i] else others)[head][i]
                     for i in range(33)] for head in range(3)]
        library = self.compile(spec("marked_tokens"), "m.so", "--taps")
        self.check(self.weights(library, "0", *files), [expected])

    def test_bias_and_prompts_in_pieces(self):
        slopes = [2.0 ** -x for x in (2, 4, 6, 8, 1, 3)]
        tensors = read_tensors("positions_alibi")
        path = os.path.join(TEXTBOOK, "positions_alibi", "b1_s33",
                            "in.input_ids.npy")
        _, ids = read_npy(path)
        rows = [tensors["tokens.weight"][id] for id in ids]
        expected = weigh(
            project(rows, tensors["layers.0.attention.query.weight"]),
            project(rows, tensors["layers.0.attention.key.weight"]), 6,
            lambda h, i, j, s: None if j > i else
            s / math.sqrt(6) - slopes[h] * (i - j))
        for limit in (512, 5):
            library = self.compile(spec("positions_alibi"), "m.so", "--taps",
                                   f"--max-tokens={limit}")
            found = self.weights(library, "0", ("input_ids", path))
            self.check(found, [expected])
            shape, numbers = self.weights(library, "0:4", ("input_ids", path))
            self.assertEqual(shape, (1, 33, 33))
            self.assertEqual(list(numbers),
                             list(found[1][4 * 33 * 33:5 * 33 * 33]))
        # Other layers are others.
        self.assertNotEqual(
            list(self.weights(library, "1", ("input_ids", path))[1]),
            list(found[1]))

    def test_keys_of_several_splits(self):
        """The weights of all keys are against one maximum and one sum."""
        length, head = 1100, 3
        tensors = read_tensors("positions_alibi")
        ids = [(i * i) % len(tensors["tokens.weight"]) for i in range(length)]
        write_npy(self.path("ids.npy"), (1, length), ids)
        rows = [tensors["tokens.weight"][id] for id in ids]
        queries, keys = (
            [row[6 * head:6 * head + 6] for row in project(
                rows, tensors[f"layers.0.attention.{part}.weight"])]
            for part in ("query", "key"))
        library = self.compile(spec("positions_alibi"), "m.so", "--taps",
                               f"--max-tokens={length}",
                               f"--max-context={length}")
        shape, numbers = self.weights(library, f"0:{head}",
                                      ("input_ids", self.path("ids.npy")))
        self.assertEqual(shape, (1, length, length))
        for i in (1023, 1024, 1099):
            expected = softmax(
                [sum(a * b for a, b in zip(queries[i], keys[j])) / math.sqrt(6)
                 - 2.0 ** -8 * (i - j) for j in range(i + 1)])
            self.assertGreater(sum(expected[:76]), 1e-3)
            row = numbers[i * length:(i + 1) * length]
            for a, e in zip(row, expected + [0.0] * (length - i - 1),
                            strict=True):
                self.assertAlmostEqual(a, e, 6)

    def test_low_precisions_are_near(self):
        path = os.path.join(TEXTBOOK, "positions_alibi", "b1_s33",
                            "in.input_ids.npy")
        exact = self.compile(spec("positions_alibi"), "m.so", "--taps")
        _, wanted = self.weights(exact, "1", ("input_ids", path))
        for precision in ("bf16", "f32,kv=int8"):
            near = self.compile(spec("positions_alibi"), "n.so", "--taps",
                                f"--precision={precision}")
            shape, found = self.weights(near, "1", ("input_ids", path))
            for row in range(6 * 33):
                numbers = found[row * 33:(row + 1) * 33]
                self.assertAlmostEqual(sum(numbers), 1, 2)
                for column in range(row % 33 + 1, 33):
                    self.assertEqual(numbers[column], 0)
            self.assertLess(max(abs(a - b) for a, b in zip(found, wanted)),
                            0.05)

    def test_cross_attention(self):
        """Of a source and a target that are both padded: what each sequence has
        alone, and rows that add up to 1."""
        library = self.compile(TRANSLATOR, "m.so", "--taps")
        sources, targets = [[5, 6, 7, 8, 9], [9, 8, 7]], [[1, 5, 6], [1, 9]]
        def write(name, lists):
            most = max(len(row) for row in lists)
            ids = [id for row in lists for id in row + [0] * (most - len(row))]
            write_npy(self.path(name), (len(lists), most), ids)
            mask = [int(i < len(row)) for row in lists for i in range(most)]
            write_npy(self.path("mask." + name), (len(lists), most), mask)
            return name
        def run(choice, sources, targets):
            return self.weights(
                library, choice, ("input_ids", write("s.npy", sources)),
                ("attention_mask", "mask.s.npy"),
                ("decoder_input_ids", write("t.npy", targets)),
                ("decoder_attention_mask", "mask.t.npy"))
        self.assertEqual(run("1", sources, targets),
                         run("decoder:1", sources, targets))
        for choice, rows, columns in (("encoder:1", sources, sources),
                                      ("decoder:1", targets, targets),
                                      ("cross:0", targets, sources)):
            (batch, heads, height, width), both = run(choice, sources, targets)
            self.assertEqual((batch, height, width),
                             (2, len(rows[0]), len(columns[0])))
            for b in range(batch):
                _, alone = run(choice, [sources[b]], [targets[b]])
                for h in range(heads):
                    for i in range(len(rows[b])):
                        begin = ((b * heads + h) * height + i) * width
                        row = both[begin:begin + width]
                        self.assertAlmostEqual(sum(row), 1, 5)
                        length = len(columns[b])
                        begin = (h * len(rows[b]) + i) * length
                        self.assertEqual(list(row[:length]),
                                         list(alone[begin:begin + length]))
                        self.assertEqual(list(row[length:]),
                                         [0] * (width - length))

    def test_drawings(self):
        for model, choice, names in (
                (GPT, "0", ("layer 0", "head 0")),
                (TRANSLATOR, "cross:1:2", ("cross-attention, layer 1",
                                           "head 2"))):
            self.ashlar("attend", model, "--prompt=1+2<&\"=",
                        f"--attention={choice}", "--svg=a.svg")
            with open(self.path("a.svg")) as file:
                svg = file.read()
            self.assertTrue(svg.startswith("<svg") and
                            svg.endswith("</svg>\n"))
            for name in names:
                self.assertIn(name, svg)
            self.assertEqual(svg.count("<rect"),
                             svg.count("<title>") + svg.count('"frame"') + 1)
            sums = {}
            for y, weight in re.findall(r'y="([\d.]+)" width="[^"]*" height='
                                        r'"[^"]*" fill-opacity="([\d.]+)"', svg):
                sums[y] = sums.get(y, 0) + float(weight)
            self.assertTrue(sums)

    def test_refusals(self):
        library = self.compile(TRANSLATOR, "m.so", "--taps")
        plain = self.compile(TRANSLATOR, "p.so")
        write_npy(self.path("i.npy"), (1, 2), [5, 6])
        write_npy(self.path("d.npy"), (1, 1), [1])
        inputs = ("--in=input_ids=i.npy", "--in=decoder_input_ids=d.npy")
        for artifact, choice, said in (
                (plain, "0", "compile it with --taps"),
                (library, "7", "layers of the model are 0 to 1"),
                (library, "cross:7", "layers of cross-attention are 0 to 1"),
                (library, "encoder:0:99", "heads are 0 to 3"),
                (library, "", "expected LAYER"),
                (library, "0:", "expected LAYER"),
                (library, "0:99999999999", "expected LAYER"),
                (library, "x:0", "expected LAYER"),
                (library, "99999999999", "expected LAYER")):
            with self.subTest(choice):
                done = self.ashlar("run", artifact, *inputs,
                                   f"--attention={choice}",
                                   "--out=attention=a.npy", status=1)
                self.assertIn(said, done.stderr)
                self.assertFalse(os.path.exists(self.path("a.npy")))
        gpt = self.compile(GPT, "g.so", "--taps")
        for choice in ("cross:0", "encoder:0"):
            done = self.ashlar("attend", gpt, "--ids=5,6", "--svg=a.svg",
                               f"--attention={choice}", status=1)
            self.assertIn("this model has none", done.stderr)
        for flags in (("--attention=0", "--out=logits=l.npy"),
                      ("--out=attention=a.npy",)):
            self.ashlar("run", library, *inputs, *flags, status=2)
        twice = ("--attention=cross:0", "--attention=cross:1")
        for words in (("run", library, *inputs, *twice, "--out=attention=a.npy"),
                      ("attend", library, "--prompt=1", *twice, "--svg=a.svg")):
            done = self.ashlar(*words, status=2)
            self.assertIn("--attention is given 2 times; expected it once",
                          done.stderr)
        for flags in (("--svg=a.svg",), ("--prompt=1", "--ids=1"),
                      ("--prompt=1",), ("--prompt=1", "--svg=a.png")):
            self.ashlar("attend", library, *flags, status=2)
        self.assertFalse(os.path.exists(self.path("a.svg")))


if __name__ == "__main__":
    unittest.main()
