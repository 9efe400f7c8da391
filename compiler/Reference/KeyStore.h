//===- KeyStore.h - Keys and values kept between calls ---------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_REFERENCE_KEYSTORE_H
#define ASHLAR_COMPILER_REFERENCE_KEYSTORE_H

#include "compiler/Reference/Tensor.h"

#include <map>

namespace ashlar::reference {

/// Keys and values of several sequences in one tensor [keys, kv_heads,
/// head_dim], and whose they are.
struct KeysAndValues {
  Tensor keys;
  Tensor values;
  Sequences places;
};

/// The keys and values of every sequence of one layer.
class KeyStore {
public:
  /// Puts row r at rows[r]. A row whose index the sequence already has drops
  /// the keys from there on: the sequence begins anew or goes back. False when
  /// a row would leave a gap in its sequence.
  bool append(const Tensor &keys, const Tensor &values, const Sequences &rows);

  /// Everything of the sequences that have a row in `rows`, in the order in
  /// which they first appear; heads of [kvHeads, headDim].
  KeysAndValues read(const Sequences &rows, int64_t kvHeads,
                     int64_t headDim) const;

private:
  struct Sequence {
    int64_t count = 0;
    std::vector<double> keys; // [count, kv_heads * head_dim]
    std::vector<double> values;
  };
  std::map<int64_t, Sequence> sequences; // by slot
};

} // namespace ashlar::reference

#endif // ASHLAR_COMPILER_REFERENCE_KEYSTORE_H
