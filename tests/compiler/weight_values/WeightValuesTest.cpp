//===- WeightValuesTest.cpp - The numbers of an ashlar.weight -------------===//

#include "compiler/Weights/WeightValues.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace ashlar;

namespace {
/// Element i of every tensor is 1000 * (its layer + 1) + i; counts reads.
class CountingReader : public TensorReader {
public:
  llvm::Error read(llvm::StringRef name, llvm::ArrayRef<int64_t> stored,
                   int64_t first, llvm::MutableArrayRef<float> out) override {
    int layer = -1;
    size_t digit = name.find_first_of("0123456789");
    if (digit != llvm::StringRef::npos)
      name.substr(digit, 1).getAsInteger(10, layer);
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = 1000.0f * (layer + 1) + first + i;
    elements += out.size();
    names.push_back(name.str());
    return llvm::Error::success();
  }
  size_t elements = 0;
  std::vector<std::string> names;
};

class WeightValuesTest : public ::testing::Test {
protected:
  WeightValuesTest() { context.loadDialect<ir::AshlarDialect>(); }

  /// The weight @w of `sources` and `type`.
  ir::WeightOp parse(const std::string &sources, const std::string &type) {
    module = mlir::parseSourceString<mlir::ModuleOp>(
        "ashlar.weight @w [" + sources + "] : tensor<" + type + "xf32>",
        mlir::ParserConfig(&context));
    return module ? *module->getOps<ir::WeightOp>().begin() : ir::WeightOp();
  }

  template <typename T>
  std::vector<T> read(WeightValues &values, ir::WeightOp weight, int64_t first,
                      int64_t count, int64_t layer = 0) {
    std::vector<T> out(count * weight.getColumns(), T(-1));
    llvm::Error error = values.readRows(weight, layer, first, count,
                                        llvm::MutableArrayRef<T>(out));
    EXPECT_FALSE(error) << llvm::toString(std::move(error));
    return out;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CountingReader reader;
  WeightValues values{reader};
};
} // namespace

TEST_F(WeightValuesTest, rowsOfASlice) {
  auto weight = parse(R"(#ashlar.tensor<"t", [6, 2], rows = 3 for 2>)", "2x2");
  EXPECT_EQ(read<float>(values, weight, 0, 2),
            (std::vector<float>{6, 7, 8, 9}));
  EXPECT_EQ(read<double>(values, weight, 1, 1), (std::vector<double>{8, 9}));
}

TEST_F(WeightValuesTest, layersReadTheirOwnTensor) {
  auto weight =
      parse(R"(#ashlar.tensor<"h.{layer}.t", [2], rows = 0 for 2>)", "2");
  EXPECT_EQ(read<float>(values, weight, 0, 2, /*layer=*/4),
            (std::vector<float>{5000, 5001}));
  EXPECT_EQ(reader.names.back(), "h.4.t");
}

TEST_F(WeightValuesTest, scaledNumbers) {
  auto weight = parse(R"(#ashlar.tensor<"t", [2, 2], rows = 0 for 2>)", "2x2");
  mlir::Builder builder(&context);
  weight.setSourcesAttr(builder.getArrayAttr({ir::TensorSourceAttr::get(
      &context, "t", {2, 2}, /*begin=*/0, /*count=*/2, /*piece=*/2,
      /*every=*/2, /*transposed=*/false, /*convolution=*/false,
      /*plus=*/mlir::FloatAttr(), builder.getF64FloatAttr(2.5))}));
  EXPECT_EQ(read<float>(values, weight, 0, 2),
            (std::vector<float>{0, 2.5, 5, 7.5}));
  EXPECT_EQ(read<double>(values, weight, 1, 1), (std::vector<double>{5, 7.5}));
}

/// Stored [2, 3, 2]: three channels of two taps; rows come tap by tap.
TEST_F(WeightValuesTest, tapsOfAConvolution) {
  auto weight = parse(
      R"(#ashlar.tensor<"t", [2, 3, 2], rows = 0 for 2, convolution = true>)",
      "2x6");
  EXPECT_EQ(read<float>(values, weight, 0, 2),
            (std::vector<float>{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}));
  EXPECT_EQ(read<double>(values, weight, 1, 1),
            (std::vector<double>{6, 8, 10, 7, 9, 11}));
}

/// Stored [in, out]: logical row o is column o of what is stored.
static std::vector<float> columns(int64_t in, int64_t out, int64_t first,
                                  int64_t count) {
  std::vector<float> expected;
  for (int64_t o = first; o < first + count; ++o)
    for (int64_t i = 0; i < in; ++i)
      expected.push_back(i * out + o);
  return expected;
}

TEST_F(WeightValuesTest, transposedRowsAreReadOnce) {
  auto weight = parse(
      R"(#ashlar.tensor<"t", [37, 50], rows = 10 for 35, transposed = true>)",
      "35x37");
  for (int64_t row = 0; row < 35; row += 16) {
    int64_t count = std::min<int64_t>(16, 35 - row);
    EXPECT_EQ(read<float>(values, weight, row, count),
              columns(37, 50, 10 + row, count));
  }
  EXPECT_EQ(reader.elements, 37u * 50u);
}

TEST_F(WeightValuesTest, transposedRowsThroughASmallWindow) {
  auto weight = parse(
      R"(#ashlar.tensor<"t", [37, 50], rows = 0 for 50, transposed = true>)",
      "50x37");
  // Room for 20 rows: 3 windows for 16 rows at a time, going forward.
  WeightValues small(reader, 20 * 37 * sizeof(float));
  for (int64_t row = 0; row < 50; row += 16) {
    int64_t count = std::min<int64_t>(16, 50 - row);
    EXPECT_EQ(read<float>(small, weight, row, count),
              columns(37, 50, row, count));
  }
  // Room for no row at all: what was asked for is read nevertheless.
  WeightValues tiny(reader, 1);
  EXPECT_EQ(read<float>(tiny, weight, 7, 3), columns(37, 50, 7, 3));
  EXPECT_EQ(read<float>(tiny, weight, 48, 2), columns(37, 50, 48, 2));
}

TEST_F(WeightValuesTest, transposedTensorsOfDifferentLayers) {
  auto weight = parse(
      R"(#ashlar.tensor<"h.{layer}", [1, 3], rows = 0 for 3, transposed = true>)",
      "3x1");
  EXPECT_EQ(read<float>(values, weight, 0, 3, 1),
            (std::vector<float>{2000, 2001, 2002}));
  EXPECT_EQ(read<float>(values, weight, 0, 3, 2),
            (std::vector<float>{3000, 3001, 3002}));
}

TEST_F(WeightValuesTest, sourcesOnTopOfEachOther) {
  auto weight = parse(R"(#ashlar.tensor<"a", [3], rows = 1 for 2>,
                         #ashlar.zeros<3>,
                         #ashlar.tensor<"b", [9], rows = 7 for 2>)",
                      "7");
  EXPECT_EQ(read<float>(values, weight, 0, 7),
            (std::vector<float>{1, 2, 0, 0, 0, 7, 8}));
  // Every part by itself, over every border.
  std::vector<float> all = read<float>(values, weight, 0, 7);
  for (int64_t first = 0; first <= 7; ++first)
    for (int64_t count = 0; first + count <= 7; ++count)
      EXPECT_EQ(
          read<float>(values, weight, first, count),
          std::vector<float>(all.begin() + first, all.begin() + first + count));
}

TEST_F(WeightValuesTest, offsetBeforeScale) {
  auto weight = parse(R"(#ashlar.tensor<"a", [2], rows = 0 for 2,
                                         plus = 1.0 : f64>,
                         #ashlar.zeros<1>,
                         #ashlar.tensor<"b", [2], rows = 0 for 2,
                                         plus = -3.0 : f64, scale = 0.5 : f64>)",
                      "5");
  EXPECT_EQ(read<float>(values, weight, 0, 5),
            (std::vector<float>{1, 2, 0, -1.5, -1}));
  EXPECT_EQ(read<double>(values, weight, 3, 2),
            (std::vector<double>{-1.5, -1}));
}

/// Every part by itself, over every border between pieces.
static void
expectParts(const std::vector<float> &all, int64_t columns,
            llvm::function_ref<std::vector<float>(int64_t, int64_t)> readRows) {
  auto rows = static_cast<int64_t>(all.size()) / columns;
  for (int64_t first = 0; first <= rows; ++first)
    for (int64_t count = 0; first + count <= rows; ++count)
      EXPECT_EQ(readRows(first, count),
                std::vector<float>(all.begin() + first * columns,
                                   all.begin() + (first + count) * columns))
          << first << " " << count;
}

TEST_F(WeightValuesTest, piecesOfRows) {
  auto weight = parse(
      R"(#ashlar.tensor<"t", [12, 2], rows = 1 for 6 by 2 every 4>)", "6x2");
  expectParts({2, 3, 4, 5, 10, 11, 12, 13, 18, 19, 20, 21}, 2,
              [&](int64_t first, int64_t count) {
                return read<float>(values, weight, first, count);
              });
}

TEST_F(WeightValuesTest, piecesOfVectors) {
  auto weight = parse(
      R"(#ashlar.tensor<"t", [12], rows = 1 for 6 by 2 every 4, scale = 2.0 : f64>)",
      "6");
  expectParts({2, 4, 10, 12, 18, 20}, 1, [&](int64_t first, int64_t count) {
    return read<float>(values, weight, first, count);
  });
}

TEST_F(WeightValuesTest, piecesOfTransposedRows) {
  auto weight = parse(R"(#ashlar.tensor<"t", [3, 12],
                             rows = 1 for 6 by 2 every 4, transposed = true>)",
                      "6x3");
  std::vector<float> all;
  for (int64_t row : {1, 5, 9})
    llvm::append_range(all, columns(3, 12, row, 2));
  EXPECT_EQ(read<float>(values, weight, 0, 6), all);
  EXPECT_EQ(reader.elements, 3u * 12u); // once
  // Through windows of the whole tensor, of 5 rows, and of as little as is
  // asked for.
  for (size_t windowBytes : {1000, 5 * 3 * 4, 1}) {
    WeightValues through(reader, windowBytes);
    expectParts(all, 3, [&](int64_t first, int64_t count) {
      return read<float>(through, weight, first, count);
    });
  }
}

TEST_F(WeightValuesTest, sinusoids) {
  auto weight = parse("#ashlar.sinusoid<interleaved, 9 x 6>", "9x6");
  std::vector<double> row = read<double>(values, weight, 5, 1);
  double slow = 5 / std::pow(10000.0, 4.0 / 6.0);
  EXPECT_NEAR(row[0], std::sin(5.0), 1e-15);
  EXPECT_NEAR(row[1], std::cos(5.0), 1e-15);
  EXPECT_NEAR(row[4], std::sin(slow), 1e-15);
  EXPECT_NEAR(row[5], std::cos(slow), 1e-15);

  weight = parse("#ashlar.sinusoid<split_half, 9 x 6>", "9x6");
  row = read<double>(values, weight, 5, 1);
  EXPECT_NEAR(row[0], std::sin(5.0), 1e-15);
  EXPECT_NEAR(row[2], std::sin(slow), 1e-15);
  EXPECT_NEAR(row[3], std::cos(5.0), 1e-15);
  EXPECT_NEAR(row[5], std::cos(slow), 1e-15);
  EXPECT_EQ(read<float>(values, weight, 5, 1)[2], static_cast<float>(row[2]));
}

TEST_F(WeightValuesTest, sinusoidsOfOddWidth) {
  auto weight = parse("#ashlar.sinusoid<split_half, 4 x 5>", "4x5");
  std::vector<double> row = read<double>(values, weight, 3, 1);
  EXPECT_NEAR(row[2], std::sin(3 / std::pow(10000.0, 4.0 / 5.0)), 1e-15);
  EXPECT_NEAR(row[3], std::cos(3.0), 1e-15);
}

/// The last wavelength is 10000 * 2 pi; a column without a pair is zero.
TEST_F(WeightValuesTest, sinusoidsToTheEnd) {
  auto weight =
      parse("#ashlar.sinusoid<split_half, inclusive = true, 9 x 7>", "9x7");
  ASSERT_TRUE(weight);
  std::vector<double> row = read<double>(values, weight, 5, 1);
  EXPECT_NEAR(row[0], std::sin(5.0), 1e-15);
  EXPECT_NEAR(row[1], std::sin(0.05), 1e-15);
  EXPECT_NEAR(row[2], std::sin(0.0005), 1e-15);
  EXPECT_NEAR(row[3], std::cos(5.0), 1e-15);
  EXPECT_NEAR(row[5], std::cos(0.0005), 1e-15);
  EXPECT_EQ(row[6], 0.0);
}

TEST_F(WeightValuesTest, sinusoidsWithoutThePaddings) {
  auto weight = parse("#ashlar.sinusoid<split_half, zero = 1, 4 x 5>", "4x5");
  EXPECT_EQ(read<double>(values, weight, 1, 1), std::vector<double>(5, 0.0));
  EXPECT_NE(read<double>(values, weight, 2, 1), std::vector<double>(5, 0.0));
  EXPECT_EQ(read<double>(values, weight, 0, 1)[3], 1.0);
}

/// Turns per position in two floats, a row for each length.
TEST_F(WeightValuesTest, rotaryFrequencies) {
  auto weight = parse("#ashlar.rotary_frequencies<<4, theta = 100.0 : f64, "
                      "dynamic, factor = 2.0 : f64, low = 1.0 : f64, "
                      "high = 4.0 : f64, original = 8>, 5>",
                      "5x4");
  ASSERT_TRUE(weight);
  const double twoPi = 2 * std::acos(-1.0);
  const std::pair<int64_t, double> rows[] = {{0, 0.1}, {4, 0.05}};
  for (auto [row, second] : rows) {
    std::vector<float> numbers = read<float>(values, weight, row, 1);
    EXPECT_EQ(numbers[0], static_cast<float>(1 / twoPi));
    EXPECT_NEAR(double(numbers[0]) + numbers[2], 1 / twoPi, 1e-15);
    EXPECT_NEAR(double(numbers[1]) + numbers[3], second / twoPi, 1e-16);
  }
}

TEST_F(WeightValuesTest, rotaryTables) {
  auto weight = parse("#ashlar.rotary_table<<4, theta = 100.0 : f64, none, "
                      "factor = 1.0 : f64, low = 1.0 : f64, high = 4.0 : f64, "
                      "original = 0>, 8>",
                      "8x4");
  ASSERT_TRUE(weight);
  std::vector<double> row = read<double>(values, weight, 7, 1);
  EXPECT_NEAR(row[0], std::cos(7.0), 1e-15);
  EXPECT_NEAR(row[1], std::cos(0.7), 1e-15);
  EXPECT_NEAR(row[2], std::sin(7.0), 1e-15);
  EXPECT_NEAR(row[3], std::sin(0.7), 1e-15);
}

/// Every entry of a pair has its cosine, and behind all of them the sine that
/// the other one is multiplied by.
TEST_F(WeightValuesTest, rotaryTablesOfNeighbours) {
  auto weight = parse("#ashlar.rotary_table<<4 interleaved = true, "
                      "theta = 100.0 : f64, none, factor = 1.0 : f64, "
                      "low = 1.0 : f64, high = 4.0 : f64, original = 0, "
                      "magnitude = 1.5 : f64>, 8>",
                      "8x8");
  ASSERT_TRUE(weight);
  std::vector<double> row = read<double>(values, weight, 7, 1);
  const double expected[] = {std::cos(7.0),  std::cos(7.0),  std::cos(0.7),
                             std::cos(0.7),  -std::sin(7.0), std::sin(7.0),
                             -std::sin(0.7), std::sin(0.7)};
  for (size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(row[i], 1.5 * expected[i], 1e-15) << i;
}

/// Rows of `columns` entries around the distance 0 at `behind`: slope times
/// distance.
static std::vector<double> ramps(llvm::ArrayRef<double> slopes, int64_t columns,
                                 int64_t behind) {
  std::vector<double> result;
  for (double slope : slopes)
    for (int64_t c = 0; c < columns; ++c)
      result.push_back(slope * static_cast<double>(c - behind));
  return result;
}

/// Press et al. 2021: 8 heads have 1/2, 1/4, ... 1/256.
TEST_F(WeightValuesTest, alibiOfAPowerOfTwo) {
  auto weight = parse("#ashlar.alibi_table<8 x 5, behind = 3, "
                      "max_bias = 8.0 : f64, scale = 1.0 : f64>",
                      "8x5");
  ASSERT_TRUE(weight);
  std::vector<double> slopes;
  for (double slope = 0.5; slope >= 1.0 / 256; slope /= 2)
    slopes.push_back(slope);
  EXPECT_EQ(read<double>(values, weight, 0, 8), ramps(slopes, 5, 3));
  EXPECT_EQ(
      read<float>(values, weight, 7, 1),
      (std::vector<float>{-3 / 256.f, -2 / 256.f, -1 / 256.f, 0, 1 / 256.f}));
}

/// 12 heads have those of 8, then every other one of 16, from the first on.
TEST_F(WeightValuesTest, alibiOfOtherCounts) {
  auto weight = parse("#ashlar.alibi_table<12 x 2, behind = 1, "
                      "max_bias = 8.0 : f64, scale = 0.5 : f64>",
                      "12x2");
  ASSERT_TRUE(weight);
  std::vector<double> row = read<double>(values, weight, 0, 12);
  for (int64_t head = 0; head < 12; ++head) {
    double power = head < 8 ? head + 1 : head - 7.5;
    EXPECT_NEAR(row[2 * head], -0.5 * std::pow(2.0, -power), 1e-16) << head;
    EXPECT_EQ(row[2 * head + 1], 0.0);
  }
  // Of another largest exponent, as mpt's configurations may ask for.
  weight = parse("#ashlar.alibi_table<3 x 2, behind = 1, "
                 "max_bias = 4.0 : f64, scale = 1.0 : f64>",
                 "3x2");
  row = read<double>(values, weight, 0, 3);
  EXPECT_EQ(row, (std::vector<double>{-0.25, 0, -0.0625, 0, -0.5, 0}));
}

namespace {
/// The published function of the buckets of T5, evaluated by hand: where each
/// begins.
struct Buckets {
  bool bidirectional;
  std::vector<int64_t> begins;
};
} // namespace

static const Buckets t5Buckets[] = {
    {/*bidirectional=*/false,
     {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
      16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113}},
    {/*bidirectional=*/true,
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91}}};

TEST_F(WeightValuesTest, relativePositions) {
  constexpr int64_t heads = 3, behind = 200, count = 401;
  for (const Buckets &buckets : t5Buckets) {
    auto weight =
        parse(std::string("#ashlar.relative_table<\"bias\", 32 x 3, "
                          "columns = 401, behind = 200, "
                          "max_distance = 128") +
                  (buckets.bidirectional ? ", bidirectional = true>" : ">"),
              "3x401");
    ASSERT_TRUE(weight);
    std::vector<double> rows = read<double>(values, weight, 0, heads);
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t distance = -behind; distance <= behind; ++distance) {
        // How far the key is behind; keys ahead have buckets of their own, or
        // that of the query itself.
        bool ahead = distance > 0;
        int64_t back = ahead && !buckets.bidirectional ? 0 : std::abs(distance);
        int64_t bucket = llvm::upper_bound(buckets.begins, back) -
                         buckets.begins.begin() - 1;
        if (ahead && buckets.bidirectional)
          bucket += 16;
        EXPECT_EQ(rows[head * count + behind + distance],
                  static_cast<double>(bucket * heads + head))
            << distance;
      }
    EXPECT_EQ(tensorAt(weight, /*layer=*/0, /*row=*/1), "bias");
  }
}

TEST_F(WeightValuesTest, everyTensorOfEveryLayerIsChecked) {
  module = mlir::parseSourceString<mlir::ModuleOp>(
      R"(ashlar.weight @a [#ashlar.tensor<"h.{layer}", [2], rows = 0 for 2>]
             : tensor<2xf32> layers = [3, 2]
         ashlar.weight @b [#ashlar.zeros<2>,
             #ashlar.tensor<"t", [2], rows = 0 for 2>] : tensor<4xf32>
         ashlar.weight @c [#ashlar.relative_table<"bias", 4 x 2, columns = 1,
             behind = 0, max_distance = 8>] : tensor<2x1xf32>)",
      mlir::ParserConfig(&context));
  ASSERT_TRUE(module);
  llvm::Error error = checkWeights(*module, reader);
  EXPECT_FALSE(error) << llvm::toString(std::move(error));
  EXPECT_EQ(reader.names,
            (std::vector<std::string>{"h.3", "h.4", "t", "bias"}));
  EXPECT_EQ(reader.elements, 0u);
}
