"""llama.cpp, by the prebuilt libraries of its Node.js package, on files of gguf.py."""

import json
import sys
from pathlib import Path

from .peer import PREPARE_SECONDS, PROGRAMS, Peer, Unavailable, Variant, Workload
from .peer import npm_install, program, run

BINARIES = "@node-llama-cpp/linux-x64"
PACKAGES = {"node-llama-cpp": "3.22.1", BINARIES: "3.22.1"}
TYPES = {
    "f32": ["f32"],
    "bf16": ["bf16", "f16"],
    "int8": ["q8_0"],
    "int4": ["q4_0", "q4_K_M"],
}
REPACKED = ["f16", "q8_0", "q4_0", "q4_K_M"]  # types with another layout for the matrix unit
NUMBERS = {"f16": 1, "q4_0": 2, "q8_0": 7, "q4_K_M": 15, "bf16": 32}  # enum llama_ftype


class LlamaCpp(Peer):
    name = "llama.cpp"

    def __init__(self, cache: Path, threads: int):
        super().__init__(cache / "llama", threads)
        self.npm = cache / "npm"

    def install(self, packages: bool) -> None:
        modules = npm_install(self.npm, PACKAGES)
        self.libraries = modules / BINARIES / "bins/linux-x64"
        release = modules / "node-llama-cpp/llama/binariesGithubRelease.json"
        self.version = json.loads(release.read_text())["release"]
        bundle = modules / "node-llama-cpp/llama/gitRelease.bundle"
        source = PROGRAMS / "llama_bench.cpp"
        build = self.made("bench", [source, release], lambda to: self.build(bundle, source, to))
        self.bench = build / "llama_bench"

    def build(self, bundle: Path, source: Path, folder: Path) -> None:
        """The package carries the sources that its libraries were built from."""
        headers, git = folder / "headers", program("git")
        run([git, "clone", "-q", "--no-checkout", bundle, headers], 300)
        run([git, "-C", headers, "checkout", "-q", "HEAD", "--", "include", "ggml/include"], 60)
        names = ("libllama.v*.so", "libggml.v*.so", "libggml-base.so")
        libraries = [next(self.libraries.glob(name), None) for name in names]
        if None in libraries:
            raise Unavailable("its package has other libraries than expected")
        includes = [f"-I{headers}/include", f"-I{headers}/ggml/include"]
        version = f'-DLLAMA_BENCH_VERSION="{self.version}"'
        path = f"-Wl,-rpath,{self.libraries.resolve()}"
        command = [program("c++"), "-O2", "-std=c++20", version, *includes, source]
        run([*command, *libraries, path, "-o", folder / "llama_bench"], 300)

    def variants(self, workload: Workload, precision: str) -> list[Variant]:
        return [
            Variant(precision, f"{kind} {flash} {repack}", self.label(precision, kind))
            for kind in TYPES[precision]
            for flash in ("plain", "flash")
            for repack in ("mapped", "repacked")
            if repack == "mapped" or kind in REPACKED
        ]

    @staticmethod
    def label(precision: str, kind: str) -> str:
        return "" if kind == precision else kind

    def file(self, workload: Workload, kind: str) -> Path:
        def make(folder: Path) -> None:
            out = folder / "model.gguf"
            if kind == "f32":
                run([sys.executable, PROGRAMS / "gguf.py", workload.model, out], PREPARE_SECONDS)
                return
            command = [self.bench, "quantize", self.libraries, NUMBERS[kind]]
            run([*command, self.file(workload, "f32"), out], PREPARE_SECONDS)

        sources = [PROGRAMS / "gguf.py", workload.model / "config.json"]
        return self.made(f"{workload.model.name}-{kind}", sources, make) / "model.gguf"

    def prepare(self, workload: Workload, variant: Variant) -> list[Path]:
        return [self.file(workload, variant.name.split()[0])]

    def command(self, workload: Workload, variant: Variant) -> list:
        kind, flash, repack = variant.name.split()
        switches = [int(flash == "flash"), int(repack == "repacked")]
        work = [self.file(workload, kind), workload.tokens, self.threads]
        return [self.bench, workload.phase, self.libraries, *work, *switches]
