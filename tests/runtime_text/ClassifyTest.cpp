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
    return ashlar_classify(model.api(), model.session(), ids.data(),
                           types.empty() ? nullptr : types.data(), ids.size(),
                           probabilities, &best, &error);
  }

  FakeModel model;
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
