//===- RegisterTile.cpp - The one matrix kernel --------------------------===//

#include "passes/LowerCpu/RegisterTile.h"

using namespace mlir;
using namespace ashlar;

/// One step: sums + A(., k) B(k, .).
static SmallVector<Value> multiplyStep(Emitter &e, int64_t rows, int64_t panels,
                                       Value k, ValueRange sums,
                                       const TileOperands &operands) {
  SmallVector<Value> columns, next;
  for (int64_t panel = 0; panel < panels; ++panel)
    columns.push_back(operands.b(panel, k));
  for (int64_t row = 0; row < rows; ++row) {
    Value a = e.broadcast(operands.a(row, k));
    for (int64_t panel = 0; panel < panels; ++panel)
      next.push_back(e.fma(a, columns[panel], sums[row * panels + panel]));
  }
  return next;
}

SmallVector<Value> ashlar::emitRegisterTile(Emitter &e, int64_t rows,
                                            int64_t panels, Value begin,
                                            Value end, ValueRange accumulators,
                                            const TileOperands &operands) {
  auto multiply = [&](Value from, Value to, ValueRange start) {
    return e.loop(from, to, 1, start, [&](Value k, ValueRange sums) {
      if (operands.ahead && !operands.turn)
        operands.ahead(e.sub(k, begin));
      if (operands.near)
        operands.near(k);
      return multiplyStep(e, rows, panels, k, sums, operands);
    });
  };
  if (!operands.turn)
    return multiply(begin, end, accumulators);
  Value turns = arith::CeilDivUIOp::create(e, e.sub(end, begin), operands.turn);
  return e.loop(e.index(0), turns, 1, accumulators,
                [&](Value number, ValueRange sums) {
                  operands.ahead(number);
                  Value k = e.add(begin, e.mul(number, operands.turn));
                  return multiply(k, e.min(e.add(k, operands.turn), end), sums);
                });
}

int64_t ashlar::evenPart(int64_t panels, int64_t most) {
  most = std::min(most, panels);
  while (panels % most != 0)
    --most;
  return most;
}

SmallVector<Value> ashlar::overPanels(Emitter &e, int64_t rows, ValueRange sums,
                                      int64_t most, MultiplyPanels multiply) {
  int64_t panels = static_cast<int64_t>(sums.size()) / rows;
  if (panels <= most)
    return multiply(e.index(0), sums);
  most = evenPart(panels, most);
  Value kept = e.scratch({rows, panels, panelWidth}), zero = e.index(0);
  for (int64_t i = 0; i < rows * panels; ++i)
    e.storeVector(sums[i], kept,
                  {e.index(i / panels), e.index(i % panels), zero});
  e.loop(0, panels, most, [&](Value first) {
    SmallVector<Value> some;
    for (int64_t i = 0; i < rows * most; ++i)
      some.push_back(e.loadVector(
          kept, {e.index(i / most), e.add(first, i % most), zero}));
    some = multiply(first, some);
    for (int64_t i = 0; i < rows * most; ++i)
      e.storeVector(some[i], kept,
                    {e.index(i / most), e.add(first, i % most), zero});
  });
  SmallVector<Value> all;
  for (int64_t i = 0; i < rows * panels; ++i)
    all.push_back(
        e.loadVector(kept, {e.index(i / panels), e.index(i % panels), zero}));
  return all;
}
