"""Heads and cases of RoBERTa, XLM-RoBERTa and Longformer."""

import numpy as np

from .bert import (BERT, BERT_PREFIX, bert_kind, bert_shapes,
                   question_answering, question_answering_shapes)
from .cases import case, covers, labels
from .functions import gelu, relu


def roberta_lm(model, inputs):
    x = bert_kind(model, inputs)
    y = gelu(model.linear(x, "lm_head.dense"))
    y = model.layer_norm(y, "lm_head.layer_norm", model["layer_norm_eps"])
    logits = y @ model.weight(BERT_PREFIX[model["model_type"]] +
                              "embeddings.word_embeddings.weight").T
    return {"logits": logits + model.weight("lm_head.bias"),
            "last_hidden_state": x}


def roberta_lm_shapes(c):
    d = c["hidden_size"]
    return {**bert_shapes(c), "lm_head.bias": (c["vocab_size"],),
            "lm_head.dense.weight": (d, d), "lm_head.dense.bias": (d,),
            "lm_head.layer_norm.weight": (d,), "lm_head.layer_norm.bias": (d,)}


def roberta_classifier(model, inputs):
    x = bert_kind(model, inputs)
    act = relu if model.get("_relu") else np.tanh
    y = act(model.linear(x[:, model.get("_token", 0)], "classifier.dense"))
    return {"logits": model.linear(y, "classifier.out_proj"),
            "last_hidden_state": x}


def roberta_classifier_shapes(c):
    d, labels = c["hidden_size"], len(c["id2label"])
    return {**bert_shapes(c), "classifier.dense.weight": (d, d),
            "classifier.dense.bias": (d,),
            "classifier.out_proj.weight": (labels, d),
            "classifier.out_proj.bias": (labels,)}


covers(roberta_lm, "roberta", "longformer")

ROBERTA = {**BERT, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
           "type_vocab_size": 1, "layer_norm_eps": 1e-5}

case("xlm_roberta", "XLMRobertaForMaskedLM",
     {**ROBERTA, "model_type": "xlm-roberta", "hidden_size": 42,
      "intermediate_size": 50, "num_attention_heads": 3, "vocab_size": 59},
     roberta_lm, roberta_lm_shapes,
     {"positions from 0": {"_first_position": 0},
      "gelu by tanh": {"hidden_act": "gelu_new"},
      "layer_norm_eps 1e-2": {"layer_norm_eps": 1e-2}},
     kind="encoder", embedding=0.6, gain=1.2, pad=1)

LONGFORMER = {**ROBERTA, "attention_window": 6, "model_type": "longformer",
              "onnx_export": False, "sep_token_id": 9, "layer_norm_eps": 1e-12}
LONGFORMER_CHANGES = {"no global tokens": {"_no_globals": True},
                      "one pair of projections": {"_same_projections": True}}

case("longformer_classifier", "LongformerForSequenceClassification",
     {**LONGFORMER, **labels(3), "attention_window": [4, 10],
      "hidden_size": 42, "intermediate_size": 50, "num_attention_heads": 7,
      "vocab_size": 59},
     roberta_classifier, roberta_classifier_shapes,
     {**LONGFORMER_CHANGES, "windows the other way round":
      {"attention_window": [10, 4]}},
     "windows of 4 and 10 keys; the first token is global", kind="classifier",
     embedding=0.6, gain=1.2, pad=1)

case("longformer_question_answering", "LongformerForQuestionAnswering",
     {**LONGFORMER, "hidden_size": 40, "intermediate_size": 36,
      "num_attention_heads": 5, "vocab_size": 47},
     question_answering, question_answering_shapes,
     {**LONGFORMER_CHANGES, "window 8": {"attention_window": 8},
      "another separator": {"sep_token_id": 11}},
     "the question, in front of the first separator, is global",
     kind="encoder", embedding=0.6, gain=1.2, pad=1, separators=True,
     outputs=["start_logits", "end_logits"])

case("roberta_classifier", "RobertaForSequenceClassification",
     {**ROBERTA, **labels(5), "model_type": "roberta", "hidden_size": 40,
      "intermediate_size": 52, "num_attention_heads": 5, "vocab_size": 71},
     roberta_classifier, roberta_classifier_shapes,
     {"positions from 0": {"_first_position": 0},
      "last token": {"_token": -1}, "relu in the head": {"_relu": True}},
     "first token -> dense -> tanh -> out_proj, 5 labels",
     kind="classifier", embedding=0.6, gain=1.2, pad=1)

case("roberta_question_answering", "RobertaForQuestionAnswering",
     {**ROBERTA, "model_type": "roberta", "hidden_size": 40,
      "intermediate_size": 52, "num_attention_heads": 5, "vocab_size": 71},
     question_answering, question_answering_shapes,
     {"positions from 0": {"_first_position": 0},
      "end before start": {"_end_first": True},
      "paddings that are not masked count": {"_padding_counts": True},
      "biases left out": {"_without": "qa_outputs.bias"}},
     "two numbers for each token: where an answer starts, and where it ends; "
     "ids of the padding among the tokens",
     kind="encoder", embedding=0.6, gain=1.2, pad=1, padding_inside=True,
     outputs=["start_logits", "end_logits"])
