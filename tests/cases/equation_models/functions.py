"""Activations, softmax and norms."""

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x):
    return x * ((1 + _erf(x / math.sqrt(2))) / 2).astype(x.dtype)


def gelu_tanh(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + np.tanh(inner))


def silu(x):
    return x / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def quick_gelu(x):
    return x / (1 + np.exp(-1.702 * x))


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh, "relu": relu,
               "gelu_pytorch_tanh": gelu_tanh, "silu": silu, "tanh": np.tanh,
               "quick_gelu": quick_gelu}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normalize(x, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def root_mean_square(x, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def clipped(x, limit):
    return x if limit is None else np.clip(x, -limit, limit)
