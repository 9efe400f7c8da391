//===- ExpertPhases.cpp - Rows to experts, and back ----------------------===//
//
// `route` is a phase over rows. `experts` is four steps: tables of which row
// goes to which expert, written expert by expert; the rows, copied to where the
// expert's lie; the phases of the region, each over the rows of all experts
// (Emitter::rowsPhase); and the weighted sum of each row, by ascending expert.
// Nothing that a row gets depends on the other rows.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"

using namespace mlir;
using namespace ashlar;

static Value toI32(Emitter &e, Value index) {
  return arith::IndexCastOp::create(e, e.getI32Type(), index);
}

static Value isNotZero(Emitter &e, Value weight) {
  return arith::CmpFOp::create(e, arith::CmpFPredicate::UNE, weight,
                               e.scalar(0.0));
}

//===----------------------------------------------------------------------===//
// Which experts
//===----------------------------------------------------------------------===//

/// Integers in the order of the numbers; NaN above all, zeros equal.
static Value orderedKeys(Emitter &e, Value numbers) {
  Value one = e.addf(numbers, e.splat(0.0)); // -0 --> 0
  Value bits = bitcast(e, one, e.getI32Type(), panelWidth);
  Value sign = arith::ShRSIOp::create(e, bits, intSplat(e, 31));
  Value flip = arith::AndIOp::create(e, sign, intSplat(e, INT32_MAX));
  Value isNan =
      arith::CmpFOp::create(e, arith::CmpFPredicate::UNO, numbers, numbers);
  return e.select(isNan, intSplat(e, INT32_MAX),
                  arith::XOrIOp::create(e, bits, flip));
}

/// Of 16 experts from `column` on, how many of all come before each: those with
/// a larger key, and of equal ones the first.
static Value ranks(Emitter &e, Value keys, int64_t experts, Value column) {
  SmallVector<int32_t> numbers;
  for (int32_t i = 0; i < panelWidth; ++i)
    numbers.push_back(i);
  Value lanes = arith::ConstantOp::create(
      e, DenseElementsAttr::get(intVector(e), ArrayRef<int32_t>(numbers)));
  auto broadcast = [&](Value number) -> Value {
    return vector::BroadcastOp::create(e, intVector(e), number);
  };
  Value own = arith::AddIOp::create(e, lanes, broadcast(toI32(e, column)));
  Value mine = vector::LoadOp::create(e, intVector(e), keys, column);
  auto compare = [&](arith::CmpIPredicate predicate, Value a,
                     Value b) -> Value {
    return arith::CmpIOp::create(e, predicate, a, b);
  };
  return e.loop(e.index(0), e.index(experts), 1, intSplat(e, 0),
                [&](Value expert, ValueRange count) {
                  Value other = broadcast(e.load(keys, expert));
                  Value larger =
                      compare(arith::CmpIPredicate::sgt, other, mine);
                  Value equal = compare(arith::CmpIPredicate::eq, other, mine);
                  Value earlier = compare(arith::CmpIPredicate::slt,
                                          broadcast(toI32(e, expert)), own);
                  Value before = arith::OrIOp::create(
                      e, larger, arith::AndIOp::create(e, equal, earlier));
                  Value more =
                      arith::AddIOp::create(e, count[0], intSplat(e, 1));
                  return SmallVector<Value>{e.select(before, more, count[0])};
                })[0];
}

namespace {
/// One row's logits become weights; `keys` is scratch.
struct RouteRow {
  Emitter &e;
  ir::RouteOp op;
  RowsView input, out;
  Value keys;

  void run(Value row);

private:
  Value largest(Value row);
  Value storeChosen(Value row, Value most);
};
} // namespace

/// The largest logit, in all lanes; keys on the way.
Value RouteRow::largest(Value row) {
  double least = -std::numeric_limits<double>::infinity();
  Value most =
      e.overColumns(input.features, e.splat(least),
                    [&](Value column, int64_t lanes, ValueRange most) {
                      Value x =
                          e.loadVector(input.memory, {row, column}, lanes);
                      Value key = orderedKeys(e, x);
                      if (lanes < panelWidth) {
                        Value inside = e.lanesBelow(e.index(lanes));
                        key = e.select(inside, key, intSplat(e, INT32_MIN));
                        x = e.select(inside, x, e.splat(least));
                      }
                      vector::StoreOp::create(e, key, keys, column);
                      return SmallVector<Value>{e.maxf(x, most[0])};
                    })[0];
  return e.broadcast(e.maxLanes(most));
}

/// Stores exponentials of what is chosen, zeros of the rest; their sum.
Value RouteRow::storeChosen(Value row, Value most) {
  auto top = static_cast<int32_t>(op.getTop());
  Value sum = e.overColumns(
      input.features, e.splat(0.0),
      [&](Value column, int64_t lanes, ValueRange sum) {
        Value x = e.loadVector(input.memory, {row, column}, lanes);
        Value power = e.exp(e.subf(x, most));
        Value isChosen = arith::CmpIOp::create(
            e, arith::CmpIPredicate::slt,
            ranks(e, keys, input.features, column), intSplat(e, top));
        Value chosen = e.select(isChosen, power, e.splat(0.0));
        e.storeVector(chosen, out.memory, {row, column}, lanes);
        Value counted = op.getRenormalized() ? chosen : power;
        if (lanes < panelWidth)
          counted =
              e.select(e.lanesBelow(e.index(lanes)), counted, e.splat(0.0));
        return SmallVector<Value>{e.addf(sum[0], counted)};
      })[0];
  return e.broadcast(e.sumLanes(sum));
}

void RouteRow::run(Value row) {
  Value sum = storeChosen(row, largest(row));
  e.overColumns(
      input.features, {}, [&](Value column, int64_t lanes, ValueRange) {
        Value power = e.loadVector(out.memory, {row, column}, lanes);
        // What is not chosen stays 0 though the sum be NaN: a row has no place
        // with more experts than `top`.
        Value isZero = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ,
                                             power, e.splat(0.0));
        Value weight = e.select(isZero, e.splat(0.0), e.divf(power, sum));
        e.storeVector(weight, out.memory, {row, column}, lanes);
        return SmallVector<Value>();
      });
}

void ashlar::emitRoute(Emitter &e, ir::RouteOp op, int64_t capacity) {
  e.rowsPhase(phaseName(op), [&](Value begin, Value end) {
    RowsView input = rowsOf(e, op.getInput(), capacity);
    Value keys =
        e.scratch({roundUp(input.features, panelWidth)}, e.getI32Type());
    RouteRow body{e, op, input, rowsOf(e, op.getResult(), capacity), keys};
    e.loop(begin, end, 1, [&](Value row) { body.run(row); });
  });
}

//===----------------------------------------------------------------------===//
// Their rows
//===----------------------------------------------------------------------===//

namespace {
/// The tables of one `experts` op; made inside of a phase.
struct TableViews {
  Value counts;            // [experts]
  Value tokens, positions; // [experts][stride]

  TableViews(Emitter &e, const ExpertTables &tables) {
    int64_t begin = e.context.plan.experts;
    SmallVector<int64_t> shape{tables.experts, tables.stride};
    counts = e.intTable(begin, {tables.experts});
    tokens = e.intTable(begin + tables.tokens(), shape);
    positions = e.intTable(begin + tables.positions(), shape);
  }
};

/// One `experts` op.
struct ExpertPhases {
  ir::ExpertsOp op;
  int64_t capacity;
  ExpertTables tables;
  std::string name;

  void emitTables(Emitter &e);
  /// `outside`: where rows are those of the tokens.
  void emitRows(Emitter &e, ProgramContext &outside);
  void emitSums(Emitter &e);

private:
  Value firstRows(Emitter &e, const TableViews &views);
};
} // namespace

/// A tile is an expert. A row is noted at the end of the list before it is
/// known to belong there: the next one takes its place if it does not.
void ExpertPhases::emitTables(Emitter &e) {
  Value experts = e.index(tables.experts);
  e.phase(name + ".tokens", experts, [&](Value begin, Value end) {
    RowsView weights = rowsOf(e, op.getWeights(), capacity);
    TableViews views(e, tables);
    Value tokens = e.tokens();
    e.loop(begin, end, 1, [&](Value expert) {
      SmallVector<Value> none{e.index(0)};
      Value count =
          e.loop(e.index(0), tokens, 1, none, [&](Value row, ValueRange count) {
            e.store(toI32(e, row), views.tokens, {expert, count[0]});
            e.store(toI32(e, count[0]), views.positions, {expert, row});
            Value more = e.add(count[0], 1);
            Value weight = e.load(weights.memory, {row, expert});
            return SmallVector<Value>{
                e.select(isNotZero(e, weight), more, count[0])};
          })[0];
      e.store(toI32(e, count), views.counts, expert);
    });
  });
}

void ExpertPhases::emitRows(Emitter &e, ProgramContext &outside) {
  e.rowsPhase(name + ".rows", [&](Value begin, Value end) {
    Emitter whole(e.getLoc(), e, outside);
    RowsView input = rowsOf(whole, op.getInput(), capacity);
    RowsView out = rowsOf(e, op.getRows(), capacity);
    SmallVector<OperandView> operands =
        operandsOfRows(e, op.getRows(), capacity);
    TableViews views(e, tables);
    e.loop(begin, end, 1, [&](Value row) {
      Value token = e.loadIndex(views.tokens, {e.context.experts->expert, row});
      e.overColumns(
          out.features, {}, [&](Value column, int64_t lanes, ValueRange) {
            Value x = e.loadVector(input.memory, {token, column}, lanes);
            e.storeVector(x, out.memory, {row, column}, lanes);
            return SmallVector<Value>();
          });
      for (const OperandView &operand : operands)
        convertRow(e, out, operand, row);
    });
  });
}

/// Where each expert's rows begin: memref<experts x index>.
Value ExpertPhases::firstRows(Emitter &e, const TableViews &views) {
  Value firsts = e.scratch({tables.experts}, e.getIndexType());
  SmallVector<Value> zero{e.index(0)};
  e.loop(e.index(0), e.index(tables.experts), 1, zero,
         [&](Value expert, ValueRange first) {
           e.store(first[0], firsts, expert);
           Value rows = e.loadIndex(views.counts, expert);
           return SmallVector<Value>{e.rowBehind(first[0], rows)};
         });
  return firsts;
}

void ExpertPhases::emitSums(Emitter &e) {
  e.phase(name, e.tokens(), [&](Value begin, Value end) {
    RowsView weights = rowsOf(e, op.getWeights(), capacity);
    RowsView given = rowsOf(e, op.getYielded(), tables.slots);
    RowsView out = rowsOf(e, op.getResult(), capacity);
    TableViews views(e, tables);
    Value firsts = firstRows(e, views);
    auto addExpert = [&](Value row, Value expert, Value weight) {
      Value at = e.add(e.load(firsts, expert),
                       e.loadIndex(views.positions, {expert, row}));
      Value factor = e.broadcast(weight);
      e.overColumns(
          out.features, {}, [&](Value column, int64_t lanes, ValueRange) {
            Value sum = e.loadVector(out.memory, {row, column}, lanes);
            Value x = e.loadVector(given.memory, {at, column}, lanes);
            e.storeVector(e.fma(factor, x, sum), out.memory, {row, column},
                          lanes);
            return SmallVector<Value>();
          });
    };
    e.loop(begin, end, 1, [&](Value row) {
      e.overColumns(
          out.features, {}, [&](Value column, int64_t lanes, ValueRange) {
            e.storeVector(e.splat(0.0), out.memory, {row, column}, lanes);
            return SmallVector<Value>();
          });
      e.loop(0, tables.experts, 1, [&](Value expert) {
        Value weight = e.load(weights.memory, {row, expert});
        e.when(isNotZero(e, weight), [&] { addExpert(row, expert, weight); });
      });
    });
  });
}

void ashlar::emitExperts(Emitter &e, ir::ExpertsOp op, int64_t capacity,
                         llvm::function_ref<void(Emitter &)> emitRegion) {
  ExpertTables tables(op, capacity, e.context.plan.expertUnit);
  ExpertPhases phases{op, capacity, tables, phaseName(op).str()};
  phases.emitTables(e);
  ProgramContext context = e.context;
  context.experts = ExpertsContext{tables, {}, {}, {}};
  Emitter inside(e.getLoc(), e, context);
  phases.emitRows(inside, e.context);
  emitRegion(inside);
  e.restoreInsertionPoint(inside.saveInsertionPoint());
  phases.emitSums(e);
}
