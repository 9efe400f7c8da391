//===- LowerToLlvm.cpp - One conversion, bare pointers -------------------===//

#include "passes/LowerCpu/MatrixTiles.h"
#include "passes/LowerCpu/Passes.h"

#include "mlir/Conversion/ArithCommon/AttrToLLVMConverter.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERTOLLVMPASS
#include "passes/LowerCpu/Passes.h.inc"
} // namespace ashlar

using namespace mlir;

namespace {
struct LowerToLlvm : ashlar::impl::LowerToLlvmPassBase<LowerToLlvm> {
  using LowerToLlvmPassBase::LowerToLlvmPassBase;

  void runOnOperation() override {
    LowerToLLVMOptions options(&getContext());
    options.useBarePtrCallConv = true;
    LLVMTypeConverter converter(&getContext(), options);
    RewritePatternSet patterns(&getContext());
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp>();
    for (Dialect *dialect : getContext().getLoadedDialects())
      if (auto *interface = dyn_cast<ConvertToLLVMPatternInterface>(dialect))
        interface->populateConvertToLLVMConversionPatterns(target, converter,
                                                           patterns);
    if (failed(
            applyFullConversion(getOperation(), target, std::move(patterns))))
      return signalPassFailure();
    getOperation().walk([](LLVM::CallIntrinsicOp call) { stream(call); });
  }

  /// Tile loads that are marked pass by L1; the mark has come through the
  /// conversion.
  static void stream(LLVM::CallIntrinsicOp call) {
    if (call->removeAttr(ashlar::streamAttr))
      call.setIntrin("llvm.x86.tileloaddt164.internal");
  }
};
} // namespace
