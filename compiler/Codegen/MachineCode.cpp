//===- MachineCode.cpp - LLVM's passes over one module --------------------===//

#include "compiler/Codegen/MachineCode.h"

#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace ashlar;

/// CPU of functions that carry no target of their own.
static constexpr llvm::StringLiteral baselineCpu = "x86-64";

llvm::Error ashlar::internalError(const llvm::Twine &text) {
  return llvm::createStringError("code generation: " + text);
}

namespace {
/// Collects LLVM's errors, which would otherwise end the process.
class DiagnosticCollector : public llvm::DiagnosticHandler {
public:
  explicit DiagnosticCollector(std::string &text) : text(text) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    llvm::raw_string_ostream os(text);
    llvm::DiagnosticPrinterRawOStream printer(os);
    info.print(printer);
    os << '\n';
    return true;
  }

private:
  std::string &text;
};

/// Puts a collector into a context for as long as it lives.
class CollectDiagnostics {
public:
  explicit CollectDiagnostics(llvm::LLVMContext &context) : context(context) {
    context.setDiagnosticHandler(std::make_unique<DiagnosticCollector>(text));
  }
  ~CollectDiagnostics() {
    context.setDiagnosticHandler(std::make_unique<llvm::DiagnosticHandler>());
  }
  llvm::Error take() const {
    if (text.empty())
      return llvm::Error::success();
    return internalError(llvm::StringRef(text).rtrim());
  }

private:
  llvm::LLVMContext &context;
  std::string text;
};
} // namespace

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
ashlar::createMachine(const Target &target) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeX86AsmParser();
  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *llvmTarget =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return internalError(error);
  llvm::TargetOptions options;
  options.FunctionSections = true;
  options.DataSections = true;
  options.UniqueSectionNames = true;
  return std::unique_ptr<llvm::TargetMachine>(llvmTarget->createTargetMachine(
      triple, baselineCpu, /*Features=*/"", options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

/// The generated functions alone: the runtime was compiled with the compiler,
/// and nothing is to be gained across the two.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  // What pays to vectorize or unroll is already. Unrolled again, the short
  // loops between (prefetches, operands) cost LLVM up to twice the time, most
  // of it in loop strength reduction (docs/performance.md).
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

llvm::Error ashlar::verifyCode(const llvm::Module &module,
                               llvm::StringRef when) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (llvm::verifyModule(module, &os))
    return internalError("invalid module " + when + ": " + text);
  return llvm::Error::success();
}

llvm::Expected<std::string>
ashlar::emitObject(llvm::Module &module, const Target &target, bool isCode) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createMachine(target);
  if (!machine)
    return machine.takeError();
  CollectDiagnostics diagnostics(module.getContext());
  if (isCode)
    optimize(module, **machine);
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, os, /*DwoOut=*/nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return internalError("this LLVM cannot emit objects for " + target.name);
  passes.run(module);
  if (llvm::Error error = diagnostics.take())
    return error;
  return std::string(object.begin(), object.end());
}
