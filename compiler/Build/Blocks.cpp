//===- Blocks.cpp - Embeddings, feed-forward and layers -------------------===//

#include "compiler/Build/GraphBuilder.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

/// Convolutions, each a linear over unfolded rows.
static Value buildStem(GraphBuilder &graph, const Embedding &embedding,
                       const FunctionInputs &inputs) {
  Value rows = inputs.vectors;
  int64_t perToken = embedding.rowsPerToken();
  for (const Convolution &convolution : embedding.stem) {
    const Linear &linear = convolution.linear;
    std::string name = moduleName(linear.weight);
    perToken /= convolution.stride;
    rows = ir::UnfoldOp::create(
        graph.builder, graph.locate(name + ".unfold"),
        graph.rowsType(linear.inFeatures), rows, inputs.sequences,
        convolution.kernel, convolution.stride, convolution.padding, perToken);
    rows = graph.linear(rows, linear);
    if (convolution.activation)
      rows =
          graph.activate(rows, *convolution.activation, name + ".activation");
  }
  return rows;
}

/// A row for each patch, and the learned rows in front of them.
static Value buildPatches(GraphBuilder &graph, const Patches &patches,
                          const FunctionInputs &inputs) {
  Value rows = graph.linear(inputs.vectors, patches.projection);
  for (auto [i, row] : llvm::enumerate(patches.prefix))
    rows = ir::SetRowOp::create(
        graph.builder, graph.locate(moduleName(row)), rows.getType(), rows,
        inputs.sequences, graph.weights.vector(row, /*piece=*/"", std::nullopt),
        graph.builder.getI64IntegerAttr(i));
  return rows;
}

/// Rows of the table of token types. Where the ids say which type a token has,
/// they are a product with what is 1 in its column, which is exact.
static Value buildTypes(GraphBuilder &graph, const Embedding &embedding,
                        int64_t width, const FunctionInputs &inputs) {
  const Weight &table = *embedding.tokenTypeTable;
  std::string name = moduleName(table);
  if (!embedding.typeSeparator)
    return graph.embed(inputs.types,
                       graph.weights.matrix(table, "", std::nullopt), width,
                       /*scale=*/1.0, name);
  Linear types;
  types.inFeatures = embedding.tokenTypes;
  types.outFeatures = width;
  types.weight = table;
  types.weight.transposed = !table.transposed;
  return graph.linear(graph.segments(inputs, *embedding.typeSeparator,
                                     /*skip=*/0, embedding.tokenTypes,
                                     name + ".segments"),
                      types);
}

Value ashlar::buildEmbedding(GraphBuilder &graph, const Stack &stack,
                             const FunctionInputs &inputs) {
  const Embedding &embedding = stack.embedding;
  int64_t width = embedding.width ? embedding.width : stack.hidden;
  std::string name = stack.kind == StackKind::Encoder ? "encoder.embeddings"
                                                      : "decoder.embeddings";
  Value rows = buildStem(graph, embedding, inputs);
  if (!embedding.tokens && embedding.scale != 1.0)
    rows = graph.scale(rows, embedding.scale, name + ".scaled");
  if (embedding.tokens)
    rows = graph.embed(
        inputs.ids, graph.weights.matrix(*embedding.tokens, "", std::nullopt),
        width, embedding.scale, moduleName(*embedding.tokens));
  if (embedding.patches)
    rows = buildPatches(graph, *embedding.patches, inputs);
  if (embedding.tokenProjection) {
    rows = graph.linear(rows, *embedding.tokenProjection);
    width = stack.hidden;
  }
  if (embedding.tokenTypeTable)
    rows = graph.add(rows, buildTypes(graph, embedding, width, inputs),
                     name + ".with_types");
  Positions positions = embedding.positions;
  if (positions.count == 0)
    positions.count = inputs.positionLimit;
  if (positions.kind != PositionKind::None) {
    std::string table =
        positions.table ? moduleName(*positions.table) : name + ".positions";
    Value vectors = graph.embed(
        inputs.positions, graph.weights.positions(positions, width), width,
        /*scale=*/1.0, table);
    rows = graph.add(rows, vectors, name + ".with_positions");
  }
  if (embedding.norm)
    rows = graph.norm(rows, *embedding.norm, name + ".norm");
  if (embedding.projection)
    rows = graph.linear(rows, *embedding.projection);
  return rows;
}

Value ashlar::buildFeedForward(GraphBuilder &graph,
                               const FeedForward &feedForward,
                               StringRef fallback, Value input) {
  std::string module = commonModule(
      {&feedForward.up.weight, &feedForward.down.weight}, fallback);
  if (!feedForward.gate) {
    Value up = graph.linear(input, feedForward.up, "up");
    Value active =
        graph.activate(up, feedForward.activation, module + ".activation");
    return graph.linear(active, feedForward.down);
  }
  Value gate = graph.linear(input, *feedForward.gate, "gate");
  Value up = graph.linear(input, feedForward.up, "up");
  Value active =
      graph.activate(gate, feedForward.activation, module + ".activation");
  Value product = ir::MultiplyOp::create(
      graph.builder, graph.locate(module + ".gated"), up.getType(), active, up);
  return graph.linear(product, feedForward.down);
}

Value ashlar::buildFeedForward(GraphBuilder &graph, const ashlar::Block &block,
                               Value input) {
  const FeedForward &feedForward = block.feedForward;
  std::string name = ir::replaceLayer(block.name, "*");
  if (!feedForward.experts)
    return buildFeedForward(graph, feedForward, name, input);
  const Experts &experts = *feedForward.experts;
  std::string module =
      commonModule({&experts.router.weight, &feedForward.up.weight}, name);
  return graph.sumOfExperts(input, experts, module, [&](Value rows) {
    return buildFeedForward(graph, feedForward, name, rows);
  });
}

namespace {
/// What is computed between one residual sum and the next.
struct SubBlock {
  std::string name;
  bool residual;
  const std::optional<Norm> &norm;
  const std::optional<Norm> &outputNorm;
  const std::optional<Weight> &scale;
  llvm::function_ref<Value(Value)> build;
};
} // namespace

/// residual + scale * output_norm(f(norm(residual))), or norm(residual +
/// f(residual)).
static Value addSubBlock(GraphBuilder &graph, NormPlacement placement,
                         Value residual, const SubBlock &subBlock) {
  bool isPost = placement == NormPlacement::Post;
  std::string normName = subBlock.name + ".norm";
  Value rows = residual;
  if (subBlock.norm && !isPost)
    rows = graph.norm(rows, *subBlock.norm, normName);
  rows = subBlock.build(rows);
  if (subBlock.outputNorm)
    rows =
        graph.norm(rows, *subBlock.outputNorm, subBlock.name + ".output_norm");
  if (subBlock.scale)
    rows = graph.scaleFeatures(rows, *subBlock.scale);
  if (subBlock.residual)
    rows = graph.add(residual, rows, subBlock.name + ".residual");
  return isPost ? graph.norm(rows, *subBlock.norm, normName) : rows;
}

/// input + attention(norm(input)) + feed_forward(norm(input)).
static Value buildParallelBlock(GraphBuilder &graph, const ashlar::Block &block,
                                StackKind stack, Value input,
                                const FunctionInputs &inputs) {
  std::string name = ir::replaceLayer(block.name, "*");
  Value shared =
      graph.norm(input, *block.attentionNorm, name + ".attention.norm");
  Value own = block.feedForwardNorm ? graph.norm(input, *block.feedForwardNorm,
                                                 name + ".feed_forward.norm")
                                    : shared;
  Value attended = buildSelfAttention(graph, block, stack, shared, inputs);
  Value sum = graph.add(input, attended, name + ".attention.residual");
  Value fed = buildFeedForward(graph, block, own);
  return graph.add(sum, fed, name + ".feed_forward.residual");
}

Value ashlar::buildBlock(GraphBuilder &graph, const ashlar::Block &block,
                         StackKind stack, Value input,
                         const FunctionInputs &inputs) {
  if (block.placement == NormPlacement::Parallel)
    return buildParallelBlock(graph, block, stack, input, inputs);
  std::string name = ir::replaceLayer(block.name, "*");
  Value rows = addSubBlock(
      graph, block.placement, input,
      {name + ".attention", block.residual, block.attentionNorm,
       block.attentionOutputNorm, block.attentionScale, [&](Value rows) {
         return buildSelfAttention(graph, block, stack, rows, inputs);
       }});
  if (block.crossAttention)
    rows =
        addSubBlock(graph, block.placement, rows,
                    {name + ".cross_attention", block.residual,
                     block.crossAttentionNorm, block.crossAttentionOutputNorm,
                     /*scale=*/std::nullopt, [&](Value rows) {
                       return buildCrossAttention(graph, block, rows, inputs);
                     }});
  if (!block.feedForward.exists())
    return rows;
  return addSubBlock(
      graph, block.placement, rows,
      {name + ".feed_forward", block.residual, block.feedForwardNorm,
       block.feedForwardOutputNorm, block.feedForwardScale,
       [&](Value rows) { return buildFeedForward(graph, block, rows); }});
}
