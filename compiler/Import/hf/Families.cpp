//===- Families.cpp - The model families that can be imported -------------===//

#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

llvm::ArrayRef<const Family *> hf::families() {
  static const Family *const table[] = {
      &albert(),
      &bart(),
      &bert(),
      &bigBird(),
      &bloom(),
      &clip(),
      &clipText(),
      &clipVision(),
      &cohere(),
      &deit(),
      &dinov2(),
      &distilbert(),
      &electra(),
      &falcon(),
      &gemma(),
      &gemma2(),
      &gpt2(),
      &gptNeox(),
      &gptj(),
      &llama(),
      &longformer(),
      &m2m100(),
      &marian(),
      &mbart(),
      &mistral(),
      &mixtral(),
      &modernbert(),
      &mpnet(),
      &mpt(),
      &mt5(),
      &olmo(),
      &olmo2(),
      &opt(),
      &pegasus(),
      &phi(),
      &phi3(),
      &qwen2(),
      &qwen3(),
      &roberta(),
      &siglip(),
      &siglipText(),
      &siglipVision(),
      &stablelm(),
      &starcoder2(),
      &t5(),
      &torchTransformer(),
      &umt5(),
      &vit(),
      &whisper(),
      &xlmRoberta(),
  };
  return table;
}

const Family *hf::findFamily(llvm::StringRef modelType) {
  for (const Family *family : families())
    if (family->modelType == modelType)
      return family;
  return nullptr;
}

std::string hf::familyNames() {
  std::string names;
  for (const Family *family : families())
    names += (names.empty() ? "" : ", ") + family->modelType.str();
  return names;
}

llvm::ArrayRef<FixedKey> hf::commonFixedKeys() {
  static constexpr FixedKey keys[] = {
      {"add_cross_attention", "false"}, {"is_decoder", "false"},
      {"pruned_heads", "{}"},           {"quantization_config", "null"},
      {"tie_encoder_decoder", "false"},
  };
  return keys;
}

llvm::ArrayRef<ForeignKey> hf::foreignKeys() {
  // keep-sorted start
  static constexpr ForeignKey keys[] = {
      {"alibi", "false"},
      {"attention_chunk_size", "null"},
      {"attention_multiplier", "null"},
      {"attn_logit_softcapping", "null"},
      {"clip_qkv", "null"},
      {"dual_chunk_attention_config", "null"},
      {"embedding_multiplier", "1.0"},
      {"final_logit_softcapping", "null"},
      {"kv_lora_rank", "null"},
      {"layer_types", "\"full_attention\""},
      {"logit_scale", "1.0"},
      {"logits_scaling", "1.0"},
      {"mrope_section", "null"},
      {"mscale", "null"},
      {"mscale_all_dim", "null"},
      {"n_routed_experts", "null"},
      {"no_rope_layers", "1"},
      {"num_experts", "0"},
      {"num_local_experts", "0"},
      {"partial_rotary_factor", "1.0"},
      {"q_lora_rank", "null"},
      {"qk_layernorm", "false"},
      {"query_pre_attn_scalar", "null"},
      {"relative_attention", "false"},
      {"residual_multiplier", "1.0"},
      {"rope_interleaved", "false"},
      {"rope_local_base_freq", "null"},
      {"rope_parameters", "null"},
      {"rope_pct", "1.0"},
      {"rope_scaling", "null"},
      {"rotary_dim", "null"},
      {"rotary_pct", "1.0"},
      {"scale_attn_by_inverse_layer_idx", "false"},
      {"scale_embedding", "false"},
      {"sliding_window", "null", "use_sliding_window"},
      {"softmax_scale", "null"},
      {"use_alibi", "false"},
      {"use_bidirectional_attention", "false"},
      {"use_mrope", "false"},
      {"use_parallel_residual", "false"},
      {"use_qk_norm", "false"},
      {"use_sliding_window", "false"},
  };
  // keep-sorted end
  return keys;
}

llvm::ArrayRef<const char *> hf::commonKeysWithoutEffect() {
  // keep-sorted start
  static constexpr const char *keys[] = {
      "_attn_implementation",
      "_attn_implementation_autoset",
      "_commit_hash",
      "_name_or_path",
      "_num_labels",
      "bad_words_ids",
      "begin_suppress_tokens",
      "bos_token_id",
      "chunk_size_feed_forward",
      "cross_attention_hidden_size",
      "decoder_start_token_id",
      "diversity_penalty",
      "do_sample",
      "dtype",
      "early_stopping",
      "encoder_no_repeat_ngram_size",
      "eos_token_id",
      "exponential_decay_length_penalty",
      "finetuning_task",
      "force_bos_token_to_be_generated",
      "forced_bos_token_id",
      "forced_decoder_ids",
      "forced_eos_token_id",
      "gradient_checkpointing",
      "id2label",
      "initializer_range",
      "is_encoder_decoder",
      "label2id",
      "length_penalty",
      "max_length",
      "max_new_tokens",
      "min_length",
      "model_type",
      "no_repeat_ngram_size",
      "num_beam_groups",
      "num_beams",
      "num_labels",
      "num_return_sequences",
      "output_attentions",
      "output_hidden_states",
      "output_past",
      "output_scores",
      "pad_token_id",
      "prefix",
      "problem_type",
      "remove_invalid_values",
      "repetition_penalty",
      "return_dict",
      "return_dict_in_generate",
      "sep_token_id",
      "suppress_tokens",
      "task_specific_params",
      "temperature",
      "tf_legacy_loss",
      "tie_word_embeddings",
      "tokenizer_class",
      "top_k",
      "top_p",
      "torch_dtype",
      "torchscript",
      "transformers.js_config",
      "transformers_version",
      "typical_p",
      "use_bfloat16",
      "use_cache",
  };
  // keep-sorted end
  return keys;
}
