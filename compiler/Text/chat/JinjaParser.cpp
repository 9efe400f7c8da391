//===- JinjaParser.cpp - Tokens of a template to a tree ------------------===//

#include "compiler/Text/chat/JinjaParser.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using llvm::Expected;
using llvm::StringRef;

using Node = JinjaNode;
using Token = JinjaToken;

void JinjaParser::endBlock(StringRef name) {
  need(Token::Kind::BeginBlock, ("\"{% " + name + "\"").str());
  if (!takeName(name))
    unexpected(("\"" + name + "\"").str());
  need(Token::Kind::EndBlock, "\"%}\"");
}

/// Up to a block that begins with one of `ends`, which is left where it is.
std::vector<uint32_t> JinjaParser::parseBody(llvm::ArrayRef<StringRef> ends) {
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

/// Names, perhaps in parentheses.
std::vector<std::string> JinjaParser::parseTargets() {
  bool inParentheses = takeSymbol("(");
  std::vector<std::string> names;
  do
    names.push_back(needName());
  while (takeSymbol(","));
  if (inParentheses)
    needSymbol(")");
  return names;
}

uint32_t JinjaParser::parseFor() {
  Node node;
  node.kind = Node::Kind::For;
  node.line = peek().line;
  node.names = parseTargets();
  if (!takeName("in"))
    unexpected("\"in\"");
  // Not a whole expression: "if" behind it says which elements count.
  node.children = {parseTuple(parseOr()), JinjaTree::absent};
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
uint32_t JinjaParser::parseIf() {
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

uint32_t JinjaParser::parseSet() {
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
    node.children = {parseTuple(parseExpression())};
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

uint32_t JinjaParser::parseMacro() {
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
uint32_t JinjaParser::parseBlock() {
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

void JinjaParser::run() {
  tree.body = parseBody({});
  if (fault.empty() && peek().kind != Token::Kind::End)
    unexpected("the end of the template");
}

Expected<JinjaTree> ashlar::parseJinja(llvm::ArrayRef<JinjaToken> tokens,
                                       StringRef where,
                                       const JinjaLimits &limits) {
  JinjaParser parser(tokens, limits);
  parser.run();
  if (!parser.fault.empty())
    return userError(where, "chat template, line " +
                                llvm::Twine(parser.faultLine) + ": " +
                                parser.fault);
  return std::move(parser.tree);
}
