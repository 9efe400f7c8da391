//===- Regex.cpp - Regular expressions as trees ---------------------------===//

#include "compiler/Text/regex/Regex.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/STLExtras.h"

#include <cassert>

using namespace ashlar;

uint32_t Regex::addSet(const CodePointSet &set) {
  auto it = llvm::find(sets, set);
  if (it != sets.end())
    return it - sets.begin();
  sets.push_back(set);
  return sets.size() - 1;
}

static bool isNullable(const Regex &regex, const Regex::Node &node) {
  auto nullable = [&](uint32_t child) { return regex.nodes[child].nullable; };
  switch (node.kind) {
  case Regex::Kind::Empty:
  case Regex::Kind::Ahead:
  case Regex::Kind::Behind:
  case Regex::Kind::Look:
  case Regex::Kind::Back:
  case Regex::Kind::Start:
    return true;
  case Regex::Kind::Set:
    return false;
  case Regex::Kind::Sequence:
  case Regex::Kind::Atomic:
  case Regex::Kind::Group:
    return llvm::all_of(node.children, nullable);
  case Regex::Kind::Alternation:
    return llvm::any_of(node.children, nullable);
  case Regex::Kind::Repeat:
    return node.minimum == 0 || nullable(node.children[0]);
  }
  llvm_unreachable("every kind of node is handled above");
}

static int64_t sumOfLengths(const Regex &regex, const Regex::Node &node) {
  int64_t sum = 0;
  for (uint32_t child : node.children) {
    int64_t length = regex.nodes[child].length;
    if (length == Regex::variousLength)
      return length;
    sum += length;
  }
  return sum;
}

static int64_t lengthOf(const Regex &regex, const Regex::Node &node) {
  // Longer ones than a pattern has characters come of repetitions alone.
  constexpr int64_t longest = 1 << 20;
  auto length = [&](uint32_t child) { return regex.nodes[child].length; };
  int64_t first = node.children.empty() ? 0 : length(node.children[0]);
  switch (node.kind) {
  case Regex::Kind::Empty:
  case Regex::Kind::Ahead:
  case Regex::Kind::Behind:
  case Regex::Kind::Look:
  case Regex::Kind::Start:
    return 0;
  case Regex::Kind::Set:
    return 1;
  case Regex::Kind::Back:
    return Regex::variousLength;
  case Regex::Kind::Sequence:
  case Regex::Kind::Atomic:
  case Regex::Kind::Group:
    return sumOfLengths(regex, node);
  case Regex::Kind::Alternation:
    return llvm::all_of(node.children,
                        [&](uint32_t child) { return length(child) == first; })
               ? first
               : Regex::variousLength;
  case Regex::Kind::Repeat:
    if (first <= 0)
      return first;
    return first <= longest && node.minimum == node.maximum
               ? node.minimum * first
               : Regex::variousLength;
  }
  llvm_unreachable("every kind of node is handled above");
}

/// Whether what matches the empty text is the last thing that is tried.
static bool isEmptyLast(const Regex &regex, const Regex::Node &node) {
  auto child = [&](size_t i) -> const Regex::Node & {
    return regex.nodes[node.children[i]];
  };
  if (!node.nullable || node.length == 0)
    return true;
  if (node.kind == Regex::Kind::Repeat && !node.greedy)
    return false;
  for (size_t i = 0; i < node.children.size(); ++i) {
    bool hasNext =
        node.kind == Regex::Kind::Alternation && i + 1 < node.children.size();
    if (!child(i).emptyLast || (hasNext && child(i).nullable))
      return false;
  }
  return node.kind != Regex::Kind::Back;
}

uint32_t Regex::addNode(Node node) {
  node.nullable = isNullable(*this, node);
  node.length = lengthOf(*this, node);
  node.emptyLast = isEmptyLast(*this, node);
  for (uint32_t child : node.children)
    node.depth = std::max(node.depth, nodes[child].depth + 1);
  node.looksAhead = node.kind == Kind::Ahead || node.kind == Kind::Look ||
                    llvm::any_of(node.children, [&](uint32_t child) {
                      return nodes[child].looksAhead;
                    });
  nodes.push_back(std::move(node));
  return nodes.size() - 1;
}

uint32_t Regex::addAhead(const CodePointSet &set, bool atEdge) {
  return addNode({.kind = Kind::Ahead,
                  .index = addSet(set),
                  .children = {},
                  .atEdge = atEdge,
                  .atLastLine = set.contains('\n')});
}

uint32_t Regex::addBehind(const CodePointSet &set, bool atEdge) {
  return addNode({.kind = Kind::Behind,
                  .index = addSet(set),
                  .children = {},
                  .atEdge = atEdge});
}

uint32_t Regex::addBeforeLastLine() {
  lastLine = true;
  return addNode({.kind = Kind::Ahead,
                  .index = addSet({}),
                  .children = {},
                  .atEdge = true,
                  .atLastLine = true});
}

Regex ashlar::setRegex(const CodePointSet &set) {
  Regex regex;
  regex.root = regex.addNode(
      {.kind = Regex::Kind::Set, .index = regex.addSet(set), .children = {}});
  return regex;
}

Regex ashlar::literalRegex(llvm::StringRef text) {
  Regex regex;
  Regex::Node sequence{.kind = Regex::Kind::Sequence, .children = {}};
  while (!text.empty()) {
    CodePoint next = decodeUtf8(text);
    assert(next.length && "the reader has let invalid UTF-8 pass");
    text = text.drop_front(next.length);
    uint32_t set = regex.addSet({next.value, next.value});
    sequence.children.push_back(regex.addNode(
        {.kind = Regex::Kind::Set, .index = set, .children = {}}));
  }
  regex.root = regex.addNode(std::move(sequence));
  return regex;
}
