//===- Decoder.h - What decoder-only families share ------------*- C++ -*-===//
//
// Most of them are the same skeleton (embedding, blocks, a last norm, a head)
// with other names, norms and positions. Each function reads one part of the
// configuration by the keys that nearly all families use for it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_DECODER_H
#define ASHLAR_COMPILER_IMPORT_HF_DECODER_H

#include "compiler/Import/hf/Parts.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace ashlar::hf {

/// `rope_theta` and `rope_scaling`, or the newer `rope_parameters` with both,
/// and, for families with a `defaultPart`, `partial_rotary_factor`: how much of
/// a head turns.
Rotary readRotary(ConfigReader &config, int64_t headDim,
                  double defaultTheta = 10000.0,
                  std::optional<double> defaultPart = std::nullopt);

/// Whether the key is there with the value null, where that means none and
/// absence means a default.
bool saysNull(const ConfigReader &config, llvm::StringRef key);

/// Causal attention by `num_attention_heads`, `num_key_value_heads` (absent:
/// `defaultKvHeads`; null, or when that is 0: as many) and `head_dim` (absent:
/// `defaultHeadDim`, or hidden / heads when that is 0), scale head_dim^-0.5,
/// without projections and positions.
Attention groupedAttention(ConfigReader &config, int64_t hidden,
                           int64_t defaultHeadDim = 0,
                           int64_t defaultKvHeads = 0);

/// Which of an attention's projections have biases.
struct ProjectionBiases {
  bool inputs = false; // query, key, value
  bool output = false;
};

/// Projections `module`.q_proj, .k_proj, .v_proj and `module`.`output`.
void addProjections(Attention &attention, const llvm::Twine &module,
                    int64_t hidden, ProjectionBiases biases = {},
                    llvm::StringRef output = "o_proj");

/// Query, key and value as rows of one tensor `module` (its ".weight" and
/// perhaps ".bias"): all queries, then all keys, then all values.
void addMergedProjections(Attention &attention, const llvm::Twine &module,
                          int64_t hidden, bool bias);
/// The same, but by key head: its queries, its key, its value.
void addInterleavedProjections(Attention &attention, const llvm::Twine &module,
                               int64_t hidden, bool bias);

/// down(act(up(x))), of these modules.
FeedForward plainFeedForward(const llvm::Twine &up, const llvm::Twine &down,
                             int64_t hidden, int64_t width,
                             Activation activation, bool bias);
/// Modules `module`.gate_proj, .up_proj and .down_proj.
FeedForward gatedFeedForward(const llvm::Twine &module, int64_t hidden,
                             int64_t width, Activation activation, bool bias);

/// Gemma's RMS norm, which stores its gain less 1.
Norm offsetRmsNorm(const llvm::Twine &module, int64_t features, double epsilon);

/// What a family's blocks have of their own beside llama's.
struct LlamaOptions {
  ProjectionBiases biases;
  llvm::StringRef activationKey = "hidden_act";
  llvm::StringRef defaultActivation = "silu";
  bool feedForwardBias = false;
  int64_t defaultHeadDim = 0; // as for groupedAttention
  int64_t defaultKvHeads = 0;
  double defaultTheta = 10000.0;
  std::optional<double> defaultRotaryPart;
  llvm::StringRef prefix = "model."; // of the names of tensors
};

/// Rotary attention `self_attn` of layers.{layer}, without norms and
/// feed-forward.
Block llamaAttentionBlock(ConfigReader &config, int64_t hidden,
                          const LlamaOptions &options = {});
/// The same with the gated feed-forward `mlp`.
Block llamaBlock(ConfigReader &config, int64_t hidden,
                 const LlamaOptions &options = {});
/// RMS norms input_layernorm and post_attention_layernorm, in front of the
/// sub-blocks.
void addLlamaNorms(Block &block, int64_t hidden, double epsilon);

/// A stack of tokens: input_ids -> last_hidden_state. `table` names the
/// embedding's tensor.
Stack decoderStack(int64_t hidden, int64_t vocabulary, int64_t maxPositions,
                   const llvm::Twine &table);

/// Layers in groups of neighbours that are alike.
std::vector<BlockGroup> groupBlocks(int64_t count,
                                    llvm::function_ref<Block(int64_t)> block);

/// `clip_qkv`: how large queries, keys and values may be.
void readClip(ConfigReader &config, Attention &attention);

/// `sliding_window`: `defaultWindow` when absent, 0 (every key) when null.
int64_t readWindow(ConfigReader &config, int64_t defaultWindow);

/// `num_hidden_layers` layers of `block`, with `window` in those that
/// `layer_types` calls "sliding_attention" or, without that list, in those
/// that it `slides` in.
std::vector<BlockGroup>
windowedBlocks(ConfigReader &config, const Block &block, int64_t window,
               llvm::function_ref<bool(int64_t)> slides);

/// The same with qwen's rule: only with `use_sliding_window`, and from layer
/// `max_window_layers` on.
std::vector<BlockGroup> upperWindowedBlocks(ConfigReader &config,
                                            const Block &block);

/// How a family's checkpoints name what lies around the blocks.
struct DecoderNames {
  llvm::StringRef prefix = "model."; // which bare models lack
  llvm::StringRef head = "lm_head";  // the module of the vocabulary's logits
  bool headBias = false;
  llvm::StringRef tokenHead = "score"; // the module of tokens' classes
};

/// The prefix of llama's names in `model`, which calls what it answers
/// questions with "transformer".
llvm::StringRef llamaPrefix(llvm::StringRef model);

/// Adds `stack` and the head that the class `model` has by the end of its name:
/// logits of the vocabulary, tied to the embedding or not
/// (`tie_word_embeddings`), classes of a sequence, which its last token gives,
/// or of each token, answers to questions, or none; and what checkpoints may
/// have or lack because of it. The layer of the vocabulary's logits, for
/// families that do more with them; null without.
HeadLayer *addDecoder(ConfigReader &config, ModelSpec &spec, Stack stack,
                      llvm::StringRef model, const DecoderNames &names,
                      bool defaultTied);

/// The stack of `hidden_size`, `vocab_size` and `max_position_embeddings` over
/// the table embed_tokens.
Stack modelStack(ConfigReader &config, int64_t defaultPositions,
                 llvm::StringRef prefix = "model.");
/// addDecoder for models like llama, whose checkpoints may store frequencies.
HeadLayer *addModel(ConfigReader &config, ModelSpec &spec, Stack stack,
                    llvm::StringRef model, bool defaultTied,
                    const DecoderNames &names = {});

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_DECODER_H
