//===- ClassifyTest.cpp - Classes of texts over a fake model --------------===//

#include "runtime/text/classify.h"
#include "tests/runtime_text/FakeModel.h"
#include "tests/runtime_text/OpenedText.h"

#include <cmath>

using namespace ashlar;

namespace {

struct Classifier {
  explicit Classifier(FakeModel::Kind kind = FakeModel::Kind::Encoder)
      : model(kind, /*vocabulary=*/4) {}

  int run(const std::vector<int32_t> &ids,
          const std::vector<int32_t> &types = {}) {
    Generation generation;
    generation.decoderStartToken = start;
    OpenedText text(TextOptions{.generation = generation,
                                .texts = {.labelScores = scores}});
    return ashlar_classify(model.api(), model.session(), &text.text, ids.data(),
                           types.empty() ? nullptr : types.data(), ids.size(),
                           probabilities, &best, &error);
  }

  FakeModel model;
  LabelScores scores = LabelScores::Softmax;
  std::optional<int64_t> start; // of a decoder behind an encoder
  float probabilities[4] = {};
  int64_t best = -1;
  ashlar_error error = {};
};

} // namespace

TEST(Classify, givesProbabilities) {
  Classifier classifier;
  classifier.model.fixedLogits = {1, 3, 2, -50};
  ASSERT_EQ(classifier.run({1, 2}), 0);
  EXPECT_EQ(classifier.best, 1);
  double sum = std::exp(-2.0) + 1 + std::exp(-1.0);
  EXPECT_NEAR(classifier.probabilities[0], std::exp(-2.0) / sum, 1e-6);
  EXPECT_NEAR(classifier.probabilities[1], 1 / sum, 1e-6);
  EXPECT_NEAR(classifier.probabilities[2], std::exp(-1.0) / sum, 1e-6);
  EXPECT_NEAR(classifier.probabilities[3], 0, 1e-6);
}

TEST(Classify, survivesLargeLogits) {
  Classifier classifier;
  classifier.model.fixedLogits = {3e38f, 3e38f, -3e38f, -INFINITY};
  ASSERT_EQ(classifier.run({1}), 0);
  EXPECT_EQ(classifier.best, 0); // the lowest of equals
  EXPECT_EQ(classifier.probabilities[0], 0.5f);
  EXPECT_EQ(classifier.probabilities[1], 0.5f);
  EXPECT_EQ(classifier.probabilities[2], 0);
  classifier.model.fixedLogits = {0, INFINITY, 0, INFINITY};
  ASSERT_EQ(classifier.run({1}), 0);
  EXPECT_EQ(classifier.best, 1);
  EXPECT_EQ(classifier.probabilities[1], 0.5f);
}

TEST(Classify, givesAProbabilityForEachClass) {
  Classifier classifier;
  classifier.scores = LabelScores::Sigmoid;
  classifier.model.fixedLogits = {-1, 0, 2, 1};
  ASSERT_EQ(classifier.run({1}), 0);
  EXPECT_EQ(classifier.best, 2);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(classifier.probabilities[i],
                1 / (1 + std::exp(-classifier.model.fixedLogits[i])), 1e-6);
  classifier.model.fixedLogits = {3e38f, -3e38f, INFINITY, -INFINITY};
  ASSERT_EQ(classifier.run({1}), 0);
  EXPECT_EQ(classifier.best, 2);
  EXPECT_EQ(classifier.probabilities[0], 1);
  EXPECT_EQ(classifier.probabilities[1], 0);
  EXPECT_EQ(classifier.probabilities[2], 1);
  EXPECT_EQ(classifier.probabilities[3], 0);
}

TEST(Classify, givesLogits) {
  Classifier classifier;
  classifier.scores = LabelScores::Logits;
  classifier.model.fixedLogits = {1, -3, 2.5, 0};
  ASSERT_EQ(classifier.run({1}), 0);
  EXPECT_EQ(classifier.best, 2);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(classifier.probabilities[i], classifier.model.fixedLogits[i]);
}

/// A single class is true or not: softmax would always say 1.
TEST(Classify, scoresByTheNumberOfClasses) {
  using Scores = std::optional<LabelScores>;
  auto scores = [](int64_t classes, Scores said) {
    FakeModel model(FakeModel::Kind::Encoder, classes);
    OpenedText text(
        TextOptions{.generation = {}, .texts = {.labelScores = said}});
    return ashlar_class_scores(&model.plan, &text.text);
  };
  EXPECT_EQ(scores(1, std::nullopt), ASHLAR_SCORES_SIGMOID);
  EXPECT_EQ(scores(2, std::nullopt), ASHLAR_SCORES_SOFTMAX);
  for (int64_t classes : {1, 3}) {
    EXPECT_EQ(scores(classes, LabelScores::Softmax), ASHLAR_SCORES_SOFTMAX);
    EXPECT_EQ(scores(classes, LabelScores::Sigmoid), ASHLAR_SCORES_SIGMOID);
    EXPECT_EQ(scores(classes, LabelScores::Logits), ASHLAR_SCORES_LOGITS);
  }
}

/// Decoders take a text in several calls, and a head reads its last row, or its
/// first one.
TEST(Classify, takesLongTextsInChunks) {
  for (bool last : {true, false}) {
    Classifier classifier(FakeModel::Kind::Decoder);
    classifier.scores = LabelScores::Logits;
    classifier.model.heads[0].first_row_only = 1;
    classifier.model.heads[0].row_token =
        last ? ASHLAR_ROW_LAST : ASHLAR_ROW_FIRST;
    classifier.model.logitOf = [](const float *row, int64_t i) {
      return row[i == 0 ? FakeSum : FakeCount];
    };
    std::vector<int32_t> ids(19, 2);
    ids.back() = 1;
    for (int repeat = 0; repeat < 2; ++repeat) { // nothing stays behind
      ASSERT_EQ(classifier.run(ids), 0) << classifier.error.message;
      EXPECT_EQ(classifier.probabilities[0], last ? 37 : 2);
      EXPECT_EQ(classifier.probabilities[1], last ? 19 : 1);
    }
    EXPECT_EQ(classifier.model.calls.size(), 6u);
    EXPECT_EQ(classifier.run(std::vector<int32_t>(33, 1)), 1);
    EXPECT_STREQ(classifier.error.message,
                 "the text has 33 tokens; the context holds 32 (--max-context "
                 "of compile)");
  }
}

/// A decoder behind an encoder reads the text again, behind its start token and
/// without the last one.
TEST(Classify, readsTheTextAgain) {
  Classifier classifier(FakeModel::Kind::EncoderDecoder);
  FakeModel &model = classifier.model;
  classifier.scores = LabelScores::Logits;
  model.heads[0].first_row_only = 1;
  model.heads[0].row_token = ASHLAR_ROW_LAST;
  model.logitOf = [](const float *row, int64_t i) {
    return row[i == 0 ? FakeSum : i == 1 ? FakeCount : FakeSource];
  };
  EXPECT_EQ(classifier.run({1, 2, 3}), 1);
  EXPECT_STREQ(classifier.error.message,
               "the model has no decoder_start_token_id");
  classifier.start = 3;
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_EQ(classifier.run({2, 1, 1, 0, 3}), 0) << classifier.error.message;
    EXPECT_EQ(classifier.probabilities[0], 3 + 2 + 1 + 1 + 0);
    EXPECT_EQ(classifier.probabilities[1], 5);
    EXPECT_EQ(classifier.probabilities[2], 7);
  }
  ASSERT_EQ(classifier.run({2}), 0) << classifier.error.message;
  EXPECT_EQ(classifier.probabilities[0], 3);
  EXPECT_EQ(classifier.probabilities[2], 2);
  model.heads[0].row_token = ASHLAR_ROW_FIRST;
  ASSERT_EQ(classifier.run({2, 1, 1}), 0) << classifier.error.message;
  EXPECT_EQ(classifier.probabilities[0], 3);
  EXPECT_EQ(classifier.run(std::vector<int32_t>(9, 1)), 1);
  EXPECT_STREQ(classifier.error.message,
               "the text has 9 tokens; the encoder takes 8 at most "
               "(--max-tokens of compile)");
  classifier.start = 4;
  EXPECT_EQ(classifier.run({1}), 1);
  EXPECT_STREQ(classifier.error.message,
               "token 1 of the decoder's prompt has id 4; the vocabulary has 4 "
               "tokens");
}

TEST(Classify, handsOnTokenTypesWhereTheModelHasThem) {
  Classifier classifier;
  ASSERT_EQ(classifier.run({1, 2}, {0, 1}), 0);
  EXPECT_EQ(classifier.model.result[FakeFeatures + FakeType], 0);
  classifier.model.stacks[0].types_offset = 0;
  ASSERT_EQ(classifier.run({1, 2}, {0, 1}), 0);
  EXPECT_EQ(classifier.model.result[FakeFeatures + FakeType], 1);
}

TEST(Classify, saysWhatIsWrong) {
  Classifier classifier;
  auto refusal = [&](const std::vector<int32_t> &ids) {
    EXPECT_EQ(classifier.run(ids), 1);
    return std::string(classifier.error.message);
  };
  EXPECT_EQ(refusal({}), "the text has no tokens");
  EXPECT_EQ(refusal({1, 4}),
            "token 2 of the text has id 4; the vocabulary has 4 tokens");
  EXPECT_EQ(refusal(std::vector<int32_t>(9, 1)),
            "the text has 9 tokens; the encoder takes 8 at most "
            "(--max-tokens of compile)");
  classifier.model.stacks[0].positions = 5;
  EXPECT_EQ(refusal(std::vector<int32_t>(6, 1)),
            "the text has 6 tokens; the model has 5 positions");
  classifier.model.stacks[0].first_position = 2;
  EXPECT_EQ(refusal(std::vector<int32_t>(4, 1)),
            "the text has 4 tokens; the model has 3 positions");
  classifier.model.notNumbers = true;
  EXPECT_EQ(refusal({1}), "logit 0 of the model is not a number");
  Classifier decoder(FakeModel::Kind::Decoder);
  EXPECT_EQ(decoder.run({1}), 1);
  EXPECT_STREQ(decoder.error.message, "the model does not classify texts: it "
                                      "has no logits of whole sequences");
}

TEST(Classify, namesClasses) {
  OpenedText text(TextOptions{.generation = {}, .labels = {"bad", ""}});
  size_t bytes = 9;
  const char *label = ashlar_text_label(&text.text, 0, &bytes);
  ASSERT_NE(label, nullptr);
  EXPECT_EQ(std::string(label, bytes), "bad");
  ASSERT_NE(ashlar_text_label(&text.text, 1, &bytes), nullptr);
  EXPECT_EQ(bytes, 0u);
  EXPECT_EQ(ashlar_text_label(&text.text, 2, &bytes), nullptr);
  EXPECT_EQ(ashlar_text_label(&text.text, -1, &bytes), nullptr);
}
