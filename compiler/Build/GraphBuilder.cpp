//===- GraphBuilder.cpp - What the builders of sub-blocks share -----------===//

#include "compiler/Build/GraphBuilder.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

std::string ashlar::moduleName(const Weight &weight) {
  StringRef name = weight.tensor;
  for (StringRef suffix : {"weight", "bias"})
    if (name.size() > suffix.size() + 1 && name.ends_with(suffix))
      name = name.drop_back(suffix.size() + 1);
  return ir::replaceExpert(ir::replaceLayer(replacePart(name, "*"), "*"), "*");
}

std::string ashlar::commonModule(ArrayRef<const Weight *> weights,
                                 StringRef fallback) {
  if (weights.empty())
    return fallback.str();
  std::string common = moduleName(*weights.front());
  for (const Weight *weight : weights.drop_front()) {
    std::string other = moduleName(*weight);
    // The longest prefix that ends where a part of both names ends.
    while (!common.empty() && other != common &&
           !StringRef(other).starts_with(common + ".")) {
      size_t dot = common.rfind('.');
      common.resize(dot == std::string::npos ? 0 : dot);
    }
  }
  return common.empty() ? fallback.str() : common;
}

static ir::ActivationKind kindOf(Activation activation) {
  switch (activation) {
  case Activation::Relu:
    return ir::ActivationKind::Relu;
  case Activation::Gelu:
    return ir::ActivationKind::Gelu;
  case Activation::GeluTanh:
    return ir::ActivationKind::GeluTanh;
  case Activation::Silu:
    return ir::ActivationKind::Silu;
  case Activation::QuickGelu:
    return ir::ActivationKind::QuickGelu;
  case Activation::Tanh:
    return ir::ActivationKind::Tanh;
  }
  llvm_unreachable("unknown activation");
}

RankedTensorType GraphBuilder::rowsType(int64_t features) {
  return RankedTensorType::get({ShapedType::kDynamic, features},
                               builder.getF32Type());
}

RankedTensorType GraphBuilder::headsType(int64_t heads, int64_t headDim) {
  return RankedTensorType::get({ShapedType::kDynamic, heads, headDim},
                               builder.getF32Type());
}

Value GraphBuilder::linear(Value input, const Linear &linear, StringRef piece,
                           std::string name) {
  FlatSymbolRefAttr weight =
      weights.matrix(linear.weight, piece, layerRange, expertCount);
  FlatSymbolRefAttr bias;
  if (linear.bias)
    bias = weights.vector(*linear.bias, piece, layerRange, /*plus=*/0.0,
                          expertCount);
  if (name.empty()) {
    name = moduleName(linear.weight);
    if (linear.weight.count && !piece.empty())
      name += "." + piece.str();
  }
  return ir::LinearOp::create(builder, locate(name),
                              rowsType(linear.outFeatures), input,
                              /*residual=*/Value(), weight, bias,
                              /*activation=*/nullptr, /*gated=*/nullptr);
}

Value GraphBuilder::norm(Value input, const Norm &norm, const Twine &name) {
  FlatSymbolRefAttr gain, bias;
  if (norm.gain)
    gain =
        weights.vector(*norm.gain, /*piece=*/"", layerRange, norm.gainOffset);
  if (norm.bias)
    bias = weights.vector(*norm.bias, /*piece=*/"", layerRange);
  auto kind = norm.kind == NormKind::LayerNorm ? ir::NormKind::LayerNorm
                                               : ir::NormKind::RmsNorm;
  const Weight *named = norm.gain   ? &*norm.gain
                        : norm.bias ? &*norm.bias
                                    : nullptr;
  Location location = named ? locate(moduleName(*named)) : locate(name);
  int64_t features = cast<RankedTensorType>(input.getType()).getDimSize(1);
  return ir::NormOp::create(builder, location, input.getType(), kind, input,
                            gain, bias, llvm::APFloat(norm.epsilon),
                            norm.groups * (features / norm.features));
}

Value GraphBuilder::sumOfExperts(Value input, const Experts &experts,
                                 const Twine &name,
                                 llvm::function_ref<Value(Value)> body) {
  Value logits = linear(input, experts.router, "router");
  Value chosen =
      ir::RouteOp::create(builder, locate(name + ".chosen"), logits.getType(),
                          logits, experts.topK, experts.renormalize);
  Location location = locate(name);
  auto op =
      ir::ExpertsOp::create(builder, location, input.getType(), input, chosen);
  OpBuilder::InsertionGuard guard(builder);
  mlir::Block *region = builder.createBlock(&op.getBody(), {}, input.getType(),
                                            locate(name + ".rows"));
  expertCount = experts.count;
  Value result = body(region->getArgument(0));
  ir::YieldOp::create(builder, location, result);
  expertCount = 0;
  return op.getResult();
}

Value GraphBuilder::activate(Value input, Activation activation,
                             const Twine &name) {
  return ir::ActivationOp::create(builder, locate(name), input.getType(),
                                  kindOf(activation), input);
}

Value GraphBuilder::add(Value lhs, Value rhs, const Twine &name) {
  return ir::AddOp::create(builder, locate(name), lhs.getType(), lhs, rhs);
}

Value GraphBuilder::scale(Value input, double factor, const Twine &name) {
  return ir::ScaleOp::create(builder, locate(name), input.getType(), input,
                             builder.getF64FloatAttr(factor));
}

Value GraphBuilder::scaleFeatures(Value input, const Weight &factors) {
  return ir::ScaleFeaturesOp::create(
      builder, locate(moduleName(factors)), input.getType(), input,
      weights.vector(factors, /*piece=*/"", layerRange));
}

Value GraphBuilder::segments(const FunctionInputs &inputs, int64_t separator,
                             int64_t skip, int64_t features,
                             const Twine &name) {
  return ir::SegmentOp::create(builder, locate(name), rowsType(features),
                               inputs.ids, inputs.sequences, separator, skip);
}

Value GraphBuilder::embed(Value ids, FlatSymbolRefAttr table, int64_t features,
                          double scale, const Twine &name) {
  return ir::EmbeddingOp::create(builder, locate(name), rowsType(features), ids,
                                 table, builder.getF64FloatAttr(scale));
}

Value GraphBuilder::layers(
    const LayerLoop &loop, Value init,
    llvm::function_ref<Value(const ashlar::Block &, Value)> body) {
  std::string name = ir::replaceLayer(loop.parts.front()->name, "*");
  Location location = locate(name);
  auto op = ir::LayersOp::create(
      builder, location, init.getType(), builder.getStringAttr(name),
      builder.getI64IntegerAttr(loop.first),
      builder.getI64IntegerAttr(loop.count), init, loop.parts.size());
  OpBuilder::InsertionGuard guard(builder);
  auto step = static_cast<int64_t>(loop.parts.size());
  for (auto [i, block] : llvm::enumerate(loop.parts)) {
    mlir::Block *region =
        builder.createBlock(&op.getParts()[i], {}, init.getType(), location);
    layerRange = LayerRange{loop.first + static_cast<int64_t>(i),
                            loop.count / step, step, loop.whole};
    Value result = body(*block, region->getArgument(0));
    ir::YieldOp::create(builder, location, result);
  }
  layerRange.reset();
  return op.getResult();
}
