"""Llama and its kind: gated feed-forward and separate projections."""

import math

import numpy as np

from .attention import attend, causal_mask, heads_of
from .cases import covers
from .functions import ACTIVATIONS, clipped, normalize, root_mean_square
from .positions import (column_positions, dynamic_frequencies, frequencies,
                        reads_positions, rotary_tables, turn_halves,
                        yarn_frequencies)

# Keys that most decoders' configurations have.
LLAMA = {"attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 1,
         "eos_token_id": 2, "pad_token_id": 0, "hidden_act": "silu",
         "initializer_range": 0.02, "max_position_embeddings": 64,
         "num_hidden_layers": 2, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "tie_word_embeddings": False, "use_cache": True}

# What a case with attention_bias depends on.
ATTENTION_BIASES = {
    "biases of q, k, v left out": {"_without": "[qkv]_proj.bias"},
    "bias of o left out": {"_without": "o_proj.bias"}}


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


@reads_positions()
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


covers(llama_kind, "llama_gqa", "llama_mha", "llama_mqa_bias_head_dim",
       "llama_rope_dynamic", "qwen2", "mistral_sliding", "phi3", "gemma")
