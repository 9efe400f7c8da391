//===- FunctionParts.h - Code generation by several threads ----*- C++ -*-===//
//
// Cuts the functions of each module into parts of about equal size, each in an
// LLVM context of its own, which threads optimize and emit. Phases are never
// inlined, so nothing is lost between the parts. The parts do not depend on the
// number of threads: the same modules give the same objects.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_FUNCTIONPARTS_H
#define ASHLAR_COMPILER_CODEGEN_FUNCTIONPARTS_H

#include "compiler/Codegen/Target.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <string>

namespace llvm {
class Module;
}

namespace ashlar {

/// Functions of a level of CPUs.
struct FunctionModule {
  llvm::Module *module;
  const Target *target;
};

/// Objects of all functions of `modules`, which become hidden symbols there;
/// only their declarations are left in them. They must not use the modules'
/// global variables.
llvm::Expected<llvm::SmallVector<std::string>>
takeFunctions(llvm::ArrayRef<FunctionModule> modules);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_FUNCTIONPARTS_H
