//===- WeightTable.cpp - The weight symbols of a module -------------------===//

#include "compiler/Build/WeightTable.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

/// Rows of the logical tensor, whatever way it is stored; a vector may be
/// stored in several dimensions.
static int64_t logicalRows(const Weight &weight, bool isVector) {
  const std::vector<int64_t> &stored = weight.stored;
  if (isVector) {
    int64_t rows = weight.parts;
    for (int64_t size : stored)
      rows *= size;
    return rows;
  }
  if (weight.transposed)
    return stored.back();
  return weight.convolution ? stored.front() : matrixShape(stored).first;
}

std::string ashlar::replacePart(StringRef tensor, const Twine &text) {
  constexpr StringRef mark = "{part}";
  size_t at = tensor.find(mark);
  if (at == StringRef::npos)
    return tensor.str();
  return (tensor.take_front(at) + text +
          replacePart(tensor.drop_front(at + mark.size()), text))
      .str();
}

WeightTable::WeightTable(ModuleOp module, StringRef descriptionFile)
    : module(module), builder(module.getContext()),
      file(FileLineColLoc::get(module.getContext(), descriptionFile,
                               /*line=*/1, /*column=*/1)) {}

Location WeightTable::locate(const Twine &name) const {
  return NameLoc::get(StringAttr::get(file.getContext(), name), file);
}

FlatSymbolRefAttr WeightTable::add(StringRef name, ArrayRef<Attribute> sources,
                                   ArrayRef<int64_t> shape,
                                   std::optional<LayerRange> layers,
                                   int64_t experts) {
  DenseI64ArrayAttr range;
  if (layers && layers->step == 1)
    range = builder.getDenseI64ArrayAttr({layers->first, layers->count});
  else if (layers)
    range = builder.getDenseI64ArrayAttr(
        {layers->first, layers->count, layers->step});
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  ArrayAttr allSources = builder.getArrayAttr(sources);
  SmallVector<Attribute> key = {allSources, TypeAttr::get(type)};
  if (range)
    key.push_back(range);
  IntegerAttr copies;
  if (experts)
    key.push_back(copies = builder.getI64IntegerAttr(experts));
  FlatSymbolRefAttr &symbol = symbols[builder.getArrayAttr(key)];
  if (symbol)
    return symbol;

  std::string unique = name.str();
  for (unsigned i = 2; !names.insert(unique).second; ++i)
    unique = (name + "." + Twine(i)).str();
  if (names.size() == 1)
    builder.setInsertionPointToStart(module.getBody());
  auto weight = ir::WeightOp::create(
      builder, locate(unique), builder.getStringAttr(unique), allSources,
      TypeAttr::get(type), range, copies,
      /*encoding=*/nullptr, /*layout=*/nullptr, /*offset=*/nullptr,
      /*layer_stride=*/nullptr);
  builder.setInsertionPointAfter(weight);
  symbol = FlatSymbolRefAttr::get(builder.getContext(), unique);
  return symbol;
}

/// What stands for "{layer}" in the name of `layers` of `tensor`.
static std::string layerText(std::optional<LayerRange> layers) {
  if (!layers || (layers->whole && layers->step == 1))
    return "*";
  std::string text = std::to_string(layers->first);
  if (layers->count > 1)
    text += "-" + std::to_string(layers->last());
  if (layers->count > 1 && layers->step > 1)
    text += ":" + std::to_string(layers->step);
  return text;
}

FlatSymbolRefAttr WeightTable::addTensor(const Weight &weight, StringRef piece,
                                         std::optional<LayerRange> layers,
                                         int64_t experts, bool isVector,
                                         double plus) {
  if (!ir::namesLayer(weight.tensor))
    layers.reset();
  if (!ir::namesExpert(weight.tensor))
    experts = 0;
  std::string name = ir::replaceExpert(
      ir::replaceLayer(replacePart(weight.tensor, "*"), layerText(layers)),
      "*");
  int64_t all = logicalRows(weight, isVector);
  int64_t count = weight.count ? weight.count : all;
  if (count != all && !piece.empty())
    name += "." + piece.str();

  // Part of a vector: what is stored as [1, n] would look like a matrix.
  ArrayRef<int64_t> stored = weight.stored;
  if (isVector && count != all)
    stored = stored.take_back(1);
  FloatAttr plusAttr = plus ? builder.getF64FloatAttr(plus) : FloatAttr();
  bool whole = weight.piece == 0;
  int64_t ofPart = count / weight.parts;
  auto source = [&](int64_t part) {
    return ir::TensorSourceAttr::get(
        builder.getContext(), replacePart(weight.tensor, Twine(part)), stored,
        weight.begin, ofPart, whole ? ofPart : weight.piece,
        whole ? ofPart : weight.every, weight.transposed, weight.convolution,
        plusAttr, /*scale=*/FloatAttr());
  };
  if (!isVector)
    return add(name, {source(0)}, {count, source(0).getColumns()}, layers,
               experts);
  SmallVector<Attribute> sources;
  for (int64_t part = 0; part < weight.parts; ++part)
    sources.push_back(source(part));
  return add(name, sources, {count}, layers, experts);
}

FlatSymbolRefAttr WeightTable::matrix(const Weight &weight, StringRef piece,
                                      std::optional<LayerRange> layers,
                                      int64_t experts) {
  return addTensor(weight, piece, layers, experts, /*isVector=*/false);
}

FlatSymbolRefAttr WeightTable::vector(const Weight &weight, StringRef piece,
                                      std::optional<LayerRange> layers,
                                      double plus, int64_t experts) {
  return addTensor(weight, piece, layers, experts, /*isVector=*/true, plus);
}

FlatSymbolRefAttr WeightTable::positionBias(const PositionBias &bias,
                                            int64_t heads, int64_t behind,
                                            std::optional<LayerRange> layers) {
  MLIRContext *context = builder.getContext();
  int64_t columns = behind + 1;
  if (bias.kind == PositionBiasKind::Alibi) {
    auto source = ir::AlibiTableSourceAttr::get(
        context, heads, behind, columns, builder.getF64FloatAttr(bias.maxBias),
        builder.getF64FloatAttr(bias.scale));
    return add("alibi", source, {heads, columns}, std::nullopt);
  }
  if (bias.bidirectional)
    columns += behind;
  auto source = ir::RelativeTableSourceAttr::get(
      context, bias.table->tensor, bias.buckets, heads, behind, columns,
      bias.maxDistance, bias.bidirectional);
  if (!ir::namesLayer(bias.table->tensor))
    layers.reset();
  return add(ir::replaceLayer(bias.table->tensor, layerText(layers)), source,
             {heads, columns}, layers);
}

FlatSymbolRefAttr WeightTable::positions(const Positions &positions,
                                         int64_t features) {
  if (positions.kind == PositionKind::Learned) {
    Weight rows = *positions.table;
    rows.begin += positions.offset;
    rows.count = positions.count;
    return matrix(rows, /*piece=*/"", std::nullopt);
  }
  assert(positions.kind == PositionKind::Sinusoidal && positions.offset == 0 &&
         "no such table of positions");
  auto order = positions.order == SinusoidalOrder::Interleaved
                   ? ir::SinusoidOrder::Interleaved
                   : ir::SinusoidOrder::SplitHalf;
  int64_t zero = positions.zeroPadding ? positions.first - 1 : -1;
  auto source = ir::SinusoidSourceAttr::get(builder.getContext(), order,
                                            positions.inclusive, zero,
                                            positions.count, features);
  return add("sinusoidal_positions", source, {positions.count, features},
             std::nullopt);
}
