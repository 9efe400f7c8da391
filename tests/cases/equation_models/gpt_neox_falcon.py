"""GPT-NeoX, Falcon before its new decoder, and that one with a single norm."""

import numpy as np

from .attention import attend, causal_mask, heads_of, interleaved
from .cases import CASES, case, covers, without
from .functions import ACTIVATIONS, gelu
from .positions import (column_positions, counted_positions, frequencies,
                        paper_slopes, reads_positions, rotary_tables,
                        slope_bias, turn_halves)


@reads_positions()
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


def falcon_grouped(fused, heads, kv):
    """Fused rows by key head: its queries, its key, its value."""
    b, s, width = fused.shape
    group = heads // kv
    parts = fused.reshape(b, s, kv, group + 2, width // (kv * (group + 2)))
    return [part.reshape(b, s, -1, part.shape[-1]).transpose(0, 2, 1, 3)
            for part in np.split(parts, [group, group + 1], 3)]


@reads_positions(lambda config: not config["alibi"])
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


covers(gpt_neox, "gpt_neox_parallel")

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

FALCON = {"activation": "gelu", "attention_dropout": 0.0, "bos_token_id": 1,
          "eos_token_id": 2, "hidden_dropout": 0.0, "initializer_range": 0.02,
          "layer_norm_epsilon": 1e-5, "max_position_embeddings": 64,
          "model_type": "falcon", "new_decoder_architecture": False,
          "num_hidden_layers": 2, "num_ln_in_parallel_attn": None,
          "rope_scaling": None, "rope_theta": 10000.0, "use_cache": True}

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

# Options that no checkpoint of tests/cases/hf has.
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
