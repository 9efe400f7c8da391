//===- Ashlar.h - The ashlar dialect ---------------------------*- C++ -*-===//

#ifndef ASHLAR_DIALECT_ASHLAR_H
#define ASHLAR_DIALECT_ASHLAR_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/Dialect.h.inc"

#include "dialect/Enums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/Types.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/Attrs.h.inc"

#define GET_OP_CLASSES
#include "dialect/Ops.h.inc"

namespace ashlar::ir {

/// The weight that `symbol` names, seen from `op`; null when there is none.
WeightOp lookupWeight(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol);

/// Rows of `rows` for each row that the entry's sequences describe: more than 1
/// before the last convolution of a stem.
int64_t rowsPerToken(mlir::Value rows);

/// Whether `rows` have one for each sequence, not for each token: those of a
/// pool, and what was made of them.
bool isPerSequence(mlir::Value rows);

/// The model's names in `location`, in order: the first says what the op
/// computes, the others what it was fused of.
llvm::SmallVector<llvm::StringRef> namesOf(mlir::Location location);
/// The first of them; empty when there is none.
llvm::StringRef nameOf(mlir::Location location);

/// `tensor` with `text`, such as a layer's index, in place of "{layer}".
std::string replaceLayer(llvm::StringRef tensor, const llvm::Twine &text);
/// Whether `tensor` is another one in each layer.
bool namesLayer(llvm::StringRef tensor);
/// The same for "{expert}".
std::string replaceExpert(llvm::StringRef tensor, const llvm::Twine &text);
bool namesExpert(llvm::StringRef tensor);

/// Which of the tensors of a weight that is per layer, or of experts; any value
/// where it is not.
struct WeightIndex {
  WeightIndex(int64_t layer, int64_t expert = 0)
      : layer(layer), expert(expert) {}
  int64_t layer, expert;
};
/// `tensor` with both indices in it.
std::string tensorName(llvm::StringRef tensor, WeightIndex index);

} // namespace ashlar::ir

#endif // ASHLAR_DIALECT_ASHLAR_H
