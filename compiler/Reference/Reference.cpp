//===- Reference.cpp - The oracle -----------------------------------------===//

#include "compiler/Reference/Interpreter.h"

using namespace ashlar;

Reference::Reference(std::unique_ptr<Interpreter> interpreter)
    : interpreter(std::move(interpreter)) {}

Reference::~Reference() = default;

std::unique_ptr<Reference> Reference::create(mlir::ModuleOp module,
                                             TensorReader &reader,
                                             uint64_t cachedWeightBytes) {
  return std::unique_ptr<Reference>(new Reference(
      std::make_unique<Interpreter>(module, reader, cachedWeightBytes)));
}

void Reference::setObserver(Observer observer) {
  interpreter->observer = std::move(observer);
}

llvm::Expected<reference::Tensor>
Reference::run(llvm::StringRef entry, const ReferenceInputs &inputs) {
  return interpreter->run(entry, inputs);
}

void Reference::reset() { interpreter->caches.clear(); }
