//===- YamlText.h - YAML and trees of values -------------------*- C++ -*-===//
//
// A subset of YAML 1.2 (no anchors, no tags, one document, keys are scalars)
// to and from the trees that the JSON reader makes, so that both formats share
// positions, limits and typed access.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_YAMLTEXT_H
#define ASHLAR_COMPILER_SPEC_YAMLTEXT_H

#include "compiler/Support/Json.h"

namespace ashlar {

/// Depth is scanned before the text reaches LLVM's parser, which recurses.
llvm::Expected<JsonDocument> parseYamlTree(llvm::StringRef text,
                                           llvm::StringRef file,
                                           const JsonLimits &limits = {});

/// Block style, with what fits on a line in flow style.
std::string printYamlTree(const JsonValue &root);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_YAMLTEXT_H
