//===- SentencePieceSteps.cpp - Text before and behind the pieces ---------===//

#include "compiler/Text/Charsmap.h"
#include "compiler/Text/sentencepiece/SentencePieceReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// What SentencePiece writes for a blank.
static constexpr StringRef blank = "\xE2\x96\x81";

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
  if (Error error = readNormalizer(parts, list[0], {}, tokenizer))
    return error;
  if (Error error = readDecoder(parts, list[2], tokenizer))
    return error;
  return readPreTokenizer(parts, list[1], {}, tokenizer);
}

static Error addNormalizer(const std::string &file, StringRef part,
                           Tokenizer &tokenizer) {
  JsonDocument document = llvm::cantFail(parseJson(part, file));
  return readNormalizer(document, document.root, {}, tokenizer);
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
       .pattern = llvm::cantFail(makePattern(graphemeRegex())),
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
