//===- Yaml.h - A description as text --------------------------*- C++ -*-===//
//
// The project's own format of a model: everything that a ModelSpec can say,
// and where its weights and its tokenizer are. parseYaml(printYaml(x)) is x,
// to the last bit of every number. Paths are relative to the YAML file.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_YAML_H
#define ASHLAR_COMPILER_SPEC_YAML_H

#include "compiler/Spec/ModelSource.h"
#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Errors.h"

#include <string>

namespace ashlar {

struct YamlModel {
  ModelSpec spec;
  ModelSource source;
};

/// The description as it would stand in `outputFile`. Without one (standard
/// output) paths are relative to the current folder.
std::string printYaml(const ModelSpec &spec, const ModelSource &source,
                      llvm::StringRef outputFile = "");

/// Reads and validates. `file` is the text's name in messages, and the paths
/// in it are relative to its folder.
llvm::Expected<YamlModel> parseYaml(llvm::StringRef text, llvm::StringRef file);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_YAML_H
