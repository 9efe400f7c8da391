//===- YamlReader.cpp - A tree of values to a description -----------------===//

#include "compiler/Spec/YamlReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// The document
//===----------------------------------------------------------------------===//

YamlReading::YamlReading(const JsonDocument &document) : document(document) {
  llvm::cantFail(std::move(error)); // now assignable
}

void YamlReading::record(Error newError) {
  if (!newError)
    return;
  if (hasError) {
    llvm::consumeError(std::move(newError));
    return;
  }
  hasError = true;
  error = std::move(newError);
}

Error YamlReading::takeError() {
  hasError = false;
  return std::move(error);
}

std::string YamlReading::where(StringRef path) const {
  JsonValue at;
  while (!path.empty()) {
    auto found = positions.find(path);
    if (found != positions.end()) {
      at.position = found->second;
      return document.where(at);
    }
    path = path.take_front(path.find_last_of(".[") == StringRef::npos
                               ? 0
                               : path.find_last_of(".["));
  }
  return document.where(document.root);
}

//===----------------------------------------------------------------------===//
// One object
//===----------------------------------------------------------------------===//

YamlReader::YamlReader(YamlReading &reading, const JsonValue &object,
                       std::string path, int64_t hidden)
    : hidden(hidden), reading(reading), object(object), path(std::move(path)) {}

const JsonValue *YamlReader::find(StringRef key) {
  known.insert(key);
  const JsonValue *value = object.find(key);
  return value && !value->isNull() ? value : nullptr;
}

std::string YamlReader::fieldPath(StringRef key) const {
  return (path + (path.empty() ? "" : ".") + key).str();
}

void YamlReader::missing(StringRef key) {
  reading.record(userError(reading.document.where(object),
                           "\"" + fieldPath(key) + "\" is missing"));
}

void YamlReader::empty(const JsonValue &value, const std::string &path) {
  reading.record(userError(reading.document.where(value),
                           "\"" + path + "\" has size 0",
                           "leave \"" + path + "\" out where it is absent"));
}

bool YamlReader::expectKind(const JsonValue &value, const std::string &path,
                            JsonValue::Kind kind, const char *expected) {
  if (value.kind == kind)
    return true;
  reading.record(userError(reading.document.where(value),
                           "\"" + path + "\" is " + describe(value) +
                               "; expected " + expected));
  return false;
}

std::string YamlReader::knownKeys() const {
  std::vector<StringRef> keys;
  for (StringRef key : known.keys())
    keys.push_back(key);
  llvm::sort(keys);
  return llvm::join(keys, ", ");
}

void YamlReader::finish() {
  for (const JsonValue::Member &member : object.members) {
    if (known.contains(member.key))
      continue;
    JsonValue at;
    at.position = member.position;
    reading.record(userError(reading.document.where(at),
                             "unknown key \"" + escapeForDisplay(member.key) +
                                 "\"" +
                                 (path.empty() ? "" : " in \"" + path + "\""),
                             "known here: " + knownKeys()));
    return;
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void YamlReader::weight(StringRef key, Weight &out, Shape shape) {
  const JsonValue *value = find(key);
  if (!value)
    return missing(key);
  if (value->isString()) {
    reading.locate(fieldPath(key), *value);
    out.tensor = value->text;
  } else {
    read(*value, fieldPath(key), out);
  }
  if (!out.stored.empty())
    return;
  if (out.transposed)
    std::swap(shape.front(), shape.back());
  out.stored = std::move(shape);
}

void YamlReader::weight(StringRef key, std::optional<Weight> &out,
                        const Shape &shape) {
  if (find(key))
    weight(key, out.emplace(), shape);
}

template <typename T>
static void store(YamlReading &reading, Expected<T> value, auto &out) {
  if (value)
    out = *value;
  else
    reading.record(value.takeError());
}

void YamlReader::read(const JsonValue &value, const std::string &path,
                      std::string &out) {
  reading.locate(path, value);
  store(reading, reading.document.asString(value, path), out);
}

/// No field of a description is negative.
void YamlReader::read(const JsonValue &value, const std::string &path,
                      int64_t &out) {
  reading.locate(path, value);
  store(reading, reading.document.asInteger(value, path, 0, maxCount), out);
}

void YamlReader::read(const JsonValue &value, const std::string &path,
                      double &out) {
  reading.locate(path, value);
  store(reading, reading.document.asDouble(value, path), out);
}

void YamlReader::read(const JsonValue &value, const std::string &path,
                      bool &out) {
  reading.locate(path, value);
  store(reading, reading.document.asBoolean(value, path), out);
}

void YamlReader::read(const JsonValue &value, const std::string &path,
                      std::pair<std::string, std::string> &out) {
  std::vector<std::string> both;
  read(value, path, both);
  if (both.size() == 2)
    out = {both[0], both[1]};
  else
    reading.record(userError(reading.document.where(value),
                             "\"" + path + "\" has " +
                                 std::to_string(both.size()) +
                                 " names; expected two"));
}

void YamlReader::read(const JsonValue &value, const std::string &path,
                      Mask &out) {
  std::string text;
  read(value, path, text);
  if (reading.failed())
    return;
  std::string fault;
  if (std::optional<Mask> mask = parseMask(text, fault))
    out = std::move(*mask);
  else
    reading.record(userError(reading.document.where(value),
                             "\"" + path + "\" is \"" + escapeForDisplay(text) +
                                 "\": " + fault));
}

void YamlReader::readName(const JsonValue &value, const std::string &path,
                          StringRef name, const std::string &supported) {
  reading.record(userError(reading.document.where(value),
                           "\"" + path + "\" is \"" + escapeForDisplay(name) +
                               "\"; supported: " + supported));
}
