"""Sequences of several splits of 1,024 keys, whose sums are merged.

Against the float64 reference; and the same to the bit in prompts, where a tile
goes through all splits, and in calls of few rows, where several workers share
them out. Catches sums that are merged in another order or twice, rows that see
nothing of a split, counts that are left behind by a call, and neighbours of
other lengths.
"""

import ctypes
import os

import numpy as np

import artifact
import models
import odd_sizes
from odd_sizes import near, same
from ring import VOCABULARY, Decoding, compiled, reference, tokens_of

CONTEXT = 2100  # three splits, the last one short
CALL_SPLITS = 7  # ASHLAR_CALL_SPLITS


class Session(artifact.Session):
    """Notes how each call shared out the keys."""

    def hidden(self):  # the first thing behind a call
        header = self.api.arena(self.session) + self.library.plan.call_offset
        self.splits = (ctypes.c_int64 * 8).from_address(header)[CALL_SPLITS]
        return super().hidden()


class Watched(Decoding):
    def __init__(self, library, threads):
        self.session, self.rows = Session(library, threads), {}


def check(library, whole, tokens, what):
    """`whole` is of the prompt at once. Rows behind the ends of splits, by a few
    rows a call, with neighbours that are shorter and longer."""
    for threads, chunk in (1, 1), (2, 1), (3, 4), (7, 3), (2, 5):
        decoding = Watched(library, threads)
        for begin in 1020, 2044:
            decoding.session.reset()
            decoding.rows.clear()
            decoding.decode(0, tokens[:begin], CONTEXT)
            decoding.rows.clear()
            rows = tokens[begin:begin + 10]
            decoding.decode(0, rows, chunk)
            same(decoding.result(0), (whole[0][begin:begin + len(rows)], []),
                 f"{what}, {threads} threads, {chunk} rows a call")
        shared = threads > 1 and chunk <= library.plan.split_rows
        assert decoding.session.splits == (3 if shared else 1), what
        decoding.session.destroy()
    lengths = {0: 2090, 1: 5, 2: 1023}
    decoding = Watched(library, 3)
    for slot, length in lengths.items():
        decoding.decode(slot, tokens[:length], CONTEXT)
    decoding.rows.clear()
    for step in range(4):
        decoding.call({slot: tokens[length + step:length + step + 1]
                       for slot, length in lengths.items()})
        assert decoding.session.splits == (3 if library.plan.split_rows else 1)
    for slot, length in lengths.items():
        same(decoding.result(slot), (whole[0][length:length + 4], []),
             f"{what}, in a batch")
    decoding.session.destroy()


def long_models():
    def longer(config):
        return {**config, "max_position_embeddings": CONTEXT}
    llama = models.llama
    return [
        ("llama", longer(llama(63, 7, 1, 20, 17, layers=2))),
        ("llama", longer(llama(63, 9, 3, 88, 17))),
        ("bloom", models.bloom(63, 7)),
        # Windows and all keys in turn; the window reaches over a split.
        ("gemma2", models.gemma2(1030, CONTEXT)),
        ("mistral", models.mistral(300, CONTEXT)),
    ]


def decoders(folder):
    tokens = tokens_of(CONTEXT, 3)
    encoded = {"bf16": 5e-2, "f32,kv=int8": 5e-2, "int8,kv=bf16": 0.2}
    for index, (family, config) in enumerate(long_models()):
        model = models.write(folder, f"{family}{index}", config)
        expected = reference(model, tokens)
        others = artifact.by_turns(list(encoded.items()), index)
        for turn, (precision, tolerance) in enumerate([("f32", 5e-6), *others]):
            [target] = artifact.by_turns(artifact.TARGETS[::-1], index + turn)
            library = compiled(model, os.path.join(folder, f"d{index}{turn}.so"), CONTEXT,
                               CONTEXT, f"--precision={precision}", f"--target={target}")
            assert (library.plan.split_rows > 0) == (family != "mistral")
            what = f"{family} {precision} {target}"
            whole = Watched(library, 2).decode(0, tokens, CONTEXT).result(0)
            near(whole, expected.ravel(), what, tolerance)
            check(library, whole, tokens, what)
            library.close()


def sources(folder):
    """Cross-attention over a long source, of rows that have few keys themselves."""
    config = {**models.marian(60, 3, 17, 1), "max_position_embeddings": CONTEXT}
    model = models.write(folder, "marian", config)
    source, rows = tokens_of(CONTEXT, 4), tokens_of(30, 5)
    for precision, tolerance in {"f32": 5e-6, "bf16": 5e-2}.items():
        library = compiled(model, os.path.join(folder, f"s{precision}.so"), 40, CONTEXT,
                           f"--max-source={CONTEXT}", f"--precision={precision}")

        def decode(threads, chunk):
            decoding = Watched(library, threads)
            decoding.session.call("encode", [source], [0])
            return decoding.decode(0, rows, chunk)
        whole = decode(2, 30)
        assert whole.session.splits == 1
        calls = [("encoder", 0, source), ("decoder", 0, rows)]
        expected = odd_sizes.reference(model, calls)[len(source) * config["d_model"]:]
        near(whole.result(0), expected_rows(expected, len(rows)), precision, tolerance)
        for threads, chunk in (2, 1), (7, 3), (1, 1):
            some = decode(threads, chunk)
            assert some.session.splits == (3 if threads > 1 else 1)
            same(some.result(0), whole.result(0), f"{precision}, {threads} threads")
        library.close()


def expected_rows(numbers, count):
    """Hidden rows and then logits, as rows of both."""
    hidden, logits = np.split(numbers, [numbers.size - count * VOCABULARY])
    return np.concatenate([hidden.reshape(count, -1), logits.reshape(count, -1)], 1).ravel()


if __name__ == "__main__":
    artifact.main(decoders, sources)
