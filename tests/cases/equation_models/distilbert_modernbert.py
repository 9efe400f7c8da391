"""DistilBERT and ModernBERT."""

import numpy as np

from .attention import attend, heads_of, real_tokens
from .cases import CASES, case, labels, without
from .functions import ACTIVATIONS, relu
from .positions import (column_positions, frequencies, rotary_tables,
                        turn_halves)


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


def modernbert_classes_shapes(c):
    shapes = modernbert_shapes(c)
    del shapes["decoder.bias"]
    shapes["classifier.weight"] = (len(c["id2label"]), c["hidden_size"])
    shapes["classifier.bias"] = (len(c["id2label"]),)
    return shapes


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
