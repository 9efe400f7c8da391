"""BART and M2M100."""

import math

import numpy as np

from .attention import attend, causal, heads_of, real_tokens
from .cases import case, covers, labels
from .functions import ACTIVATIONS, relu


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


covers(bart, "bart")

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
