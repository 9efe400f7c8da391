"""Positions: counted, rotary, and as linear biases (ALiBi)."""

import math

import numpy as np

from .attention import real_tokens

# Decoders that read position_ids -> whether they do under a configuration.
READ_POSITIONS = {}


def reads_positions(where=lambda config: True):
    """Marks a decoder: left-padded batches are drawn with position_ids."""
    def mark(forward):
        READ_POSITIONS[forward] = where
        return forward
    return mark


def column_positions(inputs):
    """The default of models with rotary positions: the column."""
    ids = inputs["input_ids"]
    default = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    return inputs.get("position_ids", default)


def counted_positions(inputs):
    """Real tokens counted from 0; what padding gets does not matter."""
    real = real_tokens(inputs).astype(np.int64)
    return (real.cumsum(1) - 1) * real


def frequencies(dims, theta):
    return theta ** -(np.arange(0, dims, 2) / dims)


def yarn_frequencies(dims, theta, factor, original, fast=32, slow=1):
    """Peng et al. 2023: pairs that turn more than `fast` times within the
    original length stay, those that turn less than `slow` times are slowed
    down by `factor`, a ramp over the pairs' numbers lies between. Its ends
    are rounded outwards, as in the authors' code and in Hugging Face's."""
    def pair(turns):
        return (dims * math.log(original / (turns * 2 * math.pi)) /
                (2 * math.log(theta)))
    low = max(math.floor(pair(fast)), 0)
    high = min(math.ceil(pair(slow)), dims - 1)
    high = high + 0.001 if low == high else high
    ramp = np.clip((np.arange(dims // 2) - low) / (high - low), 0, 1)
    plain = frequencies(dims, theta)
    return plain / factor * ramp + plain * (1 - ramp)


def dynamic_frequencies(dims, theta, factor, original, length):
    """The base grows with a sequence that is longer than the original length
    (\"dynamic NTK\", Hugging Face's formula)."""
    grown = factor * max(length, original) / original - (factor - 1)
    return frequencies(dims, theta * grown ** (dims / (dims - 2)))


def rotary_tables(model, positions, freqs, factor=1.0):
    """cos and sin, [B, 1, S, pairs]; `freqs` of all rows or of each."""
    freqs = np.asarray(freqs).astype(model.dtype)
    if freqs.ndim == 2:
        freqs = freqs[:, None, None, :]
    angles = positions[:, None, :, None].astype(model.dtype) * freqs
    return np.cos(angles) * factor, np.sin(angles) * factor


def turn_halves(x, tables):
    """Pair i is (i, i + pairs); features behind the pairs stay."""
    cos, sin = tables
    n = cos.shape[-1]
    a, b, rest = x[..., :n], x[..., n:2 * n], x[..., 2 * n:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin, rest], -1)


def turn_neighbours(x, tables):
    """Pair i is (2i, 2i + 1)."""
    cos, sin = tables
    y = np.empty_like(x)
    y[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    y[..., 1::2] = x[..., 1::2] * cos + x[..., 0::2] * sin
    return y


def paper_slopes(heads):
    """Press et al. 2022, and the heads beyond a power of two as in the
    authors' code: every other slope of twice as many heads."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2 ** (-4 * (i + 1) / power) for i in range(0, 2 * power, 2)]
    return np.array(slopes[:heads])


def mpt_slopes(heads, most=8):
    """Slopes of the next power of two; first the odd, then the even ones."""
    power = 2 ** math.ceil(math.log2(heads))
    slopes = 2 ** -(np.arange(1, power + 1) * most / power)
    if power != heads:
        slopes = np.concatenate([slopes[1::2], slopes[::2]])[:heads]
    return slopes


def slope_bias(model, slopes, positions):
    """[B, heads, 1, S]: the distance itself cancels in the softmax."""
    bias = slopes[:, None, None] * positions[:, None, None, :]
    return bias.astype(model.dtype)
