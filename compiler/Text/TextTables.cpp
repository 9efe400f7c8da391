//===- TextTables.cpp - Tokenizer and settings -> blob --------------------===//

#include "compiler/Text/TextTables.h"
#include "compiler/Text/Blob.h"
#include "compiler/Text/Languages.h"
#include "compiler/Text/ModelTables.h"
#include "compiler/Text/PartReader.h"
#include "compiler/Text/SettingsTables.h"
#include "compiler/Text/StepTables.h"
#include "compiler/Text/chat/Chat.h"
#include "compiler/Text/sentencepiece/SentencePiece.h"
#include "runtime/text/text.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;

static llvm::Error tooLarge() {
  return userError("", "the tokenizer's tables are larger than 2 GiB");
}

static void addTemplate(const Tokenizer &tokenizer, Blob &blob,
                        ashlar_text_header &header) {
  std::vector<ashlar_text_item> items;
  for (const Tokenizer::TemplateItem &item : tokenizer.items)
    items.push_back({item.id.value_or(ASHLAR_TEXT_NONE), item.type});
  header.items = blob.add(items);
}

static llvm::Error addLanguages(const Languages &languages, Blob &blob,
                                ashlar_text_header &header) {
  std::vector<ashlar_text_language> list;
  for (const Language &language : languages.list)
    list.push_back({blob.addString(language.code), language.id});
  header.languages = blob.add(list);
  std::vector<int32_t> start;
  for (std::optional<int64_t> id : languages.start) {
    llvm::Expected<int32_t> token = toToken(id, "decoder_start_token_id");
    if (!token)
      return token.takeError();
    start.push_back(*token);
  }
  header.language_start = blob.add(start);
  return llvm::Error::success();
}

/// Why an executable cannot read texts.
static std::vector<std::string> irregularPatterns(const Tokenizer &tokenizer) {
  std::vector<std::string> reasons;
  for (const auto *list : {&tokenizer.normalizer, &tokenizer.preTokenizer})
    for (const Tokenizer::Step &step : *list)
      if (!step.pattern.reason.empty())
        reasons.push_back(step.pattern.reason);
  return reasons;
}

static llvm::Expected<TextTables>
build(const Tokenizer *tokenizer, const TextOptions &options,
      const ChatTemplate &chat = {},
      std::optional<int32_t> padding = std::nullopt) {
  Blob blob;
  ashlar_text_header header = {};
  if (llvm::Error error = addSettings(options, padding, blob, header))
    return error;
  header.unknown = ASHLAR_TEXT_NONE;
  if (tokenizer) {
    header.has_tokenizer = 1;
    addModel(*tokenizer, blob, header);
    addDecoder(*tokenizer, blob, header);
    if (llvm::Error error = addAddedTokens(*tokenizer, blob, header))
      return error;
    addSteps(*tokenizer, blob, header);
    addTemplate(*tokenizer, blob, header);
    addChat(chat, blob, header);
    if (llvm::Error error = addLanguages(
            findLanguages(*tokenizer, options.family, options.generation), blob,
            header))
      return error;
  }
  if (blob.tooLarge())
    return tooLarge();
  TextTables tables;
  if (tokenizer)
    tables.irregular = irregularPatterns(*tokenizer);
  tables.blob = std::move(blob).finish(header);
  return tables;
}

llvm::Expected<TextTables> ashlar::buildTextTables(const JsonDocument &document,
                                                   const TextOptions &options) {
  std::vector<std::string> warnings;
  llvm::Expected<Tokenizer> tokenizer =
      readTokenizer(document, options.vocabulary, warnings);
  if (!tokenizer)
    return tokenizer.takeError();
  llvm::Expected<TextTables> tables = build(&*tokenizer, options);
  if (tables)
    tables->warnings = std::move(warnings);
  return tables;
}

/// The tokenizer that the files make together.
static llvm::Expected<Tokenizer> readFiles(const TokenizerFiles &files,
                                           int64_t vocabulary,
                                           std::vector<std::string> &warnings) {
  if (!files.tokenizer)
    return readSentencePiece(files, vocabulary, warnings);
  TokenizerConfig config(files.config ? &*files.config : nullptr);
  llvm::Expected<TokenizerOverrides> overrides =
      overridesOf(config, files.modelType);
  if (!overrides)
    return overrides.takeError();
  llvm::Expected<Tokenizer> tokenizer =
      readTokenizer(*files.tokenizer, vocabulary, warnings, *overrides);
  if (!tokenizer)
    return tokenizer;
  if (llvm::Error error = applyBosAndEos(config, *tokenizer))
    return std::move(error);
  return tokenizer;
}

/// What texts are filled up with, where they are.
static llvm::Expected<std::optional<int32_t>>
readPadding(const TokenizerFiles &files, const Tokenizer &tokenizer,
            const TextSettings &texts, std::vector<std::string> &warnings) {
  if (texts.paddedTokens == 0)
    return std::nullopt;
  llvm::Expected<std::optional<int32_t>> id = findPadding(files, tokenizer);
  if (id && !*id)
    warnings.push_back("the tokenizer names no \"pad_token\": texts to embed "
                       "are not filled up to " +
                       std::to_string(texts.paddedTokens) +
                       " tokens, as the model was trained");
  return id;
}

llvm::Expected<TextTables> ashlar::buildTextTables(const TokenizerFiles &files,
                                                   const TextOptions &options) {
  std::vector<std::string> warnings;
  llvm::Expected<Tokenizer> tokenizer =
      readFiles(files, options.vocabulary, warnings);
  if (llvm::Error error = tokenizer.takeError()) {
    error =
        llvm::handleErrors(std::move(error), [&](const UnsupportedText &fault) {
          warnings.push_back(fault.where + ": " + fault.cause +
                             "; the artifact takes and gives token ids, no "
                             "text");
        });
    if (error)
      return std::move(error);
  }
  llvm::Expected<std::optional<int32_t>> padding = std::nullopt;
  if (tokenizer)
    padding = readPadding(files, *tokenizer, options.texts, warnings);
  if (!padding)
    return padding.takeError();
  llvm::Expected<TextTables> tables =
      build(tokenizer ? &*tokenizer : nullptr, options,
            readChatTemplate(files, warnings, options.chatDate), *padding);
  if (tables)
    tables->warnings = std::move(warnings);
  return tables;
}

llvm::Expected<TextTables> ashlar::buildTextTables(const TextOptions &options) {
  return build(nullptr, options);
}
