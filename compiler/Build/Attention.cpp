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
  return commonModule({&attention.query.weight, &attention.key.weight,
                       &attention.value.weight, &attention.output.weight},
                      fallback);
}

static ir::RotaryAttr rotaryAttr(OpBuilder &builder, const Rotary &rotary) {
  auto scaling = ir::RopeScaling::None;
  if (rotary.scaling == RopeScalingKind::Linear)
    scaling = ir::RopeScaling::Linear;
  else if (rotary.scaling == RopeScalingKind::Llama3)
    scaling = ir::RopeScaling::Llama3;
  return ir::RotaryAttr::get(
      builder.getContext(), rotary.dimensions,
      builder.getF64FloatAttr(rotary.theta), scaling,
      builder.getF64FloatAttr(rotary.factor),
      builder.getF64FloatAttr(rotary.lowFrequencyFactor),
      builder.getF64FloatAttr(rotary.highFrequencyFactor),
      rotary.originalMaxPositions);
}

/// A linear layer's result [tokens, heads * head_dim] as heads.
static Value projectHeads(GraphBuilder &graph, Value input,
                          const Linear &linear, StringRef piece, int64_t heads,
                          int64_t headDim, StringRef module) {
  Value rows = graph.linear(input, linear, piece);
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

/// merge_heads(softmax(mask(scale * query keys^T)) values), then the output
/// projection.
static Value attend(GraphBuilder &graph, const Attention &attention,
                    Value query, const KeysAndValues &source,
                    Value querySequences, StringRef module) {
  OpBuilder &builder = graph.builder;
  auto type = RankedTensorType::get(
      {ShapedType::kDynamic, attention.heads, ShapedType::kDynamic},
      builder.getF32Type());
  Value scores = ir::ScoresOp::create(builder, graph.locate(module + ".scores"),
                                      type, query, source.keys);
  Value scaled =
      ir::ScaleOp::create(builder, graph.locate(module + ".scaled"), type,
                          scores, builder.getF64FloatAttr(attention.scale));
  auto kind = attention.causal ? ir::MaskKind::Causal : ir::MaskKind::All;
  Value masked =
      ir::MaskOp::create(builder, graph.locate(module + ".masked"), type,
                         scaled, querySequences, source.sequences, kind);
  Value weights = ir::SoftmaxOp::create(
      builder, graph.locate(module + ".weights"), type, masked);
  Value mixed =
      ir::MixOp::create(builder, graph.locate(module + ".mix"),
                        graph.headsType(attention.heads, attention.headDim),
                        weights, source.values);
  Value merged = ir::MergeHeadsOp::create(
      builder, graph.locate(module + ".mixed"),
      graph.rowsType(attention.heads * attention.headDim), mixed);
  return graph.linear(merged, attention.output);
}

Value ashlar::buildSelfAttention(GraphBuilder &graph, const Block &block,
                                 StackKind stack, Value input,
                                 const FunctionInputs &inputs) {
  const Attention &attention = block.attention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value query = projectHeads(graph, input, attention.query, "q",
                             attention.heads, attention.headDim, module);
  Value key = projectHeads(graph, input, attention.key, "k", attention.kvHeads,
                           attention.headDim, module);
  Value value = projectHeads(graph, input, attention.value, "v",
                             attention.kvHeads, attention.headDim, module);
  query = rotate(graph, attention, query, inputs.positions, "q", module);
  key = rotate(graph, attention, key, inputs.positions, "k", module);
  auto cache =
      stack == StackKind::Encoder ? ir::CacheKind::Call : ir::CacheKind::Self;
  KeysAndValues source =
      append(graph, cache, key, value, inputs.sequences, module);
  return attend(graph, attention, query, source, inputs.sequences, module);
}

Value ashlar::buildCrossAttention(GraphBuilder &graph, const Block &block,
                                  Value input, const FunctionInputs &inputs) {
  const Attention &attention = *block.crossAttention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value query = projectHeads(graph, input, attention.query, "q",
                             attention.heads, attention.headDim, module);
  OpBuilder &builder = graph.builder;
  Type keysType = graph.headsType(attention.kvHeads, attention.headDim);
  Type sequencesType = ir::SequencesType::get(builder.getContext());
  auto read = ir::KvReadOp::create(
      builder, graph.locate(module + ".keys"),
      TypeRange{keysType, keysType, sequencesType}, inputs.sequences,
      ir::CacheKindAttr::get(builder.getContext(), ir::CacheKind::Cross));
  KeysAndValues source = {read.getKeys(), read.getValues(),
                          read.getKeySequences()};
  return attend(graph, attention, query, source, inputs.sequences, module);
}

void ashlar::buildCrossKeys(GraphBuilder &graph, const Block &block,
                            Value memory, const FunctionInputs &inputs) {
  const Attention &attention = *block.crossAttention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value key = projectHeads(graph, memory, attention.key, "k", attention.kvHeads,
                           attention.headDim, module);
  Value value = projectHeads(graph, memory, attention.value, "v",
                             attention.kvHeads, attention.headDim, module);
  append(graph, ir::CacheKind::Cross, key, value, inputs.sequences, module);
}
