//===- JinjaMethods.cpp - Methods of strings and mappings -----------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/chat/JinjaEvaluator.h"
#include "compiler/Text/regex/CodePointSet.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::StringRef;

using Value = JinjaValue;
using Kind = JinjaValue::Kind;

/// The ends of `text` without the characters of `set`; white space by default.
static StringRef strip(StringRef text, const std::string *set, bool left,
                       bool right) {
  static const CodePointSet space = whiteSpace();
  auto isStripped = [&](StringRef character) {
    if (set)
      return StringRef(*set).contains(character);
    uint32_t c = decodeUtf8(character).value;
    return space.contains(c) || (c >= 0x1C && c <= 0x1F);
  };
  while (left && !text.empty()) {
    size_t length = std::max(decodeUtf8(text).length, 1u);
    if (!isStripped(text.take_front(length)))
      break;
    text = text.drop_front(length);
  }
  while (right && !text.empty()) {
    size_t length = 1;
    while (length < text.size() && length < 4 &&
           (text[text.size() - length] & 0xC0) == 0x80)
      ++length;
    if (!isStripped(text.take_back(length)))
      break;
    text = text.drop_back(length);
  }
  return text;
}

Value JinjaEvaluator::split(const std::string &text,
                            const JinjaArguments &arguments) {
  const std::string *separator = textArgument(arguments, 0, "sep");
  const Value *most = arguments.get(1, "maxsplit");
  int64_t left = most && most->is(Kind::Integer) ? most->integer : -1;
  Value::List list;
  StringRef rest = text;
  if (separator && separator->empty())
    return fail("split by nothing");
  if (!separator)
    rest = strip(rest, nullptr, true, true);
  while (!failed() && left-- != 0) {
    size_t at =
        separator ? rest.find(*separator) : rest.find_first_of(" \t\n\r\f\v");
    if (at == StringRef::npos)
      break;
    list.push_back(makeText(rest.take_front(at).str()));
    rest = rest.drop_front(at + (separator ? separator->size() : 0));
    if (!separator)
      rest = strip(rest, nullptr, true, false);
  }
  if (separator || !rest.empty())
    list.push_back(makeText(rest.str()));
  return makeList(std::move(list));
}

/// Where the line that `text` begins with ends, and its end's bytes.
static std::pair<size_t, size_t> endOfLine(StringRef text) {
  for (size_t at = 0; at < text.size(); ++at) {
    unsigned char c = text[at];
    if (text.drop_front(at).starts_with("\r\n"))
      return {at, 2};
    if ((c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E))
      return {at, 1};
    if (c < 0xC2)
      continue;
    CodePoint character = decodeUtf8(text.drop_front(at));
    if (character.value == 0x85 || character.value == 0x2028 ||
        character.value == 0x2029)
      return {at, size_t(character.length)};
  }
  return {text.size(), 0};
}

std::vector<std::string> JinjaEvaluator::splitLines(StringRef text) {
  std::vector<std::string> lines;
  while (!text.empty() && charge(sizeof(std::string))) {
    auto [length, end] = endOfLine(text);
    lines.push_back(text.take_front(length).str());
    text = text.drop_front(length + end);
  }
  return lines;
}

Value JinjaEvaluator::replace(const std::string &text,
                              const JinjaArguments &arguments) {
  const std::string *from = textArgument(arguments, 0, "old");
  const std::string *to = textArgument(arguments, 1, "new");
  if (!from || !to || from->empty())
    return fail("replace needs a text to replace and another one");
  std::string out;
  StringRef rest = text;
  for (size_t at; (at = rest.find(*from)) != StringRef::npos && !failed();) {
    charge(to->size());
    out += rest.take_front(at);
    out += *to;
    rest = rest.drop_front(at + from->size());
  }
  out += rest;
  return makeText(std::move(out));
}

/// The first character large, the others small; of every word for `title`.
static std::string capitalize(StringRef text, bool everyWord) {
  std::string out = text.lower();
  bool begins = true;
  for (char &c : out) {
    if (begins)
      c = llvm::toUpper(c);
    begins = everyWord && !llvm::isAlpha(c);
  }
  return out;
}

Value JinjaEvaluator::callTextMethod(StringRef name,
                                     const JinjaArguments &arguments) {
  const std::string &text = *arguments.self.text;
  bool left = name == "strip" || name == "lstrip";
  bool right = name == "strip" || name == "rstrip";
  if (left || right)
    return makeText(
        strip(text, textArgument(arguments, 0, "chars"), left, right).str());
  if (name == "startswith" || name == "endswith") {
    const std::string *affix = textArgument(arguments, 0, "prefix");
    if (!affix)
      return fail(name + " needs a string");
    return Value::of(name == "startswith" ? StringRef(text).starts_with(*affix)
                                          : StringRef(text).ends_with(*affix));
  }
  if (name == "split")
    return split(text, arguments);
  if (name == "splitlines") {
    Value::List list;
    for (std::string &line : splitLines(text))
      list.push_back(makeText(std::move(line)));
    return makeList(std::move(list));
  }
  if (name == "replace")
    return replace(text, arguments);
  if (name == "upper" || name == "lower")
    return makeText(name == "upper" ? StringRef(text).upper()
                                    : StringRef(text).lower());
  if (name == "title" || name == "capitalize")
    return makeText(capitalize(text, name == "title"));
  if (name == "join" && arguments.values.size() == 1)
    return join(text, arguments.values[0]);
  if (name == "find") {
    const std::string *part = textArgument(arguments, 0, "sub");
    size_t at = part ? StringRef(text).find(*part) : StringRef::npos;
    if (!part)
      return fail("find needs a string");
    int64_t characters = 0;
    for (char c : StringRef(text).take_front(at))
      characters += (c & 0xC0) != 0x80;
    return Value::of(at == StringRef::npos ? int64_t(-1) : characters);
  }
  return fail("strings have no method \"" + escapeForDisplay(name) +
              "\" here; supported: capitalize, endswith, find, join, lower, "
              "lstrip, replace, rstrip, split, splitlines, startswith, strip, "
              "title, upper");
}

Value JinjaEvaluator::callMapMethod(StringRef name,
                                    const JinjaArguments &arguments) {
  const Value::Map &map = *arguments.self.map;
  if (name == "get" && !arguments.values.empty()) {
    const std::string *key = textArgument(arguments, 0, "key");
    const Value *found = key ? arguments.self.find(*key) : nullptr;
    const Value *absent = arguments.get(1, "default");
    return found ? *found : absent ? *absent : Value::none();
  }
  Value::List list;
  for (const auto &[key, value] : map) {
    if (name == "items")
      list.push_back(makeList({makeText(key), value}));
    else if (name == "keys")
      list.push_back(makeText(key));
    else if (name == "values")
      list.push_back(value);
    else
      break;
  }
  if (name != "items" && name != "keys" && name != "values")
    return fail("mappings have no method \"" + escapeForDisplay(name) +
                "\" here; supported: get, items, keys, values");
  return makeList(std::move(list));
}

Value JinjaEvaluator::callMethod(StringRef name,
                                 const JinjaArguments &arguments) {
  const Value &self = arguments.self;
  if (self.is(Kind::String))
    return callTextMethod(name, arguments);
  if (!self.is(Kind::Map))
    return fail(llvm::Twine(self.kindName()) + " has no method \"" +
                escapeForDisplay(name) + "\"");
  if (const Value *member = self.find(name);
      member && member->is(Kind::Function))
    return callValue(Value(*member), arguments);
  return callMapMethod(name, arguments);
}
