//===- RegexDfa.cpp - Regular expression -> DFA ---------------------------===//

#include "compiler/Text/regex/RegexDfa.h"
#include "compiler/Support/Errors.h"
#include "compiler/Text/regex/RegexAlphabet.h"
#include "compiler/Text/regex/RegexNfa.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace ashlar;

static llvm::Error tooLarge(const llvm::Twine &what) {
  return userError("", "regular expression needs " + what,
                   "use smaller repetitions or fewer alternatives");
}

namespace {

class DfaBuilder {
public:
  DfaBuilder(const RegexNfa &nfa, const RegexAlphabet &alphabet,
             const RegexLimits &limits)
      : nfa(nfa), alphabet(alphabet), limits(limits), seen(nfa.states.size()) {}

  llvm::Error build(RegexDfa &dfa);

private:
  struct State {
    std::vector<uint32_t> list;
    /// The class read last, where what waits for the next one may look at it.
    uint32_t last = 0;
    auto operator<=>(const State &) const = default;
  };
  using List = std::vector<uint32_t>;

  static constexpr uint32_t unknown = ~0u;

  /// Appends what `from` leads to without reading, in order of priority,
  /// between classes `last` and `next`. Returns false once the state accepts:
  /// nothing of lower priority counts.
  bool close(uint32_t from, uint32_t last, uint32_t next, List &list);
  uint32_t intern(List list, uint32_t last);
  /// Where class `next` leads from state `current`, with the bit for a match.
  uint32_t step(const State &current, uint32_t next);
  /// Where a match begins behind class `last`.
  uint32_t begin(uint32_t last);
  /// The text's end, and its beginning as what is behind it.
  uint32_t edge() const { return alphabet.sets.size(); }
  bool isLastLine(uint32_t index) const {
    return alphabet.lastLine && index + 1 == edge();
  }
  bool holds(const NfaState &ahead, uint32_t next) const {
    return next == edge()     ? ahead.atEdge
           : isLastLine(next) ? ahead.atLastLine
                              : alphabet.isIn(ahead.set, next);
  }
  bool holdsBehind(const NfaState &behind, uint32_t last) const {
    return last == edge() ? behind.atEdge : alphabet.isIn(behind.set, last);
  }
  void groupBehind();

  const RegexNfa &nfa;
  const RegexAlphabet &alphabet;
  const RegexLimits &limits;
  std::vector<uint32_t> seen; // mark of the list that last held the state
  /// By class: the first one that no look behind tells from it.
  std::vector<uint32_t> behind;
  uint32_t mark = 0;
  uint64_t steps = 0;
  std::map<State, uint32_t> numbers;
  std::vector<State> states;
};

} // namespace

bool DfaBuilder::close(uint32_t from, uint32_t last, uint32_t next,
                       List &list) {
  List stack{from};
  while (!stack.empty()) {
    uint32_t index = stack.back();
    stack.pop_back();
    if (seen[index] == mark)
      continue;
    seen[index] = mark;
    ++steps;
    const NfaState &state = nfa.states[index];
    switch (state.kind) {
    case NfaState::Kind::Set:
      list.push_back(index);
      break;
    case NfaState::Kind::Ahead:
      if (next == unknown)
        list.push_back(index);
      else if (holds(state, next))
        stack.push_back(state.next);
      break;
    case NfaState::Kind::Behind:
      if (holdsBehind(state, last))
        stack.push_back(state.next);
      break;
    case NfaState::Kind::Accept:
      list.push_back(index);
      return false;
    case NfaState::Kind::Split:
      stack.push_back(state.other);
      stack.push_back(state.next);
      break;
    case NfaState::Kind::Jump:
      stack.push_back(state.next);
      break;
    }
  }
  return true;
}

uint32_t DfaBuilder::intern(List list, uint32_t last) {
  bool waits = nfa.looksBehind && llvm::any_of(list, [&](uint32_t index) {
                 return nfa.states[index].kind == NfaState::Kind::Ahead;
               });
  State state{std::move(list), waits ? behind[last] : 0};
  auto [it, isNew] = numbers.try_emplace(state, states.size());
  if (isNew)
    states.push_back(std::move(state));
  return it->second;
}

uint32_t DfaBuilder::step(const State &current, uint32_t next) {
  // What waited for the next character goes on, or ends here.
  List resolved;
  ++mark;
  for (uint32_t index : current.list) {
    ++steps;
    if (!close(index, current.last, next, resolved))
      break;
  }
  List reached;
  ++mark;
  for (uint32_t index : resolved) {
    ++steps;
    const NfaState &from = nfa.states[index];
    if (from.kind == NfaState::Kind::Set && next != edge() &&
        alphabet.isIn(from.set, next) &&
        !close(from.next, next, unknown, reached))
      break;
  }
  bool ends = !resolved.empty() &&
              nfa.states[resolved.back()].kind == NfaState::Kind::Accept;
  return (ends ? RegexDfa::match : 0) | intern(std::move(reached), next);
}

uint32_t DfaBuilder::begin(uint32_t last) {
  ++mark;
  List first;
  close(nfa.start, last, unknown, first);
  return intern(std::move(first), last);
}

void DfaBuilder::groupBehind() {
  std::map<std::pair<uint32_t, bool>, NfaState> looks; // the distinct ones
  for (const NfaState &state : nfa.states)
    if (state.kind == NfaState::Kind::Behind)
      looks.try_emplace({state.set, state.atEdge}, state);
  std::map<std::vector<bool>, uint32_t> firsts;
  for (uint32_t last = 0; last <= edge() && steps <= limits.steps; ++last) {
    std::vector<bool> answers;
    for (const auto &look : looks)
      answers.push_back(holdsBehind(look.second, last));
    steps += answers.size();
    behind.push_back(
        firsts.try_emplace(std::move(answers), last).first->second);
  }
}

llvm::Error DfaBuilder::build(RegexDfa &dfa) {
  groupBehind();
  if (steps > limits.steps)
    return tooLarge("too much work to become a DFA");
  intern({}, 0); // the dead state
  dfa.start = begin(edge());
  if (nfa.looksBehind)
    for (uint32_t last : behind)
      dfa.starts.push_back(begin(last));
  uint32_t maximum =
      std::min<uint64_t>({limits.dfaStates, RegexDfa::match - 1,
                          limits.tableBytes / (2 * dfa.classCount)});
  for (uint32_t state = 0; state < states.size(); ++state) {
    for (unsigned c = 0; c < dfa.classCount; ++c) {
      const State current = states[state];
      dfa.transitions.push_back(step(current, c));
      if (states.size() > maximum)
        return tooLarge("more than " + llvm::Twine(maximum) + " states");
      if (steps > limits.steps)
        return tooLarge("too much work to become a DFA");
    }
  }
  return llvm::Error::success();
}

llvm::Expected<RegexDfa> ashlar::compileRegex(const Regex &regex,
                                              const RegexLimits &limits) {
  Regex lowered = regex;
  lowerLookAround(lowered);
  llvm::Expected<RegexNfa> nfa = buildNfa(lowered, limits.nfaStates);
  if (!nfa)
    return nfa.takeError();
  llvm::Expected<RegexAlphabet> alphabet = RegexAlphabet::of(lowered);
  if (!alphabet)
    return alphabet.takeError();
  RegexDfa dfa;
  dfa.classCount = alphabet->sets.size() + 1;
  dfa.lastLine = alphabet->lastLine;
  dfa.classes = alphabet->table();
  DfaBuilder builder(*nfa, *alphabet, limits);
  if (llvm::Error error = builder.build(dfa))
    return error;
  return dfa;
}
