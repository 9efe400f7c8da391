"""Cases of llama, mistral, qwen2, qwen3, phi3, gemma, olmo and stablelm."""

import math

from .cases import case, labels, without
from .decoder_heads import (LAST_CHANGES, answers, over, sequence_classes,
                            token_classes, with_heads)
from .llama import ATTENTION_BIASES, LLAMA, llama_kind, llama_shapes

case("qwen3", "Qwen3ForCausalLM",
     {**LLAMA, "model_type": "qwen3", "head_dim": 24, "hidden_size": 40,
      "intermediate_size": 26, "num_attention_heads": 6,
      "num_key_value_heads": 2, "max_window_layers": 2, "rope_scaling": None,
      "sliding_window": None, "use_sliding_window": False,
      "tie_word_embeddings": True, "vocab_size": 57},
     llama_kind, llama_shapes,
     {"norms of the heads left out": {"_no_head_norms": True},
      "rope_theta 1000": {"rope_theta": 1000.0},
      "rms_norm_eps 1e-3": {"rms_norm_eps": 1e-3}},
     "norms of each query and key head; head_dim 24 although hidden/heads is "
     "not even whole", version="4.51.0")

case("qwen2_window", "Qwen2ForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "qwen2",
      "hidden_size": 48, "intermediate_size": 26, "num_attention_heads": 6,
      "num_key_value_heads": 3, "num_hidden_layers": 3, "max_window_layers": 1,
      "rope_scaling": None, "sliding_window": 5, "use_sliding_window": True,
      "tie_word_embeddings": True, "vocab_size": 55},
     llama_kind, llama_shapes,
     {"no window": {"use_sliding_window": False},
      "window in every layer": {"max_window_layers": 0},
      "window from layer 2 on": {"max_window_layers": 2},
      "window 6": {"sliding_window": 6},
      "biases left out": {"_without": "_proj.bias"}},
     "sliding window 5 from layer 1 (max_window_layers) on, layer 0 sees all")

STABLELM = {**without(LLAMA, "attention_bias", "rms_norm_eps"),
            "model_type": "stablelm", "hidden_size": 48,
            "intermediate_size": 28, "hidden_dropout": 0.0,
            "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.25,
            "qk_layernorm": False, "rope_scaling": None}
STABLELM_CHANGES = {"whole heads rotated": {"partial_rotary_factor": 1.0},
                    "half heads rotated": {"partial_rotary_factor": 0.5},
                    "biases of the norms left out": {"_without": "norm.bias"}}

case("stablelm", "StableLmForCausalLM",
     {**STABLELM, "num_attention_heads": 3, "num_key_value_heads": 1,
      "use_qkv_bias": True, "use_parallel_residual": False, "vocab_size": 53},
     llama_kind, llama_shapes,
     {**STABLELM_CHANGES, "parallel": {"use_parallel_residual": True},
      "biases left out": {"_without": "_proj.bias"}},
     "a quarter of each head rotated; biases of query, key and value")

case("stablelm_parallel", "StableLmForCausalLM",
     {**STABLELM, "num_attention_heads": 6, "num_key_value_heads": 2,
      "use_qkv_bias": False, "use_parallel_residual": True, "vocab_size": 51},
     llama_kind, llama_shapes, STABLELM_CHANGES,
     "attention and feed-forward side by side behind one norm; 2 of 8 "
     "features rotated")

case("stablelm_qk_layernorm", "StableLmForCausalLM",
     {**STABLELM, "num_attention_heads": 6, "num_key_value_heads": 2,
      "qk_layernorm": True, "use_qkv_bias": False,
      "use_parallel_residual": False, "vocab_size": 47},
     llama_kind, llama_shapes,
     {**STABLELM_CHANGES, "norms of the heads left out":
      {"qk_layernorm": False},
      "the first head's norm for all": {"_one_head_norm": True}},
     "norms of each query and key head, a tensor each")

case("olmo", "OlmoForCausalLM",
     {**without(LLAMA, "rms_norm_eps"), "model_type": "olmo", "clip_qkv": None,
      "hidden_size": 40, "intermediate_size": 34, "num_attention_heads": 5,
      "num_key_value_heads": 5, "rope_scaling": None, "vocab_size": 59},
     llama_kind, llama_shapes,
     {"root mean square norms": {"_root_mean_square": True},
      "rope_theta 1000": {"rope_theta": 1000.0}},
     "norms without weights (eps 1e-5)")

case("olmo_clip", "OlmoForCausalLM",
     {**without(LLAMA, "rms_norm_eps"), "model_type": "olmo", "clip_qkv": 1.5,
      "hidden_size": 40, "intermediate_size": 34, "num_attention_heads": 5,
      "num_key_value_heads": 5, "rope_scaling": None, "vocab_size": 59},
     llama_kind, llama_shapes,
     {"not clipped": {"clip_qkv": None}, "clip_qkv 2": {"clip_qkv": 2.0}},
     "queries, keys and values within [-1.5, 1.5]", gain=2.8)

YARN = {"factor": 4.0, "original_max_position_embeddings": 16,
        "rope_type": "yarn", "type": "yarn"}
case("llama_yarn", "LlamaForCausalLM",
     {**LLAMA, "model_type": "llama", "head_dim": 16, "hidden_size": 40,
      "intermediate_size": 30, "mlp_bias": False, "num_attention_heads": 3,
      "num_key_value_heads": 3, "pretraining_tp": 1, "rope_scaling": YARN,
      "rope_theta": 30.0, "vocab_size": 55},
     llama_kind, llama_shapes,
     {"no scaling": {"rope_scaling": None},
      "cos and sin not scaled":
          {"rope_scaling": {**YARN, "attention_factor": 1.0}},
      "original length 64": {"rope_scaling": {
          **YARN, "original_max_position_embeddings": 64}},
      "factor 2": {"rope_scaling": {**YARN, "factor": 2.0}}},
     "ramp from original_max_position_embeddings (16); cos and sin x 0.1 ln 4 "
     "+ 1; rope_theta 30 puts two pairs on the ramp")

case("mistral_head_dim", "MistralForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "mistral",
      "head_dim": 10, "hidden_size": 40, "intermediate_size": 34,
      "num_attention_heads": 6, "num_key_value_heads": 2, "sliding_window": 4,
      "vocab_size": 59},
     llama_kind, llama_shapes,
     {"no window": {"sliding_window": None},
      "window 5": {"sliding_window": 5},
      "rope_theta 1000": {"rope_theta": 1000.0}},
     "head_dim 10 with 6 query and 2 key heads, hidden 40; window 4")

case("phi3_grouped", "Phi3ForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "phi3",
      "embd_pdrop": 0.0, "hidden_size": 48, "intermediate_size": 28,
      "num_attention_heads": 6, "num_key_value_heads": 2,
      "original_max_position_embeddings": 64, "resid_pdrop": 0.0,
      "rms_norm_eps": 1e-5, "rope_scaling": None, "sliding_window": None,
      "vocab_size": 57},
     llama_kind, llama_shapes,
     {"a window of 9": {"sliding_window": 9},
      "rope_theta 1000": {"rope_theta": 1000.0}},
     "fused rows: 6 query, 2 key, 2 value heads; no window")

LONG = {"long_factor": [1.0, 1.5, 3.0, 5.5], "rope_type": "longrope",
        "short_factor": [1.0, 1.25, 0.75, 1.5], "type": "longrope"}
case("phi3_longrope", "Phi3ForCausalLM",
     {**without(LLAMA, "attention_bias"), "model_type": "phi3",
      "embd_pdrop": 0.0, "hidden_size": 48, "intermediate_size": 28,
      "max_position_embeddings": 64, "num_attention_heads": 6,
      "num_key_value_heads": 2, "original_max_position_embeddings": 16,
      "resid_pdrop": 0.0, "rms_norm_eps": 1e-5, "rope_scaling": LONG,
      "rope_theta": 30.0, "sliding_window": None, "vocab_size": 57},
     llama_kind, llama_shapes,
     {"always short": {"original_max_position_embeddings": 40,
                       "_magnitude": math.sqrt(1.5)},
      "short factors 1":
          {"rope_scaling": {**LONG, "short_factor": [1.0] * 4}},
      "long factors 1": {"rope_scaling": {**LONG, "long_factor": [1.0] * 4}},
      "cos and sin not scaled": {"_magnitude": 1.0}},
     "long factors in sequences of more than 16 tokens, short ones in others; "
     "cos and sin x sqrt(1 + ln 4 / ln 16)")

case("gemma_mqa", "GemmaForCausalLM",
     {**LLAMA, "model_type": "gemma", "head_dim": 18,
      "hidden_act": "gelu_pytorch_tanh",
      "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 40,
      "intermediate_size": 34, "num_attention_heads": 3,
      "num_key_value_heads": 1, "tie_word_embeddings": True, "vocab_size": 61},
     llama_kind, llama_shapes,
     {"gelu by erf": {"hidden_activation": "gelu"},
      "norm weights without 1 +": {"_norm_weight_plain": True},
      "embeddings not scaled": {"_unscaled": True}},
     "one key head for 3 query heads of 18 features; norms x (1 + weight); "
     "embeddings x sqrt(hidden)", norm_mean=0.0)

case("llama_reward", "LlamaForSequenceClassification",
     {**LLAMA, **labels(1), "model_type": "llama", "hidden_size": 40,
      "intermediate_size": 30, "mlp_bias": False, "num_attention_heads": 5,
      "num_key_value_heads": 1, "pretraining_tp": 1, "rope_scaling": None,
      "vocab_size": 53},
     over(llama_kind, sequence_classes),
     with_heads(llama_shapes, [("score", 0, False)]),
     {**LAST_CHANGES, "rope_theta 1000": {"rope_theta": 1000.0}},
     "one number of the last token, as reward models have it",
     kind="classifier")

case("llama_question_answering", "LlamaForQuestionAnswering",
     {**LLAMA, "model_type": "llama", "hidden_size": 40,
      "intermediate_size": 30, "mlp_bias": False, "num_attention_heads": 5,
      "num_key_value_heads": 5, "pretraining_tp": 1, "rope_scaling": None,
      "vocab_size": 53},
     over(llama_kind, answers),
     with_heads(llama_shapes, [("qa_outputs", 2, True)]),
     {"end before start": {"_end_first": True},
      "biases left out": {"_without": "qa_outputs.bias"}},
     "two numbers for each token; the decoder is called \"transformer\"",
     kind="encoder", outputs=["start_logits", "end_logits"])

case("qwen2_token_classifier", "Qwen2ForTokenClassification",
     {**without(LLAMA, "attention_bias"), **labels(5), "model_type": "qwen2",
      "hidden_size": 42, "intermediate_size": 26, "num_attention_heads": 3,
      "num_key_value_heads": 1, "max_window_layers": 2, "rope_scaling": None,
      "sliding_window": None, "use_sliding_window": False, "vocab_size": 55},
     over(llama_kind, token_classes("score")),
     with_heads(llama_shapes, [("score", 0, True)]),
     {"biases left out": {"_without": "score.bias"}},
     "a class for each token, 5 labels, with biases", kind="encoder")

# Options that no checkpoint of tests/cases/hf has.
case("gemma_biases", "GemmaForCausalLM",
     {**LLAMA, "attention_bias": True, "model_type": "gemma", "head_dim": 8,
      "hidden_act": "gelu_pytorch_tanh",
      "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 20,
      "intermediate_size": 26, "num_attention_heads": 3,
      "num_key_value_heads": 3, "tie_word_embeddings": True, "vocab_size": 41},
     llama_kind, llama_shapes, ATTENTION_BIASES,
     "attention_bias; heads of 8 features, hidden/heads is not whole",
     norm_mean=0.0)

case("qwen3_biases", "Qwen3ForCausalLM",
     {**LLAMA, "attention_bias": True, "model_type": "qwen3", "head_dim": 10,
      "hidden_size": 24, "intermediate_size": 26, "num_attention_heads": 4,
      "num_key_value_heads": 2, "max_window_layers": 2, "rope_scaling": None,
      "sliding_window": None, "use_sliding_window": False, "vocab_size": 41},
     llama_kind, llama_shapes,
     {**ATTENTION_BIASES,
      "norms of the heads left out": {"_no_head_norms": True}},
     "attention_bias; a head of its own", version="4.51.0")
