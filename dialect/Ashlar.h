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

/// The model's names in `location`, in order: the first says what the op
/// computes, the others what it was fused of.
llvm::SmallVector<llvm::StringRef> namesOf(mlir::Location location);
/// The first of them; empty when there is none.
llvm::StringRef nameOf(mlir::Location location);

/// `tensor` with `text`, such as a layer's index, in place of "{layer}".
std::string replaceLayer(llvm::StringRef tensor, const llvm::Twine &text);
/// Whether `tensor` is another one in each layer.
bool namesLayer(llvm::StringRef tensor);

} // namespace ashlar::ir

#endif // ASHLAR_DIALECT_ASHLAR_H
