//===- Generation.h - Settings of text generation --------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_IMPORT_GENERATION_H
#define ASHLAR_COMPILER_IMPORT_GENERATION_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Json.h"

namespace ashlar {

/// What greedy decoding of `spec` needs. Token ids are taken from
/// generation_config.json and, where it lacks them or does not exist, from
/// config.json; everything else from the one of them that counts:
/// generation_config.json if it exists. Settings that it does not follow become
/// warnings.
llvm::Expected<Generation> readGeneration(const JsonDocument &config,
                                          const JsonDocument *generation,
                                          const ModelSpec &spec,
                                          std::vector<std::string> &warnings);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_GENERATION_H
