//===- Sentence.cpp - Sentence embeddings of a folder ---------------------===//

#include "compiler/Import/Sentence.h"

#include "compiler/Spec/Limits.h"
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
    if (kind == "Transformer" && !result.sentence) {
      if (isPlainName(*path))
        result.transformerFolder = path->str();
      continue;
    }
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

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

Error ashlar::readTextLimits(const JsonDocument &config, TextSettings &texts,
                             std::vector<std::string> &warnings) {
  const char *key = "max_seq_length";
  const JsonValue *most = config.root.find(key);
  if (most && !most->isNull()) {
    Expected<int64_t> count = config.asInteger(*most, key, 1, maxCount);
    if (!count)
      return count.takeError();
    texts.maxTokens = *count;
  }
  const JsonValue *lower = config.root.find("do_lower_case");
  if (lower && lower->isBoolean() && lower->boolean)
    warnings.push_back("\"do_lower_case\" of sentence-transformers is left "
                       "aside: give texts to embed in lower case");
  return Error::success();
}

Error ashlar::readPrompt(const JsonDocument &config, TextSettings &texts) {
  const char *key = "default_prompt_name";
  Expected<StringRef> name = readString(config, config.root, key);
  if (!name)
    return name.takeError();
  if (name->empty())
    return Error::success();
  const JsonValue *prompts = config.root.find("prompts");
  const JsonValue *prompt =
      prompts && prompts->isObject() ? prompts->find(*name) : nullptr;
  if (!prompt)
    return userError(config.where(*config.root.find(key)),
                     "\"default_prompt_name\" is \"" + escapeForDisplay(*name) +
                         "\", which \"prompts\" lacks");
  Expected<StringRef> text = config.asString(*prompt, *name);
  if (!text)
    return text.takeError();
  texts.prompt = text->str();
  return Error::success();
}

void ashlar::checkPromptIsPooled(const JsonDocument &pooling,
                                 const TextSettings &texts,
                                 SentenceEmbedding &sentence,
                                 std::vector<std::string> &warnings) {
  const JsonValue *flag = pooling.root.find("include_prompt");
  if (texts.prompt.empty() || !flag || !flag->isBoolean() || flag->boolean)
    return;
  warnings.push_back("pooling without the prompt's rows (\"include_prompt\" is "
                     "false) is not known here: sentence embeddings need "
                     "--pooling");
  sentence.pooling = Pooling::Other;
}
