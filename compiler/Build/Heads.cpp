//===- Heads.cpp - Layers on top of the hidden states ---------------------===//

#include "compiler/Build/GraphBuilder.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

/// `tiedName` is what a linear is called that shares an embedding's table,
/// whose name says something else.
static Value buildLayers(GraphBuilder &graph,
                         const std::vector<HeadLayer> &layers, Value rows,
                         StringRef module, StringRef tiedName,
                         llvm::function_ref<bool(const Weight &)> isTied) {
  for (auto [i, layer] : llvm::enumerate(layers)) {
    std::string name = (module + "." + Twine(i)).str();
    if (layer.linear)
      rows = graph.linear(rows, *layer.linear, /*piece=*/"",
                          isTied(layer.linear->weight) ? tiedName.str()
                                                       : std::string());
    if (layer.feedForward.exists())
      rows = graph.add(rows,
                       buildFeedForward(graph, layer.feedForward, name, rows),
                       name + ".residual");
    if (layer.scale != 1.0)
      rows = graph.scale(rows, layer.scale, name + ".scaled");
    if (layer.softCap)
      rows = ir::SoftCapOp::create(
          graph.builder, graph.locate(name + ".capped"), rows.getType(), rows,
          graph.builder.getF64FloatAttr(*layer.softCap));
    if (layer.activation)
      rows = graph.activate(rows, *layer.activation, name + ".activation");
    if (layer.norm)
      rows = graph.norm(rows, *layer.norm, name + ".norm");
  }
  return rows;
}

Value ashlar::poolRows(GraphBuilder &graph, Value rows, Value sequences,
                       int64_t from, int64_t count, const Twine &name) {
  OpBuilder &builder = graph.builder;
  return ir::PoolOp::create(builder, graph.locate(name), rows.getType(), rows,
                            sequences, builder.getI64IntegerAttr(from),
                            count ? builder.getI64IntegerAttr(count)
                                  : IntegerAttr());
}

/// What attention gives, and the feed-forward behind it.
static Value buildAttentionPool(GraphBuilder &graph, const AttentionPool &pool,
                                Value rows, const FunctionInputs &inputs,
                                StringRef name) {
  Value pooled = buildProbe(graph, pool, rows, inputs, name);
  if (!pool.feedForward.exists())
    return pooled;
  Value normed =
      pool.norm ? graph.norm(pooled, *pool.norm, name + ".norm") : pooled;
  Value fed = buildFeedForward(graph, pool.feedForward, name, normed);
  return graph.add(pooled, fed, name + ".residual");
}

/// The rows of each sequence that the head's pools make, joined.
static Value buildPools(GraphBuilder &graph, const Head &head, Value hidden,
                        const FunctionInputs &inputs,
                        llvm::function_ref<bool(const Weight &)> isTied) {
  SmallVector<Value> parts;
  int64_t features = 0;
  for (auto [i, pool] : llvm::enumerate(head.pools)) {
    std::string name = head.output + ".pool" + std::to_string(i);
    Value rows = pool.attention ? buildAttentionPool(graph, *pool.attention,
                                                     hidden, inputs, name)
                                : poolRows(graph, hidden, inputs.sequences,
                                           pool.from, pool.count, name);
    rows = buildLayers(graph, pool.layers, rows, name, name, isTied);
    features += cast<RankedTensorType>(rows.getType()).getDimSize(1);
    parts.push_back(rows);
  }
  if (parts.size() == 1)
    return parts.front();
  if (head.join == PoolJoin::Concat)
    return ir::ConcatOp::create(graph.builder,
                                graph.locate(head.output + ".joined"),
                                graph.rowsType(features), parts);
  Value sum = parts.front();
  for (auto [i, part] : llvm::enumerate(llvm::drop_begin(parts)))
    sum = graph.add(sum, part, head.output + ".sum" + Twine(i));
  return graph.scale(sum, 1.0 / static_cast<double>(parts.size()),
                     head.output + ".joined");
}

Value ashlar::buildHead(GraphBuilder &graph, const Head &head, Value hidden,
                        const FunctionInputs &inputs,
                        llvm::function_ref<bool(const Weight &)> isTied) {
  Value rows = head.pools.empty()
                   ? hidden
                   : buildPools(graph, head, hidden, inputs, isTied);
  rows =
      buildLayers(graph, head.layers, rows, head.output, head.output, isTied);
  if (!head.segmentOffset)
    return rows;
  Value first =
      graph.segments(inputs, head.segmentOffset->separator, /*skip=*/1,
                     /*features=*/1, head.output + ".first_segment");
  Value offset = graph.scale(first, head.segmentOffset->offset,
                             head.output + ".segment_offset");
  return graph.add(rows, offset, head.output + ".with_offset");
}
