//===- PreTokenizer.cpp - "pre_tokenizer" -> splits -----------------------===//

#include "compiler/Text/Tokenizer.h"
#include "runtime/text/tables.h"

#include "llvm/ADT/StringSwitch.h"

using namespace ashlar;

using Split = Tokenizer::Split;

static constexpr const char *supportedTypes =
    "BertPreTokenizer, Digits, Punctuation, Sequence, Split, Whitespace, "
    "WhitespaceSplit";

namespace {

class PreTokenizerReader {
public:
  explicit PreTokenizerReader(const JsonDocument &document)
      : document(document) {}

  llvm::Error read(const JsonValue &value, unsigned depth = 0);

  std::vector<Split> splits;

private:
  llvm::Error readSequence(const JsonValue &value, unsigned depth);
  llvm::Error readSplit(const JsonValue &value);
  llvm::Error readDigits(const JsonValue &value);
  llvm::Error readPunctuation(const JsonValue &value);
  llvm::Expected<Regex> readPattern(const JsonValue &value);
  llvm::Expected<bool> readBehavior(const JsonValue &value);
  llvm::Error add(const JsonValue &value, const Regex &regex, bool removed,
                  bool invert = false);

  llvm::Expected<const JsonValue *> member(const JsonValue &value,
                                           llvm::StringRef key) {
    if (const JsonValue *found = value.find(key))
      return found;
    return userError(document.where(value),
                     "pre-tokenizer lacks \"" + key + "\"");
  }

  const JsonDocument &document;
};

} // namespace

/// Errors of the regular expression, at the position of `value`.
static llvm::Error relocate(llvm::Error error, const std::string &where) {
  return llvm::handleErrors(std::move(error), [&](const UserError &fault) {
    return userError(where, fault.cause, fault.remedy);
  });
}

llvm::Error PreTokenizerReader::add(const JsonValue &value, const Regex &regex,
                                    bool removed, bool invert) {
  if (splits.size() == ASHLAR_TEXT_MAX_SPLITS)
    return userError(document.where(value),
                     "more than " + llvm::Twine(ASHLAR_TEXT_MAX_SPLITS) +
                         " splits in one pre-tokenizer");
  llvm::Expected<RegexDfa> dfa = compileRegex(regex);
  if (!dfa)
    return relocate(dfa.takeError(), document.where(value));
  splits.push_back({std::move(*dfa), removed, invert});
  return llvm::Error::success();
}

llvm::Expected<bool> PreTokenizerReader::readBehavior(const JsonValue &value) {
  llvm::Expected<llvm::StringRef> name = document.asString(value, "behavior");
  if (!name)
    return name.takeError();
  if (*name == "Removed")
    return true;
  if (*name == "Isolated")
    return false;
  return userError(document.where(value),
                   "\"behavior\" is \"" + escapeForDisplay(*name) +
                       "\"; supported: Isolated, Removed");
}

llvm::Expected<Regex> PreTokenizerReader::readPattern(const JsonValue &value) {
  auto isOnly = [&](const char *key) {
    return value.members.size() == 1 && value.members[0].key == key;
  };
  if (!isOnly("Regex") && !isOnly("String"))
    return userError(document.where(value),
                     "\"pattern\" must hold one of \"Regex\" and \"String\"");
  const JsonValue &pattern = value.members[0].value;
  llvm::Expected<llvm::StringRef> text = document.asString(pattern, "pattern");
  if (!text)
    return text.takeError();
  if (text->empty())
    return userError(document.where(pattern), "empty pattern");
  if (text->size() > 16384)
    return userError(document.where(pattern),
                     "pattern of " + llvm::Twine(text->size()) +
                         " bytes; at most 16384 are supported");
  if (isOnly("String"))
    return literalRegex(*text);
  llvm::Expected<Regex> regex = parseRegex(*text);
  if (!regex)
    return relocate(regex.takeError(), document.where(pattern));
  return regex;
}

llvm::Error PreTokenizerReader::readSplit(const JsonValue &value) {
  llvm::Expected<const JsonValue *> pattern = member(value, "pattern");
  if (!pattern)
    return pattern.takeError();
  llvm::Expected<Regex> regex = readPattern(**pattern);
  if (!regex)
    return regex.takeError();
  llvm::Expected<const JsonValue *> behavior = member(value, "behavior");
  if (!behavior)
    return behavior.takeError();
  llvm::Expected<bool> removed = readBehavior(**behavior);
  if (!removed)
    return removed.takeError();
  bool invert = false;
  if (const JsonValue *flag = value.find("invert")) {
    llvm::Expected<bool> read = document.asBoolean(*flag, "invert");
    if (!read)
      return read.takeError();
    invert = *read;
  }
  return add(**pattern, *regex, *removed, invert);
}

llvm::Error PreTokenizerReader::readDigits(const JsonValue &value) {
  bool individual = false;
  if (const JsonValue *flag = value.find("individual_digits")) {
    llvm::Expected<bool> read = document.asBoolean(*flag, "individual_digits");
    if (!read)
      return read.takeError();
    individual = *read;
  }
  llvm::Expected<Regex> regex = parseRegex(individual ? "\\p{N}" : "\\p{N}+");
  if (!regex)
    return regex.takeError();
  return add(value, *regex, /*removed=*/false);
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
  bool removed = false;
  if (const JsonValue *behavior = value.find("behavior")) {
    llvm::Expected<bool> read = readBehavior(*behavior);
    if (!read)
      return read.takeError();
    removed = *read;
  }
  return add(value, setRegex(bertPunctuation()), removed);
}

llvm::Error PreTokenizerReader::readSequence(const JsonValue &value,
                                             unsigned depth) {
  llvm::Expected<const JsonValue *> list = member(value, "pretokenizers");
  if (!list)
    return list.takeError();
  if (!(*list)->isArray())
    return userError(document.where(**list),
                     "\"pretokenizers\" must be an array");
  for (const JsonValue &element : (*list)->elements)
    if (llvm::Error error = read(element, depth + 1))
      return error;
  return llvm::Error::success();
}

llvm::Error PreTokenizerReader::read(const JsonValue &value, unsigned depth) {
  if (value.isNull() && depth == 0)
    return llvm::Error::success();
  if (!value.isObject())
    return userError(document.where(value),
                     "a pre-tokenizer must be an object");
  llvm::Expected<const JsonValue *> type = member(value, "type");
  if (!type)
    return type.takeError();
  llvm::Expected<llvm::StringRef> name = document.asString(**type, "type");
  if (!name)
    return name.takeError();
  if (*name == "Sequence")
    return readSequence(value, depth);
  if (*name == "Split")
    return readSplit(value);
  if (*name == "Digits")
    return readDigits(value);
  if (*name == "Punctuation")
    return readPunctuation(value);
  if (*name == "WhitespaceSplit")
    return add(value, setRegex(whiteSpace()), /*removed=*/true);
  if (*name == "Whitespace") {
    // Words, or whatever is neither word nor white space; the rest vanishes.
    return add(value, wordsOrSymbols(), /*removed=*/true, /*invert=*/true);
  }
  if (*name == "BertPreTokenizer") {
    if (llvm::Error error = add(value, setRegex(whiteSpace()), true))
      return error;
    return add(value, setRegex(bertPunctuation()), /*removed=*/false);
  }
  return userError(document.where(**type),
                   "pre-tokenizer \"" + escapeForDisplay(*name) +
                       "\" is not supported; supported: " + supportedTypes);
}

llvm::Expected<std::vector<Split>>
ashlar::readPreTokenizer(const JsonDocument &document, const JsonValue &value) {
  PreTokenizerReader reader(document);
  if (llvm::Error error = reader.read(value))
    return error;
  return std::move(reader.splits);
}
