//===- ShortMath.h - Functions as exact as their use needs -----*- C++ -*-===//
//
// The same bits on every level, NaN stays NaN. The short ones are for vectors
// whose results are rounded to bf16 or int8, or are made of such numbers.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_SHORTMATH_H
#define ASHLAR_PASSES_LOWERCPU_SHORTMATH_H

#include "passes/LowerCpu/Emitter.h"

namespace ashlar {

/// What e^x = 2^(x log2 e) takes.
inline constexpr double log2E = 1.4426950408889634;

/// Minimax polynomials (Remez), from the constant on. 2^x over [-1/2, 1/2], for
/// the relative error.
inline constexpr double shortExp2Coefficients[] = {
    0.9999280735404955, 0.6932609854573362, 0.24261112219433098,
    0.055171669074864024};

/// The same with p(0) = 1, relative error 3e-9: float32 rounds by 6e-8.
inline constexpr double exp2Coefficients[] = {1.0,
                                              0.6931472149680392,
                                              0.24022652782875661,
                                              0.05550310550996597,
                                              0.009617692974960127,
                                              0.0013406643904819507,
                                              0.0001559467752816155};

/// (Phi(x) - 1/2) / x in x^2, for the absolute error of x Phi(x); Phi is the
/// normal distribution, or its tanh form. Beyond the end it is 0 or 1.
inline constexpr float shortPhiEnd = 4.25f;
inline constexpr double shortPhiCoefficients[] = {
    0.3988192204246868,     -0.06619028386502566,   0.009718780684494171,
    -0.0010790785740379361, 8.848924392099878e-05,  -5.147524094329639e-06,
    1.9861648374792696e-07, -4.515321870117097e-09, 4.5470960817739106e-11};
inline constexpr double shortPhiTanhCoefficients[] = {
    0.39878785513423837,    -0.06645317692088536,   0.009904957139499505,
    -0.0011286917324949976, 9.547995755450835e-05,  -5.722997133168479e-06,
    2.2651846768121033e-07, -5.255421266121863e-09, 5.376692438258579e-11};

/// e^(a^2/2) Phi(-a) over [0, geluEnd], for the error of Phi(-a).
inline constexpr double geluEnd = 6.0;
inline constexpr double geluCoefficients[] = {
    0.4999999830381327,     -0.39894060221305616,   0.24997257278331145,
    -0.1328057865504101,    0.0619239326468502,     -0.025471818336920915,
    0.009003848363011737,   -0.0025900908553129244, 0.0005636529006863358,
    -8.477102824090699e-05, 7.708783074156234e-06,  -3.1554325885529977e-07};

/// 2^x for x below 126, relative error below 8e-5 (bf16 rounds by 4e-3); 2^-125
/// for what is below -125.
mlir::Value emitShortExp2(Emitter &e, mlir::Value x);
/// As exact as float32 needs: relative error below 1.5e-7.
mlir::Value emitExp2(Emitter &e, mlir::Value x);

/// x Phi(x) as exact as float32 needs: absolute error below 2e-7 max(1, |x|).
mlir::Value emitGelu(Emitter &e, mlir::Value x);

/// gelu, gelu_new: absolute error below 4e-5, and below 8e-6 |x| beyond 4.25;
/// silu: relative error below 1e-4. The others are exact.
mlir::Value emitShortActivation(Emitter &e, ir::ActivationKind kind,
                                mlir::Value x);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_SHORTMATH_H
