//===- JinjaFunctions.cpp - What templates may call -----------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/CodePointSet.h"
#include "compiler/Text/JinjaEvaluator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

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
  return fail("\"" + escapeForDisplay(name) +
              "\" cannot be called; supported: dict, namespace, "
              "raise_exception, range");
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

/// The ends of `text` without the characters of `set`; white space by default.
static StringRef strip(StringRef text, const std::string *set, bool left,
                       bool right) {
  static const CodePointSet space = whiteSpace();
  auto isStripped = [&](StringRef character) {
    if (set)
      return StringRef(*set).contains(character);
    uint32_t c = decodeUtf8(character).value;
    return space.contains(c) || (c >= 0x1C && c <= 0x1F);
  };
  while (left && !text.empty()) {
    size_t length = std::max(decodeUtf8(text).length, 1u);
    if (!isStripped(text.take_front(length)))
      break;
    text = text.drop_front(length);
  }
  while (right && !text.empty()) {
    size_t length = 1;
    while (length < text.size() && length < 4 &&
           (text[text.size() - length] & 0xC0) == 0x80)
      ++length;
    if (!isStripped(text.take_back(length)))
      break;
    text = text.drop_back(length);
  }
  return text;
}

Value JinjaEvaluator::split(const std::string &text,
                            const JinjaArguments &arguments) {
  const std::string *separator = textArgument(arguments, 0, "sep");
  const Value *most = arguments.get(1, "maxsplit");
  int64_t left = most && most->is(Kind::Integer) ? most->integer : -1;
  Value::List list;
  StringRef rest = text;
  if (separator && separator->empty())
    return fail("split by nothing");
  if (!separator)
    rest = strip(rest, nullptr, true, true);
  while (!failed() && left-- != 0) {
    size_t at =
        separator ? rest.find(*separator) : rest.find_first_of(" \t\n\r\f\v");
    if (at == StringRef::npos)
      break;
    list.push_back(makeText(rest.take_front(at).str()));
    rest = rest.drop_front(at + (separator ? separator->size() : 0));
    if (!separator)
      rest = strip(rest, nullptr, true, false);
  }
  if (separator || !rest.empty())
    list.push_back(makeText(rest.str()));
  return makeList(std::move(list));
}

Value JinjaEvaluator::replace(const std::string &text,
                              const JinjaArguments &arguments) {
  const std::string *from = textArgument(arguments, 0, "old");
  const std::string *to = textArgument(arguments, 1, "new");
  if (!from || !to || from->empty())
    return fail("replace needs a text to replace and another one");
  std::string out;
  StringRef rest = text;
  for (size_t at; (at = rest.find(*from)) != StringRef::npos && !failed();) {
    charge(to->size());
    out += rest.take_front(at);
    out += *to;
    rest = rest.drop_front(at + from->size());
  }
  out += rest;
  return makeText(std::move(out));
}

/// The first character large, the others small; of every word for `title`.
static std::string capitalize(StringRef text, bool everyWord) {
  std::string out = text.lower();
  bool begins = true;
  for (char &c : out) {
    if (begins)
      c = llvm::toUpper(c);
    begins = everyWord && !llvm::isAlpha(c);
  }
  return out;
}

Value JinjaEvaluator::callTextMethod(StringRef name,
                                     const JinjaArguments &arguments) {
  const std::string &text = *arguments.self.text;
  bool left = name == "strip" || name == "lstrip";
  bool right = name == "strip" || name == "rstrip";
  if (left || right)
    return makeText(
        strip(text, textArgument(arguments, 0, "chars"), left, right).str());
  if (name == "startswith" || name == "endswith") {
    const std::string *affix = textArgument(arguments, 0, "prefix");
    if (!affix)
      return fail(name + " needs a string");
    return Value::of(name == "startswith" ? StringRef(text).starts_with(*affix)
                                          : StringRef(text).ends_with(*affix));
  }
  if (name == "split")
    return split(text, arguments);
  if (name == "replace")
    return replace(text, arguments);
  if (name == "upper" || name == "lower")
    return makeText(name == "upper" ? StringRef(text).upper()
                                    : StringRef(text).lower());
  if (name == "title" || name == "capitalize")
    return makeText(capitalize(text, name == "title"));
  if (name == "join" && arguments.values.size() == 1)
    return join(text, arguments.values[0]);
  if (name == "find") {
    const std::string *part = textArgument(arguments, 0, "sub");
    size_t at = part ? StringRef(text).find(*part) : StringRef::npos;
    if (!part)
      return fail("find needs a string");
    int64_t characters = 0;
    for (char c : StringRef(text).take_front(at))
      characters += (c & 0xC0) != 0x80;
    return Value::of(at == StringRef::npos ? int64_t(-1) : characters);
  }
  return fail("strings have no method \"" + escapeForDisplay(name) +
              "\" here; supported: capitalize, endswith, find, join, lower, "
              "lstrip, replace, rstrip, split, startswith, strip, title, "
              "upper");
}

Value JinjaEvaluator::callMapMethod(StringRef name,
                                    const JinjaArguments &arguments) {
  const Value::Map &map = *arguments.self.map;
  if (name == "get" && !arguments.values.empty()) {
    const std::string *key = textArgument(arguments, 0, "key");
    const Value *found = key ? arguments.self.find(*key) : nullptr;
    const Value *absent = arguments.get(1, "default");
    return found ? *found : absent ? *absent : Value::none();
  }
  Value::List list;
  for (const auto &[key, value] : map) {
    if (name == "items")
      list.push_back(makeList({makeText(key), value}));
    else if (name == "keys")
      list.push_back(makeText(key));
    else if (name == "values")
      list.push_back(value);
    else
      break;
  }
  if (name != "items" && name != "keys" && name != "values")
    return fail("mappings have no method \"" + escapeForDisplay(name) +
                "\" here; supported: get, items, keys, values");
  return makeList(std::move(list));
}

Value JinjaEvaluator::callMethod(StringRef name,
                                 const JinjaArguments &arguments) {
  const Value &self = arguments.self;
  if (self.is(Kind::String))
    return callTextMethod(name, arguments);
  if (!self.is(Kind::Map))
    return fail(llvm::Twine(self.kindName()) + " has no method \"" +
                escapeForDisplay(name) + "\"");
  if (const Value *member = self.find(name);
      member && member->is(Kind::Function))
    return callMacro(tree.nodes[member->integer], arguments);
  return callMapMethod(name, arguments);
}

//===----------------------------------------------------------------------===//
// Filters
//===----------------------------------------------------------------------===//

Value JinjaEvaluator::join(StringRef separator, const Value &list) {
  std::string out;
  bool isFirst = true;
  for (const Value &element : elements(list)) {
    std::string text = textOf(element);
    if (!charge(text.size() + separator.size()))
      break;
    out += (isFirst ? "" : separator.str()) + text;
    isFirst = false;
  }
  return makeText(std::move(out));
}

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

/// select, reject, selectattr, rejectattr.
Value JinjaEvaluator::selectBy(const JinjaArguments &arguments,
                               bool byAttribute, bool keep) {
  const std::string *name =
      byAttribute ? textArgument(arguments, 0, "attribute") : nullptr;
  if (byAttribute && !name)
    return fail("the attribute's name is missing");
  const std::string *test = textArgument(arguments, byAttribute, "test");
  Value::List list;
  for (const Value &element : elements(arguments.self)) {
    JinjaArguments tested;
    tested.self = byAttribute ? attribute(element, *name) : element;
    for (size_t i = byAttribute + 1; i < arguments.values.size(); ++i)
      tested.values.push_back(arguments.values[i]);
    bool holds = test ? applyTest(*test, tested).truth() : tested.self.truth();
    if (holds == keep)
      list.push_back(element);
  }
  return makeList(std::move(list));
}

Value JinjaEvaluator::mapBy(const JinjaArguments &arguments) {
  const std::string *name = textArgument(arguments, ~size_t(0), "attribute");
  const std::string *filter =
      name ? nullptr : textArgument(arguments, 0, "filter");
  if (!name && !filter)
    return fail("map needs an attribute or a filter");
  Value::List list;
  for (const Value &element : elements(arguments.self)) {
    JinjaArguments inner;
    inner.self = element;
    for (size_t i = 1; filter && i < arguments.values.size(); ++i)
      inner.values.push_back(arguments.values[i]);
    list.push_back(name ? attribute(element, *name)
                        : applyFilter(*filter, inner));
    if (failed())
      break;
  }
  return makeList(std::move(list));
}

Value JinjaEvaluator::applyListFilter(StringRef name,
                                      const JinjaArguments &arguments) {
  if (name == "join") {
    const std::string *separator = textArgument(arguments, 0, "d");
    return join(separator ? *separator : "", arguments.self);
  }
  if (name == "select" || name == "reject" || name == "selectattr" ||
      name == "rejectattr")
    return selectBy(arguments, name.ends_with("attr"),
                    name.starts_with("select"));
  if (name == "map")
    return mapBy(arguments);
  if (name == "items")
    return arguments.self.is(Kind::Map) ? callMapMethod(name, arguments)
                                        : makeList({});
  Value::List list = elements(arguments.self);
  if (name == "first")
    return list.empty() ? Value() : list.front();
  if (name == "last")
    return list.empty() ? Value() : list.back();
  if (name == "reverse")
    std::reverse(list.begin(), list.end());
  else if (name != "list")
    return fail("filter \"" + escapeForDisplay(name) +
                "\" is not supported; supported: capitalize, count, default, "
                "first, int, items, join, last, length, list, lower, map, "
                "reject, rejectattr, replace, reverse, safe, select, "
                "selectattr, string, title, tojson, trim, upper");
  return makeList(std::move(list));
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
  if (name == "length" || name == "count") {
    if (self.is(Kind::String)) {
      int64_t characters = 0;
      for (char c : *self.text)
        characters += (c & 0xC0) != 0x80;
      return Value::of(characters);
    }
    if (!self.is(Kind::List) && !self.is(Kind::Map) &&
        !self.is(Kind::Undefined))
      return fail("the length of " + llvm::Twine(self.kindName()));
    return Value::of(int64_t(self.is(Kind::List)  ? self.list->size()
                             : self.is(Kind::Map) ? self.map->size()
                                                  : 0));
  }
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
  if (name == "int") {
    int64_t value = 0;
    if (self.is(Kind::String))
      return Value::of(StringRef(*self.text).trim().getAsInteger(10, value)
                           ? int64_t(0)
                           : value);
    return Value::of(self.is(Kind::Real) ? int64_t(0) : self.integer);
  }
  bool ofText = name == "trim" || name == "upper" || name == "lower" ||
                name == "title" || name == "capitalize" || name == "replace";
  if (!ofText)
    return applyListFilter(name, arguments);
  JinjaArguments inner = arguments;
  inner.self = self.is(Kind::String) ? self : makeText(textOf(self));
  return callTextMethod(name == "trim" ? "strip" : name, inner);
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

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
              "eq, equalto, even, false, float, in, integer, iterable, "
              "mapping, ne, none, number, odd, sequence, string, true, "
              "undefined");
}
