//===- Target.h - Levels of CPUs that code is made for ---------*- C++ -*-===//
//
// One table row per level: what LLVM is told and what the lowering passes need
// to know of the machine. `open` tests the level that an artifact was made for.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_TARGET_H
#define ASHLAR_COMPILER_CODEGEN_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace llvm {
class Function;
}

namespace ashlar {

struct Target {
  llvm::StringRef name;        // of --target
  llvm::StringRef description; // one line for --target=help
  llvm::StringRef triple;
  llvm::StringRef cpu;      // LLVM's name
  llvm::StringRef features; // "+a,+b": beyond the CPU's own
  int cpuLevel;             // ashlar_cpu_level of runtime/abi.h
  int vectorBits;
  int vectorRegisters;
  // The register tile of a float32 GEMM: rows x panels of 16 columns.
  int gemmRows;
  int gemmPanels;
  // Lines of each panel that it fetches ahead from L2; 0: none.
  int gemmPrefetchLines;
  // Lines of each stream of weights that a token's layers fetch ahead.
  int prefetchLines;
  bool vnni;  // vpdpbusd on 512 bits
  bool tiles; // AMX: tdpbf16ps, tdpbssd
  /// The passes' program is of the level, its instructions of the lowest one.
  bool emulated = false;
};

/// All levels, the best one last.
llvm::ArrayRef<Target> targets();

/// The level called `name`; "native" is the best that this CPU runs. The error
/// lists the table.
llvm::Expected<const Target *> findTarget(llvm::StringRef name);

/// Levels that one artifact has code for, each once, the lowest first.
using Targets = llvm::SmallVector<const Target *, 4>;

/// The levels in `names`, split by commas.
llvm::Expected<Targets> findTargets(llvm::StringRef names);

/// Their names, the lowest first, split by commas.
std::string namesOf(llvm::ArrayRef<const Target *> targets);

/// `target`'s program for CPUs of the lowest level (Emulation.h); null for that
/// level itself.
const Target *emulationOf(const Target &target);

/// The best level whose features are all in `hasFeature`, or null.
const Target *bestTarget(llvm::function_ref<bool(llvm::StringRef)> hasFeature);

/// The table as text for --target=help, one line each.
std::string targetHelp();

/// Says to LLVM that `function` is code for `target`.
void setTargetAttributes(llvm::Function &function, const Target &target);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_TARGET_H
