//===- JinjaFilters.cpp - Filters of single values ------------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Json.h"
#include "compiler/Text/chat/JinjaEvaluator.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace ashlar;
using llvm::StringRef;

using Value = JinjaValue;
using Kind = JinjaValue::Kind;

/// Quotes and controls are escaped, all else is itself.
static std::string jsonText(StringRef text) {
  return "\"" + escapeJson(text) + "\"";
}

void JinjaEvaluator::writeJson(const Value &value, unsigned indent,
                               unsigned level, std::string &out) {
  if (level > limits.depth || !charge(8))
    return void(
        fail("a value of more than " + llvm::Twine(limits.depth) + " levels"));
  auto separate = [&](bool isFirst, unsigned at) {
    if (!isFirst)
      out += indent ? "," : ", ";
    if (indent)
      out += "\n" + std::string(indent * at, ' ');
  };
  switch (value.kind) {
  case Kind::String:
    charge(value.text->size());
    out += jsonText(*value.text);
    return;
  case Kind::None:
    out += "null";
    return;
  case Kind::Boolean:
    out += value.integer ? "true" : "false";
    return;
  case Kind::Integer:
  case Kind::Real:
    out += textOf(value);
    return;
  case Kind::List:
  case Kind::Map: {
    bool isList = value.is(Kind::List), isFirst = true;
    out += isList ? "[" : "{";
    size_t count = isList ? value.list->size() : value.map->size();
    for (size_t i = 0; i < count && !failed(); ++i, isFirst = false) {
      separate(isFirst, level + 1);
      if (!isList)
        out += jsonText((*value.map)[i].first) + ": ";
      writeJson(isList ? (*value.list)[i] : (*value.map)[i].second, indent,
                level + 1, out);
    }
    if (indent && count > 0)
      out += "\n" + std::string(indent * level, ' ');
    out += isList ? "]" : "}";
    return;
  }
  default:
    fail(llvm::Twine(value.kindName()) + " is no JSON");
  }
}

Value JinjaEvaluator::lengthOf(const Value &value) {
  switch (value.kind) {
  case Kind::String:
    return Value::of(int64_t(llvm::count_if(
        *value.text, [](char c) { return (c & 0xC0) != 0x80; })));
  case Kind::List:
    return Value::of(int64_t(value.list->size()));
  case Kind::Map:
    return Value::of(int64_t(value.map->size()));
  case Kind::Undefined:
    return Value::of(int64_t(0));
  default:
    return fail("the length of " + llvm::Twine(value.kindName()));
  }
}

/// int, float, abs: 0 for what is no number.
Value JinjaEvaluator::numberFilter(StringRef name, const Value &self) {
  if (name == "abs") {
    if (!self.isNumber() || self.integer == INT64_MIN)
      return fail("abs of " + llvm::Twine(self.kindName()));
    return self.is(Kind::Real) ? Value::of(std::fabs(self.real))
                               : Value::of(std::abs(self.integer));
  }
  double real = self.isNumber() ? self.number() : 0;
  StringRef text = self.is(Kind::String) ? StringRef(*self.text).trim() : "";
  int64_t integer = 0;
  if (name == "int" && !self.is(Kind::Real)) {
    if (!self.isNumber() && !text.getAsInteger(10, integer))
      return Value::of(integer);
    if (self.isNumber())
      return Value::of(self.integer);
  }
  if (!text.empty() && text.getAsDouble(real))
    real = 0;
  if (!(std::fabs(real) < (name == "int" ? 0x1p63 : HUGE_VAL)))
    return fail("a number is too large");
  return name == "float" ? Value::of(real) : Value::of(int64_t(real));
}

/// Every line but the first, and but empty ones, begins with blanks or a text.
Value JinjaEvaluator::indent(const std::string &text,
                             const JinjaArguments &arguments) {
  const Value *width = arguments.get(0, "width");
  if (width && !width->is(Kind::Integer) && !width->is(Kind::String))
    return fail("\"width\" is " + llvm::Twine(width->kindName()) +
                "; expected an integer or a string");
  bool first = flagArgument(arguments, 1, "first");
  bool blank = flagArgument(arguments, 2, "blank");
  std::string margin =
      width && width->is(Kind::String)
          ? *width->text
          : std::string(std::clamp<int64_t>(width ? width->integer : 4, 0, 256),
                        ' ');
  std::string out;
  for (auto [i, line] : llvm::enumerate(splitLines(text + "\n"))) {
    charge(margin.size() + line.size() + 1);
    bool counts = i == 0 ? first : blank || !line.empty();
    out += (i ? "\n" : "") + (counts ? margin : "") + line;
  }
  return makeText(std::move(out));
}

Value JinjaEvaluator::applyFilter(StringRef name,
                                  const JinjaArguments &arguments) {
  const Value &self = arguments.self;
  if (name == "safe")
    return self;
  if (name == "default" || name == "d") {
    const Value *absent = arguments.get(0, "default_value");
    const Value *falseToo = arguments.get(1, "boolean");
    bool isAbsent = self.is(Kind::Undefined) ||
                    (falseToo && falseToo->truth() && !self.truth());
    return !isAbsent ? self : absent ? *absent : makeText("");
  }
  if (name == "length" || name == "count")
    return lengthOf(self);
  if (name == "tojson") {
    const Value *indent = arguments.get(0, "indent");
    std::string out;
    writeJson(self,
              indent && indent->is(Kind::Integer)
                  ? std::clamp<int64_t>(indent->integer, 0, 16)
                  : 0,
              0, out);
    return makeText(std::move(out));
  }
  if (name == "string")
    return makeText(textOf(self));
  if (name == "int" || name == "float" || name == "abs")
    return numberFilter(name, self);
  if (name == "indent")
    return indent(textOf(self), arguments);
  bool ofText = name == "trim" || name == "upper" || name == "lower" ||
                name == "title" || name == "capitalize" || name == "replace";
  if (!ofText)
    return applyListFilter(name, arguments);
  JinjaArguments inner = arguments;
  inner.self = self.is(Kind::String) ? self : makeText(textOf(self));
  return callTextMethod(name == "trim" ? "strip" : name, inner);
}
