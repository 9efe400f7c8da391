//===- Jinja.h - Templates of chats ----------------------------*- C++ -*-===//
//
// The part of Jinja that published chat templates use: output, for, if, set,
// macro, expressions with filters, tests and the methods of strings, blanks
// trimmed as the transformers library asks for. A template is a stranger's
// program: its depth, steps and memory are limited, and it reaches nothing but
// the values that it is given.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_JINJA_H
#define ASHLAR_COMPILER_TEXT_CHAT_JINJA_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar {

class JinjaValue {
public:
  enum class Kind {
    Undefined,
    None,
    Boolean,
    Integer,
    Real,
    String,
    List,
    Map,
    Function // a macro: the node `integer`; or the function `text`
  };
  using List = std::vector<JinjaValue>;
  using Map = std::vector<std::pair<std::string, JinjaValue>>;

  JinjaValue() = default;
  static JinjaValue none();
  static JinjaValue of(bool value);
  static JinjaValue of(int64_t value);
  static JinjaValue of(double value);
  static JinjaValue of(std::string value);
  static JinjaValue of(List value);
  static JinjaValue of(Map value);
  static JinjaValue function(llvm::StringRef name);
  /// The function strftime_now on the day `text`, YYYY-MM-DD; nothing when that
  /// is no day.
  static std::optional<JinjaValue> today(llvm::StringRef text);

  bool is(Kind other) const { return kind == other; }
  bool isNumber() const {
    return is(Kind::Integer) || is(Kind::Real) || is(Kind::Boolean);
  }
  bool truth() const;
  double number() const { return is(Kind::Real) ? real : double(integer); }
  /// A map's value; null when it has none.
  const JinjaValue *find(llvm::StringRef key) const;
  /// What messages call it.
  const char *kindName() const;

  Kind kind = Kind::Undefined;
  int64_t integer = 0; // of a boolean: 0 or 1
  double real = 0;
  std::shared_ptr<const std::string> text;
  std::shared_ptr<const List> list;
  /// Shared and written to: a namespace keeps what is set in a loop.
  std::shared_ptr<Map> map;
  unsigned nesting = 0; // levels of lists and maps inside
  /// A namespace, or a list or map with one: it must not get into a namespace,
  /// lest that held itself.
  bool holdsNamespace = false;
};

bool equal(const JinjaValue &a, const JinjaValue &b);

struct JinjaLimits {
  unsigned depth = 64;        // of expressions, blocks and macros
  uint64_t steps = 1u << 20;  // evaluated nodes
  uint64_t bytes = 16u << 20; // of all strings and lists made
  uint64_t templateBytes = 1u << 20;
};

/// Renders `source` with the members of the map `variables`. Errors name the
/// line of `where`, from 1.
llvm::Expected<std::string> renderJinja(llvm::StringRef source,
                                        llvm::StringRef where,
                                        const JinjaValue &variables,
                                        const JinjaLimits &limits = {});

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_JINJA_H
