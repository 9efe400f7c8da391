"""Convolutions before attention."""

import numpy as np

from equation_models.functions import gelu, gelu_tanh, relu

from .blocks import attention, vectors
from .cases import case
from .weights import plain_shapes


def convolved(w, x, name, stride, padding, turned=False):
    """Of rows of the sequence and zeros around them; weights [out, in, taps]."""
    weight = w.weight(name + ".weight")
    taps = weight.shape[2]
    count = (x.shape[1] + 2 * padding - taps) // stride + 1
    x = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    y = np.zeros((x.shape[0], count, weight.shape[0]), w.dtype)
    for tap in range(taps):
        rows = x[:, tap:tap + stride * (count - 1) + 1:stride]
        y = y + rows @ weight[:, :, taps - 1 - tap if turned else tap].T
    return y + w.weight(name + ".bias")


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
