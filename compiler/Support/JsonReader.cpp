//===- JsonReader.cpp - Text to JSON values -------------------------------===//
//
// One pass over the text. A token never spans lines (raw control characters in
// strings are errors), so the start of the current line gives every column.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Json.h"
#include "compiler/Support/Numbers.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// A recursive descent reader. Functions return false after fail().
class Reader {
public:
  Reader(StringRef text, StringRef file, const JsonLimits &limits)
      : cursor(text.begin()), end(text.end()), lineStart(text.begin()),
        file(file), limits(limits) {}

  Expected<JsonDocument> read();

private:
  bool readValue(JsonValue &out, unsigned depth);
  bool readLiteral(JsonValue &out);
  bool readNumber(JsonValue &out);
  bool readDigits();
  bool readString(std::string &out);
  bool readEscape(std::string &out);
  bool readHex4(uint32_t &out);
  bool readArray(JsonValue &out, unsigned depth);
  bool readObject(JsonValue &out, unsigned depth);
  bool readMember(JsonValue &object, unsigned depth);
  bool checkDuplicates(const JsonValue &object);

  void skipSpace();
  bool at(char c) const { return cursor != end && *cursor == c; }
  SourcePosition position() const {
    return {line, static_cast<uint32_t>(cursor - lineStart + 1)};
  }
  StringRef rest() const { return StringRef(cursor, end - cursor); }

  bool fail(const Twine &cause) { return failAt(position(), cause); }
  bool failAt(SourcePosition where, const Twine &cause);
  /// Fails with what stands at the cursor and what should stand there.
  bool failExpected(StringRef expected);

  const char *cursor;
  const char *const end;
  const char *lineStart;
  uint32_t line = 1;
  uint64_t values = 0;
  StringRef file;
  const JsonLimits &limits;
  SourcePosition failurePosition;
  std::string failure;
};

} // namespace

Expected<JsonDocument> Reader::read() {
  JsonDocument document{file.str(), {}};
  skipSpace();
  bool ok = readValue(document.root, /*depth=*/1);
  if (ok) {
    skipSpace();
    ok = cursor == end || failExpected("the end of the text");
  }
  if (ok)
    return document;
  return userError(positionText(file, failurePosition), failure);
}

bool Reader::failAt(SourcePosition where, const Twine &cause) {
  failurePosition = where;
  failure = cause.str();
  return false;
}

bool Reader::failExpected(StringRef expected) {
  if (cursor == end)
    return fail("the text ends where " + expected + " should be");
  CodePoint c = decodeUtf8(rest());
  if (!c.length)
    return fail("invalid UTF-8");
  return fail("found '" + escapeForDisplay(rest().take_front(c.length)) +
              "'; expected " + expected);
}

void Reader::skipSpace() {
  for (; cursor != end; ++cursor) {
    if (*cursor == '\n') {
      ++line;
      lineStart = cursor + 1;
    } else if (*cursor != ' ' && *cursor != '\t' && *cursor != '\r') {
      return;
    }
  }
}

bool Reader::readValue(JsonValue &out, unsigned depth) {
  out.position = position();
  if (++values > limits.values)
    return fail("more than " + Twine(limits.values) + " values");
  if (cursor == end)
    return failExpected("a value");
  switch (*cursor) {
  case '{':
  case '[':
    if (depth > limits.depth)
      return fail("nested deeper than " + Twine(limits.depth) + " levels");
    return *cursor == '{' ? readObject(out, depth) : readArray(out, depth);
  case '"':
    out.kind = JsonValue::Kind::String;
    return readString(out.text);
  case 't':
  case 'f':
  case 'n':
    return readLiteral(out);
  default:
    return readNumber(out);
  }
}

bool Reader::readLiteral(JsonValue &out) {
  StringRef word =
      rest().take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
  if (word != "true" && word != "false" && word != "null")
    return failExpected("a value");
  cursor += word.size();
  if (word == "null")
    return true;
  out.kind = JsonValue::Kind::Boolean;
  out.boolean = word == "true";
  return true;
}

bool Reader::readDigits() {
  if (cursor == end || !llvm::isDigit(*cursor))
    return failExpected("a digit");
  while (cursor != end && llvm::isDigit(*cursor))
    ++cursor;
  return true;
}

bool Reader::readNumber(JsonValue &out) {
  const char *begin = cursor;
  if (at('-'))
    ++cursor;
  else if (!llvm::isDigit(*cursor))
    return failExpected("a value");
  if (at('0')) {
    ++cursor;
    if (cursor != end && llvm::isDigit(*cursor))
      return fail("a number may not start with 0");
  } else if (!readDigits()) {
    return false;
  }
  if (at('.')) {
    ++cursor;
    if (!readDigits())
      return false;
  }
  if (at('e') || at('E')) {
    ++cursor;
    if (at('+') || at('-'))
      ++cursor;
    if (!readDigits())
      return false;
  }
  StringRef number(begin, cursor - begin);
  if (!parseFiniteDouble(number))
    return failAt(out.position,
                  "number out of range: " + number.take_front(40) +
                      (number.size() > 40 ? "..." : ""));
  out.kind = JsonValue::Kind::Number;
  out.text = number.str();
  return true;
}

bool Reader::readString(std::string &out) {
  SourcePosition start = position();
  ++cursor; // the opening quote
  while (cursor != end) {
    unsigned char c = *cursor;
    if (c == '"') {
      ++cursor;
      return true;
    }
    if (c == '\\') {
      if (!readEscape(out))
        return false;
      continue;
    }
    if (c < 0x20)
      return fail("unescaped control character in a string");
    unsigned length = decodeUtf8(rest().take_front(4)).length;
    if (!length)
      return fail("invalid UTF-8");
    out.append(cursor, length);
    cursor += length;
  }
  return failAt(start, "the string has no closing quote");
}

bool Reader::readHex4(uint32_t &out) {
  out = 0;
  for (int i = 0; i < 4; ++i, ++cursor) {
    unsigned digit = cursor == end ? -1u : llvm::hexDigitValue(*cursor);
    if (digit == -1u)
      return failExpected("a hexadecimal digit");
    out = out << 4 | digit;
  }
  return true;
}

bool Reader::readEscape(std::string &out) {
  SourcePosition start = position();
  ++cursor; // the backslash
  if (cursor == end)
    return failExpected("an escape");
  static constexpr StringRef letters = "\"\\/bfnrt";
  static constexpr StringRef meanings = "\"\\/\b\f\n\r\t";
  if (size_t i = letters.find(*cursor); i != StringRef::npos) {
    out.push_back(meanings[i]);
    ++cursor;
    return true;
  }
  if (*cursor != 'u')
    return failExpected("one of \" \\ / b f n r t u");
  ++cursor;
  uint32_t value;
  if (!readHex4(value))
    return false;
  if (value >= 0xd800 && value <= 0xdbff && rest().starts_with("\\u")) {
    cursor += 2;
    uint32_t low;
    if (!readHex4(low))
      return false;
    if (low < 0xdc00 || low > 0xdfff)
      return failAt(start, "unpaired surrogate");
    value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
  }
  if (value >= 0xd800 && value <= 0xdfff)
    return failAt(start, "unpaired surrogate");
  appendUtf8(out, value);
  return true;
}

bool Reader::readArray(JsonValue &out, unsigned depth) {
  out.kind = JsonValue::Kind::Array;
  ++cursor; // [
  skipSpace();
  if (at(']')) {
    ++cursor;
    return true;
  }
  while (true) {
    if (!readValue(out.elements.emplace_back(), depth + 1))
      return false;
    skipSpace();
    if (at(']')) {
      ++cursor;
      return true;
    }
    if (!at(','))
      return failExpected("',' or ']'");
    ++cursor;
    skipSpace();
  }
}

bool Reader::readMember(JsonValue &object, unsigned depth) {
  if (!at('"'))
    return failExpected("a key in quotes");
  JsonValue::Member &member = object.members.emplace_back();
  member.position = position();
  if (!readString(member.key))
    return false;
  skipSpace();
  if (!at(':'))
    return failExpected("':'");
  ++cursor;
  skipSpace();
  return readValue(member.value, depth + 1);
}

bool Reader::readObject(JsonValue &out, unsigned depth) {
  out.kind = JsonValue::Kind::Object;
  ++cursor; // {
  skipSpace();
  if (at('}')) {
    ++cursor;
    return true;
  }
  while (true) {
    if (!readMember(out, depth))
      return false;
    skipSpace();
    if (at('}')) {
      ++cursor;
      return checkDuplicates(out);
    }
    if (!at(','))
      return failExpected("',' or '}'");
    ++cursor;
    skipSpace();
  }
}

bool Reader::checkDuplicates(const JsonValue &object) {
  llvm::DenseSet<StringRef> seen;
  seen.reserve(object.members.size());
  for (const JsonValue::Member &member : object.members)
    if (!seen.insert(member.key).second)
      return failAt(member.position, "the key \"" +
                                         escapeForDisplay(member.key) +
                                         "\" occurs twice in this object");
  return true;
}

Expected<JsonDocument> ashlar::parseJson(StringRef text, StringRef file,
                                         const JsonLimits &limits) {
  if (text.size() > limits.bytes)
    return userError(file, "the JSON text has " + Twine(text.size()) +
                               " bytes; at most " + Twine(limits.bytes) +
                               " are read");
  return Reader(text, file, limits).read();
}
