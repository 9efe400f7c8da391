//===- EmulationTest.cpp - Instructions of levels above the lowest --------===//
//
// Each against plain arithmetic, run in this process: catches lanes that are
// mixed up, shapes that are taken for whole tiles, signs, sums that saturate,
// another order of additions, and tiles that lose their values in loops.
//
//===----------------------------------------------------------------------===//

#include "compiler/Codegen/Emulation.h"
#include "compiler/Codegen/Embedded.h"
#include "compiler/Codegen/Target.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace ashlar;

namespace {
/// Code of one function "f" on four pointers, emulated.
class Emulated {
public:
  explicit Emulated(const std::string &body) {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    auto context = std::make_unique<llvm::LLVMContext>();
    llvm::SMDiagnostic diagnostic;
    std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(
        "define void @f(ptr %a, ptr %b, ptr %c, ptr %out) {\n" + body + "}\n",
        diagnostic, *context);
    EXPECT_TRUE(module) << diagnostic.getMessage().str();
    error = llvm::toString(emulateInstructions(*module));
    EXPECT_FALSE(llvm::verifyModule(*module, &llvm::errs()));
    llvm::raw_string_ostream(text) << *module;
    if (error.empty())
      load(llvm::orc::ThreadSafeModule(std::move(module), std::move(context)));
  }

  void operator()(const void *a, const void *b, const void *c, void *out) {
    function(a, b, c, out);
  }

  std::string text, error;

private:
  void load(llvm::orc::ThreadSafeModule module) {
    auto made = llvm::orc::LLJITBuilder().create();
    ASSERT_TRUE(!!made) << llvm::toString(made.takeError());
    jit = std::move(*made);
    module.withModuleDo([&](llvm::Module &code) {
      code.setDataLayout(jit->getDataLayout());
      for (llvm::Function &f : code)
        if (!f.isDeclaration())
          setTargetAttributes(f, *emulationOf(targets().back()));
    });
    ASSERT_FALSE(!!jit->addObjectFile(llvm::MemoryBuffer::getMemBuffer(
        embedded::tilesObject(), "tiles", /*RequiresNullTerminator=*/false)));
    ASSERT_FALSE(!!jit->addIRModule(std::move(module)));
    auto address = jit->lookup("f");
    ASSERT_TRUE(!!address) << llvm::toString(address.takeError());
    function = address->toPtr<void (*)(const void *, const void *, const void *,
                                       void *)>();
  }

  std::unique_ptr<llvm::orc::LLJIT> jit;
  void (*function)(const void *, const void *, const void *, void *) = nullptr;
};

/// Random bytes; as bf16 they would be numbers of all sizes.
template <typename T, size_t N> std::array<T, N> randomNumbers(unsigned seed) {
  std::mt19937 generator(seed);
  std::array<T, N> numbers;
  for (T &number : numbers)
    if constexpr (std::is_same_v<T, float>)
      number = std::normal_distribution<float>()(generator);
    else
      number = static_cast<T>(generator());
  return numbers;
}

uint16_t bf16Of(float number) { return std::bit_cast<uint32_t>(number) >> 16; }
float floatOf(uint16_t bf16) { return std::bit_cast<float>(bf16 << 16); }
} // namespace

TEST(Emulation, Vpdpbusd) {
  Emulated code(R"(
  %x = load <64 x i8>, ptr %a
  %y = load <64 x i8>, ptr %b
  %z = load <16 x i32>, ptr %c
  %r = call <16 x i32> @llvm.x86.avx512.vpdpbusd.512(<16 x i32> %z, <64 x i8> %x, <64 x i8> %y)
  store <16 x i32> %r, ptr %out
  ret void
)");
  EXPECT_EQ(code.text.find("call <16 x i32>"), std::string::npos);
  alignas(64) auto a = randomNumbers<uint8_t, 64>(1);
  alignas(64) auto b = randomNumbers<int8_t, 64>(2);
  alignas(64) auto c = randomNumbers<int32_t, 16>(3);
  // What pmaddubsw would saturate.
  std::fill_n(a.begin(), 8, 255);
  std::fill_n(b.begin(), 4, -128);
  std::fill_n(b.begin() + 4, 4, 127);
  c[0] = INT32_MIN;
  alignas(64) int32_t out[16];
  code(a.data(), b.data(), c.data(), out);
  for (int n = 0; n < 16; ++n) {
    uint32_t sum = c[n];
    for (int i = 4 * n; i < 4 * n + 4; ++i)
      sum += static_cast<uint32_t>(int32_t(a[i]) * b[i]);
    EXPECT_EQ(static_cast<uint32_t>(out[n]), sum) << n;
  }
}

TEST(Emulation, Pmaddwd) {
  Emulated code(R"(
  %x = load <32 x i16>, ptr %a
  %y = load <32 x i16>, ptr %b
  %r = call <16 x i32> @llvm.x86.avx512.pmaddw.d.512(<32 x i16> %x, <32 x i16> %y)
  store <16 x i32> %r, ptr %out
  ret void
)");
  alignas(64) auto a = randomNumbers<int16_t, 32>(1);
  alignas(64) auto b = randomNumbers<int16_t, 32>(2);
  alignas(64) int32_t out[16];
  code(a.data(), b.data(), nullptr, out);
  for (int n = 0; n < 16; ++n)
    EXPECT_EQ(out[n], a[2 * n] * b[2 * n] + a[2 * n + 1] * b[2 * n + 1]);
}

TEST(Emulation, Pmaddubsw) {
  Emulated code(R"(
  %x = load <64 x i8>, ptr %a
  %y = load <64 x i8>, ptr %b
  %r = call <32 x i16> @llvm.x86.avx512.pmaddubs.w.512(<64 x i8> %x, <64 x i8> %y)
  store <32 x i16> %r, ptr %out
  ret void
)");
  alignas(64) auto a = randomNumbers<uint8_t, 64>(1);
  alignas(64) auto b = randomNumbers<int8_t, 64>(2);
  // It saturates.
  std::fill_n(a.begin(), 4, 255);
  std::fill_n(b.begin(), 2, -128);
  std::fill_n(b.begin() + 2, 2, 127);
  alignas(64) int16_t out[32];
  code(a.data(), b.data(), nullptr, out);
  for (int n = 0; n < 32; ++n) {
    int sum = a[2 * n] * b[2 * n] + a[2 * n + 1] * b[2 * n + 1];
    EXPECT_EQ(out[n], std::clamp(sum, -32768, 32767)) << n;
  }
}

TEST(Emulation, RoundingToBf16) {
  Emulated code(R"(
  %x = load <16 x float>, ptr %a
  %r = fptrunc <16 x float> %x to <16 x bfloat>
  store <16 x bfloat> %r, ptr %out
  ret void
)");
  // To even both ways, up, down, into infinity, not a number, too small, zeros.
  alignas(64) uint32_t a[16] = {0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff,
                                0xbf818000, 0x7f7fffff, 0x7f800000, 0xff800000,
                                0x7f800001, 0xffc12345, 0x00008001, 0x807fffff,
                                0x00800000, 0x00000000, 0x80000000, 0x00ffffff};
  uint16_t expected[16] = {0x3f80, 0x3f82, 0x3f81, 0x3f80, 0xbf82, 0x7f80,
                           0x7f80, 0xff80, 0x7fc0, 0xffc1, 0x0000, 0x8000,
                           0x0080, 0x0000, 0x8000, 0x0100};
  alignas(64) uint16_t out[16];
  code(a, nullptr, nullptr, out);
  for (int n = 0; n < 16; ++n)
    EXPECT_EQ(out[n], expected[n]) << n;
}

// Of two vectors the second one's numbers come first.
TEST(Emulation, TwoVectorsToBf16) {
  Emulated code(R"(
  %x = load <16 x float>, ptr %a
  %y = load <16 x float>, ptr %b
  %r = call <32 x bfloat> @llvm.x86.avx512bf16.cvtne2ps2bf16.512(<16 x float> %y, <16 x float> %x)
  store <32 x bfloat> %r, ptr %out
  ret void
)");
  EXPECT_EQ(code.text.find("call <32 x bfloat>"), std::string::npos);
  alignas(64) auto a = randomNumbers<float, 16>(1);
  alignas(64) auto b = randomNumbers<float, 16>(2);
  alignas(64) uint16_t out[32];
  code(a.data(), b.data(), nullptr, out);
  for (int n = 0; n < 32; ++n) {
    float number = n < 16 ? a[n] : b[n - 16];
    EXPECT_LE(std::abs(floatOf(out[n]) - number), std::abs(number) / 256) << n;
  }
}

TEST(Emulation, LessTheNearestWholeNumber) {
  Emulated code(R"(
  %x = load <16 x float>, ptr %a
  %r = call <16 x float> @llvm.x86.avx512.mask.reduce.ps.512(<16 x float> %x, i32 8, <16 x float> %x, i16 -1, i32 4)
  store <16 x float> %r, ptr %out
  ret void
)");
  EXPECT_EQ(code.text.find("call <16 x float> @llvm.x86"), std::string::npos);
  alignas(64) float a[16] = {0.0f,    0.5f,  1.5f,   2.5f,    -0.5f, -1.5f,
                             -124.5f, 3.25f, -3.25f, 0.7f,    -0.7f, 1e-20f,
                             100.4f,  -7.0f, 8e6f,   -124.99f};
  alignas(64) float out[16];
  code(a, nullptr, nullptr, out);
  for (int n = 0; n < 16; ++n)
    EXPECT_EQ(out[n], a[n] - std::nearbyint(a[n])) << a[n];
  a[3] = NAN;
  code(a, nullptr, nullptr, out);
  EXPECT_TRUE(std::isnan(out[3]));
}

TEST(Emulation, TimesPowersOfTwo) {
  Emulated code(R"(
  %x = load <16 x float>, ptr %a
  %y = load <16 x float>, ptr %b
  %r = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %x, <16 x float> %y, <16 x float> %x, i16 -1, i32 4)
  store <16 x float> %r, ptr %out
  ret void
)");
  EXPECT_EQ(code.text.find("call <16 x float> @llvm.x86"), std::string::npos);
  alignas(64) auto a = randomNumbers<float, 16>(1);
  alignas(64) float b[16] = {0, 1, -1, 2,  -2, 7,   -125, 126,
                             3, 4, 5,  -6, 10, -20, 30,   -40};
  a[6] = 1.25f, a[7] = 1.25f;
  alignas(64) float out[16];
  code(a.data(), b, nullptr, out);
  for (int n = 0; n < 16; ++n)
    EXPECT_EQ(out[n], std::ldexp(a[n], int(b[n]))) << a[n] << " " << b[n];
  a[2] = NAN, b[3] = NAN;
  code(a.data(), b, nullptr, out);
  EXPECT_TRUE(std::isnan(out[2]) && std::isnan(out[3]));
}

/// sum(c) + a b of 11 rows, 5 columns and 7 words between.
static std::string oddProduct(const std::string &instruction) {
  return R"(
  %x = call x86_amx @llvm.x86.tileloadd64.internal(i16 11, i16 28, ptr %a, i64 28)
  %y = call x86_amx @llvm.x86.tileloaddt164.internal(i16 7, i16 20, ptr %b, i64 24)
  %z = call x86_amx @llvm.x86.tileloadd64.internal(i16 11, i16 20, ptr %c, i64 20)
  %r = call x86_amx @llvm.x86.)" +
         instruction +
         R"(.internal(i16 11, i16 20, i16 28, x86_amx %z, x86_amx %x, x86_amx %y)
  call void @llvm.x86.tilestored64.internal(i16 11, i16 20, ptr %out, i64 32, x86_amx %r)
  ret void
)";
}

TEST(Emulation, BytesInTiles) {
  Emulated code(oddProduct("tdpbssd"));
  EXPECT_EQ(code.text.find("call x86_amx"), std::string::npos);
  auto a = randomNumbers<int8_t, 11 * 28>(1);
  auto b = randomNumbers<int8_t, 7 * 24>(2);
  auto c = randomNumbers<int32_t, 11 * 5>(3);
  int32_t out[11][8];
  std::memset(out, 0x55, sizeof out);
  code(a.data(), b.data(), c.data(), out);
  for (int m = 0; m < 11; ++m)
    for (int n = 0; n < 8; ++n) {
      uint32_t sum = n < 5 ? c[5 * m + n] : 0x55555555;
      for (int k = 0; n < 5 && k < 28; ++k)
        sum += static_cast<uint32_t>(a[28 * m + k] *
                                     b[24 * (k / 4) + 4 * n + k % 4]);
      EXPECT_EQ(static_cast<uint32_t>(out[m][n]), sum) << m << " " << n;
    }
}

TEST(Emulation, Bf16InTiles) {
  Emulated code(oddProduct("tdpbf16ps"));
  auto floats = randomNumbers<float, 11 * 14 + 7 * 12>(1);
  std::array<uint16_t, 11 * 14> a;
  std::array<uint16_t, 7 * 12> b;
  std::transform(floats.begin(), floats.begin() + a.size(), a.begin(), bf16Of);
  std::transform(floats.begin() + a.size(), floats.end(), b.begin(), bf16Of);
  auto c = randomNumbers<float, 11 * 5>(3);
  float out[11][8];
  code(a.data(), b.data(), c.data(), out);
  for (int m = 0; m < 11; ++m)
    for (int n = 0; n < 5; ++n) {
      float chains[2] = {0, 0};
      for (int k = 0; k < 14; ++k)
        chains[k % 2] =
            std::fma(floatOf(a[14 * m + k]),
                     floatOf(b[12 * (k / 2) + 2 * n + k % 2]), chains[k % 2]);
      EXPECT_EQ(out[m][n], c[5 * m + n] + (chains[0] + chains[1]));
    }
}

// Two tiles change places seven times, and one grows meanwhile; the first is
// wanted again behind the loop, as it came into the last round.
TEST(Emulation, TilesInLoops) {
  Emulated code(R"(
entry:
  %x = call x86_amx @llvm.x86.tileloadd64.internal(i16 16, i16 64, ptr %a, i64 64)
  %y = call x86_amx @llvm.x86.tileloadd64.internal(i16 16, i16 64, ptr %b, i64 64)
  %zero = call x86_amx @llvm.x86.tilezero.internal(i16 16, i16 64)
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %p = phi x86_amx [ %x, %entry ], [ %q, %loop ]
  %q = phi x86_amx [ %y, %entry ], [ %p, %loop ]
  %sum = phi x86_amx [ %zero, %entry ], [ %more, %loop ]
  %more = call x86_amx @llvm.x86.tdpbssd.internal(i16 16, i16 64, i16 64, x86_amx %sum, x86_amx %p, x86_amx %q)
  %next = add i64 %i, 1
  %again = icmp ult i64 %next, 7
  br i1 %again, label %loop, label %done
done:
  call void @llvm.x86.tilestored64.internal(i16 16, i16 64, ptr %c, i64 64, x86_amx %p)
  call void @llvm.x86.tilestored64.internal(i16 16, i16 64, ptr %out, i64 64, x86_amx %more)
  ret void
)");
  auto a = randomNumbers<int8_t, 1024>(1);
  auto b = randomNumbers<int8_t, 1024>(2);
  std::array<int8_t, 1024> c;
  int32_t out[16][16];
  code(a.data(), b.data(), c.data(), out);
  EXPECT_EQ(c, a); // round 0, 2, 4, 6
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 16; ++n) {
      int32_t ab = 0, ba = 0;
      for (int k = 0; k < 64; ++k) {
        int inner = 64 * (k / 4) + 4 * n + k % 4;
        ab += a[64 * m + k] * b[inner];
        ba += b[64 * m + k] * a[inner];
      }
      EXPECT_EQ(out[m][n], 4 * ab + 3 * ba);
    }
}

// Code for the level that is not emulated would end the process elsewhere.
TEST(Emulation, UnknownInstructionIsAnError) {
  Emulated code(R"(
  %x = load <16 x float>, ptr %a
  %r = call <16 x float> @llvm.x86.avx512.rcp14.ps.512(<16 x float> %x, <16 x float> %x, i16 -1)
  store <16 x float> %r, ptr %out
  ret void
)");
  EXPECT_EQ(code.error, "no emulation of llvm.x86.avx512.rcp14.ps.512");
}
