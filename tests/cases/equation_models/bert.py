"""BERT, the layers that its kind shares, and heads that several of them have."""

import numpy as np

from .attention import attend, heads_of, real_tokens
from .cases import case, covers
from .functions import ACTIVATIONS
from .positions import column_positions

BERT = {"attention_probs_dropout_prob": 0.1, "classifier_dropout": None,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "initializer_range": 0.02, "num_hidden_layers": 2,
        "max_position_embeddings": 40, "position_embedding_type": "absolute",
        "use_cache": True}

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


covers(bert_lm, "bert_masked_lm", "bigbird_full")

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
