//===- Pattern.cpp - Which keys a query sees ------------------------------===//

#include "dialect/Pattern.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ashlar::ir;

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifyNumber(EmitError emitError, StringRef what,
                                  int64_t value, int64_t least) {
  if (value < least) // C76
    return emitError() << what << " of a pattern is " << value
                       << "; expected at least " << least;
  return success();
}

static LogicalResult verifyMembers(EmitError emitError,
                                   ArrayRef<Attribute> members) {
  bool known = llvm::all_of(members, [](Attribute member) {
    return isa<NearAttr, FirstAttr, LastAttr, ShortAttr, MarkedAttr, RandomAttr,
               AnyOfAttr, AllOfAttr, NotAttr>(member);
  });
  if (members.empty() || !known) // C77
    return emitError() << "a pattern is made of "
                       << (members.empty() ? "nothing" : "other attributes")
                       << "; expected patterns";
  return success();
}

/// -1 stands for a side without end.
LogicalResult NearAttr::verify(EmitError emitError, int64_t behind,
                               int64_t ahead, int64_t block) {
  return failure(failed(verifyNumber(emitError, "behind", behind, -1)) ||
                 failed(verifyNumber(emitError, "ahead", ahead, -1)) ||
                 failed(verifyNumber(emitError, "block", block, 1)));
}

LogicalResult FirstAttr::verify(EmitError emitError, PatternSide,
                                int64_t count) {
  return verifyNumber(emitError, "count", count, 1);
}

LogicalResult LastAttr::verify(EmitError emitError, PatternSide,
                               int64_t block) {
  return verifyNumber(emitError, "block", block, 1);
}

LogicalResult ShortAttr::verify(EmitError emitError, int64_t count) {
  return verifyNumber(emitError, "count", count, 1);
}

LogicalResult RandomAttr::verify(EmitError emitError, int64_t count,
                                 int64_t block, int64_t, int64_t of) {
  return failure(failed(verifyNumber(emitError, "count", count, 1)) ||
                 failed(verifyNumber(emitError, "block", block, 1)) ||
                 failed(verifyNumber(emitError, "of", of, 0)));
}

LogicalResult AnyOfAttr::verify(EmitError emitError,
                                ArrayRef<Attribute> members) {
  return verifyMembers(emitError, members);
}

LogicalResult AllOfAttr::verify(EmitError emitError,
                                ArrayRef<Attribute> members) {
  return verifyMembers(emitError, members);
}

LogicalResult NotAttr::verify(EmitError emitError, Attribute member) {
  return verifyMembers(emitError, member);
}

//===----------------------------------------------------------------------===//
// Meaning
//===----------------------------------------------------------------------===//

static int64_t indexOn(PatternSide side, const PatternPoint &point) {
  return side == PatternSide::Keys ? point.key : point.query;
}

int64_t ashlar::ir::drawnBlock(RandomAttr random, int64_t block, int64_t draw) {
  uint64_t output = block * random.getCount() + draw + 1;
  uint64_t z = random.getSeed() + output * splitMixStep;
  z = (z ^ (z >> 30)) * splitMixFactors[0];
  z = (z ^ (z >> 27)) * splitMixFactors[1];
  z = z ^ (z >> 31);
  uint64_t blocks = random.getOf() ? random.getOf() : block + 1;
  return (z >> 33) % blocks;
}

static bool admitsNear(NearAttr near, const PatternPoint &point) {
  int64_t distance =
      point.key / near.getBlock() - point.query / near.getBlock();
  return (!near.endsBehind() || distance >= -near.getBehind()) &&
         (!near.endsAhead() || distance <= near.getAhead());
}

static bool admitsRandom(RandomAttr random, const PatternPoint &point) {
  int64_t block = point.query / random.getBlock();
  for (int64_t draw = 0; draw < random.getCount(); ++draw)
    if (drawnBlock(random, block, draw) == point.key / random.getBlock())
      return true;
  return false;
}

bool ashlar::ir::admits(Attribute pattern, const PatternPoint &point) {
  auto member = [&](Attribute member) { return admits(member, point); };
  return llvm::TypeSwitch<Attribute, bool>(pattern)
      .Case([&](NearAttr near) { return admitsNear(near, point); })
      .Case([&](FirstAttr first) {
        return indexOn(first.getSide(), point) < first.getCount();
      })
      .Case([&](LastAttr last) {
        return indexOn(last.getSide(), point) / last.getBlock() ==
               (point.extent - 1) / last.getBlock();
      })
      .Case(
          [&](ShortAttr isShort) { return point.extent <= isShort.getCount(); })
      .Case([&](MarkedAttr marked) {
        return marked.getSide() == PatternSide::Keys ? point.keyIsMarked
                                                     : point.queryIsMarked;
      })
      .Case([&](RandomAttr random) { return admitsRandom(random, point); })
      .Case(
          [&](AnyOfAttr any) { return llvm::any_of(any.getMembers(), member); })
      .Case(
          [&](AllOfAttr all) { return llvm::all_of(all.getMembers(), member); })
      .Case([&](NotAttr negated) { return !member(negated.getMember()); });
}

template <typename... Parts> static bool hasPart(Attribute pattern) {
  return pattern
      .walk([](Attribute part) {
        return isa<Parts...>(part) ? WalkResult::interrupt()
                                   : WalkResult::advance();
      })
      .wasInterrupted();
}

bool ashlar::ir::readsExtent(Attribute pattern) {
  return hasPart<LastAttr, ShortAttr>(pattern);
}

bool ashlar::ir::somePattern(Operation *root,
                             llvm::function_ref<bool(Attribute)> property) {
  return root
      ->walk([&](AttentionOp op) {
        for (Attribute pattern : {op.getPatternAttr(), op.getRepeatedAttr()})
          if (pattern && property(pattern))
            return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

bool ashlar::ir::readsMarks(Attribute pattern) {
  return hasPart<MarkedAttr>(pattern);
}
