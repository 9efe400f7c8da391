"""A token's bits depend on its sequence alone.

Catches partial sums that follow the number of threads, the size of the pieces
of a prompt, a row's place in a buffer, or its neighbours.
"""

import array
import os
import random
import unittest

from driver import CASES, EXAMPLES, DriverTest, read_npy, write_npy

MIXTRAL = os.path.join(CASES, "mixtral", "model")
THREADS = (1, 2, 3, 7)
CHUNKS = (1, 2, 3, 16, 17, 64)


class Bits(DriverTest):
    def ids(self, name, batch, length, vocabulary):
        numbers = random.Random(1).choices(range(vocabulary), k=batch * length)
        write_npy(self.path(name), (batch, length), numbers)
        return numbers

    def run_model(self, artifact, inputs, outputs, *flags):
        """The bytes of each output."""
        words = ["run", artifact, *flags]
        words += [f"--in={name}={self.path(file)}"
                  for name, file in inputs.items()]
        words += [f"--out={name}={self.path('out.' + name)}"
                  for name in outputs]
        self.ashlar(*words)
        result = {}
        for name in outputs:
            with open(self.path("out." + name), "rb") as file:
                result[name] = file.read()
        return result

    def rows(self, name):
        """Rows of an output [B, S, F] by batch."""
        (batch, length, features), numbers = read_npy(self.path("out." + name))
        step = length * features
        return [numbers[b * step:(b + 1) * step] for b in range(batch)]

    def check_threads(self, model, inputs, outputs):
        library = self.compile(os.path.join(EXAMPLES, model), "model.so")
        first = None
        for threads in THREADS:
            got = self.run_model(library, inputs, outputs,
                                 f"--threads={threads}")
            first = first or got
            self.assertEqual(got, first, threads)

    def test_threads_of_a_decoder(self):
        self.ids("ids", 1, 111, 532)
        self.check_threads("story-llama", {"input_ids": "ids"},
                           ["logits", "last_hidden_state"])

    def test_threads_of_an_encoder(self):
        self.ids("ids", 3, 37, 194)
        self.check_threads("sentiment-bert", {"input_ids": "ids"},
                           ["logits", "last_hidden_state"])

    def test_threads_of_an_encoder_decoder(self):
        self.ids("source", 2, 29, 45)
        self.ids("target", 2, 13, 45)
        self.check_threads("date-translator",
                           {"input_ids": "source", "decoder_input_ids": "target"},
                           ["logits", "encoder_last_hidden_state"])

    def test_threads_of_experts(self):
        """How many rows an expert has decides how they are cut."""
        self.ids("ids", 1, 61, 117)
        self.check_threads(MIXTRAL, {"input_ids": "ids"},
                           ["logits", "last_hidden_state"])

    def check_chunks(self, model, length, vocabulary, *flags):
        self.ids("ids", 1, length, vocabulary)
        folder = os.path.join(EXAMPLES, model)
        inputs, outputs = {"input_ids": "ids"}, ["logits", "last_hidden_state"]
        whole = self.run_model(self.compile(folder, "whole.so", *flags), inputs,
                               outputs)
        for chunk in CHUNKS:
            if chunk > length:
                continue
            library = self.compile(folder, f"chunk{chunk}.so",
                                   f"--max-tokens={chunk}", *flags)
            self.assertEqual(self.run_model(library, inputs, outputs), whole,
                             chunk)

    def test_chunks_of_llama(self):
        self.check_chunks("story-llama", 150, 532)

    def test_chunks_of_gpt2(self):
        self.check_chunks("calculator-gpt", 31, 15)

    def test_chunks_of_experts(self):
        """The same rows meet other neighbours, and one or many of them."""
        for precision in ("f32", "bf16", "int4,group=32"):
            with self.subTest(precision=precision):
                self.check_chunks(MIXTRAL, 61, 117, "--precision=" + precision)

    def test_rings(self):
        """Layers that see five tokens keep a ring of their keys, which goes round
        twice; calls as long as the sequence keep all."""
        model = os.path.join(EXAMPLES, "specs", "sliding_window.yaml")
        self.ids("ids", 3, 1400, 41)
        inputs, outputs = {"input_ids": "ids"}, ["last_hidden_state"]
        for precision in ("f32", "bf16", "f32,kv=int8"):
            with self.subTest(precision=precision):
                flags = ["--precision=" + precision, "--max-context=1400"]
                whole = self.run_model(
                    self.compile(model, "whole.so", "--max-tokens=1400", *flags),
                    inputs, outputs)
                ring = self.compile(model, "ring.so", "--max-tokens=17",
                                    "--max-sequences=3", *flags)
                self.assertEqual(self.run_model(ring, inputs, outputs), whole)

    def check_batch(self, model, vocabulary, outputs, flags, decoder=False):
        """Five sequences of different lengths, together and alone."""
        lengths, columns = (1, 20, 7, 33, 16), 33
        ids = self.ids("ids", 5, columns, vocabulary)
        mask = [int(c < n) for n in lengths for c in range(columns)]
        write_npy(self.path("mask"), (5, columns), mask)
        inputs = {"input_ids": "ids", "attention_mask": "mask"}
        target = self.ids("target", 5, 9, vocabulary)
        if decoder:
            inputs["decoder_input_ids"] = "target"
        library = self.compile(os.path.join(EXAMPLES, model), "model.so", *flags)
        self.run_model(library, inputs, outputs)
        together = {name: self.rows(name) for name in outputs}
        for b, length in enumerate(lengths):
            write_npy(self.path("ids"), (1, length),
                      ids[b * columns:b * columns + length])
            write_npy(self.path("target"), (1, 9), target[b * 9:b * 9 + 9])
            alone = {"input_ids": "ids"}
            if decoder:
                alone["decoder_input_ids"] = "target"
            self.run_model(library, alone, outputs)
            for name in outputs:
                (row,) = self.rows(name)
                self.assertGreater(len(row), 0)
                self.assertEqual(together[name][b][:len(row)].tobytes(),
                                 row.tobytes(), (name, b))
                # What is masked is zero.
                rest = together[name][b][len(row):]
                self.assertEqual(rest, array.array("f", [0] * len(rest)))

    def test_batch_of_llama(self):
        self.check_batch("story-llama", 532, ["logits"], ["--max-sequences=3"])

    def test_batch_of_llama_in_pieces(self):
        self.check_batch("story-llama", 532, ["logits"],
                         ["--max-sequences=5", "--max-tokens=19"])

    def test_batch_of_experts(self):
        self.check_batch(MIXTRAL, 117, ["logits"], ["--max-sequences=3"])

    def test_batch_of_bert(self):
        self.check_batch("sentiment-bert", 194, ["last_hidden_state"], [])

    def test_batch_of_marian(self):
        self.check_batch("date-translator", 45,
                         ["logits", "encoder_last_hidden_state"],
                         ["--max-sequences=4"], decoder=True)


if __name__ == "__main__":
    unittest.main()
