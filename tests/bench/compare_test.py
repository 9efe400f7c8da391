"""Tests of tests/bench/compare: what fails loses its own cell, and the tables are right."""

import importlib.machinery
import importlib.util
import json
import sys
import tempfile
import time
import types
import unittest
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays clean
from comparison import BEGIN, END, Cell, Comparison, drop_slow, replace_between_markers
from peers.peer import Peer, Sample, Unavailable, Variant, Workload, run

FOLDER = Path(__file__).resolve().parent
PROMPT = Workload("small, prompt of 8", FOLDER, "prompt", 8)
DECODE = Workload("small, a token at 8", FOLDER, "decode", 8)


def load_compare():
    loader = importlib.machinery.SourceFileLoader("compare", str(FOLDER / "compare"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    loader.exec_module(module)
    return module


compare = load_compare()
compare.say = lambda *words: None


def python(text: str) -> list:
    return [sys.executable, "-c", text]


class Scripted(Peer):
    """A variant is the Python program of its process."""

    def __init__(self, name: str, programs: list[str]):
        super().__init__(FOLDER, 1)
        self.name = name
        self.programs = programs

    def variants(self, workload, precision):
        return [Variant(precision, program) for program in self.programs]

    def prepare(self, workload, variant):
        if variant.name == "unprepared":
            raise Unavailable("no files")
        return []

    def command(self, workload, variant):
        return python(variant.name)

    def sample(self, workload, result, peak_bytes):
        milliseconds = result["milliseconds"]
        rates = {"gflop": 100 / milliseconds, "gbyte": 10 / milliseconds}
        return Sample(milliseconds, peak_bytes, "1.0", rates)


def printing(milliseconds: float) -> str:
    return f"print('{json.dumps({'milliseconds': milliseconds})}')"


def cell_of(peer, workload, times, variant="", label="", precision="f32"):
    rates = lambda time: {"gflop": 100 / time, "gbyte": 10 / time}
    samples = {n: Sample(t, 5_000_000, "1.0", rates(t)) for n, t in enumerate(times) if t}
    return Cell(peer, workload, Variant(precision, variant, label), samples)


class Processes(unittest.TestCase):
    def fails(self, text, seconds=20):
        with self.assertRaises(Unavailable) as caught:
            run(python(text), seconds)
        return str(caught.exception)

    def test_late_process_is_killed_with_its_children(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pid"
            child = f"import os, time; open('{file}', 'w').write(str(os.getpid())); time.sleep(60)"
            parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
            begin = time.monotonic()
            self.assertEqual(self.fails(parent, 5), "no end after 5 s")
            self.assertLess(time.monotonic() - begin, 20)
            stat = Path(f"/proc/{file.read_text()}/stat")
            for _ in range(100):  # until init has collected it
                if not stat.exists() or stat.read_text().split(")")[1].split()[0] == "Z":
                    return
                time.sleep(0.05)
            self.fail("the child lives")

    def test_signal(self):
        text = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
        self.assertEqual(self.fails(text), "killed by SIGSEGV")

    def test_status_with_the_line_that_says_why(self):
        text = "import sys; print('error: no file\\n  at x', file=sys.stderr); sys.exit(3)"
        self.assertEqual(self.fails(text), "status 3: error: no file")

    def test_absent_program(self):
        with self.assertRaisesRegex(Unavailable, "No such file"):
            run(["/nowhere/program"], 5)

    def test_peak_memory_is_that_of_the_process(self):
        _, peak = run(python("x = bytearray(200 << 20)"), 20)
        self.assertGreater(peak, 200 << 20)
        _, peak = run(python("pass"), 20)
        self.assertLess(peak, 100 << 20)


class Rounds(unittest.TestCase):
    def run_peers(self, peers, rounds=2, workloads=(PROMPT, DECODE)):
        compare.limits_of = lambda build, threads, size: {"fma": 50.0, "read": 5.0}
        cells = compare.prepared_cells(peers, workloads, ["f32"], [])
        options = types.SimpleNamespace(
            rounds=rounds, small=True, build=FOLDER, threads=1, timeout=5
        )
        limits = compare.run_rounds({peer.name: peer for peer in peers}, cells, options)
        return cells, Comparison(cells, limits, [peer.name for peer in peers])

    def test_what_fails_loses_its_cell_only(self):
        own = Scripted("Ashlar", [printing(2)])
        broken = ["import sys; sys.exit(1)", "print('{}')", "print('no')", "unprepared"]
        hanging = "import time; time.sleep(60)"
        peer = Scripted("Peer", [*broken, hanging, printing(8)])
        cells, comparison = self.run_peers([own, peer], workloads=[PROMPT])
        lost = {cell.variant.name: cell.lost for cell in cells if cell.lost}
        self.assertEqual(set(lost), {*broken, hanging})
        self.assertEqual(lost[hanging], "no end after 5 s")
        self.assertEqual(lost["unprepared"], "no files")
        (row,) = comparison.rows
        self.assertEqual(comparison.ratio(row), 4)
        self.assertEqual(comparison.share(row), 1)

    def test_row_that_ashlar_cannot_run_is_left_out(self):
        own, peer = Scripted("Ashlar", ["unprepared"]), Scripted("Peer", [printing(8)])
        cells, comparison = self.run_peers([own, peer])
        self.assertEqual({cell.peer for cell in cells}, {"Ashlar"})
        self.assertEqual(comparison.to_json()["rows"], [])
        self.assertNotIn("small", comparison.table())

    def test_slow_variant_is_not_run_again(self):
        peer = Scripted("Peer", [printing(8), printing(9), printing(16)])
        cells, _ = self.run_peers([Scripted("Ashlar", [printing(2)]), peer], rounds=3)
        counts = {c.variant.name: len(c.samples) for c in cells if c.peer == "Peer"}
        self.assertEqual(counts, {printing(8): 3, printing(9): 3, printing(16): 1})


class Tables(unittest.TestCase):
    def comparison(self, *cells, limits=None):
        limits = limits or [{"fma": 50.0}] * 3
        return Comparison(list(cells), limits, ["Ashlar", "One", "Two"])

    def test_medians_labels_and_the_best_peer(self):
        comparison = self.comparison(
            cell_of("Ashlar", PROMPT, [2, 4, 100]),
            cell_of("One", PROMPT, [40, 30, 50], "slow"),
            cell_of("One", PROMPT, [20, 28, 24], "fast", "f16"),
            cell_of("Two", PROMPT, [25, 26, 27]),
        )
        # Ratios 10, 7 and 0.24 in the rounds; 100 GFLOP in 4 ms would be 25.
        self.assertIn(
            "| small, prompt of 8 | f32 | 4 | 24.0 (f16) | 26.0 | 7.00 | 50 % |",
            comparison.table(),
        )
        self.assertEqual(comparison.best_peer(comparison.rows[0]).peer, "One")

    def test_limit_is_that_of_the_phase_and_precision(self):
        limits = [{"fma": 50.0, "bf16": 400.0, "int4": 60.0, "read": 5.0}]
        for workload, precision, share in [
            (PROMPT, "f32", 100 / 2 / 50),
            (PROMPT, "bf16", 100 / 2 / 400),
            (PROMPT, "int8", 100 / 2 / 50),  # a machine without such a unit
            (PROMPT, "int4", 100 / 2 / 60),
            (DECODE, "bf16", 10 / 2 / 5),
        ]:
            cell = cell_of("Ashlar", workload, [2], precision=precision)
            comparison = self.comparison(cell, limits=limits)
            self.assertEqual(comparison.share(comparison.rows[0]), share, precision)

    def test_first_token_has_a_table_of_its_own(self):
        first = Workload("small, open to first token", FOLDER, "first", 8)
        comparison = self.comparison(cell_of("Ashlar", first, [7]), cell_of("Two", first, [90]))
        self.assertNotIn("first", comparison.table())
        table = comparison.first_table()
        self.assertIn("| small, open to first token, ms | f32 | 7 |  | 90.0 |", table)
        self.assertIn("| most memory, MB | f32 | 5 |  | 5 |", table)

    def test_dropping_compares_the_best_times(self):
        noisy = cell_of("One", PROMPT, [100, 10], "noisy")
        steady = cell_of("One", PROMPT, [12, 12], "steady")
        drop_slow([noisy, steady])
        self.assertEqual((noisy.dropped, steady.dropped), (False, True))

    def test_readme_keeps_all_but_what_is_between_the_markers(self):
        text = f"a\n{BEGIN}\nold\n{END}\nb\n"
        self.assertEqual(replace_between_markers(text, "new"), f"a\n{BEGIN}\nnew\n{END}\nb\n")
        for wrong in ["a", f"{END}{BEGIN}", text + text]:
            with self.assertRaises(Unavailable):
                replace_between_markers(wrong, "new")

    def test_the_readme_has_the_markers(self):
        readme = (FOLDER.parents[1] / "README.md").read_text()
        self.assertIn("new", replace_between_markers(readme, "new"))


if __name__ == "__main__":
    unittest.main()
