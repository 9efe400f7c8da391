//===- CheckpointReader.h - A checkpoint as a TensorReader -----*- C++ -*-===//
//
// Finds a description's tensors in a checkpoint, whose names may differ by the
// rules of its family, and checks their shapes.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_CHECKPOINTREADER_H
#define ASHLAR_COMPILER_WEIGHTS_CHECKPOINTREADER_H

#include "compiler/Weights/Checkpoint.h"
#include "compiler/Weights/TensorReader.h"

#include "llvm/ADT/StringMap.h"

namespace ashlar {

class CheckpointReader : public TensorReader {
public:
  /// Both must outlive it.
  CheckpointReader(const Checkpoint &checkpoint, const CheckpointRules &rules)
      : checkpoint(checkpoint), rules(rules) {}

  llvm::Error read(llvm::StringRef name, llvm::ArrayRef<int64_t> stored,
                   int64_t first, llvm::MutableArrayRef<float> out) override;

  /// The names, in the checkpoint, of the tensors that were asked for so far:
  /// what Checkpoint::unusedTensors takes.
  std::vector<std::string> usedTensors() const;

private:
  llvm::Expected<const TensorInfo *> find(llvm::StringRef name,
                                          llvm::ArrayRef<int64_t> stored);

  const Checkpoint &checkpoint;
  const CheckpointRules &rules;
  llvm::StringMap<const TensorInfo *> found; // by canonical name
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_CHECKPOINTREADER_H
