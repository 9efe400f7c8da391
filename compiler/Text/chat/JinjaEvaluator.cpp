//===- JinjaEvaluator.cpp - A template at work ---------------------------===//

#include "compiler/Text/chat/JinjaEvaluator.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/STLExtras.h"

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
    return found                        ? *found
           : isJinjaFunction(node.text) ? Value::function(node.text)
                                        : Value();
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
  const Value *found = lookUp(callee.text);
  if (!found)
    return callFunction(callee.text, arguments);
  if (!found->is(Kind::Function))
    return fail("\"" + callee.text + "\" is " + found->kindName() +
                " and cannot be called");
  return callValue(Value(*found), arguments);
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
