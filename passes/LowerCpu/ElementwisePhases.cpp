//===- ElementwisePhases.cpp - Embeddings, sums, copies, rotation --------===//
//
// A tile is a row.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"

using namespace mlir;
using namespace ashlar;

/// A phase that computes each row's vectors by `body(row, column, lanes)` and
/// stores them in `result`.
static void
emitRowPhase(Emitter &e, Operation *op, Value result, int64_t capacity,
             llvm::function_ref<std::function<Value(Value, Value, int64_t)>()>
                 makeBody) {
  e.phase(phaseName(op), e.tokens(), [&](Value begin, Value end) {
    RowsView out = rowsOf(e, result, capacity);
    std::function<Value(Value, Value, int64_t)> body = makeBody();
    e.loop(begin, end, 1, [&](Value row) {
      e.overColumns(out.features, {},
                    [&](Value column, int64_t lanes, ValueRange) {
                      e.storeVector(body(row, column, lanes), out.memory,
                                    {row, column}, lanes);
                      return SmallVector<Value>();
                    });
    });
  });
}

void ashlar::emitElementwise(Emitter &e, Operation *op, int64_t capacity) {
  Value result = op->getResult(0);
  emitRowPhase(e, op, result, capacity, [&] {
    SmallVector<RowsView> inputs;
    for (Value operand : op->getOperands())
      inputs.push_back(rowsOf(e, operand, capacity));
    return [&e, op, inputs](Value row, Value column, int64_t lanes) -> Value {
      auto read = [&](unsigned i) {
        return e.loadVector(inputs[i].memory, {row, column}, lanes);
      };
      if (isa<ir::AddOp>(op))
        return e.addf(read(0), read(1));
      if (isa<ir::MultiplyOp>(op))
        return e.mulf(read(0), read(1));
      if (auto activate = dyn_cast<ir::ActivationOp>(op))
        return e.applyActivation(activate.getKind(), read(0));
      if (auto scale = dyn_cast<ir::ScaleOp>(op))
        return e.mulf(read(0), e.splat(scale.getFactor().convertToDouble()));
      if (auto cap = dyn_cast<ir::SoftCapOp>(op))
        return e.softCap(read(0), cap.getCap().convertToDouble());
      assert(isa<ir::CopyOp>(op) && "elementwise ops are listed above");
      return read(0);
    };
  });
}

/// Rows of a table that lies in rows.
static void lookUpRow(Emitter &e, ir::EmbeddingOp op, ir::WeightOp table,
                      RowsView out, Value row, Value id) {
  double scale = op.getScale().convertToDouble();
  bool bf16 = table.getPrecision() == ir::Precision::Bf16;
  Value memory = e.viewBytes(e.context.weights, e.weightOffset(table),
                             {table.getRows(), tableStride(table)},
                             bf16 ? Type(e.getI16Type()) : e.getF32Type());
  e.overColumns(out.features, {}, [&](Value column, int64_t lanes, ValueRange) {
    // Rows are padded to whole vectors.
    Value value = bf16 ? loadBf16(e, memory, {id, column})
                       : e.loadVector(memory, {id, column}, lanes);
    if (scale != 1.0)
      value = e.mulf(value, e.splat(scale));
    e.storeVector(value, out.memory, {row, column}, lanes);
    return SmallVector<Value>();
  });
}

/// Rows of a table that lies in panels, since a linear reads it too: entry k of
/// row i is at [i / 16][k][i % 16], and so on (PanelLayout).
static void gatherRow(Emitter &e, ir::EmbeddingOp op, ir::WeightOp table,
                      RowsView out, Value row, Value id) {
  double scale = op.getScale().convertToDouble();
  PanelView panels = panelsOf(e, table, /*gated=*/false);
  Value panel = e.div(id, panelWidth), lane = e.rem(id, panelWidth);
  e.loop(0, out.features, 1, [&](Value column) {
    Value value = panelElement(e, panels, panel, lane, column);
    if (scale != 1.0)
      value = e.mulf(value, e.scalar(scale));
    e.store(value, out.memory, {row, column});
  });
}

/// int32 inputs of the call: ids, positions, types.
static Value idsOf(Emitter &e, Value ids, int64_t capacity) {
  auto argument = cast<BlockArgument>(ids);
  auto entry = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  auto buffer = entry.getArgAttrOfType<ir::BufferAttr>(argument.getArgNumber(),
                                                       argumentBufferAttr);
  return e.intTable(buffer.getOffset(), {capacity});
}

void ashlar::emitEmbedding(Emitter &e, ir::EmbeddingOp op, int64_t capacity) {
  ir::WeightOp table = ir::lookupWeight(op, op.getTableAttr());
  bool inRows = *table.getLayout() == ir::WeightLayout::Rows;
  e.phase(phaseName(op), e.tokens(), [&](Value begin, Value end) {
    RowsView out = rowsOf(e, op.getResult(), capacity);
    Value ids = idsOf(e, op.getIds(), capacity);
    e.loop(begin, end, 1, [&](Value row) {
      Value id = e.loadIndex(ids, row);
      (inRows ? lookUpRow : gatherRow)(e, op, table, out, row, id);
    });
  });
}

/// Entries (2i, 2i + 1) lie side by side: each times its cosine, plus the other
/// one of its pair times its sine.
static void rotateNeighbours(Emitter &e, Value memory, ValueRange row,
                             Value table, Value position, int64_t dimensions) {
  SmallVector<int64_t> swap;
  for (int64_t lane = 0; lane < panelWidth; ++lane)
    swap.push_back(lane ^ 1);
  e.overColumns(dimensions, {}, [&](Value column, int64_t lanes, ValueRange) {
    SmallVector<Value> place(row);
    place.push_back(column);
    Value x = e.loadVector(memory, place, lanes);
    Value others = vector::ShuffleOp::create(e, x, x, swap);
    Value cosines = e.loadVector(table, {position, column}, lanes);
    Value sines =
        e.loadVector(table, {position, e.add(column, dimensions)}, lanes);
    e.storeVector(e.addf(e.mulf(x, cosines), e.mulf(others, sines)), memory,
                  place, lanes);
    return SmallVector<Value>();
  });
}

/// Entries (i, i + dimensions/2) lie half of the dimensions apart.
static void rotateHalves(Emitter &e, Value memory, ValueRange row, Value table,
                         Value position, int64_t dimensions) {
  int64_t half = dimensions / 2;
  auto at = [&](Value column) {
    SmallVector<Value> indices(row);
    indices.push_back(column);
    return indices;
  };
  auto rotate = [&](Value i, auto load, auto store) {
    Value far = e.add(i, half);
    Value a = load(memory, at(i)), b = load(memory, at(far));
    Value cosine = load(table, SmallVector<Value>{position, i});
    Value sine = load(table, SmallVector<Value>{position, far});
    store(e.subf(e.mulf(a, cosine), e.mulf(b, sine)), at(i));
    store(e.addf(e.mulf(b, cosine), e.mulf(a, sine)), at(far));
  };
  int64_t whole = half / panelWidth * panelWidth;
  if (whole)
    e.loop(0, whole, panelWidth, [&](Value i) {
      rotate(
          i, [&](Value m, ValueRange x) { return e.loadVector(m, x); },
          [&](Value v, ValueRange x) { e.storeVector(v, memory, x); });
    });
  if (whole < half)
    e.loop(whole, half, 1, [&](Value i) {
      rotate(
          i, [&](Value m, ValueRange x) { return e.load(m, x); },
          [&](Value v, ValueRange x) { e.store(v, memory, x); });
    });
}

void ashlar::emitRotation(Emitter &e, Value memory, ValueRange row, Value table,
                          Value position, ir::RotaryAttr rotary) {
  auto rotate = rotary.getInterleaved() ? rotateNeighbours : rotateHalves;
  rotate(e, memory, row, table, position, rotary.getDimensions());
}

Value ashlar::rotaryTable(Emitter &e, Operation *op, FlatSymbolRefAttr symbol) {
  ir::WeightOp table = ir::lookupWeight(op, symbol);
  return e.weightView(table, {table.getRows(), tableStride(table)});
}

Value ashlar::positionsOf(Emitter &e, Value positions, int64_t capacity) {
  return idsOf(e, positions, capacity);
}

void ashlar::emitRotary(Emitter &e, ir::RotaryOp op, int64_t capacity) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t heads = type.getDimSize(1), headDim = type.getDimSize(2);
  e.phase(phaseName(op), e.tokens(), [&](Value begin, Value end) {
    RowsView input = rowsOf(e, op.getInput(), capacity);
    RowsView out = rowsOf(e, op.getResult(), capacity);
    Value table = rotaryTable(e, op, op.getRotaryTableAttr());
    Value positions = positionsOf(e, op.getPositions(), capacity);
    Value head = e.scratch({1, roundUp(headDim, panelWidth)});
    Value zero = e.index(0);
    e.loop(begin, end, 1, [&](Value row) {
      Value position = e.loadIndex(positions, row);
      e.loop(0, heads, 1, [&](Value h) {
        Value first = e.mul(h, headDim);
        copyColumns(e, input.memory, {row}, first, head, {zero}, zero, headDim);
        emitRotation(e, head, zero, table, position, op.getRotary());
        copyColumns(e, head, {zero}, zero, out.memory, {row}, first, headDim);
      });
    });
  });
}

void ashlar::copyColumns(Emitter &e, Value from, ValueRange fromRow,
                         Value fromColumn, Value to, ValueRange toRow,
                         Value toColumn, int64_t count) {
  e.overColumns(count, {}, [&](Value column, int64_t lanes, ValueRange) {
    SmallVector<Value> source(fromRow), target(toRow);
    source.push_back(e.add(fromColumn, column));
    target.push_back(e.add(toColumn, column));
    e.storeVector(e.loadVector(from, source, lanes), to, target, lanes);
    return SmallVector<Value>();
  });
}

void ashlar::emitTap(Emitter &e, ir::TapOp op, int64_t capacity) {
  e.phase(
      ("tap " + op.getName()).str(), e.tokens(), [&](Value begin, Value end) {
        RowsView input = rowsOf(e, op.getInput(), capacity);
        int64_t stride = roundUp(input.features, panelWidth);
        Value offset = e.index(*op.getOffset());
        if (e.context.turn)
          offset = e.add(offset, e.mul(e.context.turn, *op.getLayerStride()));
        Value out = e.viewBytes(e.context.arena, offset, {capacity, stride},
                                e.getF32Type());
        e.loop(begin, end, 1, [&](Value row) {
          copyColumns(e, input.memory, {row}, e.index(0), out, {row},
                      e.index(0), input.features);
        });
      });
}
