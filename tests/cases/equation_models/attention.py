"""Attention: heads, masks, scores and mixes."""

import math

import numpy as np

from .functions import softmax


def heads_of(x, count):
    """[B, S, heads x D] as [B, heads, S, D]."""
    b, s, width = x.shape
    return x.reshape(b, s, count, width // count).transpose(0, 2, 1, 3)


def joined(x):
    b, h, s, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, s, h * d)


def interleaved(fused, heads):
    """Fused rows as [heads, 3, D]: q, k, v, each [B, heads, S, D]."""
    b, s, width = fused.shape
    parts = fused.reshape(b, s, heads, 3, width // heads // 3)
    return [parts[:, :, :, i].transpose(0, 2, 1, 3) for i in range(3)]


# How far the weights of each call are from uniform ones (total variation).
spread = []


def attend(model, q, k, v, allowed, bias=None, scale=None, bias_first=False):
    """softmax(scale q k + bias) v; query head h uses key head h / group.
    `bias_first`: scale (q k + bias)."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    k, v = model.second_factor(k), model.second_factor(v)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q @ k.transpose(0, 1, 3, 2)
    if bias is not None and bias_first:
        scores = (scores + bias) * scale
    elif bias is not None:
        scores = scores * scale + bias
    else:
        scores = scores * scale
    if model.get("_uniform"):
        scores = scores * 0
    allowed = np.broadcast_to(allowed, scores.shape)
    weights = softmax(np.where(allowed, scores, model.dtype.type(-1e30)))
    count = np.maximum(allowed.sum(-1, keepdims=True), 1)
    distance = np.abs(weights - allowed / count).sum(-1) / 2
    spread.append(distance[allowed.sum(-1) > 3])
    return joined(weights @ v)


def real_tokens(inputs, ids="input_ids"):
    mask = inputs.get("attention_mask")
    return np.ones(inputs[ids].shape[:2], bool) if mask is None else mask == 1


def causal(length, window=None):
    query, key = np.arange(length)[:, None], np.arange(length)[None, :]
    allowed = key <= query
    return allowed if window is None else allowed & (key > query - window)


def causal_mask(inputs, window=None):
    """[B, 1, S, S]: which keys a query sees."""
    real = real_tokens(inputs)
    return causal(real.shape[1], window) & real[:, None, None, :]
