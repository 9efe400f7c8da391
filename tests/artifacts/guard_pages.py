"""Compiled code against pages that cannot be touched.

Arena, cache and weights lie between two unreadable pages each (their sizes are
whole pages); the weights cannot be written. Ids, lengths, vectors and results
end where such a page begins, then begin where one ends. What generated code
touches beyond them ends this process.
"""

import ctypes as c
import json
import mmap
import os
import signal

import numpy as np

import artifact
import models

libc = c.CDLL(None, use_errno=True)
libc.mmap.restype = c.c_void_p
libc.mmap.argtypes = [c.c_void_p, c.c_size_t, c.c_int, c.c_int, c.c_int, c.c_long]
libc.mprotect.argtypes = [c.c_void_p, c.c_size_t, c.c_int]
libc.munmap.argtypes = [c.c_void_p, c.c_size_t]
NONE, READ, WRITE = 0, mmap.PROT_READ, mmap.PROT_WRITE


class Island:
    """`bytes` bytes that begin behind an unreadable page or end before one; both
    when they are whole pages."""

    def __init__(self, size, at_end):
        inner = max(1, -(-size // artifact.PAGE)) * artifact.PAGE
        self.size = inner + 2 * artifact.PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.base = libc.mmap(None, self.size, NONE, flags, -1, 0)
        assert self.base not in (None, c.c_void_p(-1).value)
        self.first, self.inner = self.base + artifact.PAGE, inner
        self.protect(READ | WRITE)
        self.address = self.first + (inner - size if at_end else 0)

    def protect(self, protection):
        assert libc.mprotect(self.first, self.inner, protection) == 0

    def free(self):
        libc.munmap(self.base, self.size)


class GuardedArrays:
    """The `memory` of a session."""

    def __init__(self, at_end):
        self.at_end, self.islands = at_end, []

    def room(self, count, kind=np.float32):
        island = Island(count * np.dtype(kind).itemsize, self.at_end)
        self.islands.append(island)
        raw = (c.c_char * (count * np.dtype(kind).itemsize)).from_address(island.address)
        return np.frombuffer(raw, kind)

    def take(self, array):
        room = self.room(array.size, array.dtype).reshape(array.shape)
        room[...] = array
        return room

    def free(self):
        for island in self.islands:
            island.free()
        self.islands = []


def weights_island(path, at_end):
    data = open(path, "rb").read()
    assert len(data) % artifact.PAGE == 0
    island = Island(len(data), at_end)
    c.memmove(island.address, data, len(data))
    island.protect(READ)
    return island, artifact.WeightsSource(None, island.address, len(data), -1)


def exercise(library, memory, arena, cache, threads, seed):
    """Prefill, ragged batches, decoding, every head, at odd lengths."""
    rng = np.random.default_rng(seed)
    plan = library.plan
    session = artifact.Session(library, threads, arena.address,
                               cache.address if cache else None, memory)

    def rows(stack, count):
        if stack.image_channels:  # an image, whatever the length
            return rng.standard_normal((stack.image_channels, stack.image_height,
                                        stack.image_width)).astype(np.float32)
        if stack.vocabulary == 0:
            return rng.standard_normal((count, stack.hidden)).astype(np.float32)
        return rng.choice([0, stack.vocabulary - 1], count).astype(np.int32)

    results = []
    most = plan.max_tokens
    ragged = [[1], [most], [1, most - 18, 17], [15, 1, 16], [7, 31, 1]]
    for lengths in ragged:
        lengths = [n for n in lengths if n > 0][:plan.max_sequences]
        session.reset()
        slots = list(range(len(lengths)))[::-1]
        if plan.encoder >= 0:
            longest = min(most, plan.max_source)
            stack = library.stacks[plan.encoder]
            if stack.image_channels:
                lengths = lengths[:most // stack.image_rows]
                slots = slots[:len(lengths)]
            results.append(session.call(
                "encode", [rows(stack, min(n, longest)) for n in lengths], slots))
        if plan.decoder >= 0:
            stack = library.stacks[plan.decoder]
            results.append(session.call("decode", [rows(stack, n) for n in lengths],
                                        slots))
            results.append(session.call("decode", [rows(stack, 1)], [slots[0]]))
        memory.free()
    if plan.decoder >= 0:  # up to the last key of the cache
        stack = library.stacks[plan.decoder]
        session.reset()
        if plan.encoder >= 0:
            session.call("encode", [rows(library.stacks[plan.encoder], 3)], [0])
        left = plan.max_context
        while left:
            count = min(left, most if left > 1 else 1)
            results.append(session.call("decode", [rows(stack, count - (left == count and count > 1))], [0]))
            left -= len(results[-1][0])
        memory.free()
    session.destroy()
    for hidden, heads in results:
        assert all(np.isfinite(r).all() for r in [hidden, *heads])


def guard(path, seed):
    library = artifact.Library(path)
    plan = library.plan
    for at_end in (True, False):
        weights, source = weights_island(path + ".weights", at_end)
        library.open(source)
        arena = Island(plan.arena_bytes, at_end)
        cache = Island(plan.cache_bytes, at_end) if plan.cache_bytes else None
        memory = GuardedArrays(at_end)
        for threads in (1, 3):
            exercise(library, memory, arena, cache, threads, seed)
        library.close()
        for island in filter(None, [weights, arena, cache]):
            island.free()


def run(model, folder, seed, targets, *flags):
    config = json.load(open(os.path.join(model, "config.json")))
    tokens = min(53, models.positions_of(config) - 1)
    for target in targets:
        path = os.path.join(folder, f"m{seed}_{target.replace('-', '_')}.so")
        artifact.compile_model(model, path, "--weights=external",
                               f"--target={target}", f"--max-tokens={tokens}",
                               "--max-sequences=3", *flags)
        guard(path, seed)
        os.remove(path)


def islands(folder):
    """The pages do what the other tests rely on."""
    def dies(action):
        child = os.fork()
        if child == 0:
            action()
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV

    for size in (1, 4, artifact.PAGE, artifact.PAGE + 4):
        last = Island(size, at_end=True)
        first = Island(size, at_end=False)
        for island in (last, first):
            c.memset(island.address, 1, size)
        assert dies(lambda: c.string_at(last.address + size, 1))
        assert dies(lambda: c.string_at(first.address - 1, 1))
        first.protect(READ)
        assert not dies(lambda: c.string_at(first.address, size))
        assert dies(lambda: c.memset(first.address, 1, 1))
        last.free()
        first.free()


def families(folder):
    for seed, name in enumerate(artifact.case_names()):
        # The levels by turns: the odd shapes go through all of them.
        target = artifact.TARGETS[seed % len(artifact.TARGETS)]
        run(os.path.join(artifact.CASES, name, "model"), folder, seed, [target])


def pools(folder):
    """Heads of whole sequences: means, rows side by side, a probe's attention,
    segments."""
    cases = os.path.join(os.path.dirname(artifact.CASES), "equations")
    for seed, (name, *flags) in enumerate((
            ["dinov2_classifier"], ["modernbert_classifier_mean"],
            ["big_bird_question_answering"],
            ["siglip_image_tower", "--tower=vision"],
            ["siglip_image_tower", "--tower=vision", "--precision=int8"])):
        target = artifact.TARGETS[seed % len(artifact.TARGETS)]
        run(os.path.join(cases, name, "model"), folder, 50 + seed, [target],
            *flags)


def odd_shapes(folder):
    # VNNI adds nothing to float32.
    targets = [target for target in artifact.TARGETS if target != "x86-64-v4-vnni"]
    for seed, (name, config) in enumerate(models.odd_models()):
        run(models.write(folder, f"{name}_{seed}", config), folder, 100 + seed,
            targets, "--random-weights=7")


def encodings(folder):
    precisions = list(artifact.PRECISIONS)
    *others, best = artifact.TARGETS
    for seed, (name, config) in enumerate(models.odd_models()):
        run(models.write(folder, f"e{name}_{seed}", config), folder, 200 + seed,
            {best, *others[seed % max(1, len(others)):][:1]}, "--random-weights=7",
            f"--precision={precisions[seed % len(precisions)]}")


def rings(folder):
    """Caches whose segments are taken again, up to the last token."""
    context = 700
    best = artifact.TARGETS[-1]
    for seed, (name, config, precision) in enumerate(
            [("ring", models.mistral(6, context), "f32"),
             ("rings", models.gemma2(6, context), "bf16")]):
        run(models.write(folder, name, config), folder, 300 + seed, {best},
            "--random-weights=7", f"--max-context={context}", f"--precision={precision}")


if __name__ == "__main__":
    artifact.main(islands, families, pools, odd_shapes, encodings, rings)
