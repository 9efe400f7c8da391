//===- GenerationTest.cpp - Settings of text generation -------------------===//

#include "tests/compiler/import/Configs.h"

#include <gtest/gtest.h>

#include <tuple>

using namespace ashlar;
using namespace ashlar::test;

using Ids = std::vector<int64_t>;
using Names = std::vector<std::string>;

static ImportResult withGeneration(const std::string &generation,
                                   const Keys &changes = {}) {
  return valueOf(importText(config("bart", changes), &generation));
}

TEST(Generation, FromItsOwnFile) {
  Generation result =
      withGeneration("{\"eos_token_id\": [2, 5], \"pad_token_id\": 1, "
                     "\"decoder_start_token_id\": 3, "
                     "\"forced_bos_token_id\": 0, \"forced_eos_token_id\": 2, "
                     "\"max_length\": 20, \"max_new_tokens\": 7}")
          .spec.generation;
  EXPECT_EQ(result.endTokens, (Ids{2, 5}));
  EXPECT_EQ(result.padToken, 1);
  EXPECT_EQ(result.decoderStartToken, 3);
  EXPECT_EQ(result.forcedFirstToken, 0);
  EXPECT_EQ(result.forcedLastToken, 2);
  EXPECT_EQ(result.maxLength, 20);
  EXPECT_EQ(result.maxNewTokens, 7);
}

TEST(Generation, FromConfig) {
  Generation result = import("bart", {{"eos_token_id", "2"},
                                      {"pad_token_id", "1"},
                                      {"decoder_start_token_id", "2"},
                                      {"forced_eos_token_id", "2"},
                                      {"max_length", "9"}})
                          .spec.generation;
  EXPECT_EQ(result.endTokens, Ids{2});
  EXPECT_EQ(result.padToken, 1);
  EXPECT_EQ(result.decoderStartToken, 2);
  EXPECT_EQ(result.forcedLastToken, 2);
  EXPECT_EQ(result.maxLength, 9);
}

/// A generation_config.json without forced tokens and limits means that there
/// are none, but ids that it lacks are the model's.
TEST(Generation, FileDecidesAndConfigFillsIds) {
  Generation result =
      withGeneration("{\"eos_token_id\": null}", {{"eos_token_id", "2"},
                                                  {"forced_eos_token_id", "2"},
                                                  {"max_length", "9"}})
          .spec.generation;
  EXPECT_EQ(result.endTokens, Ids{2});
  EXPECT_EQ(result.forcedLastToken, std::nullopt);
  EXPECT_EQ(result.maxLength, std::nullopt);
}

TEST(Generation, DecoderStartsWithBosWhenNothingElseIsSaid) {
  auto start = [](const char *family, const Keys &keys) {
    return import(family, keys).spec.generation.decoderStartToken;
  };
  EXPECT_EQ(start("torch_transformer", {{"bos_token_id", "1"}}), 1);
  EXPECT_EQ(
      start("bart", {{"bos_token_id", "1"}, {"decoder_start_token_id", "2"}}),
      2);
  EXPECT_EQ(start("gpt2", {{"bos_token_id", "1"}}), std::nullopt);
}

/// What config.json does not name is the configuration class's, unless it says
/// null, the vocabulary lacks it or generation_config.json decides.
TEST(Generation, TokensThatNoFileNames) {
  Generation bart = import("bart").spec.generation;
  EXPECT_EQ(bart.endTokens, Ids{2});
  EXPECT_EQ(bart.padToken, 1);
  EXPECT_EQ(bart.decoderStartToken, 2);
  EXPECT_EQ(bart.forcedLastToken, 2);
  Generation none = import("bart", {{"eos_token_id", "null"},
                                    {"decoder_start_token_id", "null"},
                                    {"forced_eos_token_id", "null"}})
                        .spec.generation;
  EXPECT_EQ(none.endTokens, Ids());
  EXPECT_EQ(none.decoderStartToken, 0); // bos
  EXPECT_EQ(none.forcedLastToken, std::nullopt);
  EXPECT_EQ(withGeneration("{}").spec.generation, Generation());
  EXPECT_EQ(import("gpt2").spec.generation.endTokens, Ids()); // 50256 of 17
}

TEST(Generation, NoPadding) {
  EXPECT_EQ(import("llama", {{"pad_token_id", "-1"}}).spec.generation.padToken,
            std::nullopt);
}

/// Without a decoder, ids are of other programs.
TEST(Generation, EncodersHaveNoTokens) {
  EXPECT_EQ(import("bert", {{"eos_token_id", "49407"}, {"pad_token_id", "0"}})
                .spec.generation,
            Generation());
}

TEST(Generation, ForcedBosOfOldBart) {
  Keys keys = {{"bos_token_id", "4"},
               {"force_bos_token_to_be_generated", "true"}};
  EXPECT_EQ(import("bart", keys).spec.generation.forcedFirstToken, 4);
  keys.back().second = "false";
  EXPECT_EQ(import("bart", keys).spec.generation.forcedFirstToken,
            std::nullopt);
}

TEST(Generation, WhatGreedyDecodingSetsAside) {
  EXPECT_EQ(
      withGeneration("{\"do_sample\": true, \"temperature\": 0.7}").warnings,
      Names{"generation_config.json asks for sampling; without --temperature, "
            "--top-k, --top-p or --seed decoding is greedy"});
  EXPECT_EQ(withGeneration("{\"num_beams\": 4, \"bad_words_ids\": [[16]], "
                           "\"repetition_penalty\": 1.2, \"length_penalty\": "
                           "-2.5, \"num_return_sequences\": 3}")
                .warnings,
            (Names{"generation_config.json asks for bad_words_ids; decoding "
                   "sets them aside",
                   "generation_config.json asks for what generation does with "
                   "--beams=4 --repetition-penalty=1.2 alone"}));
  EXPECT_EQ(import("bart", {{"min_length", "5"}}).warnings,
            Names{"config.json asks for min_length; decoding sets them aside"});
  for (auto [key, value] : {std::pair("constraints", "[1]"),
                            {"diversity_penalty", "0.5"},
                            {"dola_layers", "\"high\""},
                            {"encoder_repetition_penalty", "1.5"},
                            {"force_words_ids", "[[4]]"},
                            {"guidance_scale", "1.5"},
                            {"max_time", "3"},
                            {"num_beam_groups", "2"},
                            {"renormalize_logits", "true"},
                            {"stop_strings", "[\"x\"]"},
                            {"stop_strings", "\"x\""},
                            {"token_healing", "true"},
                            {"watermarking_config", "{\"bias\": 2.0}"}})
    EXPECT_EQ(withGeneration("{\"" + std::string(key) + "\": " + value + "}")
                  .warnings,
              Names{"generation_config.json asks for " + std::string(key) +
                    "; decoding sets them aside"});
  EXPECT_EQ(withGeneration("{\"do_sample\": false, \"num_beams\": 1, "
                           "\"temperature\": 0.7, \"repetition_penalty\": 1.0, "
                           "\"min_length\": 0, \"suppress_tokens\": [], "
                           "\"length_penalty\": 1.0, \"early_stopping\": "
                           "false, \"guidance_scale\": null, "
                           "\"num_beam_groups\": 1, \"diversity_penalty\": "
                           "0.0, \"stop_strings\": [], "
                           "\"renormalize_logits\": false, "
                           "\"token_healing\": false}")
                .warnings,
            Names());
}

/// Beams are what the user asks for, their settings are the model's.
TEST(Generation, SettingsOfBeams) {
  const std::string own = "{\"length_penalty\": 0.6, \"early_stopping\": true, "
                          "\"num_return_sequences\": 3}";
  Keys keys = {{"length_penalty", "2"},
               {"early_stopping", "\"never\""},
               {"num_return_sequences", "2"}};
  auto settings = [](const ImportResult &result) {
    EXPECT_EQ(result.warnings, Names());
    const Generation &generation = result.spec.generation;
    return std::tuple(generation.lengthPenalty, generation.earlyStopping,
                      generation.numReturnSequences);
  };
  std::tuple plain(1.0, EarlyStopping::False, int64_t(1));
  EXPECT_EQ(settings(withGeneration(own, keys)),
            std::tuple(0.6, EarlyStopping::True, int64_t(3)));
  EXPECT_EQ(settings(import("bart", keys)),
            std::tuple(2.0, EarlyStopping::Never, int64_t(2)));
  EXPECT_EQ(settings(withGeneration("{}", keys)), plain);
  EXPECT_EQ(settings(withGeneration("{\"length_penalty\": null, "
                                    "\"early_stopping\": false, "
                                    "\"num_return_sequences\": null}")),
            plain);
}

TEST(Generation, SettingsOfBeamsThatCannotBe) {
  auto error = [](const std::string &key, const std::string &value) {
    std::string generation = "{\"" + key + "\": " + value + "}";
    return errorText(importText(config("bart"), &generation));
  };
  auto expect = [&](const char *key, const char *value, const char *expected) {
    EXPECT_TRUE(llvm::StringRef(error(key, value))
                    .ends_with("\"" + std::string(key) + "\" is " + value +
                               "; expected " + expected))
        << error(key, value);
  };
  expect("length_penalty", "20.5", "a number from -20 to 20");
  expect("length_penalty", "true", "a number");
  expect("early_stopping", "\"always\"", "false, true or \"never\"");
  expect("early_stopping", "1", "false, true or \"never\"");
  expect("num_return_sequences", "0", "an integer from 1 to 2147483647");
}

TEST(Generation, SuppressedTokens) {
  Generation result = withGeneration("{\"suppress_tokens\": [3, 5], "
                                     "\"begin_suppress_tokens\": [2]}")
                          .spec.generation;
  EXPECT_EQ(result.suppressedTokens, (Ids{3, 5}));
  EXPECT_EQ(result.suppressedAtBegin, Ids{2});
  EXPECT_EQ(import("bart", {{"suppress_tokens", "[4]"}})
                .spec.generation.suppressedTokens,
            Ids{4});
}

/// What whisper's output begins with: the start token, language and task, and
/// the token that says that there are no times.
TEST(Generation, ForcedDecoderIds) {
  auto prompt = [](const std::string &generation, const Keys &keys = {}) {
    Keys changes = keys;
    changes.push_back({"decoder_start_token_id", "3"});
    ImportResult result = withGeneration(generation, changes);
    EXPECT_EQ(result.warnings, Names());
    return result.spec.generation.decoderPrompt;
  };
  EXPECT_EQ(prompt("{\"forced_decoder_ids\": [[1, 5], [2, 6]]}"), (Ids{5, 6}));
  EXPECT_EQ(prompt("{\"forced_decoder_ids\": [[1, 5], [2, 6]], "
                   "\"no_timestamps_token_id\": 7}"),
            (Ids{5, 6, 7}));
  EXPECT_EQ(prompt("{\"forced_decoder_ids\": [[1, 7]], "
                   "\"no_timestamps_token_id\": 7}"),
            Ids{7});
  EXPECT_EQ(prompt("{\"no_timestamps_token_id\": 7}"), Ids{7});
  EXPECT_EQ(prompt("{}", {{"forced_decoder_ids", "[[1, 9]]"}}), Ids{9});
  EXPECT_EQ(prompt("{\"forced_decoder_ids\": [[1, 5]]}",
                   {{"forced_decoder_ids", "[[1, 9]]"}}),
            Ids{5});
}

TEST(Generation, OpenLanguage) {
  for (const char *generation :
       {"{\"forced_decoder_ids\": [[1, null], [2, 6]], "
        "\"no_timestamps_token_id\": 7}",
        "{\"lang_to_id\": {\"<|en|>\": 5}, \"no_timestamps_token_id\": 7}"}) {
    ImportResult result =
        withGeneration(generation, {{"decoder_start_token_id", "3"}});
    EXPECT_EQ(result.spec.generation.decoderPrompt, Ids());
    EXPECT_EQ(result.warnings,
              Names{"generation_config.json leaves the language of the output "
                    "open; --language or --decoder-ids says what it "
                    "begins with"});
  }
}

static std::string generationError(const std::string &generation) {
  return errorText(importText(config("bart"), &generation));
}

TEST(GenerationErrors, Values) {
  EXPECT_EQ(generationError("[]"), "generation_config.json:1:1: found an "
                                   "array; expected an object");
  EXPECT_EQ(generationError("{\"eos_token_id\": \"</s>\"}"),
            "generation_config.json:1:18: \"eos_token_id\" is \"</s>\"; "
            "expected an integer from 0 to 16");
  EXPECT_EQ(generationError("{\"eos_token_id\": [1, -1]}"),
            "generation_config.json:1:22: \"eos_token_id\" is -1; expected an "
            "integer from 0 to 16");
  EXPECT_EQ(generationError("{\"max_length\": 0}"),
            "generation_config.json:1:16: \"max_length\" is 0; expected an "
            "integer from 1 to 2147483647");
}

TEST(GenerationErrors, ForcedDecoderIds) {
  EXPECT_EQ(errorText(importText(
                config("bart", {{"decoder_start_token_id", "3"},
                                {"forced_decoder_ids", "[[2, 5]]"}}))),
            "config.json:14:27: \"forced_decoder_ids\" is 2; expected an "
            "integer from 1 to 1");
  EXPECT_EQ(
      errorText(importText(config("bart", {{"decoder_start_token_id", "3"},
                                           {"forced_decoder_ids", "[5]"}}))),
      "config.json:14:26: \"forced_decoder_ids\" has 5; expected [1, "
      "id]");
}

TEST(GenerationErrors, IdsOutsideTheVocabulary) {
  EXPECT_EQ(generationError("{\"eos_token_id\": [3, 17]}"),
            "generation_config.json:1:22: \"eos_token_id\" is 17; expected an "
            "integer from 0 to 16");
  EXPECT_EQ(generationError("{\"pad_token_id\": 17}"),
            "generation_config.json:1:18: \"pad_token_id\" is 17; expected an "
            "integer from 0 to 16");
  EXPECT_TRUE(llvm::StringRef(importError("gpt2", {{"pad_token_id", "99"}}))
                  .ends_with(": \"pad_token_id\" is 99; expected an integer "
                             "from 0 to 16"));
}
