//===- BeamTest.cpp - Beam search against searches without tricks ---------===//
//
// Catches: a beam with another's keys, a copy too few, scores of the wrong
// length, an end that is forgotten or counted twice, a stop too early.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/beam.h"
#include "tests/runtime_text/FakeModel.h"
#include "tests/runtime_text/OpenedText.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace ashlar;

using Ids = std::vector<int32_t>;

namespace {

struct Found {
  Ids ids;
  double score;
};

constexpr int32_t vocabulary = 5, end = 4, startToken = 2;

/// A number between -2 and 2 for each token behind each history, as far as the
/// fake model's row knows it: last id, sum, length and source.
float logitOf(const float *row, int64_t token) {
  uint64_t hash = uint64_t(token) + 1;
  for (int feature : {FakeId, FakeSum, FakeCount, FakeSource})
    hash = (hash ^ uint64_t(row[feature] + 77)) * 0x9e3779b97f4a7c15u,
    hash ^= hash >> 29;
  return float(hash % 4001) / 1000 - 2;
}

struct Searcher {
  explicit Searcher(FakeModel::Kind kind = FakeModel::Kind::Decoder,
                    const Generation &settings = {.endTokens = {end}})
      : model(kind, vocabulary),
        text(TextOptions{.generation = settings, .labels = {}}) {
    model.plan.max_sequences = 256;
    model.plan.max_tokens = 256;
    model.plan.max_tiles = 256;
    model.logitOf = logitOf;
    request.max_new_tokens = 4;
    search.n_best = 100000;
    search.has_length_penalty = 1;
    search.length_penalty = 1.0;
  }

  std::vector<Found> run(const Ids &prompt, int32_t beams) {
    found.clear();
    request.prompt = prompt.data();
    request.prompt_count = prompt.size();
    search.beams = beams;
    model.copies = 0;
    failed = ashlar_beam_search(
        model.api(), model.session(), &text.text, &request, &search,
        [](void *user, const int32_t *ids, size_t count, double score) {
          static_cast<Searcher *>(user)->found.push_back(
              {Ids(ids, ids + count), score});
          return 0;
        },
        this, &result, &error);
    return found;
  }

  /// Log probabilities behind a whole sequence, by a call of its own.
  std::vector<double> next(const Ids &prompt, const Ids &sequence) {
    FakeModel other(model.plan.encoder < 0 ? FakeModel::Kind::Decoder
                                           : FakeModel::Kind::EncoderDecoder,
                    vocabulary);
    other.plan.max_tokens = other.plan.max_tiles = 256;
    other.logitOf = logitOf;
    int32_t length = int32_t(prompt.size());
    ashlar_batch batch = {};
    batch.sequences = 1;
    batch.lengths = &length;
    batch.ids = prompt.data();
    if (other.plan.encoder >= 0)
      EXPECT_EQ(other.api()->encode(other.session(), &batch), ASHLAR_OK);
    length = int32_t(sequence.size());
    batch.ids = sequence.data();
    EXPECT_EQ(other.api()->decode(other.session(), &batch), ASHLAR_OK);
    std::vector<double> scores;
    double sum = 0;
    const float *row =
        &other.result[(sequence.size() - 1) * size_t(FakeFeatures)];
    for (int32_t i = 0; i < vocabulary; ++i)
      sum += std::exp(double(logitOf(row, i)));
    double penalty = request.sampling.repetition_penalty;
    for (int32_t i = 0; i < vocabulary; ++i) {
      double score = logitOf(row, i) - std::log(sum);
      bool seen = std::count(sequence.begin(), sequence.end(), i) > 0;
      scores.push_back(penalty > 0 && seen ? score * penalty : score);
    }
    return scores;
  }

  FakeModel model;
  OpenedText text;
  ashlar_generation request = {};
  ashlar_search search = ASHLAR_NO_SEARCH;
  ashlar_generated result = {};
  ashlar_error error = {};
  int failed = 0;
  std::vector<Found> found;
};

void sortFound(std::vector<Found> &found) {
  std::stable_sort(
      found.begin(), found.end(),
      [](const Found &a, const Found &b) { return a.score > b.score; });
}

Ids startOf(const Searcher &searcher, const Ids &prompt) {
  return searcher.model.plan.encoder < 0 ? prompt : Ids{startToken};
}

/// Every sequence that ends within `most` tokens.
void enumerate(Searcher &searcher, const Ids &prompt, Ids sequence,
               double score, size_t most, std::vector<Found> &all) {
  Ids start = startOf(searcher, prompt);
  std::vector<double> scores = searcher.next(prompt, sequence);
  for (int32_t token = 0; token < vocabulary; ++token) {
    sequence.push_back(token);
    size_t count = sequence.size() - start.size();
    double total = score + scores[token];
    if (token == end || count == most)
      all.push_back({Ids(sequence.begin() + start.size(), sequence.end()),
                     total / std::pow(count, searcher.search.length_penalty)});
    else
      enumerate(searcher, prompt, sequence, total, most, all);
    sequence.pop_back();
  }
}

/// The search of transformers 4.47, with all sequences written out: what
/// BeamSearchScorer does in `process` and `finalize`.
std::vector<Found> naive(Searcher &searcher, const Ids &prompt, int32_t beams,
                         size_t most) {
  struct Beam {
    Ids ids;
    double score;
  };
  Ids start = startOf(searcher, prompt);
  std::vector<Beam> running = {{start, 0}};
  std::vector<Found> done;
  for (size_t count = 1; !running.empty(); ++count) {
    std::vector<Beam> all;
    for (const Beam &beam : running) {
      std::vector<double> scores = searcher.next(prompt, beam.ids);
      for (int32_t token = 0; token < vocabulary; ++token) {
        all.push_back({beam.ids, beam.score + scores[token]});
        all.back().ids.push_back(token);
      }
    }
    std::stable_sort(all.begin(), all.end(), [](const Beam &a, const Beam &b) {
      return a.score > b.score;
    });
    all.resize(std::min(all.size(), size_t(2 * beams)));
    double scale = std::pow(count, searcher.search.length_penalty);
    running.clear();
    auto add = [&](const Beam &beam) {
      done.push_back({Ids(beam.ids.begin() + start.size(), beam.ids.end()),
                      beam.score / scale});
      sortFound(done);
      done.resize(std::min(done.size(), size_t(beams)));
    };
    for (size_t i = 0; i < all.size() && running.size() < size_t(beams); ++i)
      if (all[i].ids.back() != end)
        running.push_back(all[i]);
      else if (i < size_t(beams))
        add(all[i]);
    // is_done is told the best candidate of all, ended or not.
    int32_t stopping = searcher.search.early_stopping;
    bool atLongest = stopping == ASHLAR_EARLY_STOPPING_NEVER &&
                     searcher.search.length_penalty > 0;
    double best =
        all[0].score /
        (atLongest ? std::pow(most, searcher.search.length_penalty) : scale);
    if (done.size() == size_t(beams) &&
        (stopping == ASHLAR_EARLY_STOPPING_TRUE || done.back().score >= best))
      break;
    if (count < most)
      continue;
    for (const Beam &beam : running)
      add(beam);
    break;
  }
  return done;
}

void expectSame(const std::vector<Found> &found,
                const std::vector<Found> &expected, size_t count) {
  ASSERT_GE(found.size(), count);
  ASSERT_GE(expected.size(), count);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(found[i].ids, expected[i].ids) << i;
    EXPECT_NEAR(found[i].score, expected[i].score, 1e-5) << i;
  }
}

constexpr auto Pair = FakeModel::Kind::EncoderDecoder;

} // namespace

// With a beam for every sequence the search is exhaustive. Without a penalty
// for length no sequence gets better by going on, so that nothing is missed.
TEST(Beam, findsTheBestOfAllSequences) {
  for (auto kind : {FakeModel::Kind::Decoder, Pair})
    for (int32_t salt = 0; salt < 4; ++salt) {
      Searcher searcher(kind,
                        {.endTokens = {end}, .decoderStartToken = startToken});
      searcher.search.length_penalty = 0;
      Ids prompt = {salt, 1, 3};
      std::vector<Found> all;
      enumerate(searcher, prompt, startOf(searcher, prompt), 0, 4, all);
      sortFound(all);
      std::vector<Found> found = searcher.run(prompt, 125);
      ASSERT_EQ(searcher.failed, 0) << searcher.error.message;
      expectSame(found, all, 125);
    }
}

TEST(Beam, fewBeamsGoTheNarrowWay) {
  for (auto kind : {FakeModel::Kind::Decoder, Pair})
    for (int32_t beams : {2, 3, 4, 7})
      for (double penalty : {-1.0, 0.0, 0.6, 1.0, 2.0})
        for (int32_t salt = 0; salt < 4; ++salt) {
          Searcher searcher(
              kind, {.endTokens = {end}, .decoderStartToken = startToken});
          searcher.search.length_penalty = penalty;
          searcher.request.max_new_tokens = 7;
          Ids prompt = {1, salt};
          std::vector<Found> found = searcher.run(prompt, beams);
          ASSERT_EQ(searcher.failed, 0) << searcher.error.message;
          std::vector<Found> expected = naive(searcher, prompt, beams, 7);
          ASSERT_EQ(found.size(), expected.size());
          expectSame(found, expected, found.size());
        }
}

TEST(Beam, stopsWhenItIsTold) {
  std::array<std::vector<Ids>, 3> firsts;
  for (int32_t stopping :
       {ASHLAR_EARLY_STOPPING_FALSE, ASHLAR_EARLY_STOPPING_TRUE,
        ASHLAR_EARLY_STOPPING_NEVER})
    for (int32_t beams : {2, 3, 7})
      for (double penalty : {-1.0, 0.0, 1.0, 3.0})
        for (int32_t salt = 0; salt < 4; ++salt) {
          Searcher searcher;
          searcher.search.length_penalty = penalty;
          searcher.search.early_stopping = stopping;
          searcher.request.max_new_tokens = 9;
          Ids prompt = {1, salt};
          std::vector<Found> found = searcher.run(prompt, beams);
          ASSERT_EQ(searcher.failed, 0) << searcher.error.message;
          std::vector<Found> expected = naive(searcher, prompt, beams, 9);
          ASSERT_EQ(found.size(), expected.size());
          expectSame(found, expected, found.size());
          for (const Found &one : found)
            firsts[stopping].push_back(one.ids);
        }
  EXPECT_NE(firsts[0], firsts[1]);
  EXPECT_NE(firsts[0], firsts[2]);
  EXPECT_NE(firsts[1], firsts[2]);
}

// What is not given is the model's own.
TEST(Beam, takesTheModelsSettings) {
  Generation settings = {.endTokens = {end}};
  settings.lengthPenalty = 3.0;
  settings.earlyStopping = EarlyStopping::True;
  settings.numReturnSequences = 3;
  for (int32_t salt = 0; salt < 4; ++salt) {
    Ids prompt = {1, salt};
    Searcher plain, given, searcher(FakeModel::Kind::Decoder, settings);
    for (Searcher *each : {&plain, &given, &searcher})
      each->request.max_new_tokens = 9;
    given.search.length_penalty = 3.0;
    given.search.early_stopping = ASHLAR_EARLY_STOPPING_TRUE;
    searcher.search = ASHLAR_NO_SEARCH;
    expectSame(searcher.run(prompt, 7), given.run(prompt, 7), 3);
    EXPECT_EQ(searcher.found.size(), 3u);
    EXPECT_EQ(searcher.run(prompt, 2).size(), 2u); // no more than beams

    searcher.search = plain.search;
    searcher.search.early_stopping = ASHLAR_EARLY_STOPPING_FALSE;
    std::vector<Found> expected = plain.run(prompt, 7);
    expectSame(searcher.run(prompt, 7), expected, 7);
  }
}

TEST(Beam, repetitionPenaltyWorksOnLogProbabilities) {
  for (int32_t salt = 0; salt < 4; ++salt) {
    Searcher searcher;
    searcher.request.sampling.repetition_penalty = 1.7;
    searcher.request.max_new_tokens = 6;
    Ids prompt = {1, salt};
    std::vector<Found> found = searcher.run(prompt, 3);
    expectSame(found, naive(searcher, prompt, 3, 6), 3);
  }
}

TEST(Beam, givesAsManyAsAreAskedFor) {
  Searcher searcher;
  std::vector<Found> all = searcher.run({1, 2}, 4);
  ASSERT_EQ(all.size(), 4u);
  searcher.search.n_best = 2;
  std::vector<Found> two = searcher.run({1, 2}, 4);
  ASSERT_EQ(two.size(), 2u);
  expectSame(two, all, 2);
  EXPECT_EQ(searcher.result.count, two[0].ids.size());
  EXPECT_GT(searcher.model.copies, 0);
}

TEST(Beam, longPromptsGoInChunks) {
  Searcher searcher;
  searcher.model.plan.max_tokens = 8;
  Ids prompt(19, 3);
  prompt[0] = 1;
  std::vector<Found> found = searcher.run(prompt, 3);
  EXPECT_EQ(searcher.model.calls[0].lengths, Ids{8});
  EXPECT_EQ(searcher.model.calls[2].lengths, Ids{3});
  expectSame(found, naive(searcher, prompt, 3, 4), 3);
}

TEST(Beam, forcedTokensAreCertain) {
  Searcher searcher(Pair, {.endTokens = {end},
                           .decoderStartToken = startToken,
                           .forcedFirstToken = 3,
                           .forcedLastToken = end});
  std::vector<Found> found = searcher.run({1}, 3);
  ASSERT_EQ(found.size(), 3u);
  for (const Found &one : found) {
    EXPECT_EQ(one.ids.front(), 3);
    EXPECT_EQ(one.ids.back(), end);
  }
  // The score of the best: its middle alone costs something.
  Ids sequence = {startToken};
  double sum = 0;
  for (size_t i = 0; i < found[0].ids.size(); ++i) {
    if (i > 0 && i < 3)
      sum += searcher.next({1}, sequence)[found[0].ids[i]];
    sequence.push_back(found[0].ids[i]);
  }
  EXPECT_NEAR(found[0].score, sum / double(found[0].ids.size()), 1e-5);
}

TEST(Beam, stopIdsEndASequence) {
  Searcher searcher;
  searcher.request.ignore_end_tokens = 1;
  for (const Found &one : searcher.run({1}, 4))
    EXPECT_EQ(one.ids.size(), 4u);
  EXPECT_EQ(searcher.result.stop, ASHLAR_STOP_LENGTH);
  Ids stops = {0, 1, 2, 3, 4};
  searcher.request.stop_ids = stops.data();
  searcher.request.stop_count = stops.size();
  searcher.search.n_best = 1;
  EXPECT_EQ(searcher.run({1}, 4).at(0).ids.size(), 1u);
  EXPECT_EQ(searcher.result.stop, ASHLAR_STOP_END_TOKEN);
}

TEST(Beam, theContextEndsItToo) {
  Searcher searcher;
  searcher.request.ignore_end_tokens = 1;
  searcher.request.max_new_tokens = -1;
  Ids prompt(30, 1);
  EXPECT_EQ(searcher.run(prompt, 2).at(0).ids.size(), 2u);
  EXPECT_EQ(searcher.result.stop, ASHLAR_STOP_CONTEXT);
  searcher.request.max_new_tokens = 0;
  EXPECT_EQ(searcher.run(prompt, 2).at(0).ids.size(), 0u);
}

TEST(Beam, saysWhatIsWrong) {
  Searcher searcher;
  searcher.model.plan.max_sequences = 3;
  searcher.run({1}, 4);
  EXPECT_EQ(searcher.failed, 1);
  EXPECT_STREQ(searcher.error.message,
               "4 beams need 4 sequences; the artifact has 3 (--max-sequences "
               "of compile)");
  searcher.model.plan.max_tokens = 2;
  searcher.run({1}, 3);
  EXPECT_STREQ(searcher.error.message,
               "3 beams need calls of 3 tokens; the artifact takes 2 "
               "(--max-tokens of compile)");
  searcher.run({9}, 2);
  EXPECT_STREQ(searcher.error.message,
               "token 1 of the prompt has id 9; the vocabulary has 5 tokens");
  searcher.model.logitOf = [](const float *, int64_t) { return NAN; };
  searcher.run({1}, 2);
  EXPECT_STREQ(searcher.error.message, "no logit of the model is a number");
  EXPECT_TRUE(searcher.found.empty());
}

TEST(Beam, optionsThatDoNotGoTogether) {
  ashlar_sampling none = {}, sampling = {};
  sampling.enabled = 1;
  auto fault = [&](int32_t beams, int32_t best, const ashlar_sampling &with,
                   int stream) {
    ashlar_search search = ASHLAR_NO_SEARCH;
    search.beams = beams;
    search.n_best = best;
    return ashlar_search_fault(&search, &with, stream) != nullptr;
  };
  EXPECT_FALSE(fault(1, 0, sampling, 1));
  EXPECT_FALSE(fault(1, 1, sampling, 1));
  EXPECT_FALSE(fault(4, 4, none, 0));
  EXPECT_TRUE(fault(4, 1, sampling, 0));
  EXPECT_TRUE(fault(4, 1, none, 1));
  EXPECT_TRUE(fault(4, 5, none, 0));
  EXPECT_TRUE(fault(1, 2, none, 0));
}

TEST(Beam, settingsOfBeamsAreForSeveral) {
  ashlar_sampling none = {};
  for (int32_t beams : {1, 2}) {
    ashlar_search penalty = ASHLAR_NO_SEARCH, stopping = ASHLAR_NO_SEARCH;
    penalty.beams = stopping.beams = beams;
    penalty.has_length_penalty = 1;
    stopping.early_stopping = ASHLAR_EARLY_STOPPING_FALSE;
    EXPECT_EQ(ashlar_search_fault(&penalty, &none, 0) != nullptr, beams == 1);
    EXPECT_EQ(ashlar_search_fault(&stopping, &none, 0) != nullptr, beams == 1);
  }
}

TEST(Beam, namesOfEarlyStopping) {
  EXPECT_EQ(ashlar_early_stopping_named("false"), ASHLAR_EARLY_STOPPING_FALSE);
  EXPECT_EQ(ashlar_early_stopping_named("true"), ASHLAR_EARLY_STOPPING_TRUE);
  EXPECT_EQ(ashlar_early_stopping_named("never"), ASHLAR_EARLY_STOPPING_NEVER);
  EXPECT_EQ(ashlar_early_stopping_named("True"), ASHLAR_TEXT_NONE);
}
