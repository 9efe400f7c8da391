//===- PreTokenizer.cpp - "pre_tokenizer" -> steps ------------------------===//

#include "compiler/Text/ByteLevel.h"
#include "compiler/Text/PartReader.h"

#include "llvm/ADT/StringSwitch.h"

using namespace ashlar;

using Step = Tokenizer::Step;

static constexpr const char *supportedTypes =
    "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, "
    "Punctuation, Sequence, Split, Whitespace, WhitespaceSplit";

/// What GPT-2 cuts text with; ByteLevel with "use_regex" stands for it.
static constexpr const char *byteLevelPattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
    "|\\s+(?!\\S)|\\s+";

namespace {

class PreTokenizerReader : PartReader {
public:
  PreTokenizerReader(const JsonDocument &document,
                     const TokenizerOverrides &overrides, Tokenizer &tokenizer)
      : PartReader(document), overrides(overrides), tokenizer(tokenizer) {}

  llvm::Error read(const JsonValue &value, unsigned depth = 0);
  /// Byte-level vocabularies are looked up by their bytes from here on.
  void finish();

private:
  llvm::Error readType(const JsonValue &value, llvm::StringRef name,
                       unsigned depth);
  llvm::Error readSequence(const JsonValue &value, unsigned depth);
  llvm::Error readSplit(const JsonValue &value);
  llvm::Error readDelimiter(const JsonValue &value);
  llvm::Error readDigits(const JsonValue &value);
  llvm::Error readPunctuation(const JsonValue &value);
  llvm::Error readByteLevel(const JsonValue &value, unsigned depth);
  llvm::Error readMetaspace(const JsonValue &value);
  llvm::Expected<uint32_t> readScheme(const JsonValue &value, bool &never);
  llvm::Expected<uint32_t> readBehavior(const JsonValue &value);
  llvm::Error add(const JsonValue &value, const Regex &regex, uint32_t flags);
  llvm::Error add(const JsonValue &value, Step step);

  const TokenizerOverrides &overrides;
  Tokenizer &tokenizer;
  bool isByteLevel = false; // texts are spelled in its alphabet by now
};

} // namespace

/// The pattern for bytes themselves of one for their spelling: classes move to
/// the bytes whose letters have them.
static void readBytes(RegexDfa &pattern) {
  pattern.lastLine = false; // no byte is spelled as a newline
  CodePointTable<uint16_t> bytes;
  bytes.pages.assign(ASHLAR_TEXT_PAGES, 0);
  for (unsigned byte = 0; byte < 256; ++byte)
    bytes.entries.push_back(pattern.classes.at(spellingOf(byte)));
  pattern.classes = std::move(bytes);
}

llvm::Error PreTokenizerReader::add(const JsonValue &value, Step step) {
  if (isByteLevel) {
    readBytes(step.pattern.dfa);
    step.flags |= ASHLAR_SPLIT_BYTES;
  }
  tokenizer.preTokenizer.push_back(std::move(step));
  if (tokenizer.normalizer.size() + tokenizer.preTokenizer.size() >
      ASHLAR_TEXT_MAX_STEPS)
    return unsupported(value, "more than " +
                                  llvm::Twine(ASHLAR_TEXT_MAX_STEPS) +
                                  " steps in one tokenizer");
  return llvm::Error::success();
}

llvm::Error PreTokenizerReader::add(const JsonValue &value, const Regex &regex,
                                    uint32_t flags) {
  llvm::Expected<Pattern> pattern = compile(value, regex);
  if (!pattern)
    return pattern.takeError();
  return add(value, {.kind = ASHLAR_STEP_SPLIT,
                     .flags = flags,
                     .pattern = std::move(*pattern)});
}

llvm::Expected<uint32_t>
PreTokenizerReader::readBehavior(const JsonValue &value) {
  llvm::Expected<llvm::StringRef> name = document.asString(value, "behavior");
  if (!name)
    return name.takeError();
  int flags = llvm::StringSwitch<int>(*name)
                  .Case("Removed", ASHLAR_SPLIT_REMOVED)
                  .Case("Isolated", 0)
                  .Case("MergedWithPrevious", ASHLAR_SPLIT_PREVIOUS)
                  .Case("MergedWithNext", ASHLAR_SPLIT_NEXT)
                  .Case("Contiguous", ASHLAR_SPLIT_CONTIGUOUS)
                  .Default(-1);
  if (flags < 0)
    return error(value, "\"behavior\" is \"" + escapeForDisplay(*name) +
                            "\"; supported: Contiguous, Isolated, "
                            "MergedWithNext, MergedWithPrevious, Removed");
  return flags;
}

llvm::Error PreTokenizerReader::readSplit(const JsonValue &value) {
  llvm::Expected<const JsonValue *> pattern =
      member(value, "pattern", "pre-tokenizer");
  if (!pattern)
    return pattern.takeError();
  llvm::Expected<Pattern> matched = this->pattern(**pattern);
  if (!matched)
    return matched.takeError();
  llvm::Expected<const JsonValue *> behavior =
      member(value, "behavior", "pre-tokenizer");
  if (!behavior)
    return behavior.takeError();
  llvm::Expected<uint32_t> flags = readBehavior(**behavior);
  if (!flags)
    return flags.takeError();
  llvm::Expected<bool> invert = flag(value, "invert");
  if (!invert)
    return invert.takeError();
  return add(value, {.kind = ASHLAR_STEP_SPLIT,
                     .flags = *flags | (*invert ? ASHLAR_SPLIT_INVERT : 0),
                     .pattern = std::move(*matched)});
}

llvm::Error PreTokenizerReader::readDelimiter(const JsonValue &value) {
  llvm::Expected<std::string> text =
      string(value, "delimiter", "pre-tokenizer");
  if (!text)
    return text.takeError();
  if (text->empty())
    return error(*value.find("delimiter"), "empty delimiter");
  return add(value, literalRegex(*text), ASHLAR_SPLIT_REMOVED);
}

llvm::Error PreTokenizerReader::readDigits(const JsonValue &value) {
  llvm::Expected<bool> individual = flag(value, "individual_digits");
  if (!individual)
    return individual.takeError();
  return add(value,
             llvm::cantFail(parseRegex(*individual ? "\\p{N}" : "\\p{N}+")), 0);
}

/// \w+|[^\w\s]+
static Regex wordsOrSymbols() {
  CodePointSet word = wordCharacters(), symbol = wordCharacters();
  symbol.add(whiteSpace());
  symbol.complement();
  Regex regex;
  Regex::Node choice{.kind = Regex::Kind::Alternation, .children = {}};
  for (const CodePointSet &set : {word, symbol}) {
    uint32_t one = regex.addNode(
        {.kind = Regex::Kind::Set, .index = regex.addSet(set), .children = {}});
    choice.children.push_back(regex.addNode({.kind = Regex::Kind::Repeat,
                                             .children = {one},
                                             .minimum = 1,
                                             .maximum = Regex::unbounded}));
  }
  regex.root = regex.addNode(std::move(choice));
  return regex;
}

llvm::Error PreTokenizerReader::readPunctuation(const JsonValue &value) {
  uint32_t flags = 0;
  if (const JsonValue *behavior = value.find("behavior")) {
    llvm::Expected<uint32_t> read = readBehavior(*behavior);
    if (!read)
      return read.takeError();
    flags = *read;
  }
  return add(value, setRegex(bertPunctuation()), flags);
}

llvm::Error PreTokenizerReader::readByteLevel(const JsonValue &value,
                                              unsigned depth) {
  llvm::Expected<bool> space = flag(value, "add_prefix_space", true);
  if (!space)
    return space.takeError();
  if (depth == 0)
    space = overrides.prefixSpace.value_or(*space);
  llvm::Expected<bool> cuts = flag(value, "use_regex", true);
  if (!cuts)
    return cuts.takeError();
  if (*space)
    if (llvm::Error error = add(value, {.kind = ASHLAR_STEP_PREPEND,
                                        .flags = ASHLAR_PREPEND_UNLESS,
                                        .string = " "}))
      return error;
  if (*cuts)
    if (llvm::Error error =
            add(value, llvm::cantFail(parseRegex(byteLevelPattern)), 0))
      return error;
  isByteLevel = true;
  return llvm::Error::success();
}

/// Flags of the prepending step. Files of old versions have a flag instead.
llvm::Expected<uint32_t> PreTokenizerReader::readScheme(const JsonValue &value,
                                                        bool &never) {
  llvm::Expected<bool> space = flag(value, "add_prefix_space", true);
  if (!space)
    return space.takeError();
  never = !*space;
  const JsonValue *scheme = value.find("prepend_scheme");
  if (!scheme)
    return ASHLAR_PREPEND_UNLESS;
  llvm::Expected<llvm::StringRef> name =
      document.asString(*scheme, "prepend_scheme");
  if (!name)
    return name.takeError();
  if (*name != "always" && *name != "first" && *name != "never")
    return error(*scheme, "\"prepend_scheme\" is \"" + escapeForDisplay(*name) +
                              "\"; supported: always, first, never");
  never |= *name == "never";
  return ASHLAR_PREPEND_UNLESS | (*name == "first" ? ASHLAR_PREPEND_FIRST : 0);
}

llvm::Error PreTokenizerReader::readMetaspace(const JsonValue &value) {
  llvm::Expected<std::string> mark =
      string(value, "replacement", "pre-tokenizer");
  if (!mark)
    return mark.takeError();
  if (mark->empty() || mark->size() > 4)
    return error(*value.find("replacement"),
                 "\"replacement\" must be one character");
  bool never = false;
  llvm::Expected<uint32_t> flags = readScheme(value, never);
  if (!flags)
    return flags.takeError();
  llvm::Expected<bool> cuts = flag(value, "split", true);
  if (!cuts)
    return cuts.takeError();
  llvm::Expected<Pattern> blank = compile(value, literalRegex(" "));
  if (!blank)
    return blank.takeError();
  if (llvm::Error error = add(value, {.kind = ASHLAR_STEP_REPLACE,
                                      .pattern = std::move(*blank),
                                      .string = *mark}))
    return error;
  if (!never)
    if (llvm::Error error = add(
            value,
            {.kind = ASHLAR_STEP_PREPEND, .flags = *flags, .string = *mark}))
      return error;
  if (!*cuts)
    return llvm::Error::success();
  return add(value, literalRegex(*mark), ASHLAR_SPLIT_NEXT);
}

llvm::Error PreTokenizerReader::readSequence(const JsonValue &value,
                                             unsigned depth) {
  llvm::Expected<const JsonValue *> list =
      array(value, "pretokenizers", "pre-tokenizer");
  if (!list)
    return list.takeError();
  for (const JsonValue &element : (*list)->elements)
    if (llvm::Error error = read(element, depth + 1))
      return error;
  return llvm::Error::success();
}

llvm::Error PreTokenizerReader::read(const JsonValue &value, unsigned depth) {
  if (value.isNull() && depth == 0)
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> name = typeOf(value, "pre-tokenizer");
  if (!name)
    return name.takeError();
  // Behind it there are letters for bytes, which executables never see: what
  // cuts the text can read bytes in their place, what rewrites it cannot.
  if (isByteLevel && (*name == "ByteLevel" || *name == "Metaspace"))
    return unsupported(value, "pre-tokenizer \"" + *name +
                                  "\" behind ByteLevel is not supported");
  return readType(value, *name, depth);
}

llvm::Error PreTokenizerReader::readType(const JsonValue &value,
                                         llvm::StringRef name, unsigned depth) {
  if (name == "Sequence")
    return readSequence(value, depth);
  if (name == "Split")
    return readSplit(value);
  if (name == "CharDelimiterSplit")
    return readDelimiter(value);
  if (name == "Digits")
    return readDigits(value);
  if (name == "Punctuation")
    return readPunctuation(value);
  if (name == "ByteLevel")
    return readByteLevel(value, depth);
  if (name == "Metaspace")
    return readMetaspace(value);
  if (name == "WhitespaceSplit")
    return add(value, setRegex(whiteSpace()), ASHLAR_SPLIT_REMOVED);
  // Words, or whatever is neither word nor white space; the rest vanishes.
  if (name == "Whitespace")
    return add(value, wordsOrSymbols(),
               ASHLAR_SPLIT_REMOVED | ASHLAR_SPLIT_INVERT);
  if (name == "BertPreTokenizer") {
    if (llvm::Error error =
            add(value, setRegex(whiteSpace()), ASHLAR_SPLIT_REMOVED))
      return error;
    return add(value, setRegex(bertPunctuation()), 0);
  }
  return unsupportedType(value, "pre-tokenizer", name, supportedTypes);
}

void PreTokenizerReader::finish() {
  if (!isByteLevel)
    return;
  tokenizer.model.flags |= ASHLAR_MODEL_BYTES;
  for (Tokenizer::Token &token : tokenizer.tokens) {
    token.bytes = spelledBytes(token.text);
    // No text is spelled like that.
    if (!token.bytes)
      token.vocabulary = false;
  }
}

llvm::Error ashlar::readPreTokenizer(const JsonDocument &document,
                                     const JsonValue &value,
                                     const TokenizerOverrides &overrides,
                                     Tokenizer &tokenizer) {
  PreTokenizerReader reader(document, overrides, tokenizer);
  if (llvm::Error error = reader.read(value))
    return error;
  reader.finish();
  return llvm::Error::success();
}
