#!/usr/bin/env python3
"""Writes the reference cases of tests/cases/equations.

The forward passes below are plain numpy, written from the published equations
of the families and the behaviour of the Hugging Face modules; nothing of the
compiler is used. Every case is computed in float64; the same lines in float32
give the tolerances. A case is refused if one of its options does not matter:
each is changed in turn, and the outputs must move by over 100 tolerances (15
for one way to compute gelu instead of the other).

    python3 tests/cases/make_equation_cases.py [CASE...]
    python3 tests/cases/make_equation_cases.py --against-hf

The second form writes nothing: it runs the same functions over those cases of
tests/cases/hf that they cover and prints how far they are from the outputs of
the Hugging Face models.
"""

import copy
import json
import math
import os
import re
import shutil
import struct
import sys
import zlib

import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "equations")

# ---------------------------------------------------------------------------
# Functions
# ---------------------------------------------------------------------------

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


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh, "relu": relu,
               "gelu_pytorch_tanh": gelu_tanh, "silu": silu, "tanh": np.tanh}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normalize(x, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def root_mean_square(x, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


class Model:
    """A configuration (keys beginning with _ are changes that no configuration
    can state) and weights widened to `dtype`."""

    def __init__(self, config, weights, dtype):
        self.config, self.dtype = config, np.dtype(dtype)
        left_out = config.get("_without")
        self.weights = {name: values.astype(dtype)
                        for name, values in weights.items()
                        if not (left_out and re.search(left_out, name))}

    def __getitem__(self, key):
        return self.config[key]

    def get(self, key, default=None):
        return self.config.get(key, default)

    def weight(self, name):
        return self.weights[name]

    def inner(self, key):
        """The same weights with a part of the configuration."""
        changes = {name: value for name, value in self.config.items()
                   if name.startswith("_")}
        part = copy.copy(self)
        part.config = {**self.config[key], **changes}
        return part

    def linear(self, x, name):
        y = x @ self.weights[name + ".weight"].T
        bias = self.weights.get(name + ".bias")
        return y if bias is None else y + bias

    def layer_norm(self, x, name, eps):
        y = normalize(x, eps) * self.weights[name + ".weight"]
        bias = self.weights.get(name + ".bias")
        return y if bias is None else y + bias

    def rms_norm(self, x, name, eps):
        return root_mean_square(x, eps) * self.weights[name + ".weight"]


def clipped(x, limit):
    return x if limit is None else np.clip(x, -limit, limit)


def heads_of(x, count):
    """[B, S, heads x D] as [B, heads, S, D]."""
    b, s, width = x.shape
    return x.reshape(b, s, count, width // count).transpose(0, 2, 1, 3)


def joined(x):
    b, h, s, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, s, h * d)


# How far the weights of each call are from uniform ones (total variation).
spread = []


def attend(model, q, k, v, allowed, bias=None, scale=None, bias_first=False):
    """softmax(scale q k + bias) v; query head h uses key head h / group.
    `bias_first`: scale (q k + bias)."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
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
    return np.ones(inputs[ids].shape, bool) if mask is None else mask == 1


def causal(length, window=None):
    query, key = np.arange(length)[:, None], np.arange(length)[None, :]
    allowed = key <= query
    return allowed if window is None else allowed & (key > query - window)


def causal_mask(inputs, window=None):
    """[B, 1, S, S]: which keys a query sees."""
    real = real_tokens(inputs)
    return causal(real.shape[1], window) & real[:, None, None, :]


def column_positions(inputs):
    """The default of models with rotary positions: the column."""
    ids = inputs["input_ids"]
    default = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    return inputs.get("position_ids", default)


def counted_positions(inputs):
    """Real tokens counted from 0; what padding gets does not matter."""
    real = real_tokens(inputs).astype(np.int64)
    return (real.cumsum(1) - 1) * real


# ---------------------------------------------------------------------------
# Rotary positions
# ---------------------------------------------------------------------------

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


# ---------------------------------------------------------------------------
# Linear biases (ALiBi)
# ---------------------------------------------------------------------------

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


# ---------------------------------------------------------------------------
# Decoders with gated feed-forward and separate projections
# ---------------------------------------------------------------------------

def norms_of(model):
    """norm(x, name) of a family."""
    family = model["model_type"]
    if family == "gemma":
        def norm(x, name):
            x = root_mean_square(x, model["rms_norm_eps"])
            shift = 0 if model.get("_norm_weight_plain") else 1
            return x * (shift + model.weight(name + ".weight"))
    elif family == "olmo":
        def norm(x, name):
            if model.get("_root_mean_square"):
                return root_mean_square(x, 1e-5)
            return normalize(x, 1e-5)
    elif family == "stablelm":
        def norm(x, name):
            return model.layer_norm(x, name, model["layer_norm_eps"])
    else:
        def norm(x, name):
            return model.rms_norm(x, name, model["rms_norm_eps"])
    return norm


def llama_rotary(model, positions, head_dim):
    dims = int(head_dim * model.get("partial_rotary_factor", 1.0))
    scaling = model.get("rope_scaling")
    if not scaling:
        freqs = frequencies(dims, model["rope_theta"])
        return rotary_tables(model, positions, freqs)
    # The columns of the batch: positions count them where none are given.
    lengths = [positions.shape[1]] * len(positions)
    if scaling["rope_type"] == "dynamic":
        freqs = [dynamic_frequencies(dims, model["rope_theta"],
                                     scaling["factor"],
                                     model["max_position_embeddings"], length)
                 for length in lengths]
        return rotary_tables(model, positions, freqs)
    if scaling["rope_type"] == "longrope":
        original = model["original_max_position_embeddings"]
        far = [scaling["long_factor" if length > original else "short_factor"]
               for length in lengths]
        freqs = frequencies(dims, model["rope_theta"]) / np.array(far)
        grown = model["max_position_embeddings"] / original
        factor = math.sqrt(1 + math.log(grown) / math.log(original))
        return rotary_tables(model, positions, freqs,
                             model.get("_magnitude", factor))
    assert scaling["rope_type"] == "yarn"
    freqs = yarn_frequencies(dims, model["rope_theta"], scaling["factor"],
                             scaling["original_max_position_embeddings"])
    factor = 0.1 * math.log(scaling["factor"]) + 1
    factor = scaling.get("attention_factor", factor)
    return rotary_tables(model, positions, freqs, factor)


def layer_window(model, layer):
    """Keys that a layer sees, the query's own included; None: all."""
    family = model["model_type"]
    if family == "qwen2":
        if (model["use_sliding_window"] and
                layer >= model["max_window_layers"]):
            return model["sliding_window"]
        return None
    if family in ("mistral", "phi3"):
        return model["sliding_window"]
    return None


def llama_prefix(c):
    """What llama and qwen2 call the decoder that answers questions."""
    asks = c.get("architectures", [""])[0].endswith("ForQuestionAnswering")
    return "transformer." if asks else "model."


def with_logits(model, x, head):
    """Of the vocabulary, where the weights have such a head."""
    outputs = {"last_hidden_state": x}
    if head + ".weight" in model.weights:
        outputs["logits"] = model.linear(x, head)
    return outputs


def norm_per_head(model, x, name):
    """Each head of [B, heads, S, D] by a module of its own."""
    one = model.get("_one_head_norm")
    return np.stack([model.layer_norm(x[:, head],
                                      f"{name}.norms.{0 if one else head}",
                                      model["layer_norm_eps"])
                     for head in range(x.shape[1])], 1)


def llama_kind(model, inputs):
    """llama, mistral, qwen2, qwen3, phi3, gemma, olmo, stablelm."""
    family = model["model_type"]
    heads, kv = model["num_attention_heads"], model["num_key_value_heads"]
    head_dim = model.get("head_dim") or model["hidden_size"] // heads
    act = ACTIVATIONS[model.get("hidden_activation") or model["hidden_act"]]
    norm = norms_of(model)
    prefix = llama_prefix(model)
    x = model.weight(prefix + "embed_tokens.weight")[inputs["input_ids"]]
    if family == "gemma" and not model.get("_unscaled"):
        x = x * math.sqrt(model["hidden_size"])
    tables = llama_rotary(model, column_positions(inputs), head_dim)
    for layer in range(model["num_hidden_layers"]):
        at = f"{prefix}layers.{layer}."
        allowed = causal_mask(inputs, layer_window(model, layer))
        y = norm(x, at + "input_layernorm")
        if family == "phi3":
            q, k, v = np.split(model.linear(y, at + "self_attn.qkv_proj"),
                               [heads * head_dim, (heads + kv) * head_dim], -1)
        else:
            q, k, v = [clipped(model.linear(y, at + f"self_attn.{part}_proj"),
                               model.get("clip_qkv")) for part in "qkv"]
        q, k, v = heads_of(q, heads), heads_of(k, kv), heads_of(v, kv)
        if family == "qwen3" and not model.get("_no_head_norms"):
            q = norm(q, at + "self_attn.q_norm")
            k = norm(k, at + "self_attn.k_norm")
        if model.get("qk_layernorm"):
            q = norm_per_head(model, q, at + "self_attn.q_layernorm")
            k = norm_per_head(model, k, at + "self_attn.k_layernorm")
        q, k = turn_halves(q, tables), turn_halves(k, tables)
        mixed = model.linear(attend(model, q, k, v, allowed),
                             at + "self_attn.o_proj")
        parallel = model.get("use_parallel_residual", False)
        z = y if parallel else norm(x + mixed, at + "post_attention_layernorm")
        if family == "phi3":
            gate, up = np.split(model.linear(z, at + "mlp.gate_up_proj"), 2, -1)
        else:
            gate = model.linear(z, at + "mlp.gate_proj")
            up = model.linear(z, at + "mlp.up_proj")
        x = x + mixed + model.linear(act(gate) * up, at + "mlp.down_proj")
    x = norm(x, prefix + "norm")
    tied = model["tie_word_embeddings"]
    head = prefix + "embed_tokens" if tied else "lm_head"
    return with_logits(model, x, head)


def llama_shapes(c):
    family = c["model_type"]
    d, ff, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
    size = c.get("head_dim") or d // heads
    bias = (family == "qwen2" or c.get("use_qkv_bias") or
            c.get("attention_bias"))

    def norm(name):
        if family == "olmo":
            return {}
        shapes = {name + ".weight": (d,)}
        if family == "stablelm":
            shapes[name + ".bias"] = (d,)
        return shapes

    prefix = llama_prefix(c)
    shapes = {prefix + "embed_tokens.weight": (vocab, d)}
    for layer in range(c["num_hidden_layers"]):
        at = f"{prefix}layers.{layer}."
        shapes.update(norm(at + "input_layernorm"))
        if not c.get("use_parallel_residual"):
            shapes.update(norm(at + "post_attention_layernorm"))
        if family == "phi3":
            shapes[at + "self_attn.qkv_proj.weight"] = (
                (heads + 2 * kv) * size, d)
            shapes[at + "mlp.gate_up_proj.weight"] = (2 * ff, d)
        else:
            for part, count in (("q", heads), ("k", kv), ("v", kv)):
                shapes[at + f"self_attn.{part}_proj.weight"] = (count * size, d)
                if bias:
                    shapes[at + f"self_attn.{part}_proj.bias"] = (count * size,)
            shapes[at + "mlp.gate_proj.weight"] = (ff, d)
            shapes[at + "mlp.up_proj.weight"] = (ff, d)
        if family == "qwen3":
            shapes[at + "self_attn.q_norm.weight"] = (size,)
            shapes[at + "self_attn.k_norm.weight"] = (size,)
        if c.get("qk_layernorm"):
            for part, count in (("q", heads), ("k", kv)):
                for head in range(count):
                    shapes[at + f"self_attn.{part}_layernorm.norms.{head}"
                           ".weight"] = (size,)
        shapes[at + "self_attn.o_proj.weight"] = (d, heads * size)
        if c.get("attention_bias"):
            shapes[at + "self_attn.o_proj.bias"] = (d,)
        shapes[at + "mlp.down_proj.weight"] = (d, ff)
    shapes.update(norm(prefix + "norm"))
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (vocab, d)
    return shapes


# ---------------------------------------------------------------------------
# Cohere
# ---------------------------------------------------------------------------

def cohere(model, inputs):
    heads, kv = model["num_attention_heads"], model["num_key_value_heads"]
    eps = model["layer_norm_eps"]
    turn = turn_halves if model.get("_halves") else turn_neighbours
    x = model.weight("model.embed_tokens.weight")[inputs["input_ids"]]
    tables = rotary_tables(
        model, column_positions(inputs),
        frequencies(model["hidden_size"] // heads, model["rope_theta"]))
    allowed = causal_mask(inputs)
    for layer in range(model["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        y = model.layer_norm(x, at + "input_layernorm", eps)
        q = heads_of(model.linear(y, at + "self_attn.q_proj"), heads)
        k = heads_of(model.linear(y, at + "self_attn.k_proj"), kv)
        v = heads_of(model.linear(y, at + "self_attn.v_proj"), kv)
        if model["use_qk_norm"] and not model.get("_no_head_norms"):
            # Each head by itself, with weights of its own.
            q, k = [normalize(z, eps) *
                    model.weight(at + f"self_attn.{part}_norm.weight")[
                        None, :, None, :] for part, z in (("q", q), ("k", k))]
        mixed = attend(model, turn(q, tables), turn(k, tables), v, allowed)
        gate = silu(model.linear(y, at + "mlp.gate_proj"))
        up = model.linear(y, at + "mlp.up_proj")
        x = (x + model.linear(mixed, at + "self_attn.o_proj") +
             model.linear(gate * up, at + "mlp.down_proj"))
    x = model.layer_norm(x, "model.norm", eps)
    logits = model.linear(x, "model.embed_tokens") * model["logit_scale"]
    return {"logits": logits, "last_hidden_state": x}


def cohere_shapes(c):
    d, ff = c["hidden_size"], c["intermediate_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": (c["vocab_size"], d)}
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes[at + "input_layernorm.weight"] = (d,)
        for part, rows in (("q", d), ("k", kv), ("v", kv), ("o", d)):
            shapes[at + f"self_attn.{part}_proj.weight"] = (rows, d)
            if c["attention_bias"]:
                shapes[at + f"self_attn.{part}_proj.bias"] = (rows,)
        if c["use_qk_norm"]:
            heads, key_heads = c["num_attention_heads"], c["num_key_value_heads"]
            shapes[at + "self_attn.q_norm.weight"] = (heads, d // heads)
            shapes[at + "self_attn.k_norm.weight"] = (key_heads, d // heads)
        shapes[at + "mlp.gate_proj.weight"] = (ff, d)
        shapes[at + "mlp.up_proj.weight"] = (ff, d)
        shapes[at + "mlp.down_proj.weight"] = (d, ff)
    shapes["model.norm.weight"] = (d,)
    return shapes


# ---------------------------------------------------------------------------
# GPT-NeoX
# ---------------------------------------------------------------------------

def interleaved(fused, heads):
    """Fused rows as [heads, 3, D]: q, k, v, each [B, heads, S, D]."""
    b, s, width = fused.shape
    parts = fused.reshape(b, s, heads, 3, width // heads // 3)
    return [parts[:, :, :, i].transpose(0, 2, 1, 3) for i in range(3)]


def gpt_neox(model, inputs):
    heads, eps = model["num_attention_heads"], model["layer_norm_eps"]
    head_dim = model["hidden_size"] // heads
    act = ACTIVATIONS[model["hidden_act"]]
    x = model.weight("gpt_neox.embed_in.weight")[inputs["input_ids"]]
    dims = int(head_dim * model["rotary_pct"])
    tables = rotary_tables(model, column_positions(inputs),
                           frequencies(dims, model["rotary_emb_base"]))
    allowed = causal_mask(inputs)
    for layer in range(model["num_hidden_layers"]):
        at = f"gpt_neox.layers.{layer}."
        y = model.layer_norm(x, at + "input_layernorm", eps)
        q, k, v = interleaved(
            model.linear(y, at + "attention.query_key_value"), heads)
        mixed = attend(model, turn_halves(q, tables), turn_halves(k, tables), v,
                       allowed)
        mixed = model.linear(mixed, at + "attention.dense")
        before = x if model["use_parallel_residual"] else x + mixed
        z = model.layer_norm(before, at + "post_attention_layernorm", eps)
        z = act(model.linear(z, at + "mlp.dense_h_to_4h"))
        x = x + mixed + model.linear(z, at + "mlp.dense_4h_to_h")
    x = model.layer_norm(x, "gpt_neox.final_layer_norm", eps)
    head = "gpt_neox.embed_in" if model["tie_word_embeddings"] else "embed_out"
    return {"logits": model.linear(x, head), "last_hidden_state": x}


def gpt_neox_shapes(c):
    d, ff, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    shapes = {"gpt_neox.embed_in.weight": (vocab, d)}
    for layer in range(c["num_hidden_layers"]):
        at = f"gpt_neox.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes[at + norm + ".weight"] = shapes[at + norm + ".bias"] = (d,)
        for name, rows, columns in (("attention.query_key_value", 3 * d, d),
                                    ("attention.dense", d, d),
                                    ("mlp.dense_h_to_4h", ff, d),
                                    ("mlp.dense_4h_to_h", d, ff)):
            shapes[at + name + ".weight"] = (rows, columns)
            if c["attention_bias"] or "mlp" in name:
                shapes[at + name + ".bias"] = (rows,)
    shapes["gpt_neox.final_layer_norm.weight"] = (d,)
    shapes["gpt_neox.final_layer_norm.bias"] = (d,)
    if not c["tie_word_embeddings"]:
        shapes["embed_out.weight"] = (vocab, d)
    return shapes


# ---------------------------------------------------------------------------
# Falcon before its new decoder, and that one with a single norm
# ---------------------------------------------------------------------------

def falcon_grouped(fused, heads, kv):
    """Fused rows by key head: its queries, its key, its value."""
    b, s, width = fused.shape
    group = heads // kv
    parts = fused.reshape(b, s, kv, group + 2, width // (kv * (group + 2)))
    return [part.reshape(b, s, -1, part.shape[-1]).transpose(0, 2, 1, 3)
            for part in np.split(parts, [group, group + 1], 3)]


def falcon(model, inputs):
    heads, eps = model["num_attention_heads"], model["layer_norm_epsilon"]
    head_dim = model["hidden_size"] // heads
    x = model.weight("transformer.word_embeddings.weight")[inputs["input_ids"]]
    tables = rotary_tables(model, column_positions(inputs),
                           frequencies(head_dim, model["rope_theta"]))
    allowed = causal_mask(inputs)
    bias = None
    if model["alibi"]:
        bias = slope_bias(model, paper_slopes(heads), counted_positions(inputs))
    for layer in range(model["num_hidden_layers"]):
        at = f"transformer.h.{layer}."
        y = model.layer_norm(x, at + "input_layernorm", eps)
        fused = model.linear(y, at + "self_attention.query_key_value")
        if model["new_decoder_architecture"]:
            q, k, v = falcon_grouped(fused, heads, model["num_kv_heads"])
        elif model["multi_query"]:
            # All queries, then one key and one value.
            q, k, v = np.split(fused, [heads * head_dim,
                                       (heads + 1) * head_dim], -1)
            q, k, v = heads_of(q, heads), heads_of(k, 1), heads_of(v, 1)
        else:
            q, k, v = interleaved(fused, heads)
        if not model["alibi"]:
            q, k = turn_halves(q, tables), turn_halves(k, tables)
        mixed = attend(model, q, k, v, allowed, bias,
                       bias_first=not model.get("_bias_last"))
        mixed = model.linear(mixed, at + "self_attention.dense")
        z = y
        if not model["parallel_attn"]:
            z = model.layer_norm(x + mixed, at + "post_attention_layernorm",
                                 eps)
        elif model.get("_sequential"):
            z = model.layer_norm(x + mixed, at + "input_layernorm", eps)
        z = gelu(model.linear(z, at + "mlp.dense_h_to_4h"))
        x = x + mixed + model.linear(z, at + "mlp.dense_4h_to_h")
    x = model.layer_norm(x, "transformer.ln_f", eps)
    return {"logits": model.linear(x, "transformer.word_embeddings"),
            "last_hidden_state": x}


def falcon_shapes(c):
    d, ff = c["hidden_size"], c["ffn_hidden_size"]
    fused = 3 * d
    if c["new_decoder_architecture"]:
        fused = d + 2 * c["num_kv_heads"] * (d // c["num_attention_heads"])
    elif c["multi_query"]:
        fused = d + 2 * (d // c["num_attention_heads"])
    norms = ["input_layernorm"]
    if not c["parallel_attn"]:
        norms.append("post_attention_layernorm")
    shapes = {"transformer.word_embeddings.weight": (c["vocab_size"], d)}
    for layer in range(c["num_hidden_layers"]):
        at = f"transformer.h.{layer}."
        for norm in norms:
            shapes[at + norm + ".weight"] = shapes[at + norm + ".bias"] = (d,)
        for name, rows, columns in (
                ("self_attention.query_key_value", fused, d),
                ("self_attention.dense", d, d),
                ("mlp.dense_h_to_4h", ff, d), ("mlp.dense_4h_to_h", d, ff)):
            shapes[at + name + ".weight"] = (rows, columns)
            if c["bias"]:
                shapes[at + name + ".bias"] = (rows,)
    shapes["transformer.ln_f.weight"] = shapes["transformer.ln_f.bias"] = (d,)
    return shapes


# ---------------------------------------------------------------------------
# OPT
# ---------------------------------------------------------------------------

def opt_norm(model, x, name):
    if model["layer_norm_elementwise_affine"]:
        return model.layer_norm(x, name, 1e-5)
    return normalize(x, 1e-5)


def opt(model, inputs):
    heads, first = model["num_attention_heads"], model["do_layer_norm_before"]
    positions = counted_positions(inputs)
    if model.get("_columns"):
        positions = column_positions(inputs)
    positions = positions + model.get("_offset", 2)
    x = model.weight("model.decoder.embed_tokens.weight")[inputs["input_ids"]]
    narrow = model["word_embed_proj_dim"] != model["hidden_size"]
    if narrow:
        x = model.linear(x, "model.decoder.project_in")
    x = x + model.weight("model.decoder.embed_positions.weight")[positions]
    allowed = causal_mask(inputs)
    for layer in range(model["num_hidden_layers"]):
        at = f"model.decoder.layers.{layer}."

        def around(x, norm, function):
            if first:
                return x + function(opt_norm(model, x, at + norm))
            return opt_norm(model, x + function(x), at + norm)

        def attention(x):
            q, k, v = [heads_of(model.linear(x, at + f"self_attn.{p}_proj"),
                                heads) for p in "qkv"]
            return model.linear(attend(model, q, k, v, allowed),
                                at + "self_attn.out_proj")

        def feed_forward(x):
            return model.linear(ACTIVATIONS[model["activation_function"]](
                model.linear(x, at + "fc1")), at + "fc2")

        x = around(x, "self_attn_layer_norm", attention)
        x = around(x, "final_layer_norm", feed_forward)
    # With norms behind the sums there is none at the end.
    if first and not model["_remove_final_layer_norm"]:
        x = opt_norm(model, x, "model.decoder.final_layer_norm")
    if narrow:
        x = model.linear(x, "model.decoder.project_out")
    return {"logits": model.linear(x, "model.decoder.embed_tokens"),
            "last_hidden_state": x}


def opt_shapes(c):
    d, ff, narrow = c["hidden_size"], c["ffn_dim"], c["word_embed_proj_dim"]
    at = "model.decoder."
    shapes = {
        at + "embed_tokens.weight": (c["vocab_size"], narrow),
        at + "embed_positions.weight": (c["max_position_embeddings"] + 2, d)}
    if narrow != d:
        shapes[at + "project_in.weight"] = (d, narrow)
        shapes[at + "project_out.weight"] = (narrow, d)
    for layer in range(c["num_hidden_layers"]):
        at = f"model.decoder.layers.{layer}."
        for norm in ("self_attn_layer_norm", "final_layer_norm"):
            if c["layer_norm_elementwise_affine"]:
                shapes[at + norm + ".weight"] = (d,)
                shapes[at + norm + ".bias"] = (d,)
        for name, rows, columns in (("self_attn.q_proj", d, d),
                                    ("self_attn.k_proj", d, d),
                                    ("self_attn.v_proj", d, d),
                                    ("self_attn.out_proj", d, d),
                                    ("fc1", ff, d), ("fc2", d, ff)):
            shapes[at + name + ".weight"] = (rows, columns)
            if c["enable_bias"]:
                shapes[at + name + ".bias"] = (rows,)
    return shapes


# ---------------------------------------------------------------------------
# GPT-2, StarCoder2 and OLMo 2
# ---------------------------------------------------------------------------

def column_linear(model, x, name):
    """A module that stores [in, out]."""
    return x @ model.weight(name + ".weight") + model.weight(name + ".bias")


def gpt2(model, inputs):
    heads, eps = model["n_head"], model["layer_norm_epsilon"]
    act = ACTIVATIONS[model["activation_function"]]
    x = model.weight("transformer.wte.weight")[inputs["input_ids"]]
    x = x + model.weight("transformer.wpe.weight")[column_positions(inputs)]
    for layer in range(model["n_layer"]):
        at = f"transformer.h.{layer}."
        scale = 1.0
        if model["scale_attn_weights"]:
            scale /= math.sqrt(model["n_embd"] // heads)
        if model["scale_attn_by_inverse_layer_idx"]:
            scale /= layer + 1
        y = model.layer_norm(x, at + "ln_1", eps)
        q, k, v = [heads_of(part, heads) for part in np.split(
            column_linear(model, y, at + "attn.c_attn"), 3, -1)]
        mixed = attend(model, q, k, v, causal_mask(inputs), scale=scale)
        x = x + column_linear(model, mixed, at + "attn.c_proj")
        y = act(column_linear(model, model.layer_norm(x, at + "ln_2", eps),
                              at + "mlp.c_fc"))
        x = x + column_linear(model, y, at + "mlp.c_proj")
    x = model.layer_norm(x, "transformer.ln_f", eps)
    tied = model.get("tie_word_embeddings", True)
    return {"logits": model.linear(x, "transformer.wte" if tied else "lm_head"),
            "last_hidden_state": x}


def gpt2_shapes(c):
    d, ff = c["n_embd"], c["n_inner"] or 4 * c["n_embd"]
    shapes = {"transformer.wte.weight": (c["vocab_size"], d),
              "transformer.wpe.weight": (c["n_positions"], d)}
    for layer in range(c["n_layer"]):
        at = f"transformer.h.{layer}."
        for norm in ("ln_1", "ln_2"):
            shapes[at + norm + ".weight"] = shapes[at + norm + ".bias"] = (d,)
        for name, rows, columns in (("attn.c_attn", d, 3 * d),
                                    ("attn.c_proj", d, d),
                                    ("mlp.c_fc", d, ff),
                                    ("mlp.c_proj", ff, d)):
            shapes[at + name + ".weight"] = (rows, columns)
            shapes[at + name + ".bias"] = (columns,)
    shapes["transformer.ln_f.weight"] = shapes["transformer.ln_f.bias"] = (d,)
    if not c.get("tie_word_embeddings", True):
        shapes["lm_head.weight"] = (c["vocab_size"], d)
    return shapes


def separate_heads(model, y, at):
    """q, k and v of the modules in `at`, each [B, heads, S, D]."""
    kv = model["num_key_value_heads"]
    return [heads_of(model.linear(y, at + f"{part}_proj"), count)
            for part, count in (("q", model["num_attention_heads"]),
                                ("k", kv), ("v", kv))]


def starcoder2(model, inputs):
    eps, act = model["norm_epsilon"], ACTIVATIONS[model["hidden_act"]]
    head_dim = model["hidden_size"] // model["num_attention_heads"]
    x = model.weight("model.embed_tokens.weight")[inputs["input_ids"]]
    tables = llama_rotary(model, column_positions(inputs), head_dim)
    allowed = causal_mask(inputs, model["sliding_window"])
    for layer in range(model["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        q, k, v = separate_heads(
            model, model.layer_norm(x, at + "input_layernorm", eps),
            at + "self_attn.")
        mixed = attend(model, turn_halves(q, tables), turn_halves(k, tables), v,
                       allowed)
        x = x + model.linear(mixed, at + "self_attn.o_proj")
        y = model.layer_norm(x, at + "post_attention_layernorm", eps)
        y = act(model.linear(y, at + "mlp.c_fc"))
        x = x + model.linear(y, at + "mlp.c_proj")
    x = model.layer_norm(x, "model.norm", eps)
    tied = model.get("tie_word_embeddings", True)
    head = "model.embed_tokens" if tied else "lm_head"
    return {"logits": model.linear(x, head), "last_hidden_state": x}


def attention_shapes(c, at, bias):
    d = c["hidden_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    shapes = {}
    for part, rows in (("q", d), ("k", kv), ("v", kv), ("o", d)):
        shapes[at + f"{part}_proj.weight"] = (rows, d)
        if bias:
            shapes[at + f"{part}_proj.bias"] = (rows,)
    return shapes


def starcoder2_shapes(c):
    d, ff = c["hidden_size"], c["intermediate_size"]
    shapes = {"model.embed_tokens.weight": (c["vocab_size"], d)}
    norms = ["model.norm"]
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes.update(attention_shapes(c, at + "self_attn.", c["use_bias"]))
        norms += [at + "input_layernorm", at + "post_attention_layernorm"]
        for name, rows, columns in (("mlp.c_fc", ff, d), ("mlp.c_proj", d, ff)):
            shapes[at + name + ".weight"] = (rows, columns)
            if c["use_bias"]:
                shapes[at + name + ".bias"] = (rows,)
    for norm in norms:
        shapes[norm + ".weight"] = shapes[norm + ".bias"] = (d,)
    if not c.get("tie_word_embeddings", True):
        shapes["lm_head.weight"] = (c["vocab_size"], d)
    return shapes


def olmo2(model, inputs):
    """Norms over all queries, over all keys, and behind each sub-block."""
    eps, act = model["rms_norm_eps"], ACTIVATIONS[model["hidden_act"]]
    heads, kv = model["num_attention_heads"], model["num_key_value_heads"]
    x = model.weight("model.embed_tokens.weight")[inputs["input_ids"]]
    tables = llama_rotary(model, column_positions(inputs),
                          model["hidden_size"] // heads)
    allowed = causal_mask(inputs)
    for layer in range(model["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        q, k = [heads_of(model.rms_norm(
            model.linear(x, at + f"self_attn.{part}_proj"),
            at + f"self_attn.{part}_norm", eps), count)
            for part, count in (("q", heads), ("k", kv))]
        v = heads_of(model.linear(x, at + "self_attn.v_proj"), kv)
        mixed = attend(model, turn_halves(q, tables), turn_halves(k, tables), v,
                       allowed)
        mixed = model.linear(mixed, at + "self_attn.o_proj")
        x = x + model.rms_norm(mixed, at + "post_attention_layernorm", eps)
        y = (act(model.linear(x, at + "mlp.gate_proj")) *
             model.linear(x, at + "mlp.up_proj"))
        x = x + model.rms_norm(model.linear(y, at + "mlp.down_proj"),
                               at + "post_feedforward_layernorm", eps)
    x = model.rms_norm(x, "model.norm", eps)
    tied = model["tie_word_embeddings"]
    head = "model.embed_tokens" if tied else "lm_head"
    return {"logits": model.linear(x, head), "last_hidden_state": x}


def olmo2_shapes(c):
    d, ff = c["hidden_size"], c["intermediate_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": (c["vocab_size"], d),
              "model.norm.weight": (d,)}
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes.update(attention_shapes(c, at + "self_attn.",
                                       c["attention_bias"]))
        for norm, size in (("self_attn.q_norm", d), ("self_attn.k_norm", kv),
                           ("post_attention_layernorm", d),
                           ("post_feedforward_layernorm", d)):
            shapes[at + norm + ".weight"] = (size,)
        for name, rows, columns in (("gate", ff, d), ("up", ff, d),
                                    ("down", d, ff)):
            shapes[at + f"mlp.{name}_proj.weight"] = (rows, columns)
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (c["vocab_size"], d)
    return shapes


# ---------------------------------------------------------------------------
# GPT-2
# ---------------------------------------------------------------------------

def gpt2(model, inputs):
    heads, eps = model["n_head"], model["layer_norm_epsilon"]
    act = ACTIVATIONS[model["activation_function"]]

    def stored_in_out(x, name):
        return (x @ model.weight(name + ".weight") +
                model.weight(name + ".bias"))

    x = model.weight("transformer.wte.weight")[inputs["input_ids"]]
    positions = column_positions(inputs)
    x = x + model.weight("transformer.wpe.weight")[positions]
    allowed = causal_mask(inputs)
    for layer in range(model["n_layer"]):
        at = f"transformer.h.{layer}."
        y = model.layer_norm(x, at + "ln_1", eps)
        q, k, v = [heads_of(part, heads) for part in
                   np.split(stored_in_out(y, at + "attn.c_attn"), 3, -1)]
        x = x + stored_in_out(attend(model, q, k, v, allowed),
                              at + "attn.c_proj")
        y = model.layer_norm(x, at + "ln_2", eps)
        x = x + stored_in_out(act(stored_in_out(y, at + "mlp.c_fc")),
                              at + "mlp.c_proj")
    x = model.layer_norm(x, "transformer.ln_f", eps)
    return {"logits": model.linear(x, "transformer.wte"),
            "last_hidden_state": x}


def gpt2_shapes(c):
    d = c["n_embd"]
    shapes = {"transformer.wte.weight": (c["vocab_size"], d),
              "transformer.wpe.weight": (c["n_positions"], d)}
    norms = ["transformer.ln_f"]
    for layer in range(c["n_layer"]):
        at = f"transformer.h.{layer}."
        norms += [at + "ln_1", at + "ln_2"]
        for name, rows, columns in (("attn.c_attn", d, 3 * d),
                                    ("attn.c_proj", d, d),
                                    ("mlp.c_fc", d, 4 * d),
                                    ("mlp.c_proj", 4 * d, d)):
            shapes[at + name + ".weight"] = (rows, columns)
            shapes[at + name + ".bias"] = (columns,)
    for norm in norms:
        shapes[norm + ".weight"] = shapes[norm + ".bias"] = (d,)
    return shapes


# ---------------------------------------------------------------------------
# Phi
# ---------------------------------------------------------------------------

def phi(model, inputs):
    heads, eps = model["num_attention_heads"], model["layer_norm_eps"]
    kv = model["num_key_value_heads"]
    head_dim = model["hidden_size"] // heads
    act = ACTIVATIONS[model["hidden_act"]]
    x = model.weight("model.embed_tokens.weight")[inputs["input_ids"]]
    tables = llama_rotary(model, column_positions(inputs), head_dim)
    allowed = causal_mask(inputs)
    for layer in range(model["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        y = model.layer_norm(x, at + "input_layernorm", eps)
        at += "self_attn."
        q, k, v = [heads_of(model.linear(y, at + f"{part}_proj"), count)
                   for part, count in (("q", heads), ("k", kv), ("v", kv))]
        if model.get("qk_layernorm"):
            q = model.layer_norm(q, at + "q_layernorm", eps)
            k = model.layer_norm(k, at + "k_layernorm", eps)
        mixed = attend(model, turn_halves(q, tables), turn_halves(k, tables), v,
                       allowed)
        at = f"model.layers.{layer}."
        z = act(model.linear(y, at + "mlp.fc1"))
        x = (x + model.linear(mixed, at + "self_attn.dense") +
             model.linear(z, at + "mlp.fc2"))
    x = model.layer_norm(x, "model.final_layernorm", eps)
    return {"logits": model.linear(x, "lm_head"), "last_hidden_state": x}


def phi_shapes(c):
    d, ff, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    size = d // c["num_attention_heads"]
    few = c["num_key_value_heads"] * size
    shapes = {"model.embed_tokens.weight": (vocab, d)}
    linears = [("lm_head", vocab, d)]
    norms = {"model.final_layernorm": d}
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        norms[at + "input_layernorm"] = d
        if c.get("qk_layernorm"):
            norms[at + "self_attn.q_layernorm"] = size
            norms[at + "self_attn.k_layernorm"] = size
        linears += [(at + "self_attn.q_proj", d, d),
                    (at + "self_attn.k_proj", few, d),
                    (at + "self_attn.v_proj", few, d),
                    (at + "self_attn.dense", d, d),
                    (at + "mlp.fc1", ff, d), (at + "mlp.fc2", d, ff)]
    for name, rows, columns in linears:
        shapes[name + ".weight"] = (rows, columns)
        shapes[name + ".bias"] = (rows,)
    for norm, width in norms.items():
        shapes[norm + ".weight"] = shapes[norm + ".bias"] = (width,)
    return shapes


# ---------------------------------------------------------------------------
# BLOOM and MPT
# ---------------------------------------------------------------------------

def bloom(model, inputs):
    heads, eps = model["n_head"], model["layer_norm_epsilon"]
    at = "transformer."
    x = model.weight(at + "word_embeddings.weight")[inputs["input_ids"]]
    x = model.layer_norm(x, at + "word_embeddings_layernorm", eps)
    slopes = paper_slopes(heads)
    if model.get("_smooth_slopes"):
        slopes = 2 ** (-8 * (np.arange(heads) + 1) / heads)
    bias = slope_bias(model, slopes, counted_positions(inputs))
    allowed = causal_mask(inputs)
    for layer in range(model["n_layer"]):
        at = f"transformer.h.{layer}."
        y = model.layer_norm(x, at + "input_layernorm", eps)
        q, k, v = interleaved(
            model.linear(y, at + "self_attention.query_key_value"), heads)
        mixed = attend(model, q, k, v, allowed, bias,
                       bias_first=model.get("_bias_first"))
        x = x + model.linear(mixed, at + "self_attention.dense")
        z = model.layer_norm(x, at + "post_attention_layernorm", eps)
        z = gelu_tanh(model.linear(z, at + "mlp.dense_h_to_4h"))
        x = x + model.linear(z, at + "mlp.dense_4h_to_h")
    x = model.layer_norm(x, "transformer.ln_f", eps)
    return {"logits": model.linear(x, "transformer.word_embeddings"),
            "last_hidden_state": x}


def bloom_shapes(c):
    d = c["hidden_size"]
    shapes = {"transformer.word_embeddings.weight": (c["vocab_size"], d)}
    norms = ["transformer.word_embeddings_layernorm", "transformer.ln_f"]
    for layer in range(c["n_layer"]):
        at = f"transformer.h.{layer}."
        norms += [at + "input_layernorm", at + "post_attention_layernorm"]
        for name, rows, columns in (
                ("self_attention.query_key_value", 3 * d, d),
                ("self_attention.dense", d, d),
                ("mlp.dense_h_to_4h", 4 * d, d),
                ("mlp.dense_4h_to_h", d, 4 * d)):
            shapes[at + name + ".weight"] = (rows, columns)
            shapes[at + name + ".bias"] = (rows,)
    for norm in norms:
        shapes[norm + ".weight"] = shapes[norm + ".bias"] = (d,)
    return shapes


def mpt(model, inputs):
    heads, eps = model["n_heads"], model["layer_norm_epsilon"]
    x = model.weight("transformer.wte.weight")[inputs["input_ids"]]
    slopes = mpt_slopes(heads)
    if model.get("_smooth_slopes"):
        slopes = 2 ** (-8 * (np.arange(heads) + 1) / heads)
    length = x.shape[1]
    distances = np.broadcast_to(np.arange(1 - length, 1), x.shape[:2])
    bias = slope_bias(model, slopes, distances)
    allowed = causal_mask(inputs)
    for layer in range(model["n_layers"]):
        at = f"transformer.blocks.{layer}."
        y = model.layer_norm(x, at + "norm_1", eps)
        fused = clipped(model.linear(y, at + "attn.Wqkv"),
                        model["attn_config"].get("clip_qkv"))
        q, k, v = np.split(fused, 3, -1)
        if model["attn_config"].get("qk_ln"):
            # Over all heads together, before they are split.
            q = model.layer_norm(q, at + "attn.q_ln", eps)
            k = model.layer_norm(k, at + "attn.k_ln", eps)
        q, k, v = [heads_of(part, heads) for part in (q, k, v)]
        mixed = attend(model, q, k, v, allowed, bias,
                       bias_first=model.get("_bias_first"))
        x = x + model.linear(mixed, at + "attn.out_proj")
        z = model.layer_norm(x, at + "norm_2", eps)
        act = gelu_tanh if model.get("_tanh") else gelu
        x = x + model.linear(act(model.linear(z, at + "ffn.up_proj")),
                             at + "ffn.down_proj")
    x = model.layer_norm(x, "transformer.norm_f", eps)
    scale = model.get("logit_scale") or 1
    if scale == "inv_sqrt_d_model":
        scale = 1 / math.sqrt(model["d_model"])
    return {"logits": model.linear(x, "transformer.wte") * scale,
            "last_hidden_state": x}


def mpt_shapes(c):
    d = c["d_model"]
    shapes = {"transformer.wte.weight": (c["vocab_size"], d)}
    for layer in range(c["n_layers"]):
        at = f"transformer.blocks.{layer}."
        shapes[at + "norm_1.weight"] = shapes[at + "norm_2.weight"] = (d,)
        shapes[at + "attn.Wqkv.weight"] = (3 * d, d)
        if c["attn_config"].get("qk_ln"):
            shapes[at + "attn.q_ln.weight"] = (d,)
            shapes[at + "attn.k_ln.weight"] = (d,)
        shapes[at + "attn.out_proj.weight"] = (d, d)
        shapes[at + "ffn.up_proj.weight"] = (4 * d, d)
        shapes[at + "ffn.down_proj.weight"] = (d, 4 * d)
    shapes["transformer.norm_f.weight"] = (d,)
    return shapes


# ---------------------------------------------------------------------------
# Heads over decoders
# ---------------------------------------------------------------------------

def over(base, head):
    """`head` of what `base` gives in place of the vocabulary's logits."""
    def forward(model, inputs):
        x = base(model, inputs)["last_hidden_state"]
        return {**head(model, x, inputs), "last_hidden_state": x}
    forward.base = base
    return forward


def with_heads(base, outputs):
    """Shapes of `base` and of the head that is called one of these."""
    def shapes(c):
        result = base(c)
        result.pop("lm_head.weight", None)
        d = c.get("hidden_size") or c["n_embd"]
        for name, rows, bias in outputs:
            rows = rows or len(c["id2label"])
            result[name + ".weight"] = (rows, d)
            if bias:
                result[name + ".bias"] = (rows,)
        return result
    return shapes


def last_real(model, inputs):
    """The column of each row's last token."""
    real = real_tokens(inputs)
    columns = np.arange(real.shape[1])
    return np.where(real, columns, -1).max(1) * (not model.get("_first"))


def sequence_classes(model, x, inputs):
    row = x[np.arange(x.shape[0]), last_real(model, inputs)]
    return {"logits": model.linear(row, "score")}


def token_classes(name):
    return lambda model, x, inputs: {"logits": model.linear(x, name)}


def answers(model, x, inputs):
    both = model.linear(x, "qa_outputs")
    if model.get("_end_first"):
        both = both[..., ::-1]
    return {"start_logits": both[..., 0], "end_logits": both[..., 1]}


# ---------------------------------------------------------------------------
# Encoders of BERT's kind
# ---------------------------------------------------------------------------

BERT_PREFIX = {"bert": "bert.", "big_bird": "bert.", "electra": "electra.",
               "longformer": "longformer.", "roberta": "roberta.",
               "xlm-roberta": "roberta."}


def global_tokens(model, inputs):
    """Longformer's global tokens, [B, S]: those of the input, or what the
    model's class takes without one (its documentation)."""
    ids, real = inputs["input_ids"], real_tokens(inputs)
    given = inputs.get("global_attention_mask")
    marked = np.zeros(ids.shape, bool)
    name = model["architectures"][0]
    if model.get("_no_globals"):
        pass
    elif given is not None:
        marked = given.astype(bool)
    elif name.endswith("ForSequenceClassification"):
        marked[:, 0] = True
    elif name.endswith("ForQuestionAnswering"):
        for row, marks in zip(ids, marked):
            found = np.flatnonzero(row == model["sep_token_id"])
            marks[:found[0] if len(found) else 0] = True
    return marked & real


def longformer_attention(model, x, at, layer, inputs):
    """Beltagy et al. 2020, section 3.1: a window to either side and the global
    tokens; these see everything by projections of their own."""
    window = model["attention_window"]
    window = window[layer] if isinstance(window, list) else window
    real, marked = real_tokens(inputs), global_tokens(model, inputs)
    heads, index = model["num_attention_heads"], np.arange(x.shape[1])
    near = np.abs(index[:, None] - index) <= window // 2
    suffix = "" if model.get("_same_projections") else "_global"
    q, k, v = [heads_of(model.linear(x, at + "attention.self." + part), heads)
               for part in ("query", "key", "value")]
    gq, gk, gv = [heads_of(model.linear(x, at + "attention.self." + part +
                                        suffix), heads)
                  for part in ("query", "key", "value")]
    seen = real[:, None, None, :]
    local = attend(model, q, k, v,
                   seen & (near | marked[:, None, None, :]))
    return np.where(marked[:, :, None], attend(model, gq, gk, gv, seen), local)


def asked(model, ids):
    """The tokens of big_bird's question: to the first separator, its own
    included (to the first token without one), [B, S]."""
    ends = (ids == model["sep_token_id"]).argmax(1) + 1
    return np.arange(ids.shape[1]) < ends[:, None]


def default_types(model, ids):
    questions = model["architectures"] == ["BigBirdForQuestionAnswering"]
    if questions and not model.get("_types_of_zeros"):
        return np.where(asked(model, ids), 0, 1)
    return np.zeros_like(ids)


def bert_kind(model, inputs):
    """bert, big_bird (full attention), roberta, xlm-roberta, electra,
    longformer: to the last layer's output."""
    family, heads = model["model_type"], model["num_attention_heads"]
    eps, ids = model["layer_norm_eps"], inputs["input_ids"]
    act = ACTIVATIONS[model["hidden_act"]]
    at = BERT_PREFIX[family] + "embeddings."
    real = real_tokens(inputs)
    positions = column_positions(inputs)
    if family not in ("bert", "big_bird", "electra"):
        # Counted over ids that are not the padding's, behind its own row: an id
        # says that, not the mask.
        first = model.get("_first_position", model["pad_token_id"] + 1)
        counted = ids != model["pad_token_id"]
        if model.get("_padding_counts"):
            counted = real
        positions = counted.cumsum(1) * counted + first - 1
    types = inputs.get("token_type_ids", default_types(model, ids))
    x = (model.weight(at + "word_embeddings.weight")[ids] +
         model.weight(at + "position_embeddings.weight")[positions] +
         model.weight(at + "token_type_embeddings.weight")[types])
    x = model.layer_norm(x, at + "LayerNorm", eps)
    if family == "electra":
        x = model.linear(x, "electra.embeddings_project")
    for layer in range(model["num_hidden_layers"]):
        at = f"{BERT_PREFIX[family]}encoder.layer.{layer}."
        if family == "longformer":
            mixed = longformer_attention(model, x, at, layer, inputs)
        else:
            q, k, v = [heads_of(model.linear(x, at + "attention.self." + part),
                                heads) for part in ("query", "key", "value")]
            mixed = attend(model, q, k, v, real[:, None, None, :])
        mixed = model.linear(mixed, at + "attention.output.dense")
        x = model.layer_norm(x + mixed, at + "attention.output.LayerNorm", eps)
        y = act(model.linear(x, at + "intermediate.dense"))
        x = model.layer_norm(x + model.linear(y, at + "output.dense"),
                             at + "output.LayerNorm", eps)
    return x


def bert_shapes(c):
    family, d, ff = c["model_type"], c["hidden_size"], c["intermediate_size"]
    width = c.get("embedding_size", d)
    at = BERT_PREFIX[family] + "embeddings."
    shapes = {at + "word_embeddings.weight": (c["vocab_size"], width),
              at + "position_embeddings.weight":
                  (c["max_position_embeddings"], width),
              at + "token_type_embeddings.weight":
                  (c["type_vocab_size"], width),
              at + "LayerNorm.weight": (width,),
              at + "LayerNorm.bias": (width,)}
    if width != d:
        shapes["electra.embeddings_project.weight"] = (d, width)
        shapes["electra.embeddings_project.bias"] = (d,)
    for layer in range(c["num_hidden_layers"]):
        at = f"{BERT_PREFIX[family]}encoder.layer.{layer}."
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[at + norm + ".weight"] = shapes[at + norm + ".bias"] = (d,)
        layers = [("attention.self.query", d, d),
                  ("attention.self.key", d, d),
                  ("attention.self.value", d, d),
                  ("attention.output.dense", d, d),
                  ("intermediate.dense", ff, d), ("output.dense", d, ff)]
        if family == "longformer":
            layers += [(name + "_global", d, d) for name, *_ in layers[:3]]
        for name, rows, columns in layers:
            shapes[at + name + ".weight"] = (rows, columns)
            shapes[at + name + ".bias"] = (rows,)
    return shapes


def roberta_lm(model, inputs):
    x = bert_kind(model, inputs)
    y = gelu(model.linear(x, "lm_head.dense"))
    y = model.layer_norm(y, "lm_head.layer_norm", model["layer_norm_eps"])
    logits = y @ model.weight(BERT_PREFIX[model["model_type"]] +
                              "embeddings.word_embeddings.weight").T
    return {"logits": logits + model.weight("lm_head.bias"),
            "last_hidden_state": x}


def roberta_lm_shapes(c):
    d = c["hidden_size"]
    return {**bert_shapes(c), "lm_head.bias": (c["vocab_size"],),
            "lm_head.dense.weight": (d, d), "lm_head.dense.bias": (d,),
            "lm_head.layer_norm.weight": (d,), "lm_head.layer_norm.bias": (d,)}


def roberta_classifier(model, inputs):
    x = bert_kind(model, inputs)
    act = relu if model.get("_relu") else np.tanh
    y = act(model.linear(x[:, model.get("_token", 0)], "classifier.dense"))
    return {"logits": model.linear(y, "classifier.out_proj"),
            "last_hidden_state": x}


def roberta_classifier_shapes(c):
    d, labels = c["hidden_size"], len(c["id2label"])
    return {**bert_shapes(c), "classifier.dense.weight": (d, d),
            "classifier.dense.bias": (d,),
            "classifier.out_proj.weight": (labels, d),
            "classifier.out_proj.bias": (labels,)}


def token_classifier(model, inputs):
    x = bert_kind(model, inputs)
    return {"logits": model.linear(x, "classifier"), "last_hidden_state": x}


def token_classifier_shapes(c):
    d, labels = c["hidden_size"], len(c["id2label"])
    return {**bert_shapes(c), "classifier.weight": (labels, d),
            "classifier.bias": (labels,)}


def question_answering(model, inputs):
    x = bert_kind(model, inputs)
    both = model.linear(x, "qa_outputs")
    if model.get("_end_first"):
        both = both[..., ::-1]
    return {"start_logits": both[..., 0], "end_logits": both[..., 1],
            "last_hidden_state": x}


def question_answering_shapes(c):
    d = c["hidden_size"]
    return {**bert_shapes(c), "qa_outputs.weight": (2, d),
            "qa_outputs.bias": (2,)}


def big_bird_answers(model, inputs):
    """A feed-forward block of the head's own; numbers of the question's
    tokens, but the first, are 1e6 less."""
    x, at = bert_kind(model, inputs), "qa_classifier."
    y = ACTIVATIONS[model["hidden_act"]](
        model.linear(x, at + "intermediate.dense"))
    y = model.linear(y, at + "output.dense")
    if not model.get("_no_residual"):
        y = x + y
    y = model.layer_norm(y, at + "output.LayerNorm", model["layer_norm_eps"])
    both = model.linear(y, at + "qa_outputs")
    if not model.get("_question_answers"):
        lowered = asked(model, inputs["input_ids"])
        lowered[:, 0] = model.get("_first_token", False)
        both = both - model.dtype.type(1e6) * lowered[..., None]
    if model.get("_end_first"):
        both = both[..., ::-1]
    return {"start_logits": both[..., 0], "end_logits": both[..., 1],
            "last_hidden_state": x}


def big_bird_answers_shapes(c):
    d, ff, at = c["hidden_size"], c["intermediate_size"], "qa_classifier."
    shapes = bert_shapes(c)
    for name, rows, columns in (("intermediate.dense", ff, d),
                                ("output.dense", d, ff), ("qa_outputs", 2, d)):
        shapes[at + name + ".weight"] = (rows, columns)
        shapes[at + name + ".bias"] = (rows,)
    for part in ("weight", "bias"):
        shapes[at + "output.LayerNorm." + part] = (d,)
    return shapes


def bert_predictions(model, x):
    """The masked-lm head with the table of tokens."""
    at = "cls.predictions."
    y = ACTIVATIONS[model["hidden_act"]](
        model.linear(x, at + "transform.dense"))
    y = model.layer_norm(y, at + "transform.LayerNorm", model["layer_norm_eps"])
    table = model.weight("bert.embeddings.word_embeddings.weight")
    return y @ table.T + model.weight(at + "bias")


def bert_lm(model, inputs):
    x = bert_kind(model, inputs)
    return {"logits": bert_predictions(model, x), "last_hidden_state": x}


def bert_pretraining(model, inputs):
    x = bert_kind(model, inputs)
    pooled = np.tanh(model.linear(x[:, 0], "bert.pooler.dense"))
    return {"prediction_logits": bert_predictions(model, x),
            "seq_relationship_logits":
                model.linear(pooled, "cls.seq_relationship"),
            "last_hidden_state": x}


def bert_pretraining_shapes(c):
    d, at = c["hidden_size"], "cls.predictions."
    return {**bert_shapes(c), at + "bias": (c["vocab_size"],),
            at + "transform.dense.weight": (d, d),
            at + "transform.dense.bias": (d,),
            at + "transform.LayerNorm.weight": (d,),
            at + "transform.LayerNorm.bias": (d,),
            "bert.pooler.dense.weight": (d, d), "bert.pooler.dense.bias": (d,),
            "cls.seq_relationship.weight": (2, d),
            "cls.seq_relationship.bias": (2,)}


def electra_discriminator(model, inputs):
    x = bert_kind(model, inputs)
    act = ACTIVATIONS[model.get("_head_act", model["hidden_act"])]
    at = "discriminator_predictions.dense"
    y = model.linear(act(model.linear(x, at)), at + "_prediction")
    return {"logits": y[..., 0], "last_hidden_state": x}


def electra_discriminator_shapes(c):
    d, at = c["hidden_size"], "discriminator_predictions.dense"
    return {**bert_shapes(c), at + ".weight": (d, d), at + ".bias": (d,),
            at + "_prediction.weight": (1, d), at + "_prediction.bias": (1,)}


def electra_lm(model, inputs):
    x = bert_kind(model, inputs)
    # The head's function is gelu whatever hidden_act says.
    act = ACTIVATIONS[model.get("_head_act", "gelu")]
    y = act(model.linear(x, "generator_predictions.dense"))
    y = model.layer_norm(y, "generator_predictions.LayerNorm",
                         model["layer_norm_eps"])
    logits = y @ model.weight("electra.embeddings.word_embeddings.weight").T
    return {"logits": logits + model.weight("generator_lm_head.bias"),
            "last_hidden_state": x}


def electra_lm_shapes(c):
    d, width = c["hidden_size"], c["embedding_size"]
    return {**bert_shapes(c), "generator_lm_head.bias": (c["vocab_size"],),
            "generator_predictions.dense.weight": (width, d),
            "generator_predictions.dense.bias": (width,),
            "generator_predictions.LayerNorm.weight": (width,),
            "generator_predictions.LayerNorm.bias": (width,)}


def distilbert_classifier(model, inputs):
    heads, ids = model["n_heads"], inputs["input_ids"]
    act = ACTIVATIONS[model["activation"]]
    at = "distilbert.embeddings."
    real = real_tokens(inputs)
    x = (model.weight(at + "word_embeddings.weight")[ids] +
         model.weight(at + "position_embeddings.weight")[
             column_positions(inputs)])
    x = model.layer_norm(x, at + "LayerNorm", 1e-12)
    for layer in range(model["n_layers"]):
        at = f"distilbert.transformer.layer.{layer}."
        q, k, v = [heads_of(model.linear(x, at + f"attention.{part}_lin"),
                            heads) for part in "qkv"]
        mixed = model.linear(attend(model, q, k, v, real[:, None, None, :]),
                             at + "attention.out_lin")
        x = model.layer_norm(x + mixed, at + "sa_layer_norm", 1e-12)
        y = model.linear(act(model.linear(x, at + "ffn.lin1")), at + "ffn.lin2")
        x = model.layer_norm(x + y, at + "output_layer_norm", 1e-12)
    act = np.tanh if model.get("_tanh") else relu
    y = act(model.linear(x[:, model.get("_token", 0)], "pre_classifier"))
    return {"logits": model.linear(y, "classifier"), "last_hidden_state": x}


def distilbert_shapes(c):
    d, ff, labels = c["dim"], c["hidden_dim"], len(c["id2label"])
    at = "distilbert.embeddings."
    shapes = {at + "word_embeddings.weight": (c["vocab_size"], d),
              at + "position_embeddings.weight":
                  (c["max_position_embeddings"], d),
              at + "LayerNorm.weight": (d,), at + "LayerNorm.bias": (d,),
              "pre_classifier.weight": (d, d), "pre_classifier.bias": (d,),
              "classifier.weight": (labels, d), "classifier.bias": (labels,)}
    for layer in range(c["n_layers"]):
        at = f"distilbert.transformer.layer.{layer}."
        for norm in ("sa_layer_norm", "output_layer_norm"):
            shapes[at + norm + ".weight"] = shapes[at + norm + ".bias"] = (d,)
        for name, rows, columns in (("attention.q_lin", d, d),
                                    ("attention.k_lin", d, d),
                                    ("attention.v_lin", d, d),
                                    ("attention.out_lin", d, d),
                                    ("ffn.lin1", ff, d), ("ffn.lin2", d, ff)):
            shapes[at + name + ".weight"] = (rows, columns)
            shapes[at + name + ".bias"] = (rows,)
    return shapes


# ---------------------------------------------------------------------------
# ModernBERT
# ---------------------------------------------------------------------------

def modernbert(model, inputs):
    heads, eps = model["num_attention_heads"], model["norm_eps"]
    act = ACTIVATIONS[model["hidden_activation"]]
    real = real_tokens(inputs)[:, None, None, :]
    x = model.weight("model.embeddings.tok_embeddings.weight")[
        inputs["input_ids"]]
    x = model.layer_norm(x, "model.embeddings.norm", eps)
    length, head_dim = x.shape[1], x.shape[2] // heads
    distance = np.abs(np.arange(length)[:, None] - np.arange(length)[None, :])
    near = distance <= model["local_attention"] // 2
    for layer in range(model["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        everywhere = layer % model["global_attn_every_n_layers"] == 0
        theta = model["global_rope_theta" if everywhere else "local_rope_theta"]
        tables = rotary_tables(model, column_positions(inputs),
                               frequencies(head_dim, theta))
        y = x if layer == 0 else model.layer_norm(x, at + "attn_norm", eps)
        q, k, v = [heads_of(part, heads) for part in
                   np.split(model.linear(y, at + "attn.Wqkv"), 3, -1)]
        mixed = attend(model, turn_halves(q, tables), turn_halves(k, tables), v,
                       real if everywhere else real & near)
        x = x + model.linear(mixed, at + "attn.Wo")
        y = model.layer_norm(x, at + "mlp_norm", eps)
        first, second = np.split(model.linear(y, at + "mlp.Wi"), 2, -1)
        if model.get("_second_half_active"):
            first, second = second, first
        x = x + model.linear(act(first) * second, at + "mlp.Wo")
    x = model.layer_norm(x, "model.final_norm", eps)
    act = ACTIVATIONS[model["classifier_activation"]]
    read = x
    if model.get("_of_texts"):
        read = modernbert_pooled(model, inputs, x)
    y = model.layer_norm(act(model.linear(read, "head.dense")), "head.norm",
                         eps)
    if "classifier.weight" in model.weights:
        return {"logits": model.linear(y, "classifier"), "last_hidden_state": x}
    logits = y @ model.weight("model.embeddings.tok_embeddings.weight").T
    if "decoder.bias" in model.weights:
        logits = logits + model.weight("decoder.bias")
    return {"logits": logits, "last_hidden_state": x}


def modernbert_pooled(model, inputs, x):
    """The first token, or the mean of the real ones."""
    if model["classifier_pooling"] == "cls":
        return x[:, 0]
    real = real_tokens(inputs)[:, :, None]
    return (x * real).sum(1) / real.sum(1).astype(x.dtype)


def modernbert_texts(model, inputs):
    model.config["_of_texts"] = True
    return modernbert(model, inputs)


def modernbert_classes_shapes(c):
    shapes = modernbert_shapes(c)
    del shapes["decoder.bias"]
    shapes["classifier.weight"] = (len(c["id2label"]), c["hidden_size"])
    shapes["classifier.bias"] = (len(c["id2label"]),)
    return shapes


def modernbert_shapes(c):
    d, ff, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    shapes = {"model.embeddings.tok_embeddings.weight": (vocab, d),
              "model.embeddings.norm.weight": (d,)}
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        if layer:
            shapes[at + "attn_norm.weight"] = (d,)
        shapes[at + "attn.Wqkv.weight"] = (3 * d, d)
        shapes[at + "attn.Wo.weight"] = (d, d)
        shapes[at + "mlp_norm.weight"] = (d,)
        shapes[at + "mlp.Wi.weight"] = (2 * ff, d)
        shapes[at + "mlp.Wo.weight"] = (d, ff)
    shapes["model.final_norm.weight"] = (d,)
    shapes["head.dense.weight"] = (d, d)
    shapes["head.norm.weight"] = (d,)
    shapes["decoder.bias"] = (vocab,)
    return shapes


# ---------------------------------------------------------------------------
# Encoders of images
# ---------------------------------------------------------------------------

# Names of modules: embeddings, layers, and in a layer query, key, value, output,
# the norms, the two linears of the feed-forward; the norm behind all layers.
VIT_LAYER = ("attention.attention.query", "attention.attention.key",
             "attention.attention.value", "attention.output.dense",
             "layernorm_before", "layernorm_after", "intermediate.dense",
             "output.dense")
DINO_LAYER = VIT_LAYER[:4] + ("norm1", "norm2", "mlp.fc1", "mlp.fc2")
TOWER_LAYER = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
               "self_attn.out_proj", "layer_norm1", "layer_norm2", "mlp.fc1",
               "mlp.fc2")
TOWER = ("vision_model.embeddings.", "vision_model.encoder.layers.",
         TOWER_LAYER, "vision_model.post_layernorm")
IMAGE_NAMES = {
    "vit": ("vit.embeddings.", "vit.encoder.layer.", VIT_LAYER,
            "vit.layernorm"),
    "deit": ("deit.embeddings.", "deit.encoder.layer.", VIT_LAYER,
             "deit.layernorm"),
    "dinov2": ("embeddings.", "encoder.layer.", DINO_LAYER, "layernorm"),
    "clip_vision_model": TOWER, "siglip_vision_model": TOWER}
DINO_CLASSIFIER = ("dinov2.embeddings.", "dinov2.encoder.layer.", DINO_LAYER,
                   "dinov2.layernorm")
IMAGE_EPS = {"clip_vision_model": 1e-5, "siglip_vision_model": 1e-6}


def image_names(c):
    """A classifier stores the encoder under its name."""
    if c["model_type"] == "dinov2" and "id2label" in c:
        return DINO_CLASSIFIER
    return IMAGE_NAMES[c["model_type"]]


def quick_gelu(x):
    return x / (1 + np.exp(-1.702 * x))


ACTIVATIONS["quick_gelu"] = quick_gelu


def height_and_width(size):
    return tuple(size) if isinstance(size, list) else (size, size)


def patch_grid(c):
    (height, width), (tall, wide) = map(height_and_width,
                                        (c["image_size"], c["patch_size"]))
    return height // tall, width // wide, tall, wide


def image_rows(model, pixels, at, tower):
    """A convolution whose stride is its kernel, the learned rows before its
    results, positions."""
    down, across, tall, wide = patch_grid(model.config)
    pixels = pixels.astype(model.dtype)[:, :, :down * tall, :across * wide]
    batch, channels = pixels.shape[:2]
    pixels = pixels.reshape(batch, channels, down, tall, across, wide)
    if model.get("_by_columns"):
        pixels = pixels.transpose(0, 1, 4, 3, 2, 5)
    name = "patch_embedding" if tower else "patch_embeddings.projection"
    rows = np.einsum("bcyixj,ocij->byxo", pixels, model.weight(
        at + name + ".weight"), optimize=True)
    rows = rows.reshape(batch, down * across, -1)
    rows = rows + model.weights.get(at + name + ".bias", 0)
    before = [model.weights[at + token] for token in
              ("cls_token", "distillation_token", "class_embedding")
              if at + token in model.weights]
    if model.get("_prefix_last"):
        before.reverse()
    before = [np.broadcast_to(token.reshape(1, 1, -1),
                              (batch, 1, rows.shape[2])) for token in before]
    rows = np.concatenate(before + [rows], 1)
    table = "position_embedding.weight" if tower else "position_embeddings"
    return rows + model.weight(at + table).reshape(-1, rows.shape[2])


def image_kind(model, inputs):
    """vit, deit, dinov2, clip and siglip vision: behind the layers."""
    family, heads = model["model_type"], model["num_attention_heads"]
    at, layers, names, _ = image_names(model.config)
    eps = model.get("layer_norm_eps", IMAGE_EPS.get(family))
    act = ACTIVATIONS[model["hidden_act"]]
    tower = family.endswith("_vision_model")
    x = image_rows(model, inputs["pixel_values"], at, tower)
    if family == "clip_vision_model" and not model.get("_no_first_norm"):
        x = model.layer_norm(x, "vision_model.pre_layrnorm", eps)
    everything = np.ones((1, 1, 1, x.shape[1]), bool)
    for layer in range(model["num_hidden_layers"]):
        query, key, value, output, before, after, up, down = [
            f"{layers}{layer}.{name}" for name in names]
        y = model.layer_norm(x, before, eps)
        q, k, v = [heads_of(model.linear(y, name), heads)
                   for name in (query, key, value)]
        y = model.linear(attend(model, q, k, v, everything), output)
        scales = [model.weights.get(f"{layers}{layer}.layer_scale{i}.lambda1", 1)
                  for i in (1, 2)]
        x = x + scales[0] * y
        y = model.layer_norm(x, after, eps)
        if model.get("use_swiglu_ffn"):
            mlp = f"{layers}{layer}.mlp."
            first, second = np.split(model.linear(y, mlp + "weights_in"), 2, -1)
            if model.get("_second_half_active"):
                first, second = second, first
            y = model.linear(silu(first) * second, mlp + "weights_out")
        else:
            y = model.linear(act(model.linear(y, up)), down)
        x = x + scales[1] * y
    return x


def image_model(model, inputs):
    x = image_kind(model, inputs)
    family, norm = model["model_type"], image_names(model.config)[3]
    eps = model.get("layer_norm_eps", IMAGE_EPS.get(family))
    normal = model.layer_norm(x, norm, eps)
    token = model.get("_token", 0)
    first = normal[:, token]
    if "cls_classifier.weight" in model.weights:
        both = {f"{name}_logits": model.linear(
            normal[:, i], f"{name}_classifier")
            for i, name in enumerate(("cls", "distillation"))}
        return {"logits": (both["cls_logits"] +
                           both["distillation_logits"]) / 2,
                **both, "last_hidden_state": normal}
    if family == "dinov2" and "classifier.weight" in model.weights:
        patches = normal[:, model.get("_patches_from", 1):].mean(1)
        both = [first, patches]
        if model.get("_mean_first"):
            both.reverse()
        return {"logits": model.linear(np.concatenate(both, -1), "classifier"),
                "last_hidden_state": normal}
    if "classifier.weight" in model.weights:
        return {"logits": model.linear(first, "classifier"),
                "last_hidden_state": x}
    if family == "clip_vision_model":
        return {"image_embeds": model.linear(first, "visual_projection"),
                "last_hidden_state": x}
    if family == "dinov2":
        return {"pooler_output": first, "last_hidden_state": normal}
    if family == "siglip_vision_model":
        return {"last_hidden_state": normal}
    pooled = np.tanh(model.linear(first, IMAGE_NAMES[family][0].replace(
        "embeddings.", "pooler.dense")))
    return {"pooler_output": pooled, "last_hidden_state": normal}


def image_shapes(c):
    family, d = c["model_type"], c["hidden_size"]
    ff = c["mlp_ratio"] * d if "mlp_ratio" in c else c["intermediate_size"]
    at, layers, names, norm = image_names(c)
    tower = family.endswith("_vision_model")
    down, across, tall, wide = patch_grid(c)
    patch = "patch_embedding" if tower else "patch_embeddings.projection"
    shapes = {at + patch + ".weight": (d, c["num_channels"], tall, wide)}
    if family != "clip_vision_model":
        shapes[at + patch + ".bias"] = (d,)
    tokens = {"deit": ("cls_token", "distillation_token"),
              "siglip_vision_model": (),
              "clip_vision_model": ("class_embedding",)}.get(family,
                                                             ("cls_token",))
    for token in tokens:
        shapes[at + token] = (d,) if tower else (1, 1, d)
    rows = len(tokens) + down * across
    if tower:
        shapes[at + "position_embedding.weight"] = (rows, d)
    else:
        shapes[at + "position_embeddings"] = (1, rows, d)
    for layer in range(c["num_hidden_layers"]):
        where = f"{layers}{layer}."
        inner = {name: (d, d) for name in names[:4]}
        if c.get("use_swiglu_ffn"):
            half = (ff * 2 // 3 + 7) // 8 * 8
            inner.update({"mlp.weights_in": (2 * half, d),
                          "mlp.weights_out": (d, half)})
        else:
            inner.update({names[6]: (ff, d), names[7]: (d, ff)})
        for name, shape in inner.items():
            shapes[where + name + ".weight"] = shape
            if c.get("qkv_bias", True) or name not in names[:3]:
                shapes[where + name + ".bias"] = shape[:1]
        for name in names[4:6]:
            shapes[where + name + ".weight"] = (d,)
            shapes[where + name + ".bias"] = (d,)
        if family == "dinov2":
            for i in (1, 2):
                shapes[f"{where}layer_scale{i}.lambda1"] = (d,)
    for name in [norm] + (["vision_model.pre_layrnorm"]
                          if family == "clip_vision_model" else []):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (d,)
    if "id2label" in c:
        width = 2 * d if family == "dinov2" else d
        teacher = c["architectures"][0].endswith("WithTeacher")
        for name in (["cls_classifier", "distillation_classifier"] if teacher
                     else ["classifier"]):
            shapes[name + ".weight"] = (len(c["id2label"]), width)
            shapes[name + ".bias"] = (len(c["id2label"]),)
    elif family in ("vit", "deit"):
        pooler = IMAGE_NAMES[family][0].replace("embeddings.", "pooler.dense")
        shapes[pooler + ".weight"], shapes[pooler + ".bias"] = (d, d), (d,)
    if "projection_dim" in c:
        shapes["visual_projection.weight"] = (c["projection_dim"], d)
    return shapes


# ---------------------------------------------------------------------------
# T5
# ---------------------------------------------------------------------------

def t5_bias(side, layer):
    return (f"{side}.block.{layer}.layer.0.SelfAttention."
            "relative_attention_bias.weight")


def bucket(distance, both_ways, buckets, most):
    """The bucket of key position - query position."""
    if both_ways:
        buckets //= 2
        offset = buckets * (distance > 0)
        distance = np.abs(distance)
    else:
        offset = 0
        distance = np.maximum(-distance, 0)
    exact = buckets // 2
    far = np.log(np.maximum(distance, 1) / exact) / math.log(most / exact)
    far = exact + np.floor(far * (buckets - exact)).astype(np.int64)
    return offset + np.where(distance < exact, distance,
                             np.minimum(far, buckets - 1))


def t5_stack(model, ids, side, layers, key_mask, encoded=None,
             encoded_mask=None):
    heads, eps = model["num_heads"], model["layer_norm_epsilon"]
    act = ACTIVATIONS[model["dense_act_fn"]]
    x = model.weight("shared.weight")[ids]
    place = np.arange(ids.shape[1])
    buckets = bucket(place[None, :] - place[:, None], side == "encoder",
                     model["relative_attention_num_buckets"],
                     model["relative_attention_max_distance"])
    # One table for all layers, in the first; umt5 has one in each.
    own = model["model_type"] == "umt5" and not model.get("_shared_bias")

    def attention(y, source, at, allowed, bias):
        q, k, v = [heads_of(model.linear(z, at + part), heads)
                   for part, z in (("q", y), ("k", source), ("v", source))]
        scale = model.get("_scale", 1.0)
        return model.linear(attend(model, q, k, v, allowed, bias, scale),
                            at + "o")

    for layer in range(layers):
        at = f"{side}.block.{layer}.layer."
        table = model.weight(t5_bias(side, layer if own else 0))
        bias = table[buckets].transpose(2, 0, 1)[None]
        y = model.rms_norm(x, at + "0.layer_norm", eps)
        x = x + attention(y, y, at + "0.SelfAttention.", key_mask, bias)
        last = 1
        if encoded is not None:
            y = model.rms_norm(x, at + "1.layer_norm", eps)
            x = x + attention(y, encoded, at + "1.EncDecAttention.",
                              encoded_mask, None)
            last = 2
        y = model.rms_norm(x, at + f"{last}.layer_norm", eps)
        at += f"{last}.DenseReluDense."
        if model["is_gated_act"]:
            y = act(model.linear(y, at + "wi_0")) * model.linear(y, at + "wi_1")
        else:
            y = act(model.linear(y, at + "wi"))
        x = x + model.linear(y, at + "wo")
    return model.rms_norm(x, f"{side}.final_layer_norm", eps)


def t5(model, inputs):
    mask = real_tokens(inputs)[:, None, None, :]
    encoded = t5_stack(model, inputs["input_ids"], "encoder",
                       model["num_layers"], mask)
    ids = inputs["decoder_input_ids"]
    x = t5_stack(model, ids, "decoder", model["num_decoder_layers"],
                 causal(ids.shape[1])[None, None], encoded, mask)
    if model.get("tie_word_embeddings", True):
        logits = model.linear(x * model["d_model"] ** -0.5, "shared")
    else:
        logits = model.linear(x, "lm_head")
    return {"logits": logits, "encoder_last_hidden_state": encoded}


def t5_encoder(model, inputs):
    mask = real_tokens(inputs)[:, None, None, :]
    return {"last_hidden_state": t5_stack(model, inputs["input_ids"], "encoder",
                                          model["num_layers"], mask)}


def t5_encoder_shapes(c):
    return {name: shape for name, shape in t5_shapes(c).items()
            if not name.startswith("decoder.")}


def t5_token_classifier(model, inputs):
    """Where the encoder is called "transformer"."""
    named = copy.copy(model)
    named.weights = {name.removeprefix("transformer."): values
                     for name, values in model.weights.items()}
    outputs = t5_encoder(named, inputs)
    return {"logits": model.linear(outputs["last_hidden_state"], "classifier"),
            **outputs}


def t5_token_classifier_shapes(c):
    labels = len(c["id2label"])
    return {**{"transformer." + name: shape
               for name, shape in t5_encoder_shapes(c).items()},
            "classifier.weight": (labels, c["d_model"]),
            "classifier.bias": (labels,)}


def t5_shapes(c):
    d, ff, vocab = c["d_model"], c["d_ff"], c["vocab_size"]
    heads, inner = c["num_heads"], c["num_heads"] * c["d_kv"]
    shapes = {"shared.weight": (vocab, d)}
    for side, layers in (("encoder", c["num_layers"]),
                         ("decoder", c["num_decoder_layers"])):
        for layer in range(layers):
            at = f"{side}.block.{layer}.layer."
            kinds = ["SelfAttention"]
            if side == "decoder":
                kinds.append("EncDecAttention")
            for i, kind in enumerate(kinds):
                shapes[at + f"{i}.layer_norm.weight"] = (d,)
                for part in "qkv":
                    shapes[at + f"{i}.{kind}.{part}.weight"] = (inner, d)
                shapes[at + f"{i}.{kind}.o.weight"] = (d, inner)
            if layer == 0 or c["model_type"] == "umt5":
                shapes[t5_bias(side, layer)] = (
                    c["relative_attention_num_buckets"], heads)
            last = len(kinds)
            shapes[at + f"{last}.layer_norm.weight"] = (d,)
            for name in ("wi_0", "wi_1") if c["is_gated_act"] else ("wi",):
                shapes[at + f"{last}.DenseReluDense.{name}.weight"] = (ff, d)
            shapes[at + f"{last}.DenseReluDense.wo.weight"] = (d, ff)
        shapes[f"{side}.final_layer_norm.weight"] = (d,)
    if not c.get("tie_word_embeddings", True):
        shapes["lm_head.weight"] = (vocab, d)
    return shapes


# ---------------------------------------------------------------------------
# Bart
# ---------------------------------------------------------------------------

def bart_stack(model, ids, side, allowed, encoded=None, encoded_mask=None):
    heads, act = model[side + "_attention_heads"], ACTIVATIONS[
        model["activation_function"]]
    first = model.get("_first_position", 2)
    places = model.weight(f"model.{side}.embed_positions.weight")
    x = model.weight("model.shared.weight")[ids]
    if model["scale_embedding"]:
        x = x * math.sqrt(model["d_model"])
    x = model.layer_norm(x + places[first:first + ids.shape[1]],
                         f"model.{side}.layernorm_embedding", 1e-5)

    def attention(y, source, at, allowed):
        q, k, v = [heads_of(model.linear(z, f"{at}.{part}_proj"), heads)
                   for part, z in (("q", y), ("k", source), ("v", source))]
        return model.linear(attend(model, q, k, v, allowed), at + ".out_proj")

    for layer in range(model[side + "_layers"]):
        at = f"model.{side}.layers.{layer}."
        x = model.layer_norm(x + attention(x, x, at + "self_attn", allowed),
                             at + "self_attn_layer_norm", 1e-5)
        if encoded is not None:
            y = attention(x, encoded, at + "encoder_attn", encoded_mask)
            x = model.layer_norm(x + y, at + "encoder_attn_layer_norm", 1e-5)
        y = model.linear(act(model.linear(x, at + "fc1")), at + "fc2")
        x = model.layer_norm(x + y, at + "final_layer_norm", 1e-5)
    return x


def bart_rows(model, inputs):
    mask = real_tokens(inputs)[:, None, None, :]
    encoded = bart_stack(model, inputs["input_ids"], "encoder", mask)
    ids = inputs["decoder_input_ids"]
    return encoded, bart_stack(model, ids, "decoder",
                               causal(ids.shape[1])[None, None], encoded, mask)


def bart(model, inputs):
    encoded, x = bart_rows(model, inputs)
    logits = model.linear(x, "model.shared")
    return {"logits": logits + model.weight("final_logits_bias"),
            "encoder_last_hidden_state": encoded}


def bart_classifier(model, inputs):
    """The decoder reads the text again; of its rows, that of the place of the
    text's last end token counts."""
    encoded, x = bart_rows(model, inputs)
    ends = inputs["input_ids"] == model["eos_token_id"]
    last = np.where(ends, np.arange(ends.shape[1]), -1).max(1)
    assert (last >= 0).all()
    row = x[np.arange(len(x)), last - model.get("_rows_before", 0)]
    act = relu if model.get("_relu") else np.tanh
    y = act(model.linear(row, "classification_head.dense"))
    return {"logits": model.linear(y, "classification_head.out_proj"),
            "encoder_last_hidden_state": encoded}


def bart_classifier_shapes(c):
    d, labels = c["d_model"], len(c["id2label"])
    shapes = m2m_shapes({**c, "tie_word_embeddings": True})
    for side in ("encoder", "decoder"):
        del shapes[f"model.{side}.layer_norm.weight"]
        del shapes[f"model.{side}.layer_norm.bias"]
        shapes[f"model.{side}.embed_positions.weight"] = (
            c["max_position_embeddings"] + 2, d)
        for part in ("weight", "bias"):
            shapes[f"model.{side}.layernorm_embedding.{part}"] = (d,)
    for name, rows in (("dense", d), ("out_proj", labels)):
        shapes[f"classification_head.{name}.weight"] = (rows, d)
        shapes[f"classification_head.{name}.bias"] = (rows,)
    return shapes


# ---------------------------------------------------------------------------
# M2M100
# ---------------------------------------------------------------------------

def fairseq_positions(model, width, positions):
    """Sines, then cosines; wavelengths grow to 10000 x 2 pi, the end
    included (Ott et al. 2019, fairseq's SinusoidalPositionalEmbedding)."""
    half = width // 2
    last = half if model.get("_end_excluded") else half - 1
    freqs = 10000.0 ** -(np.arange(half) / last)
    angles = positions[..., None] * freqs
    return np.concatenate([np.sin(angles), np.cos(angles)],
                          -1).astype(model.dtype)


def m2m_stack(model, ids, side, allowed, encoded=None, encoded_mask=None):
    heads, act = model[side + "_attention_heads"], ACTIVATIONS[
        model["activation_function"]]
    real = ids != model["pad_token_id"]
    first = model.get("_first_position", model["pad_token_id"] + 1)
    positions = real.cumsum(1) * real + first - 1
    x = model.weight("model.shared.weight")[ids]
    if model["scale_embedding"]:
        x = x * math.sqrt(model["d_model"])
    sines = fairseq_positions(model, model["d_model"], positions)
    # fairseq's table has zeros in the padding's row.
    x = x + (sines if model.get("_padding_has_sines") else sines *
             real[..., None])

    def attention(y, source, at, allowed):
        q, k, v = [heads_of(model.linear(z, f"{at}.{part}_proj"), heads)
                   for part, z in (("q", y), ("k", source), ("v", source))]
        return model.linear(attend(model, q, k, v, allowed), at + ".out_proj")

    for layer in range(model[side + "_layers"]):
        at = f"model.{side}.layers.{layer}."
        y = model.layer_norm(x, at + "self_attn_layer_norm", 1e-5)
        x = x + attention(y, y, at + "self_attn", allowed)
        if encoded is not None:
            y = model.layer_norm(x, at + "encoder_attn_layer_norm", 1e-5)
            x = x + attention(y, encoded, at + "encoder_attn", encoded_mask)
        y = model.layer_norm(x, at + "final_layer_norm", 1e-5)
        x = x + model.linear(act(model.linear(y, at + "fc1")), at + "fc2")
    return model.layer_norm(x, f"model.{side}.layer_norm", 1e-5)


def m2m(model, inputs):
    mask = real_tokens(inputs)[:, None, None, :]
    encoded = m2m_stack(model, inputs["input_ids"], "encoder", mask)
    ids = inputs["decoder_input_ids"]
    x = m2m_stack(model, ids, "decoder", causal(ids.shape[1])[None, None],
                  encoded, mask)
    head = "model.shared" if model["tie_word_embeddings"] else "lm_head"
    return {"logits": model.linear(x, head),
            "encoder_last_hidden_state": encoded}


def m2m_shapes(c):
    d = c["d_model"]
    shapes = {"model.shared.weight": (c["vocab_size"], d)}

    def norm(name):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (d,)

    for side in ("encoder", "decoder"):
        ff = c[side + "_ffn_dim"]
        attentions = ["self_attn"] + ["encoder_attn"] * (side == "decoder")
        for layer in range(c[side + "_layers"]):
            at = f"model.{side}.layers.{layer}."
            linears = [("fc1", ff, d), ("fc2", d, ff)]
            for attention in attentions:
                norm(at + attention + "_layer_norm")
                linears += [(f"{attention}.{part}_proj", d, d)
                            for part in ("q", "k", "v", "out")]
            norm(at + "final_layer_norm")
            for name, rows, columns in linears:
                shapes[at + name + ".weight"] = (rows, columns)
                shapes[at + name + ".bias"] = (rows,)
        norm(f"model.{side}.layer_norm")
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (c["vocab_size"], d)
    return shapes


# ---------------------------------------------------------------------------
# Two towers in one folder
# ---------------------------------------------------------------------------

def text_rows(model, inputs):
    """Of the text tower, behind the norm; clip's tokens see those before."""
    clip = model["model_type"] == "clip_text_model"
    heads, eps = model["num_attention_heads"], model["layer_norm_eps"]
    act, at = ACTIVATIONS[model["hidden_act"]], "text_model."
    ids = inputs["input_ids"]
    x = model.weight(at + "embeddings.token_embedding.weight")[ids]
    x = x + model.weight(at + "embeddings.position_embedding.weight")[
        column_positions(inputs)]
    allowed = real_tokens(inputs)[:, None, None, :]
    if clip and not model.get("_sees_ahead"):
        allowed = allowed & causal(ids.shape[1])
    for layer in range(model["num_hidden_layers"]):
        query, key, value, output, before, after, up, down = [
            f"{at}encoder.layers.{layer}.{name}" for name in TOWER_LAYER]
        y = model.layer_norm(x, before, eps)
        q, k, v = [heads_of(model.linear(y, name), heads)
                   for name in (query, key, value)]
        x = x + model.linear(attend(model, q, k, v, allowed), output)
        y = model.layer_norm(x, after, eps)
        x = x + model.linear(act(model.linear(y, up)), down)
    return model.layer_norm(x, at + "final_layer_norm", eps)


def text_tower(model, inputs):
    part = model.inner("text_config")
    x, ids = text_rows(part, inputs), inputs["input_ids"]
    if model["model_type"] == "siglip":
        pooled = x[:, model.get("_token", -1)]
        return {"text_embeds": part.linear(pooled, "text_model.head"),
                "last_hidden_state": x}
    end = part["eos_token_id"]
    # Where there is none, the first one.
    at = (ids.argmax(-1) if end == 2 else (ids == end).argmax(-1))
    pooled = x[np.arange(len(ids)), model.get("_token", at)]
    return {"text_embeds": part.linear(pooled, "text_projection"),
            "last_hidden_state": x}


def probed(model, rows):
    """torch's MultiheadAttention of the probe, then x + mlp(norm(x))."""
    heads, at = model["num_attention_heads"], "vision_model.head."
    probe = np.broadcast_to(model.weight(at + "probe"),
                            (rows.shape[0], 1, rows.shape[2]))
    weights = np.split(model.weight(at + "attention.in_proj_weight"), 3)
    biases = np.split(model.weight(at + "attention.in_proj_bias"), 3)
    q, k, v = [heads_of(of @ w.T + b, heads) for of, w, b in
               zip((probe, rows, rows), weights, biases)]
    everything = np.ones((1, 1, 1, rows.shape[1]), bool)
    x = model.linear(attend(model, q, k, v, everything),
                     at + "attention.out_proj")
    y = model.layer_norm(x, at + "layernorm", model["layer_norm_eps"])
    act = ACTIVATIONS[model["hidden_act"]]
    y = model.linear(act(model.linear(y, at + "mlp.fc1")), at + "mlp.fc2")
    return (y if model.get("_no_residual") else x + y)[:, 0]


def image_tower(model, inputs):
    part, clip = model.inner("vision_config"), model["model_type"] == "clip"
    x = image_kind(part, inputs)
    normal = part.layer_norm(x, "vision_model.post_layernorm",
                             part["layer_norm_eps"])
    rows = x if clip else normal
    if "classifier.weight" in model.weights:
        mean = rows[:, model.get("_patches_from", 1 if clip else 0):].mean(1)
        return {"logits": model.linear(mean, "classifier"),
                "last_hidden_state": rows}
    if clip:
        embeds = part.linear(normal[:, 0], "visual_projection")
    else:
        embeds = probed(part, normal)
    return {"image_embeds": embeds, "last_hidden_state": rows}


def tower_shapes(c):
    clip, text, image = (c["model_type"] == "clip", c["text_config"],
                         c["vision_config"])
    shapes = image_shapes(image)
    wide, d = image["intermediate_size"], image["hidden_size"]
    if not clip:
        at = "vision_model.head."
        shapes[at + "probe"] = (1, 1, d)
        shapes[at + "attention.in_proj_weight"] = (3 * d, d)
        shapes[at + "attention.in_proj_bias"] = (3 * d,)
        for name, shape in {"attention.out_proj": (d, d), "mlp.fc1": (wide, d),
                            "mlp.fc2": (d, wide)}.items():
            shapes[at + name + ".weight"] = shape
            shapes[at + name + ".bias"] = shape[:1]
        shapes[at + "layernorm.weight"] = shapes[at + "layernorm.bias"] = (d,)
    if "id2label" in c:
        shapes["classifier.weight"] = (len(c["id2label"]), d)
        shapes["classifier.bias"] = (len(c["id2label"]),)
        return shapes
    width, ff = text["hidden_size"], text["intermediate_size"]
    at = "text_model."
    shapes[at + "embeddings.token_embedding.weight"] = (text["vocab_size"],
                                                        width)
    shapes[at + "embeddings.position_embedding.weight"] = (
        text["max_position_embeddings"], width)
    for layer in range(text["num_hidden_layers"]):
        inner = {name: (width, width) for name in TOWER_LAYER[:4]}
        inner.update({TOWER_LAYER[4]: (width,), TOWER_LAYER[5]: (width,),
                      TOWER_LAYER[6]: (ff, width), TOWER_LAYER[7]: (width, ff)})
        for name, shape in inner.items():
            where = f"{at}encoder.layers.{layer}.{name}"
            shapes[where + ".weight"] = shape
            shapes[where + ".bias"] = shape[:1]
    norm = at + "final_layer_norm"
    shapes[norm + ".weight"] = shapes[norm + ".bias"] = (width,)
    shapes["logit_scale"] = () if clip else (1,)
    if clip:
        shapes["text_projection.weight"] = (c["projection_dim"], width)
        shapes["visual_projection.weight"] = (c["projection_dim"], d)
    else:
        shapes["logit_bias"] = (1,)
        shapes[at + "head.weight"] = (width, width)
        shapes[at + "head.bias"] = (width,)
    return shapes


# ---------------------------------------------------------------------------
# The cases
# ---------------------------------------------------------------------------

def labels(count):
    return {"id2label": {str(i): f"LABEL_{i}" for i in range(count)},
            "label2id": {f"LABEL_{i}": i for i in range(count)}}


LLAMA = {"attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 1,
         "eos_token_id": 2, "pad_token_id": 0, "hidden_act": "silu",
         "initializer_range": 0.02, "max_position_embeddings": 64,
         "num_hidden_layers": 2, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "tie_word_embeddings": False, "use_cache": True}
BERT = {"attention_probs_dropout_prob": 0.1, "classifier_dropout": None,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "initializer_range": 0.02, "num_hidden_layers": 2,
        "max_position_embeddings": 40, "position_embedding_type": "absolute",
        "use_cache": True}
ROBERTA = {**BERT, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
           "type_vocab_size": 1, "layer_norm_eps": 1e-5}
FALCON = {"activation": "gelu", "attention_dropout": 0.0, "bos_token_id": 1,
          "eos_token_id": 2, "hidden_dropout": 0.0, "initializer_range": 0.02,
          "layer_norm_epsilon": 1e-5, "max_position_embeddings": 64,
          "model_type": "falcon", "new_decoder_architecture": False,
          "num_hidden_layers": 2, "num_ln_in_parallel_attn": None,
          "rope_scaling": None, "rope_theta": 10000.0, "use_cache": True}
T5 = {"classifier_dropout": 0.0, "dropout_rate": 0.1, "eos_token_id": 1,
      "pad_token_id": 0, "decoder_start_token_id": 0, "initializer_factor": 1.0,
      "is_encoder_decoder": True, "layer_norm_epsilon": 1e-6, "use_cache": True}


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


CASES = {}


def case(name, model_class, config, forward, shapes, changes, note="",
         kind="decoder", version="4.47.1", gain=1.6, embedding=0.25, **more):
    """`changes`: what the outputs must depend on, as other configurations."""
    config = {**config, "architectures": [model_class],
              "torch_dtype": "float32", "transformers_version": version}
    CASES[name] = dict(name=name, model_class=model_class, config=config,
                       forward=forward, shapes=shapes, changes=changes,
                       note=note, kind=kind, gain=gain, embedding=embedding,
                       **more)


case("qwen3", "Qwen3ForCausalLM",
     {**LLAMA, "model_type": "qwen3", "head_dim": 24, "hidden_size": 40,
      "intermediate_size": 26, "num_attention_heads": 6,
      "num_key_value_heads": 2, "max_window_layers": 2, "rope_scaling": None,
      "sliding_window": None, "use_sliding_window": False,
      "tie_word_embeddings": True, "vocab_size": 57},
     llama_kind, llama_shapes,
     {"norms of the heads left out": {"_no_head_norms": True},
      "rope_theta 1000": {"rope_theta": 1000.0},
      "rms_norm_eps 1e-3": {"rms_norm_eps": 1e-3}},
     "norms of each query and key head; head_dim 24 although hidden/heads is "
     "not even whole", version="4.51.0")

case("qwen2_window", "Qwen2ForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "qwen2",
      "hidden_size": 48, "intermediate_size": 26, "num_attention_heads": 6,
      "num_key_value_heads": 3, "num_hidden_layers": 3, "max_window_layers": 1,
      "rope_scaling": None, "sliding_window": 5, "use_sliding_window": True,
      "tie_word_embeddings": True, "vocab_size": 55},
     llama_kind, llama_shapes,
     {"no window": {"use_sliding_window": False},
      "window in every layer": {"max_window_layers": 0},
      "window from layer 2 on": {"max_window_layers": 2},
      "window 6": {"sliding_window": 6},
      "biases left out": {"_without": "_proj.bias"}},
     "sliding window 5 from layer 1 (max_window_layers) on, layer 0 sees all")

STABLELM = {**without(LLAMA, "attention_bias", "rms_norm_eps"),
            "model_type": "stablelm", "hidden_size": 48,
            "intermediate_size": 28, "hidden_dropout": 0.0,
            "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.25,
            "qk_layernorm": False, "rope_scaling": None}
STABLELM_CHANGES = {"whole heads rotated": {"partial_rotary_factor": 1.0},
                    "half heads rotated": {"partial_rotary_factor": 0.5},
                    "biases of the norms left out": {"_without": "norm.bias"}}

case("stablelm", "StableLmForCausalLM",
     {**STABLELM, "num_attention_heads": 3, "num_key_value_heads": 1,
      "use_qkv_bias": True, "use_parallel_residual": False, "vocab_size": 53},
     llama_kind, llama_shapes,
     {**STABLELM_CHANGES, "parallel": {"use_parallel_residual": True},
      "biases left out": {"_without": "_proj.bias"}},
     "a quarter of each head rotated; biases of query, key and value")

case("stablelm_parallel", "StableLmForCausalLM",
     {**STABLELM, "num_attention_heads": 6, "num_key_value_heads": 2,
      "use_qkv_bias": False, "use_parallel_residual": True, "vocab_size": 51},
     llama_kind, llama_shapes, STABLELM_CHANGES,
     "attention and feed-forward side by side behind one norm; 2 of 8 "
     "features rotated")

case("stablelm_qk_layernorm", "StableLmForCausalLM",
     {**STABLELM, "num_attention_heads": 6, "num_key_value_heads": 2,
      "qk_layernorm": True, "use_qkv_bias": False,
      "use_parallel_residual": False, "vocab_size": 47},
     llama_kind, llama_shapes,
     {**STABLELM_CHANGES, "norms of the heads left out":
      {"qk_layernorm": False},
      "the first head's norm for all": {"_one_head_norm": True}},
     "norms of each query and key head, a tensor each")

case("olmo", "OlmoForCausalLM",
     {**without(LLAMA, "rms_norm_eps"), "model_type": "olmo", "clip_qkv": None,
      "hidden_size": 40, "intermediate_size": 34, "num_attention_heads": 5,
      "num_key_value_heads": 5, "rope_scaling": None, "vocab_size": 59},
     llama_kind, llama_shapes,
     {"root mean square norms": {"_root_mean_square": True},
      "rope_theta 1000": {"rope_theta": 1000.0}},
     "norms without weights (eps 1e-5)")

case("olmo_clip", "OlmoForCausalLM",
     {**without(LLAMA, "rms_norm_eps"), "model_type": "olmo", "clip_qkv": 1.5,
      "hidden_size": 40, "intermediate_size": 34, "num_attention_heads": 5,
      "num_key_value_heads": 5, "rope_scaling": None, "vocab_size": 59},
     llama_kind, llama_shapes,
     {"not clipped": {"clip_qkv": None}, "clip_qkv 2": {"clip_qkv": 2.0}},
     "queries, keys and values within [-1.5, 1.5]", gain=2.8)

YARN = {"factor": 4.0, "original_max_position_embeddings": 16,
        "rope_type": "yarn", "type": "yarn"}
case("llama_yarn", "LlamaForCausalLM",
     {**LLAMA, "model_type": "llama", "head_dim": 16, "hidden_size": 40,
      "intermediate_size": 30, "mlp_bias": False, "num_attention_heads": 3,
      "num_key_value_heads": 3, "pretraining_tp": 1, "rope_scaling": YARN,
      "rope_theta": 30.0, "vocab_size": 55},
     llama_kind, llama_shapes,
     {"no scaling": {"rope_scaling": None},
      "cos and sin not scaled":
          {"rope_scaling": {**YARN, "attention_factor": 1.0}},
      "original length 64": {"rope_scaling": {
          **YARN, "original_max_position_embeddings": 64}},
      "factor 2": {"rope_scaling": {**YARN, "factor": 2.0}}},
     "ramp from original_max_position_embeddings (16); cos and sin x 0.1 ln 4 "
     "+ 1; rope_theta 30 puts two pairs on the ramp")

case("mistral_head_dim", "MistralForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "mistral",
      "head_dim": 10, "hidden_size": 40, "intermediate_size": 34,
      "num_attention_heads": 6, "num_key_value_heads": 2, "sliding_window": 4,
      "vocab_size": 59},
     llama_kind, llama_shapes,
     {"no window": {"sliding_window": None},
      "window 5": {"sliding_window": 5},
      "rope_theta 1000": {"rope_theta": 1000.0}},
     "head_dim 10 with 6 query and 2 key heads, hidden 40; window 4")

case("phi3_grouped", "Phi3ForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "phi3",
      "embd_pdrop": 0.0, "hidden_size": 48, "intermediate_size": 28,
      "num_attention_heads": 6, "num_key_value_heads": 2,
      "original_max_position_embeddings": 64, "resid_pdrop": 0.0,
      "rms_norm_eps": 1e-5, "rope_scaling": None, "sliding_window": None,
      "vocab_size": 57},
     llama_kind, llama_shapes,
     {"a window of 9": {"sliding_window": 9},
      "rope_theta 1000": {"rope_theta": 1000.0}},
     "fused rows: 6 query, 2 key, 2 value heads; no window")

LONG = {"long_factor": [1.0, 1.5, 3.0, 5.5], "rope_type": "longrope",
        "short_factor": [1.0, 1.25, 0.75, 1.5], "type": "longrope"}
case("phi3_longrope", "Phi3ForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "phi3",
      "embd_pdrop": 0.0, "hidden_size": 48, "intermediate_size": 28,
      "max_position_embeddings": 64, "num_attention_heads": 6,
      "num_key_value_heads": 2, "original_max_position_embeddings": 16,
      "resid_pdrop": 0.0, "rms_norm_eps": 1e-5, "rope_scaling": LONG,
      "rope_theta": 30.0, "sliding_window": None, "vocab_size": 57},
     llama_kind, llama_shapes,
     {"always short": {"original_max_position_embeddings": 40,
                       "_magnitude": math.sqrt(1.5)},
      "short factors 1":
          {"rope_scaling": {**LONG, "short_factor": [1.0] * 4}},
      "long factors 1": {"rope_scaling": {**LONG, "long_factor": [1.0] * 4}},
      "cos and sin not scaled": {"_magnitude": 1.0}},
     "long factors in sequences of more than 16 tokens, short ones in others; "
     "cos and sin x sqrt(1 + ln 4 / ln 16)")

case("gemma_mqa", "GemmaForCausalLM",
     {**LLAMA, "model_type": "gemma", "head_dim": 18,
      "hidden_act": "gelu_pytorch_tanh",
      "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 40,
      "intermediate_size": 34, "num_attention_heads": 3,
      "num_key_value_heads": 1, "tie_word_embeddings": True, "vocab_size": 61},
     llama_kind, llama_shapes,
     {"gelu by erf": {"hidden_activation": "gelu"},
      "norm weights without 1 +": {"_norm_weight_plain": True},
      "embeddings not scaled": {"_unscaled": True}},
     "one key head for 3 query heads of 18 features; norms x (1 + weight); "
     "embeddings x sqrt(hidden)", norm_mean=0.0)

case("cohere_biases", "CohereForCausalLM",
     {**without(LLAMA, "rms_norm_eps", "tie_word_embeddings"),
      "attention_bias": True, "model_type": "cohere", "hidden_size": 48,
      "intermediate_size": 30, "layer_norm_eps": 1e-5, "logit_scale": 0.25,
      "num_attention_heads": 6, "num_key_value_heads": 2, "rope_scaling": None,
      "use_qk_norm": False, "vocab_size": 55},
     cohere, cohere_shapes,
     {"biases of q, k, v left out": {"_without": "[qkv]_proj.bias"},
      "bias of o left out": {"_without": "o_proj.bias"},
      "logit_scale 0.0625": {"logit_scale": 0.0625},
      "halves rotated": {"_halves": True}},
     "biases on all four projections of attention")

case("cohere_qk_norm", "CohereForCausalLM",
     {**without(LLAMA, "rms_norm_eps", "tie_word_embeddings"),
      "model_type": "cohere", "hidden_size": 50, "intermediate_size": 30,
      "layer_norm_eps": 1e-5, "logit_scale": 0.25, "num_attention_heads": 5,
      "num_key_value_heads": 1, "rope_scaling": None, "use_qk_norm": True,
      "vocab_size": 55},
     cohere, cohere_shapes,
     {"norms of the heads left out": {"_no_head_norms": True},
      "layer_norm_eps 1e-2": {"layer_norm_eps": 1e-2}},
     "each query and key normalized, with weights of its head's own; one key "
     "head for 5 query heads of 10 features", norm_mean=1.6)

case("gpt_neox_sequential", "GPTNeoXForCausalLM",
     {"attention_bias": True, "attention_dropout": 0.0, "bos_token_id": 1,
      "classifier_dropout": 0.1, "eos_token_id": 2, "hidden_act": "gelu",
      "hidden_dropout": 0.0, "hidden_size": 40, "initializer_range": 0.02,
      "intermediate_size": 52, "layer_norm_eps": 1e-5,
      "max_position_embeddings": 64, "model_type": "gpt_neox",
      "num_attention_heads": 5, "num_hidden_layers": 2,
      "partial_rotary_factor": 0.5, "rope_scaling": None, "rope_theta": 10000,
      "rotary_emb_base": 10000, "rotary_pct": 0.5, "tie_word_embeddings": False,
      "use_cache": True, "use_parallel_residual": False, "vocab_size": 53},
     gpt_neox, gpt_neox_shapes,
     {"parallel": {"use_parallel_residual": True},
      "a quarter rotated": {"rotary_pct": 0.25},
      "gelu by tanh": {"hidden_act": "gelu_new"},
      "biases of attention left out": {"_without": "attention.*bias"}},
     "one half behind the other; half of each head rotated")

FALCON_CHANGES = {"layer_norm_epsilon 1e-2": {"layer_norm_epsilon": 1e-2}}
case("falcon_7b", "FalconForCausalLM",
     {**FALCON, "alibi": False, "bias": False, "ffn_hidden_size": 72,
      "hidden_size": 40, "multi_query": True, "num_attention_heads": 5,
      "num_kv_heads": 5, "parallel_attn": True, "vocab_size": 61},
     falcon, falcon_shapes,
     {**FALCON_CHANGES, "rope_theta 1000": {"rope_theta": 1000.0},
      "one half behind the other": {"_sequential": True}},
     "one key and value head (num_kv_heads does not count), one norm for "
     "attention and feed-forward")

case("falcon_alibi", "FalconForCausalLM",
     {**FALCON, "alibi": True, "bias": True, "ffn_hidden_size": 44,
      "hidden_size": 48, "multi_query": False, "num_attention_heads": 6,
      "num_kv_heads": 6, "parallel_attn": False, "vocab_size": 57},
     falcon, falcon_shapes,
     {**FALCON_CHANGES, "bias added after scaling": {"_bias_last": True},
      "rotary positions": {"alibi": False},
      "biases left out": {"_without": "(dense|value|4h|_h).bias"}},
     "(scores + slope x position) / sqrt(head_dim); the slopes of 6 heads are "
     "powers of two, so rounding the products to bfloat16 as Hugging Face "
     "does changes nothing at positions below 257")

case("opt_post_norm", "OPTForCausalLM",
     {"_remove_final_layer_norm": False, "activation_function": "relu",
      "attention_dropout": 0.0, "bos_token_id": 2,
      "do_layer_norm_before": False, "dropout": 0.1, "enable_bias": True,
      "eos_token_id": 2, "ffn_dim": 44, "hidden_size": 48, "init_std": 0.02,
      "layer_norm_elementwise_affine": True, "layerdrop": 0.0,
      "max_position_embeddings": 36, "model_type": "opt",
      "num_attention_heads": 3, "num_hidden_layers": 2, "pad_token_id": 1,
      "use_cache": True, "vocab_size": 53, "word_embed_proj_dim": 32},
     opt, opt_shapes,
     {"norms first": {"do_layer_norm_before": True},
      "positions from 0": {"_offset": 0},
      "positions by columns": {"_columns": True},
      "gelu": {"activation_function": "gelu"}},
     "norms behind the sums, none at the end; projections from and to 32; "
     "last_hidden_state is behind project_out", embedding=0.6, pad=1)

case("bloom_6_heads", "BloomForCausalLM",
     {"apply_residual_connection_post_layernorm": False,
      "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
      "hidden_dropout": 0.0, "hidden_size": 42, "initializer_range": 0.02,
      "layer_norm_epsilon": 1e-5, "model_type": "bloom", "n_head": 6,
      "n_layer": 2, "pad_token_id": 3, "pretraining_tp": 1,
      "slow_but_exact": False, "use_cache": True, "vocab_size": 47},
     bloom, bloom_shapes,
     {"slopes 2^(-8 i / 6)": {"_smooth_slopes": True},
      "bias added before scaling": {"_bias_first": True}},
     "slopes 2^-2, 2^-4, 2^-6, 2^-8, 2^-1, 2^-3; heads of 7 features", pad=3,
     gain=2.4)

case("mpt_6_heads", "MptForCausalLM",
     {"attn_config": {"model_type": ""}, "d_model": 42, "emb_pdrop": 0.0,
      "embedding_fraction": 1.0, "expansion_ratio": 4, "init_device": "cpu",
      "initializer_range": 0.02, "layer_norm_epsilon": 1e-5,
      "learned_pos_emb": True, "logit_scale": None, "max_seq_len": 64,
      "model_type": "mpt", "n_heads": 6, "n_layers": 2, "no_bias": True,
      "norm_type": "low_precision_layernorm", "resid_pdrop": 0.0,
      "use_cache": False, "verbose": 0, "vocab_size": 47},
     mpt, mpt_shapes,
     {"slopes 2^(-8 i / 6)": {"_smooth_slopes": True},
      "bias added before scaling": {"_bias_first": True},
      "gelu by tanh": {"_tanh": True}},
     "slopes 2^-2, 2^-4, 2^-6, 2^-8, 2^-1, 2^-3; heads of 7 features")

MPT_OPTIONS = {"clip_qkv": 1.0, "model_type": "", "qk_ln": True}
case("mpt_options", "MptForCausalLM",
     {"attn_config": MPT_OPTIONS, "d_model": 42, "emb_pdrop": 0.0,
      "embedding_fraction": 1.0, "expansion_ratio": 4, "init_device": "cpu",
      "initializer_range": 0.02, "layer_norm_epsilon": 1e-5,
      "learned_pos_emb": True, "logit_scale": "inv_sqrt_d_model",
      "max_seq_len": 64, "model_type": "mpt", "n_heads": 6, "n_layers": 2,
      "no_bias": True, "norm_type": "low_precision_layernorm",
      "resid_pdrop": 0.0, "use_cache": False, "verbose": 0, "vocab_size": 47},
     mpt, mpt_shapes,
     {"not clipped": {"attn_config": {**MPT_OPTIONS, "clip_qkv": None}},
      "no norms": {"attn_config": {**MPT_OPTIONS, "qk_ln": False}},
      "logits not scaled": {"logit_scale": None}},
     "the fused projections within [-1, 1], then a norm over all queries and "
     "one over all keys; logits x d_model^-0.5", norm_mean=1.6)

case("xlm_roberta", "XLMRobertaForMaskedLM",
     {**ROBERTA, "model_type": "xlm-roberta", "hidden_size": 42,
      "intermediate_size": 50, "num_attention_heads": 3, "vocab_size": 59},
     roberta_lm, roberta_lm_shapes,
     {"positions from 0": {"_first_position": 0},
      "gelu by tanh": {"hidden_act": "gelu_new"},
      "layer_norm_eps 1e-2": {"layer_norm_eps": 1e-2}},
     kind="encoder", embedding=0.6, gain=1.2, pad=1)

LONGFORMER = {**ROBERTA, "attention_window": 6, "model_type": "longformer",
              "onnx_export": False, "sep_token_id": 9, "layer_norm_eps": 1e-12}
LONGFORMER_CHANGES = {"no global tokens": {"_no_globals": True},
                      "one pair of projections": {"_same_projections": True}}

case("longformer_classifier", "LongformerForSequenceClassification",
     {**LONGFORMER, **labels(3), "attention_window": [4, 10],
      "hidden_size": 42, "intermediate_size": 50, "num_attention_heads": 7,
      "vocab_size": 59},
     roberta_classifier, roberta_classifier_shapes,
     {**LONGFORMER_CHANGES, "windows the other way round":
      {"attention_window": [10, 4]}},
     "windows of 4 and 10 keys; the first token is global", kind="classifier",
     embedding=0.6, gain=1.2, pad=1)

case("longformer_question_answering", "LongformerForQuestionAnswering",
     {**LONGFORMER, "hidden_size": 40, "intermediate_size": 36,
      "num_attention_heads": 5, "vocab_size": 47},
     question_answering, question_answering_shapes,
     {**LONGFORMER_CHANGES, "window 8": {"attention_window": 8},
      "another separator": {"sep_token_id": 11}},
     "the question, in front of the first separator, is global",
     kind="encoder", embedding=0.6, gain=1.2, pad=1, separators=True,
     outputs=["start_logits", "end_logits"])

case("roberta_classifier", "RobertaForSequenceClassification",
     {**ROBERTA, **labels(5), "model_type": "roberta", "hidden_size": 40,
      "intermediate_size": 52, "num_attention_heads": 5, "vocab_size": 71},
     roberta_classifier, roberta_classifier_shapes,
     {"positions from 0": {"_first_position": 0},
      "last token": {"_token": -1}, "relu in the head": {"_relu": True}},
     "first token -> dense -> tanh -> out_proj, 5 labels",
     kind="classifier", embedding=0.6, gain=1.2, pad=1)

case("roberta_question_answering", "RobertaForQuestionAnswering",
     {**ROBERTA, "model_type": "roberta", "hidden_size": 40,
      "intermediate_size": 52, "num_attention_heads": 5, "vocab_size": 71},
     question_answering, question_answering_shapes,
     {"positions from 0": {"_first_position": 0},
      "end before start": {"_end_first": True},
      "paddings that are not masked count": {"_padding_counts": True},
      "biases left out": {"_without": "qa_outputs.bias"}},
     "two numbers for each token: where an answer starts, and where it ends; "
     "ids of the padding among the tokens",
     kind="encoder", embedding=0.6, gain=1.2, pad=1, padding_inside=True,
     outputs=["start_logits", "end_logits"])

case("electra_token_classifier", "ElectraForTokenClassification",
     {**BERT, **labels(5), "embedding_size": 24, "hidden_size": 40,
      "intermediate_size": 50, "layer_norm_eps": 1e-12, "model_type": "electra",
      "num_attention_heads": 5, "pad_token_id": 0, "summary_activation": "gelu",
      "summary_last_dropout": 0.1, "summary_type": "first",
      "summary_use_proj": True, "type_vocab_size": 2, "vocab_size": 61},
     token_classifier, token_classifier_shapes,
     {"gelu by tanh": {"hidden_act": "gelu_new"},
      "biases left out": {"_without": "classifier.bias"}},
     "a class for each token, 5 labels", kind="encoder", embedding=0.6,
     gain=1.2, types=2)

case("distilbert_classifier", "DistilBertForSequenceClassification",
     {**labels(4), "activation": "gelu", "attention_dropout": 0.1, "dim": 42,
      "dropout": 0.1, "hidden_dim": 54, "initializer_range": 0.02,
      "max_position_embeddings": 40, "model_type": "distilbert", "n_heads": 3,
      "n_layers": 2, "pad_token_id": 0, "qa_dropout": 0.1,
      "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": False,
      "vocab_size": 73},
     distilbert_classifier, distilbert_shapes,
     {"tanh in the head": {"_tanh": True}, "last token": {"_token": -1},
      "gelu by tanh": {"activation": "gelu_new"}},
     "first token -> pre_classifier -> relu -> classifier, 4 labels",
     kind="classifier", embedding=0.6, gain=1.2)

case("electra_narrow", "ElectraForMaskedLM",
     {**BERT, "embedding_size": 20, "hidden_act": "relu", "hidden_size": 42,
      "intermediate_size": 50, "layer_norm_eps": 1e-12, "model_type": "electra",
      "num_attention_heads": 3, "pad_token_id": 0, "summary_activation": "gelu",
      "summary_last_dropout": 0.1, "summary_type": "first",
      "summary_use_proj": True, "type_vocab_size": 3, "vocab_size": 61},
     electra_lm, electra_lm_shapes,
     {"gelu in the layers": {"hidden_act": "gelu"},
      "relu in the head": {"_head_act": "relu"},
      "bias of the projection left out": {"_without": "project.bias"}},
     "embeddings of 20 features; 3 kinds of token; relu in the layers, gelu in "
     "the head", kind="encoder", embedding=0.6, gain=1.2, types=3)

case("modernbert", "ModernBertForMaskedLM",
     {"attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 1,
      "classifier_activation": "gelu", "classifier_bias": False,
      "classifier_dropout": 0.0, "classifier_pooling": "cls",
      "cls_token_id": 1, "decoder_bias": True,
      "deterministic_flash_attn": False, "embedding_dropout": 0.0,
      "eos_token_id": 2, "global_attn_every_n_layers": 3,
      "global_rope_theta": 160000.0, "hidden_activation": "gelu",
      "hidden_size": 40, "initializer_cutoff_factor": 2.0,
      "initializer_range": 0.02, "intermediate_size": 26, "local_attention": 8,
      "local_rope_theta": 10000.0, "max_position_embeddings": 64,
      "mlp_bias": False, "mlp_dropout": 0.0, "model_type": "modernbert",
      "norm_bias": False, "norm_eps": 1e-5, "num_attention_heads": 5,
      "num_hidden_layers": 4, "pad_token_id": 0,
      "reference_compile": None,
      "repad_logits_with_grad": False, "sep_token_id": 2,
      "sparse_pred_ignore_index": -100, "sparse_prediction": False,
      "vocab_size": 53},
     modernbert, modernbert_shapes,
     {"distance 5": {"local_attention": 10},
      "all layers see everything": {"local_attention": 1000},
      "every second layer sees everything": {"global_attn_every_n_layers": 2},
      "one rope_theta": {"local_rope_theta": 160000.0},
      "the other rope_theta": {"global_rope_theta": 10000.0},
      "second half active": {"_second_half_active": True},
      "gelu by tanh": {"hidden_activation": "gelu_new"},
      "bias of the decoder left out": {"_without": "decoder.bias"}},
     "layers 0 and 3 see everything, 1 and 2 keys at distance <= 4; "
     "last_hidden_state is behind final_norm (the hidden_states tuple of "
     "Hugging Face ends before it)", kind="encoder", embedding=0.6,
     version="4.48.0", source="last_hidden_state of ModernBertModel")

case("mt5", "MT5ForConditionalGeneration",
     {**T5, "d_ff": 26, "d_kv": 6, "d_model": 40, "dense_act_fn": "gelu_new",
      "feed_forward_proj": "gated-gelu", "is_gated_act": True,
      "model_type": "mt5", "num_decoder_layers": 3, "num_heads": 3,
      "num_layers": 2, "relative_attention_max_distance": 128,
      "relative_attention_num_buckets": 32, "tie_word_embeddings": False,
      "tokenizer_class": "T5Tokenizer", "vocab_size": 57},
     t5, t5_shapes,
     {"gelu by erf": {"dense_act_fn": "gelu"},
      "scaled scores": {"_scale": 6 ** -0.5},
      "16 buckets": {"relative_attention_num_buckets": 16}},
     "gelu by tanh, gated; head of its own; 2 encoder and 3 decoder layers",
     kind="seq2seq", gain=1.2)

case("t5_one_bucket_edge", "T5ForConditionalGeneration",
     {**T5, "d_ff": 34, "d_kv": 7, "d_model": 40, "dense_act_fn": "relu",
      "feed_forward_proj": "relu", "is_gated_act": False, "model_type": "t5",
      "num_decoder_layers": 2, "num_heads": 3,
      "num_layers": 2, "relative_attention_max_distance": 20,
      "relative_attention_num_buckets": 8, "vocab_size": 59},
     t5, t5_shapes,
     {"relative_attention_max_distance 40":
          {"relative_attention_max_distance": 40},
      "scaled scores": {"_scale": 7 ** -0.5},
      "gelu": {"dense_act_fn": "gelu"}},
     "8 buckets up to distance 20, sequences beyond it; tied head behind "
     "d_model^-0.5", kind="seq2seq", gain=1.2, long_decoder=True)

case("umt5", "UMT5ForConditionalGeneration",
     {**T5, "d_ff": 26, "d_kv": 6, "d_model": 40, "dense_act_fn": "gelu_new",
      "feed_forward_proj": "gated-gelu", "is_gated_act": True,
      "model_type": "umt5", "num_decoder_layers": 3, "num_heads": 3,
      "num_layers": 2, "relative_attention_max_distance": 24,
      "relative_attention_num_buckets": 12, "scalable_attention": True,
      "tie_word_embeddings": False, "tokenizer_class": "T5Tokenizer",
      "vocab_size": 57},
     t5, t5_shapes,
     {"one table for all layers": {"_shared_bias": True},
      "scaled scores": {"_scale": 6 ** -0.5},
      "8 buckets": {"relative_attention_num_buckets": 8}},
     "a table of relative positions in every layer", kind="seq2seq", gain=1.2)

case("m2m_100", "M2M100ForConditionalGeneration",
     {"activation_dropout": 0.0, "activation_function": "relu",
      "attention_dropout": 0.1, "bos_token_id": 0, "d_model": 36,
      "decoder_attention_heads": 3, "decoder_ffn_dim": 26,
      "decoder_layerdrop": 0.05, "decoder_layers": 2,
      "decoder_start_token_id": 2, "dropout": 0.1,
      "encoder_attention_heads": 4, "encoder_ffn_dim": 30,
      "encoder_layerdrop": 0.05, "encoder_layers": 2, "eos_token_id": 2,
      "init_std": 0.02, "is_encoder_decoder": True,
      "max_position_embeddings": 64, "model_type": "m2m_100",
      "num_hidden_layers": 2, "pad_token_id": 1, "scale_embedding": True,
      "tie_word_embeddings": False, "use_cache": True, "vocab_size": 59},
     m2m, m2m_shapes,
     {"wavelengths without the end": {"_end_excluded": True},
      "positions from 0": {"_first_position": 0},
      "sines of the padding": {"_padding_has_sines": True},
      "embeddings not scaled": {"scale_embedding": False},
      "gelu": {"activation_function": "gelu"}},
     "positions count real tokens from 2, paddings have none; sines to 10000 x "
     "2 pi, the end included; norms before the sub-blocks and behind each stack",
     kind="seq2seq", embedding=0.12, pad=1, padding_inside=True)

case("bart_classifier", "BartForSequenceClassification",
     {**labels(3), "activation_dropout": 0.0, "activation_function": "gelu",
      "attention_dropout": 0.0, "bos_token_id": 0, "classifier_dropout": 0.0,
      "d_model": 36, "decoder_attention_heads": 3, "decoder_ffn_dim": 26,
      "decoder_layerdrop": 0.0, "decoder_layers": 2,
      "decoder_start_token_id": 2, "dropout": 0.1,
      "encoder_attention_heads": 4, "encoder_ffn_dim": 30,
      "encoder_layerdrop": 0.0, "encoder_layers": 2, "eos_token_id": 2,
      "init_std": 0.02, "is_encoder_decoder": True,
      "max_position_embeddings": 48, "model_type": "bart",
      "num_hidden_layers": 2, "pad_token_id": 1, "scale_embedding": False,
      "use_cache": True, "vocab_size": 59},
     bart_classifier, bart_classifier_shapes,
     {"positions from 0": {"_first_position": 0},
      "the row before": {"_rows_before": 1}, "relu in the head": {"_relu": True},
      "biases left out": {"_without": "classification_head.*bias"}},
     "the decoder reads the text again, behind its start token; the row of the "
     "text's end -> dense -> tanh -> out_proj, 3 labels", kind="reread",
     embedding=0.6, pad=1)

VIT = {"attention_probs_dropout_prob": 0.0, "encoder_stride": 16,
       "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
       "initializer_range": 0.02, "layer_norm_eps": 1e-12, "num_channels": 3,
       "num_hidden_layers": 2}
IMAGE_CHANGES = {"patches column by column": {"_by_columns": True},
                 "bias of the patches left out":
                     {"_without": "projection.bias"}}

case("vit_oblong", "ViTModel",
     {**VIT, "hidden_size": 40, "image_size": [19, 13], "intermediate_size": 52,
      "model_type": "vit", "num_attention_heads": 5, "num_channels": 1,
      "patch_size": [4, 5], "qkv_bias": True},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "last row": {"_token": -1},
      "biases of query, key, value left out":
          {"_without": "attention.attention.*bias"},
      "gelu by tanh": {"hidden_act": "gelu_new"}},
     "4 x 2 patches of 4 x 5 pixels; the image's lower and right edge are not "
     "read; one channel", kind="image", gain=1.2,
     outputs=("pooler_output", "last_hidden_state"))

case("deit_classifier", "DeiTForImageClassification",
     {**VIT, "hidden_size": 36, "image_size": 21, "intermediate_size": 44,
      "model_type": "deit", "num_attention_heads": 3, "patch_size": 7,
      "qkv_bias": True, "layer_norm_eps": 1e-5, **labels(3)},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "distillation token in front": {"_prefix_last": True},
      "reads the distillation token": {"_token": 1},
      "gelu by tanh": {"hidden_act": "gelu_new"}},
     "class token and distillation token; the classifier reads the former",
     kind="image", gain=1.2,
     outputs=("logits", "last_hidden_state"))

DINO = {**without(VIT, "encoder_stride"), "apply_layernorm": True,
        "drop_path_rate": 0.0, "layer_norm_eps": 1e-6, "layerscale_value": 1.0,
        "model_type": "dinov2", "out_features": ["stage2"], "out_indices": [2],
        "qkv_bias": True, "reshape_hidden_states": True,
        "stage_names": ["stem", "stage1", "stage2"]}
DINO_CHANGES = {"scale behind attention left out": {"_without": "scale1"},
                "scale behind feed-forward left out": {"_without": "scale2"}}

case("dinov2", "Dinov2Model",
     {**DINO, "hidden_size": 40, "image_size": 21, "mlp_ratio": 2,
      "num_attention_heads": 5, "patch_size": 6,
      "use_swiglu_ffn": False},
     image_model, image_shapes,
     {**IMAGE_CHANGES, **DINO_CHANGES, "last row": {"_token": -1},
      "gelu by tanh": {"hidden_act": "gelu_new"}},
     "LayerScale; 21 pixels in patches of 6", kind="image", gain=1.2,
     outputs=("pooler_output", "last_hidden_state"))

case("dinov2_gated", "Dinov2Model",
     {**DINO, "hidden_size": 36, "image_size": 15, "mlp_ratio": 3,
      "num_attention_heads": 3, "patch_size": 5,
      "use_swiglu_ffn": True},
     image_model, image_shapes,
     {**IMAGE_CHANGES, **DINO_CHANGES,
      "second half active": {"_second_half_active": True}},
     "LayerScale; gated feed-forward, 72 wide", kind="image", gain=1.2,
     outputs=("pooler_output", "last_hidden_state"))

CLIP = {"attention_dropout": 0.0, "initializer_range": 0.02, "num_channels": 3,
        "num_hidden_layers": 2}

case("clip_vision", "CLIPVisionModelWithProjection",
     {**CLIP, "hidden_act": "quick_gelu", "hidden_size": 40, "image_size": 20,
      "initializer_factor": 1.0, "intermediate_size": 56,
      "layer_norm_eps": 1e-5, "model_type": "clip_vision_model",
      "num_attention_heads": 5, "patch_size": 5, "projection_dim": 22},
     image_model, image_shapes,
     {"patches column by column": {"_by_columns": True},
      "first norm left out": {"_no_first_norm": True}, "gelu":
      {"hidden_act": "gelu"}, "last row": {"_token": -1}},
     "class token, norm in front of the layers; last_hidden_state is in front "
     "of the last norm, image_embeds behind it and a projection",
     kind="image", gain=1.2,
     outputs=("image_embeds", "last_hidden_state"))

case("siglip_vision", "SiglipVisionModel",
     {**CLIP, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 36,
      "image_size": 18, "intermediate_size": 46, "layer_norm_eps": 1e-6,
      "model_type": "siglip_vision_model", "num_attention_heads": 3,
      "patch_size": 6, "vision_use_head": False},
     image_model, image_shapes,
     {"patches column by column": {"_by_columns": True},
      "bias of the patches left out": {"_without": "patch_embedding.bias"},
      "gelu by erf": {"hidden_act": "gelu"}},
     "no class token; norm behind the layers, no pooling", kind="image",
     gain=1.2,
     outputs=("last_hidden_state",))

case("dinov2_classifier", "Dinov2ForImageClassification",
     {**DINO, "hidden_size": 36, "image_size": 19, "mlp_ratio": 2,
      "num_attention_heads": 3, "patch_size": 6, "use_swiglu_ffn": False,
      **labels(5)},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "mean in front": {"_mean_first": True},
      "mean of all rows": {"_patches_from": 0},
      "last row": {"_token": -1}},
     "the classifier reads the class token and the mean of the patches",
     kind="image", gain=1.2, outputs=("logits", "last_hidden_state"))

case("deit_teacher", "DeiTForImageClassificationWithTeacher",
     {**VIT, "hidden_size": 36, "image_size": 21, "intermediate_size": 44,
      "model_type": "deit", "num_attention_heads": 3, "patch_size": 7,
      "qkv_bias": True, "layer_norm_eps": 1e-5, **labels(3)},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "distillation token in front": {"_prefix_last": True},
      "bias of one classifier left out":
          {"_without": "distillation_classifier.bias"}},
     "two classifiers, of the class token and the distillation token, and "
     "their mean; last_hidden_state is behind the norm",
     kind="image", gain=1.2,
     outputs=("logits", "cls_logits", "distillation_logits",
              "last_hidden_state"))

MODERNBERT = without(CASES["modernbert"]["config"], "architectures",
                     "torch_dtype", "transformers_version")
MODERNBERT_SOURCE = "last_hidden_state of ModernBertModel"

case("modernbert_classifier_mean", "ModernBertForSequenceClassification",
     {**MODERNBERT, "classifier_pooling": "mean", **labels(4)},
     modernbert_texts, modernbert_classes_shapes,
     {"the first token": {"classifier_pooling": "cls"},
      "all layers see everything": {"local_attention": 1000}},
     "the mean of a text's tokens, norm(act(dense)), classifier",
     kind="classifier", embedding=0.6, version="4.48.0",
     source=MODERNBERT_SOURCE)

case("modernbert_classifier", "ModernBertForSequenceClassification",
     {**MODERNBERT, "classifier_pooling": "cls", **labels(3)},
     modernbert_texts, modernbert_classes_shapes,
     {"the mean": {"classifier_pooling": "mean"},
      "all layers see everything": {"local_attention": 1000}},
     "the first token, norm(act(dense)), classifier", kind="classifier",
     embedding=0.6, version="4.48.0", source=MODERNBERT_SOURCE)

case("modernbert_token_classifier", "ModernBertForTokenClassification",
     {**MODERNBERT, **labels(5)}, modernbert, modernbert_classes_shapes,
     {"all layers see everything": {"local_attention": 1000},
      "bias of the classifier left out": {"_without": "classifier.bias"}},
     "norm(act(dense)) and classifier of every token", kind="encoder",
     embedding=0.6, version="4.48.0", source=MODERNBERT_SOURCE)

CLIP_TEXT = {"attention_dropout": 0.0, "bos_token_id": 3, "eos_token_id": 50,
             "hidden_act": "quick_gelu", "hidden_size": 36,
             "initializer_factor": 1.0, "initializer_range": 0.02,
             "intermediate_size": 46, "layer_norm_eps": 1e-5,
             "max_position_embeddings": 34, "model_type": "clip_text_model",
             "num_attention_heads": 3, "num_hidden_layers": 2,
             "pad_token_id": 1, "projection_dim": 512, "vocab_size": 53}
CLIP_IMAGE = {**CLIP, "hidden_act": "quick_gelu", "hidden_size": 40,
              "image_size": 16, "initializer_factor": 1.0,
              "intermediate_size": 52, "layer_norm_eps": 1e-5,
              "model_type": "clip_vision_model", "num_attention_heads": 5,
              "patch_size": 5}
CLIP_BOTH = {"initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
             "model_type": "clip", "projection_dim": 22,
             "text_config": CLIP_TEXT, "vision_config": CLIP_IMAGE}
SIGLIP_TEXT = {**without(CLIP_TEXT, "initializer_factor", "projection_dim"),
               "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6,
               "model_type": "siglip_text_model"}
SIGLIP_IMAGE = {**without(CLIP_IMAGE, "initializer_factor"),
                "hidden_act": "gelu_pytorch_tanh", "hidden_size": 36,
                "layer_norm_eps": 1e-6, "model_type": "siglip_vision_model",
                "num_attention_heads": 3}
SIGLIP_BOTH = {"initializer_factor": 1.0, "model_type": "siglip",
               "text_config": SIGLIP_TEXT, "vision_config": SIGLIP_IMAGE}

case("clip_text_tower", "CLIPModel", CLIP_BOTH, text_tower, tower_shapes,
     {"all tokens see all": {"_sees_ahead": True}, "last token": {"_token": -1},
      "gelu": {"text_config": {**CLIP_TEXT, "hidden_act": "gelu"}},
      "2 ends a text": {"text_config": {**CLIP_TEXT, "eos_token_id": 2}}},
     "the text tower of both; the end token is not the last one",
     kind="classifier", outputs=["text_embeds"], tower="text", end=50, pad=1,
     source="last_hidden_state")

case("clip_image_tower", "CLIPModel", CLIP_BOTH, image_tower, tower_shapes,
     {"patches column by column": {"_by_columns": True},
      "first norm left out": {"_no_first_norm": True},
      "gelu": {"vision_config": {**CLIP_IMAGE, "hidden_act": "gelu"}}},
     "the image tower of both", kind="image", gain=1.2, tower="vision",
     outputs=("image_embeds", "last_hidden_state"))

case("clip_classifier", "CLIPForImageClassification",
     {**CLIP_BOTH, **labels(3)}, image_tower, tower_shapes,
     {"mean of all rows": {"_patches_from": 0},
      "first norm left out": {"_no_first_norm": True}},
     "the classifier reads the mean of the patches in front of the last norm",
     kind="image", gain=1.2, outputs=("logits", "last_hidden_state"))

case("siglip_text_tower", "SiglipModel", SIGLIP_BOTH, text_tower, tower_shapes,
     {"the first token": {"_token": 0},
      "bias of the head left out": {"_without": "text_model.head.bias"},
      "gelu by erf": {"text_config": {**SIGLIP_TEXT, "hidden_act": "gelu"}}},
     "the text tower of both: the last row, tokens without a mask",
     kind="classifier", outputs=["text_embeds"], tower="text", unpadded=True,
     source="last_hidden_state")

case("siglip_image_tower", "SiglipModel", SIGLIP_BOTH, image_tower,
     tower_shapes,
     {"no residual behind the probe": {"_no_residual": True},
      "bias of the patches left out": {"_without": "patch_embedding.bias"},
      "biases of the probe's attention left out":
          {"_without": "head.attention.out_proj.bias"},
      "gelu by erf": {"vision_config": {**SIGLIP_IMAGE, "hidden_act": "gelu"}}},
     "the image tower of both: a probe's attention to the patches",
     kind="image", gain=1.2, tower="vision",
     outputs=("image_embeds", "last_hidden_state"))

case("siglip_classifier", "SiglipForImageClassification",
     {**SIGLIP_BOTH, **labels(4)}, image_tower, tower_shapes,
     {"without the first patch": {"_patches_from": 1},
      "bias of the patches left out": {"_without": "patch_embedding.bias"}},
     "the classifier reads the mean of the patches behind the last norm",
     kind="image", gain=1.2, outputs=("logits", "last_hidden_state"))

LAST_CHANGES = {"first token": {"_first": True}}
case("llama_reward", "LlamaForSequenceClassification",
     {**LLAMA, **labels(1), "model_type": "llama", "hidden_size": 40,
      "intermediate_size": 30, "mlp_bias": False, "num_attention_heads": 5,
      "num_key_value_heads": 1, "pretraining_tp": 1, "rope_scaling": None,
      "vocab_size": 53},
     over(llama_kind, sequence_classes),
     with_heads(llama_shapes, [("score", 0, False)]),
     {**LAST_CHANGES, "rope_theta 1000": {"rope_theta": 1000.0}},
     "one number of the last token, as reward models have it",
     kind="classifier")

case("llama_question_answering", "LlamaForQuestionAnswering",
     {**LLAMA, "model_type": "llama", "hidden_size": 40,
      "intermediate_size": 30, "mlp_bias": False, "num_attention_heads": 5,
      "num_key_value_heads": 5, "pretraining_tp": 1, "rope_scaling": None,
      "vocab_size": 53},
     over(llama_kind, answers),
     with_heads(llama_shapes, [("qa_outputs", 2, True)]),
     {"end before start": {"_end_first": True},
      "biases left out": {"_without": "qa_outputs.bias"}},
     "two numbers for each token; the decoder is called \"transformer\"",
     kind="encoder", outputs=["start_logits", "end_logits"])

case("qwen2_token_classifier", "Qwen2ForTokenClassification",
     {**without(LLAMA, "attention_bias"), **labels(5), "model_type": "qwen2",
      "hidden_size": 42, "intermediate_size": 26, "num_attention_heads": 3,
      "num_key_value_heads": 1, "max_window_layers": 2, "rope_scaling": None,
      "sliding_window": None, "use_sliding_window": False, "vocab_size": 55},
     over(llama_kind, token_classes("score")),
     with_heads(llama_shapes, [("score", 0, True)]),
     {"biases left out": {"_without": "score.bias"}},
     "a class for each token, 5 labels, with biases", kind="encoder")

GPT2 = {"activation_function": "gelu_new", "attn_pdrop": 0.1,
        "bos_token_id": 1, "embd_pdrop": 0.1, "eos_token_id": 1,
        "initializer_range": 0.02, "layer_norm_epsilon": 1e-5,
        "model_type": "gpt2", "n_embd": 40, "n_head": 5, "n_inner": None,
        "n_layer": 2, "n_positions": 48, "pad_token_id": 0,
        "reorder_and_upcast_attn": False, "resid_pdrop": 0.1,
        "scale_attn_by_inverse_layer_idx": False, "scale_attn_weights": True,
        "summary_activation": None, "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True, "summary_type": "cls_index",
        "summary_use_proj": True, "use_cache": True, "vocab_size": 51}
case("gpt2_classifier", "GPT2ForSequenceClassification",
     {**GPT2, **labels(4)}, over(gpt2, sequence_classes),
     with_heads(gpt2_shapes, [("score", 0, False)]),
     {**LAST_CHANGES, "gelu by erf": {"activation_function": "gelu"}},
     "the last token -> score, 4 labels", kind="classifier", embedding=0.6)

case("gpt2_token_classifier", "GPT2ForTokenClassification",
     {**GPT2, **labels(3), "n_embd": 36, "n_head": 4, "vocab_size": 49},
     over(gpt2, token_classes("classifier")),
     with_heads(gpt2_shapes, [("classifier", 0, True)]),
     {"biases left out": {"_without": "classifier.bias"}},
     "a class for each token, 3 labels, with biases", kind="encoder",
     embedding=0.6)

case("bloom_classifier", "BloomForSequenceClassification",
     {**labels(3), "apply_residual_connection_post_layernorm": False,
      "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
      "hidden_dropout": 0.0, "hidden_size": 35, "initializer_range": 0.02,
      "layer_norm_epsilon": 1e-5, "model_type": "bloom", "n_head": 5,
      "n_layer": 2, "pad_token_id": 3, "pretraining_tp": 1,
      "slow_but_exact": False, "use_cache": True, "vocab_size": 47},
     over(bloom, sequence_classes),
     with_heads(bloom_shapes, [("score", 0, False)]),
     {**LAST_CHANGES, "slopes 2^(-8 i / 5)": {"_smooth_slopes": True}},
     "the last token -> score, 3 labels", kind="classifier", pad=3, gain=2.4)

case("phi_qk_layernorm", "PhiForCausalLM",
     {**without(LLAMA, "attention_bias", "rms_norm_eps"), "model_type": "phi",
      "embd_pdrop": 0.0, "hidden_act": "gelu_new", "hidden_size": 40,
      "intermediate_size": 50, "layer_norm_eps": 1e-5,
      "num_attention_heads": 5, "num_key_value_heads": 5,
      "partial_rotary_factor": 0.5, "qk_layernorm": True, "resid_pdrop": 0.0,
      "rope_scaling": None, "vocab_size": 53},
     phi, phi_shapes,
     {"norms of the heads left out": {"qk_layernorm": False},
      "their biases left out": {"_without": "[qk]_layernorm.bias"},
      "layer_norm_eps 1e-2": {"layer_norm_eps": 1e-2}},
     "norms with bias of each query and key head, in front of the rotation")

case("bert_pretraining", "BertForPreTraining",
     {**BERT, "hidden_size": 40, "intermediate_size": 52,
      "layer_norm_eps": 1e-12, "model_type": "bert", "num_attention_heads": 5,
      "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": 61},
     bert_pretraining, bert_pretraining_shapes,
     {"gelu by tanh": {"hidden_act": "gelu_new"},
      "biases left out": {"_without": "transform.dense.bias"}},
     "masked tokens, and whether one text follows the other", kind="encoder",
     embedding=0.6, gain=1.2, types=2,
     outputs=["prediction_logits", "seq_relationship_logits"],
     of_sequences=["seq_relationship_logits"])

case("big_bird_token_classifier", "BigBirdForTokenClassification",
     {**BERT, **labels(5), "attention_type": "original_full", "block_size": 4,
      "hidden_act": "gelu_new", "hidden_size": 40, "intermediate_size": 52,
      "layer_norm_eps": 1e-12, "model_type": "big_bird",
      "num_attention_heads": 5, "num_random_blocks": 1, "pad_token_id": 0,
      "rescale_embeddings": False, "sep_token_id": 2, "type_vocab_size": 2,
      "use_bias": True, "vocab_size": 61},
     token_classifier, token_classifier_shapes,
     {"gelu by erf": {"hidden_act": "gelu"},
      "biases left out": {"_without": "classifier.bias"}},
     "a class for each token, 5 labels; full attention", kind="encoder",
     embedding=0.6, gain=1.2, types=2)

case("big_bird_question_answering", "BigBirdForQuestionAnswering",
     {**BERT, "attention_type": "original_full", "block_size": 4,
      "hidden_act": "gelu_new", "hidden_size": 40, "intermediate_size": 52,
      "layer_norm_eps": 1e-12, "model_type": "big_bird",
      "num_attention_heads": 5, "num_random_blocks": 1, "pad_token_id": 0,
      "rescale_embeddings": False, "sep_token_id": 2, "type_vocab_size": 3,
      "use_bias": True, "vocab_size": 61},
     big_bird_answers, big_bird_answers_shapes,
     {"gelu by erf": {"hidden_act": "gelu"},
      "types of zeros": {"_types_of_zeros": True},
      "no residual in the head": {"_no_residual": True},
      "the question answers": {"_question_answers": True},
      "the first token is lowered": {"_first_token": True},
      "another separator": {"sep_token_id": 11},
      "end before start": {"_end_first": True},
      "biases left out": {"_without": "qa_outputs.bias"}},
     "the question, to the first separator, has another type than its context "
     "and is no part of an answer; b1_s33 has no separator", kind="encoder",
     embedding=0.6, gain=1.2, separators=True, unseparated=33,
     outputs=["start_logits", "end_logits"])

case("electra_discriminator", "ElectraForPreTraining",
     {**BERT, "embedding_size": 24, "hidden_act": "relu", "hidden_size": 40,
      "intermediate_size": 50, "layer_norm_eps": 1e-12, "model_type": "electra",
      "num_attention_heads": 5, "pad_token_id": 0, "summary_activation": "gelu",
      "summary_last_dropout": 0.1, "summary_type": "first",
      "summary_use_proj": True, "type_vocab_size": 2, "vocab_size": 61},
     electra_discriminator, electra_discriminator_shapes,
     {"gelu in the head": {"_head_act": "gelu"},
      "biases left out": {"_without": "dense_prediction.bias"}},
     "a number for each token; relu in the head as in the layers",
     kind="encoder", embedding=0.6, gain=1.2, types=2)

case("t5_encoder", "T5EncoderModel",
     {**T5, "d_ff": 34, "d_kv": 7, "d_model": 40, "dense_act_fn": "relu",
      "feed_forward_proj": "relu", "is_gated_act": False, "model_type": "t5",
      "num_decoder_layers": 2, "num_heads": 3,
      "num_layers": 2, "relative_attention_max_distance": 20,
      "relative_attention_num_buckets": 8, "vocab_size": 59},
     t5_encoder, t5_encoder_shapes,
     {"relative_attention_max_distance 40":
          {"relative_attention_max_distance": 40},
      "scaled scores": {"_scale": 7 ** -0.5}},
     "the encoder alone", kind="encoder", gain=1.2,
     outputs=["last_hidden_state"])

case("t5_token_classifier", "T5ForTokenClassification",
     {**T5, **labels(3), "d_ff": 30, "d_kv": 6, "d_model": 36,
      "dense_act_fn": "gelu_new", "feed_forward_proj": "gated-gelu",
      "is_gated_act": True, "model_type": "t5", "num_decoder_layers": 2,
      "num_heads": 3, "num_layers": 2, "relative_attention_max_distance": 20,
      "relative_attention_num_buckets": 8, "vocab_size": 59},
     t5_token_classifier, t5_token_classifier_shapes,
     {"biases left out": {"_without": "classifier.bias"},
      "scaled scores": {"_scale": 6 ** -0.5}},
     "the encoder alone, called \"transformer\"; a class for each token, 3 "
     "labels", kind="encoder", gain=1.2)


# ---------------------------------------------------------------------------
# Options that no checkpoint of tests/cases/hf has
# ---------------------------------------------------------------------------

ATTENTION_BIASES = {
    "biases of q, k, v left out": {"_without": "[qkv]_proj.bias"},
    "bias of o left out": {"_without": "o_proj.bias"}}

case("gemma_biases", "GemmaForCausalLM",
     {**LLAMA, "attention_bias": True, "model_type": "gemma", "head_dim": 8,
      "hidden_act": "gelu_pytorch_tanh",
      "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 20,
      "intermediate_size": 26, "num_attention_heads": 3,
      "num_key_value_heads": 3, "tie_word_embeddings": True, "vocab_size": 41},
     llama_kind, llama_shapes, ATTENTION_BIASES,
     "attention_bias; heads of 8 features, hidden/heads is not whole",
     norm_mean=0.0)

case("qwen3_biases", "Qwen3ForCausalLM",
     {**LLAMA, "attention_bias": True, "model_type": "qwen3", "head_dim": 10,
      "hidden_size": 24, "intermediate_size": 26, "num_attention_heads": 4,
      "num_key_value_heads": 2, "max_window_layers": 2, "rope_scaling": None,
      "sliding_window": None, "use_sliding_window": False, "vocab_size": 41},
     llama_kind, llama_shapes,
     {**ATTENTION_BIASES,
      "norms of the heads left out": {"_no_head_norms": True}},
     "attention_bias; a head of its own", version="4.51.0")

case("olmo2_biases", "Olmo2ForCausalLM",
     {**LLAMA, "attention_bias": True, "model_type": "olmo2",
      "hidden_size": 30, "intermediate_size": 26, "num_attention_heads": 5,
      "num_key_value_heads": 1, "rms_norm_eps": 1e-3, "rope_scaling": None,
      "tie_word_embeddings": True, "vocab_size": 41},
     olmo2, olmo2_shapes,
     {**ATTENTION_BIASES, "rms_norm_eps 1e-6": {"rms_norm_eps": 1e-6}},
     "attention_bias; tied head; one key head")

case("starcoder2_plain", "Starcoder2ForCausalLM",
     {**without(LLAMA, "attention_bias", "rms_norm_eps"),
      "embedding_dropout": 0.0, "hidden_act": "relu", "hidden_size": 36,
      "intermediate_size": 26, "model_type": "starcoder2",
      "norm_epsilon": 1e-3, "num_attention_heads": 6, "num_key_value_heads": 3,
      "residual_dropout": 0.0, "rope_scaling": None, "sliding_window": None,
      "use_bias": False, "vocab_size": 41},
     starcoder2, starcoder2_shapes,
     {"norm_epsilon 1e-5": {"norm_epsilon": 1e-5},
      "biases of the norms left out": {"_without": "norm.bias"},
      "window 4": {"sliding_window": 4}, "gelu": {"hidden_act": "gelu"}},
     "linears without biases (use_bias), norms with them; no window; relu; "
     "head of its own")

case("gpt2_by_layer", "GPT2LMHeadModel",
     {"activation_function": "silu", "attn_pdrop": 0.1, "bos_token_id": 1,
      "embd_pdrop": 0.1, "eos_token_id": 2, "initializer_range": 0.02,
      "layer_norm_epsilon": 1e-3, "model_type": "gpt2", "n_embd": 30,
      "n_head": 5, "n_inner": 26, "n_layer": 3, "n_positions": 40,
      "reorder_and_upcast_attn": False, "resid_pdrop": 0.1,
      "scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False,
      "summary_activation": None, "summary_first_dropout": 0.1,
      "summary_proj_to_labels": True, "summary_type": "cls_index",
      "summary_use_proj": True, "tie_word_embeddings": False,
      "use_cache": True, "vocab_size": 41},
     gpt2, gpt2_shapes,
     {"all layers alike": {"scale_attn_by_inverse_layer_idx": False},
      "scaled by the heads' size": {"scale_attn_weights": True},
      "layer_norm_epsilon 1e-5": {"layer_norm_epsilon": 1e-5}},
     "scores divided by the layer's number and nothing else; silu; n_inner 26; "
     "head of its own")

case("opt_plain", "OPTForCausalLM",
     {**without(CASES["opt_post_norm"]["config"], "architectures"),
      "_remove_final_layer_norm": True, "do_layer_norm_before": True,
      "enable_bias": False, "ffn_dim": 26, "hidden_size": 32,
      "layer_norm_elementwise_affine": False, "num_attention_heads": 4,
      "vocab_size": 41},
     opt, opt_shapes,
     {"a norm at the end": {"_remove_final_layer_norm": False},
      "norms behind the sums": {"do_layer_norm_before": False}},
     "linears without biases, norms without weights and biases, none at the "
     "end", embedding=0.6, pad=1)

case("falcon_one_norm", "FalconForCausalLM",
     {**FALCON, "alibi": False, "bias": True, "ffn_hidden_size": 26,
      "hidden_size": 36, "multi_query": True, "new_decoder_architecture": True,
      "num_attention_heads": 6, "num_kv_heads": 2,
      "num_ln_in_parallel_attn": 1, "parallel_attn": True, "vocab_size": 41},
     falcon, falcon_shapes,
     {**FALCON_CHANGES, "one half behind the other": {"_sequential": True},
      "biases left out": {"_without": "(dense|value|4h|_h).bias"}},
     "the new decoder with one norm for attention and feed-forward, and biases")

case("gpt_neox_tied", "GPTNeoXForCausalLM",
     {**without(CASES["gpt_neox_sequential"]["config"], "architectures"),
      "attention_bias": False, "hidden_act": "relu", "hidden_size": 30,
      "intermediate_size": 26, "partial_rotary_factor": 1.0,
      "rope_theta": 500, "rotary_emb_base": 500, "rotary_pct": 1.0,
      "tie_word_embeddings": True, "use_parallel_residual": True,
      "vocab_size": 41},
     gpt_neox, gpt_neox_shapes,
     {"sequential": {"use_parallel_residual": False},
      "half rotated": {"rotary_pct": 0.5},
      "rotary_emb_base 10000": {"rotary_emb_base": 10000}},
     "attention without biases, whole heads rotated, theta 500, tied head")

case("t5_odd_buckets", "T5ForConditionalGeneration",
     {**T5, "d_ff": 26, "d_kv": 7, "d_model": 30, "dense_act_fn": "tanh",
      "feed_forward_proj": "gated-tanh", "is_gated_act": True,
      "model_type": "t5", "num_decoder_layers": 2, "num_heads": 3,
      "num_layers": 2, "relative_attention_max_distance": 11,
      "relative_attention_num_buckets": 7, "vocab_size": 41},
     t5, t5_shapes,
     {"relative_attention_max_distance 30":
          {"relative_attention_max_distance": 30},
      "6 buckets": {"relative_attention_num_buckets": 6},
      "gelu": {"dense_act_fn": "gelu"}},
     "7 buckets: 3 for each direction of the encoder, the last one unused; "
     "gated-tanh", kind="seq2seq", gain=1.2, long_decoder=True)

# ---------------------------------------------------------------------------
# Weights and inputs
# ---------------------------------------------------------------------------

def draw_weights(made, rng):
    shapes = made["shapes"](made["config"])
    weights = {}
    for name in sorted(shapes):
        shape = shapes[name]
        values = rng.standard_normal(shape)
        if "relative_attention_bias" in name:
            values *= 1.0
        elif len(shape) == 4:
            values *= made["gain"] / math.sqrt(math.prod(shape[1:]))
        elif re.search(r"_token$|class_embedding|position_embeddings$|probe$",
                       name):
            values *= 0.6
        elif len(shape) == 2 and re.search(r"embed|shared|wte", name) and not (
                re.search(r"embed_out|embeddings_project", name)):
            values *= made["embedding"]
        elif len(shape) == 2 and "_norm.weight" not in name:
            values *= made["gain"] / math.sqrt(shape[1])
        elif name.endswith("bias"):
            values *= 0.3
        else:
            values = made.get("norm_mean", 1.0) + 0.2 * values
        if ".SelfAttention.q" in name or ".EncDecAttention.q" in name:
            values /= math.sqrt(made["config"]["d_kv"])
        weights[name] = values.astype(np.float32)
    return weights


def draw_ids(made, rng, batch, length):
    c = made["config"]
    most = made.get("end", c.get("text_config", c)["vocab_size"])
    ids = rng.integers(4, most, (batch, length))
    if "end" in made:
        ids[:, length * 2 // 3] = made["end"]
    if "separators" in made and length != made.get("unseparated"):
        ids[:, length // 3] = c["sep_token_id"]
    return ids


def batch_inputs(made, rng, length, short, side):
    ids = draw_ids(made, rng, 2, length)
    mask = np.ones_like(ids)
    if side == "right":
        mask[1, short:] = 0
    else:
        mask[0, :length - short] = 0
    pad = made.get("pad", 0)
    inputs = {"input_ids": np.where(mask == 1, ids, pad),
              "attention_mask": mask}
    base = getattr(made["forward"], "base", made["forward"])
    by_column = base in (llama_kind, cohere, gpt_neox, gpt2, olmo2, phi, starcoder2)
    if base is falcon:
        by_column = not made["config"]["alibi"]
    if side == "left" and by_column:
        inputs["position_ids"] = np.maximum(mask.cumsum(1) - 1, 0)
    return inputs


def draw_runs(made, rng):
    runs = {}
    if made["kind"] == "image":
        c = made["config"]
        c = c.get("vision_config", c)
        shape = (c["num_channels"], *height_and_width(c["image_size"]))
        for batch in (1, 3):
            runs[f"b{batch}"] = {"pixel_values": rng.standard_normal(
                (batch, *shape)).astype(np.float32)}
        return runs
    if made["kind"] == "seq2seq":
        far = 29 if made.get("long_decoder") else 17
        for length, target in ((1, 1), (7, 5), (33, far)):
            runs[f"b1_s{length}_t{target}"] = {
                "input_ids": draw_ids(made, rng, 1, length),
                "decoder_input_ids": draw_ids(made, rng, 1, target)}
        inputs = batch_inputs(made, rng, 13, 6, "right")
        inputs["decoder_input_ids"] = draw_ids(made, rng, 2, 6)
        runs["b2_s13_t6_rightpad"] = inputs
        if made.get("padding_inside"):
            inputs = batch_inputs(made, rng, 9, 7, "right")
            inputs["input_ids"][0, 3:5] = inputs["input_ids"][1, 0] = made["pad"]
            inputs["decoder_input_ids"] = draw_ids(made, rng, 2, 5)
            inputs["decoder_input_ids"][:, 2] = made["pad"]
            runs["b2_s9_t5_padinside"] = inputs
        start = made["config"]["decoder_start_token_id"]
        for inputs in runs.values():
            inputs["decoder_input_ids"][:, 0] = start
        return runs
    if made["kind"] == "reread":
        c = made["config"]
        for batch, length in ((1, 2), (1, 7), (1, 33), (2, 9)):
            ids = draw_ids(made, rng, batch, length)
            ids[:, -1] = c["eos_token_id"]
            again = np.roll(ids, 1, 1)
            again[:, 0] = c["decoder_start_token_id"]
            runs[f"b{batch}_s{length}"] = {"input_ids": ids,
                                           "decoder_input_ids": again}
        return runs
    for length in (1, 7, 33):
        runs[f"b1_s{length}"] = {"input_ids": draw_ids(made, rng, 1, length)}
    if made.get("unpadded"):
        runs["b2_s9"] = {"input_ids": draw_ids(made, rng, 2, 9)}
    else:
        runs["b2_s9_rightpad"] = batch_inputs(made, rng, 9, 5, "right")
    if made["kind"] == "decoder" or hasattr(made["forward"], "base"):
        runs["b2_s8_leftpad"] = batch_inputs(made, rng, 8, 5, "left")
    if made.get("padding_inside"):
        inputs = batch_inputs(made, rng, 9, 7, "right")
        inputs["input_ids"][0, 3:5] = inputs["input_ids"][1, 0] = made["pad"]
        runs["b2_s9_padinside"] = inputs
    if "types" in made:
        for name, inputs in runs.items():
            if name != "b1_s1":
                inputs["token_type_ids"] = rng.integers(
                    0, made["types"], inputs["input_ids"].shape)
    return runs


def wanted_outputs(made, run):
    """(output, source, input that says where it is valid) of a run."""
    mask = "attention_mask" if "pad" in run else None
    if made["kind"] in ("reread", "seq2seq"):
        encoder = "encoder_last_hidden_state"
        return [("logits", "logits", None), (encoder, encoder, mask)]
    if made["kind"] == "image":
        return [(name, name, None) for name in made["outputs"]]
    rows = made["kind"] == "classifier"
    outputs = [(name, name,
                None if rows or name in made.get("of_sequences", []) else mask)
               for name in made.get("outputs", ["logits"])]
    if "last_hidden_state" in made.get("outputs", []):
        return outputs
    if run in ("b1_s1", "b1_s7") or rows:
        outputs.append(("last_hidden_state",
                        made.get("source", "hidden_states[-1]"), mask))
    return outputs


# ---------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------

def write_safetensors(path, weights):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(weights):
        raw = np.ascontiguousarray(weights[name], "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(weights[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_array(folder, place, values):
    path = os.path.join(folder, place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    np.save(path, np.ascontiguousarray(values))


def described(name, values, file):
    return {"name": name, "dtype": str(values.dtype),
            "shape": list(values.shape), "file": file}


def rounded(value, digits):
    return float(f"{value:.{digits - 1}e}")


def valid_part(values, inputs, where):
    return values if where is None else values[inputs[where] == 1]


def rel_l2(got, ref):
    return np.linalg.norm(got - ref) / np.linalg.norm(ref)


class Case:
    def __init__(self, made):
        self.made, self.folder = made, os.path.join(HERE, made["name"])
        self.seed = zlib.crc32(made["name"].encode()) & 0x7fffffff
        rng = np.random.Generator(np.random.PCG64(self.seed))
        self.weights = draw_weights(made, rng)
        self.inputs = draw_runs(made, rng)
        self.rng = rng

    def compute(self, inputs, dtype=np.float64, **change):
        model = Model({**self.made["config"], **change}, self.weights, dtype)
        outputs = self.made["forward"](model, inputs)
        for values in outputs.values():
            assert values.dtype == dtype and np.isfinite(values).all()
        return outputs

    def run(self, name):
        """The description of a run; its arrays are written."""
        inputs = self.inputs[name]
        exact = self.compute(inputs)
        single = self.compute(inputs, np.float32)
        record = {"name": name, "inputs": [], "outputs": []}
        for key, values in inputs.items():
            if values.dtype.kind != "f":
                values = values.astype(np.int64)
            file = f"{name}/in.{key}.npy"
            record["inputs"].append(described(key, values, file))
            write_array(self.folder, file, values)
        for output, source, where in wanted_outputs(self.made, name):
            file = f"{name}/out.{output}.npy"
            write_array(self.folder, file, exact[output])
            ref = valid_part(exact[output], inputs, where)
            got = valid_part(single[output].astype(np.float64), inputs, where)
            error, largest = rel_l2(got, ref), np.abs(got - ref).max()
            rms = math.sqrt((ref * ref).mean())
            record["outputs"].append({
                **described(output, exact[output], file), "source": source,
                "valid_where": where, "f32_rel_l2": rounded(error, 4),
                "f32_max_abs": rounded(largest, 4), "ref_rms": rounded(rms, 4),
                "ref_max_abs": rounded(np.abs(ref).max(), 4),
                "tol_rel_l2": rounded(max(10 * error, 5e-6), 2),
                "tol_max_abs": rounded(max(20 * largest, 1e-5 * rms), 2)})
        if "pad" in name:
            apart = self.padding_matters(name, exact)
            assert apart < 1e-12, (self.made["name"], name, apart)
            record["same_as_unpadded_rel_l2"] = rounded(apart, 2)
        return record

    def padding_matters(self, name, exact):
        """How far rows computed alone, without padding, are from the batch."""
        inputs, worst = self.inputs[name], 0.0
        for row in range(2):
            keep = inputs["attention_mask"][row] == 1
            alone = {}
            for key, values in inputs.items():
                part = values[row:row + 1]
                if key != "decoder_input_ids":
                    part = part[:, keep]
                if key not in ("attention_mask", "position_ids"):
                    alone[key] = part
            for output, _, where in wanted_outputs(self.made, name):
                ref = self.compute(alone)[output]
                got = exact[output][row:row + 1]
                got = got if where is None else got[:, keep]
                worst = max(worst, rel_l2(got, ref))
        return worst

    def check_spread(self):
        spread.clear()
        for name in self.inputs:
            self.compute(self.inputs[name])
        away = np.concatenate([part.ravel() for part in spread]).mean()
        assert away > 0.25, (self.made["name"], away)
        return rounded(away, 2)

    def check_changes(self, runs):
        """Every option must move some run's logits by over 100 tolerances."""
        found = {}
        changes = {**self.made["changes"], "uniform attention":
                   {"_uniform": True}}
        for label, change in changes.items():
            most = 0.0
            for record in runs:
                inputs = self.inputs[record["name"]]
                output = record["outputs"][0]
                other = self.compute(inputs, **change)[output["name"]]
                ref = self.compute(inputs)[output["name"]]
                where = output["valid_where"]
                ref, other = [valid_part(values, inputs, where)
                              for values in (ref, other)]
                most = max(most, min(
                    rel_l2(other, ref) / output["tol_rel_l2"],
                    np.abs(other - ref).max() / output["tol_max_abs"]))
            # The two gelus are no further than 5e-4 apart anywhere.
            least = 15 if label.startswith("gelu by") else 100
            assert most > least, (self.made["name"], label, most)
            found[label] = int(most)
        return found

    def greedy(self, tolerance):
        """Eight tokens after a prompt; the first draw without near ties."""
        pairs = self.made["kind"] == "seq2seq"
        grows = "decoder_input_ids" if pairs else "input_ids"
        for _ in range(200):
            prompt = {"input_ids": draw_ids(self.made, self.rng, 1, 6)}
            if pairs:
                start = self.made["config"]["decoder_start_token_id"]
                prompt["decoder_input_ids"] = np.full((1, 1), start)
            inputs, tokens, margins = dict(prompt), [], []
            for _ in range(8):
                logits = self.compute(inputs)["logits"][0, -1]
                second, best = np.sort(logits)[-2:]
                margins.append(best - second)
                tokens.append(int(logits.argmax()))
                inputs[grows] = np.append(inputs[grows], [tokens[-1:]], 1)
            # A padding's id would not count as a token.
            if (min(margins) > 20 * tolerance and len(set(tokens)) >= 4 and
                    self.made.get("pad") not in tokens):
                break
        else:
            raise AssertionError(f"{self.made['name']}: no sure greedy text")
        for key, values in prompt.items():
            write_array(self.folder, f"greedy/in.{key}.npy", values)
        write_array(self.folder, "greedy/out.tokens.npy", np.array(tokens))
        write_array(self.folder, "greedy/out.margins.npy", np.array(margins))
        return {"name": "greedy",
                "inputs": [described(key, values, f"greedy/in.{key}.npy")
                           for key, values in prompt.items()],
                "new_tokens": 8, "tokens_file": "greedy/out.tokens.npy",
                "margins_file": "greedy/out.margins.npy",
                "min_margin": rounded(min(margins), 4),
                "distinct": len(set(tokens)), "grows": grows}

    def write(self):
        made, config = self.made, self.made["config"]
        if os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
        os.makedirs(os.path.join(self.folder, "model"))
        with open(os.path.join(self.folder, "model", "config.json"), "w") as f:
            f.write(json.dumps(config, indent=2, sort_keys=True) + "\n")
        write_safetensors(os.path.join(self.folder, "model",
                                       "model.safetensors"), self.weights)
        runs = [self.run(name) for name in self.inputs]
        record = {
            "format": 1, "case": made["name"], "family": config["model_type"],
            "model_class": made["model_class"], "model_dir": "model",
            **({"tower": made["tower"]} if "tower" in made else {}),
            "weights_dtype": "float32",
            "pad_token_id": config.get("pad_token_id"),
            "parameters": sum(w.size for w in self.weights.values()),
            "seed": self.seed, "note": made["note"],
            "draw": {"embedding_std": made["embedding"],
                     "matrix_gain": made["gain"]},
            "attention_from_uniform": self.check_spread(),
            "changes": self.check_changes(runs), "runs": runs}
        if made["kind"] in ("decoder", "seq2seq"):
            record["greedy"] = self.greedy(max(
                output["tol_max_abs"] for run in runs
                for output in run["outputs"] if output["name"] == "logits"))
        with open(os.path.join(self.folder, "case.json"), "w") as file:
            file.write(json.dumps(record, indent=1) + "\n")
        size = sum(os.path.getsize(os.path.join(at, file))
                   for at, _, files in os.walk(self.folder) for file in files)
        assert size < 300_000, (made["name"], size)
        print(f"{made['name']}: {size} bytes, {record['parameters']} "
              f"parameters, {record['attention_from_uniform']} from uniform, "
              f"least change {min(record['changes'].values())}", flush=True)


# ---------------------------------------------------------------------------
# The same functions over cases computed by Hugging Face models
# ---------------------------------------------------------------------------

COVERED = {llama_kind: ["llama_gqa", "llama_mha", "llama_mqa_bias_head_dim",
                        "llama_rope_dynamic", "qwen2", "mistral_sliding",
                        "phi3", "gemma"],
           cohere: ["cohere"], gpt_neox: ["gpt_neox_parallel"],
           bloom: ["bloom"], gpt2: ["gpt2_small"], phi: ["phi"],
           olmo2: ["olmo2"], opt: ["opt"], starcoder2: ["starcoder2"],
           bert_lm: ["bert_masked_lm", "bigbird_full"], mpt: ["mpt"],
           roberta_lm: ["roberta", "longformer"],
           electra_lm: ["electra"], t5: ["t5_v1_0", "t5_v1_1"], bart: ["bart"],
           image_model: ["vit_classifier"]}


def read_safetensors(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    assert all(entry["dtype"] == "F32" for entry in header.values()), path
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])],
                                "<f4").reshape(entry["shape"])
            for name, entry in header.items()}


def against_hf(name, forward):
    folder = os.path.join(os.path.dirname(HERE), "hf", name)
    with open(os.path.join(folder, "case.json")) as file:
        record = json.load(file)
    with open(os.path.join(folder, "model", "config.json")) as file:
        config = json.load(file)
    # save_pretrained leaves out what is the default of the library.
    config.setdefault("tie_word_embeddings", config["model_type"] != "llama")
    model = Model(config, read_safetensors(
        os.path.join(folder, "model", "model.safetensors")), np.float64)
    worst = 0.0
    for run in record["runs"]:
        inputs = {given["name"]: np.load(os.path.join(folder, given["file"]))
                  for given in run["inputs"]}
        outputs = forward(model, inputs)
        for output in run["outputs"]:
            ref = np.load(os.path.join(folder, output["file"]))
            ref, got = [valid_part(values, inputs, output["valid_where"])
                        for values in (ref, outputs[output["name"]])]
            worst = max(worst, rel_l2(got, ref))
    print(f"{name}: {worst:.1e}")
    assert worst < 1e-9


def main(names):
    if names == ["--against-hf"]:
        for forward, covered in COVERED.items():
            for name in covered:
                against_hf(name, forward)
        return
    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit("no such case: " + ", ".join(sorted(unknown)))
    for name in names or CASES:
        Case(CASES[name]).write()


if __name__ == "__main__":
    main(sys.argv[1:])
