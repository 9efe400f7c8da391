//===- Checkpoint.h - The tensors of a model -------------------*- C++ -*-===//
//
// One or several safetensors files as one table of named tensors, read piece
// by piece: memory does not depend on the checkpoint's size. Every file is
// opened once and stays open, so names may change hands meanwhile (safety S4,
// S5). Reads are safe from many threads.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_CHECKPOINT_H
#define ASHLAR_COMPILER_WEIGHTS_CHECKPOINT_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Weights/Safetensors.h"

namespace ashlar {

class Checkpoint {
public:
  /// Opens a Hugging Face folder: model.safetensors, or else the shards of
  /// model.safetensors.index.json.
  static llvm::Expected<Checkpoint> open(llvm::StringRef folder);
  /// Opens the named files. No tensor may be in two of them.
  static llvm::Expected<Checkpoint>
  openFiles(llvm::ArrayRef<std::string> paths);

  /// The folder or first file, for messages.
  const std::string &name() const { return source; }
  llvm::ArrayRef<InputFile> files() const { return inputs; }
  /// All tensors, ordered by name.
  llvm::ArrayRef<TensorInfo> tensors() const { return table; }

  /// The tensor of exactly this name, or null. Pointers stay valid as long as
  /// the checkpoint lives, also when it is moved.
  const TensorInfo *find(llvm::StringRef name) const;

  /// The tensor that `canonicalName` of a ModelSpec stands for: that name, or
  /// else one that differs by the rules' prefixes and suffixes. Error: none.
  llvm::Expected<const TensorInfo *>
  resolve(llvm::StringRef canonicalName, const CheckpointRules &rules) const;

  /// Names, in order, of the tensors that are not among `used` (names in the
  /// checkpoint, as TensorInfo has them) and that no ignorable pattern of
  /// `rules` matches, with or without an optional prefix.
  std::vector<std::string> unusedTensors(llvm::ArrayRef<std::string> used,
                                         const CheckpointRules &rules) const;

  /// Fills `out` with elements [first, first + out.size()) of the row-major
  /// tensor, widened exactly from F32, F16 or BF16. Error: another dtype, or
  /// a file truncated since it was opened.
  llvm::Error readElements(const TensorInfo &tensor, int64_t first,
                           llvm::MutableArrayRef<float> out) const;
  /// The same in rows, a row being everything behind the first dimension (one
  /// element for tensors of fewer than two). `out` has their exact size.
  llvm::Error readRows(const TensorInfo &tensor, int64_t firstRow,
                       int64_t rowCount,
                       llvm::MutableArrayRef<float> out) const;
  /// Fills `out` from byte `first` of the tensor on, as stored.
  llvm::Error readBytes(const TensorInfo &tensor, uint64_t first,
                        llvm::MutableArrayRef<char> out) const;

  /// Error when a file changed since it was opened; to be called after the
  /// last read.
  llvm::Error checkUnchanged() const;

private:
  llvm::Error addFile(llvm::StringRef path);
  /// Orders the table. Error: a name in two files.
  llvm::Error sortTable();

  std::string source;
  std::vector<InputFile> inputs;
  std::vector<TensorInfo> table;
};

/// A shard index: the shards' file names in order, and of each tensor the
/// name and its shard, ordered by name.
struct ShardIndex {
  std::vector<std::string> shards;
  std::vector<std::pair<std::string, uint32_t>> tensors;
};

/// Reads model.safetensors.index.json. Error: a shard's name that leaves the
/// folder or is no .safetensors, or more than 10,000 of them.
llvm::Expected<ShardIndex> parseShardIndex(llvm::StringRef text,
                                           llvm::StringRef file);

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_CHECKPOINT_H
