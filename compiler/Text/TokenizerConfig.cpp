//===- TokenizerConfig.cpp - What tokenizer_config.json says --------------===//

#include "compiler/Text/TokenizerConfig.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

const JsonValue *TokenizerConfig::find(StringRef key) const {
  const JsonValue *value = document ? document->root.find(key) : nullptr;
  return value && !value->isNull() ? value : nullptr;
}

bool TokenizerConfig::names(StringRef key) const {
  return document && document->root.find(key);
}

Expected<std::optional<bool>> TokenizerConfig::flag(StringRef key) const {
  const JsonValue *value = find(key);
  if (!value)
    return std::nullopt;
  Expected<bool> read = document->asBoolean(*value, key);
  if (!read)
    return read.takeError();
  return *read;
}

Expected<std::optional<int64_t>>
TokenizerConfig::number(StringRef key, int64_t maximum) const {
  const JsonValue *value = find(key);
  if (!value)
    return std::nullopt;
  Expected<int64_t> read = document->asInteger(*value, key, 0, maximum);
  if (!read)
    return read.takeError();
  return *read;
}

Expected<std::optional<std::string>>
TokenizerConfig::text(StringRef key) const {
  const JsonValue *value = find(key);
  if (!value)
    return std::nullopt;
  const JsonValue *content = value->find("content");
  Expected<StringRef> read =
      document->asString(content ? *content : *value, key);
  if (!read)
    return read.takeError();
  return read->str();
}

Expected<std::string> TokenizerConfig::kind() const {
  Expected<std::optional<std::string>> name = text("tokenizer_class");
  if (!name)
    return name.takeError();
  StringRef kind = *name ? StringRef(**name) : StringRef();
  kind.consume_back("Fast");
  kind.consume_back("Tokenizer");
  return kind.str();
}

Expected<std::vector<Tokenizer::AddedToken>>
TokenizerConfig::addedTokens() const {
  std::vector<Tokenizer::AddedToken> tokens;
  const JsonValue *list = find("added_tokens_decoder");
  if (!list)
    return tokens;
  for (const JsonValue::Member &member : list->members) {
    auto fault = [&](const llvm::Twine &cause) {
      return userError(document->where(member.value),
                       "\"added_tokens_decoder\": " + cause);
    };
    Tokenizer::AddedToken token;
    if (StringRef(member.key).getAsInteger(10, token.id) || token.id < 0 ||
        token.id > maximumTokenId)
      return fault("\"" + escapeForDisplay(member.key) + "\" is no token id");
    const JsonValue *content = member.value.find("content");
    if (!content || !content->isString() || content->text.empty())
      return fault("token " + llvm::Twine(token.id) + " has no text");
    token.text = content->text;
    for (auto [key, field] :
         {std::pair<const char *, bool *>{"special", &token.special},
          {"normalized", &token.normalized},
          {"lstrip", &token.leftStrip},
          {"rstrip", &token.rightStrip},
          {"single_word", &token.singleWord}})
      if (const JsonValue *value = member.value.find(key)) {
        Expected<bool> read = document->asBoolean(*value, key);
        if (!read)
          return read.takeError();
        *field = *read;
      }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

/// Classes that make their BertNormalizer anew, and those that make their
/// ByteLevel anew, where the file says other than they do.
static bool makesNormalizer(StringRef kind) {
  return llvm::is_contained(
      {"Bert", "DistilBert", "Electra", "MPNet", "MobileBert"}, kind);
}
static bool makesPreTokenizer(StringRef kind) {
  return llvm::is_contained({"GPT2", "Roberta", "Longformer", "Bart", "GPTNeoX",
                             "Whisper", "LED", "Blenderbot", "CodeGen"},
                            kind);
}

/// The class of a model's tokenizer when no file names it.
static StringRef kindOf(StringRef modelType) {
  return llvm::StringSwitch<StringRef>(modelType)
      .Case("bert", "Bert")
      .Case("distilbert", "DistilBert")
      .Case("electra", "Electra")
      .Case("mpnet", "MPNet")
      .Cases({"gpt2", "opt", "gptj"}, "GPT2")
      .Case("roberta", "Roberta")
      .Case("longformer", "Longformer")
      .Case("bart", "Bart")
      .Case("gpt_neox", "GPTNeoX")
      .Case("phi", "CodeGen")
      .Case("whisper", "Whisper")
      .Default("");
}

Expected<TokenizerOverrides> ashlar::overridesOf(const TokenizerConfig &config,
                                                 StringRef modelType) {
  TokenizerOverrides overrides;
  Expected<std::string> named = config.kind();
  if (!named)
    return named.takeError();
  StringRef kind = named->empty() ? kindOf(modelType) : StringRef(*named);
  std::optional<bool> flags[4];
  for (auto [key, flag] :
       llvm::zip(std::array{"do_lower_case", "strip_accents",
                            "tokenize_chinese_chars", "add_prefix_space"},
                 flags))
    if (Error error = config.flag(key).moveInto(flag))
      return std::move(error);
  auto [lower, strip, chinese, space] = flags;
  if (!config.document)
    return overrides;
  // MPNet's does not look at the ideographs.
  if (makesNormalizer(kind))
    overrides.bert = {lower.value_or(true), strip,
                      kind == "MPNet" ? std::nullopt
                                      : std::optional(chinese.value_or(true))};
  if (makesPreTokenizer(kind))
    overrides.prefixSpace = space.value_or(false);
  return overrides;
}

static std::optional<int32_t> findToken(const Tokenizer &tokenizer,
                                        StringRef text) {
  for (const auto &[id, token] : llvm::enumerate(tokenizer.tokens))
    if (token.present && token.text == text)
      return id;
  return std::nullopt;
}

/// Classes whose fast form makes the template anew.
static bool makesTemplate(StringRef kind) {
  return llvm::is_contained({"Llama", "CodeLlama", "Gemma", "Cohere"}, kind);
}

Error ashlar::applyBosAndEos(const TokenizerConfig &config,
                             Tokenizer &tokenizer) {
  Expected<std::string> kind = config.kind();
  if (!kind)
    return kind.takeError();
  if (!makesTemplate(*kind) ||
      (!config.names("add_bos_token") && !config.names("add_eos_token")))
    return Error::success();
  std::vector<Tokenizer::TemplateItem> items = {{}};
  for (bool isEnd : {false, true}) {
    Expected<std::optional<bool>> on =
        config.flag(isEnd ? "add_eos_token" : "add_bos_token");
    if (!on)
      return on.takeError();
    if (!on->value_or(!isEnd))
      continue;
    const char *key = isEnd ? "eos_token" : "bos_token";
    Expected<std::optional<std::string>> text = config.text(key);
    if (!text)
      return text.takeError();
    std::string name =
        text->value_or(*kind == "Gemma" ? (isEnd ? "<eos>" : "<bos>")
                                        : (isEnd ? "</s>" : "<s>"));
    std::optional<int32_t> id = findToken(tokenizer, name);
    if (!id)
      return userError(config.document->file,
                       llvm::Twine("\"") + key + "\" is \"" +
                           escapeForDisplay(name) +
                           "\", which the vocabulary lacks");
    items.insert(isEnd ? items.end() : items.begin(), {*id, 0});
  }
  tokenizer.items = std::move(items);
  return Error::success();
}

Expected<std::optional<int32_t>>
ashlar::findPadding(const TokenizerFiles &files, const Tokenizer &tokenizer) {
  TokenizerConfig config(files.config ? &*files.config : nullptr);
  Expected<std::optional<std::string>> text = config.text("pad_token");
  if (!text)
    return text.takeError();
  if (*text)
    return findToken(tokenizer, **text);
  const JsonValue *padding =
      files.tokenizer ? files.tokenizer->root.find("padding") : nullptr;
  const JsonValue *id = padding ? padding->find("pad_id") : nullptr;
  if (!id || id->isNull())
    return std::nullopt;
  Expected<int64_t> read = files.tokenizer->asInteger(
      *id, "pad_id", 0, static_cast<int64_t>(tokenizer.tokens.size()) - 1);
  if (!read)
    return read.takeError();
  return static_cast<int32_t>(*read);
}
