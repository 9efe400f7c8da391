//===- ShortMath.cpp - Functions as exact as their use needs -------------===//

#include "passes/LowerCpu/ShortMath.h"
#include "passes/LowerCpu/Operands.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace ashlar;

/// Horner's scheme.
static Value emitPolynomial(Emitter &e, ArrayRef<double> coefficients,
                            Value x) {
  Value sum = e.splat(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = e.fma(sum, x, e.splat(coefficient));
  return sum;
}

/// An instruction of AVX-512 that takes each lane, without a mask.
static Value callOnLanes(Emitter &e, StringRef name, Value a, Value b) {
  Value every = arith::ConstantIntOp::create(e, -1, panelWidth);
  Value roundsAsSet = arith::ConstantIntOp::create(e, 4, 32);
  return LLVM::CallIntrinsicOp::create(
             e, e.vectorType(), e.getStringAttr(name),
             ValueRange{a, b, /*elsewhere=*/a, every, roundsAsSet})
      .getResult(0);
}

/// `x` less the whole number nearest to it.
static Value emitReduce(Emitter &e, Value x) {
  Value toNearest = arith::ConstantIntOp::create(e, 8, 32);
  return callOnLanes(e, "llvm.x86.avx512.mask.reduce.ps.512", x, toNearest);
}

/// 2^x for x from -125 on, where the polynomial gives 2^rest over [-1/2, 1/2].
static Value emitPower(Emitter &e, ArrayRef<double> coefficients, Value x) {
  constexpr double toNearest = 12582912.0; // 1.5 * 2^23: rounds to integers
  if (e.context.vectorBits == 512) {
    Value rest = emitReduce(e, x);
    Value power = emitPolynomial(e, coefficients, rest);
    return callOnLanes(e, "llvm.x86.avx512.mask.scalef.ps.512", power,
                       e.subf(x, rest));
  }
  Value shifted = e.addf(x, e.splat(toNearest));
  Value rest = e.subf(x, e.subf(shifted, e.splat(toNearest)));
  Value power = emitPolynomial(e, coefficients, rest);
  // The whole part, in the low bits of `shifted`, goes to the exponent.
  Value exponent = arith::ShLIOp::create(
      e, bitcast(e, shifted, e.getI32Type(), panelWidth), intSplat(e, 23));
  Value bits = arith::AddIOp::create(
      e, bitcast(e, power, e.getI32Type(), panelWidth), exponent);
  return bitcast(e, bits, e.getF32Type(), panelWidth);
}

static Value clampPower(Emitter &e, Value x) {
  return e.maxf(e.splat(-125.0), x);
}

Value ashlar::emitShortExp2(Emitter &e, Value x) {
  return emitPower(e, shortExp2Coefficients, clampPower(e, x));
}

Value ashlar::emitExp2(Emitter &e, Value x) {
  return emitPower(e, exp2Coefficients, clampPower(e, x));
}

static Value emitMinimum(Emitter &e, Value x, double most) {
  Value end = e.splat(most);
  return e.select(arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, x, end),
                  x, end);
}

/// max(0, x) - a Phi(-a), where a = |x|: no sum of numbers that are nearly
/// opposite, and no division. What is beyond the end would not be seen.
Value ashlar::emitGelu(Emitter &e, Value x) {
  Value a = bitcast(e, magnitudes(e, x), e.getF32Type(), panelWidth);
  a = emitMinimum(e, a, geluEnd);
  Value power = e.mulf(e.mulf(a, e.splat(-0.5 * log2E)), a);
  Value tail = e.mulf(emitPolynomial(e, geluCoefficients, a),
                      emitPower(e, exp2Coefficients, power));
  Value above = e.maxf(e.splat(0.0), x); // x where it is NaN
  return e.fma(arith::NegFOp::create(e, a), tail, above);
}

/// x Phi(x).
static Value emitShortGelu(Emitter &e, ArrayRef<double> coefficients, Value x) {
  Value near = emitMinimum(e, e.maxf(e.splat(-shortPhiEnd), x), shortPhiEnd);
  Value slope = emitPolynomial(e, coefficients, e.mulf(near, near));
  return e.mulf(x, e.fma(near, slope, e.splat(0.5)));
}

/// x / (1 + 2^(-x log2 e)).
static Value emitSilu(Emitter &e, Value x) {
  constexpr double most = 125.0;
  Value power = e.mulf(x, e.splat(-log2E));
  // The comparison is false for a NaN, which x brings back.
  power = emitMinimum(e, power, most);
  return e.divf(x, e.addf(emitShortExp2(e, power), e.splat(1.0)));
}

Value ashlar::emitShortActivation(Emitter &e, ir::ActivationKind kind,
                                  Value x) {
  switch (kind) {
  case ir::ActivationKind::Gelu:
    return emitShortGelu(e, shortPhiCoefficients, x);
  case ir::ActivationKind::GeluTanh:
    return emitShortGelu(e, shortPhiTanhCoefficients, x);
  case ir::ActivationKind::Silu:
    return emitSilu(e, x);
  case ir::ActivationKind::QuickGelu:
    return e.mulf(emitSilu(e, e.mulf(x, e.splat(1.702))), e.splat(1 / 1.702));
  case ir::ActivationKind::Relu:
  case ir::ActivationKind::Tanh:
    return e.applyActivation(kind, x);
  }
  llvm_unreachable("every activation is handled above");
}
