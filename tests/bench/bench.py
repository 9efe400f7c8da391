"""What the benchmark scripts share: where things are, and the limits of the machine."""

import platform
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
MODELS = SOURCE / "tests/bench/models"
EXAMPLES = SOURCE / "examples"
LIMIT_BYTES = 3 << 30
SMALL_LIMIT_BYTES = 64 << 20


def output_of(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}: status {result.returncode}")
    return result.stdout


# What the lines of `limits` limit: "amx.bf16 5500.2" is one of bf16.
KINDS = {"amx.bf16": "bf16"}
KINDS |= dict.fromkeys(("amx.int8", "vnni.avx512", "madd.avx512", "madd.avx2"), "int8")
KINDS |= dict.fromkeys(("maddubs.avx512", "maddubs.avx2"), "int4")


def limits_of(build, threads, size):
    """The best of each kind: {"fma": GFLOP/s, "bf16": ..., "int8": ..., "read": GB/s, ...}."""
    limits = {}
    for line in output_of(
        [build / "bin/limits", f"--threads={threads}", f"--bytes={size}", "--repeat=3"]
    ).splitlines():
        name, value = line.split()
        kind = KINDS.get(name, name.split(".")[0])
        limits[kind] = max(limits.get(kind, 0.0), float(value))
    return limits


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()
