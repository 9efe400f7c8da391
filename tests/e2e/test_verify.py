"""verify finds what is wrong, and describe and bench say what is.

Catches a verify that cannot fail, a manifest that lies about the artifact, and
work that is counted wrongly.
"""

import json
import os
import unittest

from driver import CASES, EQUATION_CASES, EXAMPLES, DriverTest

CALCULATOR = os.path.join(EXAMPLES, "calculator-gpt")
LLAMA = os.path.join(CASES, "llama_gqa", "model")


class Verify(DriverTest):
    def test_other_weights_are_beyond_tolerance(self):
        library = self.compile(LLAMA, "m.so", "--taps", "--random-weights=1")
        same = ("verify", LLAMA, "--artifact", library)
        self.ashlar(*same, "--random-weights=1")
        done = self.ashlar(*same, "--random-weights=2", status=3)
        self.assertIn("BEYOND TOLERANCE", done.stdout)
        done = self.ashlar(*same, "--json", status=3)
        self.assertFalse(json.loads(done.stdout)["passed"])

    def test_one_wrong_number_is_found_where_it_is(self):
        """A weight of the last norm, which only what follows it sees."""
        library = self.compile(LLAMA, "m.so", "--taps", "--weights=external",
                               "--random-weights=1")
        words = ("verify", LLAMA, "--artifact", library, "--random-weights=1",
                 "--json")
        before = json.loads(self.ashlar(*words).stdout)["tensors"]
        with open(library + ".weights", "r+b") as file:
            # The image's last 4 KiB belong to what is computed last.
            size = os.path.getsize(library + ".weights")
            file.seek(size - 4096)
            data = file.read()
            file.seek(size - 4096)
            file.write(b"\x00\x00\x80\x40" * 64 + data[256:])
        after = json.loads(self.ashlar(*words, status=3).stdout)["tensors"]
        failed = [t["name"] for t in after if not t["passed"]]
        self.assertTrue(failed)
        self.assertLess(len(failed), len(before))

    def test_layers(self):
        done = self.ashlar("verify", CALCULATOR, "--layers=1-2", "--json")
        layers = {t["layer"] for t in json.loads(done.stdout)["tensors"]}
        self.assertEqual(layers, {1, 2})
        self.ashlar("verify", CALCULATOR, "--layers=7", status=1)
        self.ashlar("verify", CALCULATOR, "--layers=2-1", status=2)

    def test_layers_of_different_scales(self):
        """1/2 moves into the weights of one layer, 1/3 stays in another."""
        model = os.path.join(EQUATION_CASES, "gpt2_by_layer", "model")
        done = self.ashlar("verify", model, "--json")
        report = json.loads(done.stdout)
        self.assertTrue(report["passed"])
        self.assertEqual({t["layer"] for t in report["tensors"]
                          if t["name"].endswith("c_attn.q")}, {0, 1, 2})

    def test_artifact_must_fit(self):
        library = self.compile(CALCULATOR, "m.so")
        done = self.ashlar("verify", CALCULATOR, "--artifact", library, status=1)
        self.assertIn("--taps", done.stderr)
        done = self.ashlar("verify", LLAMA, "--artifact", library, status=1)
        self.assertIn("another description", done.stderr)

    def test_without_fusions(self):
        """Each fusion can be left out, and the result is right without it."""
        for name in ("fold-attention-scale", "merge-qkv", "fuse-rotary",
                     "fuse-residual-norm", "merge-gate-up", "fuse-epilogue"):
            self.ashlar("verify", LLAMA, f"--disable-fusion={name}")

    def test_lengths_reached_in_pieces(self):
        """Angles of the length so far, keys that stay as they were rotated."""
        for cases, name in ((CASES, "llama_rope_dynamic"),
                            (EQUATION_CASES, "phi3_longrope")):
            model = os.path.join(cases, name, "model")
            for precision in ("f32", "bf16"):
                self.ashlar("verify", model, "--tokens=45", "--max-tokens=6",
                            f"--precision={precision}")

    def test_targets(self):
        self.ashlar("verify", LLAMA, "--target=x86-64-v3")


class Describe(DriverTest):
    def test_artifact_and_model_say_the_same(self):
        library = self.compile(CALCULATOR, "m.so")
        built = json.loads(self.ashlar("describe", library, "--json").stdout)
        planned = json.loads(
            self.ashlar("describe", CALCULATOR, "--json").stdout)
        for key in ("memory", "limits", "entries", "target", "spec_hash",
                    "flops_per_token", "bytes_per_token"):
            self.assertEqual(built[key], planned[key], key)
        for output in ("m", "m.o", "m.a"):
            other = self.ashlar("describe", self.compile(CALCULATOR, output),
                                "--json").stdout
            self.assertEqual(json.loads(other)["entries"], built["entries"])

    def test_work_per_token(self):
        """3 layers of 96: qkv, output and MLP are 12 * 96^2 multiply-adds."""
        text = self.ashlar("describe", CALCULATOR, "--json").stdout
        manifest = json.loads(text)
        layers, head = 3 * 12 * 96 * 96, 96 * 15
        self.assertEqual(manifest["flops_per_token"], 2 * (layers + head))
        decode = manifest["entries"][0]["work"]
        self.assertEqual(decode["flops_per_key"], 3 * 4 * 96)
        self.assertEqual(decode["bytes_per_key"], 3 * 2 * 96 * 4)
        # All weights, each once, at most padded.
        self.assertGreaterEqual(manifest["bytes_per_token"], 4 * (layers + head))
        self.assertLess(manifest["bytes_per_token"], 4.2 * (layers + head))

    def test_needs_no_weights(self):
        os.mkdir(self.path("model"))
        os.symlink(os.path.join(CALCULATOR, "config.json"),
                   self.path("model/config.json"))
        done = self.ashlar("describe", self.path("model"))
        self.assertIn("last_hidden_state [B, S, 96]", done.stdout)
        self.ashlar("spec", self.path("model"))
        self.ashlar("inspect", self.path("model"), "--stage=fuse-epilogue")


class Bench(DriverTest):
    def test_measures(self):
        for model, first in (("calculator-gpt", "prompt"),
                             ("sentiment-bert", "encode"),
                             ("date-translator", "encode")):
            done = self.ashlar("bench", os.path.join(EXAMPLES, model),
                               "--prompt-tokens=16", "--json", "--threads=1")
            result = json.loads(done.stdout)
            self.assertEqual(result[first]["tokens"], 16)
            self.assertEqual("decode" in result, model != "sentiment-bert")
            for phase in result.values():
                self.assertGreater(phase["milliseconds"], 0)
                self.assertGreater(phase["gflop_per_second"], 0)


if __name__ == "__main__":
    unittest.main()
