//===- Json.h - JSON with positions and limits -----------------*- C++ -*-===//
//
// A small strict reader (RFC 8259) that keeps the line and column of every
// value, refuses duplicate keys, and limits depth before it recurses. It
// serves config.json, the safetensors header, the shard index and
// tokenizer.json: strangers' files all (safety S1, S2).
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SUPPORT_JSON_H
#define ASHLAR_COMPILER_SUPPORT_JSON_H

#include "compiler/Support/Errors.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar {

/// Line and column, both from 1; columns count bytes.
struct SourcePosition {
  uint32_t line = 0;
  uint32_t column = 0;
};

/// "FILE:LINE:COLUMN".
std::string positionText(llvm::StringRef file, SourcePosition position);

class JsonValue {
public:
  enum class Kind { Null, Boolean, Number, String, Array, Object };
  struct Member;

  Kind kind = Kind::Null;
  SourcePosition position; // of the value's first character
  bool boolean = false;
  std::string text;                // decoded string, or a number as written
  std::vector<JsonValue> elements; // of an array
  std::vector<Member> members;     // of an object, in file order

  bool isNull() const { return kind == Kind::Null; }
  bool isObject() const { return kind == Kind::Object; }
  bool isArray() const { return kind == Kind::Array; }
  bool isString() const { return kind == Kind::String; }
  bool isNumber() const { return kind == Kind::Number; }
  bool isBoolean() const { return kind == Kind::Boolean; }

  /// The member's value, or null when absent or when this is no object.
  const JsonValue *find(llvm::StringRef key) const;
};

struct JsonValue::Member {
  std::string key;
  SourcePosition position; // of the key's first character
  JsonValue value;
};

struct JsonLimits {
  unsigned depth = 64;
  uint64_t bytes = 100ull << 20;
  /// Values of all kinds: a value takes more memory than the "0," it may come
  /// from, so the file's size alone does not bound the memory.
  uint64_t values = 4ull << 20;
};

/// A parsed file: the root value and the name that messages show.
struct JsonDocument {
  std::string file;
  JsonValue root;

  /// "FILE:LINE:COLUMN" of `value`.
  std::string where(const JsonValue &value) const;

  // Typed access with errors in the file's own words: what was found, what was
  // expected, where. `name` is what the message calls the value.
  llvm::Expected<bool> asBoolean(const JsonValue &value,
                                 llvm::StringRef name) const;
  /// An integer in [minimum, maximum], written without fraction or exponent.
  llvm::Expected<int64_t> asInteger(const JsonValue &value,
                                    llvm::StringRef name, int64_t minimum,
                                    int64_t maximum) const;
  /// A finite number.
  llvm::Expected<double> asDouble(const JsonValue &value,
                                  llvm::StringRef name) const;
  llvm::Expected<llvm::StringRef> asString(const JsonValue &value,
                                           llvm::StringRef name) const;
};

/// Parses `text`. Errors: syntax, depth over the limit, duplicate key, invalid
/// UTF-8, unpaired surrogate, a number that is no finite double.
llvm::Expected<JsonDocument> parseJson(llvm::StringRef text,
                                       llvm::StringRef file,
                                       const JsonLimits &limits = {});

/// A value as messages show what was found: "gelu", 3, true, an object.
std::string describe(const JsonValue &value);

/// `text` as the inside of a JSON string, without the quotes.
std::string escapeJson(llvm::StringRef text);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_JSON_H
