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
      &context, "t", {2, 2}, /*begin=*/0, /*count=*/2, /*transposed=*/false,
      builder.getF64FloatAttr(2.5))}));
  EXPECT_EQ(read<float>(values, weight, 0, 2),
            (std::vector<float>{0, 2.5, 5, 7.5}));
  EXPECT_EQ(read<double>(values, weight, 1, 1), (std::vector<double>{5, 7.5}));
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

TEST_F(WeightValuesTest, everyTensorOfEveryLayerIsChecked) {
  module = mlir::parseSourceString<mlir::ModuleOp>(
      R"(ashlar.weight @a [#ashlar.tensor<"h.{layer}", [2], rows = 0 for 2>]
             : tensor<2xf32> layers = [3, 2]
         ashlar.weight @b [#ashlar.zeros<2>,
             #ashlar.tensor<"t", [2], rows = 0 for 2>] : tensor<4xf32>)",
      mlir::ParserConfig(&context));
  ASSERT_TRUE(module);
  llvm::Error error = checkWeights(*module, reader);
  EXPECT_FALSE(error) << llvm::toString(std::move(error));
  EXPECT_EQ(reader.names, (std::vector<std::string>{"h.3", "h.4", "t"}));
  EXPECT_EQ(reader.elements, 0u);
}
