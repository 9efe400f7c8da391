//===- EncoderDecoder.h - What bart and its heirs share --------*- C++ -*-===//
//
// Encoder and decoder of one width whose modules have the same names in all of
// these families: bart and marian with norms behind the sub-blocks, mbart and
// pegasus with norms before them and one behind each stack.
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

EncoderDecoder
readEncoderDecoder(ConfigReader &config,
                   NormPlacement placement = NormPlacement::Post);

/// Learned positions of `stack`, which start at row 2 of their table, and the
/// norm behind its embedding.
void addLearnedPositions(Stack &stack);
/// Sinusoidal positions, all sines before all cosines.
void addSinusoidalPositions(Stack &stack);

/// The factor on token embeddings: sqrt(d_model) when `scale_embedding`.
double readEmbeddingScale(ConfigReader &config, int64_t hidden);

/// The language model's head: the embedding table of `decoder` when tied, and
/// final_logits_bias, which is stored as [1, vocabulary].
Head biasedHead(const Stack &decoder, bool tied);

/// Gives both stacks the one table of tokens and adds them, the head of the
/// language model where there is one, and the other names of the table.
void addSharedModel(ConfigReader &config, ModelSpec &spec,
                    EncoderDecoder stacks, bool hasHead);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_ENCODERDECODER_H
