//===- TokenizerFiles.cpp - The files of a tokenizer ----------------------===//

#include "compiler/Text/TokenizerFiles.h"
#include "compiler/Support/Files.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

static constexpr uint64_t maxBytes = uint64_t(100) << 20;
static constexpr uint64_t maxTemplateBytes = uint64_t(1) << 20;

static std::string fileIn(StringRef folder, StringRef name) {
  llvm::SmallString<256> result(folder);
  path::append(result, name);
  return result.str().str();
}

static Expected<std::string> readBytes(StringRef file, uint64_t limit) {
  Expected<InputFile> input = InputFile::open(file);
  if (!input)
    return input.takeError();
  return input->readAll(limit);
}

static Error readJson(StringRef file, std::optional<JsonDocument> &document) {
  Expected<std::string> text = readBytes(file, maxBytes);
  if (!text)
    return text.takeError();
  Expected<JsonDocument> parsed = parseJson(*text, file);
  if (!parsed)
    return parsed.takeError();
  document = std::move(*parsed);
  return Error::success();
}

static Error readJsonIfThere(StringRef file,
                             std::optional<JsonDocument> &document) {
  return fs::exists(file) ? readJson(file, document) : Error::success();
}

static Error readPieces(StringRef folder, StringRef file,
                        TokenizerFiles &files) {
  Expected<std::string> bytes = readBytes(file, maxBytes);
  if (!bytes)
    return bytes.takeError();
  files.pieces = {file.str(), std::move(*bytes)};
  std::string vocabulary = fileIn(folder, "vocab.json");
  if (path::filename(file) == "source.spm")
    return readJson(vocabulary, files.vocabulary);
  // Others have one only where the pieces do not say the ids.
  return path::filename(file) == "sentencepiece.bpe.model"
             ? readJsonIfThere(vocabulary, files.vocabulary)
             : Error::success();
}

Expected<TokenizerFiles> ashlar::readTokenizerFiles(StringRef file) {
  TokenizerFiles files;
  StringRef folder = path::parent_path(file);
  if (Error error = path::extension(file) == ".json"
                        ? readJson(file, files.tokenizer)
                        : readPieces(folder, file, files))
    return std::move(error);
  std::optional<JsonDocument> model;
  if (Error error = readJsonIfThere(fileIn(folder, "config.json"), model))
    return std::move(error);
  if (model)
    if (const JsonValue *type = model->root.find("model_type"))
      files.modelType = type->text;
  if (Error error = readJsonIfThere(fileIn(folder, "tokenizer_config.json"),
                                    files.config))
    return std::move(error);
  std::string chat = fileIn(folder, "chat_template.jinja");
  if (!fs::exists(chat))
    return files;
  Expected<std::string> text = readBytes(chat, maxTemplateBytes);
  if (!text)
    return text.takeError();
  files.chatTemplate = std::move(*text);
  return files;
}
