//===- MaskText.cpp - Masks as text ---------------------------------------===//

#include "compiler/Spec/Limits.h"
#include "compiler/Spec/Mask.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// A number in parentheses, or several with their names.
struct Argument {
  StringRef name;
  int64_t value;
};

/// One text; the first fault sticks.
class Parser {
public:
  Parser(StringRef text, std::string &fault) : rest(text), fault(fault) {
    length = text.size();
  }
  std::optional<Mask> run();

private:
  /// Deeper than any mask that somebody writes.
  static constexpr int maxDepth = 32;

  Mask parseUnion();
  Mask parseIntersection();
  Mask parseFactor();
  Mask parseCall(StringRef name);
  std::vector<Argument> parseArguments();
  /// The value of `name`, or of what has no name where `bare` holds.
  int64_t argument(StringRef name, int64_t least, bool bare = false);
  int64_t argumentOr(StringRef name, int64_t least, int64_t otherwise);

  bool failed() const { return !fault.empty(); }
  void fail(const llvm::Twine &cause) {
    if (!failed())
      fault = cause.str();
  }
  void expected(StringRef what);
  bool take(char c);
  StringRef takeWord();

  StringRef rest;
  size_t length;
  std::string &fault;
  int depth = 0;
  int64_t parts = 0;
  // Of the call that is being read.
  StringRef callee;
  std::vector<Argument> arguments;
  size_t used = 0;
};
} // namespace

static constexpr const char *names =
    "blocks, causal, first_queries, global, last_block, last_block_queries, "
    "length_up_to, marked, marked_queries, prefix, random, window";

void Parser::expected(StringRef what) {
  rest = rest.ltrim();
  fail("found " +
       (rest.empty() ? std::string("the end")
                     : "'" + rest.take_front().str() + "' at column " +
                           std::to_string(length - rest.size() + 1)) +
       "; expected " + what);
}

bool Parser::take(char c) {
  rest = rest.ltrim();
  return rest.consume_front(StringRef(&c, 1));
}

StringRef Parser::takeWord() {
  rest = rest.ltrim();
  StringRef word = rest.take_while(
      [](char c) { return llvm::isAlnum(c) || c == '_' || c == '-'; });
  rest = rest.drop_front(word.size());
  return word;
}

std::vector<Argument> Parser::parseArguments() {
  std::vector<Argument> result;
  if (!take('(') || take(')'))
    return result;
  do {
    StringRef name, word = takeWord();
    if (take('=')) {
      name = word;
      word = takeWord();
    }
    if (word.empty())
      return expected("a number"), result;
    int64_t value;
    if (word.getAsInteger(10, value) || value < 0 || value > maxCount) {
      fail("\"" + word + "\" of " + callee +
           " is no integer from 0 to 2147483647");
      return result;
    }
    result.push_back({name, value});
  } while (take(','));
  if (!take(')'))
    expected("')'");
  return result;
}

int64_t Parser::argumentOr(StringRef name, int64_t least, int64_t otherwise) {
  for (const Argument &given : arguments) {
    if (given.name != name)
      continue;
    ++used;
    if (given.value < least)
      fail((name.empty() ? StringRef("the number") : name) + " of " + callee +
           " is " + llvm::Twine(given.value) + "; expected at least " +
           llvm::Twine(least));
    return given.value;
  }
  return otherwise;
}

int64_t Parser::argument(StringRef name, int64_t least, bool bare) {
  int64_t value = argumentOr(bare ? "" : name, least, -1);
  if (value < 0)
    fail(callee + " has no " + name + "; expected " + callee + "(" +
         (bare ? name.str() : name.str() + "=...") + ")");
  return value;
}

Mask Parser::parseCall(StringRef name) {
  callee = name;
  arguments = parseArguments();
  used = 0;
  if (failed())
    return {};
  auto count = [&] { return argument("count", 1, /*bare=*/true); };
  Mask mask;
  if (name == "causal") {
    mask = Mask::causal();
  } else if (name == "window" && arguments.size() == 1 &&
             arguments[0].name.empty()) {
    int64_t distance = count() - 1;
    mask = Mask::window(distance, distance);
  } else if (name == "window" || name == "blocks") {
    mask = Mask::window(argumentOr("behind", 0, -1), argumentOr("ahead", 0, -1),
                        name == "blocks" ? argument("size", 1) : 1);
    if (mask.behind < 0 && mask.ahead < 0)
      fail(name + " has no end; expected " +
           (name == "window" ? "window(n), " : "") +
           "behind=..., ahead=... or both");
  } else if (name == "prefix") {
    mask = Mask::counting(MaskKind::FirstKeys, count());
  } else if (name == "first_queries") {
    mask = Mask::counting(MaskKind::FirstQueries, count());
  } else if (name == "global") {
    int64_t tokens = count();
    mask = Mask::any({Mask::counting(MaskKind::FirstKeys, tokens),
                      Mask::counting(MaskKind::FirstQueries, tokens)});
  } else if (name == "last_block") {
    mask = Mask::lastBlock(MaskKind::LastKeys, count());
  } else if (name == "last_block_queries") {
    mask = Mask::lastBlock(MaskKind::LastQueries, count());
  } else if (name == "length_up_to") {
    mask = Mask::counting(MaskKind::ShortLength, count());
  } else if (name == "marked") {
    mask = Mask::marked(MaskKind::MarkedKeys);
  } else if (name == "marked_queries") {
    mask = Mask::marked(MaskKind::MarkedQueries);
  } else if (name == "random") {
    mask.kind = MaskKind::Random;
    mask.count = argument("blocks", 1);
    mask.block = argument("block", 1);
    mask.seed = argument("seed", 0);
    mask.of = argumentOr("of", 1, 0);
  } else {
    fail("\"" + name + "\" is no mask; supported: " + names);
  }
  if (used != arguments.size())
    fail(name + " has other numbers than it takes, or one twice");
  return mask;
}

Mask Parser::parseFactor() {
  if (++depth > maxDepth)
    fail("it is nested deeper than " + llvm::Twine(maxDepth));
  if (++parts > maxMaskParts)
    fail("it has more than " + llvm::Twine(maxMaskParts) + " parts");
  Mask mask;
  if (failed()) {
  } else if (take('!')) {
    mask = Mask::negate(parseFactor());
  } else if (take('(')) {
    mask = parseUnion();
    if (!take(')'))
      expected("')'");
  } else if (StringRef name = takeWord(); !name.empty()) {
    mask = parseCall(name);
  } else {
    expected("a mask");
  }
  --depth;
  return mask;
}

Mask Parser::parseIntersection() {
  std::vector<Mask> members;
  do
    members.push_back(parseFactor());
  while (!failed() && take('&'));
  return Mask::all(std::move(members));
}

Mask Parser::parseUnion() {
  std::vector<Mask> members;
  do
    members.push_back(parseIntersection());
  while (!failed() && take('|'));
  return Mask::any(std::move(members));
}

std::optional<Mask> Parser::run() {
  Mask mask = parseUnion();
  if (!rest.ltrim().empty())
    expected("'&', '|' or the end");
  if (failed())
    return std::nullopt;
  return mask;
}

std::optional<Mask> ashlar::parseMask(std::string_view text,
                                      std::string &fault) {
  fault.clear();
  return Parser(text, fault).run();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static std::string call(const char *name, int64_t number) {
  return name + ("(" + std::to_string(number) + ")");
}

static std::string printNear(const Mask &mask) {
  if (mask == Mask::causal())
    return "causal";
  if (mask.block == 1 && mask.behind == mask.ahead)
    return call("window", mask.behind + 1);
  std::string text;
  auto add = [&](const char *name, int64_t value) {
    text += (text.empty() ? "" : ", ") + (name + ("=" + std::to_string(value)));
  };
  if (mask.block != 1)
    add("size", mask.block);
  if (mask.behind >= 0)
    add("behind", mask.behind);
  if (mask.ahead >= 0)
    add("ahead", mask.ahead);
  return (mask.block != 1 ? "blocks(" : "window(") + text + ")";
}

static std::string printRandom(const Mask &mask) {
  std::string text = "random(blocks=" + std::to_string(mask.count) +
                     ", block=" + std::to_string(mask.block) +
                     ", seed=" + std::to_string(mask.seed);
  return text + (mask.of ? ", of=" + std::to_string(mask.of) : "") + ")";
}

/// In parentheses where it binds less tightly than what is around it.
static std::string printMember(const Mask &mask, MaskKind around) {
  bool inside = mask.kind == MaskKind::AnyOf ||
                (mask.kind == MaskKind::AllOf && around == MaskKind::Not);
  return inside ? "(" + printMask(mask) + ")" : printMask(mask);
}

std::string ashlar::printMask(const Mask &mask) {
  switch (mask.kind) {
  case MaskKind::Near:
    return printNear(mask);
  case MaskKind::FirstKeys:
    return call("prefix", mask.count);
  case MaskKind::FirstQueries:
    return call("first_queries", mask.count);
  case MaskKind::LastKeys:
    return call("last_block", mask.block);
  case MaskKind::LastQueries:
    return call("last_block_queries", mask.block);
  case MaskKind::ShortLength:
    return call("length_up_to", mask.count);
  case MaskKind::MarkedKeys:
    return "marked";
  case MaskKind::MarkedQueries:
    return "marked_queries";
  case MaskKind::Random:
    return printRandom(mask);
  case MaskKind::Not:
    return "!" + printMember(mask.members.front(), MaskKind::Not);
  case MaskKind::AnyOf:
  case MaskKind::AllOf:
    break;
  }
  std::string text;
  for (const Mask &member : mask.members)
    text +=
        (text.empty() ? "" : (mask.kind == MaskKind::AnyOf ? " | " : " & ")) +
        printMember(member, mask.kind);
  return text;
}
