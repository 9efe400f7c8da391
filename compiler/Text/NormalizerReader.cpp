//===- NormalizerReader.cpp - "normalizer" -> steps -----------------------===//

#include "compiler/Text/Charsmap.h"
#include "compiler/Text/PartReader.h"

#include "compiler/Support/Utf8.h"

using namespace ashlar;

using Step = Tokenizer::Step;

static constexpr const char *supportedTypes =
    "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, "
    "Prepend, Replace, Sequence, Strip, StripAccents";

namespace {

class NormalizerReader : PartReader {
public:
  NormalizerReader(const JsonDocument &document,
                   const TokenizerOverrides &overrides, Tokenizer &tokenizer)
      : PartReader(document), overrides(overrides), tokenizer(tokenizer) {}

  llvm::Error read(const JsonValue &value);

private:
  llvm::Error readType(const JsonValue &value, llvm::StringRef type);
  llvm::Error readSequence(const JsonValue &value);
  llvm::Error readBert(const JsonValue &value);
  llvm::Error readStrip(const JsonValue &value);
  llvm::Error readPrepend(const JsonValue &value);
  llvm::Error readReplace(const JsonValue &value);
  llvm::Error readPrecompiled(const JsonValue &value);

  void add(Step step) { tokenizer.normalizer.push_back(std::move(step)); }
  void addMap(const CodePointSet &changed,
              llvm::function_ref<std::string(uint32_t)> replace) {
    add({.kind = ASHLAR_STEP_MAP, .map = buildCharacterMap(changed, replace)});
  }
  void addForm(bool compatibility, bool composes);
  void addNmt();
  void addRemoval(const CodePointSet &removed);

  const TokenizerOverrides &overrides;
  Tokenizer &tokenizer;
  bool isPart = false; // of a sequence, which classes leave as it is
};

} // namespace

static std::string textOf(uint32_t codePoint) {
  std::string text;
  appendUtf8(text, codePoint);
  return text;
}

void NormalizerReader::addForm(bool compatibility, bool composes) {
  UnicodeForm form = unicodeForm(compatibility, composes);
  add({.kind = ASHLAR_STEP_FORM,
       .map = std::move(form.decompositions),
       .orders = std::move(form.classes),
       .pairs = std::move(form.pairs)});
}

void NormalizerReader::addRemoval(const CodePointSet &removed) {
  addMap(removed, [](uint32_t) { return std::string(); });
}

// The categories below are those of Unicode 8: the tokenizers library's tables,
// which models were trained with.

/// Control characters and the like, which BERT leaves out.
static CodePointSet bertRemoved() {
  CodePointSet set = codePointPattern("[[[:Cc:][:Cf:][:Co:]]&[:Age=8.0:]]");
  CodePointSet kept(0x9, 0xA);
  kept.add('\r', '\r');
  kept.complement();
  set.intersect(kept);
  set.add(0xFFFD, 0xFFFD);
  return set;
}

static CodePointSet chineseCharacters() {
  return codePointPattern(
      "[\\u4E00-\\u9FFF\\u3400-\\u4DBF\\U00020000-\\U0002A6DF"
      "\\U0002A700-\\U0002B73F\\U0002B740-\\U0002B81F\\U0002B920-\\U0002CEAF"
      "\\uF900-\\uFAFF\\U0002F800-\\U0002FA1F]");
}

llvm::Error NormalizerReader::readBert(const JsonValue &value) {
  bool clean, chinese, lower, strip;
  for (auto [key, field] :
       {std::pair<const char *, bool *>{"clean_text", &clean},
        {"handle_chinese_chars", &chinese},
        {"lowercase", &lower}}) {
    llvm::Expected<bool> read = flag(value, key, true);
    if (!read)
      return read.takeError();
    *field = *read;
  }
  llvm::Expected<bool> accents = flag(value, "strip_accents", lower);
  if (!accents)
    return accents.takeError();
  strip = *accents;
  if (overrides.bert && !isPart) {
    lower = overrides.bert->lowerCase;
    strip = overrides.bert->stripAccents.value_or(lower);
    chinese = overrides.bert->chinese.value_or(chinese);
  }
  CodePointSet removed = bertRemoved(), space = whiteSpace(),
               ideographs = chineseCharacters();
  CodePointSet changed;
  if (clean) {
    changed.add(removed);
    changed.add(space);
  }
  if (chinese)
    changed.add(ideographs);
  if (!changed.empty())
    addMap(changed, [&](uint32_t c) -> std::string {
      if (clean && removed.contains(c))
        return "";
      if (clean && space.contains(c))
        return " ";
      return " " + textOf(c) + " ";
    });
  if (strip) {
    addForm(/*compatibility=*/false, /*composes=*/false);
    addRemoval(codePointPattern(
        "[[[:Mn:]&[:Age=8.0:]-[\\u1885\\u1886\\uA9BD]]\\u1734]"));
  }
  if (lower)
    addMap(changedByLowerCase(), lowerCase);
  return llvm::Error::success();
}

llvm::Error NormalizerReader::readStrip(const JsonValue &value) {
  llvm::Expected<bool> left = flag(value, "strip_left", true);
  if (!left)
    return left.takeError();
  llvm::Expected<bool> right = flag(value, "strip_right", true);
  if (!right)
    return right.takeError();
  add({.kind = ASHLAR_STEP_STRIP,
       .flags = (*left ? ASHLAR_STRIP_LEFT : 0u) |
                (*right ? ASHLAR_STRIP_RIGHT : 0u),
       .orders = buildMembership(whiteSpace())});
  return llvm::Error::success();
}

llvm::Error NormalizerReader::readPrepend(const JsonValue &value) {
  llvm::Expected<std::string> text = string(value, "prepend", "normalizer");
  if (!text)
    return text.takeError();
  add({.kind = ASHLAR_STEP_PREPEND, .string = std::move(*text)});
  return llvm::Error::success();
}

llvm::Error NormalizerReader::readReplace(const JsonValue &value) {
  llvm::Expected<const JsonValue *> matched =
      member(value, "pattern", "normalizer");
  if (!matched)
    return matched.takeError();
  llvm::Expected<Pattern> dfa = pattern(**matched);
  if (!dfa)
    return dfa.takeError();
  llvm::Expected<std::string> content = string(value, "content", "normalizer");
  if (!content)
    return content.takeError();
  add({.kind = ASHLAR_STEP_REPLACE,
       .pattern = std::move(*dfa),
       .string = std::move(*content)});
  return llvm::Error::success();
}

llvm::Error NormalizerReader::readPrecompiled(const JsonValue &value) {
  const JsonValue *rules = value.find("precompiled_charsmap");
  if (!rules || rules->isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> text =
      document.asString(*rules, "precompiled_charsmap");
  if (!text)
    return text.takeError();
  if (text->empty())
    return llvm::Error::success();
  llvm::Expected<Charsmap> map = readCharsmap(*text, document.where(*rules));
  if (!map)
    return map.takeError();
  llvm::Expected<Pattern> graphemes = compile(value, graphemeRegex());
  if (!graphemes)
    return graphemes.takeError();
  add({.kind = ASHLAR_STEP_CHARSMAP,
       .pattern = std::move(*graphemes),
       .string = std::move(map->texts),
       .units = std::move(map->units)});
  return llvm::Error::success();
}

llvm::Error NormalizerReader::readSequence(const JsonValue &value) {
  llvm::Expected<const JsonValue *> list =
      array(value, "normalizers", "normalizer");
  if (!list)
    return list.takeError();
  isPart = true;
  for (const JsonValue &element : (*list)->elements)
    if (llvm::Error error = read(element))
      return error;
  return llvm::Error::success();
}

/// Models of translation leave out controls and take the rest for blanks.
void NormalizerReader::addNmt() {
  CodePointSet removed = codePointPattern(
      "[\\u0001-\\u0008\\u000B\\u000E-\\u001F\\u007F\\u008F\\u009F]");
  CodePointSet changed = codePointPattern(
      "[\\u0009\\u000A\\u000C\\u000D\\u1680\\u200B-\\u200F\\u2028\\u2029\\u2581"
      "\\uFEFF\\uFFFD]");
  changed.add(removed);
  addMap(changed, [&](uint32_t c) { return removed.contains(c) ? "" : " "; });
}

llvm::Error NormalizerReader::readType(const JsonValue &value,
                                       llvm::StringRef type) {
  if (type == "Sequence")
    return readSequence(value);
  if (type == "BertNormalizer")
    return readBert(value);
  if (type == "Strip")
    return readStrip(value);
  if (type == "Prepend")
    return readPrepend(value);
  if (type == "Replace")
    return readReplace(value);
  if (type == "Precompiled")
    return readPrecompiled(value);
  if (type == "Lowercase")
    addMap(changedByLowerCase(), lowerCase);
  else if (type == "Nmt")
    addNmt();
  else if (type == "StripAccents")
    addRemoval(codePointPattern("[[:M:]&[:Age=9.0:]-[\\U000111C9]]"));
  else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD")
    addForm(type.contains('K'), type.ends_with("C"));
  else
    return unsupportedType(value, "normalizer", type, supportedTypes);
  return llvm::Error::success();
}

llvm::Error NormalizerReader::read(const JsonValue &value) {
  if (value.isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> type = typeOf(value, "normalizer");
  if (!type)
    return type.takeError();
  if (llvm::Error error = readType(value, *type))
    return error;
  // Before the tables of a thousand steps have been built.
  if (tokenizer.normalizer.size() > ASHLAR_TEXT_MAX_STEPS)
    return unsupported(value, "more than " +
                                  llvm::Twine(ASHLAR_TEXT_MAX_STEPS) +
                                  " steps in one tokenizer");
  return llvm::Error::success();
}

llvm::Error ashlar::readNormalizer(const JsonDocument &document,
                                   const JsonValue &value,
                                   const TokenizerOverrides &overrides,
                                   Tokenizer &tokenizer) {
  return NormalizerReader(document, overrides, tokenizer).read(value);
}
