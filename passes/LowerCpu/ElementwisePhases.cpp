//===- ElementwisePhases.cpp - Embeddings, sums, copies, rotation --------===//
//
// A tile is a row.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"
#include "runtime/abi.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ashlar;

/// A phase that computes each row's vectors by `body(row, column, lanes)` and
/// stores them in `result`.
static void
emitRowPhase(Emitter &e, Operation *op, Value result, int64_t capacity,
             llvm::function_ref<std::function<Value(Value, Value, int64_t)>()>
                 makeBody) {
  e.rowsPhase(phaseName(op), [&](Value begin, Value end) {
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
      if (auto clip = dyn_cast<ir::ClipOp>(op))
        return e.clip(read(0), clip.getLimit().convertToDouble());
      assert(isa<ir::CopyOp>(op) && "elementwise ops are listed above");
      return read(0);
    };
  });
}

/// A vector of the image, padded to whole vectors.
static Value vectorView(Emitter &e, Operation *op, FlatSymbolRefAttr symbol) {
  ir::WeightOp weight = ir::lookupWeight(op, symbol);
  return e.weightView(weight,
                      {packedBytes(weight, ir::WeightLayout::Rows) / 4});
}

void ashlar::emitScaleFeatures(Emitter &e, ir::ScaleFeaturesOp op,
                               int64_t capacity) {
  emitRowPhase(e, op, op.getResult(), capacity, [&] {
    RowsView input = rowsOf(e, op.getInput(), capacity);
    Value factors = vectorView(e, op, op.getFactorsAttr());
    return [&e, input, factors](Value row, Value column, int64_t lanes) {
      return e.mulf(e.loadVector(input.memory, {row, column}, lanes),
                    e.loadVector(factors, column));
    };
  });
}

void ashlar::emitSetRow(Emitter &e, ir::SetRowOp op, int64_t capacity) {
  emitRowPhase(e, op, op.getResult(), capacity, [&] {
    RowsView input = rowsOf(e, op.getInput(), capacity);
    Value vector = vectorView(e, op, op.getVectorAttr());
    const ArenaPlan &plan = e.context.plan;
    Value rows = e.intTable(plan.rows, {plan.rowCapacity, ASHLAR_ROW_WORDS});
    auto place = static_cast<int64_t>(op.getIndex());
    return [&e, input, vector, rows, place](Value row, Value column,
                                            int64_t lanes) {
      Value index = e.loadIndex(rows, {row, e.index(ASHLAR_ROW_INDEX)});
      return e.select(e.equal(index, place), e.loadVector(vector, column),
                      e.loadVector(input.memory, {row, column}, lanes));
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

Value ashlar::idsOf(Emitter &e, Value ids, int64_t capacity) {
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

/// A table in rows: [rows, stride].
static Value tableView(Emitter &e, Operation *op, FlatSymbolRefAttr symbol) {
  ir::WeightOp table = ir::lookupWeight(op, symbol);
  return e.weightView(table, {table.getRows(), tableStride(table)});
}

/// The row of frequencies for the length of `row`'s sequence.
static Value frequencyRow(Emitter &e, ir::RotaryAnglesOp op, Value row) {
  const ArenaPlan &plan = e.context.plan;
  Value rows = e.intTable(plan.rows, {plan.rowCapacity, ASHLAR_ROW_WORDS});
  Value length = e.loadIndex(rows, {row, e.index(ASHLAR_ROW_EXTENT)});
  int64_t lengths = ir::lookupWeight(op, op.getFrequenciesAttr()).getRows();
  Value beyond =
      e.add(length, -static_cast<int64_t>(op.getRotary().getOriginal()));
  return e.min(e.max(beyond, e.index(0)), e.index(lengths - 1));
}

/// -1 and 1 by turns: sines of pairs that lie side by side.
static Value alternatingSigns(Emitter &e, double magnitude) {
  SmallVector<float> signs;
  for (int64_t lane = 0; lane < panelWidth; ++lane)
    signs.push_back(static_cast<float>(lane % 2 ? magnitude : -magnitude));
  return arith::ConstantOp::create(
      e, DenseElementsAttr::get(e.vectorType(), ArrayRef<float>(signs)));
}

/// Angles are counted in turns, with frequencies of two floats, so that whole
/// turns go away exactly and no position is too far for float32: the product
/// with the first float is exact in two (fma), the rest is small.
void ashlar::emitRotaryAngles(Emitter &e, ir::RotaryAnglesOp op,
                              int64_t capacity) {
  constexpr double twoPi = 6.283185307179586476925286766559;
  ir::RotaryAttr rotary = op.getRotary();
  double magnitude = rotary.getMagnitudeValue();
  e.phase(phaseName(op), e.tokens(), [&](Value begin, Value end) {
    RowsView out = rowsOf(e, op.getResult(), capacity);
    Value frequencies = tableView(e, op, op.getFrequenciesAttr());
    Value positions = idsOf(e, op.getPositions(), capacity);
    int64_t half = rotary.tableColumns() / 2;
    Value cosineScale = e.splat(magnitude);
    Value sineScale =
        rotary.getInterleaved() ? alternatingSigns(e, magnitude) : cosineScale;
    e.loop(begin, end, 1, [&](Value row) {
      Value frequency = frequencyRow(e, op, row);
      Value position = e.broadcast(
          arith::SIToFPOp::create(e, e.getF32Type(), e.load(positions, row)));
      e.overColumns(half, {}, [&](Value column, int64_t lanes, ValueRange) {
        Value behind = e.add(column, half);
        Value most = e.loadVector(frequencies, {frequency, column}, lanes);
        Value rest = e.loadVector(frequencies, {frequency, behind}, lanes);
        Value turns = e.mulf(position, most);
        Value lost = e.fma(position, most, e.subf(e.splat(0.0), turns));
        Value part = e.subf(turns, math::RoundEvenOp::create(e, turns));
        part = e.addf(part, e.fma(position, rest, lost));
        Value angle = e.mulf(part, e.splat(twoPi));
        e.storeVector(e.mulf(math::CosOp::create(e, angle), cosineScale),
                      out.memory, {row, column}, lanes);
        e.storeVector(e.mulf(math::SinOp::create(e, angle), sineScale),
                      out.memory, {row, behind}, lanes);
        return SmallVector<Value>();
      });
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

void ashlar::emitRotation(Emitter &e, Value memory, ValueRange row,
                          const AnglesView &angles, Value angle,
                          ir::RotaryAttr rotary) {
  auto rotate = rotary.getInterleaved() ? rotateNeighbours : rotateHalves;
  rotate(e, memory, row, angles.table, angle, rotary.getDimensions());
}

AnglesView ashlar::anglesOf(Emitter &e, Operation *op, Value positions,
                            FlatSymbolRefAttr table, int64_t capacity) {
  if (!table)
    return {rowsOf(e, positions, capacity).memory, Value()};
  return {tableView(e, op, table), idsOf(e, positions, capacity)};
}

Value AnglesView::rowOf(Emitter &e, Value row) const {
  return positions ? e.loadIndex(positions, row) : row;
}

void ashlar::emitRotary(Emitter &e, ir::RotaryOp op, int64_t capacity) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t heads = type.getDimSize(1), headDim = type.getDimSize(2);
  e.phase(phaseName(op), e.tokens(), [&](Value begin, Value end) {
    RowsView input = rowsOf(e, op.getInput(), capacity);
    RowsView out = rowsOf(e, op.getResult(), capacity);
    AnglesView angles =
        anglesOf(e, op, op.getPositions(), op.getRotaryTableAttr(), capacity);
    Value head = e.scratch({1, roundUp(headDim, panelWidth)});
    Value zero = e.index(0);
    e.loop(begin, end, 1, [&](Value row) {
      Value angle = angles.rowOf(e, row);
      e.loop(0, heads, 1, [&](Value h) {
        Value first = e.mul(h, headDim);
        copyColumns(e, input.memory, {row}, first, head, {zero}, zero, headDim);
        emitRotation(e, head, zero, angles, angle, op.getRotary());
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
