"""What users get wrong: exit statuses, messages, and nothing left behind.

Catches crashes, half-written files, and faults of input that look like faults
of usage or the other way round.
"""

import os
import shutil
import signal
import subprocess
import time
import unittest

from driver import ASHLAR, EXAMPLES, DriverTest, write_npy

CALCULATOR = os.path.join(EXAMPLES, "calculator-gpt")
SENTIMENT = os.path.join(EXAMPLES, "sentiment-bert")

USAGE = (
    ("compile",),
    ("compile", CALCULATOR),
    ("compile", CALCULATOR, "-o", "m.so", "--no-such"),
    ("compile", CALCULATOR, "-o", "m.so", "--emit=other"),
    ("compile", CALCULATOR, "-o", "m.so", "--target=x86-64-v3", "--emulate"),
    ("compile", CALCULATOR, "-o", "m.so", "--max-tokens=0"),
    ("compile", CALCULATOR, "-o", "m.so", "--max-tokens=x"),
    ("compile", CALCULATOR, "-o", "m.o", "--weights=segment"),
    ("run",),
    ("run", CALCULATOR),
    ("run", CALCULATOR, "--in=x", "--out=logits=o.npy"),
    ("run", CALCULATOR, "--out=logits=o.npy", "--out=logits=p.npy"),
    ("run", CALCULATOR, "--out=logits=o.npy", "--threads=0"),
    ("generate", CALCULATOR),
    ("generate", CALCULATOR, "--prompt=1+1=", "--ids=1"),
    ("generate", CALCULATOR, "--ids=1,,2"),
    ("generate", CALCULATOR, "--ids=-1"),
    ("generate", CALCULATOR, "--ids=1", "--ids=2"),
    ("generate", CALCULATOR, "--ids=1", "--beams=1", "--length-penalty=1"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--max-new-tokens=-2"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--temperature=0"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--temperature=-1"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--temperature=nan"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--temperature=inf"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--temperature=x"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--top-k=0"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--top-k=1.5"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--top-p=0"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--top-p=1.1"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--seed=-1"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--repetition-penalty=0"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--stop-ids=a"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=0"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=2", "--n-best=3"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=2", "--stream"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=2", "--seed=1"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=2",
     "--length-penalty=100"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--length-penalty=1"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--early-stopping=true"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=2",
     "--early-stopping=1"),
    ("classify", SENTIMENT),
    ("classify", SENTIMENT, "--text=a", "--file=b"),
    ("embed", SENTIMENT, "--text=a"),
    ("embed", SENTIMENT, "--out=e.npy"),
    ("embed", SENTIMENT, "--text=a", "--file=b", "--out=e.npy"),
    ("embed", SENTIMENT, "--text=a", "--out=e.npy", "--pooling=median"),
    ("embed", SENTIMENT, "--text=a", "--out=e.npy", "--normalize",
     "--no-normalize"),
    ("inspect", CALCULATOR),
    ("inspect", CALCULATOR, "--stage=none"),
    ("spec",),
    ("spec", CALCULATOR, "extra"),
    ("describe",),
    ("describe", CALCULATOR, "--max-tokens"),
    ("verify", CALCULATOR, "--tokens=0"),
    ("verify", CALCULATOR, "--case=x", "--tokens=3"),
    ("verify", CALCULATOR, "--layers=a-b"),
    ("bench", CALCULATOR, "--prompt-tokens=0"),
    ("bench", SENTIMENT, "--new-tokens=3"),
    ("bench", CALCULATOR, "--phases=1"),
    ("bench", CALCULATOR, "--roofline"),
    ("bench", CALCULATOR, "--roofline="),
    ("bench", CALCULATOR, "--roofline=drawing.png"),
    ("bench", CALCULATOR, "--roofline=r.svg", "--prompt-tokens=1000"),
)

FAILURES = (
    ("compile", "none", "-o", "m.so"),
    ("compile", CALCULATOR, "-o", "none/m.so"),
    ("compile", CALCULATOR, "-o", "m.so", "--max-context=1000"),
    ("run", "none.so", "--out=logits=o.npy"),
    ("run", "text", "--out=logits=o.npy"),
    ("run", CALCULATOR, "--in=input_ids=none.npy", "--out=logits=o.npy"),
    ("run", CALCULATOR, "--in=input_ids=text", "--out=logits=o.npy"),
    ("run", CALCULATOR, "--in=input_ids=ids.npy", "--out=other=o.npy"),
    ("run", CALCULATOR, "--in=other=ids.npy", "--out=logits=o.npy"),
    ("run", CALCULATOR, "--in=input_ids=big.npy", "--out=logits=o.npy"),
    ("run", CALCULATOR, "--in=input_ids=ids.npy", "--out=logits=none/o.npy"),
    ("run", CALCULATOR, "--in=input_ids=ids.npy", "--out=logits=o.npy",
     "--out=last_hidden_state=none/o.npy"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--decoder-ids=1"),
    ("generate", CALCULATOR, "--ids=15"),
    ("generate", CALCULATOR, "--ids=1", "--stop-ids=15"),
    ("generate", CALCULATOR, "--prompt="),
    ("generate", CALCULATOR, "--prompt-file=none"),
    ("generate", CALCULATOR, "--in=other=ids.npy"),
    ("generate", SENTIMENT, "--prompt=good"),
    ("generate", CALCULATOR, "--prompt=1+1=", "--beams=4",
     "--max-sequences=2"),
    ("classify", CALCULATOR, "--text=1"),
    ("embed", os.path.join(EXAMPLES, "date-translator"), "--text=a",
     "--out=e.npy"),
    ("embed", SENTIMENT, "--pooling=cls", "--file=none", "--out=e.npy"),
    ("embed", SENTIMENT, "--pooling=cls", "--text=" + "good " * 600,
     "--out=e.npy"),
    ("embed", SENTIMENT, "--pooling=cls", "--text=a", "--out=none/e.npy"),
    ("classify", SENTIMENT, "--file=none"),
    ("inspect", "none", "--stage=fuse-epilogue"),
    ("spec", "none"),
    ("spec", CALCULATOR, "-o", "none/m.yaml"),
    ("describe", "none"),
    ("describe", "text"),
    ("verify", "none"),
    ("verify", CALCULATOR, "--case=none"),
    ("verify", CALCULATOR, "--artifact=text"),
    ("verify", CALCULATOR, "--tokens=100"),
    ("bench", "none"),
    ("bench", "none", "--roofline=r.svg"),
    ("bench", CALCULATOR, "--roofline=none/r.svg"),
)


class Usage(DriverTest):
    def setUp(self):
        super().setUp()
        with open(self.path("text"), "w") as file:
            file.write("no artifact, no array\n")
        write_npy(self.path("ids.npy"), (1, 4), [1, 10, 2, 12])
        write_npy(self.path("big.npy"), (1, 2), [1, 15])
        self.before = sorted(os.listdir(self.folder))

    def nothing_is_left(self, words):
        self.assertEqual(sorted(os.listdir(self.folder)), self.before, words)

    def test_usage(self):
        for words in USAGE:
            with self.subTest(words=words):
                self.ashlar(*words, status=2)
                self.nothing_is_left(words)

    def test_failures(self):
        for words in FAILURES:
            with self.subTest(words=words):
                done = self.ashlar(*words, status=1)
                self.assertEqual(done.stdout, "")
                self.nothing_is_left(words)

    def test_unknown_command(self):
        self.ashlar("no-such", status=2)
        self.execute([ASHLAR], status=2)

    def test_help(self):
        commands = self.ashlar("--help").stdout
        for name in ("compile", "run", "generate", "classify", "embed",
                     "inspect", "spec", "describe", "verify", "bench"):
            self.assertIn(f"  {name} ", commands)
            self.assertIn(f"ashlar {name} ", self.ashlar(name, "--help").stdout)
        self.assertIn("LLVM", self.ashlar("--version").stdout)

    def test_fusion_statistics(self):
        lines = self.ashlar("inspect", os.path.join(EXAMPLES, "story-llama"),
                            "--statistics").stdout
        rows = [line.split() for line in lines.splitlines()]
        self.assertEqual(rows[0], ["fusion", "fired", "declined"])
        self.assertEqual(rows[1], ["fold-attention-scale", "0", "1"])
        self.assertIn("is no power of two", lines)
        self.assertIn(["merge-qkv", "1", "0"], rows)
        self.assertIn(["fuse-rotary", "2", "0"], rows)

    def test_compile_flags_need_a_model(self):
        library = self.compile(CALCULATOR, "m.so")
        for command, *words in (("generate", "--prompt=1+1="), ("bench",),
                                ("describe",), ("run", "--out=logits=o")):
            self.ashlar(command, library, *words, "--max-tokens=4", status=2)

    def test_damaged_artifacts(self):
        library = self.compile(CALCULATOR, "m.so")
        with open(library, "rb") as file:
            whole = file.read()
        for size in (0, 3, 64, 1000, len(whole) // 2):
            with open(self.path("cut.so"), "wb") as file:
                file.write(whole[:size])
            self.ashlar("describe", self.path("cut.so"), status=1)
            self.ashlar("generate", self.path("cut.so"), "--prompt=1+1=",
                        status=1)

    def test_missing_weights(self):
        shutil.copytree(CALCULATOR, self.path("model"))
        os.unlink(self.path("model/model.safetensors"))
        done = self.ashlar("compile", self.path("model"), "-o",
                           self.path("m.so"), status=1)
        self.assertIn("safetensors", done.stderr)
        self.assertFalse(os.path.exists(self.path("m.so")))
        self.assertFalse(os.path.exists(self.path("m.h")))

    def test_failed_run_keeps_old_outputs(self):
        with open(self.path("o.npy"), "w") as file:
            file.write("old")
        self.ashlar("run", CALCULATOR, "--in=input_ids=big.npy",
                    "--out=logits=o.npy", status=1)
        with open(self.path("o.npy")) as file:
            self.assertEqual(file.read(), "old")

    def test_what_is_not_there(self):
        """Of a model and of an artifact: what it may have been meant to be."""
        for command in (["describe"], ["generate", "--prompt=a"], ["bench"]):
            done = self.ashlar(*command, "nobody/some-model", status=1)
            self.assertIn("model on the Hugging Face Hub", done.stderr)
            done = self.ashlar(*command, "missing", status=1)
            self.assertIn("no such file or folder", done.stderr)
            done = self.ashlar(*command, "missing.so", status=1)
            self.assertIn("missing.so: cannot be opened", done.stderr)

    def test_prompt_without_end_of_line(self):
        done = self.ashlar("generate", CALCULATOR, "--prompt-file=-",
                           input="37+48=\r\n12-48=")
        self.assertEqual(done.stdout, "85\n-36\n")

    def test_full_standard_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([ASHLAR, "generate", CALCULATOR,
                                   "--prompt=1+1="], stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_signals_leave_no_temporary_files(self):
        """Where there is no cache a model is compiled into a private folder, whenever it
        ends."""
        temporary, shared = self.path("tmp"), self.path("shared")
        os.mkdir(temporary)
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        environment = dict(os.environ, TMPDIR=temporary, ASHLAR_CACHE_DIR=shared)
        seen = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = subprocess.Popen(
                [ASHLAR, "generate", SENTIMENT.replace("sentiment-bert",
                                                       "story-llama"),
                 "--prompt-file=-"], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=environment)
            while not os.listdir(temporary) and process.poll() is None:
                time.sleep(0.001)
            folder = os.path.join(temporary, os.listdir(temporary)[0])
            self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
            seen = True
            process.send_signal(number)
            process.wait()
            process.stdin.close()
            self.assertEqual(process.returncode, -number)
            self.assertEqual(os.listdir(temporary) + os.listdir(shared), [])
        self.assertTrue(seen)


if __name__ == "__main__":
    unittest.main()
