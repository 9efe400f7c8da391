//===- FusedTest.cpp - Fused ops against the ops that they stand for ------===//
//
// Each test runs the same mathematics twice, written at graph level and at
// fused level. Scores and masks are not commutative with scales, gates or
// slices that are swapped, so a wrong order shows.
//
//===----------------------------------------------------------------------===//

#include "compiler/Reference/Reference.h"
#include "compiler/Weights/RandomWeights.h"
#include "dialect/Ashlar.h"
#include "tests/support/Cases.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::testing;
using reference::Tensor;

/// Weights that the modules below name. @gate_up is @gate on top of @up.
static constexpr const char *weights = R"(
  ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
  ashlar.weight @b [#ashlar.tensor<"b", [8], rows = 0 for 8>] : tensor<8xf32>
  ashlar.weight @gain [#ashlar.tensor<"n.weight", [8], rows = 0 for 8>] : tensor<8xf32>
  ashlar.weight @gate [#ashlar.tensor<"gate", [6, 8], rows = 0 for 6>] : tensor<6x8xf32>
  ashlar.weight @up [#ashlar.tensor<"up", [6, 8], rows = 0 for 6>] : tensor<6x8xf32>
  ashlar.weight @gate_up [#ashlar.tensor<"gate", [6, 8], rows = 0 for 6>,
                          #ashlar.tensor<"up", [6, 8], rows = 0 for 6>] : tensor<12x8xf32>
  ashlar.weight @gate_bias [#ashlar.tensor<"gate_bias", [6], rows = 0 for 6>] : tensor<6xf32>
  ashlar.weight @gate_up_bias [#ashlar.tensor<"gate_bias", [6], rows = 0 for 6>,
                               #ashlar.zeros<6>] : tensor<12xf32>
  ashlar.weight @part_gain [#ashlar.tensor<"n4.weight", [4], rows = 0 for 4>] : tensor<4xf32>
  ashlar.weight @near [#ashlar.tensor<"bias", [4, 5], rows = 0 for 4>] : tensor<4x5xf32>
)";

namespace {
class FusedTest : public ::testing::Test {
protected:
  FusedTest() {
    context.loadDialect<ir::AshlarDialect, mlir::func::FuncDialect>();
  }

  /// Result of @main with `body` on 5 rows of two sequences: all at once, or
  /// as 3 and then 2 rows, so that keys are kept in between.
  std::vector<double> run(const std::string &body, const std::string &type) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        std::string(weights) +
            R"(func.func @main(
                 %x: tensor<?x8xf32> {ashlar.input = "vectors"},
                 %p: tensor<?xi32> {ashlar.input = "positions"},
                 %s: !ashlar.sequences {ashlar.input = "sequences"}) -> )" +
            type + "{" + body + " return %y : " + type + "}",
        mlir::ParserConfig(&context));
    EXPECT_TRUE(module);
    if (!module)
      return {};
    auto reference = Reference::create(*module, reader);
    std::vector<double> result;
    for (const reference::Sequences &rows :
         {reference::Sequences{{0, 0}, {0, 1}, {1, 0}},
          reference::Sequences{{1, 1}, {0, 2}}}) {
      ReferenceInputs inputs;
      inputs.sequences = rows;
      inputs.vectors = Tensor({static_cast<int64_t>(rows.size()), 8});
      for (size_t i = 0; i < inputs.vectors.data.size(); ++i)
        inputs.vectors.data[i] = std::sin(1.0 + i + 10.0 * rows.size());
      for (const reference::RowPlace &row : rows)
        inputs.positions.push_back(row.index + 3 * row.slot);
      auto output = reference->run("main", inputs);
      EXPECT_TRUE(bool(output)) << llvm::toString(output.takeError());
      if (!output)
        return {};
      result.insert(result.end(), output->data.begin(), output->data.end());
    }
    return result;
  }

  void expectSame(const std::string &graph, const std::string &fused,
                  const std::string &type = "tensor<?x8xf32>") {
    std::vector<double> expected = run(graph, type), got = run(fused, type);
    EXPECT_LT(difference(got, expected).relL2, 1e-15);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  RandomWeights reader{/*seed=*/5};
};
} // namespace

TEST_F(FusedTest, linearWithBiasActivationAndResidual) {
  expectSame(R"(
    %a = ashlar.linear %x weight @w bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
    %c = ashlar.activate gelu %a : tensor<?x8xf32>
    %y = ashlar.add %c, %x : tensor<?x8xf32>)",
             R"(
    %y = ashlar.linear %x weight @w bias @b activation gelu
         residual %x : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x8xf32>)");
}

TEST_F(FusedTest, gatedLinear) {
  expectSame(R"(
    %g = ashlar.linear %x weight @gate bias @gate_bias : tensor<?x8xf32> -> tensor<?x6xf32>
    %u = ashlar.linear %x weight @up : tensor<?x8xf32> -> tensor<?x6xf32>
    %a = ashlar.activate silu %g : tensor<?x6xf32>
    %y = ashlar.multiply %a, %u : tensor<?x6xf32>)",
             R"(
    %y = ashlar.linear %x weight @gate_up bias @gate_up_bias activation silu gated
         : tensor<?x8xf32> -> tensor<?x6xf32>)",
             "tensor<?x6xf32>");
}

TEST_F(FusedTest, mergedLinearsAndSlices) {
  expectSame(R"(
    %g = ashlar.linear %x weight @gate bias @gate_bias : tensor<?x8xf32> -> tensor<?x6xf32>
    %u = ashlar.linear %x weight @up : tensor<?x8xf32> -> tensor<?x6xf32>
    %y = ashlar.add %g, %u : tensor<?x6xf32>)",
             R"(
    %m = ashlar.linear %x weight @gate_up bias @gate_up_bias
         : tensor<?x8xf32> -> tensor<?x12xf32>
    %g = ashlar.slice %m from 0 : tensor<?x12xf32> -> tensor<?x6xf32>
    %u = ashlar.slice %m from 6 : tensor<?x12xf32> -> tensor<?x6xf32>
    %c = ashlar.copy %u : tensor<?x6xf32>
    %y = ashlar.add %g, %c : tensor<?x6xf32>)",
             "tensor<?x6xf32>");
}

TEST_F(FusedTest, residualNorm) {
  expectSame(R"(
    %a = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
    %s1 = ashlar.add %x, %a : tensor<?x8xf32>
    %n = ashlar.norm layer_norm %s1 gain @gain bias @b epsilon 1.0e-3
         : tensor<?x8xf32> -> tensor<?x8xf32>
    %y = ashlar.multiply %n, %s1 : tensor<?x8xf32>)",
             R"(
    %a = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
    %s1, %n = ashlar.residual_norm layer_norm %x, %a gain @gain bias @b
              epsilon 1.0e-3 : tensor<?x8xf32>
    %y = ashlar.multiply %n, %s1 : tensor<?x8xf32>)");
}

/// Parts of a row are normalized as if they were rows.
TEST_F(FusedTest, normOfGroups) {
  for (const char *begin : {"0", "4"})
    expectSame(std::string("%s1 = ashlar.slice %x from ") + begin + R"(
      : tensor<?x8xf32> -> tensor<?x4xf32>
    %y = ashlar.norm layer_norm %s1 gain @part_gain epsilon 1.0e-3
         : tensor<?x4xf32> -> tensor<?x4xf32>)",
               std::string(R"(
    %n = ashlar.norm layer_norm %x gain @part_gain epsilon 1.0e-3 groups 2
         : tensor<?x8xf32> -> tensor<?x8xf32>
    %y = ashlar.slice %n from )") +
                   begin + " : tensor<?x8xf32> -> tensor<?x4xf32>",
               "tensor<?x4xf32>");
}

/// Bias, cap and window, over keys that are kept. The numbers are such that the
/// cap bends them: in another order they differ.
TEST_F(FusedTest, adjustedAttention) {
  const std::string start = R"(
    %h = ashlar.split_heads %x : tensor<?x8xf32> -> tensor<?x4x2xf32>
    %k, %v, %ks = ashlar.kv_append self %h, %h, %s
        : tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x2xf32>, tensor<?x4x2xf32>)";
  const std::string end = R"(
    %y = ashlar.merge_heads %m : tensor<?x4x2xf32> -> tensor<?x8xf32>)";
  for (const char *mask : {"causal", "all"})
    expectSame(start + R"(
    %a = ashlar.scores %h, %k : tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x?xf32>
    %b = ashlar.scale %a by 2.0 : tensor<?x4x?xf32>
    %c = ashlar.position_bias %b, %s, %ks table @near behind 2 : tensor<?x4x?xf32>
    %d = ashlar.soft_cap %c at 0.5 : tensor<?x4x?xf32>
    %e = ashlar.mask )" +
                   mask + R"( %d, %s, %ks window 2 : tensor<?x4x?xf32>
    %f = ashlar.softmax %e : tensor<?x4x?xf32>
    %m = ashlar.mix %f, %v : tensor<?x4x?xf32>, tensor<?x4x2xf32> -> tensor<?x4x2xf32>)" +
                   end,
               start + "%m = ashlar.attention " + mask + R"( %h, %k, %v, %s, %ks
        window 2 scale 2.0 bias @near behind 2 soft_cap 0.5
        : tensor<?x4x2xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x2xf32>)" +
                   end);
}

/// Additive scores are scaled as others are.
TEST_F(FusedTest, additiveAttention) {
  const std::string start = R"(
    %h = ashlar.split_heads %x : tensor<?x8xf32> -> tensor<?x4x2xf32>
    %k, %v, %ks = ashlar.kv_append self %h, %h, %s
        : tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x2xf32>, tensor<?x4x2xf32>)";
  const std::string end = R"(
    %y = ashlar.merge_heads %m : tensor<?x4x2xf32> -> tensor<?x8xf32>)";
  expectSame(start + R"(
    %a = ashlar.additive_scores %h, %k by @gain : tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x?xf32>
    %b = ashlar.scale %a by 0.7 : tensor<?x4x?xf32>
    %e = ashlar.mask causal %b, %s, %ks : tensor<?x4x?xf32>
    %f = ashlar.softmax %e : tensor<?x4x?xf32>
    %m = ashlar.mix %f, %v : tensor<?x4x?xf32>, tensor<?x4x2xf32> -> tensor<?x4x2xf32>)" +
                 end,
             start + R"(
    %m = ashlar.attention causal %h, %k, %v, %s, %ks scale 0.7 additive @gain
        : tensor<?x4x2xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x2xf32>)" +
                 end);
}

/// Grouped heads with rotary positions over keys that are kept.
TEST_F(FusedTest, attention) {
  const std::string rotary =
      "<2, theta = 1.0e+4 : f64, none, factor = 1.0 : f64, "
      "low = 1.0 : f64, high = 4.0 : f64, original = 0>";
  const std::string start = R"(
    %h = ashlar.split_heads %x : tensor<?x8xf32> -> tensor<?x4x2xf32>
    %k0 = ashlar.slice %x from 1 : tensor<?x8xf32> -> tensor<?x4xf32>
    %k1 = ashlar.split_heads %k0 : tensor<?x4xf32> -> tensor<?x2x2xf32>
    %v0 = ashlar.slice %x from 3 : tensor<?x8xf32> -> tensor<?x4xf32>
    %v1 = ashlar.split_heads %v0 : tensor<?x4xf32> -> tensor<?x2x2xf32>)";
  const std::string end = R"(
    %y = ashlar.merge_heads %m : tensor<?x4x2xf32> -> tensor<?x8xf32>)";
  expectSame(start + R"(
    %q = ashlar.rotary %h, %p by )" +
                 rotary + R"( : tensor<?x4x2xf32>, tensor<?xi32>
    %r = ashlar.rotary %k1, %p by )" +
                 rotary + R"( : tensor<?x2x2xf32>, tensor<?xi32>
    %k, %v, %ks = ashlar.kv_append self %r, %v1, %s
        : tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x2x2xf32>, tensor<?x2x2xf32>
    %a = ashlar.scores %q, %k : tensor<?x4x2xf32>, tensor<?x2x2xf32> -> tensor<?x4x?xf32>
    %b = ashlar.scale %a by 0.7 : tensor<?x4x?xf32>
    %c = ashlar.mask causal %b, %s, %ks : tensor<?x4x?xf32>
    %d = ashlar.softmax %c : tensor<?x4x?xf32>
    %m = ashlar.mix %d, %v : tensor<?x4x?xf32>, tensor<?x2x2xf32> -> tensor<?x4x2xf32>)" +
                 end,
             start + R"(
    %k, %v, %ks = ashlar.kv_append self %k1, %v1, %s rotary )" +
                 rotary +
                 R"(, %p : tensor<?xi32>
        : tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x2x2xf32>, tensor<?x2x2xf32>
    %m = ashlar.attention causal %h, %k, %v, %s, %ks scale 0.7 rotary )" +
                 rotary + R"(, %p : tensor<?xi32>
        : tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x4x2xf32>)" +
                 end);
}
