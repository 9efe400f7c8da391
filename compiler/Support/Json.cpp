//===- Json.cpp - JSON with positions and limits --------------------------===//
//
// One pass over the text. A token never spans lines (raw control characters in
// strings are errors), so the start of the current line gives every column.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Json.h"

#include "compiler/Support/Utf8.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <charconv>
#include <optional>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

/// Whether a number whose value is out of a double's range is tiny rather than
/// huge, from the decimal exponent of its first nonzero digit.
static bool isTiny(StringRef number) {
  auto [mantissa, exponentText] = number.split(
      number.find_first_of("eE") == StringRef::npos
          ? '\0'
          : number[number.find_first_of("eE")]);
  auto [whole, fraction] = mantissa.ltrim('-').split('.');
  whole = whole.ltrim('0');
  int64_t leading = static_cast<int64_t>(whole.size());
  if (whole.empty())
    leading = -static_cast<int64_t>(fraction.find_first_not_of('0'));
  int64_t exponent = 0;
  bool negative = exponentText.consume_front("-");
  exponentText.consume_front("+");
  // An exponent beyond int64 outweighs any mantissa that fits in memory.
  if (exponentText.getAsInteger(10, exponent) && !exponentText.empty())
    return negative;
  return leading + (negative ? -exponent : exponent) < 0;
}

/// The value of a well-formed JSON number; none when it overflows a double.
static std::optional<double> toFiniteDouble(StringRef number) {
  double value = 0;
  auto [end, status] = std::from_chars(number.begin(), number.end(), value);
  if (status == std::errc::result_out_of_range)
    return isTiny(number) ? std::optional<double>(0.0) : std::nullopt;
  assert(status == std::errc() && end == number.end() && "not a JSON number");
  return value;
}

//===----------------------------------------------------------------------===//
// Reader
//===----------------------------------------------------------------------===//

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

static std::string positionText(StringRef file, SourcePosition position) {
  return (file + ":" + Twine(position.line) + ":" + Twine(position.column))
      .str();
}

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
  if (!toFiniteDouble(number))
    return failAt(out.position, "number out of range: " +
                                    number.take_front(40) +
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

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

const JsonValue *JsonValue::find(StringRef key) const {
  for (const Member &member : members)
    if (member.key == key)
      return &member.value;
  return nullptr;
}

std::string JsonDocument::where(const JsonValue &value) const {
  return positionText(file, value.position);
}

/// What a message says that was found.
static std::string describe(const JsonValue &value) {
  constexpr size_t shown = 60;
  StringRef text = StringRef(value.text).take_front(shown);
  StringRef dots = value.text.size() > shown ? "..." : "";
  switch (value.kind) {
  case JsonValue::Kind::Null:
    return "null";
  case JsonValue::Kind::Boolean:
    return value.boolean ? "true" : "false";
  case JsonValue::Kind::Number:
    return (text + dots).str();
  case JsonValue::Kind::String:
    return "\"" + escapeForDisplay(text) + dots.str() + "\"";
  case JsonValue::Kind::Array:
    return "an array";
  case JsonValue::Kind::Object:
    return "an object";
  }
  llvm_unreachable("unknown JSON kind");
}

static Error mismatch(const JsonDocument &document, const JsonValue &value,
                      StringRef name, const Twine &expected) {
  return userError(document.where(value), "\"" + escapeForDisplay(name) +
                                              "\" is " + describe(value) +
                                              "; expected " + expected);
}

Expected<bool> JsonDocument::asBoolean(const JsonValue &value,
                                       StringRef name) const {
  if (!value.isBoolean())
    return mismatch(*this, value, name, "true or false");
  return value.boolean;
}

Expected<int64_t> JsonDocument::asInteger(const JsonValue &value,
                                          StringRef name, int64_t minimum,
                                          int64_t maximum) const {
  int64_t result = 0;
  // getAsInteger refuses fractions, exponents and what int64_t cannot hold.
  bool bad = !value.isNumber() ||
             StringRef(value.text).getAsInteger(10, result) ||
             result < minimum || result > maximum;
  if (bad)
    return mismatch(*this, value, name,
                    "an integer from " + Twine(minimum) + " to " +
                        Twine(maximum));
  return result;
}

Expected<double> JsonDocument::asDouble(const JsonValue &value,
                                        StringRef name) const {
  if (!value.isNumber())
    return mismatch(*this, value, name, "a number");
  return *toFiniteDouble(value.text);
}

Expected<StringRef> JsonDocument::asString(const JsonValue &value,
                                           StringRef name) const {
  if (!value.isString())
    return mismatch(*this, value, name, "a string");
  return StringRef(value.text);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

std::string ashlar::escapeJson(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  while (!text.empty()) {
    CodePoint c = decodeUtf8(text);
    StringRef bytes = text.take_front(c.length ? c.length : 1);
    text = text.drop_front(bytes.size());
    if (!c.length)
      os << "\\ufffd"; // JSON is UTF-8; a stray byte has no other spelling
    else if (c.value == '"' || c.value == '\\')
      os << '\\' << bytes;
    else if (c.value < 0x20 || (c.value >= 0x7f && c.value <= 0x9f))
      os << llvm::format("\\u%04x", c.value);
    else
      os << bytes;
  }
  return result;
}
