//===- YamlWriter.h - A description to a tree of values --------*- C++ -*-===//
//
// The writing Io of Fields.h.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_YAMLWRITER_H
#define ASHLAR_COMPILER_SPEC_YAMLWRITER_H

#include "compiler/Spec/Checker.h"
#include "compiler/Spec/Fields.h"
#include "compiler/Spec/Names.h"
#include "compiler/Support/Json.h"

#include <type_traits>

namespace ashlar {

class YamlWriter {
public:
  explicit YamlWriter(int64_t hidden = 0) : hidden(hidden) {
    object.kind = JsonValue::Kind::Object;
  }

  template <typename T> void required(const char *key, T &value) {
    add(key, write(value));
  }
  template <typename T>
  void optional(const char *key, T &value, const T &byDefault) {
    if (value != byDefault)
      add(key, write(value));
  }
  template <typename T>
  void optional(const char *key, std::optional<T> &value) {
    if (value)
      add(key, write(*value));
  }
  template <typename T> void part(const char *key, T &value) {
    if (value.exists())
      add(key, write(value));
  }
  template <typename T> void optional(const char *key, T &value) {
    JsonValue written = write(value);
    if (!written.members.empty())
      add(key, std::move(written));
  }

  void weight(const char *key, Weight &value, Shape shape) {
    Weight reduced = value;
    if (value.transposed)
      std::swap(shape.front(), shape.back());
    if (reduced.stored == shape)
      reduced.stored.clear();
    Weight nameOnly;
    nameOnly.tensor = value.tensor;
    add(key, reduced == nameOnly ? write(reduced.tensor) : write(reduced));
  }
  void weight(const char *key, std::optional<Weight> &value,
              const Shape &shape) {
    if (value)
      weight(key, *value, shape);
  }

  JsonValue take() { return std::move(object); }

  int64_t hidden;
  int64_t heads = 0;

private:
  void add(const char *key, JsonValue value) {
    object.members.push_back({key, {}, std::move(value)});
  }

  static JsonValue scalar(JsonValue::Kind kind, std::string text) {
    JsonValue value;
    value.kind = kind;
    value.text = std::move(text);
    return value;
  }
  JsonValue write(std::string value) {
    return scalar(JsonValue::Kind::String, std::move(value));
  }
  JsonValue write(int64_t value) {
    return scalar(JsonValue::Kind::Number, std::to_string(value));
  }
  JsonValue write(double value) {
    return scalar(JsonValue::Kind::Number, formatDouble(value));
  }
  JsonValue write(bool value) {
    JsonValue result = scalar(JsonValue::Kind::Boolean, "");
    result.boolean = value;
    return result;
  }
  JsonValue write(Mask &value) { return write(printMask(value)); }
  JsonValue write(std::pair<std::string, std::string> &value) {
    std::vector<std::string> both = {value.first, value.second};
    return write(both);
  }
  template <typename T> JsonValue write(std::vector<T> &list) {
    JsonValue value;
    value.kind = JsonValue::Kind::Array;
    for (T &element : list)
      value.elements.push_back(write(element));
    return value;
  }
  template <typename T> JsonValue write(T &value) {
    if constexpr (std::is_enum_v<T>) {
      return write(std::string(nameOf(value)));
    } else {
      YamlWriter nested(hidden);
      nested.heads = heads;
      fields(nested, value);
      return nested.take();
    }
  }

  JsonValue object;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_YAMLWRITER_H
