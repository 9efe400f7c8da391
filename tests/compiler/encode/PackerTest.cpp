//===- PackerTest.cpp - The weight image ---------------------------------===//

#include "compiler/Weights/Packer.h"
#include "compiler/Weights/Encode.h"
#include "passes/Layout/Passes.h"
#include "runtime/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace ashlar;

namespace {
/// Numbers that depend on the tensor's name and on their place.
class Waves : public TensorReader {
public:
  llvm::Error read(llvm::StringRef name, llvm::ArrayRef<int64_t> stored,
                   int64_t first, llvm::MutableArrayRef<float> out) override {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = std::sin(0.37f * static_cast<float>(first + i) +
                        static_cast<float>(name.back()));
    if (name == broken && first <= at &&
        at < first + static_cast<int64_t>(out.size()))
      out[at - first] = value;
    return llvm::Error::success();
  }

  std::string broken;
  int64_t at = 0;
  float value = NAN;
};

/// A vector, a table, gated panels of two tensors in two layers, and panels.
constexpr const char *model = R"(
ashlar.weight @gain [#ashlar.tensor<"gain", [20], rows = 0 for 20>]
    : tensor<20xf32>
ashlar.weight @table [#ashlar.tensor<"table", [5, 20], rows = 0 for 5>]
    : tensor<5x20xf32> encoded <bf16>
ashlar.weight @mlp [#ashlar.tensor<"h.{layer}.gate", [17, 20], rows = 0 for 17>,
                    #ashlar.tensor<"h.{layer}.up", [17, 20], rows = 0 for 17>]
    : tensor<34x20xf32> layers = [1, 2] encoded <int8>
ashlar.weight @out [#ashlar.tensor<"out", [9, 20], rows = 0 for 9>]
    : tensor<9x20xf32> encoded <int4, group = 32>
func.func @f(%x: tensor<?x20xf32>) {
  %0 = ashlar.layers "h" [1, 2] (%x : tensor<?x20xf32>) {
  ^bb0(%a: tensor<?x20xf32>):
    %i = ashlar.convert %a : tensor<?x20xf32> -> tensor<?x20xi8>
    %g = ashlar.linear %i weight @mlp activation silu gated
        : tensor<?x20xi8> -> tensor<?x17xf32>
    ashlar.yield %a : tensor<?x20xf32>
  }
  %i = ashlar.convert %x group 32 : tensor<?x20xf32> -> tensor<?x20xi8>
  %y = ashlar.linear %i weight @out : tensor<?x20xi8> -> tensor<?x9xf32>
  return
}
)";

class PackerTest : public ::testing::Test {
protected:
  PackerTest() {
    context.loadDialect<ir::AshlarDialect, mlir::func::FuncDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(
        model, mlir::ParserConfig(&context));
    mlir::PassManager manager(&context);
    manager.addPass(createPlaceWeightsPass());
    EXPECT_TRUE(succeeded(manager.run(*module)));
  }

  llvm::Expected<std::vector<char>> pack() {
    std::vector<char> bytes(sizeof(ashlar_weights_header));
    WeightImage image(*module);
    if (llvm::Error error = image.write(reader, [&](llvm::ArrayRef<char> part) {
          llvm::append_range(bytes, part);
          return llvm::Error::success();
        }))
      return std::move(error);
    EXPECT_EQ(static_cast<int64_t>(bytes.size()), image.bytes());
    return bytes;
  }

  std::vector<float> read(llvm::StringRef name, int64_t first, int64_t count) {
    std::vector<float> numbers(count);
    llvm::cantFail(reader.read(name, {}, first, numbers));
    return numbers;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Waves reader;
};
} // namespace

TEST_F(PackerTest, everyWeightOfEveryLayerInOrder) {
  std::vector<char> image = llvm::cantFail(pack());
  std::vector<PlacedWeight> placed = placedWeights(*module);
  ASSERT_EQ(placed.size(), 5u);
  int64_t end = sizeof(ashlar_weights_header);
  for (const PlacedWeight &weight : placed) {
    EXPECT_GE(weight.offset, end);
    auto op = llvm::cast<ir::WeightOp>(weight.weight);
    end = weight.offset + packedBytes(op, *op.getLayout());
  }
  int64_t errors =
      (*module)->getAttrOfType<mlir::IntegerAttr>(weightErrorsAttr).getInt();
  EXPECT_GE(errors, end);
  EXPECT_LE(errors + 4 * 4, static_cast<int64_t>(image.size()));
}

TEST_F(PackerTest, gatedPanelsTakeTurns) {
  std::vector<char> image = llvm::cantFail(pack());
  // Seventeen gates and seventeen ups: four panels.
  for (const PlacedWeight &placed : placedWeights(*module)) {
    auto weight = llvm::cast<ir::WeightOp>(placed.weight);
    if (weight.getSymName() != "mlp")
      continue;
    PanelEncoder encoder(PanelLayout::of(weight, /*gated=*/true));
    std::vector<char> expected;
    for (int64_t first : {0, 16})
      for (const char *half : {".gate", ".up"}) {
        std::string name = "h." + std::to_string(placed.layer) + half;
        int64_t count = first ? 1 : 16;
        ASSERT_TRUE(encoder.encode(read(name, first * 20, count * 20)));
        llvm::append_range(expected, encoder.panel());
      }
    llvm::append_range(expected, encoder.tail());
    EXPECT_EQ(std::memcmp(image.data() + placed.offset, expected.data(),
                          expected.size()),
              0);
  }
}

TEST_F(PackerTest, errorsStandBehindTheWeights) {
  std::vector<char> image = llvm::cantFail(pack());
  std::vector<float> found(4);
  int64_t at =
      (*module)->getAttrOfType<mlir::IntegerAttr>(weightErrorsAttr).getInt();
  std::memcpy(found.data(), image.data() + at, 16);
  std::vector<float> expected;
  for (const PlacedWeight &placed : placedWeights(*module)) {
    auto weight = llvm::cast<ir::WeightOp>(placed.weight);
    if (weight.getSymName() == "table") {
      ErrorSums sums;
      std::vector<uint16_t> out;
      encodeTable(read("table", 0, 100), 20, 32, out, sums);
      expected.push_back(static_cast<float>(sums.relative()));
    } else if (weight.getSymName() == "out") {
      PanelEncoder encoder(PanelLayout::of(weight, /*gated=*/false));
      ASSERT_TRUE(encoder.encode(read("out", 0, 9 * 20)));
      expected.push_back(static_cast<float>(encoder.errors().relative()));
    } else if (weight.getSymName() == "mlp") {
      expected.push_back(0.003f); // of int8
    }
  }
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 0.002f);
  EXPECT_NE(found[1], found[2]) << "layers have errors of their own";
}

TEST_F(PackerTest, theSameBytesTwice) {
  EXPECT_EQ(llvm::cantFail(pack()), llvm::cantFail(pack()));
}

TEST_F(PackerTest, aNumberThatIsNotFiniteNamesItsTensor) {
  reader.broken = "h.2.up";
  reader.at = 16 * 20 + 7;
  auto image = pack();
  ASSERT_FALSE(static_cast<bool>(image));
  EXPECT_EQ(llvm::toString(image.takeError()),
            "tensor \"h.2.up\": has a number that is NaN; int8 has only finite "
            "ones\ncorrect the checkpoint, or add PATTERN=bf16 to "
            "--precision with a pattern that matches the tensor");
  reader.broken = "out";
  reader.at = 0;
  reader.value = -INFINITY;
  image = pack();
  ASSERT_FALSE(static_cast<bool>(image));
  EXPECT_NE(llvm::toString(image.takeError())
                .find("tensor \"out\": has a number that is -infinity; int4"),
            std::string::npos);
  reader.broken = "table";
  EXPECT_TRUE(static_cast<bool>(pack())) << "bf16 has infinities";
}
