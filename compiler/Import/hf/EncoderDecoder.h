//===- EncoderDecoder.h - What bart and its heirs share --------*- C++ -*-===//
//
// Encoder and decoder of one width whose modules have the same names in all of
// these families: bart and marian with norms behind the sub-blocks, mbart,
// pegasus and whisper with norms before them and one behind each stack.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_ENCODERDECODER_H
#define ASHLAR_COMPILER_IMPORT_HF_ENCODERDECODER_H

#include "compiler/Import/hf/Parts.h"

namespace ashlar::hf {

/// Both stacks without their embeddings.
struct EncoderDecoder {
  Stack encoder;
  Stack decoder;
};

/// Keys of these families' configurations, but whisper's; num_hidden_layers
/// repeats encoder_layers.
// keep-sorted start
inline constexpr const char *encoderDecoderKeysWithoutEffect[] = {
    "activation_dropout",
    "add_bias_logits",
    "attention_dropout",
    "classif_dropout",
    "classifier_dropout",
    "decoder_layerdrop",
    "dropout",
    "encoder_layerdrop",
    "init_std",
    "num_hidden_layers",
};
// keep-sorted end

struct EncoderDecoderOptions {
  NormPlacement placement = NormPlacement::Post;
  llvm::StringRef defaultActivation = "gelu";
  bool keyBias = true;
  // Keys of the configuration.
  const char *encoderPositions = "max_position_embeddings";
  const char *decoderPositions = "max_position_embeddings";
};

EncoderDecoder readEncoderDecoder(ConfigReader &config,
                                  const EncoderDecoderOptions &options = {});

/// Learned positions of `stack`, which start at row 2 of their table, and the
/// norm behind its embedding.
void addLearnedPositions(Stack &stack);
/// Sinusoidal positions, all sines before all cosines.
void addSinusoidalPositions(Stack &stack);

/// The factor on token embeddings: sqrt(d_model) when `scale_embedding`.
double readEmbeddingScale(ConfigReader &config, int64_t hidden,
                          bool byDefault = false);

/// The language model's head: the embedding table of `decoder` when tied, and
/// final_logits_bias, which is stored as [1, vocabulary].
Head biasedHead(const Stack &decoder, bool tied, bool hasBias = true);

/// What a family has of its own around the stacks.
struct SharedModelOptions {
  bool headBias = true;      // final_logits_bias
  bool scaledTokens = false; // where `scale_embedding` is absent
};

/// Gives both stacks the one table of tokens and adds them, the head of the
/// language model where there is one, and the other names of the table.
void addSharedModel(ConfigReader &config, ModelSpec &spec,
                    EncoderDecoder stacks, bool hasHead,
                    const SharedModelOptions &options = {});

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_ENCODERDECODER_H
