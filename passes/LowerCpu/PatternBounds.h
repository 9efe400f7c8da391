//===- PatternBounds.h - What boxes of queries and keys see ----*- C++ -*-===//
//
// Of a pattern and a box of queries [firstQuery, lastQuery] and keys [firstKey,
// lastKey]: whether some query may see some key (`any`: never false where one
// does), and whether all queries see all keys (`all`: never true where one does
// not). On a box of one query and one key both are exact: they are the pattern.
//
// One definition for all who ask: `Words` says what numbers and truths are.
// HostWords: int64_t and bool, to count tiles. EmitterWords: values of
// generated code, index or a vector of 16 i32 for the keys of 16 lanes.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_PATTERNBOUNDS_H
#define ASHLAR_PASSES_LOWERCPU_PATTERNBOUNDS_H

#include "dialect/Pattern.h"
#include "passes/LowerCpu/Emitter.h"

#include "llvm/ADT/TypeSwitch.h"

namespace ashlar {

template <typename Words> class PatternBounds {
public:
  using Number = typename Words::Number;
  using Truth = typename Words::Truth;

  /// Queries are numbers, keys may be lanes.
  struct Box {
    Number firstQuery, lastQuery, firstKey, lastKey;
    Number extent;
  };

  PatternBounds(Words &words, const Box &box) : w(words), box(box) {}

  Truth any(mlir::Attribute pattern) { return visit(pattern, /*every=*/false); }
  Truth all(mlir::Attribute pattern) { return visit(pattern, /*every=*/true); }

private:
  Truth visit(mlir::Attribute pattern, bool every) {
    auto combine = [&](llvm::ArrayRef<mlir::Attribute> members, bool meet) {
      Truth result = visit(members.front(), every);
      for (mlir::Attribute member : members.drop_front()) {
        Truth next = visit(member, every);
        result = meet ? w.both(result, next) : w.either(result, next);
      }
      return result;
    };
    return llvm::TypeSwitch<mlir::Attribute, Truth>(pattern)
        .Case([&](ir::NearAttr near) { return isNear(near, every); })
        .Case([&](ir::FirstAttr first) {
          Number index = side(first.getSide(), /*last=*/every);
          return w.notAbove(index, w.number(first.getCount() - 1));
        })
        .Case([&](ir::LastAttr last) {
          Number index = side(last.getSide(), /*last=*/!every);
          return w.notAbove(lastBlock(last.getBlock()), index);
        })
        .Case([&](ir::ShortAttr isShort) {
          return w.notAbove(box.extent, w.number(isShort.getCount()));
        })
        .Case([&](ir::MarkedAttr marked) {
          return w.marked(side(marked.getSide(), /*last=*/false),
                          side(marked.getSide(), /*last=*/true), every);
        })
        .Case([&](ir::RandomAttr random) { return isDrawn(random, every); })
        .Case([&](ir::AnyOfAttr any) {
          return combine(any.getMembers(), /*meet=*/false);
        })
        .Case([&](ir::AllOfAttr all) {
          return combine(all.getMembers(), /*meet=*/true);
        })
        .Case([&](ir::NotAttr negated) {
          return w.negate(visit(negated.getMember(), !every));
        });
  }

  Number side(ir::PatternSide side, bool last) {
    if (side == ir::PatternSide::Keys)
      return last ? box.lastKey : box.firstKey;
    return last ? box.lastQuery : box.firstQuery;
  }

  /// First token of the block that the extent ends in.
  Number lastBlock(int64_t block) {
    Number last = w.sub(box.extent, w.number(1));
    return w.mul(w.div(last, block), block);
  }

  /// -behind <= key - query <= ahead, of blocks: for the box's nearest corner,
  /// or for its farthest.
  Truth isNear(ir::NearAttr near, bool every) {
    int64_t block = near.getBlock();
    auto query = [&](bool last) {
      return w.div(last ? box.lastQuery : box.firstQuery, block);
    };
    auto key = [&](bool last) {
      return w.div(last ? box.lastKey : box.firstKey, block);
    };
    Truth result = w.truth(true);
    if (near.endsBehind())
      result =
          w.notAbove(w.sub(query(/*last=*/every), w.number(near.getBehind())),
                     key(/*last=*/!every));
    if (!near.endsAhead())
      return result;
    Truth ahead =
        w.notAbove(key(/*last=*/every),
                   w.add(query(/*last=*/!every), w.number(near.getAhead())));
    return near.endsBehind() ? w.both(result, ahead) : ahead;
  }

  /// Draw `draw` of block `block` of queries, as ir::drawnBlock has it.
  Number drawn(ir::RandomAttr random, Number block, int64_t draw) {
    Number output = w.add(w.mul(block, random.getCount()), w.number(draw + 1));
    Number z = w.add(w.mul(output, static_cast<int64_t>(ir::splitMixStep)),
                     w.number(random.getSeed()));
    z = w.mul(w.exclusiveOr(z, w.shiftRight(z, 30)),
              static_cast<int64_t>(ir::splitMixFactors[0]));
    z = w.mul(w.exclusiveOr(z, w.shiftRight(z, 27)),
              static_cast<int64_t>(ir::splitMixFactors[1]));
    z = w.exclusiveOr(z, w.shiftRight(z, 31));
    Number blocks =
        random.getOf() ? w.number(random.getOf()) : w.add(block, w.number(1));
    return w.rem(w.shiftRight(z, 33), blocks);
  }

  /// All of a box is seen only where it lies in one block of either side.
  Truth isDrawn(ir::RandomAttr random, bool every) {
    Number firstBlock = w.div(box.firstQuery, random.getBlock());
    Number lastBlock = w.div(box.lastQuery, random.getBlock());
    Number firstKeys = w.div(box.firstKey, random.getBlock());
    Number lastKeys = w.div(box.lastKey, random.getBlock());
    Truth none = w.less(lastKeys, firstKeys);
    Truth any = w.anyOf(firstBlock, lastBlock, none, [&](Number block) {
      Truth result = none;
      for (int64_t draw = 0; draw < random.getCount(); ++draw) {
        Number target = drawn(random, block, draw);
        result = w.either(result, w.both(w.notAbove(firstKeys, target),
                                         w.notAbove(target, lastKeys)));
      }
      return result;
    });
    if (!every)
      return any;
    Truth single = w.both(w.notAbove(lastBlock, firstBlock),
                          w.notAbove(lastKeys, firstKeys));
    return w.both(any, single);
  }

  Words &w;
  Box box;
};

/// Numbers of this machine. `marks`: entry i is the number of marked tokens
/// before token i; empty where none is.
struct HostWords {
  using Number = int64_t;
  using Truth = bool;
  llvm::ArrayRef<int64_t> marks = {};

  Number number(int64_t value) { return value; }
  Truth truth(bool value) { return value; }
  Number add(Number a, Number b) { return uint64_t(a) + uint64_t(b); }
  Number sub(Number a, Number b) { return a - b; }
  Number mul(Number a, int64_t b) { return uint64_t(a) * uint64_t(b); }
  Number div(Number a, int64_t b) { return a / b; }
  Number rem(Number a, Number b) { return a % b; }
  Number exclusiveOr(Number a, Number b) { return a ^ b; }
  Number shiftRight(Number a, int64_t bits) { return uint64_t(a) >> bits; }
  Truth notAbove(Number a, Number b) { return a <= b; }
  Truth less(Number a, Number b) { return a < b; }
  Truth both(Truth a, Truth b) { return a && b; }
  Truth either(Truth a, Truth b) { return a || b; }
  Truth negate(Truth a) { return !a; }
  Truth marked(Number first, Number last, bool every) {
    int64_t count = marks.empty() ? 0 : marks[last + 1] - marks[first];
    return every ? count > last - first : count > 0;
  }
  /// Whether `body` holds for some number of [first, last].
  Truth anyOf(Number first, Number last, Truth none,
              llvm::function_ref<Truth(Number)> body) {
    for (Number i = first; i <= last; ++i)
      none = none || body(i);
    return none;
  }
};

/// Marks of a sequence's tokens: `before` is the table of the call (int32,
/// entry r = marked ones among its first r rows), `firstRow` the sequence's
/// first row.
struct MarksView {
  mlir::Value before, firstRow;
};

/// Values of generated code. Where one side is lanes, the other becomes lanes.
class EmitterWords {
public:
  using Number = mlir::Value;
  using Truth = mlir::Value;

  EmitterWords(Emitter &e, MarksView marks) : e(e), marks(marks) {}

  Number number(int64_t value) { return e.index(value); }
  Truth truth(bool value);
  Number add(Number a, Number b);
  Number sub(Number a, Number b);
  Number mul(Number a, int64_t b);
  Number div(Number a, int64_t b);
  Number rem(Number a, Number b);
  Number exclusiveOr(Number a, Number b);
  Number shiftRight(Number a, int64_t bits);
  Truth notAbove(Number a, Number b) {
    return compare(mlir::arith::CmpIPredicate::sle, a, b);
  }
  Truth less(Number a, Number b) {
    return compare(mlir::arith::CmpIPredicate::slt, a, b);
  }
  Truth both(Truth a, Truth b);
  Truth either(Truth a, Truth b);
  Truth negate(Truth a);
  Truth anyOf(Number first, Number last, Truth none,
              llvm::function_ref<Truth(Number)> body);
  /// Some, or every, token of [first, last]. Lanes are those of lanesFrom.
  Truth marked(Number first, Number last, bool every);
  /// first, first + 1, ..., as 16 lanes.
  Number lanesFrom(mlir::Value first);

private:
  Truth compare(mlir::arith::CmpIPredicate predicate, Number a, Number b);
  /// The second as the type of the first and the other way round.
  void match(mlir::Value &a, mlir::Value &b);
  /// Marked tokens of the sequences before token `index` of this one, and those
  /// before it and its next 15 tokens.
  mlir::Value markedBefore(mlir::Value index);
  mlir::Value lanesMarkedBefore(mlir::Value index);

  Emitter &e;
  MarksView marks;
  mlir::Value firstLane; // of the last lanesFrom
};

/// The pattern of all that an attention says: kind, window and pattern; null
/// where every key is seen.
mlir::Attribute wholePattern(ir::AttentionOp op);

/// Tiles of a block of rows and a step of keys, of a sequence of `length`
/// tokens: those that the op's phase computes, and all.
struct TileCount {
  int64_t visited = 0;
  int64_t total = 0;
};
TileCount countTiles(ir::AttentionOp op, int64_t length);

/// On a phase of attention to its own sequence in a layer, or with a window or
/// a pattern: [visited, total, length].
constexpr llvm::StringLiteral phaseTilesAttr = "ashlar.tiles";
/// On such a phase in a loop over layers: [first, step], of its layers.
constexpr llvm::StringLiteral phaseLayersAttr = "ashlar.layers_of";
/// On a phase of attention with a window over its own sequence: [behind,
/// ahead], how far from the row's own key.
constexpr llvm::StringLiteral phaseWindowAttr = "ashlar.window";

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_PATTERNBOUNDS_H
