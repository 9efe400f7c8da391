//===- JinjaFunctions.cpp - Functions and tests of templates --------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/chat/JinjaEvaluator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace ashlar;
using llvm::StringRef;

using Value = JinjaValue;
using Kind = JinjaValue::Kind;

const Value *JinjaArguments::get(size_t index, StringRef name) const {
  size_t positional = values.size() - names.size();
  if (index < positional)
    return &values[index];
  for (auto [i, given] : llvm::enumerate(names))
    if (given == name)
      return &values[positional + i];
  return nullptr;
}

const std::string *JinjaEvaluator::textArgument(const JinjaArguments &arguments,
                                                size_t index, StringRef name) {
  const Value *value = arguments.get(index, name);
  if (!value || value->is(Kind::None))
    return nullptr;
  if (value->is(Kind::String))
    return value->text.get();
  fail("\"" + name + "\" is " + value->kindName() + "; expected a string");
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

Value JinjaEvaluator::range(const JinjaArguments &arguments) {
  int64_t bounds[3] = {0, 0, 1};
  size_t count = arguments.values.size();
  if (count < 1 || count > 3)
    return fail("range takes 1 to 3 numbers");
  for (size_t i = 0; i < count; ++i) {
    if (!arguments.values[i].is(Kind::Integer))
      return fail("range of " + llvm::Twine(arguments.values[i].kindName()));
    bounds[count == 1 ? 1 : i] =
        std::clamp<int64_t>(arguments.values[i].integer, -(1 << 20), 1 << 20);
  }
  if (bounds[2] == 0)
    return fail("range of step 0");
  Value::List list;
  for (int64_t i = bounds[0]; bounds[2] > 0 ? i < bounds[1] : i > bounds[1];
       i += bounds[2])
    list.push_back(Value::of(i));
  return makeList(std::move(list));
}

static constexpr StringRef functions[] = {"dict", "namespace",
                                          "raise_exception", "range"};

bool ashlar::isJinjaFunction(StringRef name) {
  return llvm::is_contained(functions, name);
}

Value JinjaEvaluator::callValue(const Value &function,
                                const JinjaArguments &arguments) {
  if (function.list)
    return formatDate(function, arguments);
  return function.text ? callFunction(*function.text, arguments)
                       : callMacro(tree.nodes[function.integer], arguments);
}

Value JinjaEvaluator::callFunction(StringRef name,
                                   const JinjaArguments &arguments) {
  if (name == "raise_exception") {
    const std::string *message = textArgument(arguments, 0, "message");
    return fail("the template refuses: " + (message ? *message : ""));
  }
  if (name == "range")
    return range(arguments);
  if (name == "namespace" || name == "dict") {
    Value::Map map;
    size_t positional = arguments.values.size() - arguments.names.size();
    for (auto [i, member] : llvm::enumerate(arguments.names))
      map.emplace_back(member, arguments.values[positional + i]);
    if (positional > 0)
      return fail(name + " takes named values only");
    Value made = makeMap(std::move(map));
    made.holdsNamespace |= name == "namespace";
    return made;
  }
  if (name == "strftime_now")
    return fail("the template writes the date, and none is given; "
                "--chat-date=YYYY-MM-DD of compile does");
  return fail("\"" + escapeForDisplay(name) +
              "\" cannot be called; supported: " +
              llvm::join(llvm::ArrayRef(functions), ", "));
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

/// The operator that a test of this name is; none for others.
static StringRef comparisonOf(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Cases({"gt", "greaterthan"}, ">")
      .Cases({"lt", "lessthan"}, "<")
      .Case("ge", ">=")
      .Case("le", "<=")
      .Default("");
}

Value JinjaEvaluator::applyTest(StringRef name,
                                const JinjaArguments &arguments) {
  const Value &self = arguments.self;
  const Value *other = arguments.get(0, "other");
  auto answer = [](bool value) { return Value::of(value); };
  if (name == "defined")
    return answer(!self.is(Kind::Undefined));
  if (name == "undefined")
    return answer(self.is(Kind::Undefined));
  if (name == "none")
    return answer(self.is(Kind::None));
  if (name == "string")
    return answer(self.is(Kind::String));
  if (name == "mapping")
    return answer(self.is(Kind::Map));
  if (name == "iterable" || name == "sequence")
    return answer(self.is(Kind::List) || self.is(Kind::Map) ||
                  self.is(Kind::String));
  if (name == "number")
    return answer(self.isNumber());
  if (name == "integer")
    return answer(self.is(Kind::Integer));
  if (name == "float")
    return answer(self.is(Kind::Real));
  if (name == "boolean")
    return answer(self.is(Kind::Boolean));
  if (name == "true" || name == "false")
    return answer(self.is(Kind::Boolean) && self.truth() == (name == "true"));
  if (name == "lower" || name == "upper")
    return answer(
        self.is(Kind::String) &&
        *self.text == (name == "lower" ? StringRef(*self.text).lower()
                                       : StringRef(*self.text).upper()) &&
        StringRef(*self.text).lower() != StringRef(*self.text).upper());
  if (name == "divisibleby" && other && self.is(Kind::Integer) &&
      other->is(Kind::Integer) && other->integer != 0)
    return answer(other->integer == -1 || self.integer % other->integer == 0);
  if (StringRef sign = comparisonOf(name); other && !sign.empty())
    return compare(sign, self, *other);
  if (name == "callable")
    return answer(self.is(Kind::Function));
  if ((name == "odd" || name == "even") && self.is(Kind::Integer))
    return answer((self.integer % 2 != 0) == (name == "odd"));
  if (other && (name == "equalto" || name == "eq" || name == "ne"))
    return answer(equal(self, *other) != (name == "ne"));
  if (other && name == "in")
    return answer(contains(*other, self));
  return fail("test \"" + escapeForDisplay(name) +
              "\" is not supported; supported: boolean, callable, defined, "
              "divisibleby, eq, equalto, even, false, float, ge, gt, in, "
              "integer, iterable, le, lower, lt, mapping, ne, none, number, "
              "odd, sequence, string, true, undefined, upper");
}
