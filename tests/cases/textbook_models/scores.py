"""Scores of queries and keys: products, additive ones, soft caps and norms."""

import numpy as np

from .blocks import (additive, attention, mixed, product, see_all, see_past,
                     vectors)
from .cases import case
from .weights import attention_shapes, layers, plain_shapes


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
    matrix = w.weight("layers.0.attention.query.weight").T
    scores = x @ (matrix.T if turned else matrix) @ x.transpose(0, 1, 3, 2)
    return mixed(w, scores * scale, x, see_all(inputs))


@case({**plain_shapes(24), "layers.0.attention.vector": (24,)},
      {"scale": 8 ** -0.5}, {"score": product}, name="additive")
def additive_heads(w, inputs, scale=1, score=None):
    x, at = vectors(w, inputs), "layers.0.attention."
    return attention(w, at, x, x, see_all(inputs), 3, scale,
                     score or additive(w.weight(at + "vector")))


CROSS = {"source.weight": (37, 24), "target.weight": (31, 24),
         **attention_shapes("encoder.0.attention.", 24),
         **attention_shapes("decoder.0.attention.", 24)}


def cross(w, inputs, scores):
    """`scores` of decoder states s [B, T, D] and encoder states h."""
    h = w.weight("source.weight")[inputs["input_ids"]]
    h = h + attention(w, "encoder.0.attention.", h, h, see_all(inputs), 2)
    ids = inputs["decoder_input_ids"]
    s = w.weight("target.weight")[ids]
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
        return sums @ w.weight(at + "vector") * scale
    return cross(w, inputs, scores)


@case({**CROSS, **attention_shapes("decoder.0.cross_attention.", 24, "q")},
      {"scale": 24 ** -0.5}, {"scale": 0}, reads="pair", source=37, target=31,
      query_gain=0.3)
def multiplicative_cross(w, inputs, scale=1):
    matrix = w.weight("decoder.0.cross_attention.query.weight").T
    return cross(w, inputs,
                 lambda s, h: s @ matrix @ h.transpose(0, 2, 1) * scale)


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
            return w.rms_norm(heads, name, 1e-6)
        mean = (heads * heads).mean((1, 3), keepdims=True)
        return heads / np.sqrt(mean + 1e-6) * w.weight(name + ".weight")
    return attention(w, at, x, x, see_all(inputs), 3,
                     norm=norm if norms else None)
