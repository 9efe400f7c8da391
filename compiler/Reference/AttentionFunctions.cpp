//===- AttentionFunctions.cpp - The mathematics of attention --------------===//

#include "compiler/Reference/Functions.h"

#include "dialect/Pattern.h"

#include <cmath>
#include <limits>

using namespace ashlar;
using namespace ashlar::reference;
using llvm::ArrayRef;

Tensor reference::scores(const Tensor &query, const Tensor &key) {
  int64_t tokens = query.dim(0), heads = query.dim(1), keys = key.dim(0);
  int64_t group = heads / key.dim(1); // query heads that share a key head
  Tensor result({tokens, heads, keys});
  for (int64_t token = 0; token < tokens; ++token)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t k = 0; k < keys; ++k)
        result.at(token, head)[k] =
            dot(query.at(token, head), key.at(k, head / group), query.dim(2));
  return result;
}

Tensor reference::additiveScores(const Tensor &query, const Tensor &key,
                                 ArrayRef<double> vector) {
  int64_t tokens = query.dim(0), heads = query.dim(1), keys = key.dim(0);
  int64_t headDim = query.dim(2), group = heads / key.dim(1);
  Tensor result({tokens, heads, keys});
  for (int64_t token = 0; token < tokens; ++token)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t k = 0; k < keys; ++k) {
        const double *q = query.at(token, head), *x = key.at(k, head / group);
        double sum = 0.0;
        for (int64_t i = 0; i < headDim; ++i)
          sum += vector[head * headDim + i] * std::tanh(q[i] + x[i]);
        result.at(token, head)[k] = sum;
      }
  return result;
}

Tensor reference::biasPositions(Tensor scores, const Sequences &queries,
                                const Sequences &keys, const Tensor &table,
                                int64_t behind) {
  for (int64_t token = 0; token < scores.dim(0); ++token)
    for (int64_t k = 0; k < scores.dim(2); ++k) {
      int64_t column = keys[k].index - queries[token].index + behind;
      // Keys ahead may have no entry: the mask hides them.
      if (queries[token].slot != keys[k].slot || column < 0 ||
          column >= table.dim(1))
        continue;
      for (int64_t head = 0; head < scores.dim(1); ++head)
        scores.at(token, head)[k] += table.row(head)[column];
    }
  return scores;
}

static bool admits(mlir::Attribute pattern, const RowPlace &query,
                   const RowPlace &key, int64_t extent) {
  return ir::admits(pattern,
                    {query.index, key.index, extent, query.marked, key.marked});
}

/// The queries' extents: where none is given, the number of the slot's keys.
static std::vector<int64_t> extentsOf(const Sequences &queries,
                                      const Sequences &keys) {
  std::vector<int64_t> extents;
  for (const RowPlace &query : queries) {
    int64_t extent = query.extent;
    if (!extent)
      extent = llvm::count_if(
          keys, [&](const RowPlace &key) { return key.slot == query.slot; });
    extents.push_back(extent);
  }
  return extents;
}

Tensor reference::repeat(mlir::Attribute pattern, int64_t times, Tensor scores,
                         const Sequences &queries, const Sequences &keys) {
  std::vector<int64_t> extents = extentsOf(queries, keys);
  double more = std::log(static_cast<double>(times));
  for (int64_t token = 0; token < scores.dim(0); ++token)
    for (int64_t k = 0; k < scores.dim(2); ++k) {
      if (queries[token].slot != keys[k].slot ||
          !admits(pattern, queries[token], keys[k], extents[token]))
        continue;
      for (int64_t head = 0; head < scores.dim(1); ++head)
        scores.at(token, head)[k] += more;
    }
  return scores;
}

static bool isVisible(ir::MaskKind kind, std::optional<int64_t> window,
                      const RowPlace &query, const RowPlace &key) {
  if (query.slot != key.slot)
    return false;
  if (kind == ir::MaskKind::Causal && key.index > query.index)
    return false;
  return !window || std::abs(key.index - query.index) < *window;
}

Tensor reference::mask(ir::MaskKind kind, std::optional<int64_t> window,
                       Tensor scores, const Sequences &queries,
                       const Sequences &keys, mlir::Attribute pattern) {
  std::vector<int64_t> extents;
  if (pattern)
    extents = extentsOf(queries, keys);
  for (int64_t token = 0; token < scores.dim(0); ++token)
    for (int64_t k = 0; k < scores.dim(2); ++k) {
      const RowPlace &query = queries[token], &key = keys[k];
      if (isVisible(kind, window, query, key) &&
          (!pattern || admits(pattern, query, key, extents[token])))
        continue;
      for (int64_t head = 0; head < scores.dim(1); ++head)
        scores.at(token, head)[k] = -std::numeric_limits<double>::infinity();
    }
  return scores;
}

/// In place, over `count` numbers.
static void softmaxRow(double *x, int64_t count) {
  double most = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < count; ++i)
    most = x[i] > most || std::isnan(x[i]) ? x[i] : most;
  if (std::isinf(most) && most < 0) {
    std::fill_n(x, count, 0.0);
    return;
  }
  double sum = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    x[i] = std::exp(x[i] - most);
    sum += x[i];
  }
  for (int64_t i = 0; i < count; ++i)
    x[i] /= sum;
}

Tensor reference::softmax(Tensor scores) {
  for (int64_t token = 0; token < scores.dim(0); ++token)
    for (int64_t head = 0; head < scores.dim(1); ++head)
      softmaxRow(scores.at(token, head), scores.dim(2));
  return scores;
}

Tensor reference::mix(const Tensor &weights, const Tensor &value) {
  int64_t tokens = weights.dim(0), heads = weights.dim(1);
  int64_t headDim = value.dim(2), group = heads / value.dim(1);
  Tensor result({tokens, heads, headDim});
  for (int64_t token = 0; token < tokens; ++token)
    for (int64_t head = 0; head < heads; ++head) {
      double *sum = result.at(token, head);
      for (int64_t k = 0; k < value.dim(0); ++k) {
        double weight = weights.at(token, head)[k];
        // Zero times a foreign sequence's infinity must not become NaN.
        if (weight == 0.0)
          continue;
        const double *v = value.at(k, head / group);
        for (int64_t i = 0; i < headDim; ++i)
          sum[i] += weight * v[i];
      }
    }
  return result;
}
