//===- EncodeTest.cpp - Numbers of a weight as the image holds them ------===//
//
// Panels are read back by the formulas of WeightLayout.h, one number at a time,
// and compared with float64.
//
//===----------------------------------------------------------------------===//

#include "compiler/Weights/Encode.h"
#include "compiler/Weights/HalfFloat.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace ashlar;

namespace {
/// Kinds of rows that are hard to encode.
enum class Rows {
  normal,
  zeros,
  someZeros,
  huge,
  tiny,
  denormal,
  equal,
  steep
};

std::vector<float> makeRows(Rows kind, int64_t count, int64_t depth) {
  std::mt19937 random(count * 1000 + depth);
  std::vector<float> rows(count * depth);
  for (int64_t row = 0; row < count; ++row)
    for (int64_t i = 0; i < depth; ++i) {
      float unit = static_cast<float>(random()) * 0x1p-31f - 1; // [-1, 1]
      float &number = rows[row * depth + i];
      switch (kind) {
      case Rows::normal:
        number = unit * unit * unit;
        break;
      case Rows::zeros:
        number = i % 2 ? -0.0f : 0.0f;
        break;
      case Rows::someZeros:
        number = row % 3 == 1 ? 0 : unit;
        break;
      case Rows::huge:
        number = unit * 3.4e38f;
        break;
      case Rows::tiny:
        number = unit * 1e-37f;
        break;
      case Rows::denormal:
        number = unit * 3e-44f;
        break;
      case Rows::equal:
        number = row % 2 ? 0.3f : -0.7f;
        break;
      case Rows::steep: // one number dwarfs the others
        number = i == depth / 2 ? 1e6f : unit;
        break;
      }
    }
  return rows;
}

struct Shape {
  int64_t rows, depth;
  bool gated = false;
};

class EncodeTest : public ::testing::Test {
protected:
  EncodeTest() { context.loadDialect<ir::AshlarDialect>(); }

  PanelLayout layoutOf(const Shape &shape, const std::string &encoding) {
    std::string size =
        std::to_string(shape.rows) + "x" + std::to_string(shape.depth);
    std::string text = "ashlar.weight @w [#ashlar.tensor<\"t\", [" +
                       std::to_string(shape.rows) + ", " +
                       std::to_string(shape.depth) + "], rows = 0 for " +
                       std::to_string(shape.rows) + ">] : tensor<" + size +
                       "xf32>";
    if (!encoding.empty())
      text += " encoded <" + encoding + ">";
    module = mlir::parseSourceString<mlir::ModuleOp>(
        text, mlir::ParserConfig(&context));
    return PanelLayout::of(*module->getOps<ir::WeightOp>().begin(),
                           shape.gated);
  }

  /// The whole weight, as the packer writes it.
  std::vector<char> encode(const PanelLayout &layout, const Shape &shape,
                           llvm::ArrayRef<float> rows, double *lost = nullptr) {
    PanelEncoder encoder(layout);
    std::vector<char> bytes;
    int64_t half = shape.gated ? shape.rows / 2 : shape.rows;
    for (int64_t row = 0; row < half; row += panelWidth)
      for (int64_t first = row; first < shape.rows; first += half) {
        int64_t count = std::min(panelWidth, half - row);
        EXPECT_TRUE(encoder.encode(
            rows.slice(first * shape.depth, count * shape.depth)));
        llvm::append_range(bytes, encoder.panel());
      }
    llvm::append_range(bytes, encoder.tail());
    EXPECT_EQ(static_cast<int64_t>(bytes.size()), layout.bytes);
    if (lost)
      *lost = encoder.errors().relative();
    return bytes;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Reads single numbers of what was encoded.
struct Decoder {
  const PanelLayout &layout;
  const std::vector<char> &bytes;
  const Shape &shape;

  template <typename T> T at(int64_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }
  /// Panel and place in it of feature `n`.
  std::pair<int64_t, int64_t> place(int64_t n) const {
    if (!shape.gated)
      return {n / 16, n % 16};
    int64_t half = shape.rows / 2;
    return {n % half / 16 * 2 + n / half, n % half % 16};
  }
  /// The byte of input `k` of a feature.
  int64_t byteOf(int64_t panel, int64_t place, int64_t k) const {
    int64_t inLine = k % layout.step;
    int64_t line = panel * layout.panelBytes + k / layout.step * 64 + place * 4;
    switch (layout.precision) {
    case ir::Precision::F32:
      return line;
    case ir::Precision::Bf16:
      return line + 2 * inLine;
    case ir::Precision::Int8:
      return line + inLine;
    case ir::Precision::Int4:
      return line + inLine % 4;
    }
  }
  /// As it is stored: with the zero point.
  int64_t number(int64_t panel, int64_t place, int64_t k) const {
    if (layout.precision == ir::Precision::Int8)
      return at<int8_t>(byteOf(panel, place, k));
    uint8_t both = at<uint8_t>(byteOf(panel, place, k));
    return k % 8 < 4 ? both & 15 : both >> 4;
  }
  double scale(int64_t panel, int64_t place, int64_t k) const {
    if (layout.precision == ir::Precision::Int8)
      return at<float>(layout.scales + (panel * 16 + place) * 4);
    int64_t index = (panel * layout.groups() + k / layout.group) * 16 + place;
    return bfloatToFloat(at<uint16_t>(layout.scales + index * 2));
  }
  int64_t zero(int64_t panel, int64_t place, int64_t k) const {
    if (layout.precision == ir::Precision::Int8)
      return 0;
    if (layout.zeroPoints < 0)
      return 8;
    int64_t index = (panel * layout.groups() + k / layout.group) * 16 + place;
    return at<uint8_t>(layout.zeroPoints + index);
  }
  double value(int64_t n, int64_t k) const {
    auto [panel, spot] = place(n);
    if (layout.precision == ir::Precision::F32)
      return at<float>(byteOf(panel, spot, k));
    if (layout.precision == ir::Precision::Bf16)
      return bfloatToFloat(at<uint16_t>(byteOf(panel, spot, k)));
    return (number(panel, spot, k) - zero(panel, spot, k)) *
           scale(panel, spot, k);
  }
};

constexpr Rows allKinds[] = {Rows::normal, Rows::zeros, Rows::someZeros,
                             Rows::huge,   Rows::tiny,  Rows::denormal,
                             Rows::equal,  Rows::steep};
constexpr Shape oddShapes[] = {{1, 1},          {1, 130},      {17, 20},
                               {63, 65},        {17, 63},      {63, 97},
                               {16, 128},       {2, 65, true}, {34, 20, true},
                               {30, 130, true}, {96, 64, true}};
constexpr const char *int4Encodings[] = {
    "int4, group = 32",
    "int4, group = 64",
    "int4, group = 128",
    "int4, group = 32, zero_points = true",
    "int4, group = 64, zero_points = true",
    "int4, group = 128, zero_points = true"};

/// What lies in panels but is no number of the weight decodes to 0.
void expectZeroPadding(const Decoder &decoder) {
  const PanelLayout &layout = decoder.layout;
  int64_t half =
      decoder.shape.gated ? decoder.shape.rows / 2 : decoder.shape.rows;
  int64_t halves = decoder.shape.gated ? 2 : 1;
  for (int64_t panel = 0; panel < layout.panels; ++panel)
    for (int64_t place = 0; place < 16; ++place) {
      bool isRow = panel / halves * 16 + place < half;
      for (int64_t k = isRow ? layout.depth : 0; k < layout.paddedDepth; ++k) {
        if (layout.precision == ir::Precision::Bf16 ||
            layout.precision == ir::Precision::F32)
          ASSERT_EQ(decoder.at<char>(decoder.byteOf(panel, place, k)), 0);
        else
          ASSERT_EQ(decoder.number(panel, place, k),
                    decoder.zero(panel, place, k));
      }
    }
}

/// |w - decoded| / |w|, in float64.
double lostOf(const Decoder &decoder, llvm::ArrayRef<float> rows) {
  double error = 0, norm = 0;
  for (int64_t n = 0; n < decoder.shape.rows; ++n)
    for (int64_t k = 0; k < decoder.shape.depth; ++k) {
      double number = rows[n * decoder.shape.depth + k];
      error += std::pow(number - decoder.value(n, k), 2);
      norm += number * number;
    }
  return norm == 0 ? 0 : std::sqrt(error / norm);
}

void expectLost(const Decoder &decoder, llvm::ArrayRef<float> rows,
                double lost) {
  double expected = lostOf(decoder, rows);
  if (!std::isfinite(expected)) { // bf16 of the greatest floats is infinity
    EXPECT_EQ(lost, expected);
    return;
  }
  EXPECT_NEAR(lost, expected, 1e-4 * expected + 1e-7);
}
} // namespace

TEST_F(EncodeTest, f32IsTheNumbersThemselves) {
  for (const Shape &shape : oddShapes) {
    PanelLayout layout = layoutOf(shape, "");
    std::vector<float> rows = makeRows(Rows::normal, shape.rows, shape.depth);
    double lost;
    std::vector<char> bytes = encode(layout, shape, rows, &lost);
    Decoder decoder{layout, bytes, shape};
    for (int64_t n = 0; n < shape.rows; ++n)
      for (int64_t k = 0; k < shape.depth; ++k)
        ASSERT_EQ(decoder.value(n, k), rows[n * shape.depth + k]);
    expectZeroPadding(decoder);
    EXPECT_EQ(lost, 0);
  }
}

TEST_F(EncodeTest, bf16IsTheNearest) {
  for (const Shape &shape : oddShapes)
    for (Rows kind : allKinds) {
      PanelLayout layout = layoutOf(shape, "bf16");
      std::vector<float> rows = makeRows(kind, shape.rows, shape.depth);
      double lost;
      std::vector<char> bytes = encode(layout, shape, rows, &lost);
      Decoder decoder{layout, bytes, shape};
      for (int64_t n = 0; n < shape.rows; ++n)
        for (int64_t k = 0; k < shape.depth; ++k) {
          float number = rows[n * shape.depth + k];
          ASSERT_EQ(decoder.value(n, k), bfloatToFloat(floatToBfloat(number)));
        }
      expectZeroPadding(decoder);
      expectLost(decoder, rows, lost);
    }
}

TEST_F(EncodeTest, bf16KeepsWhatIsNotFinite) {
  Shape shape{1, 3};
  PanelLayout layout = layoutOf(shape, "bf16");
  std::vector<float> rows{INFINITY, -INFINITY, NAN};
  double lost;
  std::vector<char> bytes = encode(layout, shape, rows, &lost);
  Decoder decoder{layout, bytes, shape};
  EXPECT_EQ(decoder.value(0, 0), INFINITY);
  EXPECT_EQ(decoder.value(0, 1), -INFINITY);
  EXPECT_TRUE(std::isnan(decoder.value(0, 2)));
  EXPECT_TRUE(std::isnan(lost));
}

TEST_F(EncodeTest, int8IsRoundedByRow) {
  for (const Shape &shape : oddShapes)
    for (Rows kind : allKinds) {
      PanelLayout layout = layoutOf(shape, "int8");
      std::vector<float> rows = makeRows(kind, shape.rows, shape.depth);
      double lost;
      std::vector<char> bytes = encode(layout, shape, rows, &lost);
      Decoder decoder{layout, bytes, shape};
      for (int64_t n = 0; n < shape.rows; ++n) {
        auto row = llvm::ArrayRef(rows).slice(n * shape.depth, shape.depth);
        float greatest = 0;
        for (float number : row)
          greatest = std::max(greatest, std::abs(number));
        auto [panel, place] = decoder.place(n);
        double scale = decoder.scale(panel, place, 0);
        ASSERT_EQ(scale, greatest / 127);
        int64_t sum = 0;
        for (int64_t k = 0; k < shape.depth; ++k) {
          int64_t number = decoder.number(panel, place, k);
          sum += number;
          double exact = scale == 0 ? 0 : row[k] / scale;
          exact = std::min(std::max(exact, -127.0), 127.0);
          ASSERT_LE(std::abs(number - exact), 0.5 + 1e-5);
        }
        ASSERT_EQ(decoder.at<int32_t>(layout.sums + (panel * 16 + place) * 4),
                  sum);
      }
      expectZeroPadding(decoder);
      expectLost(decoder, rows, lost);
    }
}

TEST_F(EncodeTest, tiesGoToEven) {
  // The scale is 1.
  std::vector<float> rows{127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f};
  Shape shape{1, 7};
  PanelLayout layout = layoutOf(shape, "int8");
  std::vector<char> bytes = encode(layout, shape, rows);
  Decoder decoder{layout, bytes, shape};
  int64_t expected[] = {127, 0, 2, 2, 0, -2, -2};
  for (int64_t k = 0; k < 7; ++k)
    EXPECT_EQ(decoder.number(0, 0, k), expected[k]);
}

TEST_F(EncodeTest, int4IsRoundedByGroup) {
  for (const char *encoding : int4Encodings)
    for (const Shape &shape : oddShapes)
      for (Rows kind : allKinds) {
        PanelLayout layout = layoutOf(shape, encoding);
        std::vector<float> rows = makeRows(kind, shape.rows, shape.depth);
        double lost;
        std::vector<char> bytes = encode(layout, shape, rows, &lost);
        Decoder decoder{layout, bytes, shape};
        for (int64_t n = 0; n < shape.rows; ++n)
          for (int64_t k = 0; k < shape.depth; ++k) {
            auto [panel, place] = decoder.place(n);
            double scale = decoder.scale(panel, place, k);
            int64_t zero = decoder.zero(panel, place, k);
            int64_t number = decoder.number(panel, place, k);
            bool symmetric = layout.zeroPoints < 0;
            ASSERT_LE(zero, 15);
            double exact = scale == 0 ? 0 : rows[n * shape.depth + k] / scale;
            exact =
                std::min<double>(std::max<double>(exact + zero, symmetric), 15);
            ASSERT_LE(std::abs(number - exact), 0.5 + 1e-5);
          }
        expectZeroPadding(decoder);
        expectLost(decoder, rows, lost);
      }
}

/// Numbers of one group by the plain rule, without a choice of scales.
static double plainInt4Error(llvm::ArrayRef<float> group, bool zeroPoints) {
  double least = 0, greatest = 0;
  for (float number : group) {
    least = std::min<double>(least, number);
    greatest = std::max<double>(greatest, number);
  }
  double range =
      zeroPoints ? (greatest - least) / 15 : std::max(greatest, -least) / 7;
  double scale = bfloatToFloat(floatToBfloat(static_cast<float>(range)));
  double zero = zeroPoints ? std::min(std::nearbyint(-least / scale), 15.0) : 8;
  double error = 0;
  for (float number : group) {
    double stored = std::nearbyint(number / scale) + zero;
    stored = std::min(std::max(stored, zeroPoints ? 0.0 : 1.0), 15.0);
    error += std::pow(number - (stored - zero) * scale, 2);
  }
  return error;
}

TEST_F(EncodeTest, int4ScalesAreNoWorseThanThePlainOnes) {
  for (const char *encoding : int4Encodings)
    for (Rows kind : {Rows::normal, Rows::equal, Rows::huge, Rows::steep}) {
      Shape shape{16, 128};
      PanelLayout layout = layoutOf(shape, encoding);
      std::vector<float> rows = makeRows(kind, shape.rows, shape.depth);
      std::vector<char> bytes = encode(layout, shape, rows);
      Decoder decoder{layout, bytes, shape};
      for (int64_t n = 0; n < shape.rows; ++n)
        for (int64_t first = 0; first < shape.depth; first += layout.group) {
          double error = 0;
          for (int64_t k = first; k < first + layout.group; ++k)
            error +=
                std::pow(rows[n * shape.depth + k] - decoder.value(n, k), 2);
          double plain = plainInt4Error(
              llvm::ArrayRef(rows).slice(n * shape.depth + first, layout.group),
              layout.zeroPoints >= 0);
          ASSERT_LE(error, plain * (1 + 1e-4) + 1e-30);
        }
    }
}

TEST_F(EncodeTest, zeroPointsReachRowsOfOneSign) {
  // All in [2, 3]: sixteen steps of a range that includes 0, not eight.
  Shape shape{1, 32};
  std::vector<float> rows;
  for (int64_t i = 0; i < 32; ++i)
    rows.push_back(2 + static_cast<float>(i) / 31);
  double lost[2];
  PanelLayout layout = layoutOf(shape, int4Encodings[0]);
  encode(layout, shape, rows, &lost[0]);
  layout = layoutOf(shape, int4Encodings[3]);
  std::vector<char> bytes = encode(layout, shape, rows, &lost[1]);
  Decoder decoder{layout, bytes, shape};
  EXPECT_EQ(decoder.zero(0, 0, 0), 0);
  EXPECT_LT(lost[1], 0.7 * lost[0]);
}

TEST_F(EncodeTest, quantizedNumbersAreFinite) {
  for (const char *encoding : {"int8", int4Encodings[0], int4Encodings[3]})
    for (float number : {INFINITY, -INFINITY, NAN, -NAN}) {
      PanelLayout layout = layoutOf({17, 70}, encoding);
      std::vector<float> rows(70, 1.0f);
      rows[69] = number;
      EXPECT_FALSE(PanelEncoder(layout).encode(rows)) << encoding;
    }
}

TEST_F(EncodeTest, tablesAreBf16InPaddedRows) {
  std::vector<float> rows = makeRows(Rows::normal, 3, 19);
  std::vector<uint16_t> out;
  ErrorSums sums;
  encodeTable(rows, 19, 32, out, sums);
  ASSERT_EQ(out.size(), 3u * 32);
  double error = 0, norm = 0;
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t column = 0; column < 32; ++column) {
      float number = column < 19 ? rows[row * 19 + column] : 0;
      ASSERT_EQ(out[row * 32 + column], floatToBfloat(number));
      error += std::pow(number - bfloatToFloat(out[row * 32 + column]), 2);
      norm += std::pow(number, 2);
    }
  EXPECT_NEAR(sums.relative(), std::sqrt(error / norm), 1e-9);
}
