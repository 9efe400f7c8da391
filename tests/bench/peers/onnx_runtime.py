"""ONNX Runtime, by its Node.js package, on graphs that onnx_graph.mjs writes."""

from pathlib import Path

from .peer import PREPARE_SECONDS, PROGRAMS, Peer, Variant, Workload, npm_install, program, run

PACKAGES = {"onnxruntime-node": "1.30.0"}
# Its CPU kernels know no 16-bit matrix products on x86.
WEIGHTS = {"f32": ["f32"], "bf16": [], "int8": ["i8", "w8-32"], "int4": ["w4-32", "w4-128"]}
SOURCES = [PROGRAMS / f"onnx_{name}.mjs" for name in ("graph", "writer", "shape")]


class OnnxRuntime(Peer):
    name = "ONNX Runtime"

    def __init__(self, cache: Path, threads: int):
        super().__init__(cache / "onnx", threads)
        self.modules = cache / "npm"

    def install(self, packages: bool) -> None:
        self.node = program("node")
        npm_install(self.modules, PACKAGES)

    def variants(self, workload: Workload, precision: str) -> list[Variant]:
        return [
            Variant(precision, f"{form} {weights}")
            for form in ("plain", "fused")
            for weights in WEIGHTS[precision]
        ]

    def graph(self, workload: Workload, variant: Variant) -> Path:
        form, weights = variant.name.split()

        def make(folder: Path) -> None:
            arguments = [workload.model, form, weights, folder / "model.onnx"]
            run([self.node, SOURCES[0], *arguments], PREPARE_SECONDS)

        sources = [*SOURCES, workload.model / "config.json"]
        folder = self.made(f"{workload.model.name}-{form}-{weights}", sources, make)
        return folder / "model.onnx"

    def prepare(self, workload: Workload, variant: Variant) -> list[Path]:
        graph = self.graph(workload, variant)
        return [graph, graph.with_name("model.onnx.data")]

    def command(self, workload: Workload, variant: Variant) -> list:
        files = [self.modules, workload.model, self.graph(workload, variant)]
        work = [workload.phase, workload.tokens, self.threads]
        return [self.node, PROGRAMS / "onnx_bench.mjs", *files, *work]
