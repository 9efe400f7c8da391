//===- SentencePiece.cpp - SentencePiece models as tokenizers -------------===//

#include "compiler/Text/SentencePiece.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/Charsmap.h"
#include "compiler/Text/PartReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using Type = SentencePieceModel::Type;

/// What SentencePiece writes for a blank.
static constexpr StringRef blank = "\xE2\x96\x81";

namespace {

class SentencePieceReader {
public:
  SentencePieceReader(const SentencePieceModel &model,
                      const SentencePieceFamily &family,
                      const TokenizerConfig &config, int64_t vocabulary)
      : model(model), family(family), config(config), vocabulary(vocabulary) {}

  Error read(llvm::ArrayRef<SentencePieceEntry> entries);

  Tokenizer tokenizer;

private:
  Error readBlanks();
  Error addTokens(llvm::ArrayRef<SentencePieceEntry> entries);
  Error checkId(int64_t id, StringRef text) const;
  void addAdded(Tokenizer::AddedToken token);
  Error addSpecialTokens();
  Error addConfiguredTokens();
  Error addModel(llvm::ArrayRef<SentencePieceEntry> entries);
  Error addMerges(llvm::ArrayRef<SentencePieceEntry> entries);
  Error addSteps();
  Error addParts(StringRef normalizer, StringRef preTokenizer,
                 StringRef decoder);
  Error addTemplate();
  Error addItem(const SentencePieceFamily::Special &special, StringRef setting,
                bool absent);
  /// Whether a blank can only be a piece's first character.
  bool cutsAtBlanks() const;

  const SentencePieceModel &model;
  const SentencePieceFamily &family;
  const TokenizerConfig &config;
  const int64_t vocabulary;
  TokenIds ids;
  llvm::StringMap<size_t> addedIndex;
  bool addsPrefix = true;
  bool isLegacy = true;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

Error SentencePieceReader::checkId(int64_t id, StringRef text) const {
  if (vocabulary == 0 || id < vocabulary)
    return Error::success();
  return userError(model.file, "token \"" + escapeForDisplay(text) +
                                   "\" has id " + llvm::Twine(id) +
                                   "; the model's vocabulary has " +
                                   llvm::Twine(vocabulary) + " tokens");
}

void SentencePieceReader::addAdded(Tokenizer::AddedToken token) {
  tokenizer.tokens[token.id].special = token.special;
  auto [it, isNew] =
      addedIndex.try_emplace(token.text, tokenizer.addedTokens.size());
  if (isNew)
    tokenizer.addedTokens.push_back(std::move(token));
  else
    tokenizer.addedTokens[it->second] = std::move(token);
}

Error SentencePieceReader::addTokens(
    llvm::ArrayRef<SentencePieceEntry> entries) {
  for (const SentencePieceEntry &entry : entries) {
    int32_t id = tokenizer.tokens.size();
    Tokenizer::Token &token = tokenizer.tokens.emplace_back();
    if (entry.text.empty())
      continue;
    if (Error error = checkId(id, entry.text))
      return error;
    token.text = entry.text;
    token.present = true;
    token.vocabulary =
        entry.type == Type::Normal || entry.type == Type::UserDefined;
    auto [known, isNew] = ids.try_emplace(entry.text, id);
    if (!isNew)
      return userError(model.file, "token \"" + escapeForDisplay(entry.text) +
                                       "\" occurs twice, as " +
                                       llvm::Twine(known->second) + " and " +
                                       llvm::Twine(id));
    bool isSpecial = entry.type == Type::Control || entry.type == Type::Unknown;
    if (!isSpecial && entry.type != Type::UserDefined)
      continue;
    Tokenizer::AddedToken added = {
        .id = id, .text = entry.text, .special = isSpecial};
    added.leftStrip = entry.leftStrip;
    addAdded(std::move(added));
  }
  return Error::success();
}

/// Tokens with a part to play are special, whatever kind their piece has.
Error SentencePieceReader::addSpecialTokens() {
  for (const char *key : {"bos_token", "eos_token", "unk_token", "sep_token",
                          "pad_token", "cls_token", "mask_token"}) {
    Expected<std::optional<std::string>> name = config.text(key);
    if (!name)
      return name.takeError();
    auto found = *name ? ids.find(**name) : ids.end();
    if (found == ids.end() || tokenizer.tokens[found->second].special)
      continue;
    Tokenizer::AddedToken token = {
        .id = found->second, .text = **name, .special = true};
    token.leftStrip = StringRef(key) == "mask_token";
    addAdded(std::move(token));
  }
  for (const char *name : {"<start_of_turn>", "<end_of_turn>"})
    if (auto found = ids.find(name);
        found != ids.end() && family.kind == StringRef("Gemma"))
      addAdded({.id = found->second, .text = name, .special = true});
  return Error::success();
}

Error SentencePieceReader::addConfiguredTokens() {
  Expected<std::vector<Tokenizer::AddedToken>> added = config.addedTokens();
  if (!added)
    return added.takeError();
  int64_t limit = 2 * int64_t(tokenizer.tokens.size() + added->size()) + 1024;
  for (Tokenizer::AddedToken &token : *added) {
    auto known = ids.find(token.text);
    if (known != ids.end() && known->second != token.id)
      return userError(config.document->file,
                       "added token \"" + escapeForDisplay(token.text) +
                           "\" has id " + llvm::Twine(token.id) + "; in " +
                           model.file + " it is " + llvm::Twine(known->second));
    if (known == ids.end()) {
      if (Error error = checkId(token.id, token.text))
        return error;
      if (token.id >= limit)
        return userError(config.document->file,
                         "added token \"" + escapeForDisplay(token.text) +
                             "\" has id " + llvm::Twine(token.id) +
                             ", which is too large for a vocabulary of " +
                             llvm::Twine(tokenizer.tokens.size()) + " tokens");
      if (size_t(token.id) >= tokenizer.tokens.size())
        tokenizer.tokens.resize(token.id + 1);
      Tokenizer::Token &at = tokenizer.tokens[token.id];
      if (at.present)
        return userError(config.document->file,
                         "tokens \"" + escapeForDisplay(at.text) + "\" and \"" +
                             escapeForDisplay(token.text) +
                             "\" have the same id " + llvm::Twine(token.id));
      at.text = token.text;
      at.present = true;
      ids[token.text] = token.id;
    }
    addAdded(std::move(token));
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// Characters of valid UTF-8.
static size_t countCharacters(StringRef text) {
  return llvm::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

namespace {
struct Merge {
  ashlar_text_merge ids;
  double score;
  size_t left, right; // characters
};
} // namespace

/// Any two pieces that make a third merge, the piece of the highest score
/// first; equal ones the longer first.
Error SentencePieceReader::addMerges(
    llvm::ArrayRef<SentencePieceEntry> entries) {
  constexpr uint64_t mostWork = uint64_t(1) << 30;
  uint64_t work = 0;
  std::vector<Merge> merges;
  for (const SentencePieceEntry &entry : entries) {
    StringRef text = entry.text;
    work += uint64_t(text.size()) * text.size();
    if (work > mostWork)
      return userError(model.file, "the pieces are too long to be merged");
    int32_t id = ids.lookup(text);
    if (!tokenizer.tokens[id].vocabulary)
      continue;
    for (size_t at = 1; at < text.size(); ++at) {
      auto left = ids.find(text.take_front(at));
      auto right = ids.find(text.drop_front(at));
      if (left == ids.end() || right == ids.end() ||
          !tokenizer.tokens[left->second].vocabulary ||
          !tokenizer.tokens[right->second].vocabulary)
        continue;
      merges.push_back({{left->second, right->second, id},
                        entry.score,
                        countCharacters(left->first()),
                        countCharacters(right->first())});
    }
  }
  llvm::sort(merges, [](const Merge &a, const Merge &b) {
    return std::tuple(b.score, b.left, b.right, a.ids.merged, a.ids.left) <
           std::tuple(a.score, a.left, a.right, b.ids.merged, b.ids.left);
  });
  for (const Merge &merge : merges)
    tokenizer.model.merges.push_back(merge.ids);
  return Error::success();
}

Error SentencePieceReader::addModel(
    llvm::ArrayRef<SentencePieceEntry> entries) {
  Tokenizer::Model &made = tokenizer.model;
  double lowest = 0;
  for (const auto &[id, entry] : llvm::enumerate(entries)) {
    made.scores.push_back(entry.score);
    lowest = std::min(lowest, entry.score);
    if (entry.type == Type::Unknown && !made.unknown)
      made.unknown = id;
  }
  // What the unknown costs more than the unlikeliest piece.
  made.unknownScore = lowest - 10;
  if (model.byteFallback) {
    made.flags |= ASHLAR_MODEL_FALLBACK;
    for (unsigned byte = 0; byte < 256; ++byte) {
      auto found = ids.find(llvm::formatv("<0x{0:X-2}>", byte).str());
      made.byteTokens[byte] =
          found == ids.end() ? ASHLAR_TEXT_NONE : found->second;
    }
  }
  if (model.algorithm == SentencePieceModel::Algorithm::Unigram) {
    made.kind = ASHLAR_MODEL_UNIGRAM;
    made.scores.resize(tokenizer.tokens.size());
    return Error::success();
  }
  made.kind = ASHLAR_MODEL_MERGES;
  made.flags |= ASHLAR_MODEL_FUSE_UNKNOWN;
  made.scores.clear();
  return addMerges(entries);
}

//===----------------------------------------------------------------------===//
// Text before and behind the model
//===----------------------------------------------------------------------===//

Error SentencePieceReader::readBlanks() {
  Expected<std::optional<bool>> prefix = config.flag("add_prefix_space");
  if (!prefix)
    return prefix.takeError();
  addsPrefix = model.addsPrefix && prefix->value_or(true);
  if (!family.hasLegacy)
    return Error::success();
  Expected<std::optional<bool>> legacy = config.flag("legacy");
  if (!legacy)
    return legacy.takeError();
  isLegacy = legacy->value_or(true);
  return Error::success();
}

bool SentencePieceReader::cutsAtBlanks() const {
  return llvm::none_of(tokenizer.tokens, [](const Tokenizer::Token &token) {
    return token.vocabulary &&
           StringRef(token.text).find(blank, 1) != StringRef::npos;
  });
}

/// The parts that tokenizer.json has a notation for.
Error SentencePieceReader::addParts(StringRef normalizer,
                                    StringRef preTokenizer, StringRef decoder) {
  std::string text =
      ("[" + normalizer + "," + preTokenizer + "," + decoder + "]").str();
  JsonDocument parts = llvm::cantFail(parseJson(text, model.file));
  llvm::ArrayRef<JsonValue> list = parts.root.elements;
  if (Error error = readNormalizer(parts, list[0], tokenizer))
    return error;
  if (Error error = readDecoder(parts, list[2], tokenizer))
    return error;
  return readPreTokenizer(parts, list[1], tokenizer);
}

static Error addNormalizer(const std::string &file, StringRef part,
                           Tokenizer &tokenizer) {
  JsonDocument document = llvm::cantFail(parseJson(part, file));
  return readNormalizer(document, document.root, tokenizer);
}

static Error addCharsmap(const SentencePieceModel &model,
                         Tokenizer &tokenizer) {
  if (model.charsmap.empty())
    return Error::success();
  Expected<Charsmap> map = readCharsmapBytes(model.charsmap, model.file);
  if (!map)
    return map.takeError();
  tokenizer.normalizer.push_back(
      {.kind = ASHLAR_STEP_CHARSMAP,
       .pattern = llvm::cantFail(compileRegex(graphemeRegex())),
       .string = std::move(map->texts),
       .units = std::move(map->units)});
  return Error::success();
}

/// What the library does to ALBERT's texts before the pieces' own rules.
static Error addAlbert(const SentencePieceModel &model,
                       const TokenizerConfig &config, Tokenizer &tokenizer) {
  Expected<std::optional<bool>> lower = config.flag("do_lower_case");
  if (!lower)
    return lower.takeError();
  Expected<std::optional<bool>> accents = config.flag("keep_accents");
  if (!accents)
    return accents.takeError();
  std::string steps =
      R"({"type":"Replace","pattern":{"String":"``"},"content":"\""},)"
      R"({"type":"Replace","pattern":{"String":"''"},"content":"\""})";
  if (!accents->value_or(false))
    steps += R"(,{"type":"NFKD"},{"type":"StripAccents"})";
  if (lower->value_or(true))
    steps += R"(,{"type":"Lowercase"})";
  return addNormalizer(model.file,
                       R"({"type":"Sequence","normalizers":[)" + steps + "]}",
                       tokenizer);
}

Error SentencePieceReader::addSteps() {
  if (family.kind == StringRef("Albert"))
    if (Error error = addAlbert(model, config, tokenizer))
      return error;
  if (Error error = addCharsmap(model, tokenizer))
    return error;
  const char *cuts = cutsAtBlanks() ? "true" : "false";
  StringRef scheme = !addsPrefix ? "never" : isLegacy ? "always" : "first";
  std::string mark = "\"" + blank.str() + "\"";
  std::string metaspace =
      llvm::formatv(R"({{"type":"Metaspace","replacement":{0},)"
                    R"("prepend_scheme":"{1}","split":{2}})",
                    mark, scheme, cuts);
  std::string normalizer = "null", preTokenizer = metaspace;
  if (model.removesExtraBlanks) {
    normalizer =
        R"({"type":"Sequence","normalizers":[)"
        R"({"type":"Strip","strip_left":false,"strip_right":true},)"
        R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]})";
  } else if (isLegacy) {
    // Every blank of the text counts, beside the one before it.
    normalizer = llvm::formatv(
        R"({{"type":"Sequence","normalizers":[{0}{{"type":"Replace",)"
        R"("pattern":{{"String":" "},"content":{1}}]})",
        addsPrefix ? R"({"type":"Prepend","prepend":)" + mark + "}," : "",
        mark);
    preTokenizer =
        llvm::formatv(R"({{"type":"Split","pattern":{{"String":{0}},)"
                      R"("behavior":"MergedWithNext"})",
                      mark);
    if (!cutsAtBlanks())
      preTokenizer = "null";
  }
  std::string decoder =
      llvm::formatv(R"({{"type":"Metaspace","replacement":{0},)"
                    R"("prepend_scheme":"{1}"})",
                    mark, scheme);
  if (model.byteFallback)
    decoder = llvm::formatv(
        R"({{"type":"Sequence","decoders":[{{"type":"Replace","pattern":)"
        R"({{"String":{0}},"content":" "},{{"type":"ByteFallback"},)"
        R"({{"type":"Fuse"}{1}]})",
        mark,
        addsPrefix ? R"(,{"type":"Strip","content":" ","start":1,"stop":0})"
                   : "");
  return addParts(normalizer, preTokenizer, decoder);
}

Error SentencePieceReader::addItem(const SentencePieceFamily::Special &special,
                                   StringRef setting, bool absent) {
  if (!special.name)
    return Error::success();
  if (family.isOptional) {
    Expected<std::optional<bool>> on = config.flag(setting);
    if (!on)
      return on.takeError();
    if (!on->value_or(absent))
      return Error::success();
  }
  Expected<std::optional<std::string>> name = config.text(special.key);
  if (!name)
    return name.takeError();
  std::string text = name->value_or(special.name);
  auto found = ids.find(text);
  if (found == ids.end())
    return userError(model.file, llvm::Twine("\"") + special.key + "\" is \"" +
                                     escapeForDisplay(text) +
                                     "\", which the vocabulary lacks");
  tokenizer.items.push_back({found->second, 0});
  return Error::success();
}

Error SentencePieceReader::addTemplate() {
  Expected<std::optional<std::string>> language =
      sourceLanguage(family, config);
  if (!language)
    return language.takeError();
  std::optional<int32_t> languageId;
  if (*language) {
    auto found = ids.find(**language);
    if (found == ids.end())
      return userError(config.document->file,
                       "\"src_lang\" is \"" + escapeForDisplay(**language) +
                           "\", which the vocabulary lacks");
    languageId = found->second;
  }
  bool isFirst = family.kind == StringRef("MBart50");
  if (languageId && isFirst)
    tokenizer.items.push_back({*languageId, 0});
  if (Error error = addItem(family.before, "add_bos_token", true))
    return error;
  tokenizer.items.push_back({});
  if (Error error = addItem(family.after, "add_eos_token", false))
    return error;
  if (languageId && !isFirst)
    tokenizer.items.push_back({*languageId, 0});
  return Error::success();
}

Error SentencePieceReader::read(llvm::ArrayRef<SentencePieceEntry> entries) {
  if (Error error = readBlanks())
    return error;
  if (Error error = addTokens(entries))
    return error;
  if (Error error = addSpecialTokens())
    return error;
  if (Error error = addConfiguredTokens())
    return error;
  if (Error error = addModel(entries))
    return error;
  if (Error error = addSteps())
    return error;
  return addTemplate();
}

Expected<Tokenizer>
ashlar::readSentencePiece(const TokenizerFiles &files, int64_t vocabulary,
                          std::vector<std::string> &warnings) {
  TokenizerConfig config(files.config ? &*files.config : nullptr);
  Expected<const SentencePieceFamily *> family =
      findSentencePieceFamily(files, config);
  if (!family)
    return family.takeError();
  const std::string &file = files.pieces->file;
  if (!*family) {
    Expected<std::string> kind = config.kind();
    if (!kind)
      return kind.takeError();
    return unsupportedText(
        file, "no tokenizer.json, and what the ids of the pieces are is not "
              "known for " +
                  (kind->empty()
                       ? "\"model_type\" \"" + escapeForDisplay(files.modelType)
                       : "\"tokenizer_class\" \"" + escapeForDisplay(*kind)) +
                  "\"; known: " + sentencePieceFamilies());
  }
  Expected<SentencePieceModel> model =
      parseSentencePieceModel(files.pieces->bytes, file);
  if (!model)
    return model.takeError();
  Expected<std::vector<SentencePieceEntry>> entries =
      layOutPieces(*model, **family, files, config, warnings);
  if (!entries)
    return entries.takeError();
  SentencePieceReader reader(*model, **family, config, vocabulary);
  if (Error error = reader.read(*entries))
    return std::move(error);
  return std::move(reader.tokenizer);
}
