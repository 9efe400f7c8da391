//===- RegexDfa.cpp - Regular expression -> DFA ---------------------------===//

#include "compiler/Text/RegexDfa.h"
#include "compiler/Support/Errors.h"
#include "compiler/Text/TableBuilder.h"

#include "llvm/ADT/STLExtras.h"

#include <cassert>
#include <map>

using namespace ashlar;

static llvm::Error tooLarge(const llvm::Twine &what) {
  return userError("", "regular expression needs " + what,
                   "use smaller repetitions or fewer alternatives");
}

namespace {

/// Thompson's construction. Split goes to `next` first, then to `other`.
struct NfaState {
  enum class Kind { Set, Ahead, Split, Jump, Accept } kind;
  uint32_t set = 0;
  uint32_t next = 0;
  uint32_t other = 0;
  bool atEnd = false; // of Ahead
};

class NfaBuilder {
public:
  NfaBuilder(const Regex &regex, uint32_t limit) : regex(regex), limit(limit) {}

  /// States in which 0 accepts; `start` is where a match begins.
  std::vector<NfaState> states;
  uint32_t start = 0;
  bool overflow = false;

  void build() {
    add({NfaState::Kind::Accept});
    start = emit(regex.root, 0);
  }

private:
  uint32_t add(NfaState state) {
    overflow |= states.size() >= limit;
    if (overflow)
      return 0;
    states.push_back(state);
    return states.size() - 1;
  }

  uint32_t addSplit(bool greedy, uint32_t body, uint32_t exit) {
    return greedy ? add({NfaState::Kind::Split, 0, body, exit})
                  : add({NfaState::Kind::Split, 0, exit, body});
  }

  /// The first state of `node` followed by state `next`.
  uint32_t emit(uint32_t node, uint32_t next);
  uint32_t emitLoop(const Regex::Node &repeat, uint32_t next);
  uint32_t emitRepeat(const Regex::Node &repeat, uint32_t next);

  const Regex &regex;
  const uint32_t limit;
  uint64_t work = 0;
};

} // namespace

/// One or more times.
uint32_t NfaBuilder::emitLoop(const Regex::Node &repeat, uint32_t next) {
  uint32_t loop = add({NfaState::Kind::Jump}); // filled in below
  uint32_t body = emit(repeat.children[0], loop);
  if (overflow)
    return 0;
  states[loop] = {NfaState::Kind::Split, 0, repeat.greedy ? body : next,
                  repeat.greedy ? next : body};
  return body;
}

uint32_t NfaBuilder::emitRepeat(const Regex::Node &repeat, uint32_t next) {
  // An iteration that matches nothing ends the loop. So x* with an x that may
  // be empty is (x+)?: the way around the loop is then never the preferred one.
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
      if (overflow)
        return 0;
      states[loop] = {NfaState::Kind::Split, 0, repeat.greedy ? body : next,
                      repeat.greedy ? next : body};
      next = loop;
    }
  } else {
    // x{0,3} = (x(x(x)?)?)?, built from the inside.
    uint32_t exit = next;
    for (uint32_t i = repeat.minimum; i < repeat.maximum && !overflow; ++i)
      next = addSplit(repeat.greedy, emit(repeat.children[0], next), exit);
  }
  for (uint32_t i = 0; i < required && !overflow; ++i)
    next = emit(repeat.children[0], next);
  return next;
}

uint32_t NfaBuilder::emit(uint32_t index, uint32_t next) {
  // Repetitions of nothing add no states: the work is bounded as well.
  overflow |= ++work > 16 * uint64_t(limit);
  if (overflow)
    return 0;
  const Regex::Node &node = regex.nodes[index];
  switch (node.kind) {
  case Regex::Kind::Empty:
    return next;
  case Regex::Kind::Set:
    return add({NfaState::Kind::Set, node.index, next});
  case Regex::Kind::Ahead:
    return add({NfaState::Kind::Ahead, node.index, next, 0, node.atEnd});
  case Regex::Kind::Sequence:
    for (uint32_t child : llvm::reverse(node.children))
      next = emit(child, next);
    return next;
  case Regex::Kind::Alternation: {
    uint32_t first = emit(node.children.back(), next);
    for (uint32_t child :
         llvm::reverse(llvm::ArrayRef(node.children).drop_back()))
      first = addSplit(/*greedy=*/true, emit(child, next), first);
    return first;
  }
  case Regex::Kind::Repeat:
    return emitRepeat(node, next);
  }
  return next;
}

namespace {

/// Code points that no set tells apart are one class.
struct ClassMap {
  std::vector<uint16_t> classOf; // by interval
  std::vector<uint32_t> begins;  // of the intervals, ascending
  std::vector<std::vector<uint64_t>>
      sets; // by class: bits of the sets it is in
};

class DfaBuilder {
public:
  DfaBuilder(llvm::ArrayRef<NfaState> nfa, const ClassMap &classes,
             const RegexLimits &limits)
      : nfa(nfa), classes(classes), limits(limits), seen(nfa.size()) {}

  llvm::Error build(uint32_t nfaStart, RegexDfa &dfa);

private:
  using States = std::vector<uint32_t>;

  static constexpr unsigned unknown = ~0u;

  /// Appends what `from` leads to without reading, in order of priority, where
  /// class `next` follows. Returns false once the state accepts: nothing of
  /// lower priority counts.
  bool close(uint32_t from, unsigned next, States &list);
  uint32_t intern(States list);
  /// Where class `next` leads from state `current`, with the bit for a match.
  uint32_t step(const States &current, unsigned next);
  bool isEnd(unsigned classIndex) const {
    return classIndex == classes.sets.size();
  }
  bool inSet(const NfaState &state, unsigned classIndex) const {
    return classes.sets[classIndex][state.set / 64] >> (state.set % 64) & 1;
  }
  bool holds(const NfaState &ahead, unsigned classIndex) const {
    return isEnd(classIndex) ? ahead.atEnd : inSet(ahead, classIndex);
  }

  llvm::ArrayRef<NfaState> nfa;
  const ClassMap &classes;
  const RegexLimits &limits;
  std::vector<uint32_t> seen; // mark of the list that last held the state
  uint32_t mark = 0;
  uint64_t steps = 0;
  std::map<States, uint32_t> numbers;
  std::vector<States> lists;
};

} // namespace

bool DfaBuilder::close(uint32_t from, unsigned next, States &list) {
  States stack{from};
  while (!stack.empty()) {
    uint32_t index = stack.back();
    stack.pop_back();
    if (seen[index] == mark)
      continue;
    seen[index] = mark;
    ++steps;
    const NfaState &state = nfa[index];
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

uint32_t DfaBuilder::intern(States list) {
  auto [it, isNew] = numbers.try_emplace(list, lists.size());
  if (isNew)
    lists.push_back(std::move(list));
  return it->second;
}

uint32_t DfaBuilder::step(const States &current, unsigned next) {
  // What waited for the next character goes on, or ends here.
  States resolved;
  ++mark;
  for (uint32_t index : current) {
    ++steps;
    if (!close(index, next, resolved))
      break;
  }
  States reached;
  ++mark;
  for (uint32_t index : resolved) {
    ++steps;
    const NfaState &from = nfa[index];
    if (from.kind == NfaState::Kind::Set && !isEnd(next) && inSet(from, next) &&
        !close(from.next, unknown, reached))
      break;
  }
  bool ends =
      !resolved.empty() && nfa[resolved.back()].kind == NfaState::Kind::Accept;
  return (ends ? RegexDfa::match : 0) | intern(std::move(reached));
}

llvm::Error DfaBuilder::build(uint32_t nfaStart, RegexDfa &dfa) {
  intern({}); // the dead state
  ++mark;
  States first;
  close(nfaStart, unknown, first);
  dfa.start = intern(std::move(first));
  uint32_t maximum =
      std::min<uint64_t>({limits.dfaStates, RegexDfa::match - 1,
                          limits.tableBytes / (2 * dfa.classCount)});
  for (uint32_t state = 0; state < lists.size(); ++state) {
    for (unsigned c = 0; c < dfa.classCount; ++c) {
      const States current = lists[state];
      dfa.transitions.push_back(step(current, c));
      if (lists.size() > maximum)
        return tooLarge("more than " + llvm::Twine(maximum) + " states");
      if (steps > limits.steps)
        return tooLarge("too much work to become a DFA");
    }
  }
  return llvm::Error::success();
}

static llvm::Expected<ClassMap> partition(const Regex &regex) {
  // Where a set begins or ends, its bit flips.
  std::multimap<uint32_t, uint32_t> flips;
  for (uint32_t set = 0; set < regex.sets.size(); ++set)
    for (CodePointSet::Range range : regex.sets[set].ranges()) {
      flips.emplace(range.first, set);
      flips.emplace(range.last + 1, set);
    }
  ClassMap map;
  std::map<std::vector<uint64_t>, uint16_t> numbers;
  std::vector<uint64_t> bits((regex.sets.size() + 63) / 64 + 1);
  auto next = flips.begin();
  for (uint32_t begin = 0; begin <= CodePointSet::maximum;) {
    for (; next != flips.end() && next->first == begin; ++next)
      bits[next->second / 64] ^= uint64_t(1) << (next->second % 64);
    auto [it, isNew] = numbers.try_emplace(bits, map.sets.size());
    if (isNew)
      map.sets.push_back(bits);
    if (map.sets.size() > 65534)
      return tooLarge("too many classes of code points");
    map.begins.push_back(begin);
    map.classOf.push_back(it->second);
    begin = next == flips.end() ? CodePointSet::maximum + 1 : next->first;
  }
  return map;
}

static CodePointTable<uint16_t> classTable(const ClassMap &map) {
  size_t interval = 0;
  return buildCodePointTable<uint16_t>(
      [&](uint32_t codePoint) -> CodePointRun<uint16_t> {
        while (interval + 1 < map.begins.size() &&
               map.begins[interval + 1] <= codePoint)
          ++interval;
        uint32_t last = interval + 1 < map.begins.size()
                            ? map.begins[interval + 1] - 1
                            : CodePointSet::maximum;
        return {map.classOf[interval], last};
      });
}

llvm::Expected<RegexDfa> ashlar::compileRegex(const Regex &regex,
                                              const RegexLimits &limits) {
  NfaBuilder nfa(regex, limits.nfaStates);
  nfa.build();
  if (nfa.overflow)
    return tooLarge("more than " + llvm::Twine(limits.nfaStates) + " states");
  llvm::Expected<ClassMap> classes = partition(regex);
  if (!classes)
    return classes.takeError();
  RegexDfa dfa;
  dfa.classCount = classes->sets.size() + 1;
  dfa.classes = classTable(*classes);
  DfaBuilder builder(nfa.states, *classes, limits);
  if (llvm::Error error = builder.build(nfa.start, dfa))
    return error;
  return dfa;
}
