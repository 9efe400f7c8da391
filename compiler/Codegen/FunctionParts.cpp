//===- FunctionParts.cpp - Code generation by several threads -------------===//

#include "compiler/Codegen/FunctionParts.h"

#include "compiler/Codegen/MachineCode.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <atomic>
#include <optional>
#include <pthread.h>

using namespace ashlar;

/// Of a thread: LLVM's passes recurse. The system's default may be 2 MiB.
static constexpr size_t stackBytes = 8 << 20;

/// More would not shorten it: the largest function is a fifth of a model's
/// code.
static constexpr unsigned mostParts = 4;

/// Which part each function goes to: the next largest one to the part that has
/// least so far.
static llvm::DenseMap<const llvm::GlobalValue *, unsigned>
choosePart(llvm::ArrayRef<llvm::Function *> functions, unsigned parts) {
  // Size, and place from the end: of equal ones the first comes first.
  llvm::SmallVector<std::pair<unsigned, size_t>> bySize;
  for (auto [i, function] : llvm::enumerate(functions))
    bySize.emplace_back(function->getInstructionCount(), functions.size() - i);
  llvm::sort(bySize, std::greater<>());
  llvm::SmallVector<unsigned> sizes(parts, 0);
  llvm::DenseMap<const llvm::GlobalValue *, unsigned> chosen;
  for (auto [size, place] : bySize) {
    unsigned part = llvm::min_element(sizes) - sizes.begin();
    chosen[functions[functions.size() - place]] = part;
    sizes[part] += size;
  }
  return chosen;
}

static std::string bitcodeOf(const llvm::Module &module) {
  std::string bitcode;
  llvm::raw_string_ostream os(bitcode);
  llvm::WriteBitcodeToFile(module, os);
  return bitcode;
}

namespace {
struct Part {
  std::string bitcode;
  const Target *target;
};
} // namespace

/// Moves the functions out of a module, in parts.
static void cut(const FunctionModule &from, std::vector<Part> &result) {
  llvm::Module &module = *from.module;
  llvm::SmallVector<llvm::Function *> functions;
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      functions.push_back(&function);
  // Calls go from part to part.
  for (llvm::Function *function : functions) {
    function->setLinkage(llvm::GlobalValue::ExternalLinkage);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
  unsigned parts = std::min<size_t>(mostParts, functions.size());
  auto chosen = choosePart(functions, parts);
  for (unsigned number = 0; number < parts; ++number) {
    llvm::ValueToValueMapTy values;
    auto part =
        llvm::CloneModule(module, values, [&](const llvm::GlobalValue *value) {
          auto place = chosen.find(value);
          return place != chosen.end() && place->second == number;
        });
    result.push_back({bitcodeOf(*part), from.target});
  }
  for (llvm::Function *function : functions)
    function->deleteBody();
}

static llvm::Expected<std::string> compile(const Part &part) {
  llvm::LLVMContext context;
  auto module = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(part.bitcode, "part"), context);
  if (!module)
    return module.takeError();
  return emitObject(**module, *part.target, /*isCode=*/true);
}

namespace {
/// Threads that each take the next part until there are no more; the caller is
/// one of them, and does everything where no other can be had.
class Workers {
public:
  explicit Workers(llvm::ArrayRef<Part> parts)
      : parts(parts), results(parts.size()) {}

  void run() {
    unsigned cores = llvm::hardware_concurrency().compute_thread_count();
    llvm::SmallVector<pthread_t> threads;
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stackBytes);
    for (unsigned i = 1; i < std::min<size_t>(cores, parts.size()); ++i) {
      pthread_t thread;
      if (::pthread_create(&thread, &attributes, work, this) == 0)
        threads.push_back(thread);
    }
    ::pthread_attr_destroy(&attributes);
    work(this);
    for (pthread_t thread : threads)
      ::pthread_join(thread, nullptr);
  }

  /// Objects in the order of the parts, or the errors of all.
  llvm::Expected<llvm::SmallVector<std::string>> take() {
    llvm::SmallVector<std::string> objects;
    llvm::Error errors = llvm::Error::success();
    for (std::optional<llvm::Expected<std::string>> &result : results)
      if (*result)
        objects.push_back(std::move(**result));
      else
        errors = llvm::joinErrors(std::move(errors), result->takeError());
    if (errors)
      return errors;
    return objects;
  }

private:
  static void *work(void *argument) {
    auto *self = static_cast<Workers *>(argument);
    for (size_t i; (i = self->next++) < self->parts.size();)
      self->results[i].emplace(compile(self->parts[i]));
    return nullptr;
  }

  llvm::ArrayRef<Part> parts;
  std::atomic<size_t> next = 0;
  std::vector<std::optional<llvm::Expected<std::string>>> results;
};
} // namespace

llvm::Expected<llvm::SmallVector<std::string>>
ashlar::takeFunctions(llvm::ArrayRef<FunctionModule> modules) {
  std::vector<Part> parts;
  for (const FunctionModule &module : modules)
    cut(module, parts);
  Workers workers(parts);
  workers.run();
  return workers.take();
}
