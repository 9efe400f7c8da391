"""What is compared: workloads, the peers' common face, and how their processes are run."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

PROGRAMS = Path(__file__).resolve().parent
INSTALL_SECONDS = 900
PREPARE_SECONDS = 1800


class Unavailable(Exception):
    """Why a peer, or one way of running it, is left out: a line."""


@dataclass(frozen=True)
class Workload:
    name: str
    model: Path  # folder of a config.json
    phase: str  # "encode", "prompt", "decode", or "first": from opening to the first token
    tokens: int  # of the prompt; of "decode", those in front of the token


@dataclass(frozen=True)
class Variant:
    """One way in which a peer can run a precision; the fastest counts."""

    precision: str
    name: str
    label: str = ""  # for the table, where the numbers are not what the row says


@dataclass
class Sample:
    milliseconds: float
    peak_bytes: int
    version: str = ""
    rates: dict | None = None  # "gflop", "gbyte": 1e9 a second


class Peer:
    """A program that runs workloads. Everything it makes goes into `cache`."""

    name = ""

    def __init__(self, cache: Path, threads: int):
        self.cache = cache
        self.threads = threads

    def install(self, packages: bool) -> None:
        """`packages`: the system's packages may be installed too."""

    def variants(self, workload: Workload, precision: str) -> list[Variant]:
        raise NotImplementedError

    def prepare(self, workload: Workload, variant: Variant) -> list[Path]:
        """Makes what `command` needs; the files that it opens."""
        raise NotImplementedError

    def command(self, workload: Workload, variant: Variant) -> list:
        """Of a process whose result `sample` reads."""
        raise NotImplementedError

    def sample(self, workload: Workload, result: dict, peak_bytes: int) -> Sample:
        return Sample(result["milliseconds"], peak_bytes, result["version"])

    def made(self, name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
        """The folder that `make` fills, once for each text of the sources."""
        digest = hashlib.sha256()
        for source in sources:
            digest.update(source.read_bytes())
        folder = self.cache / f"{name}-{digest.hexdigest()[:8]}"
        if not folder.exists():
            part = folder.with_name(folder.name + ".part")
            print(f"making {folder.name}", file=sys.stderr, flush=True)
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            make(part)
            part.rename(folder)
        return folder


def complaint(text: bytes) -> str:
    """The last line that speaks of an error, else the last line."""
    lines = text.decode(errors="replace").strip().splitlines() or ["no message"]
    errors = [line for line in lines if re.search("error", line, re.IGNORECASE)]
    return (errors or lines)[-1].strip()[:200]


def run(command: list, seconds: float, cwd: Path | None = None) -> tuple[bytes, int]:
    """(standard output, most memory in bytes) of a process; it and its children are
    killed after `seconds`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                cwd=cwd, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error.strerror}") from None
        late = threading.Event()

        def kill() -> None:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

        timer = threading.Timer(seconds, lambda: (late.set(), kill()))
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            if child.returncode is None:
                kill()
        out.seek(0)
        errors.seek(0)
        if late.is_set():
            raise Unavailable(f"no end after {seconds:g} s")
        if child.returncode < 0:
            raise Unavailable(f"killed by {signal.Signals(-child.returncode).name}")
        if child.returncode:
            raise Unavailable(f"status {child.returncode}: {complaint(errors.read())}")
        return out.read(), usage.ru_maxrss * 1024


def program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise Unavailable(f"there is no {name}")
    return found


def npm_install(folder: Path, packages: dict[str, str]) -> Path:
    """node_modules with these versions. No package's scripts are run."""
    modules = folder / "node_modules"
    missing = [
        f"{name}@{version}"
        for name, version in packages.items()
        if f'"version": "{version}"' not in text_of(modules / name / "package.json")
    ]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "package.json").exists():
            (folder / "package.json").write_text('{"private": true}\n')
        options = ["--ignore-scripts", "--omit=optional", "--save-exact", "--no-audit"]
        run([program("npm"), "install", *options, "--no-fund", *missing], INSTALL_SECONDS, folder)
    return modules


def text_of(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
