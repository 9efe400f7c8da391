"""OLMo 2 and StarCoder2."""

from .attention import attend, causal_mask, heads_of
from .cases import case, covers, without
from .functions import ACTIVATIONS
from .llama import ATTENTION_BIASES, LLAMA, llama_rotary
from .positions import column_positions, reads_positions, turn_halves


def separate_heads(model, y, at):
    """q, k and v of the modules in `at`, each [B, heads, S, D]."""
    kv = model["num_key_value_heads"]
    return [heads_of(model.linear(y, at + f"{part}_proj"), count)
            for part, count in (("q", model["num_attention_heads"]),
                                ("k", kv), ("v", kv))]


def attention_shapes(c, at, bias):
    d = c["hidden_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    shapes = {}
    for part, rows in (("q", d), ("k", kv), ("v", kv), ("o", d)):
        shapes[at + f"{part}_proj.weight"] = (rows, d)
        if bias:
            shapes[at + f"{part}_proj.bias"] = (rows,)
    return shapes


@reads_positions()
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


@reads_positions()
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


covers(olmo2, "olmo2")
covers(starcoder2, "starcoder2")

# Options that no checkpoint of tests/cases/hf has.
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
