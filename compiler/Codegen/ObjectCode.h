//===- ObjectCode.h - From an LLVM module to an ELF object -----*- C++ -*-===//
//
// Optimizes the generated functions, emits an object, links it with those of
// the runtime to one, and makes all local that is not the artifact's public
// interface.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_OBJECTCODE_H
#define ASHLAR_COMPILER_CODEGEN_OBJECTCODE_H

#include "compiler/Codegen/PlanEmitter.h"
#include "compiler/Codegen/Target.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <vector>

namespace llvm {
class Module;
}

namespace ashlar {

enum class ArtifactKind { SharedLibrary, Executable, Object, StaticLibrary };

/// A model's functions for one level of CPUs.
struct LevelCode {
  const Target *target = nullptr;
  std::unique_ptr<llvm::Module> module; // holds the functions that `plan` names
  PlanDescription plan;
};

struct ObjectCode {
  llvm::SmallVector<char, 0> bytes; // an ELF relocatable object
  double seconds = 0;
};

/// `levels`, the lowest first, whose modules share a context. plan.name of the
/// last one is the identifier of all public symbols; plan.weightsInside asks
/// for room of plan.plan.weights_bytes bytes, which takes none in the object.
/// Faults here are the compiler's own: the errors are for its developers.
llvm::Expected<ObjectCode> generateObject(std::vector<LevelCode> levels,
                                          ArtifactKind kind);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_OBJECTCODE_H
