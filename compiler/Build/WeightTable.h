//===- WeightTable.h - The weight symbols of a module ----------*- C++ -*-===//
//
// One ashlar.weight per distinct list of sources and layers: a tensor that is
// used twice (tied embeddings) is one symbol.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_BUILD_WEIGHTTABLE_H
#define ASHLAR_COMPILER_BUILD_WEIGHTTABLE_H

#include "compiler/Spec/ModelSpec.h"
#include "dialect/Ashlar.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

namespace ashlar {

/// The layers that a weight's "{layer}" runs over.
struct LayerRange {
  int64_t first = 0;
  int64_t count = 0;
  /// Whether these are all layers of their stack: then names show '*'.
  bool whole = true;
};

class WeightTable {
public:
  /// Adds weights at the top of `module`.
  WeightTable(mlir::ModuleOp module, llvm::StringRef descriptionFile);

  /// [rows, columns]. `piece` tells the parts of a merged tensor apart ("q").
  mlir::FlatSymbolRefAttr matrix(const Weight &weight, llvm::StringRef piece,
                                 std::optional<LayerRange> layers);
  /// [features].
  mlir::FlatSymbolRefAttr vector(const Weight &weight, llvm::StringRef piece,
                                 std::optional<LayerRange> layers);
  /// The rows of a learned table from row `positions.offset` on, or a computed
  /// table.
  mlir::FlatSymbolRefAttr positions(const Positions &positions,
                                    int64_t features);

  /// NameLoc `name` around the description's file.
  mlir::Location locate(const llvm::Twine &name) const;

private:
  mlir::FlatSymbolRefAttr add(llvm::StringRef name, mlir::Attribute source,
                              llvm::ArrayRef<int64_t> shape,
                              std::optional<LayerRange> layers);
  mlir::FlatSymbolRefAttr addTensor(const Weight &weight, llvm::StringRef piece,
                                    std::optional<LayerRange> layers,
                                    bool isVector);

  mlir::ModuleOp module;
  mlir::OpBuilder builder; // behind the last weight
  mlir::Location file;
  llvm::DenseMap<mlir::Attribute, mlir::FlatSymbolRefAttr> symbols;
  llvm::StringSet<> names;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_BUILD_WEIGHTTABLE_H
