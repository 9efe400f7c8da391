"""Compiles models and drives shared libraries through IDENT_get_api.

The structures mirror runtime/abi.h and runtime/ashlar.h; `Library` compares
the ABI version before it believes them.
"""

import ctypes as c
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ASHLAR = os.environ.get("ASHLAR", "ashlar")
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = os.path.join(SOURCE, "tests", "cases", "hf")
EXAMPLES = os.path.join(SOURCE, "examples")
PAGE = 4096

CPU = open("/proc/cpuinfo").read()
# Each level, and what a machine that has the one before it must have more.
LEVELS = {"x86-64-v3": "avx2", "x86-64-v4": "avx512f", "x86-64-v4-vnni": "avx512_vnni",
          "sapphirerapids": "amx_bf16"}


def levels(emulated):
    """Those that this machine runs, and the others up to `emulated`; of these those
    that are emulated."""
    names = list(LEVELS)
    native = next((i for i, name in enumerate(names) if LEVELS[name] not in CPU), len(names))
    end = max(native, names.index(emulated) + 1 if emulated else 0)
    for name in names[end:]:
        print(f"{name}: not tested, this machine has no {LEVELS[name]}")
    return names[:end], names[native:end]


TARGETS, EMULATED = levels(os.environ.get("ASHLAR_EMULATE"))
# What --precision says, and the relative error that it explains: bf16 keeps 8 bits
# of each factor, int8 a row's largest number in 127 steps, int4 15 steps a group;
# one linear loses 0.3, 1 and 10 %, and random weights carry that on.
PRECISIONS = {"bf16": 5e-2, "int8": 0.2, "int4": 0.7, "int4,group=32,zero_points": 0.7,
              "int4,group=128,lm_head=bf16": 0.7, "bf16,kv=int8": 5e-2,
              "int8,lm_head=int4,embeddings=f32": 0.5, "int8,kv=int8": 0.2}


def by_turns(levels, index):
    """One of the levels in a list; none where this machine has none of them."""
    return [levels[index % len(levels)]] if levels else []


def case_names():
    return sorted(name for name in os.listdir(CASES)
                  if os.path.exists(os.path.join(CASES, name, "case.json")))


def ashlar(*arguments, **options):
    """Runs the driver; gives the finished process with text outputs."""
    return subprocess.run([ASHLAR, *map(str, arguments)], capture_output=True,
                          text=True, errors="replace", **options)


def compile_model(model, output, *flags):
    """Emulates a --target that this machine cannot run."""
    if "--emulate" not in flags and any(f"--target={x}" in flags for x in EMULATED):
        flags += "--emulate",
    done = ashlar("compile", model, "-o", output, *flags)
    assert done.returncode == 0, f"compile {model}: {done.stderr}"
    return output


def _structure(name, text):
    """A ctypes structure of 8-byte fields: `p` before a name is a string, `*`
    a pointer, everything else an int64."""
    kinds = {"p": c.c_char_p, "*": c.c_void_p}
    fields = [(f.lstrip("p:*"), kinds[f[0]]) if f[:2] in ("p:", "*:")
              else (f, c.c_int64) for f in text.split()]
    return type(name, (c.Structure,), {"_fields_": fields})


StackPlan = _structure("StackPlan", """*:function p:input p:output ids_offset
    vectors_offset vector_stride vector_features vector_rows
    vectors_by_feature positions_offset types_offset vocabulary
    positions first_position positions_by_token token_types hidden hidden_offset hidden_stride cache_kind
    ring_kind reads_extents recompute_length p:marks_input marks_offset marks_rule marks_token
    image_channels image_height image_width patch_height patch_width image_prefix image_rows""")
HeadPlan = _structure("HeadPlan", """*:function p:output first_row_only row_token pools max_rows
    input_offset input_stride input_features output_offset output_stride
    output_features scalar""")
CachePlan = _structure("CachePlan", """in_arena offset layers layer_stride segments
    segment_stride slot_segments kept_segments table_offset capacity""")
Plan = _structure("Plan", """abi_version p:name p:manifest manifest_bytes
    cpu_level uses_tiles *:lower build_id *:weights weights_bytes arena_bytes cache_bytes
    max_tokens max_context max_source max_sequences call_offset rows_offset
    tiles_offset max_tiles tile_rows split_rows arrivals_offset arrivals cross_cache encoder decoder stack_count
    *:stacks head_count *:heads cache_count *:caches tap_count *:taps map_offset map_rows map_keys
    map_count *:maps *:text
    text_bytes""")


class WeightsSource(c.Structure):
    _fields_ = [("path", c.c_char_p), ("memory", c.c_void_p),
                ("memory_bytes", c.c_size_t), ("descriptor", c.c_int)]


class SessionOptions(c.Structure):
    _fields_ = [("threads", c.c_int32), ("arena", c.c_void_p),
                ("arena_bytes", c.c_size_t), ("cache", c.c_void_p),
                ("cache_bytes", c.c_size_t)]


class Batch(c.Structure):
    _fields_ = [("sequences", c.c_int32), ("slots", c.c_void_p),
                ("lengths", c.c_void_p), ("ids", c.c_void_p),
                ("vectors", c.c_void_p), ("position_ids", c.c_void_p),
                ("token_type_ids", c.c_void_p), ("extents", c.c_void_p),
                ("pixel_values", c.c_void_p), ("marks", c.c_void_p)]


def _function(*arguments, result=c.c_int):
    return c.CFUNCTYPE(result, *arguments)


class Api(c.Structure):
    _fields_ = [
        ("abi_version", c.c_int64), ("best_plan", c.POINTER(Plan)),
        ("choose_plan", _function(c.c_void_p, result=c.POINTER(Plan))),
        ("open", _function(c.c_void_p, c.POINTER(c.c_void_p))),
        ("close", _function(c.c_void_p, result=None)),
        ("session_create", _function(c.c_void_p, c.POINTER(SessionOptions),
                                     c.POINTER(c.c_void_p))),
        ("session_destroy", _function(c.c_void_p, result=None)),
        ("reset", _function(c.c_void_p, c.c_int32)),
        ("encode", _function(c.c_void_p, c.POINTER(Batch))),
        ("decode", _function(c.c_void_p, c.POINTER(Batch))),
        ("hidden", _function(c.c_void_p, c.POINTER(c.c_void_p),
                             c.POINTER(c.c_int64), c.POINTER(c.c_int64),
                             c.POINTER(c.c_int64))),
        ("head", _function(c.c_void_p, c.c_int32, c.c_void_p, c.c_int32,
                           c.c_void_p, c.c_size_t)),
        ("length", _function(c.c_void_p, c.c_int32, result=c.c_int64)),
        ("status_text", _function(c.c_int, result=c.c_char_p)),
        ("arena", _function(c.c_void_p, result=c.c_void_p)),
        ("session_marks", _function(c.c_void_p, c.c_void_p)),
        ("workers", _function(c.c_void_p, result=c.c_int32)),
        ("copy_slot", _function(c.c_void_p, c.c_int32, c.c_int32)),
    ]


class Library:
    """A loaded artifact; open weights with open()."""

    def __init__(self, path):
        self.handle = c.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
        name = os.path.splitext(os.path.basename(path))[0]
        get = getattr(self.handle, name + "_get_api")
        get.restype = c.POINTER(Api)
        self.api = get().contents
        assert self.api.abi_version == 10
        self.plan = self.api.choose_plan(self.api.best_plan).contents
        plan = self.plan
        self.stacks = (StackPlan * plan.stack_count).from_address(plan.stacks)
        self.heads = ((HeadPlan * plan.head_count).from_address(plan.heads)
                      if plan.head_count else [])
        self.model = None

    def open(self, source=None):
        model = c.c_void_p()
        check(self.api.open(c.addressof(source) if source else None,
                            c.byref(model)))
        self.model = model
        return self

    def close(self):
        if self.model:
            self.api.close(self.model)
            self.model = None


def check(status):
    assert status == 0, f"status {status}"


class Plain:
    """Arrays for a session, from the ordinary heap."""

    def take(self, array):
        return np.ascontiguousarray(array)

    def room(self, floats):
        return np.zeros(floats, np.float32)


class Session:
    """`memory` gives the arrays that calls read and write; it may place them
    against unreadable pages."""

    def __init__(self, library, threads=1, arena=None, cache=None, memory=None):
        self.library, self.api = library, library.api
        self.memory = memory or Plain()
        options = SessionOptions(threads, arena, library.plan.arena_bytes
                                 if arena else 0, cache,
                                 library.plan.cache_bytes if cache else 0)
        session = c.c_void_p()
        check(self.api.session_create(library.model, c.byref(options),
                                      c.byref(session)))
        self.session = session

    def destroy(self):
        self.api.session_destroy(self.session)

    def reset(self):
        check(self.api.reset(self.session, -1))

    def call(self, entry, sequences, slots=None):
        """`sequences`: a list of int arrays, of float arrays [rows, hidden] or of
        images [channels, height, width]. Gives (hidden rows, [rows of each head])."""
        rank = np.asarray(sequences[0]).ndim
        images = rank == 3
        lengths = None if images else self.memory.take(
            np.array([len(s) for s in sequences], np.int32))
        places = (self.memory.take(np.array(slots, np.int32))
                  if slots is not None else None)
        vectors = rank == 2
        data = self.memory.take(np.concatenate(sequences).astype(
            np.int32 if rank == 1 else np.float32))
        pointer = lambda a: a.ctypes.data if a is not None else None
        batch = Batch(len(sequences), pointer(places), pointer(lengths),
                      pointer(data) if rank == 1 else None,
                      pointer(data) if vectors else None, None, None, None,
                      pointer(data) if images else None)
        check(getattr(self.api, entry)(self.session, c.byref(batch)))
        hidden = self.hidden()
        return hidden, self.head_rows(len(sequences), len(hidden), entry)

    def hidden(self):
        address, rows = c.c_void_p(), c.c_int64()
        features, stride = c.c_int64(), c.c_int64()
        check(self.api.hidden(self.session, c.byref(address), c.byref(rows),
                              c.byref(features), c.byref(stride)))
        count = (rows.value - 1) * stride.value + features.value
        flat = np.ctypeslib.as_array((c.c_float * count).from_address(address.value))
        return np.lib.stride_tricks.as_strided(
            flat, (rows.value, features.value), (stride.value * 4, 4)).copy()

    def head_rows(self, sequences, rows, entry):
        last = len(self.library.stacks) - 1
        stack = (self.library.plan.encoder if entry == "encode"
                 else self.library.plan.decoder)
        results = []
        for index, head in enumerate(self.library.heads if stack == last else []):
            count = sequences if head.first_row_only else rows
            out = self.memory.room(count * head.output_features)
            check(self.api.head(self.session, index, None, 0, out.ctypes.data,
                                out.size))
            results.append(out.reshape(count, head.output_features).copy())
        return results


def main(*tests):
    """Runs the functions, each with a fresh folder that is removed."""
    names = sys.argv[1:]
    for test in tests:
        if names and test.__name__ not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="ashlar-") as folder:
            test(folder)
        print("ok", test.__name__, flush=True)
