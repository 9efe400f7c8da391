"""The measurements of tests/bench/compare, and their tables."""

import statistics
from dataclasses import dataclass, field

from peers.peer import Sample, Unavailable, Variant, Workload

OWN = "Ashlar"
# Kinds of limits, as bench.limits_of names them.
UNITS = {
    "fma": "GFLOP/s f32",
    "bf16": "GFLOP/s bf16",
    "int8": "GOP/s int8",
    "int4": "GOP/s int4 without VNNI",
    "read": "GB/s",
}
# Kinds of limits that a precision's arithmetic may have; the highest is its own.
ARITHMETIC = {
    "f32": ["fma"],
    "bf16": ["fma", "bf16"],
    "int8": ["fma", "int8"],
    "int4": ["fma", "int8", "int4"],
}
WORTH = 1.15  # a variant stays as long as it is at most this much slower than the best
BEGIN, END = "<!-- compare:begin -->", "<!-- compare:end -->"


@dataclass
class Cell:
    """One way of running a workload: its samples, and why there are no more."""

    peer: str
    workload: Workload
    variant: Variant
    samples: dict[int, Sample] = field(default_factory=dict)  # by round
    lost: str = ""
    dropped: bool = False  # another variant is faster

    @property
    def row(self) -> tuple[Workload, str]:
        return self.workload, self.variant.precision

    @property
    def milliseconds(self) -> float:
        return statistics.median(sample.milliseconds for sample in self.samples.values())

    @property
    def best(self) -> float:
        return min(sample.milliseconds for sample in self.samples.values())

    @property
    def peak_bytes(self) -> float:
        return statistics.median(sample.peak_bytes for sample in self.samples.values())

    def describe(self) -> str:
        words = [self.peer, self.workload.name, self.variant.precision, self.variant.name]
        return ", ".join(word for word in words if word)


def drop_slow(cells: list[Cell]) -> None:
    """Of each peer and row, variants that are not worth another round."""
    groups: dict[tuple, list[Cell]] = {}
    for cell in cells:
        if cell.samples and not cell.lost:
            groups.setdefault((cell.peer, *cell.row), []).append(cell)
    for group in groups.values():
        least = min(cell.best for cell in group)
        for cell in group:
            cell.dropped |= cell.best > WORTH * least


class Comparison:
    """`limits` are those of each round, as bench.limits_of gives them."""

    def __init__(self, cells: list[Cell], limits: list[dict], peers: list[str]):
        self.limits = limits
        self.peers = peers
        self.rows = list(dict.fromkeys(cell.row for cell in cells if cell.peer == OWN))
        self.best: dict[tuple, Cell] = {}  # (row, peer): its fastest variant
        for cell in cells:
            if not cell.samples or cell.lost or cell.dropped:
                continue
            key = (cell.row, cell.peer)
            if key not in self.best or cell.milliseconds < self.best[key].milliseconds:
                self.best[key] = cell

    def best_peer(self, row) -> Cell | None:
        cells = [self.best[row, peer] for peer in self.peers[1:] if (row, peer) in self.best]
        return min(cells, key=lambda cell: cell.milliseconds, default=None)

    def ratio(self, row) -> float | None:
        """The best peer's time by Ashlar's: median over the rounds that have both."""
        own, peer = self.best.get((row, OWN)), self.best_peer(row)
        if not own or not peer:
            return None
        ratios = [
            peer.samples[number].milliseconds / own.samples[number].milliseconds
            for number in own.samples.keys() & peer.samples.keys()
        ]
        return statistics.median(ratios) if ratios else None

    def share(self, row) -> float | None:
        """Of the limit of the same round: reading memory for decoding, else arithmetic."""
        own = self.best.get((row, OWN))
        if not own or row[0].phase == "first":
            return None
        decode = row[0].phase == "decode"
        kinds = ["read"] if decode else ARITHMETIC[row[1]]
        shares = [
            sample.rates["gbyte" if decode else "gflop"]
            / max(self.limits[number].get(kind, 0.0) for kind in kinds)
            for number, sample in own.samples.items()
        ]
        return statistics.median(shares)

    def limit(self, kind: str) -> float | None:
        values = [limits[kind] for limits in self.limits if kind in limits]
        return statistics.median(values) if values else None

    def versions(self) -> dict[str, str]:
        samples = {peer: cell.samples for (_, peer), cell in self.best.items()}
        return {
            peer: next(iter(samples[peer].values())).version
            for peer in self.peers[1:]
            if peer in samples
        }

    def table(self) -> str:
        """Of all rows but those of the first token."""
        columns = ["workload", "precision", *self.peers, "ratio", "of the limit"]
        lines = [columns, ["---"] * len(columns)]
        for row in self.rows:
            if row[0].phase == "first" or (row, OWN) not in self.best:
                continue
            ratio, share = self.ratio(row), self.share(row)
            lines.append(
                [
                    row[0].name,
                    row[1],
                    *(self.time_text(row, peer) for peer in self.peers),
                    f"{ratio:.2f}" if ratio else "",
                    f"{100 * share:.0f} %",
                ]
            )
        if len(lines) == 2:
            return ""
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def time_text(self, row, peer: str) -> str:
        cell = self.best.get((row, peer))
        if not cell:
            return ""
        label = f" ({cell.variant.label})" if cell.variant.label else ""
        return f"{significant(cell.milliseconds)}{label}"

    def first_table(self) -> str:
        lines = []
        for row in self.rows:
            if row[0].phase != "first" or (row, OWN) not in self.best:
                continue
            cells = [self.best.get((row, peer)) for peer in self.peers]
            times = [significant(cell.milliseconds) if cell else "" for cell in cells]
            peaks = [f"{cell.peak_bytes / 1e6:.0f}" if cell else "" for cell in cells]
            lines.append(f"| {row[0].name}, ms | {row[1]} | {' | '.join(times)} |")
            lines.append(f"| most memory, MB | {row[1]} | {' | '.join(peaks)} |")
        if not lines:
            return ""
        head = f"| | | {' | '.join(self.peers)} |\n{'|---' * (len(self.peers) + 2)}|\n"
        return head + "\n".join(lines)

    def sentences(self, cpu: str, threads: int) -> str:
        others = [f"{peer} {version}" for peer, version in self.versions().items()]
        against = f"\nAgainst {', '.join(others)}." if others else ""
        limits = [
            f"{self.limit(kind):.{1 if kind == 'read' else 0}f} {unit}"
            for kind, unit in UNITS.items()
            if self.limit(kind)
        ]
        return (
            f"{cpu}, threads: {threads}; milliseconds, medians over rounds: {len(self.limits)}."
            f"{against}\nLimits in the same rounds: {', '.join(limits)}."
        )

    def markdown(self, cpu: str, threads: int) -> str:
        parts = [self.sentences(cpu, threads), self.table(), self.first_table()]
        return "\n\n".join(part for part in parts if part)

    def to_json(self) -> dict:
        return {
            "limits": {kind: self.limit(kind) for kind in UNITS},
            "versions": self.versions(),
            "rows": [self.row_json(row) for row in self.rows if (row, OWN) in self.best],
        }

    def row_json(self, row) -> dict:
        peer = self.best_peer(row)
        return {
            "workload": row[0].name,
            "precision": row[1],
            "peers": {
                peer: {
                    "variant": cell.variant.name,
                    "milliseconds": cell.milliseconds,
                    "rounds": [sample.milliseconds for sample in cell.samples.values()],
                    "peak_bytes": cell.peak_bytes,
                }
                for peer in self.peers
                if (cell := self.best.get((row, peer)))
            },
            "best_peer": peer.peer if peer else None,
            "ratio": self.ratio(row),
            "of_limit": self.share(row),
        }


def significant(value: float) -> str:
    """Three digits at least."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def replace_between_markers(text: str, table: str) -> str:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise Unavailable(f"one {BEGIN} and one {END} behind it are needed")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"
