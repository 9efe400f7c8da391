//===- RegexLookAround.cpp - Look-around of one character -----------------===//
//
// (?=x) is Ahead, (?<=x) is Behind, and both are conditions on one place of the
// text: "and" is a sequence of them, "or" an alternation, and "not" goes down
// to the single ones. So all look-around that never needs a second character
// becomes conditions on the characters beside one place.
//
//===----------------------------------------------------------------------===//

#include "compiler/Text/regex/Regex.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;

/// Conditions in conditions are written once more at every level.
static constexpr size_t mostNodes = 1 << 18;

namespace {

class Lowering {
public:
  explicit Lowering(Regex &regex) : regex(regex) {}

  void lower(uint32_t look);

private:
  using Condition = std::optional<uint32_t>;

  Condition conditionOf(uint32_t index, bool behind);
  Condition conditionOfSequence(const Regex::Node &node, bool behind);
  Condition conditionOfAlternation(const Regex::Node &node, bool behind);
  uint32_t negate(uint32_t index);
  uint32_t always() { return regex.addNode({.children = {}}); }
  uint32_t never() { return regex.addAhead({}, /*atEdge=*/false); }

  Regex &regex;
};

} // namespace

/// Characters may be read at the far end alone: the last of a sequence ahead,
/// the first of one behind.
Lowering::Condition Lowering::conditionOfSequence(const Regex::Node &node,
                                                  bool behind) {
  Regex::Node sequence{.kind = Regex::Kind::Sequence, .children = {}};
  for (auto [i, child] : llvm::enumerate(node.children)) {
    bool far = behind ? i == 0 : i + 1 == node.children.size();
    if (!far && regex.nodes[child].length != 0)
      return std::nullopt;
    Condition condition = conditionOf(child, behind);
    if (!condition)
      return std::nullopt;
    sequence.children.push_back(*condition);
  }
  return regex.addNode(std::move(sequence));
}

Lowering::Condition Lowering::conditionOfAlternation(const Regex::Node &node,
                                                     bool behind) {
  Regex::Node choice{.kind = Regex::Kind::Alternation, .children = {}};
  for (uint32_t child : node.children) {
    Condition condition = conditionOf(child, behind);
    if (!condition)
      return std::nullopt;
    choice.children.push_back(*condition);
  }
  return regex.addNode(std::move(choice));
}

/// When `index` matches on one side of a place.
Lowering::Condition Lowering::conditionOf(uint32_t index, bool behind) {
  if (regex.nodes.size() > mostNodes)
    return std::nullopt;
  const Regex::Node node = regex.nodes[index];
  switch (node.kind) {
  case Regex::Kind::Empty:
  case Regex::Kind::Ahead:
  case Regex::Kind::Behind:
    return index;
  case Regex::Kind::Set: {
    const CodePointSet set = regex.sets[node.index];
    return behind ? regex.addBehind(set, /*atEdge=*/false)
                  : regex.addAhead(set, /*atEdge=*/false);
  }
  case Regex::Kind::Sequence:
    return conditionOfSequence(node, behind);
  case Regex::Kind::Alternation:
    return conditionOfAlternation(node, behind);
  case Regex::Kind::Repeat:
    // That it matches is the question, not how far.
    if (node.minimum == 0)
      return always();
    if (node.minimum == 1 || node.length == 0)
      return conditionOf(node.children[0], behind);
    return std::nullopt;
  case Regex::Kind::Atomic:
  case Regex::Kind::Group:
    return conditionOf(node.children[0], behind);
  case Regex::Kind::Look: // one that stays
  case Regex::Kind::Back:
  case Regex::Kind::Start:
    return std::nullopt;
  }
  llvm_unreachable("every kind of node is handled above");
}

uint32_t Lowering::negate(uint32_t index) {
  Regex::Node node = regex.nodes[index];
  if (node.kind == Regex::Kind::Empty)
    return never();
  if (node.kind == Regex::Kind::Ahead || node.kind == Regex::Kind::Behind) {
    CodePointSet set = regex.sets[node.index];
    set.complement();
    node.index = regex.addSet(set);
    node.atEdge = !node.atEdge;
    node.atLastLine = !node.atLastLine;
    return regex.addNode(std::move(node));
  }
  // Not all is one that is not, and the other way round.
  node.kind = node.kind == Regex::Kind::Sequence ? Regex::Kind::Alternation
                                                 : Regex::Kind::Sequence;
  if (node.children.empty())
    return never();
  for (uint32_t &child : node.children)
    child = negate(child);
  return regex.addNode(std::move(node));
}

void Lowering::lower(uint32_t look) {
  const Regex::Node node = regex.nodes[look];
  Condition condition = conditionOf(node.children[0], node.behind);
  if (!condition)
    return;
  uint32_t root = node.negated ? negate(*condition) : *condition;
  Regex::Node place{.kind = Regex::Kind::Sequence, .children = {root}};
  place.length = 0;
  regex.nodes[look] = std::move(place);
}

void ashlar::lowerLookAround(Regex &regex) {
  Lowering lowering(regex);
  // Inner ones come first; what is added has none.
  for (uint32_t i = 0, count = regex.nodes.size(); i < count; ++i)
    if (regex.nodes[i].kind == Regex::Kind::Look)
      lowering.lower(i);
}
