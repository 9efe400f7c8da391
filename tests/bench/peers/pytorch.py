"""PyTorch: the first Python interpreter found that can import it."""

import os
import shutil
import sys
from pathlib import Path

from .peer import INSTALL_SECONDS, PREPARE_SECONDS, PROGRAMS, Peer, Unavailable, Variant, Workload
from .peer import run

# Without the second, float32 products bring a thread pool of their own, and both fight.
PACKAGES = ["python3-torch", "libopenblas0-openmp"]
PROGRAM = PROGRAMS / "torch_bench.py"
SOURCES = [PROGRAM, PROGRAMS / "torch_models.py"]
PROBE = "import torch; print('compile' if hasattr(torch, 'compile') else '')"


class PyTorch(Peer):
    name = "PyTorch"

    def __init__(self, cache: Path, threads: int, python: str = ""):
        super().__init__(cache / "torch", threads)
        self.candidates = [python] if python else [sys.executable, "/usr/bin/python3"]
        self.python = ""
        self.modes = ["eager", "trace"]

    def install(self, packages: bool) -> None:
        if not self.find() and packages and os.geteuid() == 0 and shutil.which("apt-get"):
            run(["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES], INSTALL_SECONDS)
            self.find()
        if not self.python:
            raise Unavailable(f"no Python imports torch (Debian: {' '.join(PACKAGES)})")

    def find(self) -> bool:
        """Keeps the interpreter that has it."""
        for python in self.candidates:
            try:
                out, _ = run([python, "-c", PROBE], 120)
            except Unavailable:
                continue
            self.python = python
            self.modes += out.decode().split()
            return True
        return False

    def variants(self, workload: Workload, precision: str) -> list[Variant]:
        modes = list(self.modes)
        if workload.phase == "first":
            modes = ["eager"]
        elif workload.phase == "encode" and precision != "int8":
            modes.append("fast")
        return [Variant(precision, mode) for mode in modes if precision != "int4"]

    def words(self, workload: Workload, variant: Variant) -> list:
        return [workload.model, variant.precision, variant.name]

    def file(self, workload: Workload, variant: Variant) -> Path:
        def make(folder: Path) -> None:
            command = [self.python, PROGRAM, "save", *self.words(workload, variant)]
            run([*command, folder / "model.pt"], PREPARE_SECONDS)

        sources = [*SOURCES, workload.model / "config.json"]
        name = f"{workload.model.name}-{variant.precision}"
        return self.made(name, sources, make) / "model.pt"

    def prepare(self, workload: Workload, variant: Variant) -> list[Path]:
        return [self.file(workload, variant)] if workload.phase == "first" else []

    def command(self, workload: Workload, variant: Variant) -> list:
        words = [*self.words(workload, variant), workload.tokens, self.threads]
        return [self.python, PROGRAM, workload.phase, *words, *self.prepare(workload, variant)]
