//===- YamlReader.h - A tree of values to a description --------*- C++ -*-===//
//
// The reading Io of Fields.h. The first error sticks; what is read after it is
// of no importance.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_YAMLREADER_H
#define ASHLAR_COMPILER_SPEC_YAMLREADER_H

#include "compiler/Spec/Fields.h"
#include "compiler/Spec/Limits.h"
#include "compiler/Spec/Names.h"
#include "compiler/Support/Json.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <type_traits>

namespace ashlar {

/// What the readers of one document share.
class YamlReading {
public:
  explicit YamlReading(const JsonDocument &document);

  bool failed() const { return hasError; }
  void record(llvm::Error error);
  llvm::Error takeError();

  /// Remembers where the field `path` stands.
  void locate(const std::string &path, const JsonValue &value) {
    positions[path] = value.position;
  }
  /// Where `path` stands, or the nearest field around it that was written.
  std::string where(llvm::StringRef path) const;

  const JsonDocument &document;

private:
  llvm::StringMap<SourcePosition> positions;
  bool hasError = false;
  llvm::Error error = llvm::Error::success();
};

class YamlReader {
public:
  YamlReader(YamlReading &reading, const JsonValue &object, std::string path,
             int64_t hidden);

  template <typename T> void required(llvm::StringRef key, T &out) {
    if (const JsonValue *value = find(key))
      read(*value, fieldPath(key), out);
    else
      missing(key);
  }
  template <typename T>
  void optional(llvm::StringRef key, T &out, const T &byDefault) {
    out = byDefault;
    if (const JsonValue *value = find(key))
      read(*value, fieldPath(key), out);
  }
  template <typename T>
  void optional(llvm::StringRef key, std::optional<T> &out) {
    if (const JsonValue *value = find(key))
      read(*value, fieldPath(key), out.emplace());
  }
  template <typename T> void optional(llvm::StringRef key, T &out) {
    if (const JsonValue *value = find(key))
      read(*value, fieldPath(key), out);
  }
  /// What is written has a size: 0 would say that it is not there.
  template <typename T> void part(llvm::StringRef key, T &out) {
    const JsonValue *value = find(key);
    if (!value)
      return;
    read(*value, fieldPath(key), out);
    if (!out.exists())
      empty(*value, fieldPath(key));
  }
  void weight(llvm::StringRef key, Weight &out, Shape shape);
  void weight(llvm::StringRef key, std::optional<Weight> &out,
              const Shape &shape);

  /// Records an error when the object has keys that no field asked for.
  void finish();

  int64_t hidden;
  int64_t heads = 0;

private:
  const JsonValue *find(llvm::StringRef key);
  void missing(llvm::StringRef key);
  void empty(const JsonValue &value, const std::string &path);
  std::string knownKeys() const;
  std::string fieldPath(llvm::StringRef key) const;
  bool expectKind(const JsonValue &value, const std::string &path,
                  JsonValue::Kind kind, const char *expected);

  void read(const JsonValue &value, const std::string &path, std::string &out);
  void read(const JsonValue &value, const std::string &path, int64_t &out);
  void read(const JsonValue &value, const std::string &path, double &out);
  void read(const JsonValue &value, const std::string &path, bool &out);
  void read(const JsonValue &value, const std::string &path,
            std::pair<std::string, std::string> &out);
  void read(const JsonValue &value, const std::string &path, Mask &out);
  void readName(const JsonValue &value, const std::string &path,
                llvm::StringRef name, const std::string &supported);

  template <typename T>
  void read(const JsonValue &value, const std::string &path,
            std::vector<T> &out) {
    reading.locate(path, value);
    out.clear();
    if (!expectKind(value, path, JsonValue::Kind::Array, "a list"))
      return;
    for (const JsonValue &element : value.elements) {
      if (reading.failed()) // a wrong list may be long
        return;
      std::string elementPath = path + "[" + std::to_string(out.size()) + "]";
      read(element, elementPath, out.emplace_back());
    }
  }

  template <typename T>
  void read(const JsonValue &value, const std::string &path, T &out) {
    if constexpr (std::is_enum_v<T>) {
      std::string name;
      read(value, path, name);
      if (std::optional<T> known = fromName<T>(name))
        out = *known;
      else
        readName(value, path, name, joinNames<T>());
    } else {
      reading.locate(path, value);
      if (!expectKind(value, path, JsonValue::Kind::Object, "a mapping"))
        return;
      YamlReader nested(reading, value, path, hidden);
      nested.heads = heads;
      fields(nested, out);
      nested.finish();
    }
  }

  YamlReading &reading;
  const JsonValue &object;
  std::string path;
  llvm::StringSet<> known;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_YAMLREADER_H
