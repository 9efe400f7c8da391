//===- JinjaLexer.cpp - A template's text to tokens -----------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/chat/JinjaTree.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using Token = JinjaToken;

static constexpr StringRef blanks = " \t\n\r\f\v";

namespace {

/// Blocks are trimmed as with trim_blocks and lstrip_blocks: the line end
/// behind a block and the blanks before one that begins its line vanish.
class Lexer {
public:
  Lexer(StringRef source, StringRef where) : where(where), rest(source) {}
  Error run();

  std::vector<Token> tokens;

private:
  Error fail(const llvm::Twine &cause) const {
    return userError(where,
                     "chat template, line " + llvm::Twine(line) + ": " + cause);
  }
  void add(Token::Kind kind, StringRef text = "") {
    tokens.push_back({kind, text.str(), line});
  }
  void advance(size_t count) {
    line += rest.take_front(count).count('\n');
    rest = rest.drop_front(count);
  }
  void addData(size_t count, char sign, bool isBlock);
  Error lexTag(char kind);
  Error skipComment();
  void endTag(StringRef end, bool isBlock, char sign);
  Error lexInside();
  Error lexString();
  void lexNumber();

  StringRef where;
  StringRef rest;
  uint32_t line = 1;
  bool beginsLine = true; // what follows
};

} // namespace

void Lexer::addData(size_t count, char sign, bool isBlock) {
  StringRef data = rest.take_front(count);
  StringRef kept = data;
  if (sign == '-') {
    kept = data.rtrim(blanks);
  } else if (isBlock && sign != '+') {
    size_t newline = data.rfind('\n');
    size_t begin = newline == StringRef::npos ? 0 : newline + 1;
    bool isLine = newline != StringRef::npos || beginsLine;
    if (isLine && data.drop_front(begin).trim(blanks).empty())
      kept = data.take_front(begin);
  }
  if (!kept.empty())
    add(Token::Kind::Data, kept);
  advance(count);
}

/// Behind a tag: `sign` stands before its end.
void Lexer::endTag(StringRef end, bool isBlock, char sign) {
  advance(end.size());
  beginsLine = false;
  if (sign == '-') {
    size_t count = rest.size() - rest.ltrim(blanks).size();
    beginsLine = count > 0 && rest[count - 1] == '\n';
    advance(count);
  } else if (isBlock && sign != '+' && rest.starts_with("\n")) {
    beginsLine = true;
    advance(1);
  }
}

Error Lexer::skipComment() {
  size_t end = rest.find("#}");
  if (end == StringRef::npos)
    return fail("a comment without end");
  char sign = end > 0 ? rest[end - 1] : 0;
  advance(end);
  endTag("#}", /*isBlock=*/true, sign == '-' || sign == '+' ? sign : 0);
  return Error::success();
}

/// Appends what the escape that `rest` begins with is. Its length; 0 when it is
/// no character. Other backslashes are themselves.
static size_t appendEscape(StringRef rest, std::string &text) {
  constexpr StringRef letters = "ntrabfv\\'\"",
                      meanings = "\n\t\r\a\b\f\v\\'\"";
  char kind = rest[1];
  if (size_t known = letters.find(kind); known != StringRef::npos) {
    text += meanings[known];
    return 2;
  }
  size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
  if (digits == 0) {
    text += rest.take_front(2);
    return 2;
  }
  uint32_t value = 0;
  StringRef number = rest.substr(2, digits);
  if (number.size() != digits || number.getAsInteger(16, value) ||
      value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    return 0;
  appendUtf8(text, value);
  return 2 + digits;
}

Error Lexer::lexString() {
  char quote = rest[0];
  std::string text;
  size_t at = 1;
  for (; at < rest.size() && rest[at] != quote; ++at) {
    if (rest[at] != '\\' || at + 1 == rest.size()) {
      text += rest[at];
      continue;
    }
    size_t length = appendEscape(rest.drop_front(at), text);
    if (length == 0)
      return fail("an escape that is no character");
    at += length - 1;
  }
  if (at >= rest.size())
    return fail("a string without end");
  add(Token::Kind::String, text);
  advance(at + 1);
  return Error::success();
}

void Lexer::lexNumber() {
  size_t end = rest.find_first_not_of("0123456789_");
  end = std::min(end, rest.size());
  Token::Kind kind = Token::Kind::Integer;
  if (end + 1 < rest.size() && rest[end] == '.' &&
      llvm::isDigit(rest[end + 1])) {
    kind = Token::Kind::Real;
    end = std::min(rest.find_first_not_of("0123456789", end + 1), rest.size());
  }
  std::string digits = rest.take_front(end).str();
  llvm::erase(digits, '_');
  add(kind, digits);
  advance(end);
}

/// One token of an expression or a block.
Error Lexer::lexInside() {
  char c = rest[0];
  if (c == '"' || c == '\'')
    return lexString();
  if (llvm::isDigit(c)) {
    lexNumber();
    return Error::success();
  }
  if (llvm::isAlpha(c) || c == '_') {
    size_t end = 1;
    while (end < rest.size() && (llvm::isAlnum(rest[end]) || rest[end] == '_'))
      ++end;
    add(Token::Kind::Name, rest.take_front(end));
    advance(end);
    return Error::success();
  }
  for (StringRef symbol :
       {"**", "//", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%",
        "~",  "|",  "=",  "(",  ")",  "[",  "]", "{", "}", ".", ",", ":"})
    if (rest.starts_with(symbol)) {
      add(Token::Kind::Symbol, symbol);
      advance(symbol.size());
      return Error::success();
    }
  return fail("unexpected \"" + escapeForDisplay(rest.take_front(1)) + "\"");
}

Error Lexer::lexTag(char kind) {
  bool isBlock = kind == '%';
  StringRef end = isBlock ? "%}" : "}}";
  add(isBlock ? Token::Kind::BeginBlock : Token::Kind::BeginOutput);
  for (unsigned open = 0;;) {
    advance(rest.size() - rest.ltrim(blanks).size());
    if (rest.empty())
      return fail("a tag without end");
    char sign = rest[0] == '-' || rest[0] == '+' ? rest[0] : 0;
    // The end of a map may stand before the end of the tag.
    if (open == 0 && rest.drop_front(sign != 0).starts_with(end)) {
      add(isBlock ? Token::Kind::EndBlock : Token::Kind::EndOutput);
      advance(sign != 0);
      endTag(end, isBlock, sign);
      return Error::success();
    }
    open += rest[0] == '{';
    open -= rest[0] == '}' && open > 0;
    if (Error error = lexInside())
      return error;
  }
}

Error Lexer::run() {
  // A single line end at the end of a template is none of its text.
  rest.consume_back("\n");
  while (!rest.empty()) {
    size_t at = 0;
    for (;; ++at) {
      at = rest.find('{', at);
      if (at == StringRef::npos || at + 1 == rest.size()) {
        at = StringRef::npos;
        break;
      }
      if (StringRef("{%#").contains(rest[at + 1]))
        break;
    }
    if (at == StringRef::npos) {
      addData(rest.size(), '+', false);
      break;
    }
    char kind = rest[at + 1];
    char sign = at + 2 < rest.size() ? rest[at + 2] : 0;
    addData(at, sign, kind != '{');
    advance(2);
    if (sign == '-' || (sign == '+' && kind != '{'))
      advance(1);
    if (Error error = kind == '#' ? skipComment() : lexTag(kind))
      return error;
  }
  add(Token::Kind::End);
  return Error::success();
}

Expected<std::vector<JinjaToken>> ashlar::lexJinja(StringRef source,
                                                   StringRef where) {
  Lexer lexer(source, where);
  if (Error error = lexer.run())
    return std::move(error);
  return std::move(lexer.tokens);
}
