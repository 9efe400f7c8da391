//===- EncoderDecoder.h - What bart and marian share -----------*- C++ -*-===//
//
// Post-norm encoder and decoder of one width whose modules have the same names
// in both families.
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

EncoderDecoder readEncoderDecoder(ConfigReader &config);

/// The factor on token embeddings: sqrt(d_model) when `scale_embedding`.
double readEmbeddingScale(ConfigReader &config, int64_t hidden);

/// The language model's head: the embedding table of `decoder` when tied, and
/// final_logits_bias, which is stored as [1, vocabulary].
Head biasedHead(const Stack &decoder, bool tied);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_ENCODERDECODER_H
