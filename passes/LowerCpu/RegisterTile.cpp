//===- RegisterTile.cpp - The one matrix kernel --------------------------===//

#include "passes/LowerCpu/RegisterTile.h"

using namespace mlir;
using namespace ashlar;

SmallVector<Value> ashlar::emitRegisterTile(Emitter &e, int64_t rows,
                                            int64_t panels, Value depth,
                                            ValueRange accumulators,
                                            const TileOperands &operands) {
  return e.loop(e.index(0), depth, 1, accumulators,
                [&](Value k, ValueRange sums) {
                  if (operands.ahead)
                    operands.ahead(k);
                  SmallVector<Value> columns;
                  for (int64_t panel = 0; panel < panels; ++panel)
                    columns.push_back(operands.b(panel, k));
                  SmallVector<Value> next;
                  for (int64_t row = 0; row < rows; ++row) {
                    Value a = e.broadcast(operands.a(row, k));
                    for (int64_t panel = 0; panel < panels; ++panel)
                      next.push_back(
                          e.fma(a, columns[panel], sums[row * panels + panel]));
                  }
                  return next;
                });
}
