"""Configurations of odd sizes, and checkpoints for them."""

import json
import os
import struct

POSITIONS = 320


def llama(hidden, heads, kv_heads, head_dim, ffn, layers=1, **more):
    return {"model_type": "llama", "architectures": ["LlamaForCausalLM"],
            "hidden_size": hidden, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "head_dim": head_dim,
            "intermediate_size": ffn, "num_hidden_layers": layers,
            "vocab_size": 97, "max_position_embeddings": POSITIONS,
            "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "tie_word_embeddings": False, "torch_dtype": "float32", **more}


def gpt2(hidden, heads, ffn, layers=1, **more):
    return {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
            "n_embd": hidden, "n_head": heads, "n_inner": ffn,
            "n_layer": layers, "n_positions": POSITIONS, "vocab_size": 97,
            "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
            "torch_dtype": "float32", **more}


def bert(hidden, heads, ffn, architecture="BertForMaskedLM", layers=1, **more):
    return {"model_type": "bert", "architectures": [architecture],
            "hidden_size": hidden, "num_attention_heads": heads,
            "intermediate_size": ffn, "num_hidden_layers": layers,
            "vocab_size": 97, "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2, "hidden_act": "gelu",
            "layer_norm_eps": 1e-12, "pad_token_id": 0,
            "torch_dtype": "float32", **more}


def marian(hidden, heads, ffn, decoder_ffn, layers=1, **more):
    return {"model_type": "marian", "architectures": ["MarianMTModel"],
            "is_encoder_decoder": True, "d_model": hidden,
            "encoder_attention_heads": heads, "decoder_attention_heads": heads,
            "encoder_ffn_dim": ffn, "decoder_ffn_dim": decoder_ffn,
            "encoder_layers": layers, "decoder_layers": layers,
            "num_hidden_layers": layers, "vocab_size": 97,
            "decoder_vocab_size": 97, "max_position_embeddings": POSITIONS,
            "activation_function": "swish", "scale_embedding": True,
            "share_encoder_decoder_embeddings": True, "pad_token_id": 0,
            "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0,
            "torch_dtype": "float32", **more}


def torch(hidden, heads, ffn, kind="bare", layers=1, **more):
    config = {"model_type": "torch_transformer", "kind": kind,
              "activation": "relu", "bias": True, "d_model": hidden,
              "nhead": heads, "dim_feedforward": ffn, "decoder_causal": True,
              "final_decoder_norm": True, "final_encoder_norm": True,
              "norm_first": False, "layer_norm_eps": 1e-5,
              "num_encoder_layers": layers, "num_decoder_layers": layers,
              "torch_dtype": "float32", **more}
    if kind == "vanilla":
        config |= {"positions": "sinusoidal_interleaved",
                   "scale_embedding": True, "src_vocab_size": 97,
                   "tgt_vocab_size": 97, "pad_token_id": 0, "bos_token_id": 1}
    return config


def t5(hidden, heads, head_dim, ffn, layers=1, **more):
    return {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"],
            "is_encoder_decoder": True, "d_model": hidden, "d_kv": head_dim,
            "num_heads": heads, "d_ff": ffn, "num_layers": layers,
            "num_decoder_layers": layers, "vocab_size": 97,
            "relative_attention_num_buckets": 12,
            "relative_attention_max_distance": 40,
            "feed_forward_proj": "gated-gelu", "layer_norm_epsilon": 1e-6,
            "tie_word_embeddings": False, "pad_token_id": 0,
            "eos_token_id": 1, "decoder_start_token_id": 0,
            "torch_dtype": "float32", **more}


def whisper(hidden, heads, ffn, mels, layers=1, **more):
    return {"model_type": "whisper",
            "architectures": ["WhisperForConditionalGeneration"],
            "is_encoder_decoder": True, "d_model": hidden,
            "encoder_attention_heads": heads, "decoder_attention_heads": heads,
            "encoder_ffn_dim": ffn, "decoder_ffn_dim": ffn,
            "encoder_layers": layers, "decoder_layers": layers,
            "num_hidden_layers": layers, "vocab_size": 97,
            "num_mel_bins": mels, "max_source_positions": POSITIONS,
            "max_target_positions": POSITIONS, "activation_function": "gelu",
            "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 1,
            "torch_dtype": "float32", **more}


def bloom(hidden, heads, layers=1, **more):
    return {"model_type": "bloom", "architectures": ["BloomForCausalLM"],
            "hidden_size": hidden, "n_head": heads, "n_layer": layers,
            "vocab_size": 97, "layer_norm_epsilon": 1e-5,
            "torch_dtype": "float32", **more}


def gptj(hidden, heads, rotary_dim, ffn, layers=1, **more):
    return {"model_type": "gptj", "architectures": ["GPTJForCausalLM"],
            "n_embd": hidden, "n_head": heads, "rotary_dim": rotary_dim,
            "n_inner": ffn, "n_layer": layers, "n_positions": POSITIONS,
            "vocab_size": 97, "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5, "tie_word_embeddings": False,
            "torch_dtype": "float32", **more}


def modernbert(hidden, heads, ffn, layers=2, **more):
    return {"model_type": "modernbert",
            "architectures": ["ModernBertForMaskedLM"],
            "hidden_size": hidden, "num_attention_heads": heads,
            "intermediate_size": ffn, "num_hidden_layers": layers,
            "vocab_size": 97, "max_position_embeddings": POSITIONS,
            "global_attn_every_n_layers": 2, "local_attention": 30,
            "torch_dtype": "float32", **more}


def similar_to_llama(model_type, architecture, base, **more):
    """A family with the keys of llama's configuration."""
    return {**base, "model_type": model_type, "architectures": [architecture],
            **more}


def mistral(window, context, layers=2):
    return similar_to_llama(
        "mistral", "MistralForCausalLM",
        llama(20, 3, 1, 12, 17, layers, max_position_embeddings=context),
        sliding_window=window)


def gemma2(window, context):
    """Windows and all keys in turn."""
    return similar_to_llama(
        "gemma2", "Gemma2ForCausalLM",
        llama(24, 2, 1, 12, 17, layers=4, max_position_embeddings=context),
        sliding_window=window, attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0, query_pre_attn_scalar=7,
        hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=True)


def odd_forms():
    """Masks, positions, norms and caps beyond the oldest families; windows end
    within a segment of 256 keys, and beyond it."""
    windowed = llama(63, 9, 3, 22, 17)
    return [
        ("mistral", similar_to_llama("mistral", "MistralForCausalLM",
                                     windowed, sliding_window=5)),
        ("mistral", similar_to_llama("mistral", "MistralForCausalLM",
                                     windowed, sliding_window=270)),
        ("gemma2", similar_to_llama(
            "gemma2", "Gemma2ForCausalLM", llama(48, 4, 2, 18, 33, layers=2),
            sliding_window=100, attn_logit_softcapping=2.0,
            final_logit_softcapping=3.0, query_pre_attn_scalar=7,
            hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=True)),
        ("qwen3", similar_to_llama("qwen3", "Qwen3ForCausalLM",
                                   llama(63, 6, 3, 22, 17))),
        ("olmo2", similar_to_llama("olmo2", "Olmo2ForCausalLM",
                                   llama(60, 5, 5, 12, 17))),
        # All experts: fewer bits would take some rows to other ones.
        ("mixtral", similar_to_llama("mixtral", "MixtralForCausalLM",
                                     llama(63, 9, 3, 22, 17),
                                     num_local_experts=3,
                                     num_experts_per_tok=3)),
        ("bloom", bloom(63, 7)),
        ("gptj", gptj(63, 7, 6, 33)),
        ("gptj", gptj(88, 2, 38, 15)),
        ("modernbert", modernbert(66, 3, 35)),
        # The mean of a text's rows.
        ("modernbert", modernbert(
            66, 3, 35, classifier_pooling="mean", num_labels=19,
            architectures=["ModernBertForSequenceClassification"])),
        ("t5", t5(63, 5, 17, 33)),
        ("big_bird", {**bert(63, 9, 33, "BigBirdForMaskedLM"),
                      "model_type": "big_bird", "hidden_act": "gelu_new",
                      "block_size": 7, "num_random_blocks": 1}),
        # One global token, which its own projections read.
        ("longformer", {**bert(63, 9, 33,
                               "LongformerForSequenceClassification",
                               id2label={"0": "a", "1": "b"},
                               label2id={"a": 0, "b": 1}),
                        "model_type": "longformer", "attention_window": 6,
                        "sep_token_id": 2}),
        # Its head reads whole sequences, and looks at their tokens.
        ("big_bird", {**bert(63, 9, 33, "BigBirdForQuestionAnswering"),
                      "model_type": "big_bird", "hidden_act": "gelu_new",
                      "block_size": 7, "num_random_blocks": 1,
                      "type_vocab_size": 17, "sep_token_id": 2}),
        ("stablelm", similar_to_llama("stablelm", "StableLmForCausalLM",
                                      llama(63, 9, 3, 22, 17),
                                      qk_layernorm=True,
                                      partial_rotary_factor=1.0)),
    ]


def odd_models():
    """Widths, heads and vocabularies that fill no vector, no panel, no tile."""
    return [
        ("llama", llama(63, 7, 1, 20, 17)),
        ("llama", llama(63, 9, 3, 88, 1)),
        ("llama", llama(40, 1, 1, 40, 15, layers=3, tie_word_embeddings=True,
                        attention_bias=True, mlp_bias=True)),
        ("gpt2", gpt2(63, 7, 33)),
        ("gpt2", gpt2(63, 3, 1, layers=2)),
        ("gpt2", gpt2(17, 1, 15)),
        ("bert", bert(63, 9, 33)),
        ("bert", bert(63, 3, 1, "BertModel")),
        ("bert", bert(33, 1, 17, "BertForSequenceClassification",
                      id2label={"0": "a", "1": "b", "2": "c"},
                      label2id={"a": 0, "b": 1, "c": 2})),
        ("marian", marian(60, 3, 17, 1)),
        ("torch", torch(63, 7, 33)),
        ("torch", torch(66, 11, 15, "vanilla", norm_first=True)),
        ("whisper", whisper(63, 7, 17, 13)),
    ]


def positions_of(config):
    if (config.get("rope_scaling") or {}).get("rope_type") == "dynamic":
        return 1 << 20  # made for longer sequences
    return config.get("n_positions") or config.get(
        "max_target_positions", config.get("max_position_embeddings", 1 << 20))


def write(folder, name, config):
    path = os.path.join(folder, name)
    os.makedirs(path)
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump(config, file)
    return path


def write_safetensors(path, shapes, fill):
    """A float32 checkpoint; `fill(count)` gives that many numbers, piece by
    piece, as bytes."""
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 4
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "F32", "shape": list(shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for left in range(offset // 4, 0, -(1 << 20)):
            file.write(fill(min(left, 1 << 20)))


def llama_shapes(config):
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    queries = config["num_attention_heads"] * config["head_dim"]
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], hidden),
              "model.norm.weight": (hidden,)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        shapes |= {
            prefix + "input_layernorm.weight": (hidden,),
            prefix + "post_attention_layernorm.weight": (hidden,),
            prefix + "self_attn.q_proj.weight": (queries, hidden),
            prefix + "self_attn.k_proj.weight": (keys, hidden),
            prefix + "self_attn.v_proj.weight": (keys, hidden),
            prefix + "self_attn.o_proj.weight": (hidden, queries),
            prefix + "mlp.gate_proj.weight": (ffn, hidden),
            prefix + "mlp.up_proj.weight": (ffn, hidden),
            prefix + "mlp.down_proj.weight": (hidden, ffn)}
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (config["vocab_size"], hidden)
    return shapes


def gpt2_shapes(config):
    hidden, ffn = config["n_embd"], config["n_inner"]
    shapes = {"wte.weight": (config["vocab_size"], hidden),
              "wpe.weight": (config["n_positions"], hidden),
              "ln_f.weight": (hidden,), "ln_f.bias": (hidden,)}
    for layer in range(config["n_layer"]):
        for name, rows, columns in [("attn.c_attn", hidden, 3 * hidden),
                                    ("attn.c_proj", hidden, hidden),
                                    ("mlp.c_fc", hidden, ffn),
                                    ("mlp.c_proj", ffn, hidden)]:
            shapes[f"h.{layer}.{name}.weight"] = (rows, columns)
            shapes[f"h.{layer}.{name}.bias"] = (columns,)
        for name in ("ln_1", "ln_2"):
            shapes[f"h.{layer}.{name}.weight"] = (hidden,)
            shapes[f"h.{layer}.{name}.bias"] = (hidden,)
    return shapes
