//===- ShortMathTest.cpp - Errors of the short functions -----------------===//
//
// The polynomials, in float32 as the kernels compute them, against libm.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/ShortMath.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace ashlar;

static float polynomial(llvm::ArrayRef<double> coefficients, float x) {
  float sum = coefficients.back();
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = std::fma(sum, x, static_cast<float>(coefficient));
  return sum;
}

TEST(ShortMath, exp2BetweenWholeNumbers) {
  for (int i = -5000; i <= 5000; ++i) {
    float x = i / 10000.0f;
    double expected = std::exp2(double(x));
    EXPECT_NEAR(polynomial(shortExp2Coefficients, x) / expected, 1.0, 8e-5)
        << x;
    EXPECT_NEAR(polynomial(exp2Coefficients, x) / expected, 1.0, 1.5e-7) << x;
  }
  EXPECT_EQ(polynomial(exp2Coefficients, 0.0f), 1.0f);
}

/// Of x Phi(x): 2e-5 of the polynomial, and near its end, where its terms are
/// large and of both signs, as much of float32's rounding.
static void checkGelu(llvm::ArrayRef<double> coefficients,
                      double (*phi)(double)) {
  for (int i = -20000; i <= 20000; ++i) {
    float x = i / 1000.0f;
    float near = std::fmin(std::fmax(x, -shortPhiEnd), shortPhiEnd);
    float got = x * std::fma(near, polynomial(coefficients, near * near), 0.5f);
    double bound = std::abs(x) <= shortPhiEnd ? 4e-5 : 8e-6 * std::abs(x);
    EXPECT_NEAR(got, x * phi(x), bound) << x;
  }
}

TEST(ShortMath, gelu) {
  checkGelu(shortPhiCoefficients,
            [](double x) { return 0.5 + 0.5 * std::erf(x / std::sqrt(2.0)); });
}

TEST(ShortMath, geluOfFloat32) {
  for (int i = -20000; i <= 20000; ++i) {
    float x = i / 1000.0f, a = std::fmin(std::fabs(x), float(geluEnd));
    float power = a * float(-0.5 * log2E) * a;
    float tail =
        polynomial(geluCoefficients, a) *
        std::ldexp(polynomial(exp2Coefficients, power - std::nearbyint(power)),
                   static_cast<int>(std::nearbyint(power)));
    double expected = x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    EXPECT_NEAR(std::fmax(x, 0.0f) - a * tail, expected,
                2e-7 * std::fmax(1.0f, std::fabs(x)))
        << x;
  }
}

TEST(ShortMath, geluTanh) {
  checkGelu(shortPhiTanhCoefficients, [](double x) {
    double inner = std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x);
    return 0.5 + 0.5 * std::tanh(inner);
  });
}
