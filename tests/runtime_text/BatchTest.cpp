//===- BatchTest.cpp - Several prompts at once, as each alone -------------===//
//
// Catches: tokens, random numbers or ends that reach another prompt's lane, a
// slot that is not emptied before the next prompt, results in a wrong place.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/generate.h"
#include "tests/runtime_text/FakeModel.h"
#include "tests/runtime_text/OpenedText.h"

using namespace ashlar;

using Ids = std::vector<int32_t>;

namespace {

struct Batch {
  explicit Batch(FakeModel::Kind kind)
      : model(kind), text(TextOptions{.generation = {.endTokens = {9},
                                                     .decoderStartToken = 10},
                                      .labels = {}}) {
    // What follows depends on the whole sequence and on the source.
    model.logitOf = [](const float *row, int64_t i) {
      uint64_t hash = uint64_t(row[FakeSum] * 131 + row[FakeCount] * 17 +
                               row[FakeSource] * 7 + row[FakeId]);
      hash = (hash + uint64_t(i) * 77) * 0x9e3779b97f4a7c15u;
      return float(hash >> 40) / float(1 << 23);
    };
  }

  /// All prompts, `together` or each by itself.
  std::vector<Ids> run(const std::vector<Ids> &prompts, bool together) {
    std::vector<Ids> made(prompts.size());
    std::vector<ashlar_generation> requests;
    for (size_t i = 0; i < prompts.size(); ++i) {
      ashlar_generation one = request;
      one.prompt = prompts[i].data();
      one.prompt_count = prompts[i].size();
      one.stream = i;
      one.user = &made[i];
      one.on_token = [](void *user, int32_t id) {
        static_cast<Ids *>(user)->push_back(id);
        return 0;
      };
      requests.push_back(one);
    }
    results.assign(prompts.size(), {});
    model.calls.clear();
    size_t step = together ? prompts.size() : 1;
    for (size_t i = 0; i < prompts.size() && !failed; i += step)
      failed = ashlar_generate_all(model.api(), model.session(), &text.text,
                                   &requests[i], step, &results[i], &error);
    return made;
  }

  FakeModel model;
  OpenedText text;
  ashlar_generation request = {.max_new_tokens = 12};
  std::vector<ashlar_generated> results;
  ashlar_error error = {};
  int failed = 0;
};

constexpr auto Decoder = FakeModel::Kind::Decoder;
constexpr auto EncoderDecoder = FakeModel::Kind::EncoderDecoder;

const std::vector<Ids> prompts = {{1},          {2, 3},    Ids(8, 4), {5},
                                  {6, 7, 8, 1}, {1},       {2, 2, 2}, {3, 1},
                                  Ids(7, 1),    {4, 3, 2}, {11},      {12, 13}};

} // namespace

TEST(Batch, givesTheTokensOfEachAlone) {
  for (auto kind : {Decoder, EncoderDecoder})
    for (double temperature : {0.0, 1.0})
      for (double penalty : {0.0, 1.3}) {
        Batch batch(kind);
        batch.request.sampling.enabled = temperature > 0;
        batch.request.sampling.temperature = temperature;
        batch.request.sampling.repetition_penalty = penalty;
        std::vector<Ids> alone = batch.run(prompts, /*together=*/false);
        std::vector<ashlar_generated> results = batch.results;
        size_t calls = batch.model.calls.size();
        EXPECT_EQ(batch.run(prompts, /*together=*/true), alone);
        ASSERT_EQ(batch.failed, 0) << batch.error.message;
        EXPECT_LT(batch.model.calls.size() * 2, calls);
        for (size_t i = 0; i < prompts.size(); ++i) {
          EXPECT_EQ(batch.results[i].stop, results[i].stop) << i;
          EXPECT_EQ(batch.results[i].count, alone[i].size()) << i;
          EXPECT_EQ(batch.results[i].done, 1) << i;
        }
        if (temperature > 0) // equal prompts, other random numbers
          EXPECT_NE(alone[0], alone[5]);
      }
}

TEST(Batch, longPromptsShareCalls) {
  Batch batch(Decoder);
  std::vector<Ids> many = {Ids(19, 1), {2}, Ids(11, 3), Ids(30, 4), {5, 6}};
  std::vector<Ids> alone = batch.run(many, /*together=*/false);
  EXPECT_EQ(batch.run(many, /*together=*/true), alone);
  EXPECT_EQ(batch.failed, 0);
}

TEST(Batch, sourcesAreEncodedTogether) {
  Batch batch(EncoderDecoder);
  batch.run({{1, 2}, {3}, {4, 5, 6}}, /*together=*/true);
  EXPECT_EQ(batch.model.calls[0],
            (FakeModel::Call{true, {0, 1, 2}, {2, 1, 3}}));
  batch.run({{1, 2, 3, 4, 5, 6}, {3, 4, 5}}, /*together=*/true);
  EXPECT_EQ(batch.model.calls[0], (FakeModel::Call{true, {0}, {6}}));
  EXPECT_EQ(batch.model.calls[1], (FakeModel::Call{true, {1}, {3}}));
}

TEST(Batch, promptsBeforeABadOneAreDone) {
  Batch batch(Decoder);
  std::vector<Ids> alone = batch.run({{1}, {2, 3}}, /*together=*/true);
  for (size_t bad : {0u, 1u, 2u, 5u}) {
    std::vector<Ids> some;
    for (size_t i = 0; i < 8; ++i)
      some.push_back(i == bad ? Ids{99} : prompts[i]);
    std::vector<Ids> made = batch.run(some, /*together=*/true);
    EXPECT_EQ(batch.failed, 1);
    EXPECT_STREQ(batch.error.message,
                 "token 1 of the prompt has id 99; the vocabulary has 20 "
                 "tokens");
    batch.failed = 0;
    for (size_t i = 0; i < 8; ++i)
      EXPECT_EQ(batch.results[i].done, i < bad) << i;
    if (bad >= 2)
      EXPECT_EQ(made[1], alone[1]);
  }
}

TEST(Batch, nothingToGenerateIsDoneAtOnce) {
  Batch batch(Decoder);
  batch.request.max_new_tokens = 0;
  EXPECT_EQ(batch.run(prompts, /*together=*/true),
            std::vector<Ids>(prompts.size()));
  EXPECT_EQ(batch.failed, 0);
  EXPECT_TRUE(batch.model.calls.empty());
  EXPECT_EQ(batch.results.back().done, 1);
  EXPECT_EQ(batch.results.back().stop, ASHLAR_STOP_LENGTH);
}

// The penalty sees the prompt and what was made; with an encoder, the decoder's
// sequence alone.
TEST(Batch, penaltyAppliesToWhatWasSeen) {
  for (auto kind : {Decoder, EncoderDecoder}) {
    Batch batch(kind);
    batch.model.logitOf = nullptr;
    batch.model.fixedLogits.assign(20, 1);
    batch.model.fixedLogits[1] = 2;
    batch.model.fixedLogits[6] = 1.5;
    batch.model.fixedLogits[7] = -1;
    batch.request.max_new_tokens = 3;
    batch.request.sampling.repetition_penalty = 4;
    EXPECT_EQ(batch.run({{1, 2}}, true)[0],
              kind == Decoder ? (Ids{6, 0, 3}) : (Ids{1, 6, 0}));
  }
}
