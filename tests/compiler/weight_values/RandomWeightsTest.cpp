//===- RandomWeightsTest.cpp - A checkpoint of random numbers -------------===//

#include "compiler/Weights/RandomWeights.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

using namespace ashlar;

static std::vector<float> read(uint64_t seed, const char *name,
                               llvm::ArrayRef<int64_t> stored, int64_t first,
                               size_t count) {
  std::vector<float> out(count);
  RandomWeights weights(seed);
  llvm::cantFail(weights.read(name, stored, first, out));
  return out;
}

TEST(RandomWeights, everyPartIsThatOfTheWhole) {
  std::vector<float> whole = read(1, "h.0.q.weight", {5, 7}, 0, 35);
  for (int64_t first = 0; first <= 35; ++first)
    for (int64_t count = 0; first + count <= 35; ++count)
      EXPECT_EQ(read(1, "h.0.q.weight", {5, 7}, first, count),
                std::vector<float>(whole.begin() + first,
                                   whole.begin() + first + count))
          << first << " " << count;
}

TEST(RandomWeights, seedsAndNamesMatter) {
  std::vector<float> numbers = read(1, "h.0.q.weight", {5, 7}, 0, 35);
  EXPECT_EQ(numbers, read(1, "h.0.q.weight", {5, 7}, 0, 35));
  EXPECT_NE(numbers, read(2, "h.0.q.weight", {5, 7}, 0, 35));
  EXPECT_NE(numbers, read(1, "h.1.q.weight", {5, 7}, 0, 35));
}

static std::pair<double, double> meanAndDeviation(llvm::ArrayRef<float> x) {
  double mean = 0, square = 0;
  for (float value : x)
    mean += value / x.size();
  for (float value : x)
    square += (value - mean) * (value - mean) / x.size();
  return {mean, std::sqrt(square)};
}

TEST(RandomWeights, spreadIsThatOfTheRole) {
  auto [mean, deviation] =
      meanAndDeviation(read(3, "q.weight", {1000, 400}, 0, 400000));
  EXPECT_NEAR(mean, 0.0, 1e-3);
  EXPECT_NEAR(deviation, 1.0 / 20, 1e-3);

  auto [gain, gainDeviation] =
      meanAndDeviation(read(3, "ln_1.weight", {10000}, 0, 10000));
  EXPECT_NEAR(gain, 1.0, 1e-2);
  EXPECT_GT(gainDeviation, 0.01);

  auto [bias, biasDeviation] =
      meanAndDeviation(read(3, "q.bias", {1, 10000}, 0, 10000));
  EXPECT_NEAR(bias, 0.0, 1e-2);
  EXPECT_GT(biasDeviation, 0.01);
}

/// Neighbours, and the halves of one hash, are not related.
TEST(RandomWeights, neighboursAreIndependent) {
  std::vector<float> x = read(3, "q.weight", {1000, 3}, 0, 3000); // in [-1, 1)
  for (size_t distance : {1, 2, 3, 64}) {
    double product = 0;
    for (size_t i = 0; i + distance < x.size(); ++i)
      product += x[i] * x[i + distance] / (x.size() - distance);
    EXPECT_NEAR(product, 0.0, 0.03) << distance; // variance 1/3
  }
}
