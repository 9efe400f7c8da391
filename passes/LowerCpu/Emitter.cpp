//===- Emitter.cpp - Constants, arithmetic, lanes -------------------------===//

#include "passes/LowerCpu/Emitter.h"
#include "passes/LowerCpu/ShortMath.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ashlar;

VectorType Emitter::vectorType() {
  return VectorType::get({panelWidth}, getF32Type());
}

Value Emitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value Emitter::scalar(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}

Value Emitter::splat(double value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(vectorType(), static_cast<float>(value)));
}

Value Emitter::broadcast(Value scalar) {
  return vector::BroadcastOp::create(*this, vectorType(), scalar);
}

Value Emitter::add(Value a, Value b) {
  return arith::AddIOp::create(*this, a, b);
}
Value Emitter::add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }
Value Emitter::mul(Value a, Value b) {
  return arith::MulIOp::create(*this, a, b);
}
Value Emitter::mul(Value a, int64_t b) { return mul(a, index(b)); }
Value Emitter::div(Value a, int64_t b) {
  return b == 1 ? a : arith::DivUIOp::create(*this, a, index(b)).getResult();
}
Value Emitter::rem(Value a, int64_t b) {
  return arith::RemUIOp::create(*this, a, index(b));
}
Value Emitter::sub(Value a, Value b) {
  return arith::SubIOp::create(*this, a, b);
}
Value Emitter::ceilDiv(Value a, Value b) {
  return arith::DivUIOp::create(*this, add(a, sub(b, index(1))), b);
}
Value Emitter::ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), b); }
Value Emitter::min(Value a, Value b) {
  return arith::MinSIOp::create(*this, a, b);
}
Value Emitter::max(Value a, Value b) {
  return arith::MaxSIOp::create(*this, a, b);
}
Value Emitter::less(Value a, Value b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}
Value Emitter::equal(Value a, int64_t b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, index(b));
}

Value Emitter::addf(Value a, Value b) {
  return arith::AddFOp::create(*this, a, b);
}
Value Emitter::subf(Value a, Value b) {
  return arith::SubFOp::create(*this, a, b);
}
Value Emitter::mulf(Value a, Value b) {
  return arith::MulFOp::create(*this, a, b);
}
Value Emitter::divf(Value a, Value b) {
  return arith::DivFOp::create(*this, a, b);
}
// NaN in `a` gives `b`: one instruction on x86, and a NaN in a row of scores
// comes out of the exponential all the same.
Value Emitter::maxf(Value a, Value b) {
  Value greater = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b);
  return select(greater, a, b);
}
Value Emitter::fma(Value a, Value b, Value c) {
  return vector::FMAOp::create(*this, a, b, c);
}
Value Emitter::exp(Value a) { return math::ExpOp::create(*this, a); }

Value Emitter::select(Value mask, Value a, Value b) {
  return arith::SelectOp::create(*this, mask, a, b);
}

/// Folds the upper half of the lanes on the lower one until one is left.
static Value foldLanes(Emitter &e, Value vector,
                       llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t half = panelWidth / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < half; ++i) {
      low.push_back(i);
      high.push_back(half + i);
    }
    Value a = vector::ShuffleOp::create(e, vector, vector, low);
    Value b = vector::ShuffleOp::create(e, vector, vector, high);
    vector = combine(a, b);
  }
  return vector::ExtractOp::create(e, vector, ArrayRef<int64_t>{0});
}

Value Emitter::sumLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return addf(a, b); });
}

Value Emitter::maxLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return maxf(a, b); });
}

Value Emitter::lanesBelow(Value count) {
  auto type = VectorType::get({panelWidth}, getI32Type());
  SmallVector<int32_t> numbers;
  for (int32_t i = 0; i < panelWidth; ++i)
    numbers.push_back(i);
  Value lanes = arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value limit = vector::BroadcastOp::create(
      *this, type, arith::IndexCastOp::create(*this, getI32Type(), count));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, lanes, limit);
}

Value Emitter::noLanes() {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(VectorType::get({panelWidth}, getI1Type()),
                                    false));
}

Value Emitter::clip(Value x, double limit) {
  Value low = splat(-limit), high = splat(limit);
  auto compare = [&](arith::CmpFPredicate predicate, Value bound) -> Value {
    return arith::CmpFOp::create(*this, predicate, x, bound);
  };
  Value raised = select(compare(arith::CmpFPredicate::OLT, low), low, x);
  return select(compare(arith::CmpFPredicate::OGT, high), high, raised);
}

Value Emitter::softCap(Value x, double cap) {
  Value inner = mulf(x, splat(1.0 / cap));
  return mulf(applyActivation(ir::ActivationKind::Tanh, inner), splat(cap));
}

Value Emitter::applyActivation(ir::ActivationKind kind, Value x) {
  switch (kind) {
  case ir::ActivationKind::Relu:
    return maxf(x, splat(0.0));
  case ir::ActivationKind::Gelu:
    return emitGelu(*this, x);
  case ir::ActivationKind::GeluTanh: {
    // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    Value cube = mulf(mulf(x, x), x);
    Value inner = addf(x, mulf(cube, splat(0.044715)));
    Value tanh =
        math::TanhOp::create(*this, mulf(inner, splat(0.79788456080286536)));
    return mulf(mulf(x, splat(0.5)), addf(tanh, splat(1.0)));
  }
  case ir::ActivationKind::Silu:
    return divf(x, addf(exp(subf(splat(0.0), x)), splat(1.0)));
  case ir::ActivationKind::QuickGelu:
    return divf(x, addf(exp(mulf(x, splat(-1.702))), splat(1.0)));
  case ir::ActivationKind::Tanh:
    return math::TanhOp::create(*this, x);
  }
  llvm_unreachable("every activation is handled above");
}
