"""Ashlar itself: `ashlar bench`, and a C program for the first token."""

import sys
from pathlib import Path

from .peer import PREPARE_SECONDS, PROGRAMS, Peer, Sample, Unavailable, Variant, Workload
from .peer import program, run

NEW_TOKENS = 32  # the token in the middle of those decoded is the one that is reported


class Ashlar(Peer):
    name = "Ashlar"

    def __init__(self, cache: Path, threads: int, build: Path):
        super().__init__(cache / "ashlar", threads)
        self.ashlar = build / "bin/ashlar"
        self.compiled: dict[tuple[Path, str], Path | Unavailable] = {}

    def install(self, packages: bool) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)

    def variants(self, workload: Workload, precision: str) -> list[Variant]:
        return [Variant(precision, "")]

    def artifact(self, workload: Workload, precision: str) -> Path:
        """Compiled once a run: the compiler may be another than the last time."""
        key = (workload.model, precision)
        if key not in self.compiled:
            artifact = self.cache / f"{workload.model.name}-{precision}.so"
            command = [self.ashlar, "compile", workload.model, "-o", artifact]
            command += ["--name=model", "--random-weights=1", f"--precision={precision}"]
            print(f"compiling {artifact.name}", file=sys.stderr, flush=True)
            try:
                run(command, PREPARE_SECONDS)
                self.compiled[key] = artifact
            except Unavailable as reason:
                self.compiled[key] = reason
        result = self.compiled[key]
        if isinstance(result, Unavailable):
            raise result
        return result

    def prepare(self, workload: Workload, variant: Variant) -> list[Path]:
        artifact = self.artifact(workload, variant.precision)
        if workload.phase == "first":
            header = f'-DHEADER="{artifact.with_suffix(".h").name}"'
            source = PROGRAMS / "ashlar_first.c"
            command = [program("cc"), "-O2", "-I", self.cache, header, source, artifact]
            run([*command, "-Wl,-rpath,$ORIGIN", "-o", artifact.with_suffix(".first")], 60)
        return [artifact]

    def command(self, workload: Workload, variant: Variant) -> list:
        artifact = self.artifact(workload, variant.precision)
        if workload.phase == "first":
            return [artifact.with_suffix(".first"), workload.tokens, self.threads]
        tokens = [f"--prompt-tokens={workload.tokens}"]
        if workload.phase == "prompt":
            tokens += ["--new-tokens=1"]
        if workload.phase == "decode":
            behind = workload.tokens - NEW_TOKENS // 2
            tokens = [f"--prompt-tokens={behind}", f"--new-tokens={NEW_TOKENS}"]
        return [self.ashlar, "bench", artifact, "--json", f"--threads={self.threads}", *tokens]

    def sample(self, workload: Workload, result: dict, peak_bytes: int) -> Sample:
        if workload.phase == "first":
            return Sample(result["milliseconds"], peak_bytes)
        phase = result[workload.phase]
        rates = {"gflop": phase["gflop_per_second"], "gbyte": phase["gbyte_per_second"]}
        return Sample(phase["milliseconds"], peak_bytes, rates=rates)
