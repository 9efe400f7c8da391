//===- MachineCode.h - LLVM's passes over one module -----------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_CODEGEN_MACHINECODE_H
#define ASHLAR_COMPILER_CODEGEN_MACHINECODE_H

#include "compiler/Codegen/Target.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace ashlar {

/// A fault of the compiler's own: for its developers.
llvm::Error internalError(const llvm::Twine &text);

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const Target &target);

/// `when` says where the module comes from.
llvm::Error verifyCode(const llvm::Module &module, llvm::StringRef when);

/// The ELF object of `module`, whose functions are optimized if it `isCode`;
/// data stays as it is. Different threads may do this with modules of different
/// contexts.
llvm::Expected<std::string> emitObject(llvm::Module &module,
                                       const Target &target, bool isCode);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_MACHINECODE_H
