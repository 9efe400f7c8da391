//===- RandomWeights.cpp - A checkpoint of random numbers -----------------===//

#include "compiler/Weights/RandomWeights.h"

#include <algorithm>
#include <cmath>

using namespace ashlar;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {
/// Numbers in [center - reach, center + reach).
struct Range {
  float center;
  float reach;
};
} // namespace

/// A bijection that spreads every input bit over all output bits (the output
/// function of SplitMix64, Steele et al. 2014).
static uint64_t mix(uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ull;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebull;
  return bits ^ (bits >> 31);
}

static uint64_t keyOf(uint64_t seed, StringRef name) {
  uint64_t key = mix(seed + 0x9e3779b97f4a7c15ull);
  for (char c : name)
    key = mix(key + static_cast<unsigned char>(c) + 1);
  return key;
}

static Range rangeOf(StringRef name, ArrayRef<int64_t> stored) {
  // A uniform distribution of variance v reaches sqrt(3 v).
  while (stored.size() > 2 && stored.front() == 1)
    stored = stored.drop_front();
  bool isVector = stored.size() < 2 || stored.front() == 1;
  if (isVector && name.ends_with("weight")) // of a norm
    return {1.0f, 0.1f};
  if (isVector)
    return {0.0f, 0.05f};
  double columns = 1.0;
  for (int64_t size : stored.drop_front())
    columns *= static_cast<double>(size);
  return {0.0f, static_cast<float>(std::sqrt(3.0 / std::max(columns, 1.0)))};
}

llvm::Error RandomWeights::read(StringRef name, ArrayRef<int64_t> stored,
                                int64_t first,
                                llvm::MutableArrayRef<float> out) {
  uint64_t key = keyOf(seed, name);
  Range range = rangeOf(name, stored);
  float step = range.reach * 0x1p-31f;
  // One hash gives two numbers: element 2i its low half, 2i + 1 its high half.
  auto number = [&](uint64_t bits, uint64_t element) {
    auto half = static_cast<int32_t>(bits >> (element % 2 * 32));
    return range.center + static_cast<float>(half) * step;
  };
  auto hash = [&](uint64_t element) {
    return mix(key + element / 2 * 0x9e3779b97f4a7c15ull);
  };
  uint64_t begin = static_cast<uint64_t>(first);
  size_t i = 0;
  if (begin % 2 != 0 && !out.empty())
    out[i++] = number(hash(begin), begin);
  for (; i + 2 <= out.size(); i += 2) {
    uint64_t bits = hash(begin + i);
    out[i] = number(bits, 0);
    out[i + 1] = number(bits, 1);
  }
  if (i < out.size())
    out[i] = number(hash(begin + i), begin + i);
  return llvm::Error::success();
}
