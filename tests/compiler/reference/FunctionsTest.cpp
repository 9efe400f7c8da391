//===- FunctionsTest.cpp - The mathematics of every op --------------------===//
//
// Expected numbers come from other formulas, from tables, or by hand.
//
//===----------------------------------------------------------------------===//

#include "compiler/Reference/Functions.h"
#include "compiler/Reference/KeyStore.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace ashlar;
using namespace ashlar::reference;

static constexpr double infinity = std::numeric_limits<double>::infinity();

static Tensor tensor(llvm::ArrayRef<int64_t> shape, std::vector<double> data) {
  Tensor result(shape);
  EXPECT_EQ(result.data.size(), data.size());
  result.data = std::move(data);
  return result;
}

static void expectNear(const Tensor &got, const std::vector<double> &expected,
                       double tolerance = 1e-15) {
  ASSERT_EQ(got.data.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(got.data[i], expected[i], tolerance) << i;
}

TEST(Functions, dotOfEveryLength) {
  for (int64_t count = 0; count < 40; ++count) {
    std::vector<double> a(count), b(count, 2.0);
    double expected = 0;
    for (int64_t i = 0; i < count; ++i)
      expected += 2.0 * (a[i] = i + 1);
    EXPECT_EQ(dot(a.data(), b.data(), count), expected);
  }
}

TEST(Functions, activations) {
  using Kind = ir::ActivationKind;
  EXPECT_EQ(activate(Kind::Relu, -2.0), 0.0);
  EXPECT_EQ(activate(Kind::Relu, 3.0), 3.0);
  // x Phi(x), Phi the normal distribution: Phi(1) = 0.8413447460685429.
  EXPECT_NEAR(activate(Kind::Gelu, 1.0), 0.84134474606854294859, 1e-15);
  EXPECT_NEAR(activate(Kind::Gelu, -1.0), -0.15865525393145705141, 1e-15);
  EXPECT_NEAR(activate(Kind::GeluTanh, 1.0), 0.8411919906082768, 1e-14);
  EXPECT_NEAR(activate(Kind::Silu, 2.0), 2.0 * (1 + std::tanh(1.0)) / 2, 1e-15);
  EXPECT_EQ(activate(Kind::Silu, -1000.0), 0.0);
  // x / (1 + exp(-1.702 x)), twice half of which is a tanh.
  EXPECT_NEAR(activate(Kind::QuickGelu, 2.0), 1 + std::tanh(1.702), 1e-15);
  EXPECT_EQ(activate(Kind::Tanh, 0.5), std::tanh(0.5));
  for (Kind kind : {Kind::Relu, Kind::Gelu, Kind::GeluTanh, Kind::Silu,
                    Kind::QuickGelu, Kind::Tanh}) {
    EXPECT_EQ(activate(kind, 0.0), 0.0);
    EXPECT_TRUE(std::isnan(activate(kind, std::nan(""))));
  }
}

TEST(Functions, softCapIsSmoothAndOdd) {
  // 2 tanh(x / 2): tanh(1) = 0.761594155955765.
  Tensor x = tensor({1, 5}, {0, 2, -2, 1e9, 0.002});
  expectNear(softCap(x, 2.0),
             {0, 1.52318831191153, -1.52318831191153, 2,
              0.002 - 0.002 * 0.002 * 0.002 / 12},
             1e-14);
}

TEST(Functions, clipKeepsWhatFits) {
  Tensor x = tensor({1, 5}, {0, 2, -2.5, 3, std::nan("")});
  Tensor y = clip(x, 2.0);
  EXPECT_TRUE(std::isnan(y.data.back()));
  y.data.pop_back();
  EXPECT_EQ(y.data, (std::vector<double>{0, 2, -2, 2}));
}

/// Two groups, with one gain for both and with one for each.
TEST(Functions, normOfGroups) {
  Tensor x = tensor({1, 4}, {3, 4, 6, 8});
  double near = std::sqrt(12.5), far = std::sqrt(50.0);
  expectNear(norm(ir::NormKind::RmsNorm, x, {1, 10}, {}, 0.0, 2),
             {3 / near, 40 / near, 6 / far, 80 / far});
  expectNear(norm(ir::NormKind::RmsNorm, x, {1, 10, 2, 20}, {}, 0.0, 2),
             {3 / near, 40 / near, 12 / far, 160 / far});
}

TEST(Functions, layerNorm) {
  Tensor x = tensor({2, 3}, {1, 2, 3, 5, 5, 5});
  // Mean 2, variance 2/3.
  double unit = 1.0 / std::sqrt(2.0 / 3.0 + 1e-5);
  expectNear(norm(ir::NormKind::LayerNorm, x, {}, {}, 1e-5),
             {-unit, 0, unit, 0, 0, 0});
  expectNear(
      norm(ir::NormKind::LayerNorm, x, {2.0, 2.0, 2.0}, {1.0, 1.0, 1.0}, 1e-5),
      {1 - 2 * unit, 1, 1 + 2 * unit, 1, 1, 1});
}

TEST(Functions, rmsNorm) {
  Tensor x = tensor({1, 2}, {3, 4});
  double root = std::sqrt(12.5 + 1e-6);
  expectNear(norm(ir::NormKind::RmsNorm, x, {1.0, 2.0}, {}, 1e-6),
             {3 / root, 8 / root});
}

namespace {
class Rotations : public ::testing::Test {
protected:
  Rotations() { context.loadDialect<ir::AshlarDialect>(); }

  mlir::FloatAttr number(double x) {
    return mlir::Builder(&context).getF64FloatAttr(x);
  }
  ir::RotaryAttr rotary(int64_t dimensions, bool interleaved,
                        mlir::FloatAttr magnitude = {}) {
    return ir::RotaryAttr::get(&context, dimensions, interleaved, number(100.0),
                               ir::RopeScaling::None, number(1), number(1),
                               number(4), /*original=*/0, /*short=*/{},
                               /*long=*/{}, magnitude);
  }
  /// By 4, over `original` positions; from 32 turns on kept, divided below 1.
  ir::RotaryAttr yarn(int64_t dimensions, int64_t original) {
    return ir::RotaryAttr::get(&context, dimensions, /*interleaved=*/false,
                               number(1e4), ir::RopeScaling::Yarn, number(4),
                               /*low=*/number(1), /*high=*/number(32), original,
                               /*short=*/{}, /*long=*/{}, /*magnitude=*/{});
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};
} // namespace

TEST_F(Rotations, turnPairsOfHalves) {
  ir::RotaryAttr rotary = this->rotary(4, /*interleaved=*/false);
  // Entries 0 and 2 turn by 3 * 1, entries 1 and 3 by 3 * 100^-0.5; the last
  // entry of the head is not rotated.
  Tensor x = tensor({1, 1, 5}, {1, 0, 0, 1, 7});
  expectNear(rotate(x, {3}, rotary),
             {std::cos(3.0), -std::sin(0.3), std::sin(3.0), std::cos(0.3), 7});
  // Both heads of a token turn alike; position 0 changes nothing.
  Tensor two = tensor({1, 2, 4}, {1, 2, 3, 4, 1, 2, 3, 4});
  Tensor turned = rotate(two, {5}, rotary);
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(turned.at(0, 0)[i], turned.at(0, 1)[i]);
  expectNear(rotate(two, {0}, rotary), two.data);
}

/// The same angles for entries that lie side by side.
TEST_F(Rotations, turnNeighbours) {
  Tensor x = tensor({1, 1, 5}, {1, 0, 0, 1, 7});
  expectNear(rotate(x, {3}, rotary(4, /*interleaved=*/true)),
             {std::cos(3.0), std::sin(3.0), -std::sin(0.3), std::cos(0.3), 7});
}

TEST_F(Rotations, magnitudeIsOfWhatTurns) {
  Tensor x = tensor({1, 1, 5}, {1, 0, 0, 1, 7});
  for (bool interleaved : {false, true}) {
    Tensor turned = rotate(x, {3}, rotary(4, interleaved));
    for (int64_t i = 0; i < 4; ++i)
      turned.data[i] *= 1.25;
    expectNear(rotate(x, {3}, rotary(4, interleaved, number(1.25))),
               turned.data);
  }
}

/// Pair i turns 4096 / (2 pi 10000^(i/32)) times: 32 times at i = 10.47, once
/// at i = 22.51. Between 10 and 23 a 13th more is divided from pair to pair.
TEST_F(Rotations, yarnFrequencies) {
  ir::RotaryAttr rotary = yarn(64, 4096);
  for (int64_t i = 0; i < 32; ++i) {
    double base = std::pow(10.0, -static_cast<double>(i) / 8);
    double divided = i <= 10 ? 0 : i >= 23 ? 13 : static_cast<double>(i - 10);
    EXPECT_NEAR(rotary.frequency(i), base * (1 - 0.75 * divided / 13),
                base * 1e-15)
        << i;
  }
  // Once in 4 positions is less than any pair turns, so that the ramp is of no
  // length: nothing is divided, and nothing by zero.
  ir::RotaryAttr tiny = yarn(2, 4);
  EXPECT_EQ(tiny.frequency(0), 1.0);
}

/// theta (2 * 12 / 8 - 1)^(4/2) = 4 theta at length 12.
TEST_F(Rotations, dynamicFrequencies) {
  ir::RotaryAttr rotary = ir::RotaryAttr::get(
      &context, /*dimensions=*/4, /*interleaved=*/false, number(100.0),
      ir::RopeScaling::Dynamic, number(2), number(1), number(4), /*original=*/8,
      /*short=*/{}, /*long=*/{}, /*magnitude=*/{});
  EXPECT_DOUBLE_EQ(rotary.frequency(1, 8), 0.1);
  EXPECT_DOUBLE_EQ(rotary.frequency(1, 12), 0.05);
  EXPECT_EQ(rotary.frequency(0, 12), 1.0);
  EXPECT_EQ(rotary.distinctLengths(8), 1);
  EXPECT_EQ(rotary.distinctLengths(12), 5);
  // Each sequence has its own length, with what came before.
  Tensor rows = angles({3, 3}, {{0, 3}, {1, 11}}, rotary);
  expectNear(rows,
             {std::cos(3.0), std::cos(0.3), std::sin(3.0), std::sin(0.3),
              std::cos(3.0), std::cos(0.15), std::sin(3.0), std::sin(0.15)});
}

TEST_F(Rotations, longRopeFrequencies) {
  mlir::Builder builder(&context);
  ir::RotaryAttr rotary = ir::RotaryAttr::get(
      &context, /*dimensions=*/4, /*interleaved=*/true, number(100.0),
      ir::RopeScaling::LongRope, number(1), number(1), number(4),
      /*original=*/8, builder.getDenseF64ArrayAttr({1.0, 2.0}),
      builder.getDenseF64ArrayAttr({4.0, 5.0}), /*magnitude=*/number(1.5));
  EXPECT_DOUBLE_EQ(rotary.frequency(0, 8), 1.0);
  EXPECT_DOUBLE_EQ(rotary.frequency(1, 8), 0.05);
  EXPECT_DOUBLE_EQ(rotary.frequency(0, 9), 0.25);
  EXPECT_DOUBLE_EQ(rotary.frequency(1, 9), 0.02);
  EXPECT_EQ(rotary.distinctLengths(8), 1);
  EXPECT_EQ(rotary.distinctLengths(100), 2);
  Tensor x = tensor({1, 1, 4}, {1, 0, 0, 1});
  expectNear(rotate(x, angles({3}, {{0, 8}}, rotary), rotary),
             {1.5 * std::cos(0.75), 1.5 * std::sin(0.75), -1.5 * std::sin(0.06),
              1.5 * std::cos(0.06)});
}

TEST(Functions, poolIsTheMeanOfSomeRows) {
  Tensor rows({5, 2});
  rows.data = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  // Slot 4 has three rows, slot 1 two.
  Sequences places = {{4, 0}, {4, 1}, {4, 2}, {1, 0}, {1, 1}};
  auto pooled = [&](int64_t from, std::optional<int64_t> count) {
    Tensor result = pool(rows, places, from, count);
    EXPECT_EQ(result.dim(0), 2);
    return result.data;
  };
  using List = std::vector<double>;
  EXPECT_EQ(pooled(0, std::nullopt), (List{3, 4, 8, 9}));
  EXPECT_EQ(pooled(1, std::nullopt), (List{4, 5, 9, 10}));
  EXPECT_EQ(pooled(0, 1), (List{1, 2, 7, 8}));
  EXPECT_EQ(pooled(1, 7), (List{4, 5, 9, 10}));
  EXPECT_EQ(pooled(2, std::nullopt), (List{5, 6, 0, 0}));
}

TEST(Functions, segmentsEndWithTheFirstSeparator) {
  // Slot 4 has two separators, slot 1 none, slot 2 begins with one.
  Sequences places = {{4, 0}, {4, 1}, {4, 2}, {4, 3}, {1, 0},
                      {1, 1}, {1, 2}, {2, 0}, {2, 1}};
  std::vector<int32_t> ids = {5, 9, 5, 9, 5, 6, 7, 9, 5};
  using List = std::vector<double>;
  EXPECT_EQ(
      segments(ids, places, /*separator=*/9, /*skip=*/0, /*features=*/3).data,
      (List{1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0,
            0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(
      segments(ids, places, /*separator=*/9, /*skip=*/1, /*features=*/1).data,
      (List{0, 1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Functions, concatKeepsTheOrder) {
  Tensor a({2, 1}), b({2, 2});
  a.data = {1, 2};
  b.data = {3, 4, 5, 6};
  Tensor both = concat({&a, &b});
  EXPECT_EQ(both.dim(1), 3);
  EXPECT_EQ(both.data, (std::vector<double>{1, 3, 4, 2, 5, 6}));
}

TEST(Functions, scoresShareKeyHeads) {
  // 4 query heads, 2 key heads of size 1.
  Tensor query = tensor({1, 4, 1}, {1, 2, 3, 4});
  Tensor key = tensor({2, 2, 1}, {10, 20, 30, 40});
  expectNear(scores(query, key), {10, 30, 20, 60, 60, 120, 80, 160});
}

/// v^T tanh(q + k), v of each query head: 4 of them over 2 key heads of size 2.
TEST(Functions, additiveScoresShareKeyHeads) {
  Tensor query = tensor({1, 4, 2}, {0, 1, 0, 1, 0, 1, 0, 1});
  Tensor key = tensor({1, 2, 2}, {0.5, -1, 0.25, 1});
  double a = std::tanh(0.5), b = std::tanh(0.25), c = std::tanh(2.0);
  expectNear(additiveScores(query, key, {1, 1, 2, 2, 3, 3, 4, 5}),
             {a, 2 * a, 3 * b + 3 * c, 4 * b + 5 * c});
}

TEST(Functions, maskKnowsSequences) {
  Sequences queries = {{0, 1}, {1, 0}};
  Sequences keys = {{0, 0}, {0, 1}, {0, 2}, {1, 0}};
  Tensor zeros({2, 1, 4});
  EXPECT_EQ(mask(ir::MaskKind::Causal, std::nullopt, zeros, queries, keys).data,
            (std::vector<double>{0, 0, -infinity, -infinity, -infinity,
                                 -infinity, -infinity, 0}));
  EXPECT_EQ(mask(ir::MaskKind::All, std::nullopt, zeros, queries, keys).data,
            (std::vector<double>{0, 0, 0, -infinity, -infinity, -infinity,
                                 -infinity, 0}));
}

/// Indices of one sequence less than the window apart; the query is one of its
/// keys.
TEST(Functions, maskWithWindow) {
  Sequences queries = {{0, 2}, {0, 0}};
  Sequences keys = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {1, 2}};
  Tensor zeros({2, 1, 6});
  constexpr double no = -infinity;
  EXPECT_EQ(mask(ir::MaskKind::Causal, 2, zeros, queries, keys).data,
            (std::vector<double>{no, 0, 0, no, no, no, //
                                 0, no, no, no, no, no}));
  EXPECT_EQ(mask(ir::MaskKind::All, 2, zeros, queries, keys).data,
            (std::vector<double>{no, 0, 0, 0, no, no, //
                                 0, 0, no, no, no, no}));
  EXPECT_EQ(mask(ir::MaskKind::All, 1, zeros, queries, keys).data,
            (std::vector<double>{no, no, 0, no, no, no, //
                                 0, no, no, no, no, no}));
}

/// The mask's pattern; the extent is the number of keys where none is given.
TEST(Functions, maskWithPattern) {
  mlir::MLIRContext context;
  context.loadDialect<ir::AshlarDialect>();
  mlir::Attribute last =
      ir::LastAttr::get(&context, ir::PatternSide::Keys, /*block=*/2);
  Sequences queries = {{0, 0}, {0, 0, 6}, {1, 0}};
  Sequences keys = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}};
  Tensor zeros({3, 1, 5});
  constexpr double no = -infinity;
  EXPECT_EQ(
      mask(ir::MaskKind::All, std::nullopt, zeros, queries, keys, last).data,
      (std::vector<double>{no, no, 0, 0, no,   //
                           no, no, no, no, no, //
                           no, no, no, no, 0}));
  double more = std::log(3.0);
  EXPECT_EQ(repeat(last, 3, zeros, queries, keys).data,
            (std::vector<double>{0, 0, more, more, 0, //
                                 0, 0, 0, 0, 0,       //
                                 0, 0, 0, 0, more}));
}

/// Marks of the query, and of the key.
TEST(Functions, maskWithMarks) {
  mlir::MLIRContext context;
  context.loadDialect<ir::AshlarDialect>();
  Sequences tokens = {{0, 0}, {0, 1, 0, true}, {1, 0, 0, true}};
  Tensor zeros({3, 1, 3});
  constexpr double no = -infinity;
  auto masked = [&](ir::PatternSide side) {
    return mask(ir::MaskKind::All, std::nullopt, zeros, tokens, tokens,
                ir::MarkedAttr::get(&context, side))
        .data;
  };
  EXPECT_EQ(masked(ir::PatternSide::Keys),
            (std::vector<double>{no, 0, no, no, 0, no, no, no, 0}));
  EXPECT_EQ(masked(ir::PatternSide::Queries),
            (std::vector<double>{no, no, no, 0, 0, no, no, no, 0}));
}

/// Column 2 is for the query's own index; other sequences and distances that
/// the table has not are left alone.
TEST(Functions, biasByDistance) {
  Sequences queries = {{0, 3}, {1, 0}};
  Sequences keys = {{0, 0}, {0, 1}, {0, 3}, {0, 4}, {0, 5}, {1, 0}};
  Tensor scores({2, 2, 6});
  scores.data.assign(scores.data.size(), 0.5);
  Tensor table = tensor({2, 4}, {10, 11, 12, 13, 20, 21, 22, 23});
  EXPECT_EQ(biasPositions(scores, queries, keys, table, /*behind=*/2).data,
            (std::vector<double>{0.5, 10.5, 12.5, 13.5, 0.5, 0.5,  //
                                 0.5, 20.5, 22.5, 23.5, 0.5, 0.5,  //
                                 0.5, 0.5,  0.5,  0.5,  0.5, 12.5, //
                                 0.5, 0.5,  0.5,  0.5,  0.5, 22.5}));
}

TEST(Functions, softmax) {
  Tensor x = tensor({3, 1, 3}, {0, std::log(3.0), -infinity, 1000, 1000, 1000,
                                -infinity, -infinity, -infinity});
  expectNear(softmax(x), {0.25, 0.75, 0, 1 / 3.0, 1 / 3.0, 1 / 3.0, 0, 0, 0});
}

TEST(Functions, routeChoosesTheLargest) {
  Tensor logits =
      tensor({1, 4}, {std::log(2.0), 0.0, std::log(5.0), std::log(2.0)});
  // Of the two equal ones the first; parts of all, or of what is chosen.
  Tensor weights = route(logits, 2, /*renormalized=*/false);
  expectNear(weights, {0.2, 0.0, 0.5, 0.0});
  weights = route(logits, 2, /*renormalized=*/true);
  expectNear(weights, {2.0 / 7.0, 0.0, 5.0 / 7.0, 0.0});
  weights = route(logits, 4, /*renormalized=*/false);
  expectNear(weights, {0.2, 0.1, 0.5, 0.2});
  EXPECT_EQ(route(logits, 1, /*renormalized=*/true).data,
            (std::vector<double>{0.0, 0.0, 1.0, 0.0}));
}

TEST(Functions, softmaxKeepsNan) {
  Tensor x = tensor({1, 1, 2}, {std::nan(""), -infinity});
  EXPECT_TRUE(std::isnan(softmax(x).data[0]));
}

TEST(Functions, mixLeavesOutWhatIsNotSeen) {
  Tensor weights = tensor({1, 2, 2}, {0.25, 0.75, 1, 0});
  Tensor value = tensor({2, 1, 2}, {4, 8, 12, infinity});
  EXPECT_EQ(mix(weights, value).data,
            (std::vector<double>{10, infinity, 4, 8}));
}

TEST(Functions, sliceTakesColumns) {
  Tensor x = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(slice(x, 1, 2).data, (std::vector<double>{2, 3, 5, 6}));
}

//===----------------------------------------------------------------------===//
// Keys and values kept between calls
//===----------------------------------------------------------------------===//

/// Keys with the given numbers; values are their negatives.
static bool append(KeyStore &store, const Sequences &rows,
                   std::vector<double> keys) {
  Tensor key = tensor({static_cast<int64_t>(keys.size()), 1, 1}, keys);
  return store.append(key, scale(key, -1.0), rows);
}

TEST(KeyStore, growsSequenceBySequence) {
  KeyStore store;
  EXPECT_TRUE(append(store, {{4, 0}, {4, 1}, {2, 0}}, {40, 41, 20}));
  EXPECT_TRUE(append(store, {{2, 1}, {4, 2}}, {21, 42}));
  KeysAndValues all = store.read({{2, 1}, {4, 2}, {2, 2}}, 1, 1);
  EXPECT_EQ(all.keys.data, (std::vector<double>{20, 21, 40, 41, 42}));
  EXPECT_EQ(all.values.data, (std::vector<double>{-20, -21, -40, -41, -42}));
  ASSERT_EQ(all.places.size(), 5u);
  EXPECT_EQ(all.places[4].slot, 4);
  EXPECT_EQ(all.places[4].index, 2);
  EXPECT_EQ(all.keys.shape, (llvm::SmallVector<int64_t, 3>{5, 1, 1}));
  EXPECT_TRUE(store.read({{9, 0}}, 1, 1).places.empty());
}

TEST(KeyStore, aSequenceMayGoBack) {
  KeyStore store;
  EXPECT_TRUE(append(store, {{0, 0}, {0, 1}, {0, 2}}, {1, 2, 3}));
  EXPECT_TRUE(append(store, {{0, 1}}, {5}));
  EXPECT_EQ(store.read({{0, 0}}, 1, 1).keys.data, (std::vector<double>{1, 5}));
}

TEST(KeyStore, aGapIsRefused) {
  KeyStore store;
  EXPECT_FALSE(append(store, {{0, 1}}, {1}));
  EXPECT_TRUE(append(store, {{1, 0}}, {1}));
  EXPECT_FALSE(append(store, {{1, 2}}, {1}));
}
