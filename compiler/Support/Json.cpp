//===- Json.cpp - Access to JSON values, and writing ----------------------===//

#include "compiler/Support/Json.h"

#include "compiler/Support/Numbers.h"
#include "compiler/Support/Utf8.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

const JsonValue *JsonValue::find(StringRef key) const {
  for (const Member &member : members)
    if (member.key == key)
      return &member.value;
  return nullptr;
}

std::string ashlar::positionText(StringRef file, SourcePosition position) {
  return (file + ":" + Twine(position.line) + ":" + Twine(position.column))
      .str();
}

std::string JsonDocument::where(const JsonValue &value) const {
  return positionText(file, value.position);
}

std::string ashlar::describe(const JsonValue &value) {
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
  return *parseFiniteDouble(value.text);
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
