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

/// 2^x, where the polynomial gives 2^rest over [-1/2, 1/2].
static Value emitExp2(Emitter &e, ArrayRef<double> coefficients, Value x) {
  constexpr double toNearest = 12582912.0; // 1.5 * 2^23: rounds to integers
  x = e.maxf(e.splat(-125.0), x);
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

Value ashlar::emitShortExp2(Emitter &e, Value x) {
  return ::emitExp2(e, shortExp2Coefficients, x);
}

Value ashlar::emitExp2(Emitter &e, Value x) {
  return ::emitExp2(e, exp2Coefficients, x);
}

/// x Phi(x).
static Value emitGelu(Emitter &e, ArrayRef<double> coefficients, Value x) {
  Value near = e.maxf(e.splat(-shortPhiEnd), x);
  Value end = e.splat(shortPhiEnd);
  near =
      e.select(arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, near, end),
               near, end);
  Value slope = emitPolynomial(e, coefficients, e.mulf(near, near));
  return e.mulf(x, e.fma(near, slope, e.splat(0.5)));
}

/// x / (1 + 2^(-x log2 e)).
static Value emitSilu(Emitter &e, Value x) {
  constexpr double most = 125.0;
  Value power = e.mulf(x, e.splat(-log2E));
  // The comparison is false for a NaN, which x brings back.
  power = e.select(
      arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, power, e.splat(most)),
      power, e.splat(most));
  return e.divf(x, e.addf(emitShortExp2(e, power), e.splat(1.0)));
}

Value ashlar::emitShortActivation(Emitter &e, ir::ActivationKind kind,
                                  Value x) {
  switch (kind) {
  case ir::ActivationKind::Gelu:
    return emitGelu(e, shortPhiCoefficients, x);
  case ir::ActivationKind::GeluTanh:
    return emitGelu(e, shortPhiTanhCoefficients, x);
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
