//===- Functions.cpp - The mathematics of every op ------------------------===//

#include "compiler/Reference/Functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace ashlar;
using namespace ashlar::reference;
using llvm::ArrayRef;

double reference::dot(const double *a, const double *b, int64_t count) {
  // Eight partial sums: the compiler may keep them in vector registers.
  constexpr int64_t lanes = 8;
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      sums[lane] += a[i + lane] * b[i + lane];
  double sum = 0.0;
  for (; i < count; ++i)
    sum += a[i] * b[i];
  for (double part : sums)
    sum += part;
  return sum;
}

double reference::activate(ir::ActivationKind kind, double x) {
  constexpr double sqrtHalf = 0.70710678118654752440;
  constexpr double sqrtTwoOverPi = 0.79788456080286535588;
  switch (kind) {
  case ir::ActivationKind::Relu:
    return x < 0.0 ? 0.0 : x; // keeps NaN
  case ir::ActivationKind::Gelu:
    return 0.5 * x * (1.0 + std::erf(x * sqrtHalf));
  case ir::ActivationKind::GeluTanh:
    return 0.5 * x *
           (1.0 + std::tanh(sqrtTwoOverPi * (x + 0.044715 * x * x * x)));
  case ir::ActivationKind::Silu:
    return x / (1.0 + std::exp(-x));
  case ir::ActivationKind::QuickGelu:
    return x / (1.0 + std::exp(-1.702 * x));
  case ir::ActivationKind::Tanh:
    return std::tanh(x);
  }
  llvm_unreachable("unknown activation");
}

Tensor reference::activate(ir::ActivationKind kind, Tensor input) {
  for (double &x : input.data)
    x = activate(kind, x);
  return input;
}

Tensor reference::add(Tensor lhs, const Tensor &rhs) {
  assert(lhs.shape == rhs.shape && "sum of different shapes");
  for (size_t i = 0; i < lhs.data.size(); ++i)
    lhs.data[i] += rhs.data[i];
  return lhs;
}

Tensor reference::multiply(Tensor lhs, const Tensor &rhs) {
  assert(lhs.shape == rhs.shape && "product of different shapes");
  for (size_t i = 0; i < lhs.data.size(); ++i)
    lhs.data[i] *= rhs.data[i];
  return lhs;
}

Tensor reference::scale(Tensor input, double factor) {
  for (double &x : input.data)
    x *= factor;
  return input;
}

Tensor reference::softCap(Tensor input, double cap) {
  for (double &x : input.data)
    x = cap * std::tanh(x / cap);
  return input;
}

Tensor reference::norm(ir::NormKind kind, const Tensor &input,
                       ArrayRef<double> gain, ArrayRef<double> bias,
                       double epsilon) {
  Tensor result(input.shape);
  int64_t features = input.dim(1);
  for (int64_t token = 0; token < input.dim(0); ++token) {
    const double *x = input.row(token);
    double *y = result.row(token);
    double mean = 0.0, square = 0.0;
    if (kind == ir::NormKind::LayerNorm) {
      for (int64_t i = 0; i < features; ++i)
        mean += x[i];
      mean /= static_cast<double>(features);
    }
    for (int64_t i = 0; i < features; ++i)
      square += (x[i] - mean) * (x[i] - mean);
    square /= static_cast<double>(features);
    double factor = 1.0 / std::sqrt(square + epsilon);
    for (int64_t i = 0; i < features; ++i) {
      y[i] = (x[i] - mean) * factor;
      if (!gain.empty())
        y[i] *= gain[i];
      if (!bias.empty())
        y[i] += bias[i];
    }
  }
  return result;
}

Tensor reference::slice(const Tensor &input, int64_t begin, int64_t features) {
  Tensor result({input.dim(0), features});
  for (int64_t token = 0; token < input.dim(0); ++token)
    std::copy_n(input.row(token) + begin, features, result.row(token));
  return result;
}

Tensor reference::rotate(Tensor heads, ArrayRef<int32_t> positions,
                         ir::RotaryAttr rotary) {
  int64_t pairs = rotary.getDimensions() / 2;
  for (int64_t i = 0; i < pairs; ++i) {
    double frequency = rotary.frequency(i);
    int64_t first = rotary.getInterleaved() ? 2 * i : i;
    int64_t second = rotary.getInterleaved() ? 2 * i + 1 : i + pairs;
    for (int64_t token = 0; token < heads.dim(0); ++token) {
      double angle = static_cast<double>(positions[token]) * frequency;
      double cosine = std::cos(angle) * rotary.getMagnitudeValue();
      double sine = std::sin(angle) * rotary.getMagnitudeValue();
      for (int64_t head = 0; head < heads.dim(1); ++head) {
        double *x = heads.at(token, head);
        double a = x[first], b = x[second];
        x[first] = a * cosine - b * sine;
        x[second] = b * cosine + a * sine;
      }
    }
  }
  return heads;
}

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
                       const Sequences &keys) {
  for (int64_t token = 0; token < scores.dim(0); ++token)
    for (int64_t k = 0; k < scores.dim(2); ++k) {
      if (isVisible(kind, window, queries[token], keys[k]))
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
