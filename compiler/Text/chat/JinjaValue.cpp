//===- JinjaValue.cpp - Values of templates -------------------------------===//

#include "compiler/Text/chat/Jinja.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;

using Value = JinjaValue;

static Value ofKind(Value::Kind kind) {
  Value value;
  value.kind = kind;
  return value;
}

Value JinjaValue::none() { return ofKind(Kind::None); }

Value JinjaValue::of(bool value) {
  Value result = ofKind(Kind::Boolean);
  result.integer = value;
  return result;
}

Value JinjaValue::of(int64_t value) {
  Value result = ofKind(Kind::Integer);
  result.integer = value;
  return result;
}

Value JinjaValue::of(double value) {
  Value result = ofKind(Kind::Real);
  result.real = value;
  return result;
}

Value JinjaValue::of(std::string value) {
  Value result = ofKind(Kind::String);
  result.text = std::make_shared<const std::string>(std::move(value));
  return result;
}

Value JinjaValue::function(llvm::StringRef name) {
  Value result = of(name.str());
  result.kind = Kind::Function;
  return result;
}

static void hold(Value &owner, const Value &part) {
  owner.nesting = std::max(owner.nesting, part.nesting + 1);
  owner.holdsNamespace |= part.holdsNamespace;
}

Value JinjaValue::of(List value) {
  Value result = ofKind(Kind::List);
  for (const Value &element : value)
    hold(result, element);
  result.list = std::make_shared<const List>(std::move(value));
  return result;
}

Value JinjaValue::of(Map value) {
  Value result = ofKind(Kind::Map);
  for (const auto &[name, member] : value)
    hold(result, member);
  result.map = std::make_shared<Map>(std::move(value));
  return result;
}

bool JinjaValue::truth() const {
  switch (kind) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Boolean:
  case Kind::Integer:
    return integer != 0;
  case Kind::Real:
    return real != 0;
  case Kind::String:
    return !text->empty();
  case Kind::List:
    return !list->empty();
  case Kind::Map:
    return !map->empty();
  case Kind::Function:
    return true;
  }
  return false;
}

const Value *JinjaValue::find(llvm::StringRef key) const {
  if (is(Kind::Map))
    for (const auto &[name, value] : *map)
      if (name == key)
        return &value;
  return nullptr;
}

const char *JinjaValue::kindName() const {
  static constexpr const char *names[] = {
      "undefined", "none",   "a boolean", "an integer", "a number",
      "a string",  "a list", "a mapping", "a function"};
  return names[static_cast<size_t>(kind)];
}

bool ashlar::equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return a.is(Value::Kind::Real) || b.is(Value::Kind::Real)
               ? a.number() == b.number()
               : a.integer == b.integer;
  if (a.kind != b.kind)
    return false;
  switch (a.kind) {
  case Value::Kind::String:
    return *a.text == *b.text;
  case Value::Kind::List:
    // Lists hold what was made before them: their depth is limited.
    return llvm::equal(*a.list, *b.list, equal);
  case Value::Kind::Map:
    return a.map == b.map;
  case Value::Kind::Function:
    return a.text && b.text ? *a.text == *b.text
                            : !a.text && !b.text && a.integer == b.integer;
  default:
    return true;
  }
}
