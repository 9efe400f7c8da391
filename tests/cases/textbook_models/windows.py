"""Masks: windows, global and marked tokens, prefixes, random blocks."""

import math

import numpy as np

from equation_models.attention import heads_of

from .blocks import (attention, mixed, product, real_part, see_all, see_blocks,
                     see_first, see_near, see_past, tokens, vectors)
from .cases import VOCABULARY, case
from .weights import layers, plain_shapes


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
