//===- ArenaRun.h - A planned module, run on paper -------------*- C++ -*-===//
//
// Walks a planned entry in the order in which its phases run, loops over layers
// twice, and keeps for each byte of the arena whose value lies there. What an
// op reads must still be the value that the IR says; which values live at the
// same time is never asked, so nothing of the planner's own reasoning is used.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_ARTIFACTS_ARENARUN_H
#define ASHLAR_TESTS_ARTIFACTS_ARENARUN_H

#include "passes/Memory/ArenaPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <map>
#include <string>
#include <vector>

namespace ashlar::testing {

class ArenaRun {
public:
  explicit ArenaRun(mlir::ModuleOp planned);

  /// Runs all entries: every stack, then every head, then all heads again.
  /// Complaints, one line each; empty = the plan holds.
  std::vector<std::string> run();

private:
  struct Extent {
    int64_t begin = 0, end = 0;                   // bytes
    int64_t offset = 0, stride = 0, features = 0; // the rows in it
  };

  void complain(mlir::Operation *op, const llvm::Twine &text);
  /// Takes [begin, end) for `owner`.
  void write(int64_t begin, int64_t end, int64_t owner);
  bool holds(int64_t begin, int64_t end, int64_t owner) const;
  int64_t fresh() { return ++lastOwner; }

  void reserve(llvm::StringRef what, int64_t begin, int64_t bytes);
  void reserveTables();
  void checkReserved(mlir::Operation *op);

  Extent extentOf(mlir::Value root) const;
  int64_t rowsOf(mlir::Value value) const;
  void read(mlir::Operation *op, mlir::Value value);
  void readKeys(mlir::Operation *op, mlir::Value keys);
  void define(mlir::Operation *op, mlir::Value result);
  void checkOverlaps(mlir::Operation *op);
  void runEntry(mlir::func::FuncOp entry);
  void runBlock(mlir::Block &block);
  void runOp(mlir::Operation *op);
  void runLayers(ir::LayersOp layers);
  void runExperts(ir::ExpertsOp experts);
  /// `to` is another name of what `from` is.
  void rename(mlir::Operation *op, mlir::Value from, mlir::Value to);

  mlir::ModuleOp module;
  ArenaPlan plan;
  int64_t capacity = 0; // rows of the entry's buffers
  int64_t lastOwner = 0;
  std::map<int64_t, std::pair<int64_t, int64_t>> bytes; // begin -> end, owner
  llvm::DenseMap<mlir::Value, int64_t> owners;
  struct Reserved {
    std::string what;
    int64_t begin, end, owner;
  };
  std::vector<Reserved> reserved;
  std::vector<std::string> complaints;
};

} // namespace ashlar::testing

#endif // ASHLAR_TESTS_ARTIFACTS_ARENARUN_H
