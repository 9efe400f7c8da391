//===- Attention.cpp - Self-attention and cross-attention -----------------===//

#include "compiler/Build/GraphBuilder.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

namespace {
/// Keys and values [keys, kv_heads, head_dim], and whose they are.
struct KeysAndValues {
  Value keys;
  Value values;
  Value sequences;
};

/// Heads of queries, keys and values, before positions are applied.
struct Projections {
  Value query;
  Value key;
  Value value;
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
  case RopeScalingKind::Dynamic:
    return ir::RopeScaling::Dynamic;
  case RopeScalingKind::LongRope:
    return ir::RopeScaling::LongRope;
  }
  llvm_unreachable("every scaling is handled above");
}

static ir::RotaryAttr rotaryAttr(OpBuilder &builder, const Rotary &rotary) {
  bool yarn = rotary.scaling == RopeScalingKind::Yarn;
  auto list = [&](const std::vector<double> &factors) {
    return factors.empty() ? DenseF64ArrayAttr()
                           : builder.getDenseF64ArrayAttr(factors);
  };
  return ir::RotaryAttr::get(
      builder.getContext(), rotary.dimensions, rotary.interleaved,
      builder.getF64FloatAttr(rotary.theta), scalingOf(rotary.scaling),
      builder.getF64FloatAttr(rotary.factor),
      builder.getF64FloatAttr(yarn ? rotary.betaSlow
                                   : rotary.lowFrequencyFactor),
      builder.getF64FloatAttr(yarn ? rotary.betaFast
                                   : rotary.highFrequencyFactor),
      rotary.originalMaxPositions, list(rotary.shortFactors),
      list(rotary.longFactors),
      rotary.magnitude == 1.0 ? FloatAttr()
                              : builder.getF64FloatAttr(rotary.magnitude));
}

static Attribute patternOf(MLIRContext *context, const Mask &mask) {
  auto members = [&] {
    SmallVector<Attribute> result;
    for (const Mask &member : mask.members)
      result.push_back(patternOf(context, member));
    return result;
  };
  switch (mask.kind) {
  case MaskKind::Near:
    return ir::NearAttr::get(context, mask.behind, mask.ahead, mask.block);
  case MaskKind::FirstKeys:
    return ir::FirstAttr::get(context, ir::PatternSide::Keys, mask.count);
  case MaskKind::FirstQueries:
    return ir::FirstAttr::get(context, ir::PatternSide::Queries, mask.count);
  case MaskKind::LastKeys:
    return ir::LastAttr::get(context, ir::PatternSide::Keys, mask.block);
  case MaskKind::LastQueries:
    return ir::LastAttr::get(context, ir::PatternSide::Queries, mask.block);
  case MaskKind::ShortLength:
    return ir::ShortAttr::get(context, mask.count);
  case MaskKind::MarkedKeys:
    return ir::MarkedAttr::get(context, ir::PatternSide::Keys);
  case MaskKind::MarkedQueries:
    return ir::MarkedAttr::get(context, ir::PatternSide::Queries);
  case MaskKind::Random:
    return ir::RandomAttr::get(context, mask.count, mask.block, mask.seed,
                               mask.of);
  case MaskKind::AnyOf:
    return ir::AnyOfAttr::get(context, members());
  case MaskKind::AllOf:
    return ir::AllOfAttr::get(context, members());
  case MaskKind::Not:
    return ir::NotAttr::get(context, members().front());
  }
  llvm_unreachable("every mask is handled above");
}

/// A linear layer's result [tokens, heads * head_dim] as heads, clipped and
/// normalized where the attention says so.
static Value projectHeads(GraphBuilder &graph, Value input,
                          const Attention &attention, const Linear &linear,
                          StringRef piece, int64_t heads, StringRef module,
                          const std::optional<Norm> &norm = std::nullopt) {
  OpBuilder &builder = graph.builder;
  std::string name = (module + "." + piece).str();
  Value rows = linear.exists() ? graph.linear(input, linear, piece) : input;
  if (attention.clip)
    rows = ir::ClipOp::create(builder, graph.locate(name + ".clipped"),
                              rows.getType(), rows,
                              builder.getF64FloatAttr(*attention.clip));
  if (norm)
    rows = graph.norm(rows, *norm, name + ".norm");
  return ir::SplitHeadsOp::create(builder, graph.locate(name + ".heads"),
                                  graph.headsType(heads, attention.headDim),
                                  rows);
}

/// Those of the rows that ask, `asking`, and of the rows that are asked.
static Projections project(GraphBuilder &graph, const Attention &attention,
                           Value asking, Value asked, StringRef module) {
  Projections result;
  result.query = projectHeads(graph, asking, attention, attention.query, "q",
                              attention.heads, module, attention.queryNorm);
  result.key = projectHeads(graph, asked, attention, attention.key, "k",
                            attention.kvHeads, module, attention.keyNorm);
  result.value = projectHeads(graph, asked, attention, attention.value, "v",
                              attention.kvHeads, module);
  return result;
}

void ashlar::buildAngles(GraphBuilder &graph, const Rotary &rotary,
                         FunctionInputs &inputs, const Twine &name) {
  ir::RotaryAttr attribute = rotaryAttr(graph.builder, rotary);
  Value &angles = inputs.angles[attribute];
  if (!angles)
    angles = ir::RotaryAnglesOp::create(
        graph.builder, graph.locate(name),
        graph.rowsType(attribute.tableColumns()), inputs.positions,
        inputs.sequences, attribute, /*frequencies=*/FlatSymbolRefAttr());
}

static Value rotate(GraphBuilder &graph, const Attention &attention,
                    Value heads, const FunctionInputs &inputs, StringRef piece,
                    StringRef module) {
  if (!attention.rotary)
    return heads;
  ir::RotaryAttr rotary = rotaryAttr(graph.builder, *attention.rotary);
  Value positions = rotary.dependsOnLength() ? inputs.angles.lookup(rotary)
                                             : inputs.positions;
  return ir::RotaryOp::create(graph.builder,
                              graph.locate(module + "." + piece + ".rotary"),
                              heads.getType(), heads, positions, rotary,
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

/// The scores with position bias, soft cap and repeated keys.
static Value adjust(GraphBuilder &graph, const Attention &attention,
                    Value scores, const KeysAndValues &source,
                    const FunctionInputs &inputs, StringRef module) {
  OpBuilder &builder = graph.builder;
  if (const auto &bias = attention.positionBias) {
    int64_t behind = inputs.positionLimit - 1;
    FlatSymbolRefAttr table = graph.weights.positionBias(
        *bias, attention.heads, behind, graph.layerRange);
    scores = ir::PositionBiasOp::create(
        builder, graph.locate(module + ".biased"), scores.getType(), scores,
        inputs.sequences, source.sequences, table,
        builder.getI64IntegerAttr(behind));
  }
  if (attention.softCap)
    scores = ir::SoftCapOp::create(builder, graph.locate(module + ".capped"),
                                   scores.getType(), scores,
                                   builder.getF64FloatAttr(*attention.softCap));
  if (const auto &repeated = attention.repeated)
    scores = ir::RepeatOp::create(
        builder, graph.locate(module + ".repeated"), scores.getType(), scores,
        inputs.sequences, source.sequences,
        patternOf(builder.getContext(), repeated->keys),
        builder.getI64IntegerAttr(repeated->times));
  return scores;
}

/// merge_heads(softmax(mask(scale * query keys^T)) values).
static Value mixHeads(GraphBuilder &graph, const Attention &attention,
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
  Attribute pattern;
  if (attention.mask)
    pattern = patternOf(builder.getContext(), *attention.mask);
  Value masked = ir::MaskOp::create(
      builder, graph.locate(module + ".masked"), type, adjusted,
      inputs.sequences, source.sequences,
      ir::MaskKindAttr::get(builder.getContext(), kind), window, pattern);
  Value weights = ir::SoftmaxOp::create(
      builder, graph.locate(module + ".weights"), type, masked);
  Value mixed =
      ir::MixOp::create(builder, graph.locate(module + ".mix"),
                        graph.headsType(attention.heads, attention.headDim),
                        weights, source.values);
  return ir::MergeHeadsOp::create(
      builder, graph.locate(module + ".mixed"),
      graph.rowsType(attention.heads * attention.headDim), mixed);
}

static Value projectOutput(GraphBuilder &graph, const Attention &attention,
                           Value rows) {
  return attention.output.exists() ? graph.linear(rows, attention.output)
                                   : rows;
}

/// Self-attention without its output projection.
static Value mixOwnHeads(GraphBuilder &graph, const Attention &attention,
                         StackKind stack, Value input,
                         const FunctionInputs &inputs, StringRef module) {
  auto [query, key, value] = project(graph, attention, input, input, module);
  query = rotate(graph, attention, query, inputs, "q", module);
  key = rotate(graph, attention, key, inputs, "k", module);
  auto cache =
      stack == StackKind::Encoder ? ir::CacheKind::Call : ir::CacheKind::Self;
  KeysAndValues source =
      append(graph, cache, key, value, inputs.sequences, module);
  return mixHeads(graph, attention, query, source, inputs, module);
}

/// The attention of marked queries; rows of others, which see nothing, are
/// zeros.
static Attention ofMarked(const Attention &attention) {
  Attention marked = attention;
  marked.query = attention.marked->query;
  marked.key = attention.marked->key;
  marked.value = attention.marked->value;
  marked.causal = false;
  marked.window = 0;
  marked.mask = Mask::marked(MaskKind::MarkedQueries);
  return marked;
}

/// The attention of all others; rows of marked ones are zeros.
static Attention ofUnmarked(const Attention &attention) {
  Attention unmarked = attention;
  Mask others = Mask::negate(Mask::marked(MaskKind::MarkedQueries));
  unmarked.mask =
      attention.mask ? Mask::all({*attention.mask, others}) : others;
  return unmarked;
}

Value ashlar::buildSelfAttention(GraphBuilder &graph, const Block &block,
                                 StackKind stack, Value input,
                                 const FunctionInputs &inputs) {
  const Attention &attention = block.attention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value rows;
  if (!attention.marked) {
    rows = mixOwnHeads(graph, attention, stack, input, inputs, module);
  } else {
    // One behind the other: the keys of a call lie in one place.
    Value marked = mixOwnHeads(graph, ofMarked(attention), stack, input, inputs,
                               module + ".marked");
    Value others =
        mixOwnHeads(graph, ofUnmarked(attention), stack, input, inputs, module);
    rows = graph.add(marked, others, module + ".all_mixed");
  }
  return projectOutput(graph, attention, rows);
}

Value ashlar::buildProbe(GraphBuilder &graph, const AttentionPool &pool,
                         Value rows, const FunctionInputs &inputs,
                         const Twine &name) {
  const Attention &attention = pool.attention;
  OpBuilder &builder = graph.builder;
  std::string module = moduleOf(attention, name.str());
  Value asking = ir::SetRowOp::create(
      builder, graph.locate(moduleName(pool.probe)), rows.getType(), rows,
      inputs.sequences,
      graph.weights.vector(pool.probe, /*piece=*/"", std::nullopt),
      builder.getI64IntegerAttr(0));
  auto [query, key, value] = project(graph, attention, asking, rows, module);
  KeysAndValues source =
      append(graph, ir::CacheKind::Call, key, value, inputs.sequences, module);
  Value mixed = mixHeads(graph, attention, query, source, inputs, module);
  Value pooled = poolRows(graph, mixed, inputs.sequences, /*from=*/0,
                          /*count=*/1, module + ".pooled");
  return projectOutput(graph, attention, pooled);
}

Value ashlar::buildCrossAttention(GraphBuilder &graph, const Block &block,
                                  Value input, const FunctionInputs &inputs) {
  const Attention &attention = *block.crossAttention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value query = projectHeads(graph, input, attention, attention.query, "q",
                             attention.heads, module, attention.queryNorm);
  OpBuilder &builder = graph.builder;
  Type keysType = graph.headsType(attention.kvHeads, attention.headDim);
  Type sequencesType = ir::SequencesType::get(builder.getContext());
  auto read = ir::KvReadOp::create(
      builder, graph.locate(module + ".keys"),
      TypeRange{keysType, keysType, sequencesType}, inputs.sequences,
      ir::CacheKindAttr::get(builder.getContext(), ir::CacheKind::Cross));
  KeysAndValues source = {read.getKeys(), read.getValues(),
                          read.getKeySequences()};
  return projectOutput(
      graph, attention,
      mixHeads(graph, attention, query, source, inputs, module));
}

void ashlar::buildCrossKeys(GraphBuilder &graph, const Block &block,
                            Value memory, const FunctionInputs &inputs) {
  const Attention &attention = *block.crossAttention;
  std::string module = moduleOf(attention, ir::replaceLayer(block.name, "*"));
  Value key = projectHeads(graph, memory, attention, attention.key, "k",
                           attention.kvHeads, module, attention.keyNorm);
  Value value = projectHeads(graph, memory, attention, attention.value, "v",
                             attention.kvHeads, module);
  append(graph, ir::CacheKind::Cross, key, value, inputs.sequences, module);
}
