//===- RegexNotation.cpp - Regular expression -> PCRE2's notation ---------===//

#include "compiler/Text/regex/RegexNotation.h"
#include "compiler/Support/Errors.h"
#include "runtime/text/tables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;

/// PCRE2 writes the body of a counted repetition so many times.
static constexpr uint64_t mostParts = 1 << 16;
static constexpr size_t mostBytes = 1 << 20;

namespace {

class NotationWriter {
public:
  NotationWriter(const Regex &regex, const RegexAlphabet &alphabet)
      : regex(regex), alphabet(alphabet) {}

  llvm::Expected<RegexNotation> write();

private:
  void put(const llvm::Twine &text) { out.text += text.str(); }
  void fail(uint32_t at, const llvm::Twine &cause) {
    if (failure.empty())
      failure =
          ("regular expression, byte " + llvm::Twine(at) + ": " + cause).str();
  }
  void write(uint32_t index, uint64_t copies);
  void writeChildren(const Regex::Node &node, llvm::StringRef separator,
                     uint64_t copies);
  void writeRepeat(const Regex::Node &node, uint64_t copies);
  void writeLook(const Regex::Node &node, uint64_t copies);
  void writeAhead(const Regex::Node &node);
  void writeBehind(const Regex::Node &node);
  /// "[...]" with the classes of a set; "" for the empty set.
  std::string brackets(uint32_t set) const;
  std::string newline() const;

  const Regex &regex;
  const RegexAlphabet &alphabet;
  RegexNotation out;
  uint64_t parts = 0;
  std::string failure;
};

} // namespace

static std::string letter(uint64_t value) {
  return "\\x{" + llvm::utohexstr(value, /*LowerCase=*/true) + "}";
}

std::string NotationWriter::brackets(uint32_t set) const {
  std::string text;
  uint32_t count = alphabet.sets.size() - alphabet.lastLine;
  for (uint32_t first = 0; first < count; ++first) {
    if (!alphabet.isIn(set, first))
      continue;
    uint32_t last = first;
    while (last + 1 < count && alphabet.isIn(set, last + 1))
      ++last;
    text += letter(uint64_t(first) << ASHLAR_TEXT_CLASS_SHIFT) + "-" +
            letter((uint64_t(last + 1) << ASHLAR_TEXT_CLASS_SHIFT) - 1);
    first = last;
  }
  return text.empty() ? text : "[" + text + "]";
}

std::string NotationWriter::newline() const {
  return letter(uint64_t(alphabet.classAt('\n')) << ASHLAR_TEXT_CLASS_SHIFT |
                '\n');
}

/// What follows is one of a set, or the end, or a newline and the end.
void NotationWriter::writeAhead(const Regex::Node &node) {
  std::vector<std::string> choices;
  std::string set = brackets(node.index);
  bool hasNewline = regex.sets[node.index].contains('\n');
  if (!set.empty())
    choices.push_back((hasNewline && !node.atLastLine
                           ? "(?!" + newline() + "\\z)"
                           : std::string()) +
                      "(?=" + set + ")");
  if (!hasNewline && node.atLastLine)
    choices.push_back("(?=" + newline() + "\\z)");
  if (node.atEdge)
    choices.push_back("\\z");
  put(choices.empty() ? "(?!)" : "(?:" + llvm::join(choices, "|") + ")");
}

void NotationWriter::writeBehind(const Regex::Node &node) {
  std::string set = brackets(node.index);
  if (set.empty() && !node.atEdge)
    return put("(?!)");
  put("(?:" + (set.empty() ? "" : "(?<=" + set + ")") +
      (!set.empty() && node.atEdge ? "|" : "") + (node.atEdge ? "\\A" : "") +
      ")");
}

void NotationWriter::writeChildren(const Regex::Node &node,
                                   llvm::StringRef separator, uint64_t copies) {
  for (auto [i, child] : llvm::enumerate(node.children)) {
    if (i > 0)
      put(separator);
    write(child, copies);
  }
}

void NotationWriter::writeRepeat(const Regex::Node &node, uint64_t copies) {
  uint64_t times = node.maximum == Regex::unbounded
                       ? uint64_t(node.minimum) + 1
                       : std::max<uint64_t>(node.maximum, 1);
  // PCRE2 goes on behind an empty iteration that is counted.
  const Regex::Node &body = regex.nodes[node.children[0]];
  bool counted = node.minimum > 1 ||
                 (node.maximum > 1 && node.maximum != Regex::unbounded);
  if (counted && body.nullable && !body.emptyLast)
    return fail(node.at,
                "repetition of what may be empty at once is not supported");
  bool single = regex.nodes[node.children[0]].kind == Regex::Kind::Set;
  put("(?:");
  write(node.children[0], single ? copies : copies * times);
  put(")");
  put("{" + llvm::Twine(node.minimum) + "," +
      (node.maximum == Regex::unbounded ? ""
                                        : llvm::Twine(node.maximum).str()) +
      "}" + (node.greedy ? "" : "?"));
}

void NotationWriter::writeLook(const Regex::Node &node, uint64_t copies) {
  // Other than PCRE2, the tokenizers library's engine goes back by any length.
  const Regex::Node &inside = regex.nodes[node.children[0]];
  bool choices = inside.kind == Regex::Kind::Alternation;
  bool fixed = choices ? llvm::all_of(inside.children,
                                      [&](uint32_t child) {
                                        return regex.nodes[child].length !=
                                               Regex::variousLength;
                                      })
                       : inside.length != Regex::variousLength;
  if (node.behind && !fixed)
    return fail(node.at, "look-behind of no fixed length is not supported");
  put(llvm::Twine("(?") + (node.behind ? "<" : "") +
      (node.negated ? "!" : "="));
  // Alternatives of several lengths must stand at the top.
  if (choices)
    writeChildren(inside, "|", copies);
  else
    write(node.children[0], copies);
  put(")");
}

void NotationWriter::write(uint32_t index, uint64_t copies) {
  const Regex::Node &node = regex.nodes[index];
  parts += copies;
  if (parts > mostParts || out.text.size() > mostBytes)
    fail(node.at,
         "repetitions of more than " + llvm::Twine(mostParts) + " parts");
  if (!failure.empty())
    return;
  if (node.at > 0)
    out.places.emplace_back(out.text.size(), node.at);
  switch (node.kind) {
  case Regex::Kind::Empty:
    return;
  case Regex::Kind::Set: {
    std::string set = brackets(node.index);
    return put(set.empty() ? "(?!)" : set);
  }
  case Regex::Kind::Sequence:
    return writeChildren(node, "", copies);
  case Regex::Kind::Alternation:
    put("(?:");
    writeChildren(node, "|", copies);
    return put(")");
  case Regex::Kind::Repeat:
    return writeRepeat(node, copies);
  case Regex::Kind::Ahead:
    return writeAhead(node);
  case Regex::Kind::Behind:
    return writeBehind(node);
  case Regex::Kind::Atomic:
    put("(?>");
    writeChildren(node, "", copies);
    return put(")");
  case Regex::Kind::Look:
    return writeLook(node, copies);
  case Regex::Kind::Group:
    put("(");
    writeChildren(node, "", copies);
    return put(")");
  case Regex::Kind::Back:
    return put("\\g{" + llvm::Twine(node.index) + "}");
  case Regex::Kind::Start:
    return put("\\G");
  }
}

llvm::Expected<RegexNotation> NotationWriter::write() {
  if (alphabet.sets.size() > ASHLAR_TEXT_MAX_LETTER_CLASSES)
    return userError("", "regular expression needs more than " +
                             llvm::Twine(ASHLAR_TEXT_MAX_LETTER_CLASSES) +
                             " classes of code points");
  write(regex.root, 1);
  if (!failure.empty())
    return userError("", failure);
  return std::move(out);
}

uint32_t RegexNotation::byteAt(uint32_t offset) const {
  uint32_t byte = 0;
  for (auto [begin, at] : places)
    if (begin <= offset)
      byte = at;
  return byte;
}

llvm::Expected<RegexNotation>
ashlar::writeNotation(const Regex &regex, const RegexAlphabet &alphabet) {
  return NotationWriter(regex, alphabet).write();
}
