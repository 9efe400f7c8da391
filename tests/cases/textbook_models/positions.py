"""Positions: sinusoidal, learned, rotary, as linear and as learned biases."""

import math

import numpy as np

from equation_models.positions import (frequencies, paper_slopes, turn_halves,
                                       turn_neighbours)
from equation_models.t5 import bucket

from .blocks import attention, see_all, see_past, sinusoids, tokens
from .cases import VOCABULARY, case
from .weights import layers, plain_shapes


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
    x = x + w.weight("positions.weight")[first:first + x.shape[1]]
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


@case({**plain_shapes(24, 2, vocabulary=VOCABULARY), "relative.weight": (8, 4)},
      {"most": 40}, {"turned": True}, {"scale": 6 ** -0.5}, reads="tokens",
      query_gain=0.5)
def positions_relative(w, inputs, most=20, turned=False, scale=1):
    x = tokens(w, inputs)
    i, j = np.arange(x.shape[1])[:, None], np.arange(x.shape[1])[None, :]
    rows = bucket(i - j if turned else j - i, True, 8, most)
    bias = w.weight("relative.weight")[rows].transpose(2, 0, 1)
    for at in layers(2):
        x = x + attention(w, at + "attention.", x, x, see_all(inputs), 4,
                          scale, bias=bias)
    return x
