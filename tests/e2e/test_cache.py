"""What commands keep of the models that they compile, and when they do not use it."""

import os
import shutil
import signal
import subprocess
import time
import unittest

from driver import ASHLAR, EXAMPLES, DriverTest

MODEL = os.path.join(EXAMPLES, "calculator-gpt")


class CacheTest(DriverTest):
    def setUp(self):
        super().setUp()
        self.cache = self.path("cache")
        self.environment = dict(os.environ, ASHLAR_CACHE_DIR=self.cache)

    def answer(self, *flags, model=MODEL):
        return self.ashlar("generate", model, "--prompt=37+48=", *flags, env=self.environment)

    def libraries(self):
        """Name and inode of each; what is made anew has another inode, since a link keeps
        the old one from being used again."""
        found = {}
        for name in sorted(os.listdir(self.cache)) if os.path.exists(self.cache) else []:
            if not name.endswith(".so"):
                continue
            path = os.path.join(self.cache, name)
            found[name] = os.lstat(path).st_ino
            held = self.path(f"held-{found[name]}")
            if not os.path.exists(held):
                os.link(path, held)
        return found

    def copy(self):
        return shutil.copytree(MODEL, self.path("model"))

    def test_compiled_once(self):
        first = self.answer()
        before = self.libraries()
        self.assertEqual(len(before), 1)
        self.assertEqual(os.listdir(self.cache), list(before))
        self.assertEqual(os.stat(self.cache).st_mode & 0o777, 0o700)
        (library,) = (os.path.join(self.cache, name) for name in before)
        self.assertEqual(os.stat(library).st_mode & 0o777, 0o700)
        again = self.answer()
        self.assertEqual(self.libraries(), before)
        self.assertEqual((first.stdout, again.stdout), ("85\n", "85\n"))
        self.assertEqual(again.stderr, first.stderr)
        # Another command, and another way to the same folder.
        self.ashlar("bench", os.path.join(MODEL, ".", ""), "--prompt-tokens=4",
                    "--new-tokens=2", env=self.environment)
        self.assertEqual(self.libraries(), before)

    def test_options_count(self):
        """Catches: a library for other limits, numbers, levels or tensors than asked for."""
        for number, flags in enumerate((
                [], ["--precision=bf16"], ["--max-tokens=7"], ["--max-context=20"],
                ["--max-sequences=2"], ["--disable-fusion=merge-qkv"],
                ["--target=x86-64-v3,x86-64-v4"], ["--target=x86-64-v4", "--emulate"])):
            self.assertEqual(self.answer(*flags).stdout, "85\n")
            self.assertEqual(len(self.libraries()), number + 1, flags)
        random = [self.answer(f"--random-weights={seed}").stdout for seed in (1, 2)]
        self.assertNotEqual(random[0], random[1])

    def test_files_count(self):
        """Other weights of the same size and the same times, in the same file."""
        model = self.copy()
        self.assertEqual(self.answer(model=model).stdout, "85\n")
        path = os.path.join(model, "model.safetensors")
        times = os.stat(path)
        with open(path, "r+b") as file:
            file.seek(-4096, os.SEEK_END)
            file.write(bytes(4096))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.answer(model=model)
        self.assertEqual(len(self.libraries()), 2)
        for name in ("generation_config.json", "tokenizer.json", "config.json"):
            before = len(self.libraries())
            with open(os.path.join(model, name), "a") as file:
                file.write("\n")
            self.assertEqual(self.answer(model=model).returncode, 0)
            self.assertEqual(len(self.libraries()), before + 1, name)

    def test_description(self):
        """A YAML file, with weights and a tokenizer elsewhere."""
        model = self.copy()
        self.ashlar("spec", model, "-o", self.path("model.yaml"))
        run = lambda: self.answer(model="model.yaml").stdout
        self.assertEqual((run(), run()), ("85\n", "85\n"))
        self.assertEqual(len(self.libraries()), 1)
        for number, name in enumerate(("model.safetensors", "tokenizer.json")):
            os.utime(os.path.join(model, name))
            self.assertEqual(run(), "85\n")
            self.assertEqual(len(self.libraries()), number + 2)

    def test_warnings_are_repeated(self):
        model = self.copy()
        config = os.path.join(model, "config.json")
        with open(config) as file:
            text = file.read().replace("{", '{"unheard_of": 1,', 1)
        with open(config, "w") as file:
            file.write(text)
        first, again = self.answer(model=model), self.answer(model=model)
        self.assertEqual(len(self.libraries()), 1)
        self.assertEqual(first.stderr.count("unheard_of"), 1)
        self.assertEqual(again.stderr, first.stderr)

    def test_what_others_may_write_is_not_loaded(self):
        self.answer()
        before = self.libraries()
        library = os.path.join(self.cache, *before)
        for mode in (0o770, 0o702):
            os.chmod(library, mode)
            self.assertEqual(self.answer().stdout, "85\n")
            self.assertNotEqual(self.libraries(), before)
            self.assertEqual(os.stat(library).st_mode & 0o777, 0o700)
            before = self.libraries()
        # Nor what is only linked to.
        os.rename(library, self.path("moved.so"))
        os.symlink(self.path("moved.so"), library)
        self.answer()
        self.assertFalse(os.path.islink(library))
        before = self.libraries()
        for mode in (0o770, 0o777):
            os.chmod(self.cache, mode)
            done = self.answer("--precision=bf16")
            self.assertEqual(done.stdout, "85\n")
            self.assertIn("others own it or may write to it", done.stderr)
            self.assertEqual(self.libraries(), before)
            self.ashlar("cache", status=1, env=self.environment)

    def test_damaged_libraries_are_made_anew(self):
        self.answer()
        library = os.path.join(self.cache, *self.libraries())
        size = os.path.getsize(library)
        for left in (0, 100, size // 2, size - 1):
            os.truncate(library, left)
            self.assertEqual(self.answer().stdout, "85\n")
            self.assertEqual(os.path.getsize(library), size)

    def test_several_at_once(self):
        words = [ASHLAR, "generate", MODEL, "--prompt=37+48="]
        running = [subprocess.Popen(words, env=self.environment, text=True,
                                    stdout=subprocess.PIPE) for _ in range(4)]
        self.assertEqual([each.communicate()[0] for each in running], ["85\n"] * 4)
        self.assertEqual(len(self.libraries()), 1)
        self.assertEqual(os.listdir(self.cache), list(self.libraries()))

    def test_signals_leave_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = subprocess.Popen(
                [ASHLAR, "generate", MODEL, "--prompt-file=-"], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment)
            while process.poll() is None and not (
                    os.path.exists(self.cache) and os.listdir(self.cache)):
                time.sleep(0.001)
            process.send_signal(number)
            process.stdin.close()
            process.wait()
            # Complete ones may be there.
            self.assertEqual(os.listdir(self.cache), list(self.libraries()))
            self.assertEqual(self.answer().stdout, "85\n")
            shutil.rmtree(self.cache)

    def test_what_killed_processes_leave(self):
        """Goes with --clear, or with a later compilation, once nobody can be writing it."""
        self.answer()
        paths = []
        for number, age in enumerate((0, 2 * 86400)):
            paths.append(os.path.join(self.cache, f".ashlar-{number:032X}.tmp"))
            with open(paths[-1], "w") as file:
                file.write("half")
            os.utime(paths[-1], (time.time() - age,) * 2)
        self.answer("--precision=bf16")
        self.assertEqual([os.path.exists(path) for path in paths], [True, False])
        self.ashlar("cache", "--clear", env=self.environment)
        self.assertEqual(os.listdir(self.cache), [])

    def test_folders(self):
        """By the environment, in the order that the XDG specification has."""
        home, caches = self.path("home"), self.path("caches")
        os.mkdir(home)
        del self.environment["ASHLAR_CACHE_DIR"]
        for change, expected in (
                ({"HOME": home, "XDG_CACHE_HOME": "relative"}, home + "/.cache/ashlar"),
                ({"XDG_CACHE_HOME": caches}, caches + "/ashlar"),
                ({"ASHLAR_CACHE_DIR": ""}, caches + "/ashlar"),
                ({"ASHLAR_CACHE_DIR": self.cache}, self.cache)):
            self.environment.update(change)
            self.assertFalse(os.path.exists(expected) and os.listdir(expected))
            self.answer()
            self.assertEqual(len(os.listdir(expected)), 1)
            done = self.ashlar("cache", env=self.environment)
            self.assertTrue(done.stdout.startswith(expected + ": 1 model, "), done.stdout)
            shutil.rmtree(expected)
        # A folder that cannot be made: the command works without it.
        self.environment["ASHLAR_CACHE_DIR"] = "/proc/ashlar"
        done = self.answer()
        self.assertEqual(done.stdout, "85\n")
        self.assertIn("/proc/ashlar", done.stderr)

    def test_command(self):
        shown = lambda *words: self.ashlar("cache", *words, env=self.environment).stdout
        self.assertEqual(shown(), f"{self.cache}: 0 models, 0 bytes\n")
        self.assertFalse(os.path.exists(self.cache))
        self.answer()
        self.answer("--precision=int8")
        sizes = [os.path.getsize(os.path.join(self.cache, name)) for name in self.libraries()]
        self.assertEqual(shown(), f"{self.cache}: 2 models, {sum(sizes):,} bytes\n")
        # What is not the cache's stays.
        for name in ("notes.txt", "other.so", "0" * 31 + ".so"):
            with open(os.path.join(self.cache, name), "w"):
                pass
        self.assertEqual(shown("--clear"),
                         f"{self.cache}: removed 2 models, {sum(sizes):,} bytes\n")
        self.assertEqual(sorted(os.listdir(self.cache)), ["0" * 31 + ".so", "notes.txt", "other.so"])
        self.ashlar("cache", "model", status=2, env=self.environment)


if __name__ == "__main__":
    unittest.main()
