"""Compiled models of odd sizes against the float64 reference.

Results must be within what float32 arithmetic explains, and the same to the
bit however a prompt is cut into calls, however many threads there are, and
whatever shares the batch.
"""

import os
import subprocess

import numpy as np

import artifact
import models

SEED = 11
# Around a tile, a segment of 256 keys, and beyond it.
LENGTHS = [1, 2, 15, 16, 17, 255, 256, 257, 300]
CHUNKS = [1, 2, 3, 16, 17, 64]


def reference(model, calls):
    """Runs calls (entry, slot, rows) in the oracle; gives its float64 output."""
    lines = []
    for entry, slot, rows in calls:
        numbers = " ".join(map(repr, np.asarray(rows).ravel().tolist()))
        lines.append(f"{entry} {slot} {len(rows)} {numbers}\n")
    done = subprocess.run([os.environ["REFERENCE_ROWS"], model, str(SEED)],
                          input="".join(lines).encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.float64)


class Model:
    """One artifact, and sequences for it."""

    def __init__(self, model, path, *flags):
        artifact.compile_model(model, path, f"--random-weights={SEED}",
                               "--max-sequences=3", "--max-tokens=301", *flags)
        self.library = artifact.Library(path).open()
        plan = self.library.plan
        self.encoder = plan.encoder >= 0
        self.decoder = plan.decoder >= 0
        self.stack = self.library.stacks[plan.decoder if self.decoder
                                         else plan.encoder]
        self.source = self.library.stacks[plan.encoder] if self.encoder else None
        self.rng = np.random.default_rng(5)

    def rows(self, stack, count):
        if stack.vocabulary == 0:
            size = stack.vector_rows * stack.vector_features
            return self.rng.standard_normal((count, size)).astype(np.float32)
        return self.rng.integers(0, stack.vocabulary, count).astype(np.int32)

    def case(self, length):
        """(source, rows) of a sequence; source is None without cross-attention."""
        source = None
        if self.encoder and self.decoder:
            source = self.rows(self.source, LENGTHS[LENGTHS.index(length) - 5])
        return source, self.rows(self.stack, length)


def flatten(hidden, heads):
    return np.concatenate([hidden.ravel(), *[h.ravel() for h in heads]])


def run_chunked(model, threads, case, chunk, slot=0):
    """One sequence by itself, `chunk` rows a call; one row of results per row."""
    source, rows = case
    session = artifact.Session(model.library, threads)
    if source is not None:
        session.call("encode", [source], [slot])
    hidden, heads = [], None
    for begin in range(0, len(rows), chunk):
        part, logits = session.call("decode" if model.decoder else "encode",
                                    [rows[begin:begin + chunk]], [slot])
        hidden.append(part)
        heads = [a + [b] for a, b in zip(heads or [[] for _ in logits], logits)]
    session.destroy()
    return np.concatenate(hidden), [np.concatenate(h) for h in heads or []]


def run_batch(model, threads, cases):
    """All sequences in one call."""
    session = artifact.Session(model.library, threads)
    slots = list(range(len(cases)))[::-1]
    if cases[0][0] is not None:
        session.call("encode", [case[0] for case in cases], slots)
    hidden, heads = session.call("decode" if model.decoder else "encode",
                                 [case[1] for case in cases], slots)
    session.destroy()
    ends = np.cumsum([len(case[1]) for case in cases])
    results = []
    for index, (case, end) in enumerate(zip(cases, ends)):
        span = slice(end - len(case[1]), end)
        results.append((hidden[span], [
            head[index:index + 1] if plan.first_row_only else head[span]
            for head, plan in zip(heads, model.library.heads)]))
    return results


def same(got, expected, what):
    for a, b in zip([got[0], *got[1]], [expected[0], *expected[1]]):
        assert a.shape == b.shape and a.tobytes() == b.tobytes(), (
            f"{what}: {np.count_nonzero(a != b)} of {a.size} differ, first "
            f"{np.argwhere(a != b)[:3].tolist()}")


def near(got, expected, what, tolerance=5e-6):
    got = flatten(*got)
    assert got.shape == expected.shape, what
    error = np.linalg.norm(got - expected) / np.linalg.norm(expected)
    assert error < tolerance, f"{what}: relative error {error:.2e}"


def check(name, model, target, tolerance=5e-6):
    """Gives the results of each length."""
    whole = {}
    cases = {length: model.case(length) for length in LENGTHS}
    calls = []
    for length, (source, rows) in cases.items():
        whole[length] = run_chunked(model, 1, (source, rows), 10 ** 9)
        # The oracle has a slot for each sequence.
        if source is not None:
            calls.append(("encoder", length, source))
        calls.append(("decoder" if model.decoder else "encoder", length, rows))
    expected = reference(name, calls)
    at = 0
    for length, (source, rows) in cases.items():
        if source is not None:
            at += source.shape[0] * model.source.hidden
        size = flatten(*whole[length]).size
        near(whole[length], expected[at:at + size], f"{name} {target} length {length}", tolerance)
        at += size
    assert at == expected.size

    for threads in (2, 3, 7):
        for length in (1, 17, 257):
            same(run_chunked(model, threads, cases[length], 10 ** 9),
                 whole[length], f"{name} {target} {threads} threads, length {length}")
    if model.decoder:
        for chunk in CHUNKS:
            length = 257 if chunk == 1 else 300
            same(run_chunked(model, 1 + chunk % 3, cases[length], chunk),
                 whole[length], f"{name} {target} chunks of {chunk}")
    # Rows, and rows of the sources, together at most max_tokens.
    for lengths in ([1, 255, 16], [257, 1, 2], [256, 15, 1]):
        batch = run_batch(model, 2, [cases[n] for n in lengths])
        for length, result in zip(lengths, batch):
            same(result, whole[length], f"{name} {target} length {length} of {lengths}")
    return whole


def sweep(folder):
    # VNNI adds nothing to float32: that level's code is x86-64-v4's.
    first, *others = [target for target in artifact.TARGETS
                      if target != "x86-64-v4-vnni"]
    # So many inputs that L2 does not hold the longest length's rows at once; that
    # it does not hold a group of panels.
    long = [("long", models.llama(40, 2, 1, 20, inputs)) for inputs in (1800, 5000)]
    for index, (family, config) in enumerate(long + models.odd_models()):
        name = models.write(folder, f"{family}{index}", config)
        # By turns: the other levels differ in the order of instructions only.
        for target in first, *artifact.by_turns(others, index):
            path = os.path.join(folder, f"m{index}_{target.replace('-', '_')}.so")
            model = Model(name, path, f"--target={target}")
            check(name, model, target)
            model.library.close()


def forms(folder):
    """Windows, biases, caps, norms and rotations: a row's bits may depend neither
    on the block of rows that it is in nor on the segments that are left out."""
    for index, (family, config) in enumerate(models.odd_forms()):
        name = models.write(folder, f"{family}{index}", config)
        # By turns: x86-64-v4 and the levels above differ in their encodings only.
        [target] = artifact.by_turns(artifact.TARGETS[:2], index)
        path = os.path.join(folder, f"f{index}.so")
        model = Model(name, path, f"--target={target}")
        check(name, model, target)
        model.library.close()


def encoded_forms(folder):
    precisions = list(artifact.PRECISIONS.items())
    for index, (family, config) in enumerate(models.odd_forms()):
        name = models.write(folder, f"{family}{index}", config)
        precision, tolerance = precisions[index % len(precisions)]
        first = None
        for target in artifact.TARGETS[0], artifact.TARGETS[-1]:
            path = os.path.join(folder, f"g{index}_{target.replace('-', '_')}.so")
            model = Model(name, path, f"--target={target}", f"--precision={precision}")
            what = f"{target} {precision}"
            whole = check(name, model, what, tolerance)
            model.library.close()
            first = first or whole
            for length, results in whole.items():
                same(results, first[length], f"{name} {what} against {artifact.TARGETS[0]}")


def encodings(folder):
    """Fewer bits: as near as they explain, and the same on every level, whose
    kernels have little in common: AMX tiles, VNNI, pairs of 16 bit numbers."""
    # So many inputs that a stretch of them does not hold all, nor a chunk of rows.
    wide = ("wide", models.llama(40, 2, 1, 20, 8200))
    for index, (family, config) in enumerate([wide] * 4 + models.odd_models()):
        name = models.write(folder, f"{family}{index}", config)
        precision, tolerance = list(artifact.PRECISIONS.items())[index % len(artifact.PRECISIONS)]
        first = None
        # The lowest level and those above it: by turns one of them, each of them
        # with each precision. VNNI multiplies integers only.
        above = [target for target in artifact.TARGETS[1:]
                 if target != "x86-64-v4-vnni" or not precision.startswith("bf16")]
        turn = index // len(artifact.PRECISIONS)
        if family != "wide":
            above = artifact.by_turns(above, turn)
        for target in artifact.TARGETS[0], *above:
            path = os.path.join(folder, f"e{index}_{target.replace('-', '_')}.so")
            model = Model(name, path, f"--target={target}", f"--precision={precision}")
            what = f"{target} {precision}"
            whole = check(name, model, what, tolerance)
            model.library.close()
            os.remove(path)
            first = first or whole
            for length, results in whole.items():
                same(results, first[length], f"{name} {what} against {artifact.TARGETS[0]}")


def infinite_rows(folder):
    """A row that is infinite must not reach the rows before it, though they are
    in the same tile of attention and, as bf16, in the same step of a kernel."""
    case = os.path.join(artifact.CASES, "torch_transformer_post_norm", "model")
    for target in artifact.TARGETS[0], artifact.TARGETS[-1]:
        for precision in "f32", "bf16", "f32,kv=int8":
            path = os.path.join(folder, f"infinite_{target.replace('-', '_')}_{precision[-4:]}.so")
            model = Model(case, path, f"--target={target}", f"--precision={precision}")
            source, rows = model.case(LENGTHS[-1])
            rows[20:] = np.inf
            whole = run_chunked(model, 2, (source, rows[:33]), 10 ** 9)[0]
            alone = run_chunked(model, 1, (source, rows[:33]), 1)[0]
            assert np.isfinite(whole[:20]).all()
            assert not np.isfinite(whole[20:]).any()
            same((whole[:20], []), (alone[:20], []), "rows before an infinite one")
            model.library.close()


def wide_heads(folder):
    """Scratch for many query heads per key head, or for wide ones, must fit in
    the stack of a worker: smaller tiles, then an error, never an overflow."""
    for index, config in enumerate([models.llama(16, 300, 1, 16, 16),
                                    models.llama(16, 3, 1, 3000, 16),
                                    models.gpt2(2500, 1, 16)]):
        name = models.write(folder, f"wide{index}", config)
        model = Model(name, os.path.join(folder, f"w{index}.so"),
                      "--target=x86-64-v3")
        case = model.case(17)
        whole = run_chunked(model, 2, case, 10 ** 9)
        near(whole, reference(name, [("decoder", 0, case[1])]), name)
        same(run_chunked(model, 3, case, 3), whole, name)
        model.library.close()
    for config in (models.llama(16, 4096, 1, 16, 16),
                   models.llama(16, 2, 1, 32768, 16)):
        name = models.write(folder, f"wider{config['head_dim']}", config)
        output = os.path.join(folder, "wider.so")
        done = artifact.ashlar("compile", name, "-o", output,
                               "--random-weights=1")
        assert done.returncode == 1 and "stack" in done.stderr, done.stderr
        assert not os.path.exists(output)


if __name__ == "__main__":
    artifact.main(sweep, forms, encodings, encoded_forms, infinite_rows, wide_heads)
