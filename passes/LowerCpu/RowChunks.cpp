//===- RowChunks.cpp - Rows of a phase that stay near --------------------===//

#include "passes/LowerCpu/RowChunks.h"

using namespace mlir;
using namespace ashlar;

RowChunks::RowChunks(int64_t mostRows, int64_t tileRows, int64_t capacity)
    : rows(tileRows) {
  int64_t whole = std::max(tileRows, mostRows / tileRows * tileRows);
  most = std::min(whole, roundUp(capacity, tileRows));
  isOne = most >= capacity;
}

/// Of each chunk about as many, in whole register tiles.
Value RowChunks::rowsOfChunk(Emitter &e) const {
  if (isOne)
    return e.index(most);
  Value chunks = e.ceilDiv(e.tokens(), most);
  Value even = e.ceilDiv(e.tokens(), e.max(chunks, e.index(1)));
  return e.mul(e.ceilDiv(e.max(even, e.index(1)), rows), rows);
}

Value RowChunks::count(Emitter &e) const {
  return isOne ? e.index(1) : e.ceilDiv(e.tokens(), rowsOfChunk(e));
}

void RowChunks::over(Emitter &e, Value begin, Value end, int64_t groups,
                     Body body) const {
  Value tokens = e.tokens(), chunkRows = rowsOfChunk(e);
  e.loop(e.div(begin, groups), e.ceilDiv(end, groups), 1, [&](Value chunk) {
    Value before = e.mul(chunk, groups);
    Value first = e.sub(e.max(begin, before), before);
    Value last = e.sub(e.min(end, e.add(before, groups)), before);
    Value row = e.mul(chunk, chunkRows);
    body(row, e.min(e.add(row, chunkRows), tokens), first, last);
  });
}

void ashlar::overGroups(Emitter &e, int64_t units, int64_t groupUnits,
                        Value first, Value last,
                        llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = units / groupUnits, rest = units % groupUnits;
  e.loop(first, e.min(last, e.index(whole)), 1,
         [&](Value group) { body(e.mul(group, groupUnits), groupUnits); });
  if (rest)
    e.when(e.less(e.index(whole), last),
           [&] { body(e.index(whole * groupUnits), rest); });
}
