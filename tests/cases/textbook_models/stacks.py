"""Norms and sums around attention and feed-forward blocks, and whole models."""

import math

from equation_models.functions import (gelu, gelu_tanh, normalize, relu,
                                       root_mean_square)

from .blocks import (attention, feed_forward, see_all, see_past, sinusoids,
                     tokens, vectors)
from .cases import VOCABULARY, case
from .weights import (attention_shapes, feed_forward_shapes, full_shapes, layers,
                      norm_shapes)


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
    return lambda x, name: w.layer_norm(x, name, eps)


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
                    lambda x, name: norm(x, eps) * w.weight(name + ".weight"))


def post_norm_layer(w, at, x, source, allowed, seen):
    """Of the 2017 paper; with a `source`, cross-attention in between."""
    x = w.layer_norm(x + attention(w, at + "attention.", x, x, allowed, 3),
                   at + "attention_norm")
    if source is not None:
        y = attention(w, at + "cross_attention.", x, source, seen, 3)
        x = w.layer_norm(x + y, at + "cross_attention_norm")
    y = feed_forward(w, at + "feed_forward.", x, relu)
    return w.layer_norm(x + y, at + "feed_forward_norm")


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
        y = w.layer_norm(x, at + "attention_norm")
        y = attention(w, at + "attention.", y, y, see_all(inputs), 3)
        x = x + (w.layer_norm(y, at + "attention_output_norm")
                 if outputs else y)
        y = w.layer_norm(x, at + "feed_forward_norm")
        y = feed_forward(w, at + "feed_forward.", y, relu)
        x = x + (w.layer_norm(y, at + "feed_forward_output_norm")
                 if outputs else y)
    return x


@case(full_shapes(24, 48, 2, "norm"), {"parallel": False})
def parallel_block(w, inputs, parallel=True):
    x = vectors(w, inputs)
    for at in layers(2):
        y = w.layer_norm(x, at + "norm")
        attended = attention(w, at + "attention.", y, y, see_all(inputs), 3)
        if not parallel:
            y = w.layer_norm(x + attended, at + "norm")
        x = x + attended + feed_forward(w, at + "feed_forward.", y, gelu_tanh)
    return x


# Whole models

STACK = {**full_shapes(24, 48, 3, *BOTH, vocabulary=VOCABULARY),
         **norm_shapes(24, "final_norm"), "positions.weight": (40, 24)}


def whole_stack(w, inputs, allowed, activation, final=True):
    x = tokens(w, inputs)
    x = x + w.weight("positions.weight")[:x.shape[1]]
    x = pre_norm(w, x, allowed, ordinary(w), count=3, activation=activation)
    return w.layer_norm(x, "final_norm") if final else x


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
    return {"logits": x @ w.weight("tokens.weight").T, "last_hidden_state": x}


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
        x = w.weight("tokens.weight")[ids] * w.dtype.type(scale)
        return x + sinusoids(w, ids.shape[1], 24)

    h = embedded(inputs["input_ids"])
    for at in layers(2, "encoder"):
        h = post_norm_layer(w, at, h, None, see_all(inputs), None)
    x = embedded(inputs["decoder_input_ids"])
    past = see_past(x.shape[1], None if causal else 1)
    for at in layers(2, "decoder"):
        x = post_norm_layer(w, at, x, h if source else h * 0, past,
                            see_all(inputs))
    return {"logits": x @ w.weight("tokens.weight").T, "last_hidden_state": x,
            "encoder_last_hidden_state": h}
