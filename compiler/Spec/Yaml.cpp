//===- Yaml.cpp - A description as text -----------------------------------===//

#include "compiler/Spec/Yaml.h"

#include "compiler/Spec/Validate.h"
#include "compiler/Spec/YamlReader.h"
#include "compiler/Spec/YamlText.h"
#include "compiler/Spec/YamlWriter.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
namespace path = llvm::sys::path;

//===----------------------------------------------------------------------===//
// Paths
//===----------------------------------------------------------------------===//

static llvm::SmallString<256> absolute(StringRef name) {
  llvm::SmallString<256> result(name);
  llvm::sys::fs::make_absolute(result);
  path::remove_dots(result, /*remove_dot_dot=*/true);
  return result;
}

/// `target` as it is written in a file of `folder`.
static std::string relativeTo(StringRef folder, StringRef target) {
  if (target.empty())
    return "";
  llvm::SmallString<256> from = absolute(folder), to = absolute(target);
  auto fromPart = path::begin(from), fromEnd = path::end(from);
  auto toPart = path::begin(to), toEnd = path::end(to);
  while (fromPart != fromEnd && toPart != toEnd && *fromPart == *toPart) {
    ++fromPart;
    ++toPart;
  }
  llvm::SmallString<256> result;
  for (; fromPart != fromEnd; ++fromPart)
    path::append(result, "..");
  for (; toPart != toEnd; ++toPart)
    path::append(result, *toPart);
  return result.empty() ? "." : result.str().str();
}

/// What `name`, written in a file of `folder`, means here.
static std::string resolve(StringRef folder, StringRef name) {
  if (name.empty() || path::is_absolute(name))
    return name.str();
  llvm::SmallString<256> result(folder);
  path::append(result, name);
  path::remove_dots(result, /*remove_dot_dot=*/false);
  return result.empty() ? "." : result.str().str();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string ashlar::printYaml(const ModelSpec &spec, const ModelSource &source,
                              StringRef outputFile) {
  StringRef folder = path::parent_path(outputFile);
  YamlModel model{spec, source};
  model.source.weights = relativeTo(folder, source.weights);
  model.source.tokenizer = relativeTo(folder, source.tokenizer);
  YamlWriter writer;
  fields(writer, model);
  return printYamlTree(writer.take());
}

Expected<YamlModel> ashlar::parseYaml(StringRef text, StringRef file) {
  // Ten thousand layers that all differ take 25 MB and 1.3 million values.
  JsonLimits limits;
  limits.bytes = uint64_t(32) << 20;
  limits.values = uint64_t(1) << 21;
  Expected<JsonDocument> document = parseYamlTree(text, file, limits);
  if (!document)
    return document.takeError();
  if (!document->root.isObject())
    return userError(document->where(document->root),
                     "found " + describe(document->root) +
                         "; expected the mapping of a model's description");

  YamlModel model;
  YamlReading reading(*document);
  YamlReader reader(reading, document->root, /*path=*/"", /*hidden=*/0);
  fields(reader, model);
  reader.finish();
  if (Error error = reading.takeError())
    return error;
  if (Error error = validate(
          model.spec, [&](StringRef field) { return reading.where(field); }))
    return error;
  StringRef folder = path::parent_path(file);
  model.source.weights = resolve(folder, model.source.weights);
  model.source.tokenizer = resolve(folder, model.source.tokenizer);
  return model;
}
