//===- ObjectCode.cpp - From an LLVM module to an ELF object --------------===//

#include "compiler/Codegen/ObjectCode.h"

#include "compiler/Codegen/Embedded.h"
#include "compiler/Codegen/Emulation.h"
#include "compiler/Codegen/Linker.h"
#include "compiler/Codegen/Names.h"
#include "compiler/Codegen/SymbolTable.h"

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
#include "llvm/Transforms/Utils/ModuleUtils.h"

#include <chrono>
#include <cstring>

using namespace ashlar;

/// CPU of functions that carry no target of their own.
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
  void keepManifest();
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

/// An executable may never read its manifest, but tools do.
void ObjectBuilder::keepManifest() {
  for (llvm::GlobalVariable &global : module.globals())
    if (global.getSection() == manifestSection)
      llvm::appendToUsed(module, {&global});
}

/// The generated functions alone: the runtime was compiled with the compiler,
/// and nothing is to be gained across the two.
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
  if (options.target->emulated)
    if (auto error = emulateInstructions(module))
      return error;
  emitPlan(module, plan);
  keepManifest();
  if (auto error = verify("from the lowering"))
    return error;
  optimize();
  placeWeights();
  if (auto error = verify("with the weights"))
    return error;
  return emit(object);
}

/// The code that an artifact of this kind has beside the generated functions.
static llvm::SmallVector<llvm::StringRef> runtimeObjects(ArtifactKind kind) {
  switch (kind) {
  case ArtifactKind::Executable:
    return {embedded::runtimeObject(), embedded::executableObject(),
            embedded::glibcObject()};
  case ArtifactKind::SharedLibrary:
    return {embedded::runtimeObject(), embedded::glibcObject()};
  case ArtifactKind::Object:
  case ArtifactKind::StaticLibrary:
    return {embedded::runtimeObject()};
  }
  llvm_unreachable("all kinds are listed");
}

static PublicSymbols publicSymbols(ArtifactKind kind, llvm::StringRef name) {
  if (kind == ArtifactKind::Executable)
    return {{"_start", "_start"}};
  PublicSymbols symbols;
  for (const std::string &function : publicFunctions())
    symbols[function] = publicName(function, name);
  return symbols;
}

static llvm::Expected<llvm::SmallVector<char, 0>>
addRuntime(llvm::ArrayRef<char> model, llvm::StringRef name,
           const CodegenOptions &options) {
  llvm::SmallVector<llvm::StringRef> objects = runtimeObjects(options.kind);
  if (options.target->emulated)
    objects.push_back(embedded::tilesObject());
  objects.insert(objects.begin(), llvm::StringRef(model.data(), model.size()));
  llvm::Expected<std::string> linked = linkRelocatable(objects);
  if (!linked)
    return linked.takeError();
  return hideSymbols(*linked, publicSymbols(options.kind, name));
}

llvm::Expected<ObjectCode>
ashlar::generateObject(std::unique_ptr<llvm::Module> module,
                       const PlanDescription &plan,
                       const CodegenOptions &options) {
  auto start = std::chrono::steady_clock::now();
  llvm::LLVMContext &context = module->getContext();
  llvm::SmallVector<char, 0> model;
  llvm::Error error = ObjectBuilder(*module, plan, options).build(model);
  context.setDiagnosticHandler(std::make_unique<llvm::DiagnosticHandler>());
  if (error)
    return error;
  llvm::Expected<llvm::SmallVector<char, 0>> object =
      addRuntime(model, plan.name, options);
  if (!object)
    return object.takeError();
  ObjectCode result;
  result.bytes = std::move(*object);
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return result;
}
