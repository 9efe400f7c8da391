//===- KeyStore.cpp - Keys and values kept between calls ------------------===//

#include "compiler/Reference/KeyStore.h"

#include <set>

using namespace ashlar::reference;

bool KeyStore::append(const Tensor &keys, const Tensor &values,
                      const Sequences &rows) {
  int64_t features = keys.dim(1) * keys.dim(2);
  for (size_t row = 0; row < rows.size(); ++row) {
    Sequence &sequence = sequences[rows[row].slot];
    if (rows[row].index > sequence.count)
      return false;
    sequence.count = rows[row].index + 1;
    for (auto [tensor, kept] : {std::pair(&keys, &sequence.keys),
                                std::pair(&values, &sequence.values)}) {
      kept->resize(rows[row].index * features);
      auto begin = tensor->data.begin() + row * features;
      kept->insert(kept->end(), begin, begin + features);
    }
  }
  return true;
}

KeysAndValues KeyStore::read(const Sequences &rows, int64_t kvHeads,
                             int64_t headDim) const {
  KeysAndValues result;
  std::set<int64_t> seen;
  for (const RowPlace &row : rows) {
    auto found = sequences.find(row.slot);
    if (!seen.insert(row.slot).second || found == sequences.end())
      continue;
    const Sequence &sequence = found->second;
    for (int64_t index = 0; index < sequence.count; ++index)
      result.places.push_back({row.slot, index});
    result.keys.data.insert(result.keys.data.end(), sequence.keys.begin(),
                            sequence.keys.end());
    result.values.data.insert(result.values.data.end(), sequence.values.begin(),
                              sequence.values.end());
  }
  auto count = static_cast<int64_t>(result.places.size());
  result.keys.shape = result.values.shape = {count, kvHeads, headDim};
  return result;
}
