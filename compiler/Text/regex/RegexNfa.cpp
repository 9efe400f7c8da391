//===- RegexNfa.cpp - Regular expression -> NFA ---------------------------===//

#include "compiler/Text/regex/RegexNfa.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;

namespace {

class NfaBuilder {
public:
  NfaBuilder(Regex &regex, uint32_t limit) : regex(regex), limit(limit) {}

  llvm::Expected<RegexNfa> build();

private:
  uint32_t add(NfaState state) {
    overflow |= nfa.states.size() >= limit;
    if (failed())
      return 0;
    nfa.states.push_back(state);
    return nfa.states.size() - 1;
  }
  uint32_t addSplit(bool greedy, uint32_t body, uint32_t exit) {
    return greedy ? add({NfaState::Kind::Split, 0, body, exit})
                  : add({NfaState::Kind::Split, 0, exit, body});
  }
  uint32_t refuse(const Regex::Node &node, const char *what) {
    if (irregular.empty())
      irregular = ("regular expression, byte " + llvm::Twine(node.at) + ": " +
                   what + " is not regular")
                      .str();
    return 0;
  }
  bool failed() const { return overflow || !irregular.empty(); }

  /// The first state of `node` followed by state `next`.
  uint32_t emit(uint32_t node, uint32_t next);
  uint32_t emitAlternation(const Regex::Node &choice, uint32_t next);
  uint32_t emitLoop(const Regex::Node &repeat, uint32_t next);
  uint32_t emitRepeat(const Regex::Node &repeat, uint32_t next);
  uint32_t emitAtomic(uint32_t node, uint32_t next, const Regex::Node &outer);
  uint32_t emitAtomicSequence(const Regex::Node &sequence, uint32_t next,
                              const Regex::Node &outer);
  uint32_t emitAtomicLoop(const Regex::Node &repeat, uint32_t set,
                          uint32_t next);

  Regex &regex;
  const uint32_t limit;
  RegexNfa nfa;
  bool overflow = false;
  std::string irregular;
  uint64_t work = 0;
};

} // namespace

/// One or more times.
uint32_t NfaBuilder::emitLoop(const Regex::Node &repeat, uint32_t next) {
  uint32_t loop = add({NfaState::Kind::Jump}); // filled in below
  uint32_t body = emit(repeat.children[0], loop);
  if (failed())
    return 0;
  nfa.states[loop] = {NfaState::Kind::Split, 0, repeat.greedy ? body : next,
                      repeat.greedy ? next : body};
  return body;
}

uint32_t NfaBuilder::emitRepeat(const Regex::Node &repeat, uint32_t next) {
  // An iteration that matches nothing ends the loop. So x* with an x that may
  // be empty is (x+)?: the way around the loop is then never the preferred one.
  // The set of states does not say what an iteration has read so far, so
  // others do not end it.
  const Regex::Node &body = regex.nodes[repeat.children[0]];
  if (body.nullable && repeat.maximum > 1 &&
      (!body.emptyLast || body.looksAhead))
    return refuse(repeat, "repetition of what may be empty");
  uint32_t required = repeat.minimum;
  if (repeat.maximum == Regex::unbounded) {
    if (required > 0) {
      next = emitLoop(repeat, next);
      --required;
    } else if (regex.nodes[repeat.children[0]].nullable) {
      uint32_t body = emitLoop(repeat, next);
      next = addSplit(repeat.greedy, body, next);
    } else {
      uint32_t loop = add({NfaState::Kind::Jump}); // filled in below
      uint32_t body = emit(repeat.children[0], loop);
      if (failed())
        return 0;
      nfa.states[loop] = {NfaState::Kind::Split, 0, repeat.greedy ? body : next,
                          repeat.greedy ? next : body};
      next = loop;
    }
  } else {
    // x{0,3} = (x(x(x)?)?)?, built from the inside.
    uint32_t exit = next;
    for (uint32_t i = repeat.minimum; i < repeat.maximum && !failed(); ++i)
      next = addSplit(repeat.greedy, emit(repeat.children[0], next), exit);
  }
  for (uint32_t i = 0; i < required && !failed(); ++i)
    next = emit(repeat.children[0], next);
  return next;
}

uint32_t NfaBuilder::emitAlternation(const Regex::Node &choice, uint32_t next) {
  uint32_t first = emit(choice.children.back(), next);
  for (uint32_t child :
       llvm::reverse(llvm::ArrayRef(choice.children).drop_back()))
    first = addSplit(/*greedy=*/true, emit(child, next), first);
  return first;
}

/// A greedy loop over one set that gives nothing back ends before what is not
/// in the set: the same loop with a look ahead.
uint32_t NfaBuilder::emitAtomicLoop(const Regex::Node &repeat, uint32_t set,
                                    uint32_t next) {
  auto one = [&](uint32_t then) {
    return add({NfaState::Kind::Set, set, then});
  };
  if (repeat.greedy) {
    CodePointSet others = regex.sets[set];
    others.complement();
    uint32_t exit =
        add({NfaState::Kind::Ahead, regex.addSet(others), next, 0,
             /*atEdge=*/true, /*atLastLine=*/others.contains('\n')});
    if (repeat.maximum == Regex::unbounded) {
      uint32_t loop = add({NfaState::Kind::Jump}); // filled in below
      uint32_t body = one(loop);
      if (failed())
        return 0;
      nfa.states[loop] = {NfaState::Kind::Split, 0, body, exit};
      next = loop;
    } else {
      for (uint32_t i = repeat.minimum; i < repeat.maximum && !failed(); ++i)
        next = addSplit(/*greedy=*/true, one(next), exit);
    }
  }
  for (uint32_t i = 0; i < repeat.minimum && !failed(); ++i)
    next = one(next);
  return next;
}

/// Parts that end in one place only leave the last one alone to be held.
uint32_t NfaBuilder::emitAtomicSequence(const Regex::Node &sequence,
                                        uint32_t next,
                                        const Regex::Node &outer) {
  if (sequence.children.empty())
    return next;
  for (uint32_t child : llvm::ArrayRef(sequence.children).drop_back())
    if (regex.nodes[child].length == Regex::variousLength &&
        regex.nodes[child].kind != Regex::Kind::Atomic)
      return refuse(outer, "atomic group");
  next = emitAtomic(sequence.children.back(), next, outer);
  for (uint32_t child :
       llvm::reverse(llvm::ArrayRef(sequence.children).drop_back()))
    next = emit(child, next);
  return next;
}

uint32_t NfaBuilder::emitAtomic(uint32_t index, uint32_t next,
                                const Regex::Node &outer) {
  const Regex::Node &node = regex.nodes[index];
  // Where all ways end in one place, or nothing follows, the first will do.
  if (next == 0 || node.length != Regex::variousLength)
    return emit(index, next);
  switch (node.kind) {
  case Regex::Kind::Atomic:
    return emit(index, next);
  case Regex::Kind::Group:
    return emitAtomic(node.children[0], next, outer);
  case Regex::Kind::Sequence:
    return emitAtomicSequence(node, next, outer);
  case Regex::Kind::Repeat: {
    uint32_t body = node.children[0];
    while (regex.nodes[body].kind == Regex::Kind::Sequence &&
           regex.nodes[body].children.size() == 1)
      body = regex.nodes[body].children[0];
    if (regex.nodes[body].kind == Regex::Kind::Set)
      return emitAtomicLoop(node, regex.nodes[body].index, next);
    return refuse(outer, "possessive repetition of a group");
  }
  default:
    return refuse(outer, "atomic group");
  }
}

uint32_t NfaBuilder::emit(uint32_t index, uint32_t next) {
  // Repetitions of nothing add no states: the work is bounded as well.
  overflow |= ++work > 16 * uint64_t(limit);
  if (failed())
    return 0;
  const Regex::Node &node = regex.nodes[index];
  switch (node.kind) {
  case Regex::Kind::Empty:
    return next;
  case Regex::Kind::Set:
    return add({NfaState::Kind::Set, node.index, next});
  case Regex::Kind::Ahead:
    return add({NfaState::Kind::Ahead, node.index, next, 0, node.atEdge,
                node.atLastLine});
  case Regex::Kind::Behind:
    nfa.looksBehind = true;
    return add({NfaState::Kind::Behind, node.index, next, 0, node.atEdge});
  case Regex::Kind::Sequence:
    for (uint32_t child : llvm::reverse(node.children))
      next = emit(child, next);
    return next;
  case Regex::Kind::Alternation:
    return emitAlternation(node, next);
  case Regex::Kind::Repeat:
    return emitRepeat(node, next);
  case Regex::Kind::Atomic:
    return emitAtomic(node.children[0], next, node);
  case Regex::Kind::Group:
    return emit(node.children[0], next);
  case Regex::Kind::Look:
    return refuse(node, node.behind ? "look-behind of more than one character"
                                    : "look-ahead of more than one character");
  case Regex::Kind::Back:
    return refuse(node, "back-reference");
  case Regex::Kind::Start:
    return refuse(node, "\"\\G\"");
  }
  return next;
}

llvm::Expected<RegexNfa> NfaBuilder::build() {
  add({NfaState::Kind::Accept});
  nfa.start = emit(regex.root, 0);
  if (!irregular.empty())
    return userError("", irregular);
  if (overflow)
    return userError("",
                     "regular expression needs more than " +
                         llvm::Twine(limit) + " states",
                     "use smaller repetitions or fewer alternatives");
  return std::move(nfa);
}

llvm::Expected<RegexNfa> ashlar::buildNfa(Regex &regex, uint32_t limit) {
  return NfaBuilder(regex, limit).build();
}
