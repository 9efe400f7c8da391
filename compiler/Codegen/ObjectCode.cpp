//===- ObjectCode.cpp - From an LLVM module to an ELF object --------------===//

#include "compiler/Codegen/ObjectCode.h"

#include "compiler/Codegen/Embedded.h"
#include "compiler/Codegen/Names.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

#include <chrono>
#include <cstring>

using namespace ashlar;

/// CPU of functions that carry no target of their own: the runtime's.
static constexpr llvm::StringLiteral baselineCpu = "x86-64";

/// The image begins on a multiple of this; a huge page where it pays.
static constexpr uint64_t hugePage = 2 << 20;
static constexpr uint64_t smallPage = 4 << 10;

static llvm::Error internalError(const llvm::Twine &text) {
  return llvm::createStringError("code generation: " + text);
}

namespace {
class ObjectBuilder {
public:
  ObjectBuilder(llvm::Module &module, const PlanDescription &plan,
                const CodegenOptions &options)
      : module(module), plan(plan), options(options) {}

  llvm::Error build(llvm::SmallVectorImpl<char> &object);

private:
  llvm::Error createMachine();
  void markGenerated();
  llvm::Error linkBitcode(llvm::StringRef bitcode, unsigned flags);
  llvm::Error linkRuntime();
  void namePublicFunctions();
  void hideTheRest();
  void optimize();
  void placeWeights();
  void addNote();
  llvm::Error emit(llvm::SmallVectorImpl<char> &object);
  llvm::Error verify(llvm::StringRef when);
  llvm::Error takeDiagnostics();

  llvm::Module &module;
  const PlanDescription &plan;
  const CodegenOptions &options;
  std::unique_ptr<llvm::TargetMachine> machine;
  llvm::StringSet<> kept; // symbols that stay visible outside
  std::string diagnostics;
};

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
} // namespace

llvm::Error ObjectBuilder::takeDiagnostics() {
  if (diagnostics.empty())
    return llvm::Error::success();
  return internalError(llvm::StringRef(diagnostics).rtrim());
}

llvm::Error ObjectBuilder::createMachine() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeX86AsmParser();
  llvm::Triple triple(options.target->triple);
  std::string error;
  const llvm::Target *llvmTarget =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return internalError(error);
  llvm::TargetOptions targetOptions;
  targetOptions.FunctionSections = true;
  targetOptions.DataSections = true;
  targetOptions.UniqueSectionNames = true;
  machine.reset(llvmTarget->createTargetMachine(
      triple, baselineCpu, /*Features=*/"", targetOptions, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  if (options.kind == ArtifactKind::Executable)
    module.setPIELevel(llvm::PIELevel::Large);
  return llvm::Error::success();
}

/// Generated functions get the target that `open` has checked; what is linked
/// in afterwards is not marked and stays code for every CPU. They are private,
/// so that no name of a phase takes the place of one of the runtime or of libc.
void ObjectBuilder::markGenerated() {
  module.setModuleIdentifier(plan.name);
  module.setSourceFileName(plan.name);
  for (llvm::Function &function : module)
    if (!function.isDeclaration()) {
      setTargetAttributes(function, *options.target);
      function.setVisibility(llvm::GlobalValue::DefaultVisibility);
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
}

llvm::Error ObjectBuilder::linkBitcode(llvm::StringRef bitcode,
                                       unsigned flags) {
  auto parsed = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(bitcode, "runtime"), module.getContext());
  if (!parsed)
    return parsed.takeError();
  (*parsed)->setTargetTriple(module.getTargetTriple());
  (*parsed)->setDataLayout(module.getDataLayout());
  if (llvm::Linker::linkModules(module, std::move(*parsed), flags))
    return internalError("cannot link the runtime: " +
                         llvm::StringRef(diagnostics).rtrim());
  return llvm::Error::success();
}

llvm::Error ObjectBuilder::linkRuntime() {
  if (auto error = linkBitcode(embedded::runtimeBitcode(), 0))
    return error;
  bool linkedHere = options.kind == ArtifactKind::SharedLibrary ||
                    options.kind == ArtifactKind::Executable;
  if (options.kind == ArtifactKind::Executable)
    if (auto error = linkBitcode(embedded::executableBitcode(), 0))
      return error;
  if (!linkedHere)
    return llvm::Error::success();
  return linkBitcode(embedded::glibcBitcode(),
                     llvm::Linker::Flags::LinkOnlyNeeded);
}

void ObjectBuilder::namePublicFunctions() {
  if (options.kind == ArtifactKind::Executable) {
    kept.insert("_start");
    return;
  }
  for (const std::string &name : publicFunctions()) {
    llvm::Function *function = module.getFunction(name);
    if (!function || function->isDeclaration())
      continue;
    std::string exported = publicName(name, plan.name);
    if (llvm::GlobalValue *other = module.getNamedValue(exported))
      other->setName(exported + ".private");
    function->setName(exported);
    function->setVisibility(llvm::GlobalValue::DefaultVisibility);
    kept.insert(function->getName());
  }
}

void ObjectBuilder::hideTheRest() {
  // An executable may never read its manifest, but tools do.
  for (llvm::GlobalVariable &global : module.globals())
    if (global.getSection() == manifestSection)
      llvm::appendToUsed(module, {&global});
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return kept.contains(value.getName());
  });
  llvm::ModuleAnalysisManager modules;
  llvm::FunctionAnalysisManager functions;
  llvm::PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerFunctionAnalyses(functions);
  modules.registerPass(
      [&] { return llvm::FunctionAnalysisManagerModuleProxy(functions); });
  llvm::GlobalDCEPass().run(module, modules);
}

/// The generated functions alone: the runtime has been through -O2 when the
/// compiler was built, and nothing is to be gained across the two.
void ObjectBuilder::optimize() {
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
  llvm::PassBuilder builder(machine.get(), tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

/// Turns the declaration of the weights into room for them. The large code
/// model puts it behind everything else, in .lbss: no bytes in the object, and
/// no distance that a 32-bit displacement would have to cross.
void ObjectBuilder::placeWeights() {
  if (!plan.weightsInside)
    return;
  uint64_t bytes = plan.plan.weights_bytes;
  auto *type =
      llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), bytes);
  auto *image = new llvm::GlobalVariable(
      module, type, /*isConstant=*/false, llvm::GlobalValue::InternalLinkage,
      llvm::ConstantAggregateZero::get(type), "");
  image->setAlignment(llvm::Align(bytes >= hugePage ? hugePage : smallPage));
  image->setCodeModel(llvm::CodeModel::Large);
  if (llvm::GlobalVariable *declared =
          module.getGlobalVariable(weightsSymbol)) {
    declared->replaceAllUsesWith(image);
    declared->eraseFromParent();
  }
  image->setName(weightsSymbol);
  llvm::appendToUsed(module, {image});
  addNote();
}

/// An ELF note with the build id. Its program header is also what the weights
/// get when the linker has put their room into a segment with other data.
void ObjectBuilder::addNote() {
  struct {
    uint32_t nameBytes = sizeof(name);
    uint32_t idBytes = sizeof(id);
    uint32_t type = 1;
    char name[8] = "Ashlar";
    char id[8];
  } note;
  static_assert(sizeof note == 28, "no holes");
  std::memcpy(note.id, &plan.plan.build_id, sizeof note.id);
  llvm::StringRef bytes(reinterpret_cast<const char *>(&note), sizeof note);
  llvm::Constant *data = llvm::ConstantDataArray::getString(
      module.getContext(), bytes, /*AddNull=*/false);
  auto *global = new llvm::GlobalVariable(
      module, data->getType(), /*isConstant=*/true,
      llvm::GlobalValue::InternalLinkage, data, "ashlar_note");
  global->setSection(".note.ashlar");
  global->setAlignment(llvm::Align(4));
}

llvm::Error ObjectBuilder::emit(llvm::SmallVectorImpl<char> &object) {
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, /*DwoOut=*/nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return internalError("this LLVM cannot emit objects for " +
                         options.target->name);
  passes.run(module);
  return takeDiagnostics();
}

llvm::Error ObjectBuilder::verify(llvm::StringRef when) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (llvm::verifyModule(module, &os))
    return internalError("invalid module " + when + ": " + text);
  return llvm::Error::success();
}

llvm::Error ObjectBuilder::build(llvm::SmallVectorImpl<char> &object) {
  module.getContext().setDiagnosticHandler(
      std::make_unique<DiagnosticCollector>(diagnostics));
  if (auto error = createMachine())
    return error;
  markGenerated();
  emitPlan(module, plan);
  if (auto error = verify("from the lowering"))
    return error;
  optimize();
  if (auto error = linkRuntime())
    return error;
  namePublicFunctions();
  hideTheRest();
  placeWeights();
  if (auto error = verify("with the runtime"))
    return error;
  return emit(object);
}

llvm::Expected<ObjectCode>
ashlar::generateObject(std::unique_ptr<llvm::Module> module,
                       const PlanDescription &plan,
                       const CodegenOptions &options) {
  auto start = std::chrono::steady_clock::now();
  llvm::LLVMContext &context = module->getContext();
  ObjectCode result;
  llvm::Error error = ObjectBuilder(*module, plan, options).build(result.bytes);
  context.setDiagnosticHandler(std::make_unique<llvm::DiagnosticHandler>());
  if (error)
    return error;
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return result;
}
