//===- Import.h - From a model's files to its description ------*- C++ -*-===//
//
// Reads configurations and YAML descriptions, never weights. What comes out has
// passed validate(); what cannot be mapped is an error in the model's own
// words, and what was set aside is a warning.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_IMPORT_H
#define ASHLAR_COMPILER_IMPORT_IMPORT_H

#include "compiler/Spec/ModelSource.h"
#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Errors.h"

#include <string>
#include <vector>

namespace ashlar {

struct ImportResult {
  ModelSpec spec;
  ModelSource source;
  /// One sentence each, without position.
  std::vector<std::string> warnings;
};

/// A folder with config.json and, optionally, generation_config.json. Of a
/// folder with several models `tower` says which: "text" or "vision"; else it
/// is empty.
llvm::Expected<ImportResult> importHuggingFace(llvm::StringRef folder,
                                               llvm::StringRef tower = "");

/// A Hugging Face folder or a YAML description, which is of one model.
llvm::Expected<ImportResult> importModel(llvm::StringRef path,
                                         llvm::StringRef tower = "");

/// The names in `architectures` and `model_type` that importHuggingFace knows.
std::vector<std::string> supportedFamilies();

/// The part of importHuggingFace that touches no file: `generation` is the text
/// of generation_config.json, if there is one. File names are for messages.
llvm::Expected<ImportResult>
importConfig(llvm::StringRef config, llvm::StringRef configFile,
             const std::string *generation = nullptr,
             llvm::StringRef generationFile = "", llvm::StringRef tower = "");

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_IMPORT_H
