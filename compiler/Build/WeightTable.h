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
  int64_t step = 1;
  /// Whether their loop has all layers of their stack: then names show '*'.
  bool whole = true;

  int64_t last() const { return first + (count - 1) * step; }
};

/// The tensor's name with `text`, such as a part's index, for "{part}".
std::string replacePart(llvm::StringRef tensor, const llvm::Twine &text);

class WeightTable {
public:
  /// Adds weights at the top of `module`.
  WeightTable(mlir::ModuleOp module, llvm::StringRef descriptionFile);

  /// [rows, columns]. `piece` tells the parts of a merged tensor apart ("q").
  /// `experts`: so many of it, 0 where it is not of experts.
  mlir::FlatSymbolRefAttr matrix(const Weight &weight, llvm::StringRef piece,
                                 std::optional<LayerRange> layers,
                                 int64_t experts = 0);
  /// [features], `plus` added to each.
  mlir::FlatSymbolRefAttr vector(const Weight &weight, llvm::StringRef piece,
                                 std::optional<LayerRange> layers,
                                 double plus = 0.0, int64_t experts = 0);
  /// The rows of a learned table from row `positions.offset` on, or a computed
  /// table.
  mlir::FlatSymbolRefAttr positions(const Positions &positions,
                                    int64_t features);

  /// A row for each head; column c is for distance c - behind, up to 0, or up
  /// to `behind` where the bias looks ahead.
  mlir::FlatSymbolRefAttr positionBias(const PositionBias &bias, int64_t heads,
                                       int64_t behind,
                                       std::optional<LayerRange> layers);

  /// NameLoc `name` around the description's file.
  mlir::Location locate(const llvm::Twine &name) const;

private:
  mlir::FlatSymbolRefAttr add(llvm::StringRef name,
                              llvm::ArrayRef<mlir::Attribute> sources,
                              llvm::ArrayRef<int64_t> shape,
                              std::optional<LayerRange> layers,
                              int64_t experts = 0);
  mlir::FlatSymbolRefAttr addTensor(const Weight &weight, llvm::StringRef piece,
                                    std::optional<LayerRange> layers,
                                    int64_t experts, bool isVector,
                                    double plus = 0.0);

  mlir::ModuleOp module;
  mlir::OpBuilder builder; // behind the last weight
  mlir::Location file;
  llvm::DenseMap<mlir::Attribute, mlir::FlatSymbolRefAttr> symbols;
  llvm::StringSet<> names;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_BUILD_WEIGHTTABLE_H
