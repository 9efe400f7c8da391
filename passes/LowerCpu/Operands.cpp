//===- Operands.cpp - Rows and panels of bf16 and int8 -------------------===//

#include "passes/LowerCpu/Operands.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ashlar;

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

VectorType ashlar::intVector(Emitter &e) {
  return VectorType::get({panelWidth}, e.getI32Type());
}

Value ashlar::intSplat(Emitter &e, int32_t value) {
  return arith::ConstantOp::create(e,
                                   DenseElementsAttr::get(intVector(e), value));
}

Value ashlar::bitcast(Emitter &e, Value vector, Type element, int64_t lanes) {
  return vector::BitCastOp::create(e, VectorType::get({lanes}, element),
                                   vector);
}

Value ashlar::loadLine(Emitter &e, Value lines, Value line) {
  Value bytes =
      vector::LoadOp::create(e, VectorType::get({lineBytes}, e.getI8Type()),
                             lines, ValueRange{line, e.index(0)});
  return bitcast(e, bytes, e.getI32Type(), panelWidth);
}

void ashlar::prefetchPanels(Emitter &e, const PanelView &panels, Value first,
                            int64_t width, Value line, int64_t distance) {
  int64_t lines = panels.layout.lines();
  Value later =
      e.add(e.mul(first, lines), e.aheadInPanels(line, distance, lines, width));
  for (int64_t p = 0; p < width; ++p)
    e.prefetch(panels.lines, {e.add(later, p * lines), e.index(0)},
               /*locality=*/3);
}

void ashlar::prefetchIntoL2(Emitter &e, const PanelView &panels,
                            Value firstPanel, int64_t width, Value first,
                            Value last) {
  int64_t lines = panels.layout.lines();
  e.loop(first, last, 1, [&](Value line) {
    for (int64_t p = 0; p < width; ++p) {
      Value panel = e.add(firstPanel, p);
      e.prefetch(panels.lines, {e.add(e.mul(panel, lines), line), e.index(0)},
                 /*locality=*/2);
    }
  });
}

Value ashlar::evenFloats(Emitter &e, Value words) {
  Value high = arith::ShLIOp::create(e, words, intSplat(e, 16));
  return bitcast(e, high, e.getF32Type(), panelWidth);
}

Value ashlar::oddFloats(Emitter &e, Value words) {
  Value high = arith::AndIOp::create(
      e, words, intSplat(e, static_cast<int32_t>(0xffff0000u)));
  return bitcast(e, high, e.getF32Type(), panelWidth);
}

Value ashlar::toBf16(Emitter &e, Value vector) {
  if (e.context.bf16)
    return bitcast(
        e,
        arith::TruncFOp::create(
            e, VectorType::get({panelWidth}, e.getBF16Type()), vector),
        e.getI16Type(), panelWidth);
  Value bits = bitcast(e, vector, e.getI32Type(), panelWidth);
  Value odd = arith::AndIOp::create(
      e, arith::ShRUIOp::create(e, bits, intSplat(e, 16)), intSplat(e, 1));
  Value rounded = arith::AddIOp::create(
      e, bits, arith::AddIOp::create(e, odd, intSplat(e, 0x7fff)));
  Value isNan =
      arith::CmpFOp::create(e, arith::CmpFPredicate::UNO, vector, vector);
  Value quiet = arith::OrIOp::create(e, bits, intSplat(e, 0x400000));
  Value high = arith::ShRUIOp::create(e, e.select(isNan, quiet, rounded),
                                      intSplat(e, 16));
  return arith::TruncIOp::create(
      e, VectorType::get({panelWidth}, e.getI16Type()), high);
}

Value ashlar::magnitudes(Emitter &e, Value vector) {
  return arith::AndIOp::create(e,
                               bitcast(e, vector, e.getI32Type(), panelWidth),
                               intSplat(e, 0x7fffffff));
}

Value ashlar::int8Factor(Emitter &e, Value largest) {
  Value tiny = arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, largest,
                                     e.scalar(0x1p-100));
  return e.select(tiny, e.scalar(0.0), e.divf(e.scalar(127.0), largest));
}

Value ashlar::toInt8(Emitter &e, Value vector) {
  Value numbers = arith::FPToSIOp::create(e, intVector(e),
                                          math::RoundEvenOp::create(e, vector));
  return arith::TruncIOp::create(
      e, VectorType::get({panelWidth}, e.getI8Type()), numbers);
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

OperandView ashlar::operandOf(Emitter &e, Value value, int64_t capacity) {
  OperandView view;
  view.layout = OperandLayout::of(value);
  view.capacity = capacity;
  const std::optional<ExpertsContext> &experts = e.context.experts;
  int64_t rows = experts ? experts->tables.slots : capacity; // of the buffer
  int64_t offset = bufferOf(value).getOffset();
  /// What begins `at` bytes behind and has `rowBytes` for each row.
  auto part = [&](int64_t at, int64_t rowBytes, ArrayRef<int64_t> shape,
                  Type element) {
    Value begin = e.index(offset + at);
    if (experts)
      begin = e.add(begin, e.mul(experts->firstRow, rowBytes));
    return e.viewBytes(e.context.arena, begin, shape, element);
  };
  const OperandLayout &layout = view.layout;
  view.lines = part(0, layout.lines() * lineBytes,
                    {capacity * layout.lines(), lineBytes}, e.getI8Type());
  if (!layout.isInt8)
    return view;
  view.scales = part(layout.scalesOffset(rows), 4, {capacity}, e.getF32Type());
  if (layout.group)
    view.sums = part(layout.sumsOffset(rows), layout.groups() * 4,
                     {capacity, layout.groups()}, e.getI32Type());
  return view;
}

SmallVector<OperandView> ashlar::operandsOfRows(Emitter &e, Value rows,
                                                int64_t capacity) {
  SmallVector<OperandView> operands;
  for (Operation *user : rows.getUsers())
    if (auto convert = dyn_cast<ir::ConvertOp>(user))
      if (writerOf(convert))
        operands.push_back(operandOf(e, convert.getResult(), capacity));
  return operands;
}

PanelView ashlar::panelsOf(Emitter &e, ir::WeightOp weight, bool gated) {
  PanelView view;
  view.layout = PanelLayout::of(weight, gated);
  const PanelLayout &layout = view.layout;
  Value begin = view.begin = e.weightOffset(weight);
  auto part = [&](int64_t at, ArrayRef<int64_t> shape, Type element) {
    return e.viewBytes(e.context.weights, e.add(begin, at), shape, element);
  };
  view.lines =
      part(0, {layout.panels * layout.lines(), lineBytes}, e.getI8Type());
  if (layout.precision == ir::Precision::Int8) {
    view.scales =
        part(layout.scales, {layout.panels, panelWidth}, e.getF32Type());
    view.sums = part(layout.sums, {layout.panels, panelWidth}, e.getI32Type());
  } else if (layout.precision == ir::Precision::Int4) {
    SmallVector<int64_t> shape{layout.panels, layout.groups(), panelWidth};
    view.scales = part(layout.scales, shape, e.getI16Type());
    if (layout.zeroPoints >= 0)
      view.zeroPoints = part(layout.zeroPoints, shape, e.getI8Type());
  }
  return view;
}

Value ashlar::lineOf(Emitter &e, const OperandView &view, Value row,
                     Value line) {
  if (view.rowLines)
    return e.add(e.mul(row, view.rowLines), line);
  Value tile = e.mul(e.div(row, tileRows), view.layout.lines());
  return e.add(e.mul(e.add(tile, line), tileRows), e.rem(row, tileRows));
}

Value ashlar::firstLineOfTile(Emitter &e, const OperandView &view, Value row,
                              Value line) {
  if (view.rowLines)
    return lineOf(e, view, row, line);
  Value tile = e.mul(e.div(row, tileRows), view.layout.lines());
  return e.mul(e.add(tile, line), tileRows);
}

/// Two vectors as 32 bf16 numbers.
static Value toBf16Line(Emitter &e, Value low, Value high) {
  auto type = VectorType::get({2 * panelWidth}, e.getBF16Type());
  if (e.context.bf16)
    return LLVM::CallIntrinsicOp::create(
               e, type,
               e.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
               ValueRange{high, low})
        .getResult(0);
  auto lanes = llvm::to_vector(llvm::seq<int64_t>(0, 2 * panelWidth));
  return vector::ShuffleOp::create(e, toBf16(e, low), toBf16(e, high), lanes);
}

void ashlar::storeBf16(Emitter &e, ArrayRef<Value> vectors,
                       const OperandView &view, Value row, Value column) {
  Value line = lineOf(e, view, row, e.div(column, view.layout.lineElements()));
  bool isLine = vectors.size() == 2;
  Value numbers =
      isLine ? toBf16Line(e, vectors[0], vectors[1]) : toBf16(e, vectors[0]);
  Value bytes =
      bitcast(e, numbers, e.getI8Type(), 2 * panelWidth * vectors.size());
  Value byte =
      isLine ? e.index(0) : e.mul(e.rem(column, view.layout.lineElements()), 2);
  vector::StoreOp::create(e, bytes, view.lines, ValueRange{line, byte});
}

Value ashlar::loadBf16(Emitter &e, Value memory, ValueRange indices) {
  Value numbers = vector::LoadOp::create(
      e, VectorType::get({panelWidth}, e.getI16Type()), memory, indices);
  return evenFloats(e, arith::ExtUIOp::create(e, intVector(e), numbers));
}

/// The float whose upper half is the i16 `number`.
static Value widenBf16(Emitter &e, Value number) {
  Value word = arith::ExtUIOp::create(e, e.getI32Type(), number);
  Value sixteen = arith::ConstantIntOp::create(e, 16, 32);
  return arith::BitcastOp::create(
      e, e.getF32Type(), arith::ShLIOp::create(e, word, sixteen).getResult());
}

/// Nibble of a byte as i32: the low one for even `which`.
static Value nibbleOf(Emitter &e, Value byte, Value which) {
  Value word = arith::ExtUIOp::create(e, e.getI32Type(), byte);
  Value bits =
      arith::IndexCastOp::create(e, e.getI32Type(), e.mul(e.rem(which, 2), 4));
  return arith::AndIOp::create(
      e, arith::ShRUIOp::create(e, word, bits).getResult(),
      arith::ConstantIntOp::create(e, 15, 32));
}

Value ashlar::panelElement(Emitter &e, const PanelView &panels, Value panel,
                           Value lane, Value k) {
  const PanelLayout &layout = panels.layout;
  Value line = e.add(e.mul(panel, layout.lines()), e.div(k, layout.step));
  auto view = [&](int64_t perFeature, Type element) {
    int64_t lines = layout.panels * layout.lines();
    return e.viewBytes(e.context.weights, panels.begin,
                       {lines, panelWidth, perFeature}, element);
  };
  auto toFloat = [&](Value number) -> Value {
    return arith::SIToFPOp::create(e, e.getF32Type(), number);
  };
  switch (layout.precision) {
  case ir::Precision::F32:
    return e.load(view(1, e.getF32Type()), {line, lane, e.index(0)});
  case ir::Precision::Bf16:
    return widenBf16(
        e, e.load(view(2, e.getI16Type()), {line, lane, e.rem(k, 2)}));
  case ir::Precision::Int8: {
    Value byte = e.load(view(4, e.getI8Type()), {line, lane, e.rem(k, 4)});
    return e.mulf(toFloat(byte), e.load(panels.scales, {panel, lane}));
  }
  case ir::Precision::Int4: {
    Value byte = e.load(view(4, e.getI8Type()), {line, lane, e.rem(k, 4)});
    SmallVector<Value> at{panel, e.div(k, layout.group), lane};
    Value number = nibbleOf(e, byte, e.div(k, 4));
    Value zero = panels.zeroPoints
                     ? arith::ExtUIOp::create(e, e.getI32Type(),
                                              e.load(panels.zeroPoints, at))
                           .getResult()
                     : arith::ConstantIntOp::create(e, 8, 32).getResult();
    return e.mulf(toFloat(arith::SubIOp::create(e, number, zero)),
                  widenBf16(e, e.load(panels.scales, at)));
  }
  }
  llvm_unreachable("every precision is handled above");
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

/// Calls `body` with the first column of each 16 of the padded row, and the
/// floats there; zeros behind the last feature.
static void overPadded(Emitter &e, const RowsView &input,
                       const OperandView &out, Value row,
                       llvm::function_ref<void(Value, Value)> body) {
  e.overColumns(
      input.features, {}, [&](Value column, int64_t lanes, ValueRange) {
        body(column, e.loadVector(input.memory, {row, column}, lanes));
        return SmallVector<Value>();
      });
  int64_t end = roundUp(input.features, panelWidth);
  e.loop(end, out.layout.paddedDepth, panelWidth,
         [&](Value column) { body(column, e.splat(0.0)); });
}

/// max |x| of the row by the bits, so that a NaN is the largest of all.
static Value largestOfRow(Emitter &e, const RowsView &input, Value row) {
  Value bits =
      e.overColumns(input.features, intSplat(e, 0),
                    [&](Value column, int64_t lanes, ValueRange most) {
                      Value x =
                          e.loadVector(input.memory, {row, column}, lanes);
                      return SmallVector<Value>{
                          arith::MaxSIOp::create(e, magnitudes(e, x), most[0])};
                    })[0];
  Value most =
      vector::ReductionOp::create(e, vector::CombiningKind::MAXSI, bits);
  return arith::BitcastOp::create(e, e.getF32Type(), most);
}

static void convertToInt8(Emitter &e, const RowsView &input,
                          const OperandView &out, Value row) {
  Value largest = largestOfRow(e, input, row);
  e.store(e.mulf(largest, e.scalar(1.0 / 127.0)), out.scales, row);
  Value factor = e.broadcast(int8Factor(e, largest));
  overPadded(e, input, out, row, [&](Value column, Value x) {
    Value bytes = toInt8(e, e.mulf(x, factor));
    Value line = lineOf(e, out, row, e.div(column, lineBytes));
    vector::StoreOp::create(e, bytes, out.lines,
                            ValueRange{line, e.rem(column, lineBytes)});
  });
  if (!out.layout.group)
    return;
  // Behind the numbers: read back from L1.
  e.loop(0, out.layout.groups(), 1, [&](Value group) {
    Value sum = intSplat(e, 0);
    for (int64_t i = 0; i < out.layout.group; i += panelWidth) {
      Value column = e.add(e.mul(group, out.layout.group), i);
      Value line = lineOf(e, out, row, e.div(column, lineBytes));
      Value bytes = vector::LoadOp::create(
          e, VectorType::get({panelWidth}, e.getI8Type()), out.lines,
          ValueRange{line, e.rem(column, lineBytes)});
      sum = arith::AddIOp::create(
          e, sum, arith::ExtSIOp::create(e, intVector(e), bytes));
    }
    e.store(vector::ReductionOp::create(e, vector::CombiningKind::ADD, sum),
            out.sums, {row, group});
  });
}

void ashlar::convertRow(Emitter &e, const RowsView &input,
                        const OperandView &out, Value row) {
  if (out.layout.isInt8)
    return convertToInt8(e, input, out, row);
  overPadded(e, input, out, row,
             [&](Value column, Value x) { storeBf16(e, x, out, row, column); });
}

void ashlar::emitConvert(Emitter &e, ir::ConvertOp op, int64_t capacity) {
  e.rowsPhase(phaseName(op), [&](Value begin, Value end) {
    RowsView input = rowsOf(e, op.getInput(), capacity);
    OperandView out = operandOf(e, op.getResult(), capacity);
    e.loop(begin, end, 1, [&](Value row) { convertRow(e, input, out, row); });
  });
}
