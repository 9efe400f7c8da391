//===- JinjaExpressionParser.cpp - Expressions of a template to nodes ----===//

#include "compiler/Text/chat/JinjaParser.h"

using namespace ashlar;
using llvm::StringRef;

using Node = JinjaNode;
using Token = JinjaToken;

uint32_t JinjaParser::parseExpression() {
  Depth level(*this);
  uint32_t value = parseOr();
  while (takeName("if")) {
    uint32_t condition = parseOr();
    uint32_t other =
        takeName("else") ? parseExpression() : literal(JinjaValue());
    value = add(Node::Kind::Choice, "", {value, condition, other});
  }
  return value;
}

uint32_t JinjaParser::parseOr() {
  uint32_t value = parseAnd();
  while (takeName("or"))
    value = add(Node::Kind::Binary, "or", {value, parseAnd()});
  return value;
}

uint32_t JinjaParser::parseAnd() {
  uint32_t value = parseNot();
  while (takeName("and"))
    value = add(Node::Kind::Binary, "and", {value, parseNot()});
  return value;
}

uint32_t JinjaParser::parseNot() {
  Depth level(*this);
  if (takeName("not"))
    return add(Node::Kind::Unary, "not", {parseNot()});
  return parseComparison();
}

/// Behind `first`. What ends a tuple ends a tag, a block or a parenthesis, too.
uint32_t JinjaParser::parseTuple(uint32_t first) {
  if (!isSymbol(","))
    return first;
  Node list;
  list.kind = Node::Kind::List;
  list.children = {first};
  while (takeSymbol(",")) {
    if (isSymbol(")") || peek().kind == Token::Kind::EndBlock)
      break;
    list.children.push_back(parseExpression());
  }
  return add(std::move(list));
}

uint32_t JinjaParser::parseComparison() {
  uint32_t left = parseSum(), value = left;
  for (bool isFirst = true;; isFirst = false) {
    StringRef found;
    for (StringRef sign : {"==", "!=", "<=", ">=", "<", ">"})
      if (found.empty() && takeSymbol(sign))
        found = sign;
    if (found.empty() && takeName("in"))
      found = "in";
    if (found.empty() && isName("not") && isName("in", 1)) {
      at += 2;
      found = "not in";
    }
    if (found.empty())
      return value;
    uint32_t right = parseSum();
    uint32_t holds = add(Node::Kind::Binary, found, {left, right});
    // a < b < c: both hold.
    value = isFirst ? holds : add(Node::Kind::Binary, "and", {value, holds});
    left = right;
  }
}

uint32_t JinjaParser::parseSum() {
  uint32_t value = parseConcat();
  for (;;) {
    StringRef sign = takeSymbol("+") ? "+" : takeSymbol("-") ? "-" : "";
    if (sign.empty())
      return value;
    value = add(Node::Kind::Binary, sign, {value, parseConcat()});
  }
}

uint32_t JinjaParser::parseConcat() {
  uint32_t value = parseProduct();
  while (takeSymbol("~"))
    value = add(Node::Kind::Binary, "~", {value, parseProduct()});
  return value;
}

uint32_t JinjaParser::parseProduct() {
  uint32_t value = parsePower();
  for (;;) {
    StringRef sign = takeSymbol("*")    ? "*"
                     : takeSymbol("//") ? "//"
                     : takeSymbol("/")  ? "/"
                     : takeSymbol("%")  ? "%"
                                        : "";
    if (sign.empty())
      return value;
    value = add(Node::Kind::Binary, sign, {value, parsePower()});
  }
}

uint32_t JinjaParser::parsePower() {
  uint32_t value = parseUnary();
  while (takeSymbol("**"))
    value = add(Node::Kind::Binary, "**", {value, parseUnary()});
  return value;
}

/// Filters behind a sign are for the whole of it.
uint32_t JinjaParser::parseUnary(bool withFilters) {
  Depth level(*this);
  bool negative = isSymbol("-");
  uint32_t value = 0;
  if (takeSymbol("-") || takeSymbol("+"))
    value = parseUnary(/*withFilters=*/false);
  else
    value = parsePostfix(parsePrimary());
  if (negative)
    value = add(Node::Kind::Unary, "-", {value});
  return withFilters ? parseFiltered(value) : value;
}

uint32_t JinjaParser::parseFiltered(uint32_t value) {
  for (;;) {
    if (takeSymbol("|")) {
      Node filter;
      filter.kind = Node::Kind::Filter;
      filter.text = needName();
      filter.children = {value};
      if (takeSymbol("("))
        parseArguments(filter);
      value = add(std::move(filter));
    } else if (takeName("is")) {
      value = parseTest(value);
    } else {
      return value;
    }
  }
}

uint32_t JinjaParser::parseTest(uint32_t value) {
  Node test;
  test.kind = Node::Kind::Test;
  test.flag = takeName("not");
  test.text = needName();
  test.children = {value};
  Token::Kind next = peek().kind;
  bool isOperator = isName("and") || isName("or") || isName("else") ||
                    isName("is") || isName("if") || isName("not") ||
                    isName("in");
  bool isValue = next == Token::Kind::String || next == Token::Kind::Integer ||
                 next == Token::Kind::Real || isSymbol("[") || isSymbol("{") ||
                 (next == Token::Kind::Name && !isOperator);
  if (takeSymbol("("))
    parseArguments(test);
  else if (isValue)
    test.children.push_back(parsePostfix(parsePrimary()));
  return add(std::move(test));
}

/// Behind "(".
void JinjaParser::parseArguments(Node &call) {
  while (!isSymbol(")") && fault.empty()) {
    if (peek().kind == Token::Kind::Name && isSymbol("=", 1)) {
      call.names.push_back(needName());
      ++at;
    } else if (!call.names.empty()) {
      unexpected("a named argument");
    }
    call.children.push_back(parseExpression());
    if (!takeSymbol(","))
      break;
  }
  needSymbol(")");
}

uint32_t JinjaParser::parseSubscript(uint32_t value) {
  uint32_t parts[3] = {JinjaTree::absent, JinjaTree::absent, JinjaTree::absent};
  unsigned count = 0;
  for (;; ++count) {
    if (!isSymbol(":") && !isSymbol("]"))
      parts[count] = parseExpression();
    if (count == 2 || !takeSymbol(":"))
      break;
  }
  needSymbol("]");
  if (count == 0 && parts[0] == JinjaTree::absent)
    fail("an index is missing");
  return count == 0 ? add(Node::Kind::Item, "", {value, parts[0]})
                    : add(Node::Kind::Slice, "",
                          {value, parts[0], parts[1], parts[2]});
}

uint32_t JinjaParser::parsePostfix(uint32_t value) {
  for (;;) {
    if (takeSymbol(".")) {
      value = add(Node::Kind::Attribute, needName(), {value});
    } else if (takeSymbol("[")) {
      value = parseSubscript(value);
    } else if (takeSymbol("(")) {
      Node call;
      call.kind = Node::Kind::Call;
      call.children = {value};
      parseArguments(call);
      value = add(std::move(call));
    } else {
      return value;
    }
  }
}

uint32_t JinjaParser::parseList(StringRef end) {
  Node list;
  list.kind = Node::Kind::List;
  while (!isSymbol(end) && fault.empty()) {
    list.children.push_back(parseExpression());
    if (!takeSymbol(","))
      break;
  }
  needSymbol(end);
  return add(std::move(list));
}

uint32_t JinjaParser::parseMap() {
  Node map;
  map.kind = Node::Kind::Map;
  while (!isSymbol("}") && fault.empty()) {
    map.children.push_back(parseExpression());
    needSymbol(":");
    map.children.push_back(parseExpression());
    if (!takeSymbol(","))
      break;
  }
  needSymbol("}");
  return add(std::move(map));
}

uint32_t JinjaParser::parseName() {
  std::string name = needName();
  if (name == "true" || name == "True")
    return literal(JinjaValue::of(true));
  if (name == "false" || name == "False")
    return literal(JinjaValue::of(false));
  if (name == "none" || name == "None")
    return literal(JinjaValue::none());
  return add(Node::Kind::Name, name, {});
}

uint32_t JinjaParser::parsePrimary() {
  const Token &token = peek();
  switch (token.kind) {
  case Token::Kind::Name:
    return parseName();
  case Token::Kind::Integer: {
    int64_t value = 0;
    if (StringRef(token.text).getAsInteger(10, value))
      fail("the number " + token.text + " is too large");
    ++at;
    return literal(JinjaValue::of(value));
  }
  case Token::Kind::Real: {
    double value = 0;
    if (StringRef(token.text).getAsDouble(value))
      fail("the number " + token.text + " is too large");
    ++at;
    return literal(JinjaValue::of(value));
  }
  case Token::Kind::String: {
    // Strings side by side are one.
    std::string text;
    for (; peek().kind == Token::Kind::String; ++at)
      text += peek().text;
    return literal(JinjaValue::of(std::move(text)));
  }
  default:
    break;
  }
  if (takeSymbol("["))
    return parseList("]");
  if (takeSymbol("{"))
    return parseMap();
  if (takeSymbol("(")) {
    if (isSymbol(")"))
      return parseList(")");
    uint32_t value = parseTuple(parseExpression());
    needSymbol(")");
    return value;
  }
  unexpected("an expression");
  return literal(JinjaValue());
}
