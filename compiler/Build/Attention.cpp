//===- Attention.cpp - Self-attention and cross-attention -----------------===//

#include "compiler/Build/GraphBuilder.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;

namespace {
/// Keys and values [keys, kv_heads, head_dim], and whose they are.
struct KeysAndValues {
  Value keys;
  Value values;
  Value sequences;
};
} // namespace

static std::string moduleOf(const Attention &attention, StringRef fallback) {
  SmallVector<const Weight *> weights;
  for (const Linear *linear :
       {&attention.query, &attention.key, &attention.value, &attention.output})
    if (linear->exists())
      weights.push_back(&linear->weight);
  return commonModule(weights, fallback);
}

static ir::RopeScaling scalingOf(RopeScalingKind kind) {
  switch (kind) {
  case RopeScalingKind::None:
    return ir::RopeScaling::None;
  case RopeScalingKind::Linear:
    return ir::RopeScaling::Linear;
  case RopeScalingKind::Llama3:
    return ir::RopeScaling::Llama3;
  case RopeScalingKind::Yarn:
    return ir::RopeScaling::Yarn;
  }
  llvm_unreachable("every scaling is handled above");
}

static ir::RotaryAttr rotaryAttr(OpBuilder &builder, const Rotary &rotary) {
  bool yarn = rotary.scaling == RopeScalingKind::Yarn;
  return ir::RotaryAttr::get(
      builder.getContext(), rotary.dimensions, rotary.interleaved,
      builder.getF64FloatAttr(rotary.theta), scalingOf(rotary.scaling),
      builder.getF64FloatAttr(rotary.factor),
      builder.getF64FloatAttr(yarn ? rotary.betaSlow
                                   : rotary.lowFrequencyFactor),
      builder.getF64FloatAttr(yarn ? rotary.betaFast
                                   : rotary.highFrequencyFactor),
      rotary.originalMaxPositions,
      rotary.magnitude == 1.0 ? FloatAttr()
                              : builder.getF64FloatAttr(rotary.magnitude));
}

/// A linear layer's result [tokens, heads * head_dim] as heads, normalized if
/// there is a `norm`.
static Value projectHeads(GraphBuilder &graph, Value input,
                          const Linear &linear, StringRef piece, int64_t heads,
                          int64_t headDim, StringRef module,
                          const std::optional<Norm> &norm = std::nullopt) {
  Value rows = linear.exists() ? graph.linear(input, linear, piece) : input;
  if (norm)
    rows = graph.norm(rows, *norm, module + "." + piece + ".norm");
  return ir::SplitHeadsOp::create(graph.builder,
                                  graph.locate(module + "." + piece + ".heads"),
                                  graph.headsType(heads, headDim), rows);
}

static Value rotate(GraphBuilder &graph, const Attention &attention,
                    Value heads, Value positions, StringRef piece,
                    StringRef module) {
  if (!attention.rotary)
    return heads;
  return ir::RotaryOp::create(graph.builder,
                              graph.locate(module + "." + piece + ".rotary"),
                              heads.getType(), heads, positions,
                              rotaryAttr(graph.builder, *attention.rotary),
                              /*rotary_table=*/FlatSymbolRefAttr());
}

static KeysAndValues append(GraphBuilder &graph, ir::CacheKind cache, Value key,
                            Value value, Value sequences, StringRef module) {
  Type sequencesType = ir::SequencesType::get(graph.builder.getContext());
  auto op = ir::KvAppendOp::create(
      graph.builder, graph.locate(module + ".keys"),
      TypeRange{key.getType(), value.getType(), sequencesType}, key, value,
      sequences, /*positions=*/Value(),
      ir::CacheKindAttr::get(graph.builder.getContext(), cache),
      /*rotary=*/nullptr, /*rotary_table=*/nullptr);
  return {op.getKeys(), op.getValues(), op.getKeySequences()};
}

/// The scores with position bias and soft cap.
static Value adjust(GraphBuilder &graph, const Attention &attention,
                    Value scores, const KeysAndValues &source,
                    const FunctionInputs &inputs, StringRef module) {
  OpBuilder &builder = graph.builder;
  if (const auto &bias = attention.positionBias) {
    int64_t behind = inputs.positionLimit - 1;
    FlatSymbolRefAttr table =
        graph.weights.positionBias(*bias, attention.heads, behind);
    scores = ir::PositionBiasOp::create(
        builder, graph.locate(module + ".biased"), scores.getType(), scores,
        inputs.sequences, source.sequences, table,
        builder.getI64IntegerAttr(behind));
  }
  if (attention.softCap)
    scores = ir::SoftCapOp::create(builder, graph.locate(module + ".capped"),
                                   scores.getType(), scores,
                                   builder.getF64FloatAttr(*attention.softCap));
  return scores;
}

/// merge_heads(softmax(mask(scale * query keys^T)) values), then the output
/// projection.
static Value attend(GraphBuilder &graph, const Attention &attention,
                    Value query, const KeysAndValues &source,
                    const FunctionInputs &inputs, StringRef module) {
  OpBuilder &builder = graph.builder;
  auto type = RankedTensorType::get(
      {ShapedType::kDynamic, attention.heads, ShapedType::kDynamic},
      builder.getF32Type());
  Location location = graph.locate(module + ".scores");
  Value scores;
  if (attention.additiveVector)
    scores = ir::AdditiveScoresOp::create(
        builder, location, type, query, source.keys,
        graph.weights.vector(*attention.additiveVector, /*piece=*/"",
                             graph.layerRange));
  else
    scores = ir::ScoresOp::create(builder, location, type, query, source.keys);
  Value scaled = graph.scale(scores, attention.scale, module + ".scaled");
  Value adjusted = adjust(graph, attention, scaled, source, inputs, module);
  auto kind = attention.causal ? ir::MaskKind::Causal : ir::MaskKind::All;
  IntegerAttr window;
  if (attention.window)
    window = builder.getI64IntegerAttr(attention.window);
  Value masked = ir::MaskOp::create(
      builder, graph.locate(module + ".masked"), type, adjusted,
      inputs.sequences, source.sequences,
      ir::MaskKindAttr::get(builder.getContext(), kind), window);
  Value weights = ir::SoftmaxOp::create(
      builder, graph.locate(module + ".weights"), type, masked);
  Value mixed =
      ir::MixOp::create(builder, graph.locate(module + ".mix"),
                        graph.headsType(attention.heads, attention.headDim),
                        weights, source.values);
  Value merged = ir::MergeHeadsOp::create(
      builder, graph.locate(module + ".mixed"),
      graph.rowsType(attention.heads * attention.headDim), mixed);
  return attention.output.exists() ? graph.linear(merged, attention.output)
                                   : merged;
}

Value ashlar::buildSelfAttention(GraphBuilder &graph, const Block &block,
                                 StackKind stack, Value input,
                                 const FunctionInputs &inputs) {
  const Attention &attention = block.attention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value query =
      projectHeads(graph, input, attention.query, "q", attention.heads,
                   attention.headDim, module, attention.queryNorm);
  Value key = projectHeads(graph, input, attention.key, "k", attention.kvHeads,
                           attention.headDim, module, attention.keyNorm);
  Value value = projectHeads(graph, input, attention.value, "v",
                             attention.kvHeads, attention.headDim, module);
  query = rotate(graph, attention, query, inputs.positions, "q", module);
  key = rotate(graph, attention, key, inputs.positions, "k", module);
  auto cache =
      stack == StackKind::Encoder ? ir::CacheKind::Call : ir::CacheKind::Self;
  KeysAndValues source =
      append(graph, cache, key, value, inputs.sequences, module);
  return attend(graph, attention, query, source, inputs, module);
}

Value ashlar::buildCrossAttention(GraphBuilder &graph, const Block &block,
                                  Value input, const FunctionInputs &inputs) {
  const Attention &attention = *block.crossAttention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value query =
      projectHeads(graph, input, attention.query, "q", attention.heads,
                   attention.headDim, module, attention.queryNorm);
  OpBuilder &builder = graph.builder;
  Type keysType = graph.headsType(attention.kvHeads, attention.headDim);
  Type sequencesType = ir::SequencesType::get(builder.getContext());
  auto read = ir::KvReadOp::create(
      builder, graph.locate(module + ".keys"),
      TypeRange{keysType, keysType, sequencesType}, inputs.sequences,
      ir::CacheKindAttr::get(builder.getContext(), ir::CacheKind::Cross));
  KeysAndValues source = {read.getKeys(), read.getValues(),
                          read.getKeySequences()};
  return attend(graph, attention, query, source, inputs, module);
}

void ashlar::buildCrossKeys(GraphBuilder &graph, const Block &block,
                            Value memory, const FunctionInputs &inputs) {
  const Attention &attention = *block.crossAttention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value key = projectHeads(graph, memory, attention.key, "k", attention.kvHeads,
                           attention.headDim, module, attention.keyNorm);
  Value value = projectHeads(graph, memory, attention.value, "v",
                             attention.kvHeads, attention.headDim, module);
  append(graph, ir::CacheKind::Cross, key, value, inputs.sequences, module);
}
