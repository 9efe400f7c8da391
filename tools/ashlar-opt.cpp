//===- ashlar-opt.cpp - Runs passes on ashlar IR -------------------------===//

#include "compiler/Pipeline/Pipeline.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  ashlar::registerPipelineDialects(registry);
  ashlar::registerAshlarPasses();
  mlir::registerTransformsPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "ashlar-opt\n", registry));
}
