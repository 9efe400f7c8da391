"""T5, mT5 and UMT5."""

import copy
import math

import numpy as np

from .attention import attend, causal, heads_of, real_tokens
from .cases import case, covers, labels
from .functions import ACTIVATIONS


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


covers(t5, "t5_v1_0", "t5_v1_1")

T5 = {"classifier_dropout": 0.0, "dropout_rate": 0.1, "eos_token_id": 1,
      "pad_token_id": 0, "decoder_start_token_id": 0, "initializer_factor": 1.0,
      "is_encoder_decoder": True, "layer_norm_epsilon": 1e-6, "use_cache": True}

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

# Options that no checkpoint of tests/cases/hf has.
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
