#!/usr/bin/env python3
"""Writes the reference cases of tests/cases/textbook, one for each description
in examples/specs.

The forward passes below are plain numpy, each written from the formula that
stands at the top of its description and from nothing of the compiler. Every
case is computed in float64; the same lines in float32 give the tolerances, by
the rule of tests/cases/hf. A case is refused if what it is there for does not
matter: each of its options is changed in turn, and the outputs must move by
over 100 tolerances (15 for one way to compute gelu instead of the other).

    python3 tests/cases/make_textbook_cases.py [CASE...]
"""

import inspect
import json
import math
import os
import shutil
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True  # the source tree stays clean
from equation_models.attention import heads_of, joined
from equation_models.files import (described, rel_l2, rounded, valid_part,
                                   write_array, write_safetensors)
from equation_models.functions import (gelu, gelu_tanh, normalize, relu,
                                       root_mean_square, silu, softmax)
from equation_models.positions import (frequencies, paper_slopes, turn_halves,
                                       turn_neighbours)

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "textbook")
VOCABULARY = 41

# ---------------------------------------------------------------------------
# Parts
# ---------------------------------------------------------------------------


class Weights:
    def __init__(self, values, dtype):
        self.dtype = np.dtype(dtype)
        self.values = {name: array.astype(dtype)
                       for name, array in values.items()}

    def __getitem__(self, name):
        return self.values[name]

    def linear(self, x, name):
        """x W^T + b. What has no weight is x itself."""
        if name + ".weight" not in self.values:
            return x
        y = x @ self.values[name + ".weight"].T
        bias = self.values.get(name + ".bias")
        return y if bias is None else y + bias


def real_part(inputs):
    """Which tokens are no padding, [B, S]."""
    first = inputs["inputs" if "inputs" in inputs else "input_ids"]
    mask = inputs.get("attention_mask")
    return np.ones(first.shape[:2], bool) if mask is None else mask == 1


def see_all(inputs):
    """[B, 1, 1, S]: which keys a query sees."""
    return real_part(inputs)[:, None, None, :]


def see_past(length, window=None):
    """Query i sees key j if i - window < j <= i."""
    i, j = np.arange(length)[:, None], np.arange(length)[None, :]
    return (j <= i) & (i - j < (window or length))


def see_near(length, window):
    i, j = np.arange(length)[:, None], np.arange(length)[None, :]
    return np.abs(i - j) < window


def see_first(length, count, queries=False):
    """Every query sees the first keys, or the first queries see every key."""
    i, j = np.arange(length)[:, None], np.arange(length)[None, :]
    return (i < count) | (j < 0) if queries else (j < count) | (i < 0)


def split_mix(seed, count):
    """Outputs of splitmix64 (Steele et al. 2014)."""
    bits = (1 << 64) - 1
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & bits
        z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & bits
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & bits
        yield z ^ (z >> 31)


def see_blocks(length, size, near, draws, seed, of):
    """Blocks up to `near` away, and `draws` random ones among `of`."""
    block = np.arange(length) // size
    allowed = np.abs(block[:, None] - block[None, :]) <= near
    outputs = list(split_mix(seed, draws * (length // size + 1)))
    for i in range(length):
        drawn = outputs[draws * block[i]:draws * (block[i] + 1)]
        for z in drawn:
            allowed[i] |= block == (z >> 33) % of
    return allowed


def mixed(w, scores, v, allowed):
    """softmax(scores) v over the keys that are allowed."""
    scores = np.where(allowed, scores, w.dtype.type(-1e30))
    return joined(softmax(scores) @ v)


def product(q, k):
    return q @ k.transpose(0, 1, 3, 2)


def additive(vector):
    """[heads x D] to scores of each head, v^T tanh(q + k)."""
    def scores(q, k):
        v = vector.reshape(1, q.shape[1], 1, 1, q.shape[3])
        return (v * np.tanh(q[:, :, :, None] + k[:, :, None])).sum(-1)
    return scores


def attention(w, at, x, source, allowed, heads, scale=None, score=product,
              turn=None, bias=None, cap=None, norm=None):
    """concat(softmax(score(q, k) scale + bias) v) Wo^T; scale 1 / sqrt(D)
    where none is given."""
    q = heads_of(w.linear(x, at + "query"), heads)
    k = heads_of(w.linear(source, at + "key"), heads)
    v = heads_of(w.linear(source, at + "value"), heads)
    if norm:
        q, k = norm(q, at + "query_norm"), norm(k, at + "key_norm")
    if turn:
        q, k = turn(q), turn(k)
    scores = score(q, k) * (1 / math.sqrt(q.shape[-1]) if scale is None
                            else scale)
    if bias is not None:
        scores = scores + bias.astype(w.dtype)
    if cap:
        scores = cap * np.tanh(scores / cap)
    return w.linear(mixed(w, scores, v, allowed), at + "output")


def feed_forward(w, at, x, activation):
    up = w.linear(x, at + "up")
    if at + "gate.weight" in w.values:
        return w.linear(activation(w.linear(x, at + "gate")) * up, at + "down")
    return w.linear(activation(up), at + "down")


def layer_norm(w, x, name, eps=1e-5):
    return normalize(x, eps) * w[name + ".weight"] + w[name + ".bias"]


def rms_norm(w, x, name, eps=1e-6):
    return root_mean_square(x, eps) * w[name + ".weight"]


def sinusoids(w, length, width, split_half=False):
    angles = np.arange(length)[:, None] * frequencies(width, 10000.0)
    table = np.empty((length, width))
    if split_half:
        table[:, :width // 2], table[:, width // 2:] = (np.sin(angles),
                                                        np.cos(angles))
    else:
        table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return table.astype(w.dtype)


def vectors(w, inputs):
    return inputs["inputs"].astype(w.dtype)


def tokens(w, inputs, scale=1.0):
    return w["tokens.weight"][inputs["input_ids"]] * w.dtype.type(scale)


def layers(count, name="layers"):
    return [f"{name}.{layer}." for layer in range(count)]


# ---------------------------------------------------------------------------
# Shapes
# ---------------------------------------------------------------------------

def attention_shapes(at, width, parts="qkvo"):
    names = {"q": "query", "k": "key", "v": "value", "o": "output"}
    return {f"{at}{names[part]}.weight": (width, width) for part in parts}


def feed_forward_shapes(at, width, inner, bias=True, gate=False):
    shapes = {at + "up.weight": (inner, width),
              at + "down.weight": (width, inner)}
    if gate:
        shapes[at + "gate.weight"] = (inner, width)
    if bias:
        shapes[at + "up.bias"] = (inner,)
        shapes[at + "down.bias"] = (width,)
    return shapes


def norm_shapes(width, *names, bias=True):
    shapes = {name + ".weight": (width,) for name in names}
    if bias:
        shapes.update({name + ".bias": (width,) for name in names})
    return shapes


def plain_shapes(width, count=1, parts="qkvo", vocabulary=0):
    """Layers of attention only, of a stack that reads tokens or vectors."""
    shapes = {"tokens.weight": (vocabulary, width)} if vocabulary else {}
    for at in layers(count):
        shapes.update(attention_shapes(at + "attention.", width, parts))
    return shapes


def full_shapes(width, inner, count, *norms, norm_bias=True, vocabulary=0,
                **options):
    shapes = plain_shapes(width, count, vocabulary=vocabulary)
    for at in layers(count):
        shapes.update(feed_forward_shapes(at + "feed_forward.", width, inner,
                                          **options))
        shapes.update(norm_shapes(width, *[at + name for name in norms],
                                  bias=norm_bias))
    return shapes


# ---------------------------------------------------------------------------
# The cases
# ---------------------------------------------------------------------------

CASES = {}


def case(shapes, *changes, name=None, reads="vectors", width=24, **options):
    """Adds the function below as a case of its name. `changes`: keyword
    arguments of it, each of which must matter. `reads`: vectors or tokens of
    an encoder, "past" for the tokens of a decoder, "pair" for both sides of an
    encoder-decoder."""
    def add(forward):
        called = name or forward.__name__
        CASES[called] = {
            "name": called, "forward": forward, "shapes": shapes,
            "changes": changes, "reads": reads, "width": width, **options}
        return forward
    return add


@case({}, {"scale": 0.5}, {"residual": True}, spread=0.4)
def self_attention_weightless(w, inputs, scale=1, residual=False):
    x = vectors(w, inputs)[:, None]
    y = mixed(w, product(x, x) * scale, x, see_all(inputs))
    return x[:, 0] + y if residual else y


@case(plain_shapes(24, parts="qkv"), {"scale": 1})
def single_head(w, inputs, scale=24 ** -0.5):
    x, at = vectors(w, inputs)[:, None], "layers.0.attention."
    q, k, v = [w.linear(x, at + part) for part in ("query", "key", "value")]
    return mixed(w, product(q, k) * scale, v, see_all(inputs))


@case(plain_shapes(24), {"heads": 1}, {"heads": 6})
def multi_head(w, inputs, heads=4):
    x = vectors(w, inputs)
    return attention(w, "layers.0.attention.", x, x, see_all(inputs), heads)


@case(plain_shapes(24, 3), {"count": 2}, {"residual": False}, query_gain=0.5)
def stacked(w, inputs, count=3, residual=True):
    x = vectors(w, inputs)
    for at in layers(count):
        y = attention(w, at + "attention.", x, x, see_all(inputs), 3)
        x = x + y if residual else y
    return x


@case(plain_shapes(32, parts="qkv"), {"scale": 32 ** -0.5}, width=32,
      query_gain=0.3)
def dot(w, inputs, scale=1):
    x, at = vectors(w, inputs)[:, None], "layers.0.attention."
    q, k, v = [w.linear(x, at + part) for part in ("query", "key", "value")]
    return mixed(w, product(q, k) * scale, v, see_all(inputs))


@case(plain_shapes(28, parts="q"), {"scale": 28 ** -0.5}, {"turned": True},
      width=28, query_gain=0.3)
def bilinear(w, inputs, scale=1, turned=False):
    x = vectors(w, inputs)[:, None]
    matrix = w["layers.0.attention.query.weight"].T
    scores = x @ (matrix.T if turned else matrix) @ x.transpose(0, 1, 3, 2)
    return mixed(w, scores * scale, x, see_all(inputs))


@case({**plain_shapes(24), "layers.0.attention.vector": (24,)},
      {"scale": 8 ** -0.5}, {"score": product}, name="additive")
def additive_heads(w, inputs, scale=1, score=None):
    x, at = vectors(w, inputs), "layers.0.attention."
    return attention(w, at, x, x, see_all(inputs), 3, scale,
                     score or additive(w[at + "vector"]))


CROSS = {"source.weight": (37, 24), "target.weight": (31, 24),
         **attention_shapes("encoder.0.attention.", 24),
         **attention_shapes("decoder.0.attention.", 24)}


def cross(w, inputs, scores):
    """`scores` of decoder states s [B, T, D] and encoder states h."""
    h = w["source.weight"][inputs["input_ids"]]
    h = h + attention(w, "encoder.0.attention.", h, h, see_all(inputs), 2)
    ids = inputs["decoder_input_ids"]
    s = w["target.weight"][ids]
    s = s + attention(w, "decoder.0.attention.", s, s,
                      see_past(ids.shape[1]), 2)
    context = mixed(w, scores(s, h)[:, None], h[:, None], see_all(inputs))
    return {"last_hidden_state": s + context, "encoder_last_hidden_state": h}


@case({**CROSS,
       **attention_shapes("decoder.0.cross_attention.", 24, "qk"),
       "decoder.0.cross_attention.vector": (24,)},
      {"products": True}, {"scale": 0}, reads="pair", source=37, target=31)
def additive_cross(w, inputs, scale=1, products=False):
    at = "decoder.0.cross_attention."

    def scores(s, h):
        q, k = w.linear(s, at + "query"), w.linear(h, at + "key")
        if products:
            return q @ k.transpose(0, 2, 1)
        sums = np.tanh(q[:, :, None] + k[:, None])
        return sums @ w[at + "vector"] * scale
    return cross(w, inputs, scores)


@case({**CROSS, **attention_shapes("decoder.0.cross_attention.", 24, "q")},
      {"scale": 24 ** -0.5}, {"scale": 0}, reads="pair", source=37, target=31,
      query_gain=0.3)
def multiplicative_cross(w, inputs, scale=1):
    matrix = w["decoder.0.cross_attention.query.weight"].T
    return cross(w, inputs,
                 lambda s, h: s @ matrix @ h.transpose(0, 2, 1) * scale)


# Positions

@case(plain_shapes(24, vocabulary=VOCABULARY), {"split_half": True},
      {"scale": 1.0}, {"first": 1}, reads="tokens", embedding=0.3)
def positions_sinusoidal_interleaved(w, inputs, split_half=False,
                                     scale=math.sqrt(24), first=0):
    x = tokens(w, inputs, scale)
    x = x + sinusoids(w, x.shape[1] + first, 24, split_half)[first:]
    return x + attention(w, "layers.0.attention.", x, x, see_all(inputs), 3)


@case(plain_shapes(24, vocabulary=VOCABULARY), {"split_half": False},
      {"first": 1}, reads="tokens")
def positions_sinusoidal_split_half(w, inputs, split_half=True, first=0):
    x = tokens(w, inputs)
    x = x + sinusoids(w, x.shape[1] + first, 24, split_half)[first:]
    return x + attention(w, "layers.0.attention.", x, x, see_all(inputs), 3)


@case({**plain_shapes(24, vocabulary=VOCABULARY), "positions.weight": (40, 24)},
      {"first": 1}, reads="tokens")
def positions_learned(w, inputs, first=0):
    x = tokens(w, inputs)
    x = x + w["positions.weight"][first:first + x.shape[1]]
    return x + attention(w, "layers.0.attention.", x, x, see_all(inputs), 3)


@case(plain_shapes(24, 2, vocabulary=VOCABULARY), {"turn": turn_halves},
      {"theta": 1000.0}, {"direction": 0}, reads="past")
def positions_rotary(w, inputs, turn=turn_neighbours, theta=10000.0,
                     direction=1):
    x = tokens(w, inputs)
    length = x.shape[1]
    angles = direction * np.arange(length)[:, None] * frequencies(12, theta)
    tables = [f(angles).astype(w.dtype) for f in (np.cos, np.sin)]
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x, see_past(length), 2,
                          turn=lambda heads: turn(heads, tables))
    return x


@case(plain_shapes(36, 2, vocabulary=VOCABULARY), {"smooth": True},
      {"sign": 1}, {"sign": 0}, reads="past", width=36)
def positions_alibi(w, inputs, smooth=False, sign=-1):
    x = tokens(w, inputs)
    length = x.shape[1]
    slopes = 2 ** (-8 * np.arange(1, 7) / 6) if smooth else paper_slopes(6)
    i, j = np.arange(length)[:, None], np.arange(length)[None, :]
    bias = sign * slopes[:, None, None] * (i - j)
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x, see_past(length), 6,
                          bias=bias)
    return x


def bucket(distance, buckets, most):
    """Of j - i. A distance of `most` or more has the last bucket of its half,
    those below a quarter of `buckets` have one each."""
    half = buckets // 2
    first = half if distance > 0 else 0
    distance, exact = abs(distance), half // 2
    if distance < exact:
        return first + distance
    steps = math.log(distance / exact) / math.log(most / exact)
    return first + min(exact + int(steps * (half - exact)), half - 1)


@case({**plain_shapes(24, 2, vocabulary=VOCABULARY), "relative.weight": (8, 4)},
      {"most": 40}, {"turned": True}, {"scale": 6 ** -0.5}, reads="tokens",
      query_gain=0.5)
def positions_relative(w, inputs, most=20, turned=False, scale=1):
    x = tokens(w, inputs)
    length = x.shape[1]
    sign = -1 if turned else 1
    rows = [[bucket(sign * (j - i), 8, most) for j in range(length)]
            for i in range(length)]
    bias = w["relative.weight"][np.array(rows)].transpose(2, 0, 1)
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x, see_all(inputs), 4,
                          scale, bias=bias)
    return x


# Feed-forward blocks

def fed(w, inputs, activation):
    x = vectors(w, inputs)
    x = x + attention(w, "layers.0.attention.", x, x, see_all(inputs), 3)
    return x + feed_forward(w, "layers.0.feed_forward.", x, activation)


@case(full_shapes(24, 24, 1), {"activation": gelu}, {"activation": silu})
def feed_forward_relu_1x(w, inputs, activation=relu):
    return fed(w, inputs, activation)


@case(full_shapes(24, 192, 1), {"activation": gelu}, {"activation": silu})
def feed_forward_gelu_tanh_8x(w, inputs, activation=gelu_tanh):
    return fed(w, inputs, activation)


@case(full_shapes(24, 64, 1, bias=False, gate=True), {"activation": gelu},
      {"activation": relu})
def feed_forward_gated_silu(w, inputs, activation=silu):
    return fed(w, inputs, activation)


# Experts

def expert_shapes(width, inner, count, layer_count=1, bias=False, **options):
    shapes = plain_shapes(width, layer_count)
    for at in layers(layer_count):
        at += "feed_forward."
        shapes[at + "router.weight"] = (count, width)
        if bias:
            shapes[at + "router.bias"] = (count,)
        for expert in layers(count, at + "experts"):
            shapes.update(feed_forward_shapes(expert, width, inner, bias=bias,
                                              **options))
    return shapes


def experts(w, at, x, activation, top, renormalize=False):
    """Each row by itself: the experts of its `top` largest logits, the first
    of equal ones."""
    rows = x.reshape(-1, x.shape[-1])
    result = np.zeros_like(rows)
    for row, y in zip(rows, result):
        logits = w.linear(row, at + "router")
        weights = softmax(logits)
        chosen = np.argsort(-logits, kind="stable")[:top]
        if renormalize:
            weights = weights / weights[chosen].sum()
        for expert in np.sort(chosen):
            y += weights[expert] * feed_forward(
                w, f"{at}experts.{expert}.", row, activation)
    return result.reshape(x.shape)


def with_experts(w, inputs, count, **options):
    x = vectors(w, inputs)
    for at in layers(count):
        x = x + attention(w, at + "attention.", x, x, see_all(inputs), 3)
        x = x + experts(w, at + "feed_forward.", x, **options)
    return x


@case(expert_shapes(24, 20, 5, 2, gate=True), {"top": 1}, {"top": 3},
      {"renormalize": False}, {"activation": relu}, name="experts")
def experts_top_2(w, inputs, activation=silu, top=2, renormalize=True):
    return with_experts(w, inputs, 2, activation=activation, top=top,
                        renormalize=renormalize)


@case(expert_shapes(24, 40, 7, bias=True), {"top": 2}, {"renormalize": True},
      {"activation": silu})
def experts_top_1(w, inputs, activation=relu, top=1, renormalize=False):
    return with_experts(w, inputs, 1, activation=activation, top=top,
                        renormalize=renormalize)


@case(expert_shapes(24, 17, 3), {"top": 2}, {"activation": relu})
def experts_all(w, inputs, activation=gelu, top=3):
    return with_experts(w, inputs, 1, activation=activation, top=top)


# Norms and sums

def pre_norm(w, x, allowed, norm, count=1, activation=relu, residual=True):
    """`norm`: of rows and the name of the norm's weights."""
    for at in layers(count):
        y = norm(x, at + "attention_norm")
        y = attention(w, at + "attention.", y, y, allowed, 3)
        x = x + y if residual else y
        y = feed_forward(w, at + "feed_forward.",
                         norm(x, at + "feed_forward_norm"), activation)
        x = x + y if residual else y
    return x


BOTH = "attention_norm", "feed_forward_norm"


def ordinary(w, eps=1e-5):
    return lambda x, name: layer_norm(w, x, name, eps)


@case(full_shapes(24, 48, 2, *BOTH), {"residual": True}, {"eps": 1e-2})
def no_residual(w, inputs, residual=False, eps=1e-5):
    return pre_norm(w, vectors(w, inputs), see_all(inputs), ordinary(w, eps),
                    count=2, residual=residual)


@case(full_shapes(24, 48, 1), {"norm": root_mean_square}, {"eps": 1e-2})
def layer_norm_without_gain_and_bias(w, inputs, norm=normalize, eps=1e-5):
    return pre_norm(w, vectors(w, inputs), see_all(inputs),
                    lambda x, name: norm(x, eps))


@case(full_shapes(24, 48, 1, *BOTH, norm_bias=False),
      {"norm": normalize}, {"eps": 1e-2}, name="rms_norm")
def rms_norm_case(w, inputs, norm=root_mean_square, eps=1e-6):
    return pre_norm(w, vectors(w, inputs), see_all(inputs),
                    lambda x, name: norm(x, eps) * w[name + ".weight"])


def post_norm_layer(w, at, x, source, allowed, seen):
    """Of the 2017 paper; with a `source`, cross-attention in between."""
    x = layer_norm(w, x + attention(w, at + "attention.", x, x, allowed, 3),
                   at + "attention_norm")
    if source is not None:
        y = attention(w, at + "cross_attention.", x, source, seen, 3)
        x = layer_norm(w, x + y, at + "cross_attention_norm")
    y = feed_forward(w, at + "feed_forward.", x, relu)
    return layer_norm(w, x + y, at + "feed_forward_norm")


@case(full_shapes(24, 48, 2, *BOTH), {"pre": True})
def post_norm(w, inputs, pre=False):
    x = vectors(w, inputs)
    if pre:
        return pre_norm(w, x, see_all(inputs), ordinary(w), count=2)
    for at in layers(2):
        x = post_norm_layer(w, at, x, None, see_all(inputs), None)
    return x


@case(full_shapes(24, 48, 2, *BOTH, "attention_output_norm",
                  "feed_forward_output_norm"), {"outputs": False})
def sandwich_norm(w, inputs, outputs=True):
    x = vectors(w, inputs)
    for at in layers(2):
        y = layer_norm(w, x, at + "attention_norm")
        y = attention(w, at + "attention.", y, y, see_all(inputs), 3)
        x = x + (layer_norm(w, y, at + "attention_output_norm")
                 if outputs else y)
        y = layer_norm(w, x, at + "feed_forward_norm")
        y = feed_forward(w, at + "feed_forward.", y, relu)
        x = x + (layer_norm(w, y, at + "feed_forward_output_norm")
                 if outputs else y)
    return x


@case(full_shapes(24, 48, 2, "norm"), {"parallel": False})
def parallel_block(w, inputs, parallel=True):
    x = vectors(w, inputs)
    for at in layers(2):
        y = layer_norm(w, x, at + "norm")
        attended = attention(w, at + "attention.", y, y, see_all(inputs), 3)
        if not parallel:
            y = layer_norm(w, x + attended, at + "norm")
        x = x + attended + feed_forward(w, at + "feed_forward.", y, gelu_tanh)
    return x


# Whole models

STACK = {**full_shapes(24, 48, 3, *BOTH, vocabulary=VOCABULARY),
         **norm_shapes(24, "final_norm"), "positions.weight": (40, 24)}


def whole_stack(w, inputs, allowed, activation, final=True):
    x = tokens(w, inputs)
    x = x + w["positions.weight"][:x.shape[1]]
    x = pre_norm(w, x, allowed, ordinary(w), count=3, activation=activation)
    return layer_norm(w, x, "final_norm") if final else x


@case(STACK, {"activation": gelu_tanh}, {"activation": relu}, {"final": False},
      {"causal": True}, reads="tokens")
def encoder_stack(w, inputs, activation=gelu, final=True, causal=False):
    allowed = see_all(inputs)
    if causal:
        allowed = allowed & see_past(allowed.shape[-1])
    return whole_stack(w, inputs, allowed, activation, final)


@case(STACK, {"activation": gelu}, {"final": False}, {"causal": False},
      reads="past")
def decoder_stack(w, inputs, activation=gelu_tanh, final=True, causal=True):
    allowed = see_past(inputs["input_ids"].shape[1])
    x = whole_stack(w, inputs, allowed if causal else see_all(inputs),
                    activation, final)
    return {"logits": x @ w["tokens.weight"].T, "last_hidden_state": x}


def pair_shapes():
    shapes = {"tokens.weight": (VOCABULARY, 24)}
    for side, parts in (("encoder", ["attention"]),
                        ("decoder", ["attention", "cross_attention"])):
        for at in layers(2, side):
            for part in parts:
                shapes.update(attention_shapes(at + part + ".", 24))
            shapes.update(feed_forward_shapes(at + "feed_forward.", 24, 48))
            names = [at + part + "_norm" for part in [*parts, "feed_forward"]]
            shapes.update(norm_shapes(24, *names))
    return shapes


@case(pair_shapes(), {"scale": 1.0}, {"causal": False}, {"source": False},
      reads="pair", source=VOCABULARY, target=VOCABULARY, embedding=0.3)
def encoder_decoder(w, inputs, scale=math.sqrt(24), causal=True, source=True):
    def embedded(ids):
        x = w["tokens.weight"][ids] * w.dtype.type(scale)
        return x + sinusoids(w, ids.shape[1], 24)

    h = embedded(inputs["input_ids"])
    for at in layers(2, "encoder"):
        h = post_norm_layer(w, at, h, None, see_all(inputs), None)
    x = embedded(inputs["decoder_input_ids"])
    past = see_past(x.shape[1], None if causal else 1)
    for at in layers(2, "decoder"):
        x = post_norm_layer(w, at, x, h if source else h * 0, past,
                            see_all(inputs))
    return {"logits": x @ w["tokens.weight"].T, "last_hidden_state": x,
            "encoder_last_hidden_state": h}


# Windows, soft caps, norms of queries and keys

@case(plain_shapes(24, 2, vocabulary=VOCABULARY), {"window": 4},
      {"window": 6}, {"window": None}, reads="past")
def sliding_window(w, inputs, window=5):
    x = tokens(w, inputs)
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x,
                          see_past(x.shape[1], window), 3)
    return x


@case(plain_shapes(24, 2), {"window": 3}, {"window": 5}, {"past": True})
def local_window(w, inputs, window=4, past=False):
    x = vectors(w, inputs)
    near = see_past if past else see_near
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x,
                          see_all(inputs) & near(x.shape[1], window), 3)
    return x


# The lengths reach over several segments and blocks of what is compiled.

@case(plain_shapes(24, 2, vocabulary=VOCABULARY), {"window": 7},
      {"anchors": 2}, {"anchors": 4}, {"anchors": 0}, reads="past",
      lengths=(1, 7, 33, 290))
def anchored_window(w, inputs, window=8, anchors=3):
    x = tokens(w, inputs)
    length = x.shape[1]
    allowed = see_past(length, window) | (see_past(length) &
                                          see_first(length, anchors))
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x, allowed, 3)
    return x


@case(plain_shapes(24, 2), {"window": 5}, {"count": 1}, {"count": 3},
      {"rows": False}, lengths=(1, 7, 33, 290))
def global_tokens(w, inputs, window=4, count=2, rows=True):
    x = vectors(w, inputs)
    length = x.shape[1]
    allowed = see_near(length, window) | see_first(length, count)
    if rows:
        allowed |= see_first(length, count, queries=True)
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x,
                          see_all(inputs) & allowed, 3)
    return x


@case({**plain_shapes(24, 2, vocabulary=VOCABULARY),
       **{f"{at}attention.marked_{part}.weight": (24, 24)
          for at in layers(2) for part in ("query", "key", "value")}},
      {"window": 5}, {"apart": False}, {"marks": False}, reads="tokens",
      marked=True, lengths=(1, 7, 33, 290))
def marked_tokens(w, inputs, window=4, apart=True, marks=True):
    x = tokens(w, inputs)
    marked = inputs["marks"].astype(bool) & real_part(inputs) & marks
    seen, near = see_all(inputs), see_near(x.shape[1], window)
    for at in layers(2):
        names = [(part, ("marked_" if apart else "") + part)
                 for part in ("query", "key", "value")]
        (q, mq), (k, mk), (v, mv) = [
            [heads_of(w.linear(x, at + "attention." + name), 3)
             for name in pair] for pair in names]
        others = mixed(w, product(q, k) / math.sqrt(8), v,
                       seen & (near | marked[:, None, None, :]))
        whole = mixed(w, product(mq, mk) / math.sqrt(8), mv, seen)
        x = x + w.linear(np.where(marked[:, :, None], whole, others),
                         at + "attention.output")
    return x


@case(plain_shapes(24, 2), {"prefix": 4}, {"prefix": 6}, {"prefix": 0})
def prefix_lm(w, inputs, prefix=5):
    x = vectors(w, inputs)
    allowed = see_past(x.shape[1]) | see_first(x.shape[1], prefix)
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x,
                          see_all(inputs) & allowed, 3)
    return x


@case(plain_shapes(24), {"size": 7}, {"near": 0}, {"draws": 1}, {"draws": 3},
      {"seed": 8}, {"of": 39}, {"count": 0}, lengths=(1, 7, 33, 290))
def random_blocks(w, inputs, size=8, near=1, draws=2, seed=7, of=40, count=8):
    x = vectors(w, inputs)
    length = x.shape[1]
    allowed = (see_blocks(length, size, near, draws, seed, of) |
               see_first(length, count) |
               see_first(length, count, queries=True))
    return attention(w, "layers.0.attention.", x, x,
                     see_all(inputs) & allowed, 3)


@case(plain_shapes(24), {"cap": None}, {"cap": 2.5})
def soft_cap(w, inputs, cap=2.0):
    x = vectors(w, inputs)
    return attention(w, "layers.0.attention.", x, x, see_all(inputs), 3,
                     cap=cap)


@case({**plain_shapes(24), "layers.0.attention.query_norm.weight": (8,),
       "layers.0.attention.key_norm.weight": (8,)},
      {"norms": False}, {"together": True})
def query_key_norm(w, inputs, norms=True, together=False):
    x, at = vectors(w, inputs), "layers.0.attention."

    def norm(heads, name):
        if not together:
            return rms_norm(w, heads, name)
        mean = (heads * heads).mean((1, 3), keepdims=True)
        return heads / np.sqrt(mean + 1e-6) * w[name + ".weight"]
    return attention(w, at, x, x, see_all(inputs), 3,
                     norm=norm if norms else None)


def convolved(w, x, name, stride, padding, turned=False):
    """Of rows of the sequence and zeros around them; weights [out, in, taps]."""
    weight = w[name + ".weight"]
    taps = weight.shape[2]
    count = (x.shape[1] + 2 * padding - taps) // stride + 1
    x = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    y = np.zeros((x.shape[0], count, weight.shape[0]), w.dtype)
    for tap in range(taps):
        rows = x[:, tap:tap + stride * (count - 1) + 1:stride]
        y = y + rows @ weight[:, :, taps - 1 - tap if turned else tap].T
    return y + w[name + ".bias"]


@case({**plain_shapes(24), "stem.0.weight": (10, 7, 4), "stem.0.bias": (10,),
       "stem.1.weight": (19, 10, 5), "stem.1.bias": (19,),
       "stem.2.weight": (24, 19, 3), "stem.2.bias": (24,)},
      {"turned": True}, {"activation": relu}, {"activation": gelu_tanh},
      width=7, frames=6)
def convolution_stem(w, inputs, activation=gelu, turned=False):
    x = vectors(w, inputs)
    for name, stride, padding in (("stem.0", 2, 1), ("stem.1", 3, 2)):
        x = activation(convolved(w, x, name, stride, padding, turned))
    x = convolved(w, x, "stem.2", 1, 1, turned)
    allowed = np.ones((x.shape[0], 1, 1, x.shape[1]), bool)
    return attention(w, "layers.0.attention.", x, x, allowed, 3)


# ---------------------------------------------------------------------------
# Weights and inputs
# ---------------------------------------------------------------------------

def draw_weights(made, rng):
    weights = {}
    for name, shape in sorted(made["shapes"].items()):
        values = rng.standard_normal(shape)
        if name in ("tokens.weight", "source.weight", "target.weight"):
            values *= made.get("embedding", 1.0)
        elif name in ("relative.weight", "positions.weight") or (
                name.endswith("attention.vector")):
            pass
        elif len(shape) >= 2:
            values *= 1.4 / math.sqrt(math.prod(shape[1:]))
            if name.endswith("query.weight"):
                values *= made.get("query_gain", 1.0)
        elif name.endswith("bias"):
            values *= 0.3
        else: # gains of norms
            values = 1 + 0.2 * values
        weights[name] = values.astype(np.float32)
    return weights


def draw(made, rng, batch, length):
    if made["reads"] == "vectors":
        shape = batch, length * made.get("frames", 1), made["width"]
        values = rng.standard_normal(shape) * made.get("spread", 1.0)
        return {"inputs": values.astype(np.float32)}
    most = made.get("source", VOCABULARY)
    inputs = {"input_ids": rng.integers(0, most, (batch, length))}
    if "marked" in made: # the first token, and few others
        inputs["marks"] = (rng.random((batch, length)) < 0.05).astype(np.int64)
        inputs["marks"][:, 0] = 1
    return inputs


def padded(made, rng, length, short):
    """Two sequences, the second one padded on the right."""
    inputs = draw(made, rng, 2, length)
    for values in inputs.values():
        values[1, short:] = 0
    mask = np.ones((2, length), np.int64)
    mask[1, short:] = 0
    return {**inputs, "attention_mask": mask}


def draw_runs(made, rng):
    runs = {}
    if made["reads"] == "pair":
        for length, target in ((1, 1), (7, 5), (33, 17)):
            runs[f"b1_s{length}_t{target}"] = {
                **draw(made, rng, 1, length), "decoder_input_ids":
                    rng.integers(0, made["target"], (1, target))}
        runs["b2_s13_t6_rightpad"] = {
            **padded(made, rng, 13, 6), "decoder_input_ids":
                rng.integers(0, made["target"], (2, 6))}
        return runs
    for length in made.get("lengths", (1, 7, 33)):
        runs[f"b1_s{length}"] = draw(made, rng, 1, length)
    if "frames" in made: # that make one token: none of them can be missing
        runs["b2_s9"] = draw(made, rng, 2, 9)
    elif made["reads"] != "past":
        runs["b2_s9_rightpad"] = padded(made, rng, 9, 5)
    return runs


# ---------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------

class Case:
    def __init__(self, made):
        self.made, self.folder = made, os.path.join(HERE, made["name"])
        self.seed = zlib.crc32(made["name"].encode()) & 0x7fffffff
        rng = np.random.Generator(np.random.PCG64(self.seed))
        self.weights = draw_weights(made, rng)
        self.inputs = draw_runs(made, rng)

    def compute(self, inputs, dtype=np.float64, **change):
        outputs = self.made["forward"](Weights(self.weights, dtype), inputs,
                                       **change)
        if not isinstance(outputs, dict):
            outputs = {"last_hidden_state": outputs}
        for values in outputs.values():
            assert values.dtype == dtype and np.isfinite(values).all()
        return outputs

    def valid_where(self, run, output):
        """The input that says where an output is of real tokens."""
        if "pad" not in run or (self.made["reads"] == "pair" and
                                not output.startswith("encoder")):
            return None
        return "attention_mask"

    def run(self, name):
        """The description of a run; its arrays are written."""
        inputs = self.inputs[name]
        exact = self.compute(inputs)
        single = self.compute(inputs, np.float32)
        record = {"name": name, "inputs": [], "outputs": []}
        for key, values in inputs.items():
            file = f"{name}/in.{key}.npy"
            record["inputs"].append(described(key, values, file))
            write_array(self.folder, file, values)
        for output, values in exact.items():
            file = f"{name}/out.{output}.npy"
            write_array(self.folder, file, values)
            where = self.valid_where(name, output)
            ref = valid_part(values, inputs, where)
            got = valid_part(single[output].astype(np.float64), inputs, where)
            error, largest = rel_l2(got, ref), np.abs(got - ref).max()
            rms = math.sqrt((ref * ref).mean())
            record["outputs"].append({
                **described(output, values, file), "valid_where": where,
                "f32_rel_l2": rounded(error, 4),
                "f32_max_abs": rounded(largest, 4), "ref_rms": rounded(rms, 4),
                "ref_max_abs": rounded(np.abs(ref).max(), 4),
                "tol_rel_l2": rounded(max(10 * error, 5e-6), 2),
                "tol_max_abs": rounded(max(20 * largest, 1e-5 * rms), 2)})
        if "pad" in name:
            apart = self.padding_matters(name, exact)
            assert apart < 1e-12, (self.made["name"], name, apart)
            record["same_as_unpadded_rel_l2"] = rounded(apart, 2)
        return record

    def padding_matters(self, name, exact):
        """How far rows computed alone, without padding, are from the batch."""
        inputs, worst = self.inputs[name], 0.0
        for row in range(2):
            keep = inputs["attention_mask"][row] == 1
            alone = {}
            for key, values in inputs.items():
                part = values[row:row + 1]
                if key != "attention_mask":
                    alone[key] = (part if key == "decoder_input_ids"
                                  else part[:, keep])
            for output, ref in self.compute(alone).items():
                got = exact[output][row:row + 1]
                if self.valid_where(name, output):
                    got = got[:, keep]
                worst = max(worst, rel_l2(got, ref))
        return worst

    def check_changes(self, runs):
        """Every change must move some run's output by over 100 tolerances."""
        found = {}
        for change in self.made["changes"]:
            most = 0.0
            for record in runs:
                inputs = self.inputs[record["name"]]
                other = self.compute(inputs, **change)
                ref = self.compute(inputs)
                for output in record["outputs"]:
                    a, b = [valid_part(values[output["name"]], inputs,
                                       output["valid_where"])
                            for values in (other, ref)]
                    most = max(most, min(
                        rel_l2(a, b) / output["tol_rel_l2"],
                        np.abs(a - b).max() / output["tol_max_abs"]))
            [(key, value)] = change.items()
            label = f"{key} {getattr(value, '__name__', value)}"
            # The two gelus are no further than 5e-4 apart anywhere.
            given = inspect.signature(self.made["forward"]).parameters[key]
            gelus = {value, given.default} == {gelu, gelu_tanh}
            assert most > (15 if gelus else 100), (self.made["name"], label,
                                                   most)
            found[label] = int(most)
        return found

    def write(self):
        made = self.made
        if os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
        os.makedirs(self.folder)
        write_safetensors(os.path.join(self.folder, "model.safetensors"),
                          self.weights)
        runs = [self.run(name) for name in self.inputs]
        record = {
            "format": 1, "case": made["name"], "family": "custom",
            "model": f"../../../../examples/specs/{made['name']}.yaml",
            "weights_dtype": "float32",
            "parameters": sum(w.size for w in self.weights.values()),
            "seed": self.seed, "changes": self.check_changes(runs),
            "runs": runs}
        with open(os.path.join(self.folder, "case.json"), "w") as file:
            file.write(json.dumps(record, indent=1) + "\n")
        size = sum(os.path.getsize(os.path.join(at, file))
                   for at, _, files in os.walk(self.folder) for file in files)
        assert size < 150_000, (made["name"], size)
        print(f"{made['name']}: {size} bytes, {record['parameters']} "
              f"parameters, least change {min(record['changes'].values())}",
              flush=True)


def main(names):
    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit("no such case: " + ", ".join(sorted(unknown)))
    for name in names or CASES:
        Case(CASES[name]).write()


if __name__ == "__main__":
    main(sys.argv[1:])
