"""Heads and cases of BigBird (full attention) and ELECTRA."""

from .bert import (BERT, asked, bert_kind, bert_shapes, token_classifier,
                   token_classifier_shapes)
from .cases import case, covers, labels
from .functions import ACTIVATIONS


def big_bird_answers(model, inputs):
    """A feed-forward block of the head's own; numbers of the question's
    tokens, but the first, are 1e6 less."""
    x, at = bert_kind(model, inputs), "qa_classifier."
    y = ACTIVATIONS[model["hidden_act"]](
        model.linear(x, at + "intermediate.dense"))
    y = model.linear(y, at + "output.dense")
    if not model.get("_no_residual"):
        y = x + y
    y = model.layer_norm(y, at + "output.LayerNorm", model["layer_norm_eps"])
    both = model.linear(y, at + "qa_outputs")
    if not model.get("_question_answers"):
        lowered = asked(model, inputs["input_ids"])
        lowered[:, 0] = model.get("_first_token", False)
        both = both - model.dtype.type(1e6) * lowered[..., None]
    if model.get("_end_first"):
        both = both[..., ::-1]
    return {"start_logits": both[..., 0], "end_logits": both[..., 1],
            "last_hidden_state": x}


def big_bird_answers_shapes(c):
    d, ff, at = c["hidden_size"], c["intermediate_size"], "qa_classifier."
    shapes = bert_shapes(c)
    for name, rows, columns in (("intermediate.dense", ff, d),
                                ("output.dense", d, ff), ("qa_outputs", 2, d)):
        shapes[at + name + ".weight"] = (rows, columns)
        shapes[at + name + ".bias"] = (rows,)
    for part in ("weight", "bias"):
        shapes[at + "output.LayerNorm." + part] = (d,)
    return shapes


def electra_discriminator(model, inputs):
    x = bert_kind(model, inputs)
    act = ACTIVATIONS[model.get("_head_act", model["hidden_act"])]
    at = "discriminator_predictions.dense"
    y = model.linear(act(model.linear(x, at)), at + "_prediction")
    return {"logits": y[..., 0], "last_hidden_state": x}


def electra_discriminator_shapes(c):
    d, at = c["hidden_size"], "discriminator_predictions.dense"
    return {**bert_shapes(c), at + ".weight": (d, d), at + ".bias": (d,),
            at + "_prediction.weight": (1, d), at + "_prediction.bias": (1,)}


def electra_lm(model, inputs):
    x = bert_kind(model, inputs)
    # The head's function is gelu whatever hidden_act says.
    act = ACTIVATIONS[model.get("_head_act", "gelu")]
    y = act(model.linear(x, "generator_predictions.dense"))
    y = model.layer_norm(y, "generator_predictions.LayerNorm",
                         model["layer_norm_eps"])
    logits = y @ model.weight("electra.embeddings.word_embeddings.weight").T
    return {"logits": logits + model.weight("generator_lm_head.bias"),
            "last_hidden_state": x}


def electra_lm_shapes(c):
    d, width = c["hidden_size"], c["embedding_size"]
    return {**bert_shapes(c), "generator_lm_head.bias": (c["vocab_size"],),
            "generator_predictions.dense.weight": (width, d),
            "generator_predictions.dense.bias": (width,),
            "generator_predictions.LayerNorm.weight": (width,),
            "generator_predictions.LayerNorm.bias": (width,)}


covers(electra_lm, "electra")

case("electra_token_classifier", "ElectraForTokenClassification",
     {**BERT, **labels(5), "embedding_size": 24, "hidden_size": 40,
      "intermediate_size": 50, "layer_norm_eps": 1e-12, "model_type": "electra",
      "num_attention_heads": 5, "pad_token_id": 0, "summary_activation": "gelu",
      "summary_last_dropout": 0.1, "summary_type": "first",
      "summary_use_proj": True, "type_vocab_size": 2, "vocab_size": 61},
     token_classifier, token_classifier_shapes,
     {"gelu by tanh": {"hidden_act": "gelu_new"},
      "biases left out": {"_without": "classifier.bias"}},
     "a class for each token, 5 labels", kind="encoder", embedding=0.6,
     gain=1.2, types=2)

case("electra_narrow", "ElectraForMaskedLM",
     {**BERT, "embedding_size": 20, "hidden_act": "relu", "hidden_size": 42,
      "intermediate_size": 50, "layer_norm_eps": 1e-12, "model_type": "electra",
      "num_attention_heads": 3, "pad_token_id": 0, "summary_activation": "gelu",
      "summary_last_dropout": 0.1, "summary_type": "first",
      "summary_use_proj": True, "type_vocab_size": 3, "vocab_size": 61},
     electra_lm, electra_lm_shapes,
     {"gelu in the layers": {"hidden_act": "gelu"},
      "relu in the head": {"_head_act": "relu"},
      "bias of the projection left out": {"_without": "project.bias"}},
     "embeddings of 20 features; 3 kinds of token; relu in the layers, gelu in "
     "the head", kind="encoder", embedding=0.6, gain=1.2, types=3)

case("big_bird_token_classifier", "BigBirdForTokenClassification",
     {**BERT, **labels(5), "attention_type": "original_full", "block_size": 4,
      "hidden_act": "gelu_new", "hidden_size": 40, "intermediate_size": 52,
      "layer_norm_eps": 1e-12, "model_type": "big_bird",
      "num_attention_heads": 5, "num_random_blocks": 1, "pad_token_id": 0,
      "rescale_embeddings": False, "sep_token_id": 2, "type_vocab_size": 2,
      "use_bias": True, "vocab_size": 61},
     token_classifier, token_classifier_shapes,
     {"gelu by erf": {"hidden_act": "gelu"},
      "biases left out": {"_without": "classifier.bias"}},
     "a class for each token, 5 labels; full attention", kind="encoder",
     embedding=0.6, gain=1.2, types=2)

case("big_bird_question_answering", "BigBirdForQuestionAnswering",
     {**BERT, "attention_type": "original_full", "block_size": 4,
      "hidden_act": "gelu_new", "hidden_size": 40, "intermediate_size": 52,
      "layer_norm_eps": 1e-12, "model_type": "big_bird",
      "num_attention_heads": 5, "num_random_blocks": 1, "pad_token_id": 0,
      "rescale_embeddings": False, "sep_token_id": 2, "type_vocab_size": 3,
      "use_bias": True, "vocab_size": 61},
     big_bird_answers, big_bird_answers_shapes,
     {"gelu by erf": {"hidden_act": "gelu"},
      "types of zeros": {"_types_of_zeros": True},
      "no residual in the head": {"_no_residual": True},
      "the question answers": {"_question_answers": True},
      "the first token is lowered": {"_first_token": True},
      "another separator": {"sep_token_id": 11},
      "end before start": {"_end_first": True},
      "biases left out": {"_without": "qa_outputs.bias"}},
     "the question, to the first separator, has another type than its context "
     "and is no part of an answer; b1_s33 has no separator", kind="encoder",
     embedding=0.6, gain=1.2, separators=True, unseparated=33,
     outputs=["start_logits", "end_logits"])

case("electra_discriminator", "ElectraForPreTraining",
     {**BERT, "embedding_size": 24, "hidden_act": "relu", "hidden_size": 40,
      "intermediate_size": 50, "layer_norm_eps": 1e-12, "model_type": "electra",
      "num_attention_heads": 5, "pad_token_id": 0, "summary_activation": "gelu",
      "summary_last_dropout": 0.1, "summary_type": "first",
      "summary_use_proj": True, "type_vocab_size": 2, "vocab_size": 61},
     electra_discriminator, electra_discriminator_shapes,
     {"gelu in the head": {"_head_act": "gelu"},
      "biases left out": {"_without": "dense_prediction.bias"}},
     "a number for each token; relu in the head as in the layers",
     kind="encoder", embedding=0.6, gain=1.2, types=2)
