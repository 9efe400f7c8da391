//===- ObjectCode.cpp - From an LLVM module to an ELF object --------------===//

#include "compiler/Codegen/ObjectCode.h"

#include "compiler/Codegen/Embedded.h"
#include "compiler/Codegen/Emulation.h"
#include "compiler/Codegen/FunctionParts.h"
#include "compiler/Codegen/Linker.h"
#include "compiler/Codegen/MachineCode.h"
#include "compiler/Codegen/Names.h"
#include "compiler/Codegen/SymbolTable.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

#include <chrono>
#include <cstring>

using namespace ashlar;

/// The image begins on a multiple of this; a huge page where it pays.
static constexpr uint64_t hugePage = 2 << 20;
static constexpr uint64_t smallPage = 4 << 10;

using Objects = llvm::SmallVector<std::string>;

static llvm::Error describeMachine(llvm::Module &module, const Target &target,
                                   ArtifactKind kind) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createMachine(target);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  if (kind == ArtifactKind::Executable)
    module.setPIELevel(llvm::PIELevel::Large);
  return llvm::Error::success();
}

/// Functions of several levels go into one object.
static void nameByLevel(LevelCode &level) {
  std::string suffix = "." + level.target->name.split(',').first.str();
  for (llvm::Function &function : *level.module)
    if (!function.isDeclaration())
      function.setName(function.getName() + suffix);
  for (StackDescription &stack : level.plan.stacks)
    stack.function += suffix;
  for (HeadDescription &head : level.plan.heads)
    head.function += suffix;
}

/// Generated functions get the target that `open` has checked; what is linked
/// in afterwards is not marked and stays code for every CPU. They are private,
/// so that no name of a phase takes the place of one of the runtime or of libc.
static void markGenerated(LevelCode &level) {
  level.module->setModuleIdentifier(level.plan.name);
  level.module->setSourceFileName(level.plan.name);
  for (llvm::Function &function : *level.module)
    if (!function.isDeclaration()) {
      setTargetAttributes(function, *level.target);
      function.setVisibility(llvm::GlobalValue::DefaultVisibility);
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
}

static llvm::Error prepareFunctions(LevelCode &level, ArtifactKind kind) {
  llvm::Module &module = *level.module;
  if (auto error = describeMachine(module, *level.target, kind))
    return error;
  markGenerated(level);
  if (level.target->emulated)
    if (auto error = emulateInstructions(module))
      return error;
  return verifyCode(module, "from the lowering");
}

namespace {
/// What follows the functions: plans, manifest, text tables, room for weights.
class DataBuilder {
public:
  /// Into `module`, where the last level's functions were.
  DataBuilder(llvm::Module &module, llvm::ArrayRef<PlanDescription> levels)
      : module(module), levels(levels), plan(levels.back()) {}

  llvm::Expected<std::string> build(const Target &target);

private:
  void declareFunctions();
  void keepManifest();
  void placeWeights();
  void addNote();

  llvm::Module &module;
  llvm::ArrayRef<PlanDescription> levels;
  const PlanDescription &plan;
};
} // namespace

/// Those of all levels, which are in other objects.
void DataBuilder::declareFunctions() {
  auto *type = llvm::FunctionType::get(
      llvm::Type::getVoidTy(module.getContext()), false);
  auto declare = [&](llvm::StringRef name) {
    auto function = module.getOrInsertFunction(name, type);
    llvm::cast<llvm::Function>(function.getCallee())
        ->setVisibility(llvm::GlobalValue::HiddenVisibility);
  };
  for (const PlanDescription &level : levels) {
    for (const StackDescription &stack : level.stacks)
      declare(stack.function);
    for (const HeadDescription &head : level.heads)
      declare(head.function);
  }
}

/// An executable may never read its manifest, but tools do.
void DataBuilder::keepManifest() {
  for (llvm::GlobalVariable &global : module.globals())
    if (global.getSection() == manifestSection)
      llvm::appendToUsed(module, {&global});
}

/// Room for the weights. The large code model puts it behind everything else,
/// in .lbss: no bytes in the object, and no distance that a 32-bit displacement
/// would have to cross.
void DataBuilder::placeWeights() {
  if (!plan.weightsInside)
    return;
  uint64_t bytes = plan.plan.weights_bytes;
  auto *type =
      llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), bytes);
  auto *image = new llvm::GlobalVariable(
      module, type, /*isConstant=*/false, llvm::GlobalValue::InternalLinkage,
      llvm::ConstantAggregateZero::get(type), weightsSymbol);
  image->setAlignment(llvm::Align(bytes >= hugePage ? hugePage : smallPage));
  image->setCodeModel(llvm::CodeModel::Large);
  llvm::appendToUsed(module, {image});
  addNote();
}

/// An ELF note with the build id. Its program header is also what the weights
/// get when the linker has put their room into a segment with other data.
void DataBuilder::addNote() {
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

llvm::Expected<std::string> DataBuilder::build(const Target &target) {
  declareFunctions();
  placeWeights();
  emitPlan(module, levels);
  keepManifest();
  if (auto error = verifyCode(module, "with the plan"))
    return error;
  return emitObject(module, target, /*isCode=*/false);
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

/// Objects that are to be linked to one.
static llvm::Expected<Objects> buildModel(std::vector<LevelCode> &levels,
                                          ArtifactKind kind) {
  llvm::SmallVector<FunctionModule> modules;
  std::vector<PlanDescription> plans;
  for (LevelCode &level : levels) {
    if (levels.size() > 1)
      nameByLevel(level);
    if (auto error = prepareFunctions(level, kind))
      return error;
    modules.push_back({level.module.get(), level.target});
    plans.push_back(std::move(level.plan));
  }
  llvm::Expected<Objects> objects = takeFunctions(modules);
  if (!objects)
    return objects.takeError();
  const LevelCode &best = levels.back();
  llvm::Expected<std::string> data =
      DataBuilder(*best.module, plans).build(*best.target);
  if (!data)
    return data.takeError();
  objects->push_back(std::move(*data));
  return objects;
}

static llvm::Expected<llvm::SmallVector<char, 0>>
addRuntime(llvm::ArrayRef<std::string> model, llvm::StringRef name,
           ArtifactKind kind, bool emulated) {
  llvm::SmallVector<llvm::StringRef> objects(model.begin(), model.end());
  llvm::append_range(objects, runtimeObjects(kind));
  if (emulated)
    objects.push_back(embedded::tilesObject());
  llvm::Expected<std::string> linked = linkRelocatable(objects);
  if (!linked)
    return linked.takeError();
  return hideSymbols(*linked, publicSymbols(kind, name));
}

llvm::Expected<ObjectCode> ashlar::generateObject(std::vector<LevelCode> levels,
                                                  ArtifactKind kind) {
  auto start = std::chrono::steady_clock::now();
  std::string name = levels.back().plan.name;
  bool emulated = llvm::any_of(
      levels, [](const LevelCode &level) { return level.target->emulated; });
  llvm::Expected<Objects> model = buildModel(levels, kind);
  if (!model)
    return model.takeError();
  llvm::Expected<llvm::SmallVector<char, 0>> object =
      addRuntime(*model, name, kind, emulated);
  if (!object)
    return object.takeError();
  ObjectCode result;
  result.bytes = std::move(*object);
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return result;
}
