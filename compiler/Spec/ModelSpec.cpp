//===- ModelSpec.cpp - What a transformer is ------------------------------===//

#include "compiler/Spec/ModelSpec.h"

#include <cassert>

using namespace ashlar;

int64_t Embedding::rowsPerToken() const {
  int64_t rows = 1;
  for (const Convolution &convolution : stem)
    rows *= convolution.stride;
  return rows;
}

int64_t Stack::vectorFeatures() const {
  if (embedding.patches)
    return embedding.patches->features();
  return embedding.stem.empty() ? hidden : embedding.stem.front().features();
}

static const Stack *findStack(const ModelSpec &spec, StackKind kind) {
  for (const Stack &stack : spec.stacks)
    if (stack.kind == kind)
      return &stack;
  return nullptr;
}

std::pair<int64_t, int64_t>
ashlar::matrixShape(const std::vector<int64_t> &stored) {
  assert(stored.size() >= 2 && "a vector is no matrix");
  size_t first = 0;
  while (stored.size() - first > 2 && stored[first] == 1)
    ++first;
  int64_t columns = 1;
  for (size_t i = first + 1; i < stored.size(); ++i)
    columns *= stored[i];
  return {stored[first], columns};
}

const Stack *ModelSpec::encoder() const {
  return findStack(*this, StackKind::Encoder);
}

const Stack *ModelSpec::decoder() const {
  return findStack(*this, StackKind::Decoder);
}
