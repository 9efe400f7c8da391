"""Feed-forward blocks, and experts instead of one."""

import numpy as np

from equation_models.functions import gelu, gelu_tanh, relu, silu, softmax

from .blocks import attention, feed_forward, see_all, vectors
from .cases import case
from .weights import feed_forward_shapes, full_shapes, layers, plain_shapes


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
