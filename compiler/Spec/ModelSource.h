//===- ModelSource.h - Where a model's files are ---------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_SPEC_MODELSOURCE_H
#define ASHLAR_COMPILER_SPEC_MODELSOURCE_H

#include <string>

namespace ashlar {

/// Paths as the current folder sees them; none is opened by an importer.
struct ModelSource {
  /// A folder with model.safetensors or its index, or a .safetensors file.
  /// Empty: the description names no weights.
  std::string weights;
  /// tokenizer.json or a SentencePiece model; empty when there is none.
  std::string tokenizer;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_MODELSOURCE_H
