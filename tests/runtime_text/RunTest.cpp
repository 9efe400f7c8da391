//===- RunTest.cpp - Rectangles of tokens over a fake model ---------------===//
//
// Each expected number is the hidden state of a token that has seen exactly the
// tokens which the mask lets it see.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/run.h"
#include "tests/runtime_text/FakeModel.h"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

constexpr auto Decoder = FakeModel::Kind::Decoder;
constexpr auto Encoder = FakeModel::Kind::Encoder;
constexpr auto EncoderDecoder = FakeModel::Kind::EncoderDecoder;

struct Runner {
  explicit Runner(FakeModel::Kind kind) : model(kind) {}
  ~Runner() {
    for (auto &output : outputs)
      ashlar_array_free(&output.array);
    for (auto &input : inputs)
      ashlar_array_free(&input.array);
  }

  template <typename T>
  void set(const char *name, ashlar_element element,
           const std::vector<int64_t> &shape, const std::vector<T> &values) {
    ashlar_named_array input = {name, {}};
    ASSERT_EQ(ashlar_array_make(&input.array, element, shape.size(),
                                shape.data(), &error),
              0);
    ASSERT_EQ(ashlar_array_count(&input.array), int64_t(values.size()));
    std::copy(values.begin(), values.end(), static_cast<T *>(input.array.data));
    inputs.push_back(input);
  }
  void ids(const char *name, const std::vector<std::vector<int64_t>> &rows) {
    std::vector<int64_t> flat;
    for (const auto &row : rows)
      flat.insert(flat.end(), row.begin(), row.end());
    set(name, ASHLAR_INT64,
        {int64_t(rows.size()), int64_t(rows.empty() ? 0 : rows[0].size())},
        flat);
  }

  int run(const std::vector<const char *> &names) {
    for (auto &output : outputs)
      ashlar_array_free(&output.array);
    outputs.clear();
    for (const char *name : names)
      outputs.push_back({name, {}});
    model.calls.clear();
    return ashlar_run(model.api(), model.session(), inputs.data(),
                      inputs.size(), outputs.data(), outputs.size(), nullptr,
                      &error);
  }
  std::string refusal(const std::vector<const char *> &names) {
    EXPECT_EQ(run(names), 1);
    for (auto &output : outputs)
      EXPECT_EQ(output.array.data, nullptr);
    return error.message;
  }

  std::vector<int64_t> shape(size_t output) {
    const ashlar_array &array = outputs[output].array;
    return {array.shape, array.shape + array.rank};
  }
  /// One feature of every token of a [B, S, F] output, a row per sequence.
  std::vector<std::vector<float>> feature(size_t output, int64_t index) {
    const ashlar_array &array = outputs[output].array;
    std::vector<std::vector<float>> rows;
    for (int64_t b = 0; b < array.shape[0]; ++b) {
      rows.emplace_back();
      for (int64_t s = 0; s < array.shape[1]; ++s)
        rows.back().push_back(ashlar_array_float(
            &array, (b * array.shape[1] + s) * array.shape[2] + index));
    }
    return rows;
  }

  FakeModel model;
  std::vector<ashlar_named_array> inputs, outputs;
  ashlar_error error = {};
};

using Rows = std::vector<std::vector<float>>;

} // namespace

TEST(Run, decodesRows) {
  Runner runner(Decoder);
  runner.ids("input_ids", {{1, 2, 3}, {4, 5, 6}});
  ASSERT_EQ(runner.run({"last_hidden_state", "logits"}), 0)
      << runner.error.message;
  EXPECT_EQ(runner.shape(0), (std::vector<int64_t>{2, 3, FakeFeatures}));
  EXPECT_EQ(runner.shape(1), (std::vector<int64_t>{2, 3, 20}));
  EXPECT_EQ(runner.feature(0, FakeSum), (Rows{{1, 3, 6}, {4, 9, 15}}));
  EXPECT_EQ(runner.feature(0, FakePosition), (Rows{{0, 1, 2}, {0, 1, 2}}));
  // Logits are 0 at the successor of the token.
  EXPECT_EQ(runner.feature(1, 3), (Rows{{-1, 0, -1}, {-2, -3, -4}}));
  EXPECT_EQ(runner.model.calls,
            (std::vector<FakeModel::Call>{{false, {0, 1}, {3, 3}}}));
}

TEST(Run, takesLongRowsInChunks) {
  Runner runner(Decoder);
  std::vector<std::vector<int64_t>> rows(2, std::vector<int64_t>(11, 1));
  runner.ids("input_ids", rows);
  ASSERT_EQ(runner.run({"logits", "last_hidden_state"}), 0);
  std::vector<float> counts;
  for (int i = 1; i <= 11; ++i)
    counts.push_back(i);
  EXPECT_EQ(runner.feature(1, FakeCount), (Rows{counts, counts}));
  EXPECT_EQ(runner.feature(0, 2), (Rows(2, std::vector<float>(11, 0))));
  EXPECT_EQ(runner.model.calls,
            (std::vector<FakeModel::Call>{{false, {0}, {8}},
                                          {false, {0, 1}, {3, 5}},
                                          {false, {1}, {6}}}));
}

TEST(Run, respectsTheTableOfTiles) {
  Runner runner(Decoder);
  runner.model.plan.max_tiles = 2; // four rows each
  runner.ids("input_ids", {{1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0) << runner.error.message;
  EXPECT_EQ(runner.feature(0, FakeCount), (Rows(2, {1, 2, 3, 4, 5})));
}

TEST(Run, takesMoreRowsThanSlots) {
  Runner runner(Decoder);
  runner.ids("input_ids", {{1}, {2}, {3}, {4}, {5}, {6}, {7}});
  ASSERT_EQ(runner.run({"last_hidden_state", "pooler_output"}), 0);
  EXPECT_EQ(runner.feature(0, FakeSum),
            (Rows{{1}, {2}, {3}, {4}, {5}, {6}, {7}}));
  EXPECT_EQ(runner.shape(1), (std::vector<int64_t>{7, 2}));
  EXPECT_EQ(ashlar_array_float(&runner.outputs[1].array, 12), 7);
}

TEST(Run, dropsMaskedTokens) {
  Runner runner(Decoder);
  runner.ids("input_ids", {{9, 9, 3, 4}, {5, 9, 6, 9}, {9, 9, 9, 9}});
  runner.ids("attention_mask", {{0, 0, 1, 1}, {1, 0, 1, 0}, {0, 0, 0, 0}});
  ASSERT_EQ(runner.run({"last_hidden_state", "logits", "pooler_output"}), 0);
  EXPECT_EQ(runner.feature(0, FakeSum),
            (Rows{{0, 0, 3, 7}, {5, 0, 11, 0}, {0, 0, 0, 0}}));
  // Without position_ids a token's position is its column.
  EXPECT_EQ(runner.feature(0, FakePosition),
            (Rows{{0, 0, 2, 3}, {0, 0, 2, 0}, {0, 0, 0, 0}}));
  EXPECT_EQ(runner.feature(1, 4),
            (Rows{{0, 0, 0, -1}, {-2, 0, -3, 0}, {0, 0, 0, 0}}));
  std::vector<float> pooled;
  for (int i = 0; i < 6; ++i)
    pooled.push_back(ashlar_array_float(&runner.outputs[2].array, i));
  EXPECT_EQ(pooled, (std::vector<float>{3, 3, 5, 5, 0, 0}));
}

/// Some models number the tokens of a padded batch, not its columns.
TEST(Run, positionsOfTokensOrColumns) {
  for (bool byToken : {false, true}) {
    Runner runner(Decoder);
    runner.model.stacks[0].positions_by_token = byToken;
    runner.ids("input_ids", {{9, 9, 3, 4}, {5, 9, 6, 9}});
    runner.ids("attention_mask", {{0, 0, 1, 1}, {1, 0, 1, 0}});
    ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
    EXPECT_EQ(runner.feature(0, FakePosition),
              byToken ? (Rows{{0, 0, 0, 1}, {0, 0, 1, 0}})
                      : (Rows{{0, 0, 2, 3}, {0, 0, 2, 0}}));
  }
}

/// Where they begin behind the padding's id, they number the ids that are not
/// the padding's: masked ones too, and the padding that is not masked has its
/// id as position.
TEST(Run, positionsLeaveOutThePadding) {
  Runner runner(Decoder);
  runner.model.stacks[0].first_position = 2;
  runner.model.stacks[0].positions_by_token = 1;
  runner.ids("input_ids", {{1, 1, 3, 4}, {5, 1, 6, 1}, {9, 9, 1, 6}});
  runner.ids("attention_mask", {{0, 0, 1, 1}, {1, 1, 1, 0}, {0, 1, 0, 1}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
  EXPECT_EQ(runner.feature(0, FakePosition),
            (Rows{{0, 0, 2, 3}, {2, 1, 3, 0}, {0, 3, 0, 4}}));
}

/// Given ones are taken as they are, whatever the runtime would make.
TEST(Run, givenPositionsMayCountThePadding) {
  Runner runner(Decoder);
  runner.model.stacks[0].first_position = 2;
  runner.model.stacks[0].positions_by_token = 1;
  runner.ids("input_ids", {{5, 1, 6}});
  runner.ids("position_ids", {{2, 3, 4}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
  EXPECT_EQ(runner.feature(0, FakePosition), (Rows{{2, 3, 4}}));
}

TEST(Run, positionsGoOnInTheNextChunk) {
  Runner runner(Decoder);
  runner.model.stacks[0].first_position = 2;
  runner.model.stacks[0].positions_by_token = 1;
  runner.ids("input_ids", {{1, 7, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7}});
  runner.ids("attention_mask", {{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
  EXPECT_EQ(runner.feature(0, FakePosition),
            (Rows{{0, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11}}));
}

/// A number of each token: where a head's result has no axis of features.
TEST(Run, numbersOfTokens) {
  // Of rows, or of all rows of a call at once.
  for (bool pools : {false, true}) {
    Runner runner(Encoder);
    runner.model.heads[0].first_row_only = 0;
    runner.model.heads[0].output_features = runner.model.heads[0].scalar = 1;
    runner.model.heads[0].pools = pools;
    runner.model.logitOf = [](const float *row, int64_t) {
      return 100 * row[FakeId] + row[FakeSum];
    };
    runner.ids("input_ids", {{9, 1, 9}, {2, 3, 4}, {5, 9, 6}, {7, 8, 9}});
    runner.ids("attention_mask", {{0, 1, 0}, {1, 1, 1}, {1, 0, 1}, {1, 1, 1}});
    ASSERT_EQ(runner.run({"logits"}), 0) << runner.error.message;
    EXPECT_GT(runner.model.calls.size(), 1u);
    EXPECT_EQ(runner.shape(0), (std::vector<int64_t>{4, 3}));
    const auto *numbers =
        static_cast<const float *>(runner.outputs[0].array.data);
    EXPECT_EQ(std::vector<float>(numbers, numbers + 12),
              (std::vector<float>{0, 101, 0, 209, 309, 409, 511, 0, 611, 724,
                                  824, 924}));
  }
}

/// The same of each sequence.
TEST(Run, numbersOfSequences) {
  Runner runner(Decoder);
  runner.model.heads[1].output_features = runner.model.heads[1].scalar = 1;
  runner.ids("input_ids", {{4, 9}, {9, 5}, {6, 9}, {7, 9}});
  runner.ids("attention_mask", {{1, 1}, {0, 1}, {1, 1}, {1, 1}});
  ASSERT_EQ(runner.run({"pooler_output"}), 0) << runner.error.message;
  EXPECT_EQ(runner.shape(0), (std::vector<int64_t>{4}));
  const auto *numbers =
      static_cast<const float *>(runner.outputs[0].array.data);
  EXPECT_EQ(std::vector<float>(numbers, numbers + 4),
            (std::vector<float>{4, 5, 6, 7}));
}

/// A head over the last row waits for the call with which a sequence ends.
TEST(Run, lastRowsComeFromTheLastChunk) {
  Runner runner(Decoder);
  runner.model.heads[1].row_token = ASHLAR_ROW_LAST;
  runner.ids("input_ids", {{2, 2, 2, 2, 2, 2, 2, 2, 2, 7},
                           {3, 3, 3, 3, 3, 3, 3, 3, 9, 9},
                           {4, 9, 9, 9, 9, 9, 9, 9, 9, 9}});
  runner.ids("attention_mask", {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                                {1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
                                {1, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  ASSERT_EQ(runner.run({"pooler_output"}), 0);
  EXPECT_EQ(runner.model.calls.size(), 3u);
  const auto *numbers =
      static_cast<const float *>(runner.outputs[0].array.data);
  EXPECT_EQ(std::vector<float>(numbers, numbers + 6),
            (std::vector<float>{7, 25, 3, 24, 4, 4}));
}

TEST(Run, firstRowsComeFromTheFirstChunk) {
  Runner runner(Decoder);
  runner.ids("input_ids",
             {std::vector<int64_t>(10, 2), {3, 3, 3, 3, 3, 3, 3, 3, 3, 3}});
  ASSERT_EQ(runner.run({"pooler_output"}), 0);
  EXPECT_EQ(ashlar_array_float(&runner.outputs[0].array, 1), 2);
  EXPECT_EQ(ashlar_array_float(&runner.outputs[0].array, 3), 3);
}

TEST(Run, masksMayBeAnyType) {
  for (int kind = 0; kind < 4; ++kind) {
    Runner runner(Decoder);
    runner.ids("input_ids", {{3, 4}});
    const char *name = "attention_mask";
    if (kind == 0)
      runner.set<uint8_t>(name, ASHLAR_BOOL, {1, 2}, {0, 1});
    if (kind == 1)
      runner.set<int32_t>(name, ASHLAR_INT32, {1, 2}, {0, 1});
    if (kind == 2)
      runner.set<float>(name, ASHLAR_FLOAT32, {1, 2}, {0, 1});
    if (kind == 3)
      runner.set<double>(name, ASHLAR_FLOAT64, {1, 2}, {0, 1});
    ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
    EXPECT_EQ(runner.feature(0, FakeSum), (Rows{{0, 4}}));
  }
}

TEST(Run, handsOnPositionsAndTypes) {
  Runner runner(Encoder);
  runner.model.stacks[0].types_offset = 0;
  runner.model.stacks[0].token_types = 2;
  runner.set<int32_t>("input_ids", ASHLAR_INT32, {1, 3}, {1, 2, 3});
  runner.ids("position_ids", {{7, 0, 7}});
  runner.ids("token_type_ids", {{0, 1, 1}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0) << runner.error.message;
  EXPECT_EQ(runner.feature(0, FakePosition), (Rows{{7, 0, 7}}));
  EXPECT_EQ(runner.feature(0, FakeType), (Rows{{0, 1, 1}}));
}

TEST(Run, handsOnMarksOfTokens) {
  Runner runner(Encoder);
  runner.model.stacks[0].marks_input = "global_attention_mask";
  runner.ids("input_ids", {{9, 3, 4}, {5, 6, 7}});
  runner.ids("attention_mask", {{0, 1, 1}, {1, 1, 0}});
  runner.set<float>("global_attention_mask", ASHLAR_FLOAT32, {2, 3},
                    {1, 0, 1, 1, 0, 1});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0) << runner.error.message;
  EXPECT_EQ(runner.model.calls, (std::vector<FakeModel::Call>{
                                    {true, {0, 1}, {2, 2}, {0, 1, 1, 0}}}));
}

TEST(Run, marksThatAreNotGivenAreTheModels) {
  Runner runner(Encoder);
  runner.model.stacks[0].marks_input = "global_attention_mask";
  runner.ids("input_ids", {{3, 4}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0) << runner.error.message;
  EXPECT_EQ(runner.model.calls,
            (std::vector<FakeModel::Call>{{true, {0}, {2}}}));
}

TEST(Run, encodesWholeSequencesInGroups) {
  Runner runner(Encoder);
  runner.ids(
      "input_ids",
      {{1, 2, 3, 4, 5}, {2, 2, 2, 9, 9}, {3, 3, 3, 3, 3}, {4, 9, 9, 9, 9}});
  runner.ids(
      "attention_mask",
      {{1, 1, 1, 1, 1}, {1, 1, 1, 0, 0}, {1, 1, 1, 1, 1}, {1, 0, 0, 0, 0}});
  ASSERT_EQ(runner.run({"last_hidden_state", "logits"}), 0);
  EXPECT_EQ(runner.feature(0, FakeSum), (Rows{{15, 15, 15, 15, 15},
                                              {6, 6, 6, 0, 0},
                                              {15, 15, 15, 15, 15},
                                              {4, 0, 0, 0, 0}}));
  EXPECT_EQ(runner.shape(1), (std::vector<int64_t>{4, 20}));
  for (int i = 0; i < 4; ++i) // the first token of row i is i + 1
    EXPECT_EQ(ashlar_array_float(&runner.outputs[1].array, i * 20 + i + 2), 0);
  EXPECT_EQ(runner.model.calls,
            (std::vector<FakeModel::Call>{
                {true, {0, 1}, {5, 3}}, {true, {2}, {5}}, {true, {0}, {1}}}));
}

TEST(Run, respectsTheSegmentsOfTheArena) {
  Runner runner(Encoder);
  ashlar_cache_plan cache = {};
  cache.in_arena = 1;
  cache.segments = 2;
  runner.model.plan.caches = &cache;
  runner.model.stacks[0].cache_kind = 0;
  runner.ids("input_ids", {{1}, {2}, {3}});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
  EXPECT_EQ(runner.model.calls, (std::vector<FakeModel::Call>{
                                    {true, {0, 1}, {1, 1}}, {true, {2}, {1}}}));
}

TEST(Run, feedsBothStacks) {
  Runner runner(EncoderDecoder);
  runner.ids("input_ids", {{1, 2, 9}, {4, 5, 6}, {9, 9, 9}, {7, 7, 7}});
  runner.ids("attention_mask", {{1, 1, 0}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}});
  runner.ids("decoder_input_ids", {{10, 1}, {10, 2}, {10, 3}, {10, 4}});
  ASSERT_EQ(
      runner.run({"encoder_last_hidden_state", "last_hidden_state", "logits"}),
      0)
      << runner.error.message;
  EXPECT_EQ(runner.feature(0, FakeSum),
            (Rows{{3, 3, 0}, {15, 15, 15}, {0, 0, 0}, {21, 21, 21}}));
  EXPECT_EQ(runner.feature(1, FakeSource),
            (Rows{{3, 3}, {15, 15}, {0, 0}, {21, 21}}));
  EXPECT_EQ(runner.feature(1, FakeSum),
            (Rows{{10, 11}, {10, 12}, {0, 0}, {10, 14}}));
  EXPECT_EQ(runner.shape(2), (std::vector<int64_t>{4, 2, 20}));
}

TEST(Run, masksTheDecoderToo) {
  Runner runner(EncoderDecoder);
  runner.ids("input_ids", {{1, 2}, {3, 4}});
  runner.ids("decoder_input_ids", {{9, 5}, {9, 9}});
  runner.ids("decoder_attention_mask", {{0, 1}, {0, 0}});
  ASSERT_EQ(runner.run({"last_hidden_state", "encoder_last_hidden_state"}), 0);
  EXPECT_EQ(runner.feature(0, FakeSum), (Rows{{0, 5}, {0, 0}}));
  EXPECT_EQ(runner.feature(1, FakeSum), (Rows{{3, 3}, {7, 7}}));
}

TEST(Run, leavesTheDecoderAloneWhenNobodyAsks) {
  Runner runner(EncoderDecoder);
  runner.ids("input_ids", {{1, 2}});
  ASSERT_EQ(runner.run({"encoder_last_hidden_state"}), 0);
  EXPECT_EQ(runner.model.calls.size(), 1u);
  EXPECT_EQ(runner.refusal({"logits"}), "decoder_input_ids: missing");
}

TEST(Run, takesVectors) {
  Runner runner(Encoder);
  runner.model.stacks[0].input = "src";
  runner.model.stacks[0].output = "memory";
  runner.model.stacks[0].ids_offset = -1;
  runner.model.stacks[0].vectors_offset = 0;
  std::vector<double> values(2 * 2 * FakeFeatures);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i;
  runner.set<double>("src", ASHLAR_FLOAT64, {2, 2, FakeFeatures}, values);
  ASSERT_EQ(runner.run({"memory"}), 0) << runner.error.message;
  EXPECT_EQ(runner.feature(0, FakeId), (Rows{{0, 6}, {12, 18}}));
  Runner narrow(Encoder);
  narrow.model.stacks[0] = runner.model.stacks[0];
  narrow.set<float>("src", ASHLAR_FLOAT32, {1, 2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(narrow.refusal({"memory"}),
            "src: shape [1, 2, 3]; expected [batch, length, 6]");
}

/// Two frames make a token, and arrays are [batch, features, frames].
TEST(Run, takesFrames) {
  Runner runner(Encoder);
  ashlar_stack_plan &stack = runner.model.stacks[0];
  stack.input = "src";
  stack.output = "memory";
  stack.ids_offset = -1;
  stack.vectors_offset = 0;
  stack.vector_features = FakeFeatures / 2;
  stack.vector_rows = 2;
  stack.vectors_by_feature = 1;
  std::vector<float> values(2 * 3 * 4);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i;
  runner.set<float>("src", ASHLAR_FLOAT32, {2, 3, 4}, values);
  ASSERT_EQ(runner.run({"memory"}), 0) << runner.error.message;
  EXPECT_EQ(runner.feature(0, FakeId), (Rows{{0, 2}, {12, 14}}));
  auto refusal = [&](std::vector<int64_t> shape, bool masked = false) {
    Runner other(Encoder);
    other.model.stacks[0] = stack;
    std::vector<float> zeros(shape[0] * shape[1] * shape[2]);
    other.set<float>("src", ASHLAR_FLOAT32, shape, zeros);
    if (masked)
      other.ids("attention_mask", {{1, 1}});
    return other.refusal({"memory"});
  };
  EXPECT_EQ(refusal({1, 3, 3}), "src: shape [1, 3, 3] has 3 frames; expected a "
                                "multiple of 2");
  EXPECT_EQ(refusal({1, 4, 4}),
            "src: shape [1, 4, 4]; expected [batch, 3, length]");
  EXPECT_EQ(refusal({1, 3, 18}),
            "src has 18 frames; the artifact takes 16 at most (--max-tokens of "
            "compile counts 2 as one)");
  EXPECT_EQ(refusal({1, 3, 4}, /*masked=*/true),
            "attention_mask: no input of this model; it has: src");
}

TEST(Run, takesEmptyBatches) {
  Runner runner(Decoder);
  runner.set<int64_t>("input_ids", ASHLAR_INT64, {2, 0}, {});
  ASSERT_EQ(runner.run({"last_hidden_state"}), 0);
  EXPECT_EQ(runner.shape(0), (std::vector<int64_t>{2, 0, FakeFeatures}));
  Runner none(Decoder);
  none.set<int64_t>("input_ids", ASHLAR_INT64, {0, 3}, {});
  ASSERT_EQ(none.run({"last_hidden_state"}), 0);
  EXPECT_EQ(none.shape(0), (std::vector<int64_t>{0, 3, FakeFeatures}));
}
