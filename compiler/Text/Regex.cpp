//===- Regex.cpp - Regular expressions as trees ---------------------------===//

#include "compiler/Text/Regex.h"
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

uint32_t Regex::addNode(Node node) {
  auto nullable = [&](uint32_t child) { return nodes[child].nullable; };
  switch (node.kind) {
  case Kind::Empty:
  case Kind::Ahead:
    node.nullable = true;
    break;
  case Kind::Set:
    node.nullable = false;
    break;
  case Kind::Sequence:
    node.nullable = llvm::all_of(node.children, nullable);
    break;
  case Kind::Alternation:
    node.nullable = llvm::any_of(node.children, nullable);
    break;
  case Kind::Repeat:
    node.nullable = node.minimum == 0 || nullable(node.children[0]);
    break;
  }
  nodes.push_back(std::move(node));
  return nodes.size() - 1;
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
