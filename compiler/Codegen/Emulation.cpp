//===- Emulation.cpp - A level's program on CPUs below it -----------------===//

#include "compiler/Codegen/Emulation.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"

using namespace ashlar;
using namespace llvm;

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

static constexpr uint64_t tileBytes = 1024;
static constexpr Align tileAlignment = Align::Constant<64>();

/// The function of support/tiles.c for an instruction on tiles; empty for
/// others.
static StringRef tileFunction(Intrinsic::ID id) {
  switch (id) {
  case Intrinsic::x86_tilezero_internal:
    return "ashlar_emulated_tile_zero";
  // The second means to pass by the caches.
  case Intrinsic::x86_tileloadd64_internal:
  case Intrinsic::x86_tileloaddt164_internal:
    return "ashlar_emulated_tile_load";
  case Intrinsic::x86_tilestored64_internal:
    return "ashlar_emulated_tile_store";
  case Intrinsic::x86_tdpbf16ps_internal:
    return "ashlar_emulated_tdpbf16ps";
  case Intrinsic::x86_tdpbssd_internal:
    return "ashlar_emulated_tdpbssd";
  default:
    return "";
  }
}

namespace {
/// Gives each tile of a function, a value of type x86_amx, a place on the stack
/// of its own: as vectors they would be 32 registers each.
class TileReplacer {
public:
  explicit TileReplacer(Function &function) : function(function) {}
  void run();

private:
  static bool isTile(const Value *value) {
    return value->getType()->isX86_AMXTy();
  }
  AllocaInst *newPlace();
  void copy(Instruction *before, Value *to, Value *from);
  void replace(IntrinsicInst *call);
  void replace(PHINode *phi);

  Function &function;
  DenseMap<Value *, AllocaInst *> places;
};
} // namespace

AllocaInst *TileReplacer::newPlace() {
  BasicBlock &entry = function.getEntryBlock();
  IRBuilder<> builder(&entry, entry.begin());
  AllocaInst *place = builder.CreateAlloca(
      ArrayType::get(builder.getInt8Ty(), tileBytes), nullptr, "tile");
  place->setAlignment(tileAlignment);
  return place;
}

void TileReplacer::copy(Instruction *before, Value *to, Value *from) {
  IRBuilder<>(before).CreateMemCpy(to, tileAlignment, from, tileAlignment,
                                   tileBytes);
}

/// The same operands, with places instead of tiles; the result's comes first.
void TileReplacer::replace(IntrinsicInst *call) {
  IRBuilder<> builder(call);
  SmallVector<Value *> arguments;
  if (isTile(call))
    arguments.push_back(places.lookup(call));
  for (Value *operand : call->args())
    arguments.push_back(isTile(operand) ? places.lookup(operand) : operand);
  SmallVector<Type *> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  FunctionCallee callee = function.getParent()->getOrInsertFunction(
      tileFunction(call->getIntrinsicID()),
      FunctionType::get(builder.getVoidTy(), types, /*isVarArg=*/false));
  builder.CreateCall(callee, arguments);
}

/// Where control comes from, the value goes to a place of the edge, and from
/// there to the tile's: others may still read that, and phis of one block take
/// their values at once.
void TileReplacer::replace(PHINode *phi) {
  AllocaInst *edge = newPlace();
  for (auto [value, block] : zip(phi->incoming_values(), phi->blocks()))
    if (AllocaInst *place = places.lookup(value))
      copy(block->getTerminator(), edge, place);
  copy(&*phi->getParent()->getFirstInsertionPt(), places.lookup(phi), edge);
}

void TileReplacer::run() {
  SmallVector<Instruction *> replaced;
  for (Instruction &instruction : instructions(function)) {
    if (isTile(&instruction))
      places[&instruction] = newPlace();
    auto *call = dyn_cast<IntrinsicInst>(&instruction);
    if (isTile(&instruction) ||
        (call && !tileFunction(call->getIntrinsicID()).empty()))
      replaced.push_back(&instruction);
  }
  for (Instruction *instruction : replaced)
    if (auto *phi = dyn_cast<PHINode>(instruction))
      replace(phi);
    else
      replace(cast<IntrinsicInst>(instruction));
  for (Instruction *instruction : replaced) {
    instruction->replaceAllUsesWith(PoisonValue::get(instruction->getType()));
    instruction->eraseFromParent();
  }
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

/// An instruction of the lowest level for both halves of `a` and `b`.
static Value *onHalves(IRBuilder<> &builder, Intrinsic::ID instruction,
                       Value *a, Value *b) {
  auto lanes = [](int begin, int count) {
    return to_vector(seq(begin, begin + count));
  };
  int half = static_cast<int>(
      cast<FixedVectorType>(a->getType())->getNumElements() / 2);
  Value *results[2];
  for (int i : {0, 1}) {
    SmallVector<int> of = lanes(i * half, half);
    results[i] = builder.CreateIntrinsic(instruction,
                                         {builder.CreateShuffleVector(a, of),
                                          builder.CreateShuffleVector(b, of)});
  }
  auto *type = cast<FixedVectorType>(results[0]->getType());
  return builder.CreateShuffleVector(
      results[0], results[1],
      lanes(0, 2 * static_cast<int>(type->getNumElements())));
}

/// a[2n] b[2n] + a[2n + 1] b[2n + 1], of <32 x i16>.
static Value *multiplyPairs(IRBuilder<> &builder, Value *a, Value *b) {
  return onHalves(builder, Intrinsic::x86_avx2_pmadd_wd, a, b);
}

/// sum[n] + a[4n] b[4n] + ... + a[4n + 3] b[4n + 3]: bytes, those of `a`
/// unsigned, of `b` signed. Each second of them is a number of 16 bits.
static Value *multiplyFours(IRBuilder<> &builder, Value *sum, Value *a,
                            Value *b) {
  auto *words = FixedVectorType::get(builder.getInt16Ty(), 32);
  auto splat = [&](uint64_t number) { return ConstantInt::get(words, number); };
  a = builder.CreateBitCast(a, words);
  b = builder.CreateBitCast(b, words);
  Value *even = multiplyPairs(
      builder, builder.CreateAnd(a, splat(0xff)),
      builder.CreateAShr(builder.CreateShl(b, splat(8)), splat(8)));
  Value *odd = multiplyPairs(builder, builder.CreateLShr(a, splat(8)),
                             builder.CreateAShr(b, splat(8)));
  return builder.CreateAdd(sum, builder.CreateAdd(even, odd));
}

/// float as bf16, as vcvtneps2bf16 rounds: to nearest even, denormal numbers to
/// zero, NaN stays. Without it LLVM calls a function of the compiler's runtime.
static Value *roundToBf16(IRBuilder<> &builder, Value *number) {
  Type *words = number->getType()->getWithNewType(builder.getInt32Ty());
  Type *halves = number->getType()->getWithNewType(builder.getInt16Ty());
  auto word = [&](uint32_t bits) { return ConstantInt::get(words, bits); };
  Value *bits = builder.CreateBitCast(number, words);
  Value *odd = builder.CreateAnd(builder.CreateLShr(bits, word(16)), word(1));
  Value *rounded =
      builder.CreateAdd(bits, builder.CreateAdd(odd, word(0x7fff)));
  Value *isSmall =
      builder.CreateICmpEQ(builder.CreateAnd(bits, word(0x7f800000)), word(0));
  Value *zero = builder.CreateAnd(bits, word(0x80000000));
  Value *quiet = builder.CreateOr(bits, word(0x400000));
  Value *result =
      builder.CreateSelect(builder.CreateFCmpUNO(number, number), quiet,
                           builder.CreateSelect(isSmall, zero, rounded));
  result = builder.CreateTrunc(builder.CreateLShr(result, word(16)), halves);
  return builder.CreateBitCast(
      result, number->getType()->getWithNewType(builder.getBFloatTy()));
}

/// x[n] less the whole number nearest to it.
static Value *reduceLanes(IRBuilder<> &builder, IntrinsicInst *call) {
  assert(cast<ConstantInt>(call->getArgOperand(1))->equalsInt(8) &&
         "no bits behind the point, to nearest even");
  Value *x = call->getArgOperand(0);
  return builder.CreateFSub(x,
                            builder.CreateUnaryIntrinsic(Intrinsic::rint, x));
}

/// a[n] 2^b[n], where `b` is whole and neither the result nor `a` is denormal,
/// or either is NaN.
static Value *scaleLanes(IRBuilder<> &builder, Value *a, Value *b) {
  Type *words = a->getType()->getWithNewType(builder.getInt32Ty());
  Value *power = builder.CreateShl(builder.CreateFPToSI(b, words),
                                   ConstantInt::get(words, 23));
  Value *scaled = builder.CreateAdd(builder.CreateBitCast(a, words), power);
  return builder.CreateSelect(builder.CreateFCmpUNO(a, b),
                              builder.CreateFAdd(a, b),
                              builder.CreateBitCast(scaled, a->getType()));
}

/// What `call` gives, of generic code; null when it is not known.
static Value *vectorResult(IntrinsicInst *call) {
  IRBuilder<> builder(call);
  auto operand = [&](unsigned index) { return call->getArgOperand(index); };
  switch (call->getIntrinsicID()) {
  case Intrinsic::x86_avx512_pmaddw_d_512:
    return multiplyPairs(builder, operand(0), operand(1));
  case Intrinsic::x86_avx512_pmaddubs_w_512:
    return onHalves(builder, Intrinsic::x86_avx2_pmadd_ub_sw, operand(0),
                    operand(1));
  case Intrinsic::x86_avx512_vpdpbusd_512:
    return multiplyFours(builder, operand(0), operand(1), operand(2));
  case Intrinsic::x86_avx512bf16_cvtne2ps2bf16_512:
    return roundToBf16(builder,
                       builder.CreateShuffleVector(operand(1), operand(0),
                                                   to_vector(seq(0, 32))));
  case Intrinsic::x86_avx512_mask_reduce_ps_512:
    return reduceLanes(builder, call);
  case Intrinsic::x86_avx512_mask_scalef_ps_512:
    return scaleLanes(builder, operand(0), operand(1));
  default:
    return nullptr;
  }
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// Whether this is code of the lowest level, or nothing of a level at all.
static bool isLow(const Instruction &instruction) {
  if (auto *truncation = dyn_cast<FPTruncInst>(&instruction))
    return !truncation->getType()->getScalarType()->isBFloatTy();
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  if (!call)
    return true;
  StringRef name = Intrinsic::getBaseName(call->getIntrinsicID());
  return !name.starts_with("llvm.x86.") || name.starts_with("llvm.x86.avx2.");
}

static Error replace(Instruction &instruction) {
  auto *truncation = dyn_cast<FPTruncInst>(&instruction);
  IRBuilder<> builder(&instruction);
  Value *result = truncation ? roundToBf16(builder, truncation->getOperand(0))
                             : vectorResult(cast<IntrinsicInst>(&instruction));
  if (!result)
    return createStringError(
        "no emulation of " +
        Intrinsic::getBaseName(
            cast<IntrinsicInst>(instruction).getIntrinsicID()));
  instruction.replaceAllUsesWith(result);
  instruction.eraseFromParent();
  return Error::success();
}

Error ashlar::emulateInstructions(Module &module) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    TileReplacer(function).run();
    for (Instruction &instruction :
         make_early_inc_range(instructions(function)))
      if (!isLow(instruction))
        if (Error error = replace(instruction))
          return error;
  }
  return Error::success();
}
