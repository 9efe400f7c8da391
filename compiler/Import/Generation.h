//===- Generation.h - Settings of text generation --------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_IMPORT_GENERATION_H
#define ASHLAR_COMPILER_IMPORT_GENERATION_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Json.h"

#include "llvm/ADT/ArrayRef.h"

namespace ashlar {

/// Token ids of a family's configuration class, which a config.json need not
/// repeat; -1 = none.
struct DefaultTokens {
  int64_t bos = -1;
  int64_t eos = -1;
  int64_t pad = -1;
  int64_t decoderStart = -1;
  int64_t forcedEos = -1;
  llvm::ArrayRef<int64_t> beginSuppress = {};
};

/// What decoding of `spec` needs; without a decoder, no tokens. Token ids are
/// taken from generation_config.json and, where it lacks them or does not
/// exist, from config.json; everything else from the one of them that counts:
/// generation_config.json if it exists. Without it, what config.json does not
/// name has its default. Settings that are not followed become warnings.
llvm::Expected<Generation> readGeneration(const JsonDocument &config,
                                          const JsonDocument *generation,
                                          const ModelSpec &spec,
                                          const DefaultTokens &defaults,
                                          std::vector<std::string> &warnings);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_GENERATION_H
