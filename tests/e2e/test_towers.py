"""Folders with two towers, and heads that make one row of a sequence.

Catches a tower that is not the model of its own that it should be, a choice that is
made for the user, and rows of a batch that a pool gives to another one.
"""

import json
import os
import unittest

from driver import EQUATION_CASES, DriverTest, read_case, read_npy, write_npy


def model_of(case):
    return os.path.join(EQUATION_CASES, case, "model")


class Towers(DriverTest):
    def single(self, case, part, changes):
        """A folder that holds one tower of the case's alone."""
        folder = self.path(f"{case}_single")
        os.mkdir(folder)
        with open(os.path.join(model_of(case), "config.json")) as file:
            config = {**json.load(file)[part], **changes}
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file)
        os.symlink(os.path.join(model_of(case), "model.safetensors"),
                   os.path.join(folder, "model.safetensors"))
        return folder

    def run_case(self, library, case, name, output):
        run, = [r for r in read_case(case, EQUATION_CASES)["runs"]
                if r["name"] == name]
        words = ["run", library, f"--out={output}={self.path('out.npy')}"]
        for given in run["inputs"]:
            file = os.path.join(EQUATION_CASES, case, given["file"])
            words.append(f"--in={given['name']}={file}")
        self.ashlar(*words)
        return read_npy(self.path("out.npy"))

    def test_are_the_models_of_their_own(self):
        """To the bit, under the name that the other class gives the output."""
        for case, tower, part, changes, run, outputs in (
                ("clip_text_tower", "text", "text_config",
                 {"architectures": ["CLIPTextModelWithProjection"],
                  "projection_dim": 22}, "b1_s33", ("text_embeds",) * 2),
                ("clip_image_tower", "vision", "vision_config",
                 {"architectures": ["CLIPVisionModelWithProjection"],
                  "projection_dim": 22}, "b3", ("image_embeds",) * 2),
                ("siglip_text_tower", "text", "text_config",
                 {"architectures": ["SiglipTextModel"]}, "b2_s9",
                 ("text_embeds", "pooler_output")),
                ("siglip_image_tower", "vision", "vision_config",
                 {"architectures": ["SiglipVisionModel"]}, "b3",
                 ("image_embeds", "pooler_output"))):
            both = self.compile(model_of(case), "both.so", f"--tower={tower}")
            alone = self.compile(self.single(case, part, changes), "alone.so")
            for output in (outputs, ("last_hidden_state",) * 2):
                self.assertEqual(self.run_case(both, case, run, output[0]),
                                 self.run_case(alone, case, run, output[1]),
                                 (case, output))

    def with_tokenizer(self, folder, model):
        """`model` with words "w5", "w6", ..., an end token behind a text."""
        vocabulary = {"<unk>": 0, "<pad>": 1, "<end>": 50,
                      **{f"w{i}": i for i in range(2, 50)}}
        post = {"type": "TemplateProcessing", "pair": [],
                "single": [{"Sequence": {"id": "A", "type_id": 0}},
                           {"SpecialToken": {"id": "<end>", "type_id": 0}}],
                "special_tokens": {"<end>": {"id": "<end>", "ids": [50],
                                             "tokens": ["<end>"]}}}
        os.makedirs(folder, exist_ok=True)
        for name in ("config.json", "model.safetensors"):
            if not os.path.exists(os.path.join(folder, name)):
                os.symlink(os.path.join(model, name),
                           os.path.join(folder, name))
        with open(os.path.join(folder, "tokenizer.json"), "w") as file:
            json.dump({"model": {"type": "WordLevel", "vocab": vocabulary,
                                 "unk_token": "<unk>"},
                       "pre_tokenizer": {"type": "WhitespaceSplit"},
                       "post_processor": post}, file)
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump({"pad_token": "<pad>"}, file)
        return folder

    def rows_of(self, library, ids, output):
        write_npy(self.path("ids.npy"), (1, len(ids)), ids)
        self.ashlar("run", library, "--in=input_ids=ids.npy",
                    f"--out={output}=o.npy")
        return read_npy(self.path("o.npy"))

    def test_texts_are_embedded_by_their_head(self):
        """In SigLIP of all positions, as its last row is that of the text."""
        ids = [7, 8, 9, 50]
        for case, fill in (("clip_text_tower", 0), ("siglip_text_tower", 30)):
            folder = self.with_tokenizer(self.path(case), model_of(case))
            library = self.compile(folder, "m.so", "--tower=text")
            _, expected = self.rows_of(library, ids + [1] * fill, "text_embeds")
            program = self.compile(folder, "m", "--tower=text")
            done = self.ashlar("embed", library, "--text=w7 w8 w9",
                               "--out=e.npy")
            self.assertEqual(done.stderr, "")
            shape, numbers = read_npy(self.path("e.npy"))
            self.assertEqual(shape, (1, len(expected)))
            self.assertEqual(numbers, expected, case)
            self.execute([program, "--out=sentence_embedding=p.npy",
                          "w7 w8 w9"])
            self.assertEqual(read_npy(self.path("p.npy")), (shape, expected))
            # Who asks for rows gets those of the text alone.
            (_, length, hidden), rows = self.rows_of(library, ids,
                                                     "last_hidden_state")
            self.ashlar("embed", library, "--text=w7 w8 w9", "--pooling=last",
                        "--out=e.npy")
            self.assertEqual(read_npy(self.path("e.npy"))[1],
                             rows[(length - 1) * hidden:])

    def test_the_end_token_is_the_pooler_s(self):
        folder = self.single("clip_text_tower", "text_config",
                             {"architectures": ["CLIPTextModel"]})
        library = self.compile(folder, "m.so")
        for ids in ([7, 8, 50, 9, 50, 3], [50], [7, 8, 9]):
            end = ids.index(50) if 50 in ids else 0
            (_, _, hidden), rows = self.rows_of(library, ids,
                                                "last_hidden_state")
            shape, row = self.rows_of(library, ids, "pooler_output")
            self.assertEqual(shape, (1, hidden))
            self.assertEqual(row, rows[end * hidden:(end + 1) * hidden])

    def test_the_user_chooses(self):
        model = model_of("clip_text_tower")
        both = (f"error: {model}/config.json: the folder holds two models, one "
                "of texts and one of images\nchoose with --tower=text or "
                "--tower=vision\n")
        for words in (("compile", model, "-o", "m.so"), ("spec", model),
                      ("describe", model), ("verify", model),
                      ("inspect", model, "--list-stages")):
            self.assertEqual(self.ashlar(*words, status=1).stderr, both)
        self.assertFalse(os.path.exists(self.path("m.so")))
        done = self.ashlar("compile", model, "-o", "m.so", "--tower=audio",
                           status=1)
        self.assertIn('--tower is "audio"; expected text or vision',
                      done.stderr)
        done = self.ashlar("spec", model_of("clip_classifier"), "--tower=text",
                           status=1)
        self.assertIn("expected vision, as CLIPForImageClassification has no "
                      "other", done.stderr)
        done = self.ashlar("compile", model_of("modernbert"), "-o", "m.so",
                           "--tower=text", status=1)
        self.assertIn("the folder holds one model", done.stderr)

    def test_a_description_is_of_one(self):
        model = model_of("siglip_image_tower")
        self.ashlar("spec", model, "--tower=vision", "-o", "images.yaml")
        library = self.compile(self.path("images.yaml"), "yaml.so")
        direct = self.compile(model, "folder.so", "--tower=vision")
        case = "siglip_image_tower"
        self.assertEqual(self.run_case(library, case, "b1", "image_embeds"),
                         self.run_case(direct, case, "b1", "image_embeds"))
        done = self.ashlar("spec", "images.yaml", "--tower=vision", status=1)
        self.assertIn("a description is of one model", done.stderr)
        done = self.ashlar("describe", direct, "--tower=text", status=2)
        self.assertIn("--tower is for a model that is compiled", done.stderr)
        described = self.ashlar("describe", direct).stdout
        self.assertIn("all rows of each sequence -> image_embeds [B, 36]\n",
                      described)
        # Query, key and value of each row; the output and 52 wide behind it.
        self.assertIn(f"{2 * 3 * 36 * 36:,} FLOPs a row + {4 * 36} a key + "
                      f"{2 * (36 * 36 + 2 * 36 * 52):,} a sequence\n",
                      described)
        described = self.ashlar("describe", model, "--tower=text").stdout
        self.assertIn("the last row of each sequence -> text_embeds [B, 36]\n",
                      described)


class PooledRows(DriverTest):
    def test_calls_and_rows_without_tokens(self):
        """Five texts in several calls, the second of them without a token."""
        library = self.compile(model_of("modernbert_classifier_mean"), "m.so",
                               "--max-tokens=12", "--max-sequences=3")
        lengths, columns = (4, 0, 5, 12, 1), 12
        ids = [[5 + (7 * row + 3 * column) % 40 for column in range(columns)]
               for row in range(len(lengths))]
        mask = [[int(column < length) for column in range(columns)]
                for length in lengths]
        flat = lambda rows: [number for row in rows for number in row]
        shape = (len(lengths), columns)
        write_npy(self.path("ids.npy"), shape, flat(ids))
        write_npy(self.path("mask.npy"), shape, flat(mask))
        self.ashlar("run", library, "--in=input_ids=ids.npy",
                    "--in=attention_mask=mask.npy", "--out=logits=o.npy")
        shape, logits = read_npy(self.path("o.npy"))
        self.assertEqual(tuple(shape), (5, 4))
        for row, length in enumerate(lengths):
            got = list(logits[4 * row:4 * row + 4])
            if not length:
                self.assertEqual(got, [0.0] * 4)
                continue
            write_npy(self.path("one.npy"), (1, length), ids[row][:length])
            self.ashlar("run", library, "--in=input_ids=one.npy",
                        "--out=logits=o1.npy")
            self.assertEqual(got, list(read_npy(self.path("o1.npy"))[1]))
            self.assertNotEqual(got, [0.0] * 4)

    def test_bits_are_the_image_s_own(self):
        """Of a probe's attention, too: whatever else is in the batch."""
        case = "siglip_image_tower"
        shape, pixels = read_npy(os.path.join(
            EQUATION_CASES, case, "b3", "in.pixel_values.npy"))
        size = len(pixels) // 3
        images = [pixels[i * size:(i + 1) * size] for i in range(3)]
        for precision in ("f32", "bf16", "int8"):
            library = self.compile(model_of(case), f"{precision}.so",
                                   "--tower=vision", "--max-tokens=18",
                                   f"--precision={precision}")

            def run(of, threads):
                write_npy(self.path("in.npy"), (len(of), *shape[1:]),
                          [x for image in of for x in image], "<f4")
                self.ashlar("run", library, "--in=pixel_values=in.npy",
                            "--out=image_embeds=e.npy", f"--threads={threads}")
                _, numbers = read_npy(self.path("e.npy"))
                wide = len(numbers) // len(of)
                return [numbers[i * wide:(i + 1) * wide].tobytes()
                        for i in range(len(of))]

            alone = [run([image], 1)[0] for image in images]
            self.assertEqual(run(images, 1), alone)
            self.assertEqual(run(images[::-1], 2), alone[::-1])
            self.assertEqual(len(set(alone)), 3)

    def test_values_that_are_not_numbers(self):
        """A row that a mean leaves out may be anything; one that counts not."""
        library = self.compile(model_of("dinov2_classifier"), "m.so")
        shape, pixels = read_npy(os.path.join(
            EQUATION_CASES, "dinov2_classifier", "b3", "in.pixel_values.npy"))
        size = len(pixels) // 3
        pixels[size] = float("nan")
        write_npy(self.path("in.npy"), shape, pixels, "<f4")
        self.ashlar("run", library, "--in=pixel_values=in.npy",
                    "--out=logits=o.npy")
        _, logits = read_npy(self.path("o.npy"))
        self.assertEqual([x == x for x in logits],
                         [True] * 5 + [False] * 5 + [True] * 5)

    def test_teacher(self):
        """Three heads of one call: the mean is that of the two others."""
        library = self.compile(model_of("deit_teacher"), "m.so")
        given = os.path.join(EQUATION_CASES, "deit_teacher", "b3",
                             "in.pixel_values.npy")
        names = ("logits", "cls_logits", "distillation_logits")
        self.ashlar("run", library, f"--in=pixel_values={given}",
                    *[f"--out={name}={name}.npy" for name in names])
        both, first, second = (read_npy(self.path(f"{name}.npy"))[1]
                               for name in names)
        self.assertEqual(len(both), 9)
        for mean, a, b in zip(both, first, second):
            self.assertAlmostEqual(mean, (a + b) / 2, 5)


if __name__ == "__main__":
    unittest.main()
