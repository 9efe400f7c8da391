//===- TextTables.cpp - Tokenizer and settings -> blob --------------------===//

#include "compiler/Text/TextTables.h"
#include "compiler/Spec/Limits.h"
#include "compiler/Text/Blob.h"
#include "compiler/Text/Languages.h"
#include "compiler/Text/ModelTables.h"
#include "compiler/Text/PartReader.h"
#include "compiler/Text/TableBuilder.h"
#include "compiler/Text/chat/Chat.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "compiler/Text/sentencepiece/SentencePiece.h"
#include "runtime/text/text.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;

static llvm::Error tooLarge() {
  return userError("", "the tokenizer's tables are larger than 2 GiB");
}

//===----------------------------------------------------------------------===//
// Generation and labels
//===----------------------------------------------------------------------===//

static llvm::Expected<int32_t> toToken(std::optional<int64_t> value,
                                       const char *name) {
  if (!value)
    return ASHLAR_TEXT_NONE;
  if (*value < 0 || *value > INT32_MAX)
    return userError("", llvm::Twine("\"") + name + "\" is " +
                             llvm::Twine(*value) + ", which is no token id");
  return static_cast<int32_t>(*value);
}

/// Lengths beyond what a context can hold are as good as its largest value.
static int32_t toLength(std::optional<int64_t> value) {
  if (!value)
    return ASHLAR_TEXT_NONE;
  return static_cast<int32_t>(std::clamp<int64_t>(*value, 0, INT32_MAX));
}

static uint32_t earlyStoppingOf(EarlyStopping value) {
  switch (value) {
  case EarlyStopping::False:
    return ASHLAR_EARLY_STOPPING_FALSE;
  case EarlyStopping::True:
    return ASHLAR_EARLY_STOPPING_TRUE;
  case EarlyStopping::Never:
    return ASHLAR_EARLY_STOPPING_NEVER;
  }
  return ASHLAR_EARLY_STOPPING_FALSE;
}

static void addSearch(const Generation &generation,
                      ashlar_text_header &header) {
  static_assert(maxLengthPenalty == ASHLAR_MAX_LENGTH_PENALTY);
  header.length_penalty = generation.lengthPenalty;
  header.early_stopping = earlyStoppingOf(generation.earlyStopping);
  header.num_return_sequences =
      static_cast<uint32_t>(generation.numReturnSequences);
}

static llvm::Error addGeneration(const Generation &generation, Blob &blob,
                                 ashlar_text_header &header) {
  std::vector<int64_t> start = generation.decoderPrompt;
  if (generation.decoderStartToken)
    start.insert(start.begin(), *generation.decoderStartToken);
  struct {
    llvm::ArrayRef<int64_t> values;
    const char *name;
    ashlar_text_section *field;
  } lists[] = {
      {generation.endTokens, "eos_token_id", &header.end_tokens},
      {start, "decoder_start_token_id", &header.decoder_start},
      {generation.suppressedTokens, "suppress_tokens", &header.suppressed},
      {generation.suppressedAtBegin, "begin_suppress_tokens",
       &header.suppressed_at_begin}};
  for (auto &list : lists) {
    std::vector<int32_t> ids;
    for (int64_t token : list.values) {
      llvm::Expected<int32_t> id = toToken(token, list.name);
      if (!id)
        return id.takeError();
      ids.push_back(*id);
    }
    *list.field = blob.add(ids);
  }
  struct {
    std::optional<int64_t> value;
    const char *name;
    int32_t *field;
  } tokens[] = {
      {generation.forcedFirstToken, "forced_bos_token_id",
       &header.forced_first},
      {generation.forcedLastToken, "forced_eos_token_id", &header.forced_last}};
  for (auto &token : tokens) {
    llvm::Expected<int32_t> id = toToken(token.value, token.name);
    if (!id)
      return id.takeError();
    *token.field = *id;
  }
  header.max_length = toLength(generation.maxLength);
  header.max_new_tokens = toLength(generation.maxNewTokens);
  addSearch(generation, header);
  return llvm::Error::success();
}

static uint32_t poolingOf(Pooling pooling) {
  switch (pooling) {
  case Pooling::Mean:
    return ASHLAR_POOLING_MEAN;
  case Pooling::Cls:
    return ASHLAR_POOLING_CLS;
  case Pooling::Last:
    return ASHLAR_POOLING_LAST;
  case Pooling::Max:
    return ASHLAR_POOLING_MAX;
  case Pooling::Other:
    return ASHLAR_POOLING_OTHER;
  }
  return ASHLAR_POOLING_OTHER;
}

static void addSentence(const std::optional<SentenceEmbedding> &sentence,
                        ashlar_text_header &header) {
  header.pooling =
      sentence ? poolingOf(sentence->pooling) : uint32_t(ASHLAR_POOLING_NONE);
  header.normalize = sentence && sentence->normalize;
}

static uint32_t scoresOf(std::optional<LabelScores> scores) {
  if (!scores)
    return ASHLAR_SCORES_USUAL;
  switch (*scores) {
  case LabelScores::Softmax:
    return ASHLAR_SCORES_SOFTMAX;
  case LabelScores::Sigmoid:
    return ASHLAR_SCORES_SIGMOID;
  case LabelScores::Logits:
    return ASHLAR_SCORES_LOGITS;
  }
  llvm_unreachable("every kind of scores is handled above");
}

static void addSettings(const TextSettings &texts,
                        std::optional<int32_t> padding, Blob &blob,
                        ashlar_text_header &header) {
  auto toCount = [](int64_t count) {
    return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, INT32_MAX));
  };
  header.label_scores = scoresOf(texts.labelScores);
  header.most_tokens = toCount(texts.maxTokens);
  header.prompt = blob.addString(texts.prompt);
  header.padded_tokens = padding ? toCount(texts.paddedTokens) : 0;
  header.padding = padding.value_or(0);
}

static void addLabels(llvm::ArrayRef<std::string> labels, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_string> strings;
  for (const std::string &label : labels)
    strings.push_back(blob.addString(label));
  header.labels = blob.add(strings);
}

//===----------------------------------------------------------------------===//
// Added tokens
//===----------------------------------------------------------------------===//

static ashlar_text_table addTable(const CodePointTable<uint8_t> &table,
                                  Blob &blob) {
  return {blob.add(table.pages), blob.add(table.entries)};
}

static ashlar_text_pattern addPattern(const Pattern &from, Blob &blob) {
  static_assert(RegexDfa::match == ASHLAR_TEXT_MATCH);
  const RegexDfa &dfa = from.dfa;
  ashlar_text_pattern pattern = {};
  pattern.classes = dfa.classCount;
  pattern.states = dfa.stateCount();
  pattern.start = dfa.start;
  pattern.flags = dfa.lastLine ? ASHLAR_PATTERN_LAST_LINE : 0;
  pattern.table = {blob.add(dfa.classes.pages), blob.add(dfa.classes.entries)};
  pattern.transitions = blob.add(dfa.transitions);
  pattern.starts = blob.add(dfa.starts);
  pattern.notation = blob.addString(from.notation);
  return pattern;
}

static void addSteps(const Tokenizer &tokenizer, Blob &blob,
                     ashlar_text_header &header) {
  std::vector<ashlar_text_step> steps;
  for (const auto *list : {&tokenizer.normalizer, &tokenizer.preTokenizer})
    for (const Tokenizer::Step &step : *list) {
      ashlar_text_step written = {};
      written.kind = step.kind;
      written.flags = step.flags;
      written.pattern = addPattern(step.pattern, blob);
      written.string = blob.addString(step.string);
      written.map = {blob.add(step.map.table.pages),
                     blob.add(step.map.table.entries)};
      std::vector<ashlar_text_string> strings;
      for (const std::string &text : step.map.strings)
        strings.push_back(blob.addString(text));
      written.strings = blob.add(strings);
      written.orders = addTable(step.orders, blob);
      written.pairs = blob.add(step.pairs);
      written.units = blob.add(step.units);
      steps.push_back(written);
    }
  header.steps = blob.add(steps);
  header.normalizer_steps = tokenizer.normalizer.size();
}

/// What the normalizer makes of a token's text: the executable's own code does
/// it, with tables that hold nothing else.
static llvm::Expected<std::string> normalize(const std::string &steps,
                                             llvm::StringRef input) {
  ashlar_text text = {};
  text.blob = reinterpret_cast<const unsigned char *>(steps.data());
  text.header = reinterpret_cast<const ashlar_text_header *>(steps.data());
  llvm::Expected<std::unique_ptr<PatternMatcher>> matcher =
      PatternMatcher::create(text);
  if (!matcher)
    return matcher.takeError();
  if (*matcher)
    text.matcher = (*matcher)->matcher();
  std::string result;
  ashlar_error error;
  if (ashlar_text_normalize(
          &text, input.data(), input.size(),
          [](void *user, const char *bytes, size_t count) {
            static_cast<std::string *>(user)->append(bytes, count);
          },
          &result, &error))
    return userError("", llvm::Twine("added token \"") +
                             escapeForDisplay(input) + "\": " + error.message);
  return result;
}

static std::string normalizerBlob(const Tokenizer &tokenizer) {
  Blob blob;
  ashlar_text_header header = {};
  addSteps(tokenizer, blob, header);
  return std::move(blob).finish(header);
}

static void addClasses(Blob &blob, ashlar_text_header &header) {
  CodePointSet space = whiteSpace(), word = wordCharacters(), either = word;
  either.add(space);
  header.classes = addTable(
      buildCodePointTable<uint8_t>(
          either,
          [&](uint32_t codePoint) {
            return (space.contains(codePoint) ? ASHLAR_CLASS_SPACE : 0) |
                   (word.contains(codePoint) ? ASHLAR_CLASS_WORD : 0);
          }),
      blob);
}

/// Of all added tokens behind the normalizer. A trie takes many times that.
static constexpr size_t mostAddedBytes = size_t(16) << 20;

static llvm::Error addAddedTokens(const Tokenizer &tokenizer, Blob &blob,
                                  ashlar_text_header &header) {
  TrieBuilder tries(/*roots=*/2);
  std::string steps = normalizerBlob(tokenizer);
  std::vector<ashlar_text_added> added;
  bool looksAround = false;
  size_t bytes = 0;
  for (const Tokenizer::AddedToken &token : tokenizer.addedTokens) {
    uint32_t flags = (token.special ? ASHLAR_ADDED_SPECIAL : 0) |
                     (token.leftStrip ? ASHLAR_ADDED_LSTRIP : 0) |
                     (token.rightStrip ? ASHLAR_ADDED_RSTRIP : 0) |
                     (token.singleWord ? ASHLAR_ADDED_SINGLE_WORD : 0);
    looksAround |= token.leftStrip || token.rightStrip || token.singleWord;
    llvm::Expected<std::string> text =
        token.normalized ? normalize(steps, token.text) : token.text;
    if (!text)
      return text.takeError();
    // Each may grow by itself, but not all of them.
    bytes += text->size();
    if (bytes > mostAddedBytes)
      return userError("", "the normalizer makes added tokens of more than " +
                               llvm::Twine(mostAddedBytes >> 20) + " MiB");
    if (!text->empty())
      tries.insert(token.normalized, *text, added.size());
    added.push_back({token.id, flags});
  }
  header.added = blob.add(added);
  header.added_tries = tries.write(blob);
  if (looksAround)
    addClasses(blob, header);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Everything
//===----------------------------------------------------------------------===//

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
  if (llvm::Error error = addGeneration(options.generation, blob, header))
    return error;
  addLabels(options.labels, blob, header);
  addSentence(options.sentence, header);
  addSettings(options.texts, padding, blob, header);
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
