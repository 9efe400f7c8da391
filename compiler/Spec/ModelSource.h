//===- ModelSource.h - A model's files -------------------------*- C++ -*-===//
//
// Where they are, and what they say that is no part of the computation.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_MODELSOURCE_H
#define ASHLAR_COMPILER_SPEC_MODELSOURCE_H

#include "compiler/Spec/TextSettings.h"

namespace ashlar {

/// Paths as the current folder sees them; none is opened by an importer.
struct ModelSource {
  /// A folder with model.safetensors or its index, or a .safetensors file.
  /// Empty: the description names no weights.
  std::string weights;
  /// tokenizer.json or a SentencePiece model; empty when there is none.
  std::string tokenizer;
  TextSettings texts;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_MODELSOURCE_H
