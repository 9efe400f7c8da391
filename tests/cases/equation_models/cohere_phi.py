"""Cohere and Phi: attention and feed-forward side by side."""

from .attention import attend, causal_mask, heads_of
from .cases import case, covers, without
from .functions import ACTIVATIONS, normalize, silu
from .llama import LLAMA, llama_rotary
from .positions import (column_positions, frequencies, reads_positions,
                        rotary_tables, turn_halves, turn_neighbours)


@reads_positions()
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


@reads_positions()
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


covers(cohere, "cohere")
covers(phi, "phi")

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
