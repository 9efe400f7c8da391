//===- Reference.h - The oracle --------------------------------*- C++ -*-===//
//
// Interprets graph-level and fused-level modules in float64. Weights are read
// when they are needed and dropped afterwards, so that a model of any size runs
// in the memory of its activations. Keys and values of the sequences are kept
// between runs, so a long text can come in pieces.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_REFERENCE_REFERENCE_H
#define ASHLAR_COMPILER_REFERENCE_REFERENCE_H

#include "compiler/Reference/Tensor.h"
#include "compiler/Weights/TensorReader.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>

namespace ashlar {

/// What an entry's arguments are taken from, by their `ashlar.input`. Every
/// list that the entry reads has one element per row.
struct ReferenceInputs {
  std::vector<int32_t> ids;
  std::vector<int32_t> positions;
  std::vector<int32_t> types;
  reference::Tensor vectors; // [tokens * rows of a token, features]
  // Of a head: [tokens, hidden], with `sequences` where it reads them, and
  // `ids` where it looks at the tokens.
  reference::Tensor hidden;
  reference::Sequences sequences;
};

class Reference {
public:
  /// Called with every result of rank 2 and with every tap: the name of what
  /// was computed, "{layer}" or '*' in it standing for `layer` (-1 outside of
  /// the layers), and its rows [tokens, features].
  using Observer = std::function<void(llvm::StringRef name, int64_t layer,
                                      const reference::Tensor &rows)>;

  /// `module` and `reader` must outlive it. Weights of up to
  /// `cachedWeightBytes` together are kept between uses.
  static std::unique_ptr<Reference>
  create(mlir::ModuleOp module, TensorReader &reader,
         uint64_t cachedWeightBytes = uint64_t(64) << 20);
  ~Reference();

  void setObserver(Observer observer);

  /// Runs @entry. Errors: no such entry, ids outside of their table, lists of
  /// different lengths, a gap in a sequence, a weight that cannot be read.
  llvm::Expected<reference::Tensor> run(llvm::StringRef entry,
                                        const ReferenceInputs &inputs);

  /// Forgets the keys and values of all sequences.
  void reset();

private:
  class Interpreter;
  explicit Reference(std::unique_ptr<Interpreter> interpreter);

  std::unique_ptr<Interpreter> interpreter;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_REFERENCE_REFERENCE_H
