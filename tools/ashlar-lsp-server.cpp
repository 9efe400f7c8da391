//===- ashlar-lsp-server.cpp - Editors on ashlar IR ----------------------===//

#include "compiler/Pipeline/Pipeline.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  ashlar::registerPipelineDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
