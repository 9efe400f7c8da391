"""GPT-2 and OPT: learned positions."""

import math

import numpy as np

from .attention import attend, causal_mask, heads_of
from .cases import CASES, case, covers, labels, without
from .decoder_heads import (LAST_CHANGES, over, sequence_classes,
                            token_classes, with_heads)
from .functions import ACTIVATIONS, normalize
from .positions import column_positions, counted_positions, reads_positions


def column_linear(model, x, name):
    """A module that stores [in, out]."""
    return x @ model.weight(name + ".weight") + model.weight(name + ".bias")


@reads_positions()
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


covers(gpt2, "gpt2_small")
covers(opt, "opt")

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
     {"norms first": {"do_layer_norm_before": True,
                      "_remove_final_layer_norm": True},
      "positions from 0": {"_offset": 0},
      "positions by columns": {"_columns": True},
      "gelu": {"activation_function": "gelu"}},
     "norms behind the sums, none at the end; projections from and to 32; "
     "last_hidden_state is behind project_out", embedding=0.6, pad=1)

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

# Options that no checkpoint of tests/cases/hf has.
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
