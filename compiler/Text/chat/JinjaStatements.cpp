//===- JinjaStatements.cpp - Statements of a template at work ------------===//

#include "compiler/Text/chat/JinjaEvaluator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"

#include <charconv>

using namespace ashlar;
using llvm::StringRef;

using Node = JinjaNode;
using Value = JinjaValue;
using Kind = JinjaValue::Kind;

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
