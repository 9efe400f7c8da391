//===- ashlar-opt.cpp - Runs passes on ashlar IR -------------------------===//

#include "dialect/Ashlar.h"
#include "passes/Fusion/Pipeline.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<ashlar::ir::AshlarDialect, mlir::func::FuncDialect>();
  ashlar::registerFusionPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "ashlar-opt\n", registry));
}
