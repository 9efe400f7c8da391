//===- JinjaParser.cpp - Tokens of a template to a tree -------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/JinjaTree.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using Node = JinjaNode;
using Token = JinjaToken;

namespace {

/// The first fault is kept; behind it there are no tokens, so that every rule
/// comes to its end.
class Parser {
public:
  Parser(llvm::ArrayRef<Token> tokens, const JinjaLimits &limits)
      : limits(limits), tokens(tokens) {}

  void run();

  JinjaTree tree;
  std::string fault;
  uint32_t faultLine = 0;

private:
  const JinjaLimits &limits;
  struct Depth {
    explicit Depth(Parser &parser) : parser(parser) {
      if (++parser.depth > parser.limits.depth)
        parser.fail("more than " + llvm::Twine(parser.limits.depth) +
                    " levels");
    }
    ~Depth() { --parser.depth; }
    Parser &parser;
  };

  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  void fail(const llvm::Twine &cause) {
    if (!fault.empty())
      return;
    fault = cause.str();
    faultLine = peek().line;
    at = tokens.size() - 1;
  }
  void unexpected(StringRef expected) {
    fail("found \"" + escapeForDisplay(peek().text) + "\"; expected " +
         expected);
  }
  bool isSymbol(StringRef text, size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::Symbol && peek(ahead).text == text;
  }
  bool isName(StringRef text, size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::Name && peek(ahead).text == text;
  }
  bool takeSymbol(StringRef text) {
    bool found = isSymbol(text);
    at += found;
    return found;
  }
  bool takeName(StringRef text) {
    bool found = isName(text);
    at += found;
    return found;
  }
  void needSymbol(StringRef text) {
    if (!takeSymbol(text))
      unexpected(("\"" + text + "\"").str());
  }
  void need(Token::Kind kind, StringRef what) {
    if (peek().kind == kind)
      ++at;
    else
      unexpected(what);
  }
  std::string needName() {
    std::string name = peek().text;
    need(Token::Kind::Name, "a name");
    return name;
  }
  uint32_t add(Node node) {
    if (node.line == 0)
      node.line = peek().line;
    tree.nodes.push_back(std::move(node));
    return tree.nodes.size() - 1;
  }
  uint32_t add(Node::Kind kind, StringRef text,
               std::vector<uint32_t> children) {
    Node node;
    node.kind = kind;
    node.text = text.str();
    node.children = std::move(children);
    return add(std::move(node));
  }
  uint32_t literal(JinjaValue value) {
    Node node;
    node.value = std::move(value);
    return add(std::move(node));
  }

  // Statements.
  std::vector<uint32_t> parseBody(llvm::ArrayRef<StringRef> ends);
  uint32_t parseBlock();
  uint32_t parseFor();
  uint32_t parseIf();
  uint32_t parseSet();
  uint32_t parseMacro();
  void endBlock(StringRef name);

  // Expressions, from the loosest to the tightest.
  uint32_t parseExpression();
  uint32_t parseOr();
  uint32_t parseAnd();
  uint32_t parseNot();
  uint32_t parseComparison();
  uint32_t parseSum();
  uint32_t parseConcat();
  uint32_t parseProduct();
  uint32_t parsePower();
  uint32_t parseUnary();
  uint32_t parsePostfix(uint32_t value);
  uint32_t parseSubscript(uint32_t value);
  uint32_t parseFiltered(uint32_t value);
  uint32_t parseTest(uint32_t value);
  uint32_t parsePrimary();
  uint32_t parseName();
  uint32_t parseList(StringRef end);
  uint32_t parseMap();
  void parseArguments(Node &call);

  llvm::ArrayRef<Token> tokens;
  size_t at = 0;
  unsigned depth = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

uint32_t Parser::parseExpression() {
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

uint32_t Parser::parseOr() {
  uint32_t value = parseAnd();
  while (takeName("or"))
    value = add(Node::Kind::Binary, "or", {value, parseAnd()});
  return value;
}

uint32_t Parser::parseAnd() {
  uint32_t value = parseNot();
  while (takeName("and"))
    value = add(Node::Kind::Binary, "and", {value, parseNot()});
  return value;
}

uint32_t Parser::parseNot() {
  Depth level(*this);
  if (takeName("not"))
    return add(Node::Kind::Unary, "not", {parseNot()});
  return parseComparison();
}

uint32_t Parser::parseComparison() {
  uint32_t value = parseSum();
  for (;;) {
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
    value = add(Node::Kind::Binary, found, {value, parseSum()});
  }
}

uint32_t Parser::parseSum() {
  uint32_t value = parseConcat();
  for (;;) {
    StringRef sign = takeSymbol("+") ? "+" : takeSymbol("-") ? "-" : "";
    if (sign.empty())
      return value;
    value = add(Node::Kind::Binary, sign, {value, parseConcat()});
  }
}

uint32_t Parser::parseConcat() {
  uint32_t value = parseProduct();
  while (takeSymbol("~"))
    value = add(Node::Kind::Binary, "~", {value, parseProduct()});
  return value;
}

uint32_t Parser::parseProduct() {
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

uint32_t Parser::parsePower() {
  uint32_t value = parseUnary();
  if (isSymbol("**"))
    fail("\"**\" is not supported");
  return value;
}

uint32_t Parser::parseUnary() {
  Depth level(*this);
  if (takeSymbol("-"))
    return parseFiltered(add(Node::Kind::Unary, "-", {parseUnary()}));
  if (takeSymbol("+"))
    return parseFiltered(parseUnary());
  return parseFiltered(parsePostfix(parsePrimary()));
}

uint32_t Parser::parseFiltered(uint32_t value) {
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

uint32_t Parser::parseTest(uint32_t value) {
  Node test;
  test.kind = Node::Kind::Test;
  test.flag = takeName("not");
  test.text = needName();
  test.children = {value};
  Token::Kind next = peek().kind;
  bool isOperator = isName("and") || isName("or") || isName("else") ||
                    isName("is") || isName("if") || isName("not") ||
                    isName("in");
  if (takeSymbol("("))
    parseArguments(test);
  else if (next == Token::Kind::String || next == Token::Kind::Integer ||
           (next == Token::Kind::Name && !isOperator))
    test.children.push_back(parsePostfix(parsePrimary()));
  return add(std::move(test));
}

/// Behind "(".
void Parser::parseArguments(Node &call) {
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

uint32_t Parser::parseSubscript(uint32_t value) {
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

uint32_t Parser::parsePostfix(uint32_t value) {
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

uint32_t Parser::parseList(StringRef end) {
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

uint32_t Parser::parseMap() {
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

uint32_t Parser::parseName() {
  std::string name = needName();
  if (name == "true" || name == "True")
    return literal(JinjaValue::of(true));
  if (name == "false" || name == "False")
    return literal(JinjaValue::of(false));
  if (name == "none" || name == "None")
    return literal(JinjaValue::none());
  return add(Node::Kind::Name, name, {});
}

uint32_t Parser::parsePrimary() {
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
    uint32_t value = parseExpression();
    if (isSymbol(","))
      fail("a tuple is not supported here");
    needSymbol(")");
    return value;
  }
  unexpected("an expression");
  return literal(JinjaValue());
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

void Parser::endBlock(StringRef name) {
  need(Token::Kind::BeginBlock, ("\"{% " + name + "\"").str());
  if (!takeName(name))
    unexpected(("\"" + name + "\"").str());
  need(Token::Kind::EndBlock, "\"%}\"");
}

/// Up to a block that begins with one of `ends`, which is left where it is.
std::vector<uint32_t> Parser::parseBody(llvm::ArrayRef<StringRef> ends) {
  Depth level(*this);
  std::vector<uint32_t> body;
  while (peek().kind != Token::Kind::End) {
    if (peek().kind == Token::Kind::Data) {
      body.push_back(add(Node::Kind::Data, peek().text, {}));
      ++at;
    } else if (peek().kind == Token::Kind::BeginOutput) {
      ++at;
      body.push_back(add(Node::Kind::Output, "", {parseExpression()}));
      need(Token::Kind::EndOutput, "\"}}\"");
    } else {
      if (peek(1).kind == Token::Kind::Name &&
          llvm::is_contained(ends, StringRef(peek(1).text)))
        return body;
      // "generation" marks what training looks at.
      if (isName("generation", 1)) {
        at += 2;
        need(Token::Kind::EndBlock, "\"%}\"");
        llvm::append_range(body, parseBody({"endgeneration"}));
        endBlock("endgeneration");
        continue;
      }
      body.push_back(parseBlock());
    }
  }
  return body;
}

uint32_t Parser::parseFor() {
  Node node;
  node.kind = Node::Kind::For;
  node.line = peek().line;
  do
    node.names.push_back(needName());
  while (takeSymbol(","));
  if (!takeName("in"))
    unexpected("\"in\"");
  // Not a whole expression: "if" behind it says which elements count.
  node.children = {parseOr(), JinjaTree::absent};
  if (takeName("if"))
    node.children[1] = parseExpression();
  if (isName("recursive"))
    fail("a recursive loop is not supported");
  need(Token::Kind::EndBlock, "\"%}\"");
  node.body = parseBody({"endfor", "else"});
  if (isName("else", 1)) {
    endBlock("else");
    node.otherwise = parseBody({"endfor"});
  }
  endBlock("endfor");
  return add(std::move(node));
}

/// Behind "if" or "elif".
uint32_t Parser::parseIf() {
  Depth level(*this);
  Node node;
  node.kind = Node::Kind::If;
  node.line = peek().line;
  node.children = {parseExpression()};
  need(Token::Kind::EndBlock, "\"%}\"");
  node.body = parseBody({"endif", "else", "elif"});
  if (isName("elif", 1)) {
    at += 2;
    node.otherwise = {parseIf()};
    return add(std::move(node));
  }
  if (isName("else", 1)) {
    endBlock("else");
    node.otherwise = parseBody({"endif"});
  }
  endBlock("endif");
  return add(std::move(node));
}

uint32_t Parser::parseSet() {
  Node node;
  node.kind = Node::Kind::Set;
  node.line = peek().line;
  node.names = {needName()};
  if (takeSymbol(".")) {
    node.kind = Node::Kind::Member;
    node.text = needName();
  }
  while (takeSymbol(","))
    node.names.push_back(needName());
  if (takeSymbol("=")) {
    node.children = {parseExpression()};
    need(Token::Kind::EndBlock, "\"%}\"");
    return add(std::move(node));
  }
  if (node.kind == Node::Kind::Member || node.names.size() > 1)
    unexpected("\"=\"");
  need(Token::Kind::EndBlock, "\"=\" or \"%}\"");
  node.body = parseBody({"endset"});
  endBlock("endset");
  return add(std::move(node));
}

uint32_t Parser::parseMacro() {
  Node node;
  node.kind = Node::Kind::Macro;
  node.line = peek().line;
  node.text = needName();
  needSymbol("(");
  while (!isSymbol(")") && fault.empty()) {
    node.names.push_back(needName());
    if (takeSymbol("="))
      node.children.push_back(parseExpression());
    else if (!node.children.empty())
      unexpected("\"=\"");
    if (!takeSymbol(","))
      break;
  }
  needSymbol(")");
  need(Token::Kind::EndBlock, "\"%}\"");
  node.body = parseBody({"endmacro"});
  endBlock("endmacro");
  return add(std::move(node));
}

/// At "{%".
uint32_t Parser::parseBlock() {
  ++at;
  if (takeName("for"))
    return parseFor();
  if (takeName("if"))
    return parseIf();
  if (takeName("set"))
    return parseSet();
  if (takeName("macro"))
    return parseMacro();
  for (auto [name, kind] : {std::pair("break", Node::Kind::Break),
                            std::pair("continue", Node::Kind::Continue)})
    if (takeName(name)) {
      need(Token::Kind::EndBlock, "\"%}\"");
      return add(kind, "", {});
    }
  fail("block \"" + escapeForDisplay(peek().text) +
       "\" is not supported; supported: break, continue, for, generation, if, "
       "macro, set");
  return 0;
}

void Parser::run() {
  tree.body = parseBody({});
  if (fault.empty() && peek().kind != Token::Kind::End)
    unexpected("the end of the template");
}

Expected<JinjaTree> ashlar::parseJinja(llvm::ArrayRef<JinjaToken> tokens,
                                       StringRef where,
                                       const JinjaLimits &limits) {
  Parser parser(tokens, limits);
  parser.run();
  if (!parser.fault.empty())
    return userError(where, "chat template, line " +
                                llvm::Twine(parser.faultLine) + ": " +
                                parser.fault);
  return std::move(parser.tree);
}
