//===- JinjaOperators.cpp - Operators on values of a template ------------===//

#include "compiler/Support/Utf8.h"
#include "compiler/Text/chat/JinjaEvaluator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace ashlar;
using llvm::StringRef;

using Node = JinjaNode;
using Value = JinjaValue;
using Kind = JinjaValue::Kind;

static bool isOrdered(StringRef sign, int order) {
  return sign == "<"    ? order < 0
         : sign == "<=" ? order <= 0
         : sign == ">"  ? order > 0
                        : order >= 0;
}

Value JinjaEvaluator::compare(StringRef sign, const Value &a, const Value &b) {
  if (a.is(Kind::String) && b.is(Kind::String))
    return Value::of(isOrdered(sign, a.text->compare(*b.text)));
  if (!a.isNumber() || !b.isNumber())
    return fail(llvm::Twine(a.kindName()) + " " + sign + " " + b.kindName());
  double left = a.number(), right = b.number();
  return Value::of(isOrdered(sign, (left > right) - (left < right)));
}

/// Towards minus infinity, as the language's own division goes.
static int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/// What a division towards minus infinity leaves.
static double floorRest(double x, double y) {
  double rest = std::fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

Value JinjaEvaluator::repeat(StringRef text, int64_t times) {
  std::string out;
  for (int64_t i = 0; i < times && charge(text.size() + 1); ++i)
    out += text;
  return makeText(std::move(out));
}

Value JinjaEvaluator::power(const Value &a, const Value &b) {
  if (a.is(Kind::Real) || b.is(Kind::Real) || b.integer < 0) {
    if (a.number() == 0 && b.number() < 0)
      return fail("division by zero");
    double result = std::pow(a.number(), b.number());
    return std::isfinite(result) ? Value::of(result)
                                 : fail("a power that is no number");
  }
  int64_t base = a.integer, result = 1;
  bool isSmall = base >= -1 && base <= 1; // any exponent is fine
  int64_t count = isSmall ? 2 - b.integer % 2 : b.integer;
  if (b.integer == 0)
    return Value::of(int64_t(1));
  for (int64_t i = 0; i < count; ++i)
    if (llvm::MulOverflow(result, base, result))
      return fail("a number is too large");
  return Value::of(result);
}

Value JinjaEvaluator::arithmetic(StringRef sign, const Value &a,
                                 const Value &b) {
  if (sign == "+" && a.is(Kind::String) && b.is(Kind::String))
    return makeText(*a.text + *b.text);
  if (sign == "+" && a.is(Kind::List) && b.is(Kind::List)) {
    Value::List list = *a.list;
    llvm::append_range(list, *b.list);
    return makeList(std::move(list));
  }
  if (sign == "*" && a.is(Kind::String) && b.is(Kind::Integer))
    return repeat(*a.text, b.integer);
  if (!a.isNumber() || !b.isNumber())
    return fail(llvm::Twine(a.kindName()) + " " + sign + " " + b.kindName());
  if (sign == "**")
    return power(a, b);
  bool divides = sign == "/" || sign == "//" || sign == "%";
  if (divides && b.number() == 0)
    return fail("division by zero");
  if (a.is(Kind::Real) || b.is(Kind::Real) || sign == "/") {
    double x = a.number(), y = b.number();
    return Value::of(sign == "+"   ? x + y
                     : sign == "-" ? x - y
                     : sign == "*" ? x * y
                     : sign == "/" ? x / y
                     : sign == "//"
                         ? std::floor((x - floorRest(x, y)) / y + 0.5)
                         : floorRest(x, y));
  }
  int64_t x = a.integer, y = b.integer, result = 0;
  bool overflows = false;
  if (sign == "+")
    overflows = llvm::AddOverflow(x, y, result);
  else if (sign == "-")
    overflows = llvm::SubOverflow(x, y, result);
  else if (sign == "*")
    overflows = llvm::MulOverflow(x, y, result);
  else if (x == INT64_MIN && y == -1)
    overflows = true;
  else
    result = sign == "//" ? floorDivide(x, y) : x - y * floorDivide(x, y);
  return overflows ? fail("a number is too large") : Value::of(result);
}

bool JinjaEvaluator::contains(const Value &container, const Value &value) {
  switch (container.kind) {
  case Kind::String:
    if (!value.is(Kind::String)) {
      fail(llvm::Twine(value.kindName()) + " in a string");
      return false;
    }
    return StringRef(*container.text).contains(*value.text);
  case Kind::List:
    return llvm::any_of(*container.list, [&](const Value &element) {
      return equal(element, value);
    });
  case Kind::Map:
    return value.is(Kind::String) && container.find(*value.text);
  case Kind::Undefined:
    return false;
  default:
    fail(llvm::Twine("in ") + container.kindName());
    return false;
  }
}

Value JinjaEvaluator::attribute(const Value &value, StringRef name) {
  if (value.is(Kind::Undefined) && !failed())
    return fail("\"" + name + "\" of what is undefined");
  const Value *found = value.find(name);
  return found ? *found : Value();
}

/// Where the characters of a text begin, and its end.
static std::vector<size_t> characterStarts(StringRef text) {
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size();) {
    starts.push_back(at);
    at += std::max(decodeUtf8(text.drop_front(at)).length, 1u);
  }
  starts.push_back(text.size());
  return starts;
}

Value JinjaEvaluator::item(const Value &value, const Value &index) {
  if (index.is(Kind::String))
    return attribute(value, *index.text);
  // What cannot be an index of something is none of its elements.
  if (value.is(Kind::Map) || !index.isNumber() || index.is(Kind::Real))
    return value.is(Kind::Undefined) && !failed()
               ? fail("an element of what is undefined")
               : Value();
  if (value.is(Kind::List)) {
    int64_t size = value.list->size();
    int64_t at = index.integer < 0 ? index.integer + size : index.integer;
    return at >= 0 && at < size ? (*value.list)[at] : Value();
  }
  if (value.is(Kind::String)) {
    std::vector<size_t> starts = characterStarts(*value.text);
    charge(starts.size() * sizeof(size_t));
    int64_t size = starts.size() - 1;
    int64_t at = index.integer < 0 ? index.integer + size : index.integer;
    if (at < 0 || at >= size)
      return Value();
    return makeText(
        value.text->substr(starts[at], starts[at + 1] - starts[at]));
  }
  return fail("an index of " + llvm::Twine(value.kindName()));
}

Value JinjaEvaluator::slice(const Node &node) {
  Value value = evaluate(node.children[0]), bounds[3];
  for (unsigned i = 0; i < 3; ++i)
    if (node.children[i + 1] != JinjaTree::absent) {
      bounds[i] = evaluate(node.children[i + 1]);
      if (!failed() && !bounds[i].is(Kind::Integer) &&
          !bounds[i].is(Kind::None))
        return fail("a bound that is " + llvm::Twine(bounds[i].kindName()));
    }
  if (failed())
    return Value();
  if (!value.is(Kind::List) && !value.is(Kind::String))
    return fail("a slice of " + llvm::Twine(value.kindName()));
  int64_t step = bounds[2].is(Kind::Integer) ? bounds[2].integer : 1;
  if (step == 0 || step > INT32_MAX || step < -INT32_MAX)
    return fail("a slice of step " + llvm::Twine(step));
  std::vector<size_t> starts;
  if (value.is(Kind::String)) {
    starts = characterStarts(*value.text);
    charge(starts.size() * sizeof(size_t));
  }
  int64_t size = value.is(Kind::List) ? value.list->size() : starts.size() - 1;
  auto bound = [&](const Value &given, int64_t absent) {
    if (!given.is(Kind::Integer))
      return absent;
    int64_t at = std::clamp(given.integer, -size - 1, size);
    at += at < 0 ? size : 0;
    return step > 0 ? std::clamp<int64_t>(at, 0, size)
                    : std::clamp<int64_t>(at, -1, size - 1);
  };
  int64_t begin = bound(bounds[0], step > 0 ? 0 : size - 1);
  int64_t end = bound(bounds[1], step > 0 ? size : -1);
  Value::List list;
  std::string text;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step) {
    if (value.is(Kind::List))
      list.push_back((*value.list)[i]);
    else
      text += value.text->substr(starts[i], starts[i + 1] - starts[i]);
  }
  return value.is(Kind::List) ? makeList(std::move(list))
                              : makeText(std::move(text));
}

Value::List JinjaEvaluator::elements(const Value &value) {
  Value::List list;
  switch (value.kind) {
  case Kind::List:
    list = *value.list;
    break;
  case Kind::Map:
    for (const auto &[name, unused] : *value.map)
      list.push_back(makeText(name));
    break;
  case Kind::String: {
    std::vector<size_t> starts = characterStarts(*value.text);
    for (size_t i = 0; i + 1 < starts.size() && !failed(); ++i)
      list.push_back(
          makeText(value.text->substr(starts[i], starts[i + 1] - starts[i])));
    break;
  }
  case Kind::Undefined:
    break;
  default:
    fail(llvm::Twine(value.kindName()) + " cannot be looped over");
  }
  charge(list.size() * sizeof(Value));
  return list;
}
