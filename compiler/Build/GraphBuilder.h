//===- GraphBuilder.h - What the builders of sub-blocks share --*- C++ -*-===//
//
// Adds graph-level operations to a function. Rows are [tokens, features]
// tensors of a ragged batch.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_BUILD_GRAPHBUILDER_H
#define ASHLAR_COMPILER_BUILD_GRAPHBUILDER_H

#include "compiler/Build/LayerLoops.h"
#include "compiler/Build/WeightTable.h"

namespace ashlar {

/// Arguments of the function that is being built; null where it has none.
struct FunctionInputs {
  mlir::Value ids;       // int32 [tokens]
  mlir::Value vectors;   // [tokens * rows of a token, features]
  mlir::Value positions; // int32 [tokens]
  mlir::Value types;     // int32 [tokens]
  mlir::Value sequences;
  /// Cosines and sines of rotary positions that depend on the length.
  llvm::DenseMap<mlir::Attribute, mlir::Value> angles;
  /// Positions that a computed table has rows for.
  int64_t positionLimit = 0;
};

class GraphBuilder {
public:
  GraphBuilder(mlir::OpBuilder builder, WeightTable &weights)
      : builder(builder), weights(weights) {}

  /// A location that names what an operation computes.
  mlir::Location locate(const llvm::Twine &name) const {
    return weights.locate(name);
  }

  mlir::RankedTensorType rowsType(int64_t features);
  mlir::RankedTensorType headsType(int64_t heads, int64_t headDim);

  /// `name` is what it computes; by default, what its weight is called.
  mlir::Value linear(mlir::Value input, const Linear &linear,
                     llvm::StringRef piece = "", std::string name = "");
  /// A norm of fewer features than a row has goes over each part of that size.
  mlir::Value norm(mlir::Value input, const Norm &norm,
                   const llvm::Twine &name);
  /// ashlar.experts over `experts.count` of what `body` adds, which gives rows
  /// of the input's size for such rows.
  mlir::Value sumOfExperts(mlir::Value input, const Experts &experts,
                           const llvm::Twine &name,
                           llvm::function_ref<mlir::Value(mlir::Value)> body);
  mlir::Value activate(mlir::Value input, Activation activation,
                       const llvm::Twine &name);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs, const llvm::Twine &name);
  mlir::Value scale(mlir::Value input, double factor, const llvm::Twine &name);
  mlir::Value scaleFeatures(mlir::Value input, const Weight &factors);
  /// ashlar.segment of the tokens of `inputs`.
  mlir::Value segments(const FunctionInputs &inputs, int64_t separator,
                       int64_t skip, int64_t features, const llvm::Twine &name);
  mlir::Value embed(mlir::Value ids, mlir::FlatSymbolRefAttr table,
                    int64_t features, double scale, const llvm::Twine &name);

  /// ashlar.layers; `body` adds one layer of a block and gives its rows.
  mlir::Value
  layers(const LayerLoop &loop, mlir::Value init,
         llvm::function_ref<mlir::Value(const Block &, mlir::Value)> body);

  mlir::OpBuilder builder;
  WeightTable &weights;
  // Of the region that is being filled.
  std::optional<LayerRange> layerRange;
  int64_t expertCount = 0;
};

/// "model.layers.*.mlp.up_proj" of "model.layers.{layer}.mlp.up_proj.weight";
/// the index of an expert or a part is "*", too.
std::string moduleName(const Weight &weight);
/// The module that holds all of `weights`, by the common part of their names;
/// `fallback` when they have none.
std::string commonModule(llvm::ArrayRef<const Weight *> weights,
                         llvm::StringRef fallback);

// One builder per sub-block.

/// The mean of rows [from, from + count) of each sequence; count 0 = to its
/// end.
mlir::Value poolRows(GraphBuilder &graph, mlir::Value rows,
                     mlir::Value sequences, int64_t from, int64_t count,
                     const llvm::Twine &name);

/// norm(tokens[id] * scale + types[type] + position); in place of the tokens
/// may stand vectors, what the stem makes of them, or patches, which have no
/// scale.
mlir::Value buildEmbedding(GraphBuilder &graph, const Stack &stack,
                           const FunctionInputs &inputs);
/// Adds the angles of `rotary`, which depend on the length, to `inputs`.
void buildAngles(GraphBuilder &graph, const Rotary &rotary,
                 FunctionInputs &inputs, const llvm::Twine &name);
/// Attention of a sequence's rows to each other.
mlir::Value buildSelfAttention(GraphBuilder &graph, const Block &block,
                               StackKind stack, mlir::Value input,
                               const FunctionInputs &inputs);
/// Attention to the keys that buildCrossKeys has stored.
mlir::Value buildCrossAttention(GraphBuilder &graph, const Block &block,
                                mlir::Value input,
                                const FunctionInputs &inputs);
/// Stores keys and values of an encoder's rows for buildCrossAttention.
void buildCrossKeys(GraphBuilder &graph, const Block &block, mlir::Value memory,
                    const FunctionInputs &inputs);
mlir::Value buildFeedForward(GraphBuilder &graph, const Block &block,
                             mlir::Value input);
/// The same without experts; `fallback` where its modules' names have nothing
/// in common.
mlir::Value buildFeedForward(GraphBuilder &graph,
                             const FeedForward &feedForward,
                             llvm::StringRef fallback, mlir::Value input);
/// One layer: attention, cross-attention if any, feed-forward.
mlir::Value buildBlock(GraphBuilder &graph, const Block &block, StackKind stack,
                       mlir::Value input, const FunctionInputs &inputs);
/// What a learned probe's attention to the rows gives, [sequences, hidden], in
/// front of what follows it; `name` is the head's.
mlir::Value buildProbe(GraphBuilder &graph, const AttentionPool &pool,
                       mlir::Value rows, const FunctionInputs &inputs,
                       const llvm::Twine &name);
/// `isTied` tells whether an embedding has the same weight as the linear layer.
mlir::Value buildHead(GraphBuilder &graph, const Head &head, mlir::Value hidden,
                      const FunctionInputs &inputs,
                      llvm::function_ref<bool(const Weight &)> isTied);

} // namespace ashlar

#endif // ASHLAR_COMPILER_BUILD_GRAPHBUILDER_H
