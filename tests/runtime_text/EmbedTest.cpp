//===- EmbedTest.cpp - Sentence embeddings over a fake model --------------===//

#include "runtime/text/embed.h"
#include "tests/runtime_text/FakeModel.h"
#include "tests/runtime_text/OpenedText.h"

#include <cmath>

using namespace ashlar;

using Ids = std::vector<int32_t>;

namespace {

struct Embedder {
  explicit Embedder(FakeModel::Kind kind) : model(kind) {}

  std::vector<float> run(const std::vector<Ids> &texts) {
    std::vector<ashlar_tokens> list;
    std::vector<Ids> copies = texts, types;
    for (const Ids &ids : texts)
      types.emplace_back(ids.size(), 0);
    for (size_t i = 0; i < texts.size(); ++i)
      list.push_back({copies[i].data(), types[i].data(), copies[i].size()});
    std::vector<float> out(texts.size() * FakeFeatures, -1);
    model.calls.clear();
    failed = ashlar_embed(model.api(), model.session(), &embedding, list.data(),
                          list.size(), out.data(), &error);
    return out;
  }
  std::vector<float> run(const Ids &text) {
    return run(std::vector<Ids>{text});
  }

  FakeModel model;
  ashlar_embedding embedding = {ASHLAR_POOLING_MEAN, 0};
  ashlar_error error = {};
  int failed = 0;
};

using Row = std::vector<float>;
constexpr auto Decoder = FakeModel::Kind::Decoder;
constexpr auto Encoder = FakeModel::Kind::Encoder;

} // namespace

// A row of the fake encoder: id, position, type, sum, count, source.
TEST(Embed, poolings) {
  Embedder embedder(Encoder);
  EXPECT_EQ(embedder.run({5, 9, 1}), (Row{5, 1, 0, 15, 3, 0}));
  embedder.embedding.pooling = ASHLAR_POOLING_CLS;
  EXPECT_EQ(embedder.run({5, 9, 1}), (Row{5, 0, 0, 15, 3, 0}));
  embedder.embedding.pooling = ASHLAR_POOLING_LAST;
  EXPECT_EQ(embedder.run({5, 9, 1}), (Row{1, 2, 0, 15, 3, 0}));
  embedder.embedding.pooling = ASHLAR_POOLING_MAX;
  EXPECT_EQ(embedder.run({5, 9, 1}), (Row{9, 2, 0, 15, 3, 0}));
}

TEST(Embed, normalizes) {
  Embedder embedder(Encoder);
  embedder.embedding = {ASHLAR_POOLING_MAX, 1};
  Row row = embedder.run({3, 4});
  double norm = std::sqrt(16.0 + 1 + 49 + 4);
  EXPECT_EQ(row, (Row{float(4 / norm), float(1 / norm), 0, float(7 / norm),
                      float(2 / norm), 0}));
}

TEST(Embed, batchesWhatFits) {
  Embedder embedder(Encoder);
  std::vector<Ids> texts = {
      {1, 2}, {3}, {4, 5, 6}, {7, 8, 9, 10, 11, 12, 13}, {14}};
  for (int32_t pooling : {ASHLAR_POOLING_MEAN, ASHLAR_POOLING_CLS,
                          ASHLAR_POOLING_LAST, ASHLAR_POOLING_MAX}) {
    embedder.embedding = {pooling, pooling % 2};
    Row all = embedder.run(texts);
    std::vector<FakeModel::Call> expected = {{true, {0, 1, 2}, {2, 1, 3}},
                                             {true, {0, 1}, {7, 1}}};
    EXPECT_EQ(embedder.model.calls, expected);
    Row alone;
    for (const Ids &text : texts)
      for (float value : embedder.run(text))
        alone.push_back(value);
    EXPECT_EQ(all, alone);
  }
}

TEST(Embed, decodersTakeLongTextsInChunks) {
  Embedder embedder(Decoder);
  Ids text(19, 2);
  text[18] = 7;
  embedder.embedding.pooling = ASHLAR_POOLING_LAST;
  std::vector<Ids> texts = {{4, 5}, text, {4, 5}};
  Row all = embedder.run(texts);
  EXPECT_EQ(Row(all.begin() + 6, all.begin() + 12), (Row{7, 18, 0, 43, 19, 0}));
  EXPECT_EQ(Row(all.begin(), all.begin() + 6), (Row{5, 1, 0, 9, 2, 0}));
  EXPECT_EQ(Row(all.begin() + 12, all.end()), (Row{5, 1, 0, 9, 2, 0}));
  embedder.embedding.pooling = ASHLAR_POOLING_MEAN;
  EXPECT_EQ(embedder.run(text)[FakePosition], 9);
  embedder.embedding.pooling = ASHLAR_POOLING_CLS;
  EXPECT_EQ(embedder.run(text)[FakePosition], 0);
}

TEST(Embed, saysWhatIsWrong) {
  Embedder embedder(Encoder);
  auto refusal = [&](const std::vector<Ids> &texts) {
    embedder.run(texts);
    EXPECT_EQ(embedder.failed, 1);
    return std::string(embedder.error.message);
  };
  EXPECT_EQ(refusal({{1}, {}}), "text 2 has no tokens");
  EXPECT_EQ(refusal({Ids(9, 1)}), "text 1 has 9 tokens; the encoder takes 8 at "
                                  "most (--max-tokens of compile)");
  EXPECT_EQ(refusal({{1}, {2, 20}}),
            "token 2 of text 2 has id 20; the vocabulary has 20 tokens");
  EXPECT_TRUE(embedder.model.calls.empty());
  embedder.model.nextStatus = ASHLAR_OUT_OF_MEMORY;
  EXPECT_EQ(refusal({{1}}), "out of memory");
  Embedder pair(FakeModel::Kind::EncoderDecoder);
  pair.run({1});
  EXPECT_STREQ(pair.error.message, "the model makes no sentence embeddings: it "
                                   "is no single stack that takes token ids");
  Embedder decoder(Decoder);
  decoder.run(Ids(33, 1));
  EXPECT_STREQ(decoder.error.message,
               "text 1 has 33 tokens; the context holds 32 (--max-context of "
               "compile)");
}

TEST(Embed, noTextsAreNoError) {
  Embedder embedder(Encoder);
  embedder.run(std::vector<Ids>{});
  EXPECT_EQ(embedder.failed, 0);
}

TEST(Embed, theCallerGoesFirst) {
  auto choose = [](std::optional<SentenceEmbedding> own, int32_t pooling,
                   int normalize) {
    TextOptions options;
    options.sentence = own;
    OpenedText text(options);
    ashlar_embedding result;
    int assumed;
    EXPECT_EQ(ashlar_embedding_choose(&text.text, pooling, normalize, &result,
                                      &assumed, &text.error),
              0);
    return std::tuple(result.pooling, result.normalize, assumed);
  };
  using Choice = std::tuple<int, int, int>;
  SentenceEmbedding own = {Pooling::Cls, true};
  SentenceEmbedding other = {Pooling::Other, false};
  constexpr int32_t none = ASHLAR_POOLING_NONE;
  EXPECT_EQ(choose(own, none, -1), Choice(ASHLAR_POOLING_CLS, 1, 0));
  EXPECT_EQ(choose(own, ASHLAR_POOLING_MAX, 0),
            Choice(ASHLAR_POOLING_MAX, 0, 0));
  EXPECT_EQ(choose(std::nullopt, none, -1), Choice(ASHLAR_POOLING_MEAN, 0, 1));
  EXPECT_EQ(choose(std::nullopt, none, 1), Choice(ASHLAR_POOLING_MEAN, 1, 1));
  EXPECT_EQ(choose(other, ASHLAR_POOLING_LAST, -1),
            Choice(ASHLAR_POOLING_LAST, 0, 0));
  TextOptions options;
  options.sentence = other;
  OpenedText text(options);
  ashlar_embedding result;
  int assumed;
  EXPECT_EQ(ashlar_embedding_choose(&text.text, none, -1, &result, &assumed,
                                    &text.error),
            1);
  EXPECT_EQ(ashlar_pooling_named("mean"), ASHLAR_POOLING_MEAN);
  EXPECT_EQ(ashlar_pooling_named("max"), ASHLAR_POOLING_MAX);
  EXPECT_EQ(ashlar_pooling_named(""), none);
  EXPECT_EQ(ashlar_pooling_named("median"), none);
}
