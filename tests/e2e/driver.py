"""Runs the driver for the tests, and reads and writes .npy files.

ASHLAR names the driver's executable, CC a C compiler. Standard library only.
"""

import array
import ast
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASHLAR = os.environ["ASHLAR"]
CC = os.environ.get("CC", "cc")
CASES = os.path.join(ROOT, "tests", "cases", "hf")
# Families and options that those lack.
EQUATION_CASES = os.path.join(ROOT, "tests", "cases", "equations")
EXAMPLES = os.path.join(ROOT, "examples")

# A level above this machine's: tests/README.md.
EMULATED_LEVEL = os.environ.get("ASHLAR_EMULATE")

TYPES = {"<f4": "f", "<f8": "d", "<i4": "i", "<i8": "q", "|b1": "B"}


def case_names(cases=CASES):
    return sorted(
        name for name in os.listdir(cases)
        if os.path.exists(os.path.join(cases, name, "case.json")))


def read_case(name, cases=CASES):
    with open(os.path.join(cases, name, "case.json")) as file:
        return json.load(file)


def read_npy(path):
    """Shape and numbers (array.array) of a little-endian array in C order."""
    with open(path, "rb") as file:
        magic = file.read(8)
        assert magic[:6] == b"\x93NUMPY", path
        wide = magic[6] > 1
        (length,) = struct.unpack("<I" if wide else "<H",
                                  file.read(4 if wide else 2))
        header = ast.literal_eval(file.read(length).decode("latin1"))
        assert not header["fortran_order"], path
        numbers = array.array(TYPES[header["descr"]])
        numbers.frombytes(file.read())
    return header["shape"], numbers


def write_npy(path, shape, numbers, descr="<i8"):
    header = str({"descr": descr, "fortran_order": False,
                  "shape": tuple(shape)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
        file.write(header)
        file.write(array.array(TYPES[descr], numbers).tobytes())


class DriverTest(unittest.TestCase):
    """A test with a folder of its own, `self.folder`."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ashlar-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def execute(self, words, status=0, **keywords):
        """Runs a program and checks its exit status."""
        keywords.setdefault("stdin", None if "input" in keywords
                            else subprocess.DEVNULL)
        if keywords["stdin"] is None:
            del keywords["stdin"]
        done = subprocess.run(words, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              cwd=self.folder, timeout=900, **keywords)
        self.assertEqual(done.returncode, status,
                         f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def ashlar(self, *words, status=0, **keywords):
        done = self.execute([ASHLAR, *words], status, **keywords)
        if status:
            self.assertTrue(done.stderr.startswith("error: "), done.stderr)
        return done

    def compile(self, model, output, *flags):
        """The path of `model` compiled to `output`."""
        self.ashlar("compile", model, "-o", self.path(output), *flags)
        return self.path(output)
