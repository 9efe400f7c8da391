//===- Sentence.cpp - Sentence embeddings of a folder ---------------------===//

#include "compiler/Import/Sentence.h"

#include "compiler/Support/Errors.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Expected<StringRef> readString(const JsonDocument &document,
                                      const JsonValue &module, StringRef key) {
  const JsonValue *value = module.find(key);
  if (!value || value->isNull())
    return StringRef();
  return document.asString(*value, key);
}

/// A name that cannot lead out of the model's folder.
static bool isPlainName(StringRef name) {
  return !name.empty() && !name.starts_with(".") &&
         name.find_first_of(StringRef("/\\\0", 3)) == StringRef::npos;
}

Expected<SentenceModules>
ashlar::readSentenceModules(const JsonDocument &modules,
                            std::vector<std::string> &warnings) {
  SentenceModules result;
  for (const JsonValue &module : modules.root.elements) {
    Expected<StringRef> type = readString(modules, module, "type");
    if (!type)
      return type.takeError();
    Expected<StringRef> path = readString(modules, module, "path");
    if (!path)
      return path.takeError();
    // "sentence_transformers.models.Pooling", or a longer path to it
    StringRef kind = type->rsplit('.').second;
    if (kind == "Transformer" && !result.sentence)
      continue;
    if (!result.sentence)
      result.sentence = SentenceEmbedding{Pooling::Other, false};
    if (kind == "Normalize") {
      result.sentence->normalize = true;
    } else if (kind == "Pooling" && result.poolingFolder.empty() &&
               isPlainName(*path)) {
      result.poolingFolder = path->str();
    } else {
      warnings.push_back("modules.json has the module \"" +
                         escapeForDisplay(type->str()) +
                         "\", which is left aside: sentence embeddings need "
                         "--pooling");
      result.sentence->pooling = Pooling::Other;
      result.poolingFolder.clear();
      return result;
    }
  }
  return result;
}

namespace {
struct PoolingName {
  const char *flag; // of older configurations
  const char *mode; // of newer ones
  Pooling pooling;
};
} // namespace

static constexpr PoolingName poolingNames[] = {
    {"pooling_mode_mean_tokens", "mean", Pooling::Mean},
    {"pooling_mode_cls_token", "cls", Pooling::Cls},
    {"pooling_mode_lasttoken", "lasttoken", Pooling::Last},
    {"pooling_mode_max_tokens", "max", Pooling::Max},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens",
     Pooling::Other},
    {"pooling_mode_weightedmean_tokens", "weightedmean", Pooling::Other},
};

Error ashlar::readPooling(const JsonDocument &config,
                          SentenceEmbedding &sentence,
                          std::vector<std::string> &warnings) {
  int found = 0;
  std::string names;
  auto take = [&](const char *name, Pooling pooling) {
    names += (found++ ? ", " : "") + std::string(name);
    sentence.pooling = found == 1 ? pooling : Pooling::Other;
  };
  Expected<StringRef> mode = readString(config, config.root, "pooling_mode");
  if (!mode)
    return mode.takeError();
  for (const PoolingName &entry : poolingNames) {
    const JsonValue *flag = config.root.find(entry.flag);
    bool set = flag && flag->isBoolean() && flag->boolean;
    if (mode->empty() ? set : *mode == entry.mode)
      take(entry.mode, entry.pooling);
  }
  if (found == 1 && sentence.pooling != Pooling::Other)
    return Error::success();
  sentence.pooling = Pooling::Other;
  warnings.push_back("the pooling of sentence embeddings (" +
                     (found ? names : escapeForDisplay(mode->str())) +
                     ") is left aside: sentence embeddings need --pooling");
  return Error::success();
}
