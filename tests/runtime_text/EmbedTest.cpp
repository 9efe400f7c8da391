//===- EmbedTest.cpp - Sentence embeddings over a fake model --------------===//

#include "runtime/text/embed.h"
#include "tests/runtime_text/FakeModel.h"
#include "tests/runtime_text/OpenedText.h"

#include <cmath>
#include <cstring>

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
    std::vector<float> out(
        texts.size() * ashlar_embedding_features(&model.plan, &embedding), -1);
    model.calls.clear();
    failed = ashlar_embed(model.api(), model.session(), &embedding, list.data(),
                          list.size(), out.data(), &error);
    return out;
  }
  std::vector<float> run(const Ids &text) {
    return run(std::vector<Ids>{text});
  }

  FakeModel model;
  ashlar_embedding embedding = {ASHLAR_POOLING_MEAN, 0, -1};
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
  embedder.embedding = {ASHLAR_POOLING_MAX, 1, -1};
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
    embedder.embedding = {pooling, pooling % 2, -1};
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
    FakeModel model(Encoder);
    ashlar_embedding result;
    int assumed;
    EXPECT_EQ(ashlar_embedding_choose(&model.plan, &text.text, pooling,
                                      normalize, &result, &assumed,
                                      &text.error),
              0);
    EXPECT_EQ(result.head, -1);
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
  FakeModel model(Encoder);
  ashlar_embedding result;
  int assumed;
  EXPECT_EQ(ashlar_embedding_choose(&model.plan, &text.text, none, -1, &result,
                                    &assumed, &text.error),
            1);
  EXPECT_EQ(ashlar_pooling_named("mean"), ASHLAR_POOLING_MEAN);
  EXPECT_EQ(ashlar_pooling_named("max"), ASHLAR_POOLING_MAX);
  EXPECT_EQ(ashlar_pooling_named(""), none);
  EXPECT_EQ(ashlar_pooling_named("median"), none);
}

/// A head over the row that ends a text makes its vector, unless somebody says
/// how rows are pooled; one over the first row does not.
TEST(Embed, headsOfTextsGoBeforeTheMean) {
  auto choose = [](int64_t row, const char *name, int32_t pooling,
                   std::optional<SentenceEmbedding> own = std::nullopt) {
    TextOptions options;
    options.sentence = own;
    OpenedText text(options);
    FakeModel model(Encoder);
    model.heads[1].row_token = row;
    model.heads[1].output = name;
    ashlar_embedding result;
    int assumed;
    EXPECT_EQ(ashlar_embedding_choose(&model.plan, &text.text, pooling, -1,
                                      &result, &assumed, &text.error),
              0);
    EXPECT_EQ(ashlar_embedding_features(&model.plan, &result),
              result.head == 1 ? 2 : int(FakeFeatures));
    return std::pair(result.head, assumed);
  };
  using Choice = std::pair<int32_t, int>;
  constexpr int32_t none = ASHLAR_POOLING_NONE;
  for (int64_t row : {int64_t(ASHLAR_ROW_LAST),
                      int64_t(ASHLAR_ROW_HIGHEST_TOKEN), int64_t(7)})
    for (const char *name : {"text_embeds", "pooler_output"}) {
      EXPECT_EQ(choose(row, name, none), Choice(1, 0));
      EXPECT_EQ(choose(row, name, ASHLAR_POOLING_CLS), Choice(-1, 0));
      EXPECT_EQ(choose(row, name, none, SentenceEmbedding{}), Choice(-1, 0));
    }
  EXPECT_EQ(choose(ASHLAR_ROW_FIRST, "pooler_output", none), Choice(-1, 1));
  EXPECT_EQ(choose(ASHLAR_ROW_LAST, "scores", none), Choice(-1, 1));
}

TEST(Embed, headsOfTexts) {
  Embedder embedder(Encoder);
  embedder.model.heads[1].row_token = ASHLAR_ROW_LAST;
  embedder.embedding.head = 1; // the row's id and its sum
  std::vector<Ids> texts = {{3}, {2, 4}, {1, 2, 5}, {9, 9}};
  EXPECT_EQ(embedder.run(texts), (Row{3, 3, 4, 6, 5, 8, 9, 18}));
  EXPECT_EQ(embedder.model.calls.size(), 2u);
  embedder.embedding.normalize = 1;
  double norm = std::sqrt(5.0 * 5 + 8 * 8);
  EXPECT_EQ(embedder.run({1, 2, 5}), (Row{float(5 / norm), float(8 / norm)}));
}

/// Words "a" to "e", between "<s>" and "</s>".
static constexpr const char *framed =
    R"({"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0,
     "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "<s>": 6, "</s>": 7, "<p>": 8}},
     "pre_tokenizer": {"type": "WhitespaceSplit"}, "padding": {"pad_id": 8},
     "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 1}},
                 {"SpecialToken": {"id": "</s>", "type_id": 0}}],
      "pair": [], "special_tokens": {
       "<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]},
       "</s>": {"id": "</s>", "ids": [7], "tokens": ["</s>"]}}}})";

TEST(Embed, textsAreCutAndFilledUp) {
  auto encode = [](TextSettings settings, int32_t head, const char *input,
                   Ids *types = nullptr) {
    TokenizerFiles files;
    files.tokenizer = llvm::cantFail(parseJson(framed, "tokenizer.json"));
    OpenedText text(files, {.generation = {}, .texts = settings});
    ashlar_embedding embedding = {ASHLAR_POOLING_MEAN, 0, head};
    ashlar_tokens tokens;
    EXPECT_EQ(ashlar_embedding_tokens(&text.text, &embedding, input,
                                      strlen(input), 0, &tokens, &text.error),
              0);
    Ids ids(tokens.ids, tokens.ids + tokens.count);
    if (types)
      types->assign(tokens.types, tokens.types + tokens.count);
    ashlar_tokens_free(&tokens);
    return ids;
  };
  auto most = [](int64_t count) { return TextSettings{.maxTokens = count}; };
  EXPECT_EQ(encode({}, -1, "a b c"), (Ids{6, 1, 2, 3, 7}));
  EXPECT_EQ(encode(most(5), -1, "a b c"), (Ids{6, 1, 2, 3, 7}));
  Ids types;
  EXPECT_EQ(encode(most(4), -1, "a b c d e", &types), (Ids{6, 1, 2, 7}));
  EXPECT_EQ(types, (Ids{0, 1, 1, 0}));
  EXPECT_EQ(encode(most(1), -1, "a b"), (Ids{6, 7}));
  TextSettings prompt{.maxTokens = 4, .prompt = "e "};
  EXPECT_EQ(encode(prompt, -1, "a b"), (Ids{6, 5, 1, 7}));
  TextSettings padded{.paddedTokens = 6};
  EXPECT_EQ(encode(padded, 0, "a b", &types), (Ids{6, 1, 2, 7, 8, 8}));
  EXPECT_EQ(types, (Ids{0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(encode(padded, 0, "a b c d e"), (Ids{6, 1, 2, 3, 4, 5, 7}));
  // Rows that are pooled are the text's own.
  EXPECT_EQ(encode(padded, -1, "a b"), (Ids{6, 1, 2, 7}));
}
