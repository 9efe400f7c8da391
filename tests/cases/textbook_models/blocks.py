"""What the descriptions consist of: masks, attention, feed-forward blocks, what
a stack reads."""

import math

import numpy as np

from equation_models.attention import causal, heads_of, joined, real_tokens
from equation_models.functions import softmax
from equation_models.positions import frequencies

# Query i sees key j if i - window < j <= i.
see_past = causal


def real_part(inputs):
    """Which tokens are no padding, [B, S]."""
    return real_tokens(inputs, "inputs" if "inputs" in inputs else "input_ids")


def see_all(inputs):
    """[B, 1, 1, S]: which keys a query sees."""
    return real_part(inputs)[:, None, None, :]


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
    if at + "gate.weight" in w.weights:
        return w.linear(activation(w.linear(x, at + "gate")) * up, at + "down")
    return w.linear(activation(up), at + "down")


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
    return w.weight("tokens.weight")[inputs["input_ids"]] * w.dtype.type(scale)
