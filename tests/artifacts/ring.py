"""Models with windows whose keys lie in a ring, long after it has gone round.

Against the float64 reference, and to the bit against the same model with calls
so long that its layers keep all keys. Catches keys that are overwritten while a
row still sees them, rows that go to another place than attention reads, layers
that meet in a cache, and caches that grow with the context.
"""

import os
import sys

import numpy as np

import artifact
import models
import odd_sizes
from models import gemma2, mistral
from odd_sizes import near, same

sys.path.insert(0, os.path.join(artifact.SOURCE, "tests", "cases"))
from equation_models.llama import llama_kind
from equation_models.model import Model

VOCABULARY = 97


def compiled(model, path, context, tokens, *flags):
    artifact.compile_model(model, path, f"--random-weights={odd_sizes.SEED}",
                           "--max-sequences=3", f"--max-context={context}",
                           f"--max-tokens={tokens}", *flags)
    return artifact.Library(path).open()


def caches_of(library):
    return (artifact.CachePlan * library.plan.cache_count).from_address(
        library.plan.caches)


def rings_of(library):
    """Segments that a sequence has in each ring."""
    return [cache.kept_segments for cache in caches_of(library)
            if cache.kept_segments < cache.slot_segments]


def tokens_of(length, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, VOCABULARY, length).astype(np.int32)


class Decoding:
    """A session, and all rows that its slots have given."""

    def __init__(self, library, threads=1):
        self.session = artifact.Session(library, threads)
        self.rows = {}

    def call(self, pieces):
        """Decodes {slot: tokens}."""
        hidden, heads = self.session.call("decode", list(pieces.values()), list(pieces))
        at = 0
        for slot, tokens in pieces.items():
            part = np.concatenate([a[at:at + len(tokens)] for a in [hidden, *heads]], 1)
            self.rows.setdefault(slot, []).append(part)
            at += len(tokens)

    def decode(self, slot, tokens, chunk):
        for begin in range(0, len(tokens), chunk):
            self.call({slot: tokens[begin:begin + chunk]})
        return self

    def result(self, slot):
        return np.concatenate(self.rows[slot]), []


def reference(model, tokens, chunk=512):
    """Rows of hidden state and logits, in float64."""
    calls = [("decoder", 0, tokens[i:i + chunk]) for i in range(0, len(tokens), chunk)]
    numbers, rows, at = odd_sizes.reference(model, calls), [], 0
    width = numbers.size // len(tokens)
    for _, _, part in calls:
        size = len(part) * width
        hidden, logits = np.split(numbers[at:at + size],
                                  [len(part) * (width - VOCABULARY)])
        rows.append(np.concatenate([hidden.reshape(len(part), -1),
                                    logits.reshape(len(part), -1)], 1))
        at += size
    return np.concatenate(rows)


def check(library, whole, tokens, what):
    """Any chunks, threads, slots and neighbours give the rows of `whole`."""
    most = library.plan.max_tokens
    for threads, chunk in ((1, most), (2, 7), (3, 1)):
        decoding = Decoding(library, threads).decode(chunk % 3, tokens, chunk)
        same(decoding.result(chunk % 3), whole, f"{what}, chunks of {chunk}")
    # Three sequences, at different places of their rings; then one anew.
    decoding = Decoding(library, 2)
    decoding.decode(1, tokens[:300], most)
    for begin in range(0, len(tokens), 5):
        pieces = {2: tokens[begin:begin + 5], 1: tokens[300 + begin:302 + begin],
                  0: tokens[begin // 5:begin // 5 + 1]}
        decoding.call({slot: piece for slot, piece in pieces.items() if len(piece)})
    same(decoding.result(2), whole, f"{what}, in a batch")
    counts = len(decoding.result(0)[0])
    same(decoding.result(0), (whole[0][:counts], []), f"{what}, its neighbour")
    decoding.session.reset()
    decoding.rows.clear()
    same(decoding.decode(1, tokens, most).result(1), whole, f"{what}, after a reset")


def small_windows(folder):
    """Windows of 6 and of 270 with calls of 19 rows: rings of two and of three
    segments, which go round twice and once."""
    context = 1100
    tokens = tokens_of(context, 3)
    for name, config, segments in (("mistral", mistral(6, context), 2),
                                   ("gemma2", gemma2(270, context), 3)):
        model = models.write(folder, name, config)
        expected = reference(model, tokens)
        precisions = {"f32": 5e-6, "bf16": 5e-2, "f32,kv=int8": 5e-2}
        for index, (precision, tolerance) in enumerate(precisions.items()):
            target = f"--target={artifact.TARGETS[-1 - index % len(artifact.TARGETS)]}"
            flags = target, f"--precision={precision}"
            what = f"{name} {precision} {target}"
            dense = compiled(model, os.path.join(folder, f"{name}d{index}.so"),
                             context, context, *flags)
            ring = compiled(model, os.path.join(folder, f"{name}r{index}.so"),
                            context, 19, *flags)
            assert rings_of(dense) == [] and rings_of(ring) == [segments], what
            whole = Decoding(dense).decode(0, tokens, context).result(0)
            near(whole, expected.ravel(), what, tolerance)
            check(ring, whole, tokens, what)
            dense.close()
            ring.close()


def plain_equations(folder):
    """The textbook's attention in numpy, whose mask alone says what a row sees."""
    context = 1000
    config = {**mistral(250, context), "rms_norm_eps": 1e-5}
    model = models.write(folder, "plain", config)
    rng = np.random.default_rng(7)
    weights = {name: rng.normal(0, 0.4, shape).astype(np.float32)
               for name, shape in models.llama_shapes(config).items()}
    packed = b"".join(values.tobytes() for values in weights.values())
    at = 0

    def fill(count):
        nonlocal at
        at += 4 * count
        return packed[at - 4 * count:at]
    models.write_safetensors(os.path.join(model, "model.safetensors"),
                             models.llama_shapes(config), fill)
    tokens = tokens_of(context, 8)
    results = llama_kind(Model(config, weights, np.float64),
                         {"input_ids": tokens[None]})
    expected = np.concatenate([results["last_hidden_state"][0], results["logits"][0]], 1)
    path = artifact.compile_model(model, os.path.join(folder, "plain.so"),
                                  f"--max-context={context}", "--max-tokens=19")
    library = artifact.Library(path).open()
    assert rings_of(library) == [3]
    for chunk in 1, 19:
        near(Decoding(library).decode(0, tokens, chunk).result(0), expected.ravel(),
             f"chunks of {chunk}")
    library.close()


def sixteen_windows(folder):
    """Windows of 256, sixteen times as many tokens."""
    context = 16 * 256 + 40
    tokens = tokens_of(context, 4)
    model = models.write(folder, "long", mistral(256, context))
    expected = reference(model, tokens)
    for precision, tolerance in {"f32": 5e-6, "bf16": 5e-2}.items():
        dense = compiled(model, os.path.join(folder, f"d{precision}.so"), context,
                         context, f"--precision={precision}")
        ring = compiled(model, os.path.join(folder, f"r{precision}.so"), context,
                        64, f"--precision={precision}")
        # 255 keys behind and 64 rows touch three segments at most.
        assert rings_of(dense) == [] and rings_of(ring) == [3]
        whole = Decoding(dense, 2).decode(0, tokens, context).result(0)
        near(whole, expected.ravel(), precision, tolerance)
        # The last rows by themselves: errors do not add up along the sequence.
        near((whole[0][-40:], []), expected[-40:].ravel(), precision, tolerance)
        for chunk in 1, 64:
            decoding = Decoding(ring, 2).decode(2, tokens, chunk)
            same(decoding.result(2), whole, f"{precision}, chunks of {chunk}")
        dense.close()
        ring.close()


def constant_memory(folder):
    """The context adds nothing to a cache of windows alone; where layers take
    turns, it adds what those without a window keep."""
    def cache_bytes(model, context, precision="f32"):
        path = os.path.join(folder, f"m{len(os.listdir(folder))}.so")
        library = compiled(model, path, context, 32, f"--precision={precision}")
        size = library.plan.cache_bytes
        library.close()
        return size

    longest = 1 << 16
    model = models.write(folder, "windows", mistral(256, longest))
    for precision, key in ("f32", 4 * (12 + 16)), ("bf16", 2 * (32 + 16)):
        sizes = {cache_bytes(model, context, precision) for context in (2048, 4096, longest)}
        # Two layers, one key head, three sequences, three segments of 256 keys.
        data = 2 * 3 * 3 * 256 * key
        assert sizes == {-(-(data + 64) // 4096) * 4096}, (precision, sizes)
    model = models.write(folder, "turns", gemma2(256, longest))
    grown = cache_bytes(model, 8192) - cache_bytes(model, 4096)
    assert grown == 2 * 3 * 4096 * 4 * (12 + 16), grown


def copies(folder):
    """A copy goes on as its origin would, when the ring has gone round."""
    context = 1100
    tokens = tokens_of(context, 5)
    for name, config in ("mistral", mistral(6, context)), ("gemma2", gemma2(270, context)):
        model = models.write(folder, f"copied_{name}", config)
        library = compiled(model, os.path.join(folder, f"c{name}.so"), context, 19)
        alone = Decoding(library).decode(0, tokens, 19).result(0)[0]
        for length in 1, 256, 511, 512, 513, 900:
            decoding = Decoding(library)
            decoding.decode(1, tokens[:length], 19)
            decoding.decode(0, tokens_of(40, 6), 19)
            for to in 0, 2:
                artifact.check(library.api.copy_slot(decoding.session.session, 1, to))
            # Others go on elsewhere, between its calls.
            decoding.rows.clear()
            for begin in range(length, min(length + 60, context), 3):
                decoding.call({2: tokens[begin:begin + 3], 1: tokens_of(3, begin)})
            count = len(decoding.result(2)[0])
            same(decoding.result(2), (alone[length:length + count], []),
                 f"{name}, a copy of {length} tokens")
            same(decoding.decode(0, tokens[length:length + 30], 19).result(0),
                 (alone[length:length + 30], []), f"{name}, a copy of {length} tokens")
        library.close()


if __name__ == "__main__":
    artifact.main(small_windows, plain_equations, sixteen_windows, constant_memory, copies)
