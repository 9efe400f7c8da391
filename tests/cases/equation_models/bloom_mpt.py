"""BLOOM and MPT: linear biases (ALiBi)."""

import math

import numpy as np

from .attention import attend, causal_mask, heads_of, interleaved
from .cases import case, covers, labels
from .decoder_heads import LAST_CHANGES, over, sequence_classes, with_heads
from .functions import clipped, gelu, gelu_tanh
from .positions import counted_positions, mpt_slopes, paper_slopes, slope_bias


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


covers(bloom, "bloom")
covers(mpt, "mpt")

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
