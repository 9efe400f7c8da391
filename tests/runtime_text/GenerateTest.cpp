//===- GenerateTest.cpp - Greedy decoding over a fake model ---------------===//

#include "runtime/text/generate.h"
#include "tests/runtime_text/FakeModel.h"
#include "tests/runtime_text/OpenedText.h"

#include <cmath>

using namespace ashlar;

using Ids = std::vector<int32_t>;

namespace {

/// The fake model continues every text with the successor of its last id.
struct Generator {
  Generator(FakeModel::Kind kind, const Generation &settings = {})
      : model(kind), text(TextOptions{.generation = settings, .labels = {}}) {}

  Ids run(const Ids &prompt) {
    ids.clear();
    request.prompt = prompt.data();
    request.prompt_count = prompt.size();
    request.on_token = [](void *user, int32_t id) {
      auto &self = *static_cast<Generator *>(user);
      self.ids.push_back(id);
      return int(id == self.stopAt);
    };
    request.user = this;
    model.calls.clear();
    failed = ashlar_generate(model.api(), model.session(), &text.text, &request,
                             &result, &error);
    EXPECT_EQ(result.count, ids.size());
    return ids;
  }
  std::string refusal(const Ids &prompt) {
    run(prompt);
    EXPECT_EQ(failed, 1);
    return error.message;
  }

  FakeModel model;
  OpenedText text;
  ashlar_generation request = {.max_new_tokens = -1};
  ashlar_generated result = {};
  ashlar_error error = {};
  int failed = 0;
  int32_t stopAt = -1;
  Ids ids;
};

constexpr auto Decoder = FakeModel::Kind::Decoder;
constexpr auto Encoder = FakeModel::Kind::Encoder;
constexpr auto EncoderDecoder = FakeModel::Kind::EncoderDecoder;

std::vector<int32_t> lengths(const FakeModel &model) {
  std::vector<int32_t> result;
  for (const FakeModel::Call &call : model.calls)
    result.push_back(call.lengths.at(0));
  return result;
}

} // namespace

TEST(Generate, countsUpToTheModelsLimit) {
  Generator generator(Decoder, {.endTokens = {}, .maxNewTokens = 4});
  EXPECT_EQ(generator.run({3, 5}), (Ids{6, 7, 8, 9}));
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_LENGTH);
  // The last token is never run.
  EXPECT_EQ(lengths(generator.model), (Ids{2, 1, 1, 1}));
}

TEST(Generate, forgetsTheTextBefore) {
  Generator generator(Decoder, {.endTokens = {}, .maxNewTokens = 2});
  generator.run({3, 5});
  EXPECT_EQ(generator.run({1}), (Ids{2, 3}));
  EXPECT_EQ(generator.model.slots[0].length, 2);
}

TEST(Generate, takesLongPromptsInChunks) {
  Generator generator(Decoder, {.endTokens = {}, .maxNewTokens = 1});
  Ids prompt(19, 4);
  EXPECT_EQ(generator.run(prompt), (Ids{5}));
  EXPECT_EQ(lengths(generator.model), (Ids{8, 8, 3}));
  EXPECT_EQ(generator.run(Ids(16, 4)), (Ids{5}));
  EXPECT_EQ(lengths(generator.model), (Ids{8, 8}));
}

TEST(Generate, stopsAtEveryEndToken) {
  Generator generator(Decoder, {.endTokens = {9, 7}, .maxNewTokens = 10});
  EXPECT_EQ(generator.run({5}), (Ids{6, 7}));
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_END_TOKEN);
  generator.request.ignore_end_tokens = 1;
  EXPECT_EQ(generator.run({5}).size(), 10u);
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_LENGTH);
}

TEST(Generate, theCallersLimitGoesFirst) {
  Generator generator(Decoder,
                      {.endTokens = {}, .maxLength = 3, .maxNewTokens = 9});
  generator.request.max_new_tokens = 2;
  EXPECT_EQ(generator.run({5, 5, 5}), (Ids{6, 7}));
  generator.request.max_new_tokens = 0;
  EXPECT_EQ(generator.run({5}), (Ids{}));
  EXPECT_EQ(generator.failed, 0);
  generator.request.max_new_tokens = -1;
  EXPECT_EQ(generator.run({5}).size(), 9u);
}

TEST(Generate, maxLengthCountsThePrompt) {
  Generator generator(Decoder, {.endTokens = {}, .maxLength = 4});
  EXPECT_EQ(generator.run({5}), (Ids{6, 7, 8}));
  EXPECT_EQ(generator.refusal({5, 5, 5, 5}),
            "the prompt has 4 tokens and the model's max_length is 4: set "
            "--max-new-tokens");
}

TEST(Generate, fillsTheContextWithoutALimit) {
  Generator generator(Decoder);
  EXPECT_EQ(generator.run({5, 5}).size(), 30u);
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_CONTEXT);
  // Asked for more, the last token comes from the full context.
  generator.request.max_new_tokens = 100;
  EXPECT_EQ(generator.run({5, 5}).size(), 31u);
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_CONTEXT);
  EXPECT_EQ(generator.failed, 0);
  generator.request.max_new_tokens = 31;
  EXPECT_EQ(generator.run({5, 5}).size(), 31u);
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_LENGTH);
}

TEST(Generate, forcesFirstAndLastToken) {
  Generator generator(EncoderDecoder, {.endTokens = {2},
                                       .decoderStartToken = 10,
                                       .forcedFirstToken = 4,
                                       .forcedLastToken = 2,
                                       .maxLength = 6});
  EXPECT_EQ(generator.run({7, 7}), (Ids{4, 5, 6, 7, 2}));
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_END_TOKEN);
  generator.request.max_new_tokens = 1;
  EXPECT_EQ(generator.run({7, 7}), (Ids{2}));
}

TEST(Generate, forcesNothingWithoutAKnownLimit) {
  Generator generator(Decoder, {.endTokens = {}, .forcedLastToken = 2});
  Ids ids = generator.run(Ids(30, 5));
  EXPECT_EQ(ids, (Ids{6, 7}));
}

TEST(Generate, runsTheSourceOnce) {
  Generator generator(
      EncoderDecoder,
      {.endTokens = {}, .decoderStartToken = 10, .maxNewTokens = 3});
  EXPECT_EQ(generator.run({7, 8, 9}), (Ids{11, 12, 13}));
  std::vector<FakeModel::Call> expected = {{true, {0}, {3}},
                                           {false, {0}, {1}},
                                           {false, {0}, {1}},
                                           {false, {0}, {1}}};
  EXPECT_EQ(generator.model.calls, expected);
  Ids start = {10, 1, 2};
  generator.request.decoder_ids = start.data();
  generator.request.decoder_count = start.size();
  EXPECT_EQ(generator.run({7, 8, 9}), (Ids{3, 4, 5}));
}

TEST(Generate, takesTheLowestOfEqualIds) {
  Generator generator(Decoder, {.endTokens = {}, .maxNewTokens = 1});
  generator.model.fixedLogits.assign(20, -1);
  generator.model.fixedLogits[7] = generator.model.fixedLogits[3] = 2;
  EXPECT_EQ(generator.run({5}), (Ids{3}));
  generator.model.fixedLogits[0] = NAN;
  EXPECT_EQ(generator.run({5}), (Ids{3}));
  generator.model.fixedLogits.assign(20, -INFINITY);
  EXPECT_EQ(generator.run({5}), (Ids{0}));
}

TEST(Generate, theCallerMayStop) {
  Generator generator(Decoder);
  generator.stopAt = 8;
  EXPECT_EQ(generator.run({5}), (Ids{6, 7, 8}));
  EXPECT_EQ(generator.result.stop, ASHLAR_STOP_CALLER);
}

TEST(Generate, saysWhatIsWrong) {
  Generator generator(Decoder);
  EXPECT_EQ(generator.refusal({}), "the prompt has no tokens");
  EXPECT_EQ(generator.refusal({1, 20}),
            "token 2 of the prompt has id 20; the vocabulary has 20 tokens");
  EXPECT_EQ(generator.refusal({-1}),
            "token 1 of the prompt has id -1; the vocabulary has 20 tokens");
  EXPECT_EQ(generator.refusal(Ids(33, 1)),
            "the prompt has 33 tokens; the context holds 32 (--max-context of "
            "compile)");
  generator.model.notNumbers = true;
  EXPECT_EQ(generator.refusal({1}), "no logit of the model is a number");
  generator.model.nextStatus = ASHLAR_OUT_OF_MEMORY;
  EXPECT_EQ(generator.refusal({1}), "out of memory");
  EXPECT_EQ(Generator(Encoder).refusal({1}),
            "the model does not generate tokens: it has no decoder with "
            "logits");
}

TEST(Generate, saysWhatIsWrongWithASource) {
  Generator generator(EncoderDecoder);
  EXPECT_EQ(generator.refusal({1}), "the model has no decoder_start_token_id: "
                                    "give --decoder-ids");
  Generator started(EncoderDecoder, {.endTokens = {}, .decoderStartToken = 10});
  EXPECT_EQ(started.refusal({}), "the prompt has no tokens");
  started.model.plan.max_source = 5;
  EXPECT_EQ(started.refusal(Ids(6, 1)),
            "the prompt has 6 tokens; the encoder takes 5 at most "
            "(--max-source of compile)");
  started.model.plan.max_source = 50;
  EXPECT_EQ(started.refusal(Ids(9, 1)),
            "the prompt has 9 tokens; the encoder takes 8 at most "
            "(--max-tokens of compile)");
  started.model.stacks[0].positions = 4;
  EXPECT_EQ(started.refusal(Ids(5, 1)),
            "the prompt has 5 tokens; the model has 4 positions");
}
