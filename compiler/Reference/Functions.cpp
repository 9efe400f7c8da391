//===- Functions.cpp - The mathematics of most ops ------------------------===//

#include "compiler/Reference/Functions.h"

#include <algorithm>
#include <cmath>
#include <map>

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

/// Indices of the `top` largest numbers, of equal ones the first; NaN is larger
/// than all numbers.
static std::vector<int64_t> largest(ArrayRef<double> numbers, int64_t top) {
  std::vector<int64_t> order(numbers.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = static_cast<int64_t>(i);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    double x = numbers[a], y = numbers[b];
    if (std::isnan(x) != std::isnan(y))
      return std::isnan(x);
    return x > y || (!(x < y) && a < b);
  });
  order.resize(top);
  return order;
}

Tensor reference::route(const Tensor &logits, int64_t top, bool renormalized) {
  Tensor result(logits.shape);
  int64_t experts = logits.dim(1);
  for (int64_t token = 0; token < logits.dim(0); ++token) {
    ArrayRef<double> row(logits.row(token), experts);
    std::vector<int64_t> chosen = largest(row, top);
    double most = row[chosen.front()], sum = 0.0;
    for (int64_t expert = 0; expert < experts; ++expert)
      if (!renormalized || llvm::is_contained(chosen, expert))
        sum += std::exp(row[expert] - most);
    for (int64_t expert : chosen)
      result.row(token)[expert] = std::exp(row[expert] - most) / sum;
  }
  return result;
}

Tensor reference::clip(Tensor input, double limit) {
  for (double &x : input.data)
    x = x < -limit ? -limit : x > limit ? limit : x; // keeps NaN
  return input;
}

Tensor reference::norm(ir::NormKind kind, const Tensor &input,
                       ArrayRef<double> gain, ArrayRef<double> bias,
                       double epsilon, int64_t groups) {
  Tensor result(input.shape);
  int64_t features = input.dim(1) / groups;
  for (int64_t part = 0; part < input.dim(0) * groups; ++part) {
    const double *x = input.data.data() + part * features;
    double *y = result.data.data() + part * features;
    // Of a gain of the whole row, the numbers of this part.
    int64_t first = part % groups * features;
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
        y[i] *= gain[(first + i) % gain.size()];
      if (!bias.empty())
        y[i] += bias[(first + i) % bias.size()];
    }
  }
  return result;
}

Tensor reference::unfold(const Tensor &input, const Sequences &sequences,
                         int64_t kernel, int64_t stride, int64_t padding,
                         int64_t perToken) {
  auto tokens = static_cast<int64_t>(sequences.size());
  int64_t features = input.dim(1), inputPerToken = perToken * stride;
  Tensor result({tokens * perToken, kernel * features});
  for (int64_t row = 0; row < result.dim(0); ++row)
    for (int64_t tap = 0; tap < kernel; ++tap) {
      int64_t from = row * stride + tap - padding;
      if (from < 0 || from >= input.dim(0) ||
          sequences[from / inputPerToken].slot !=
              sequences[row / perToken].slot)
        continue;
      std::copy_n(input.row(from), features, result.row(row) + tap * features);
    }
  return result;
}

Tensor reference::pool(const Tensor &input, const Sequences &sequences,
                       int64_t from, std::optional<int64_t> count) {
  std::vector<int64_t> slots; // in the order of their first rows
  for (const RowPlace &place : sequences)
    if (llvm::find(slots, place.slot) == slots.end())
      slots.push_back(place.slot);
  Tensor result({static_cast<int64_t>(slots.size()), input.dim(1)});
  for (auto [i, slot] : llvm::enumerate(slots)) {
    int64_t rows = 0;
    for (auto [row, place] : llvm::enumerate(sequences)) {
      if (place.slot != slot || place.index < from ||
          (count && place.index >= from + *count))
        continue;
      ++rows;
      for (int64_t j = 0; j < input.dim(1); ++j)
        result.row(i)[j] += input.row(row)[j];
    }
    for (int64_t j = 0; rows && j < input.dim(1); ++j)
      result.row(i)[j] /= static_cast<double>(rows);
  }
  return result;
}

Tensor reference::segments(llvm::ArrayRef<int32_t> ids,
                           const Sequences &sequences, int64_t separator,
                           int64_t skip, int64_t features) {
  std::map<int64_t, int64_t> ends; // of the first segment, by slot
  for (auto [row, place] : llvm::enumerate(sequences))
    if (ids[row] == separator)
      ends.try_emplace(place.slot, place.index + 1);
  Tensor result({static_cast<int64_t>(sequences.size()), features});
  for (auto [row, place] : llvm::enumerate(sequences)) {
    auto found = ends.find(place.slot);
    int64_t column =
        place.index < (found == ends.end() ? 1 : found->second) ? 0 : 1;
    if (place.index >= skip && column < features)
      result.row(row)[column] = 1.0;
  }
  return result;
}

Tensor reference::concat(ArrayRef<const Tensor *> inputs) {
  int64_t features = 0;
  for (const Tensor *input : inputs)
    features += input->dim(1);
  Tensor result({inputs.front()->dim(0), features});
  for (int64_t row = 0; row < result.dim(0); ++row) {
    double *out = result.row(row);
    for (const Tensor *input : inputs)
      out = std::copy_n(input->row(row), input->dim(1), out);
  }
  return result;
}

Tensor reference::slice(const Tensor &input, int64_t begin, int64_t features) {
  Tensor result({input.dim(0), features});
  for (int64_t token = 0; token < input.dim(0); ++token)
    std::copy_n(input.row(token) + begin, features, result.row(token));
  return result;
}

Tensor reference::angles(ArrayRef<int32_t> positions, const Sequences &tokens,
                         ir::RotaryAttr rotary) {
  std::map<int64_t, int64_t> lengths; // by slot
  for (const RowPlace &token : tokens)
    lengths[token.slot] =
        std::max({lengths[token.slot], token.index + 1, token.extent});
  auto count = static_cast<int64_t>(positions.size());
  Tensor result({count, rotary.tableColumns()});
  for (int64_t token = 0; token < count; ++token) {
    int64_t length = tokens.empty() ? 0 : lengths[tokens[token].slot];
    rotary.angles(positions[token], length,
                  {result.row(token), static_cast<size_t>(result.dim(1))});
  }
  return result;
}

Tensor reference::rotate(Tensor heads, ArrayRef<int32_t> positions,
                         ir::RotaryAttr rotary) {
  return rotate(std::move(heads), angles(positions, {}, rotary), rotary);
}

Tensor reference::rotate(Tensor heads, const Tensor &angles,
                         ir::RotaryAttr rotary) {
  int64_t pairs = rotary.getDimensions() / 2;
  for (int64_t i = 0; i < pairs; ++i) {
    int64_t first = rotary.getInterleaved() ? 2 * i : i;
    int64_t second = rotary.getInterleaved() ? 2 * i + 1 : i + pairs;
    for (int64_t token = 0; token < heads.dim(0); ++token) {
      double cosine = angles.row(token)[first];
      double sine = angles.row(
          token)[angles.dim(1) / 2 + (rotary.getInterleaved() ? second : i)];
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
