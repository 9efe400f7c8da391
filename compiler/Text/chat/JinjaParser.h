//===- JinjaParser.h - Tokens of a template to a tree -----------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_JINJAPARSER_H
#define ASHLAR_COMPILER_TEXT_CHAT_JINJAPARSER_H

#include "compiler/Support/Errors.h"
#include "compiler/Text/chat/JinjaTree.h"

namespace ashlar {

/// The first fault is kept; behind it there are no tokens, so that every rule
/// comes to its end.
class JinjaParser {
public:
  JinjaParser(llvm::ArrayRef<JinjaToken> tokens, const JinjaLimits &limits)
      : limits(limits), tokens(tokens) {}

  void run();

  JinjaTree tree;
  std::string fault;
  uint32_t faultLine = 0;

private:
  const JinjaLimits &limits;
  struct Depth {
    explicit Depth(JinjaParser &parser) : parser(parser) {
      if (++parser.depth > parser.limits.depth)
        parser.fail("more than " + llvm::Twine(parser.limits.depth) +
                    " levels");
    }
    ~Depth() { --parser.depth; }
    JinjaParser &parser;
  };

  const JinjaToken &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  void fail(const llvm::Twine &cause) {
    if (!fault.empty())
      return;
    fault = cause.str();
    faultLine = peek().line;
    at = tokens.size() - 1;
  }
  void unexpected(llvm::StringRef expected) {
    fail("found \"" + escapeForDisplay(peek().text) + "\"; expected " +
         expected);
  }
  bool isSymbol(llvm::StringRef text, size_t ahead = 0) const {
    return peek(ahead).kind == JinjaToken::Kind::Symbol &&
           peek(ahead).text == text;
  }
  bool isName(llvm::StringRef text, size_t ahead = 0) const {
    return peek(ahead).kind == JinjaToken::Kind::Name &&
           peek(ahead).text == text;
  }
  bool takeSymbol(llvm::StringRef text) {
    bool found = isSymbol(text);
    at += found;
    return found;
  }
  bool takeName(llvm::StringRef text) {
    bool found = isName(text);
    at += found;
    return found;
  }
  void needSymbol(llvm::StringRef text) {
    if (!takeSymbol(text))
      unexpected(("\"" + text + "\"").str());
  }
  void need(JinjaToken::Kind kind, llvm::StringRef what) {
    if (peek().kind == kind)
      ++at;
    else
      unexpected(what);
  }
  std::string needName() {
    std::string name = peek().text;
    need(JinjaToken::Kind::Name, "a name");
    return name;
  }
  uint32_t add(JinjaNode node) {
    if (node.line == 0)
      node.line = peek().line;
    tree.nodes.push_back(std::move(node));
    return tree.nodes.size() - 1;
  }
  uint32_t add(JinjaNode::Kind kind, llvm::StringRef text,
               std::vector<uint32_t> children) {
    JinjaNode node;
    node.kind = kind;
    node.text = text.str();
    node.children = std::move(children);
    return add(std::move(node));
  }
  uint32_t literal(JinjaValue value) {
    JinjaNode node;
    node.value = std::move(value);
    return add(std::move(node));
  }

  // Statements.
  std::vector<uint32_t> parseBody(llvm::ArrayRef<llvm::StringRef> ends);
  uint32_t parseBlock();
  uint32_t parseFor();
  std::vector<std::string> parseTargets();
  uint32_t parseIf();
  uint32_t parseSet();
  uint32_t parseMacro();
  void endBlock(llvm::StringRef name);

  // Expressions, from the loosest to the tightest.
  uint32_t parseExpression();
  /// A list of expressions without brackets, or the one expression.
  uint32_t parseTuple(uint32_t first);
  uint32_t parseOr();
  uint32_t parseAnd();
  uint32_t parseNot();
  uint32_t parseComparison();
  uint32_t parseSum();
  uint32_t parseConcat();
  uint32_t parseProduct();
  uint32_t parsePower();
  uint32_t parseUnary(bool withFilters = true);
  uint32_t parsePostfix(uint32_t value);
  uint32_t parseSubscript(uint32_t value);
  uint32_t parseFiltered(uint32_t value);
  uint32_t parseTest(uint32_t value);
  uint32_t parsePrimary();
  uint32_t parseName();
  uint32_t parseList(llvm::StringRef end);
  uint32_t parseMap();
  void parseArguments(JinjaNode &call);

  llvm::ArrayRef<JinjaToken> tokens;
  size_t at = 0;
  unsigned depth = 0;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_JINJAPARSER_H
