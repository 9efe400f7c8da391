//===- JinjaEvaluator.cpp - A template at work ----------------------------===//

#include "compiler/Text/JinjaEvaluator.h"
#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/MathExtras.h"

#include <charconv>

using namespace ashlar;
using llvm::StringRef;

using Node = JinjaNode;
using Value = JinjaValue;
using Kind = JinjaValue::Kind;

Value JinjaEvaluator::fail(const llvm::Twine &cause) {
  if (!failed()) {
    fault = cause.str();
    faultLine = line;
  }
  return Value();
}

bool JinjaEvaluator::charge(uint64_t more) {
  bytes += more;
  if (bytes > limits.bytes)
    fail("the template takes more than " + llvm::Twine(limits.bytes >> 20) +
         " MiB");
  return !failed();
}

Value JinjaEvaluator::makeText(std::string text) {
  charge(text.size() + 32);
  return Value::of(std::move(text));
}

Value JinjaEvaluator::checkNesting(Value value) {
  return value.nesting <= limits.depth
             ? value
             : fail("a value of more than " + llvm::Twine(limits.depth) +
                    " levels");
}

Value JinjaEvaluator::makeList(Value::List list) {
  charge((list.size() + 1) * sizeof(Value));
  return checkNesting(Value::of(std::move(list)));
}

Value JinjaEvaluator::makeMap(Value::Map map) {
  charge((map.size() + 1) * 2 * sizeof(Value));
  return checkNesting(Value::of(std::move(map)));
}

/// Whether there is room for one more call on the stack.
bool JinjaEvaluator::mayGoDeeper() {
  if (depth < 4 * limits.depth)
    return true;
  fail("more than " + llvm::Twine(4 * limits.depth) + " levels");
  return false;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

Value *JinjaEvaluator::lookUp(StringRef name) {
  for (size_t i = scopes.size(); i-- > 0;) {
    if (i != 0 && i < base)
      continue;
    if (auto found = scopes[i].find(name); found != scopes[i].end())
      return &found->second;
  }
  return nullptr;
}

void JinjaEvaluator::bind(llvm::ArrayRef<std::string> names,
                          const Value &value) {
  if (names.size() == 1) {
    scopes.back()[names[0]] = value;
    return;
  }
  if (!value.is(Kind::List) || value.list->size() != names.size()) {
    fail(llvm::Twine(names.size()) + " names for " + value.kindName());
    return;
  }
  for (auto [name, part] : llvm::zip(names, *value.list))
    scopes.back()[name] = part;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

/// The shortest text that is this number, which shows that it is no integer.
static std::string realText(double value) {
  char digits[32];
  auto [end, unused] = std::to_chars(digits, std::end(digits), value);
  std::string text(digits, end);
  bool isPlain = text.find_first_not_of("-0123456789") == std::string::npos;
  return text + (isPlain ? ".0" : "");
}

std::string JinjaEvaluator::textOf(const Value &value) {
  switch (value.kind) {
  case Kind::Undefined:
    return "";
  case Kind::None:
    return "None";
  case Kind::Boolean:
    return value.integer ? "True" : "False";
  case Kind::Integer:
    return std::to_string(value.integer);
  case Kind::String:
    return *value.text;
  case Kind::Real:
    return realText(value.real);
  default:
    fail(llvm::Twine(value.kindName()) + " cannot be printed");
    return "";
  }
}

void JinjaEvaluator::write(const Value &value, std::string &out) {
  std::string text = textOf(value);
  if (charge(text.size()))
    out += text;
}

JinjaEvaluator::Flow JinjaEvaluator::execute(llvm::ArrayRef<uint32_t> body,
                                             std::string &out) {
  for (uint32_t index : body) {
    if (failed() || !mayGoDeeper())
      return Flow::Break;
    ++depth;
    Flow flow = executeOne(tree.nodes[index], out);
    --depth;
    if (flow != Flow::Normal)
      return flow;
  }
  return Flow::Normal;
}

JinjaEvaluator::Flow JinjaEvaluator::executeOne(const Node &node,
                                                std::string &out) {
  line = node.line;
  if (++steps > limits.steps)
    fail("the template takes more than " + llvm::Twine(limits.steps) +
         " steps");
  switch (node.kind) {
  case Node::Kind::Data:
    if (charge(node.text.size()))
      out += node.text;
    return Flow::Normal;
  case Node::Kind::Output:
    write(evaluate(node.children[0]), out);
    return Flow::Normal;
  case Node::Kind::If:
    return execute(
        evaluate(node.children[0]).truth() ? node.body : node.otherwise, out);
  case Node::Kind::For:
    return executeFor(node, out);
  case Node::Kind::Break:
    return Flow::Break;
  case Node::Kind::Continue:
    return Flow::Continue;
  case Node::Kind::Macro: {
    Value macro;
    macro.kind = Kind::Function;
    macro.integer = &node - tree.nodes.data();
    scopes.back()[node.text] = macro;
    return Flow::Normal;
  }
  default:
    executeSet(node);
    return Flow::Normal;
  }
}

void JinjaEvaluator::executeSet(const Node &node) {
  if (node.children.empty()) {
    std::string text;
    scopes.emplace_back();
    execute(node.body, text);
    scopes.pop_back();
    bind(node.names, makeText(std::move(text)));
    return;
  }
  Value value = evaluate(node.children[0]);
  if (node.kind == Node::Kind::Set) {
    bind(node.names, value);
    return;
  }
  Value *space = lookUp(node.names[0]);
  if (!space || !space->is(Kind::Map)) {
    fail("\"" + node.names[0] + "\" is no namespace");
    return;
  }
  if (value.holdsNamespace || !space->holdsNamespace) {
    fail(value.holdsNamespace ? "a namespace in a namespace is not supported"
                              : "a mapping cannot be written to");
    return;
  }
  for (auto &[name, old] : *space->map)
    if (name == node.text) {
      old = value;
      return;
    }
  if (charge(sizeof(Value) + node.text.size()))
    space->map->emplace_back(node.text, value);
}

JinjaEvaluator::Flow JinjaEvaluator::executeFor(const Node &node,
                                                std::string &out) {
  Value::List all = elements(evaluate(node.children[0])), list;
  for (Value &element : all) {
    if (node.children[1] != JinjaTree::absent) {
      scopes.emplace_back();
      bind(node.names, element);
      bool counts = evaluate(node.children[1]).truth();
      scopes.pop_back();
      if (!counts)
        continue;
    }
    list.push_back(std::move(element));
  }
  if (list.empty())
    return execute(node.otherwise, out);
  int64_t count = list.size();
  for (int64_t i = 0; i < count && !failed(); ++i) {
    charge(512);
    scopes.emplace_back();
    llvm::scope_exit leave([&] { scopes.pop_back(); });
    bind(node.names, list[i]);
    scopes.back()["loop"] = Value::of(
        Value::Map{{"index", Value::of(i + 1)},
                   {"index0", Value::of(i)},
                   {"revindex", Value::of(count - i)},
                   {"revindex0", Value::of(count - i - 1)},
                   {"first", Value::of(i == 0)},
                   {"last", Value::of(i + 1 == count)},
                   {"length", Value::of(count)},
                   {"previtem", i > 0 ? list[i - 1] : Value()},
                   {"nextitem", i + 1 < count ? list[i + 1] : Value()}});
    if (execute(node.body, out) == Flow::Break)
      break;
  }
  return Flow::Normal;
}

std::string JinjaEvaluator::run(const Value &variables) {
  std::string out;
  scopes.emplace_back();
  for (const auto &[name, value] : *variables.map)
    scopes.back()[name] = value;
  execute(tree.body, out);
  return out;
}

Value JinjaEvaluator::callMacro(const Node &macro,
                                const JinjaArguments &arguments) {
  Scope scope;
  size_t required = macro.names.size() - macro.children.size();
  for (auto [i, name] : llvm::enumerate(macro.names)) {
    if (const Value *given = arguments.get(i, name))
      scope[name] = *given;
    else if (i >= required)
      scope[name] = evaluate(macro.children[i - required]);
  }
  size_t outer = base;
  base = scopes.size();
  scopes.push_back(std::move(scope));
  std::string out;
  execute(macro.body, out);
  scopes.pop_back();
  base = outer;
  return makeText(std::move(out));
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

Value JinjaEvaluator::evaluate(uint32_t index) {
  if (failed())
    return Value();
  if (++steps > limits.steps)
    return fail("the template takes more than " + llvm::Twine(limits.steps) +
                " steps");
  if (!mayGoDeeper())
    return Value();
  ++depth;
  Value value = evaluateNode(tree.nodes[index]);
  --depth;
  return value;
}

JinjaArguments JinjaEvaluator::argumentsOf(const Node &node) {
  JinjaArguments arguments;
  for (uint32_t child : llvm::ArrayRef(node.children).drop_front())
    arguments.values.push_back(evaluate(child));
  arguments.names = node.names;
  return arguments;
}

Value JinjaEvaluator::evaluateNode(const Node &node) {
  switch (node.kind) {
  case Node::Kind::Literal:
    return node.value;
  case Node::Kind::Name: {
    const Value *found = lookUp(node.text);
    return found ? *found : Value();
  }
  case Node::Kind::List: {
    Value::List list;
    for (uint32_t child : node.children)
      list.push_back(evaluate(child));
    return makeList(std::move(list));
  }
  case Node::Kind::Map:
    return evaluateMap(node);
  case Node::Kind::Attribute:
    return attribute(evaluate(node.children[0]), node.text);
  case Node::Kind::Item: {
    Value value = evaluate(node.children[0]);
    return item(value, evaluate(node.children[1]));
  }
  case Node::Kind::Slice:
    return slice(node);
  case Node::Kind::Call:
    return evaluateCall(node);
  case Node::Kind::Filter:
  case Node::Kind::Test: {
    Value self = evaluate(node.children[0]);
    JinjaArguments arguments = argumentsOf(node);
    arguments.self = std::move(self);
    if (failed())
      return Value();
    if (node.kind == Node::Kind::Filter)
      return applyFilter(node.text, arguments);
    return Value::of(applyTest(node.text, arguments).truth() != node.flag);
  }
  case Node::Kind::Unary:
    return evaluateUnary(node);
  case Node::Kind::Binary:
    return evaluateBinary(node);
  case Node::Kind::Choice:
    return evaluate(node.children[evaluate(node.children[1]).truth() ? 0 : 2]);
  default:
    return Value();
  }
}

Value JinjaEvaluator::evaluateMap(const Node &node) {
  Value::Map map;
  for (size_t i = 0; i < node.children.size(); i += 2) {
    Value key = evaluate(node.children[i]);
    if (!key.is(Kind::String))
      return fail("a key that is " + llvm::Twine(key.kindName()));
    map.emplace_back(*key.text, evaluate(node.children[i + 1]));
  }
  return makeMap(std::move(map));
}

Value JinjaEvaluator::evaluateUnary(const Node &node) {
  Value value = evaluate(node.children[0]);
  if (node.text == "not")
    return Value::of(!value.truth());
  if (value.is(Kind::Real))
    return Value::of(-value.real);
  if (!value.isNumber() || value.integer == INT64_MIN)
    return fail("- of " + llvm::Twine(value.kindName()));
  return Value::of(-value.integer);
}

Value JinjaEvaluator::evaluateBinary(const Node &node) {
  Value a = evaluate(node.children[0]);
  if (node.text == "or" || node.text == "and")
    return a.truth() == (node.text == "or") ? a : evaluate(node.children[1]);
  Value b = evaluate(node.children[1]);
  if (failed())
    return Value();
  if (node.text == "==" || node.text == "!=")
    return Value::of(equal(a, b) == (node.text == "=="));
  if (node.text == "in" || node.text == "not in")
    return Value::of(contains(b, a) == (node.text == "in"));
  if (node.text == "~")
    return makeText(textOf(a) + textOf(b));
  if (node.text[0] == '<' || node.text[0] == '>')
    return compare(node.text, a, b);
  return arithmetic(node.text, a, b);
}

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

Value JinjaEvaluator::arithmetic(StringRef sign, const Value &a,
                                 const Value &b) {
  if (sign == "+" && a.is(Kind::String) && b.is(Kind::String))
    return makeText(*a.text + *b.text);
  if (sign == "+" && a.is(Kind::List) && b.is(Kind::List)) {
    Value::List list = *a.list;
    llvm::append_range(list, *b.list);
    return makeList(std::move(list));
  }
  if (!a.isNumber() || !b.isNumber())
    return fail(llvm::Twine(a.kindName()) + " " + sign + " " + b.kindName());
  bool divides = sign == "/" || sign == "//" || sign == "%";
  if (divides && b.number() == 0)
    return fail("division by zero");
  if (a.is(Kind::Real) || b.is(Kind::Real) || sign == "/") {
    double x = a.number(), y = b.number();
    if (sign == "//" || sign == "%")
      return fail("\"" + sign +
                  "\" of numbers with a fraction is not "
                  "supported");
    return Value::of(sign == "+"   ? x + y
                     : sign == "-" ? x - y
                     : sign == "*" ? x * y
                                   : x / y);
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
  if (!index.isNumber() || index.is(Kind::Real))
    return failed() ? Value()
                    : fail("an index that is " + llvm::Twine(index.kindName()));
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

Value JinjaEvaluator::evaluateCall(const Node &node) {
  const Node &callee = tree.nodes[node.children[0]];
  if (callee.kind == Node::Kind::Attribute) {
    Value self = evaluate(callee.children[0]);
    JinjaArguments arguments = argumentsOf(node);
    arguments.self = std::move(self);
    return failed() ? Value() : callMethod(callee.text, arguments);
  }
  if (callee.kind != Node::Kind::Name)
    return fail("a call of what has no name is not supported");
  JinjaArguments arguments = argumentsOf(node);
  if (failed())
    return Value();
  if (Value *found = lookUp(callee.text)) {
    if (!found->is(Kind::Function))
      return fail("\"" + callee.text + "\" is " + found->kindName() +
                  " and cannot be called");
    return callMacro(tree.nodes[found->integer], arguments);
  }
  return callFunction(callee.text, arguments);
}

llvm::Expected<std::string> ashlar::renderJinja(StringRef source,
                                                StringRef where,
                                                const Value &variables,
                                                const JinjaLimits &limits) {
  if (source.size() > limits.templateBytes)
    return userError(where, "a chat template of " + llvm::Twine(source.size()) +
                                " bytes; at most " +
                                llvm::Twine(limits.templateBytes) +
                                " are supported");
  llvm::Expected<std::vector<JinjaToken>> tokens = lexJinja(source, where);
  if (!tokens)
    return tokens.takeError();
  llvm::Expected<JinjaTree> tree = parseJinja(*tokens, where, limits);
  if (!tree)
    return tree.takeError();
  JinjaEvaluator evaluator(*tree, limits);
  std::string out = evaluator.run(variables);
  if (!evaluator.fault.empty())
    return userError(where, "chat template, line " +
                                llvm::Twine(evaluator.faultLine) + ": " +
                                evaluator.fault);
  return out;
}
