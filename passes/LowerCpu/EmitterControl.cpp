//===- EmitterControl.cpp - Loops, branches, phases -----------------------===//

#include "passes/LowerCpu/Emitter.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

//===----------------------------------------------------------------------===//
// Loops and branches
//===----------------------------------------------------------------------===//

SmallVector<Value> Emitter::loop(Value begin, Value end, int64_t step,
                                 ValueRange init, Carried body) {
  auto loop = scf::ForOp::create(*this, begin, end, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  Block *block = loop.getBody();
  if (init.empty()) {
    setInsertionPoint(block->getTerminator());
    body(loop.getInductionVar(), {});
    return {};
  }
  setInsertionPointToStart(block);
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

void Emitter::loop(Value begin, Value end, int64_t step, Body body) {
  loop(begin, end, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void Emitter::loop(int64_t begin, int64_t end, int64_t step, Body body) {
  loop(index(begin), index(end), step, body);
}

void Emitter::when(Value condition, llvm::function_ref<void()> then,
                   llvm::function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(*this, condition,
                                  /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
  if (!otherwise)
    return;
  setInsertionPoint(branch.elseBlock()->getTerminator());
  otherwise();
}

Value Emitter::when(Value condition, llvm::function_ref<Value()> then,
                    Value otherwise) {
  auto branch = scf::IfOp::create(*this, TypeRange{otherwise.getType()},
                                  condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise);
  return branch.getResult(0);
}

void Emitter::stepwise(Value begin, Value end, ArrayRef<int64_t> steps,
                       llvm::function_ref<void(Value, int64_t)> body) {
  for (int64_t step : steps) {
    if (step < 2)
      continue;
    Value whole = mul(div(sub(end, begin), step), step);
    Value next = add(begin, whole);
    loop(begin, next, step, [&](Value i) { body(i, step); });
    begin = next;
  }
  loop(begin, end, 1, [&](Value i) { body(i, 1); });
}

SmallVector<Value> Emitter::overColumns(
    int64_t features, ValueRange init,
    llvm::function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> body) {
  int64_t whole = features / panelWidth * panelWidth;
  SmallVector<Value> carried(init);
  if (whole)
    carried = loop(index(0), index(whole), panelWidth, init,
                   [&](Value column, ValueRange values) {
                     return body(column, panelWidth, values);
                   });
  if (whole < features)
    carried = body(index(whole), features - whole, carried);
  return carried;
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

void Emitter::phase(StringRef name, Value tiles,
                    llvm::function_ref<void(Value, Value)> body) {
  auto phase = ir::PhaseOp::create(*this, name, tiles);
  {
    OpBuilder::InsertionGuard guard(*this);
    Block *block =
        createBlock(&phase.getBody(), {}, {getIndexType(), getIndexType()},
                    {getLoc(), getLoc()});
    setInsertionPointToStart(block);
    body(block->getArgument(0), block->getArgument(1));
  }
  ir::BarrierOp::create(*this);
}

Value Emitter::expertCounts() {
  return intTable(context.plan.experts, {context.experts->tables.experts});
}

Value Emitter::rowBehind(Value first, Value rows) {
  int64_t unit = context.plan.expertUnit;
  return add(first, mul(ceilDiv(rows, unit), unit));
}

/// Calls `body` with each expert's index, where it is the one at hand.
SmallVector<Value> Emitter::overExperts(ValueRange init, Carried body) {
  ExpertsContext &experts = *context.experts;
  Value counts = expertCounts();
  auto carried = loop(index(0), index(experts.tables.experts), 1, init,
                      [&](Value expert, ValueRange values) {
                        experts.expert = expert;
                        experts.rows = loadIndex(counts, expert);
                        return body(expert, values);
                      });
  experts.expert = experts.firstRow = experts.rows = {};
  return carried;
}

void Emitter::rowsPhase(StringRef name, llvm::function_ref<Value()> tiles,
                        llvm::function_ref<void(Value, Value)> body) {
  if (!context.experts)
    return phase(name, tiles(), body);
  auto tilesOfExpert = [&] {
    Value none = equal(context.experts->rows, 0);
    return select(none, index(0), tiles());
  };
  Value total = overExperts(index(0), [&](Value, ValueRange sum) {
    return SmallVector<Value>{add(sum[0], tilesOfExpert())};
  })[0];
  phase(name, total, [&](Value begin, Value end) {
    // Tiles and rows of the experts before.
    SmallVector<Value> before{index(0), index(0)};
    overExperts(before, [&](Value, ValueRange before) {
      context.experts->firstRow = before[1];
      Value behind = add(before[0], tilesOfExpert());
      Value first = max(begin, before[0]), last = min(end, behind);
      when(less(first, last),
           [&] { body(sub(first, before[0]), sub(last, before[0])); });
      return SmallVector<Value>{behind,
                                rowBehind(before[1], context.experts->rows)};
    });
  });
}

Value Emitter::callWord(int64_t word) {
  Value header = viewBytes(context.arena, index(context.plan.call),
                           {ASHLAR_CALL_WORDS}, getI64Type());
  return arith::IndexCastOp::create(*this, getIndexType(),
                                    load(header, index(word)));
}

Value Emitter::tokens() {
  if (context.experts && context.experts->rows)
    return context.experts->rows;
  if (context.perSequence)
    return callWord(ASHLAR_CALL_SEQUENCES);
  Value tokens = callWord(ASHLAR_CALL_TOKENS);
  return context.rowsPerToken == 1 ? tokens : mul(tokens, context.rowsPerToken);
}
