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

namespace {
class ObjectBuilder {
public:
  ObjectBuilder(llvm::Module &module, const PlanDescription &plan,
                const CodegenOptions &options)
      : module(module), plan(plan), options(options) {}

  /// Objects that are to be linked to one.
  llvm::Expected<llvm::SmallVector<std::string>> build();

private:
  llvm::Error describeMachine();
  void markGenerated();
  void keepManifest();
  void placeWeights();
  void addNote();

  llvm::Module &module;
  const PlanDescription &plan;
  const CodegenOptions &options;
};
} // namespace

llvm::Error ObjectBuilder::describeMachine() {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createMachine(*options.target);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
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

llvm::Expected<llvm::SmallVector<std::string>> ObjectBuilder::build() {
  if (auto error = describeMachine())
    return error;
  markGenerated();
  if (options.target->emulated)
    if (auto error = emulateInstructions(module))
      return error;
  emitPlan(module, plan);
  keepManifest();
  if (auto error = verifyCode(module, "from the lowering"))
    return error;
  llvm::Expected<llvm::SmallVector<std::string>> objects =
      takeFunctions(module, *options.target);
  if (!objects)
    return objects.takeError();
  placeWeights();
  if (auto error = verifyCode(module, "with the weights"))
    return error;
  llvm::Expected<std::string> data =
      emitObject(module, *options.target, /*isCode=*/false);
  if (!data)
    return data.takeError();
  objects->push_back(std::move(*data));
  return objects;
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
addRuntime(llvm::ArrayRef<std::string> model, llvm::StringRef name,
           const CodegenOptions &options) {
  llvm::SmallVector<llvm::StringRef> objects(model.begin(), model.end());
  llvm::append_range(objects, runtimeObjects(options.kind));
  if (options.target->emulated)
    objects.push_back(embedded::tilesObject());
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
  llvm::Expected<llvm::SmallVector<std::string>> model =
      ObjectBuilder(*module, plan, options).build();
  if (!model)
    return model.takeError();
  llvm::Expected<llvm::SmallVector<char, 0>> object =
      addRuntime(*model, plan.name, options);
  if (!object)
    return object.takeError();
  ObjectCode result;
  result.bytes = std::move(*object);
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return result;
}
