//===- PlanEmitter.cpp - The ashlar_plan of an artifact -------------------===//

#include "compiler/Codegen/PlanEmitter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Module.h"

#include <cstddef>
#include <cstring>

using namespace ashlar;
using llvm::Constant;

static constexpr size_t wordBytes = 8;

/// The words of a struct of abi.h that hold pointers.
static llvm::ArrayRef<size_t> pointerOffsets(PlanStruct which) {
  static constexpr size_t plan[] = {
      offsetof(ashlar_plan, name),   offsetof(ashlar_plan, manifest),
      offsetof(ashlar_plan, lower),  offsetof(ashlar_plan, weights),
      offsetof(ashlar_plan, stacks), offsetof(ashlar_plan, heads),
      offsetof(ashlar_plan, caches), offsetof(ashlar_plan, taps),
      offsetof(ashlar_plan, maps),   offsetof(ashlar_plan, text)};
  static constexpr size_t stack[] = {offsetof(ashlar_stack_plan, function),
                                     offsetof(ashlar_stack_plan, input),
                                     offsetof(ashlar_stack_plan, output),
                                     offsetof(ashlar_stack_plan, marks_input)};
  static constexpr size_t head[] = {offsetof(ashlar_head_plan, function),
                                    offsetof(ashlar_head_plan, output)};
  static constexpr size_t tap[] = {offsetof(ashlar_tap_plan, name)};
  switch (which) {
  case PlanStruct::Plan:
    return plan;
  case PlanStruct::Stack:
    return stack;
  case PlanStruct::Head:
    return head;
  case PlanStruct::Cache:
  case PlanStruct::Map:
    return {};
  case PlanStruct::Tap:
    return tap;
  }
  llvm_unreachable("all structs are listed");
}

static size_t structBytes(PlanStruct which) {
  switch (which) {
  case PlanStruct::Plan:
    return sizeof(ashlar_plan);
  case PlanStruct::Stack:
    return sizeof(ashlar_stack_plan);
  case PlanStruct::Head:
    return sizeof(ashlar_head_plan);
  case PlanStruct::Cache:
    return sizeof(ashlar_cache_plan);
  case PlanStruct::Tap:
    return sizeof(ashlar_tap_plan);
  case PlanStruct::Map:
    return sizeof(ashlar_map_plan);
  }
  llvm_unreachable("all structs are listed");
}

llvm::StructType *ashlar::planStructType(llvm::Module &module,
                                         PlanStruct which) {
  llvm::LLVMContext &context = module.getContext();
  llvm::SmallVector<llvm::Type *> words(structBytes(which) / wordBytes,
                                        llvm::Type::getInt64Ty(context));
  for (size_t offset : pointerOffsets(which))
    words[offset / wordBytes] = llvm::PointerType::getUnqual(context);
  return llvm::StructType::get(context, words);
}

namespace {
class PlanBuilder {
public:
  explicit PlanBuilder(llvm::Module &module) : module(module) {}

  llvm::GlobalVariable *build(llvm::ArrayRef<PlanDescription> levels);

private:
  using Pointers = llvm::ArrayRef<std::pair<size_t, Constant *>>;

  /// The constant of a struct of abi.h; words at `pointers`' offsets take
  /// their constants, other pointers are null.
  Constant *constant(PlanStruct which, const void *bytes, Pointers pointers);

  /// A private constant array, or null for an empty one.
  Constant *array(PlanStruct which, llvm::ArrayRef<Constant *> elements);
  Constant *string(llvm::StringRef text);
  Constant *null();
  llvm::GlobalVariable *bytes(llvm::StringRef text, bool terminated);
  Constant *function(llvm::StringRef name);
  Constant *manifest(llvm::StringRef text);
  Constant *textTables(llvm::StringRef text);

  Constant *stack(const StackDescription &stack);
  Constant *head(const HeadDescription &head);
  /// What the plans of all levels point to.
  void shareWith(const PlanDescription &description);
  Constant *plan(const PlanDescription &description, Constant *lower);

  llvm::Module &module;
  llvm::SmallVector<std::pair<size_t, Constant *>> shared;
};
} // namespace

Constant *PlanBuilder::constant(PlanStruct which, const void *bytes,
                                Pointers pointers) {
  llvm::StructType *type = planStructType(module, which);
  llvm::SmallVector<Constant *> words;
  for (auto [index, wordType] : llvm::enumerate(type->elements())) {
    if (wordType->isPointerTy()) {
      words.push_back(Constant::getNullValue(wordType));
      continue;
    }
    uint64_t word;
    std::memcpy(&word, static_cast<const char *>(bytes) + index * wordBytes,
                wordBytes);
    words.push_back(llvm::ConstantInt::get(wordType, word));
  }
  for (auto [offset, pointer] : pointers) {
    assert(words[offset / wordBytes]->getType()->isPointerTy() &&
           "not listed in pointerOffsets");
    words[offset / wordBytes] = pointer;
  }
  return llvm::ConstantStruct::get(type, words);
}

Constant *PlanBuilder::array(PlanStruct which,
                             llvm::ArrayRef<Constant *> elements) {
  if (elements.empty())
    return null();
  auto *type =
      llvm::ArrayType::get(planStructType(module, which), elements.size());
  return new llvm::GlobalVariable(
      module, type, /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
      llvm::ConstantArray::get(type, elements), "ashlar_plan_table");
}

llvm::GlobalVariable *PlanBuilder::bytes(llvm::StringRef text,
                                         bool terminated) {
  Constant *data =
      llvm::ConstantDataArray::getString(module.getContext(), text, terminated);
  return new llvm::GlobalVariable(module, data->getType(), /*isConstant=*/true,
                                  llvm::GlobalValue::PrivateLinkage, data,
                                  "ashlar_plan_bytes");
}

Constant *PlanBuilder::string(llvm::StringRef text) {
  llvm::GlobalVariable *global = bytes(text, /*terminated=*/true);
  global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  return global;
}

Constant *PlanBuilder::null() {
  return llvm::ConstantPointerNull::get(
      llvm::PointerType::getUnqual(module.getContext()));
}

Constant *PlanBuilder::function(llvm::StringRef name) {
  llvm::Function *function = module.getFunction(name);
  assert(function && "the plan names a function that the module lacks");
  return function;
}

/// The manifest lies alone in its section, where readManifest finds it.
Constant *PlanBuilder::manifest(llvm::StringRef text) {
  llvm::GlobalVariable *global = bytes(text, /*terminated=*/true);
  global->setSection(manifestSection);
  global->setAlignment(llvm::Align(1));
  return global;
}

Constant *PlanBuilder::textTables(llvm::StringRef text) {
  if (text.empty())
    return null();
  llvm::GlobalVariable *global = bytes(text, /*terminated=*/false);
  global->setAlignment(llvm::Align(64));
  return global;
}

Constant *PlanBuilder::stack(const StackDescription &stack) {
  return constant(
      PlanStruct::Stack, &stack.plan,
      {{offsetof(ashlar_stack_plan, function), function(stack.function)},
       {offsetof(ashlar_stack_plan, input), string(stack.input)},
       {offsetof(ashlar_stack_plan, output), string(stack.output)},
       {offsetof(ashlar_stack_plan, marks_input),
        stack.marksInput.empty() ? null() : string(stack.marksInput)}});
}

Constant *PlanBuilder::head(const HeadDescription &head) {
  return constant(
      PlanStruct::Head, &head.plan,
      {{offsetof(ashlar_head_plan, function), function(head.function)},
       {offsetof(ashlar_head_plan, output), string(head.output)}});
}

void PlanBuilder::shareWith(const PlanDescription &description) {
  shared = {{offsetof(ashlar_plan, name), string(description.name)},
            {offsetof(ashlar_plan, manifest), manifest(description.manifest)},
            {offsetof(ashlar_plan, text), textTables(description.text)}};
  if (description.weightsInside)
    shared.emplace_back(offsetof(ashlar_plan, weights),
                        module.getNamedGlobal(weightsSymbol));
}

Constant *PlanBuilder::plan(const PlanDescription &description,
                            Constant *lower) {
  llvm::SmallVector<Constant *> stacks, heads, caches, taps, maps;
  for (const StackDescription &each : description.stacks)
    stacks.push_back(stack(each));
  for (const HeadDescription &each : description.heads)
    heads.push_back(head(each));
  for (const ashlar_cache_plan &each : description.caches)
    caches.push_back(constant(PlanStruct::Cache, &each, {}));
  for (const TapDescription &each : description.taps)
    taps.push_back(
        constant(PlanStruct::Tap, &each.plan,
                 {{offsetof(ashlar_tap_plan, name), string(each.name)}}));
  for (const ashlar_map_plan &each : description.maps)
    maps.push_back(constant(PlanStruct::Map, &each, {}));

  ashlar_plan plan = description.plan;
  plan.abi_version = ASHLAR_ABI_VERSION;
  plan.stack_count = stacks.size();
  plan.head_count = heads.size();
  plan.cache_count = caches.size();
  plan.tap_count = taps.size();
  plan.map_count = maps.size();

  llvm::SmallVector<std::pair<size_t, Constant *>> pointers = {
      {offsetof(ashlar_plan, lower), lower},
      {offsetof(ashlar_plan, stacks), array(PlanStruct::Stack, stacks)},
      {offsetof(ashlar_plan, heads), array(PlanStruct::Head, heads)},
      {offsetof(ashlar_plan, caches), array(PlanStruct::Cache, caches)},
      {offsetof(ashlar_plan, taps), array(PlanStruct::Tap, taps)},
      {offsetof(ashlar_plan, maps), array(PlanStruct::Map, maps)}};
  llvm::append_range(pointers, shared);
  return constant(PlanStruct::Plan, &plan, pointers);
}

llvm::GlobalVariable *
PlanBuilder::build(llvm::ArrayRef<PlanDescription> levels) {
  shareWith(levels.back());
  llvm::GlobalVariable *global = nullptr;
  for (PlanDescription level : levels) {
    level.plan.manifest_bytes = levels.back().manifest.size();
    level.plan.text_bytes = levels.back().text.size();
    Constant *value = plan(level, global ? global : null());
    global = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::PrivateLinkage, value, "ashlar_lower_plan");
    global->setAlignment(llvm::Align(8));
  }
  global->setLinkage(llvm::GlobalValue::ExternalLinkage);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  global->setName(planSymbol);
  return global;
}

llvm::GlobalVariable *ashlar::emitPlan(llvm::Module &module,
                                       llvm::ArrayRef<PlanDescription> levels) {
  return PlanBuilder(module).build(levels);
}
