//===- Blocks.cpp - Embeddings, feed-forward, layers and heads ------------===//

#include "compiler/Build/GraphBuilder.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

Value ashlar::buildEmbedding(GraphBuilder &graph, const Stack &stack,
                             const FunctionInputs &inputs,
                             int64_t unlimitedPositions) {
  const Embedding &embedding = stack.embedding;
  std::string name = stack.kind == StackKind::Encoder ? "encoder.embeddings"
                                                      : "decoder.embeddings";
  Value rows = inputs.vectors;
  if (embedding.tokens)
    rows = graph.embed(
        inputs.ids, graph.weights.matrix(*embedding.tokens, "", std::nullopt),
        stack.hidden, embedding.scale, moduleName(*embedding.tokens));
  if (embedding.tokenTypeTable) {
    const Weight &table = *embedding.tokenTypeTable;
    Value types =
        graph.embed(inputs.types, graph.weights.matrix(table, "", std::nullopt),
                    stack.hidden, /*scale=*/1.0, moduleName(table));
    rows = graph.add(rows, types, name + ".with_types");
  }
  Positions positions = embedding.positions;
  if (positions.count == 0)
    positions.count = unlimitedPositions;
  if (positions.kind != PositionKind::None) {
    std::string table =
        positions.table ? moduleName(*positions.table) : name + ".positions";
    Value vectors = graph.embed(
        inputs.positions, graph.weights.positions(positions, stack.hidden),
        stack.hidden, /*scale=*/1.0, table);
    rows = graph.add(rows, vectors, name + ".with_positions");
  }
  if (embedding.norm)
    rows = graph.norm(rows, *embedding.norm, name + ".norm");
  return rows;
}

Value ashlar::buildFeedForward(GraphBuilder &graph, const Block &block,
                               Value input) {
  const FeedForward &feedForward = block.feedForward;
  std::string module =
      commonModule({&feedForward.up.weight, &feedForward.down.weight},
                   ir::replaceLayer(block.name, "*"));
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

/// residual + f(norm(residual)), or norm(residual + f(residual)).
static Value addSubBlock(GraphBuilder &graph, NormPlacement placement,
                         const Norm &norm, Value residual, const Twine &name,
                         llvm::function_ref<Value(Value)> subBlock) {
  std::string normName = (name + ".norm").str();
  std::string sumName = (name + ".residual").str();
  if (placement == NormPlacement::Pre) {
    Value result = subBlock(graph.norm(residual, norm, normName));
    return graph.add(residual, result, sumName);
  }
  Value sum = graph.add(residual, subBlock(residual), sumName);
  return graph.norm(sum, norm, normName);
}

Value ashlar::buildBlock(GraphBuilder &graph, const Block &block,
                         StackKind stack, Value input,
                         const FunctionInputs &inputs) {
  std::string name = ir::replaceLayer(block.name, "*");
  Value rows = addSubBlock(graph, block.placement, block.attentionNorm, input,
                           name + ".attention", [&](Value rows) {
                             return buildSelfAttention(graph, block, stack,
                                                       rows, inputs);
                           });
  if (block.crossAttention)
    rows = addSubBlock(graph, block.placement, *block.crossAttentionNorm, rows,
                       name + ".cross_attention", [&](Value rows) {
                         return buildCrossAttention(graph, block, rows, inputs);
                       });
  return addSubBlock(graph, block.placement, block.feedForwardNorm, rows,
                     name + ".feed_forward", [&](Value rows) {
                       return buildFeedForward(graph, block, rows);
                     });
}

Value ashlar::buildHead(GraphBuilder &graph, const Head &head, Value hidden,
                        llvm::function_ref<bool(const Weight &)> isTied) {
  Value rows = hidden;
  for (auto [i, layer] : llvm::enumerate(head.layers)) {
    std::string name = head.output + "." + std::to_string(i);
    // A tied weight bears the embedding's name, which says something else.
    if (layer.linear)
      rows = graph.linear(rows, *layer.linear, /*piece=*/"",
                          isTied(layer.linear->weight) ? head.output : "");
    if (layer.activation)
      rows = graph.activate(rows, *layer.activation, name + ".activation");
    if (layer.norm)
      rows = graph.norm(rows, *layer.norm, name + ".norm");
  }
  return rows;
}
