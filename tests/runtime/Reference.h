//===- Reference.h - The hand-written model, computed plainly ----*- C++
//-*-===//
//
// What FakeModel.c must produce, from whole sequences and without tables,
// segments, tiles or threads.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_RUNTIME_REFERENCE_H
#define ASHLAR_TESTS_RUNTIME_REFERENCE_H

#include "tests/runtime/FakeModel.h"

#include <array>
#include <cstdint>
#include <vector>

namespace ashlar::test {

using Row = std::array<float, FAKE_HIDDEN>;

struct Token {
  int32_t id, position, type;
};

inline int32_t ownKey(const Token &token) {
  int64_t sum =
      31 * int64_t(token.id) + 7 * int64_t(token.position) + 3 * token.type + 1;
  return int32_t(sum * FAKE_MULTIPLIER & FAKE_MASK);
}

/// Sum over layers and tokens [begin, end).
inline float sumKeys(const std::vector<Token> &tokens, size_t begin,
                     size_t end) {
  uint32_t sum = 0;
  for (uint32_t layer = 0; layer < FAKE_LAYERS; ++layer)
    for (size_t j = begin; j < end; ++j)
      sum += (uint32_t(ownKey(tokens[j])) + 1000 * layer) * uint32_t(j % 7 + 1);
  return float(sum & FAKE_MASK);
}

/// The result for token `index`, which sees the first `visible` tokens.
inline Row resultRow(const std::vector<Token> &tokens, size_t index,
                     size_t visible, const std::vector<Token> &source,
                     int32_t slot) {
  return {sumKeys(tokens, 0, visible), float(ownKey(tokens[index])),
          sumKeys(source, 0, source.size()), float(index), float(slot)};
}

/// The same of a model with windows.
inline Row windowRow(const std::vector<Token> &tokens, size_t index,
                     bool keepsAll, int32_t slot) {
  size_t begin = index + 1 > FAKE_WINDOW ? index + 1 - FAKE_WINDOW : 0;
  return {sumKeys(tokens, begin, index + 1), float(ownKey(tokens[index])),
          keepsAll ? sumKeys(tokens, 0, index + 1) : 0.0f, float(index),
          float(slot)};
}

} // namespace ashlar::test

#endif // ASHLAR_TESTS_RUNTIME_REFERENCE_H
