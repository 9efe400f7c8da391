//===- Names.h - Enumerators by name ---------------------------*- C++ -*-===//
//
// The way back from the names that nameOf() gives (ModelSpec.h).
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_NAMES_H
#define ASHLAR_COMPILER_SPEC_NAMES_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Spec/TextSettings.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace ashlar {

template <typename T> struct NamedValue {
  T value;
  const char *name;
};

/// Every enumerator of T, in the order of its declaration. Defined in Names.cpp
/// for each enumeration of ModelSpec.h and TextSettings.h.
template <typename T> llvm::ArrayRef<NamedValue<T>> namesOf();
template <> llvm::ArrayRef<NamedValue<Activation>> namesOf();
template <> llvm::ArrayRef<NamedValue<NormKind>> namesOf();
template <> llvm::ArrayRef<NamedValue<NormPlacement>> namesOf();
template <> llvm::ArrayRef<NamedValue<PositionKind>> namesOf();
template <> llvm::ArrayRef<NamedValue<SinusoidalOrder>> namesOf();
template <> llvm::ArrayRef<NamedValue<RopeScalingKind>> namesOf();
template <> llvm::ArrayRef<NamedValue<StackKind>> namesOf();
template <> llvm::ArrayRef<NamedValue<RowSelection>> namesOf();
template <> llvm::ArrayRef<NamedValue<PoolJoin>> namesOf();
template <> llvm::ArrayRef<NamedValue<Pooling>> namesOf();
template <> llvm::ArrayRef<NamedValue<EarlyStopping>> namesOf();
template <> llvm::ArrayRef<NamedValue<LabelScores>> namesOf();

template <typename T> std::optional<T> fromName(llvm::StringRef name) {
  for (const NamedValue<T> &entry : namesOf<T>())
    if (name == entry.name)
      return entry.value;
  return std::nullopt;
}

/// "relu, gelu, ..." for messages.
template <typename T> std::string joinNames() {
  std::string result;
  for (const NamedValue<T> &entry : namesOf<T>())
    result += (result.empty() ? "" : ", ") + std::string(entry.name);
  return result;
}

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_NAMES_H
