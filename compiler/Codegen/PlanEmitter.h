//===- PlanEmitter.h - The ashlar_plan of an artifact ----------*- C++ -*-===//
//
// The plan is described with the C structs of runtime/abi.h themselves; their
// pointers are filled in here from strings, function names and vectors. A
// struct becomes LLVM constants word by word (every field of abi.h is 8 bytes
// wide), so that its layout is written once, in abi.h.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_PLANEMITTER_H
#define ASHLAR_COMPILER_CODEGEN_PLANEMITTER_H

#include "runtime/abi.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace llvm {
class GlobalVariable;
class Module;
class StructType;
} // namespace llvm

namespace ashlar {

struct StackDescription {
  std::string function; // of the module, ashlar_worker_function
  std::string input;
  std::string output;
  std::string marksInput;   // empty: none
  ashlar_stack_plan plan{}; // numbers; its pointers are left null
};

struct HeadDescription {
  std::string function;
  std::string output;
  ashlar_head_plan plan{};
};

struct TapDescription {
  std::string name;
  ashlar_tap_plan plan{};
};

struct PlanDescription {
  std::string name;     // the --name identifier
  std::string manifest; // JSON
  std::string text;     // tables of the text front end; empty: none
  /// The artifact carries plan.weights_bytes of weights itself.
  bool weightsInside = false;
  std::vector<StackDescription> stacks;
  std::vector<HeadDescription> heads;
  std::vector<ashlar_cache_plan> caches;
  std::vector<TapDescription> taps;
  std::vector<ashlar_map_plan> maps;
  /// The rest: numbers. Pointers, counts, abi_version and sizes of manifest and
  /// text are set by emitPlan.
  ashlar_plan plan{};
};

/// Names of what emitPlan defines or refers to.
inline constexpr llvm::StringLiteral planSymbol = "ashlar_artifact_plan";
inline constexpr llvm::StringLiteral weightsSymbol = "ashlar_artifact_weights";
inline constexpr llvm::StringLiteral manifestSection = ".ashlar.manifest";

/// Defines `ashlar_artifact_plan` in `module`, which holds or declares the
/// functions that the descriptions name. There is one for each level of CPUs,
/// the lowest first; the name, manifest, text tables and weights are the last
/// one's. Weights that are inside are `weightsSymbol` of the module.
llvm::GlobalVariable *emitPlan(llvm::Module &module,
                               llvm::ArrayRef<PlanDescription> levels);

/// The LLVM type of a struct of abi.h: one i64 or pointer a word.
enum class PlanStruct { Plan, Stack, Head, Cache, Tap, Map };
llvm::StructType *planStructType(llvm::Module &module, PlanStruct which);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_PLANEMITTER_H
