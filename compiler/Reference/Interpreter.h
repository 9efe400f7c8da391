//===- Interpreter.h - Runs the ops of one entry ---------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_REFERENCE_INTERPRETER_H
#define ASHLAR_COMPILER_REFERENCE_INTERPRETER_H

#include "compiler/Reference/KeyStore.h"
#include "compiler/Reference/Reference.h"
#include "compiler/Reference/WeightStore.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace ashlar {

/// Holds the values of the entry that is running, and what outlives a run: the
/// keys of the sequences and the weights worth keeping.
class Reference::Interpreter {
public:
  Interpreter(mlir::ModuleOp module, TensorReader &reader,
              uint64_t cachedWeightBytes)
      : module(module), weights(reader, cachedWeightBytes) {}

  llvm::Expected<reference::Tensor> run(llvm::StringRef entry,
                                        const ReferenceInputs &inputs);

  mlir::ModuleOp module;
  Observer observer;
  /// By kind of cache and layer.
  std::map<std::pair<ir::CacheKind, int64_t>, reference::KeyStore> caches;

private:
  using Tensor = reference::Tensor;

  llvm::Error bind(mlir::func::FuncOp entry, const ReferenceInputs &inputs);
  llvm::Expected<mlir::Operation *> runBlock(mlir::Block &block);
  llvm::Error execute(mlir::Operation *op);
  std::optional<Tensor> evaluate(mlir::Operation *op);

  // One per op that is more than a function of its operands.
  llvm::Error execute(ir::LayersOp op);
  llvm::Error execute(ir::ExpertsOp op);
  llvm::Error execute(ir::EmbeddingOp op);
  llvm::Error execute(ir::LinearOp op);
  llvm::Error execute(ir::NormOp op);
  llvm::Error execute(ir::ResidualNormOp op);
  llvm::Error execute(ir::KvAppendOp op);
  llvm::Error execute(ir::KvReadOp op);
  llvm::Error execute(ir::AdditiveScoresOp op);
  llvm::Error execute(ir::ScaleFeaturesOp op);
  llvm::Error execute(ir::SetRowOp op);
  llvm::Error execute(ir::PositionBiasOp op);
  llvm::Error execute(ir::AttentionOp op);

  llvm::Expected<Tensor> normalize(ir::NormKind kind, const Tensor &rows,
                                   mlir::Operation *op,
                                   mlir::FlatSymbolRefAttr gain,
                                   mlir::FlatSymbolRefAttr bias, double epsilon,
                                   int64_t groups = 1);
  Tensor rotated(mlir::Value heads, mlir::Value positions,
                 ir::RotaryAttr rotary);
  /// The vector that `symbol` names; empty without a symbol.
  llvm::Expected<Tensor> table(mlir::Operation *op,
                               mlir::FlatSymbolRefAttr symbol);
  llvm::Expected<std::vector<double>> vector(mlir::Operation *op,
                                             mlir::FlatSymbolRefAttr symbol);

  const Tensor &rows(mlir::Value value) { return tensors.find(value)->second; }
  const reference::Sequences &places(mlir::Value value) {
    return sequences.find(value)->second;
  }
  llvm::ArrayRef<int32_t> numbers(mlir::Value value) {
    return ids.find(value)->second;
  }
  /// Observers see rows under the `name`-th name in the op's location.
  void set(mlir::Value value, Tensor tensor, unsigned name = 0);

  reference::WeightStore weights;
  int64_t layer = -1;
  int64_t expert = 0;
  ir::WeightIndex place() const { return {layer, expert}; }

  llvm::DenseMap<mlir::Value, Tensor> tensors;
  llvm::DenseMap<mlir::Value, std::vector<int32_t>> ids;
  llvm::DenseMap<mlir::Value, reference::Sequences> sequences;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_REFERENCE_INTERPRETER_H
