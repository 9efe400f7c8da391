//===- ConfigErrorsTest.cpp - What importers refuse, and in what words ----===//
//
// A configuration that means something else than what would be compiled must
// be refused at its line. Each test is one key gone wrong.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

static const std::string yamlRemedy =
    "\nany other transformer can be described in YAML instead; examples/specs "
    "has models to begin with and its README.md says what can be described";
static const std::string activations =
    "gelu, gelu_fast, gelu_new, gelu_python, gelu_pytorch_tanh, quick_gelu, "
    "relu, silu, swish, tanh";

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

/// "...; supported: " every family in order, and what else can be done.
static std::string supportedModels() {
  return "supported: " + llvm::join(supportedFamilies(), ", ") + yamlRemedy;
}

TEST(ConfigErrors, NotJson) {
  EXPECT_EQ(errorText(importText("{\"a\": }")),
            "config.json:1:7: found '}'; expected a value");
}

TEST(ConfigErrors, NotAnObject) {
  EXPECT_EQ(errorText(importText("[1]")),
            "config.json:1:1: found an array; expected an object");
}

TEST(ConfigErrors, DeepNesting) {
  EXPECT_EQ(errorText(importText(std::string(100000, '['))),
            "config.json:1:65: nested deeper than 64 levels");
}

TEST(ConfigErrors, DuplicateKey) {
  EXPECT_EQ(errorText(importText("{\"n_head\": 1, \"n_head\": 2}")),
            "config.json:1:15: the key \"n_head\" occurs twice in this object");
}

TEST(ConfigErrors, ModelTypeMissing) {
  EXPECT_EQ(importError("gpt2", {{"model_type", ""}}),
            "config.json:1:1: \"model_type\" is missing; " + supportedModels());
}

TEST(ConfigErrors, ModelTypeUnsupported) {
  EXPECT_EQ(importError("gpt2", {{"model_type", "\"mamba\""}}),
            "config.json:2:17: \"model_type\" is \"mamba\"; " +
                supportedModels());
  EXPECT_EQ(importError("gpt2", {{"model_type", "3"}}),
            "config.json:2:17: \"model_type\" is 3; " + supportedModels());
}

TEST(ConfigErrors, ArchitectureUnsupported) {
  EXPECT_EQ(importError("bert", {{"architectures", "[\"BertForX\"]"}}),
            "config.json:3:21: \"architectures\" has \"BertForX\"; supported: "
            "BertModel, BertForMaskedLM, BertForPreTraining, "
            "BertForQuestionAnswering, BertForSequenceClassification, "
            "BertForTokenClassification" +
                std::string(classRemedy));
  EXPECT_EQ(importError("gpt2", {{"architectures", "[7]"}}),
            "config.json:3:21: \"architectures\" has 7; supported: "
            "GPT2LMHeadModel, GPT2Model, GPT2ForQuestionAnswering, "
            "GPT2ForSequenceClassification, GPT2ForTokenClassification" +
                std::string(classRemedy));
  EXPECT_EQ(importError("gpt2", {{"architectures", "\"GPT2Model\""}}),
            "config.json:3:20: \"architectures\" is \"GPT2Model\"; expected a "
            "list of names");
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

TEST(ConfigErrors, RequiredSizesMissing) {
  const std::pair<const char *, const char *> required[] = {
      {"gpt2", "n_embd"},
      {"gpt2", "n_layer"},
      {"gpt2", "n_head"},
      {"gpt2", "n_positions"},
      {"gpt2", "vocab_size"},
      {"llama", "hidden_size"},
      {"llama", "intermediate_size"},
      {"llama", "num_hidden_layers"},
      {"llama", "num_attention_heads"},
      {"llama", "vocab_size"},
      {"bert", "hidden_size"},
      {"bert", "max_position_embeddings"},
      {"bart", "d_model"},
      {"bart", "encoder_layers"},
      {"marian", "decoder_ffn_dim"},
      {"marian", "max_position_embeddings"},
      {"torch_transformer", "d_model"},
      {"torch_transformer", "kind"},
      {"torch_transformer", "tgt_vocab_size"},
  };
  for (auto [family, key] : required)
    EXPECT_EQ(importError(family, {{key, ""}}),
              std::string("config.json:1:1: \"") + key + "\" is missing");
}

TEST(ConfigErrors, SizesOutOfRange) {
  EXPECT_EQ(importError("gpt2", {{"n_head", "0"}}),
            "config.json:8:13: \"n_head\" is 0; expected an integer from 1 to "
            "65536");
  EXPECT_EQ(importError("gpt2", {{"n_layer", "1000000000"}}),
            "config.json:7:14: \"n_layer\" is 1000000000; expected an integer "
            "from 1 to 10000");
  EXPECT_EQ(importError("gpt2", {{"vocab_size", "1099511627776"}}),
            "config.json:4:17: \"vocab_size\" is 1099511627776; expected an "
            "integer from 1 to 2147483647");
  EXPECT_EQ(importError("gpt2", {{"n_positions", "2147483648"}}),
            "config.json:5:18: \"n_positions\" is 2147483648; expected an "
            "integer from 1 to 2147483647");
  EXPECT_EQ(importError("gpt2", {{"n_embd", "-12"}}),
            "config.json:6:13: \"n_embd\" is -12; expected an integer from 1 "
            "to 16777216");
  EXPECT_EQ(importError("gpt2", {{"n_embd", "12.5"}}),
            "config.json:6:13: \"n_embd\" is 12.5; expected an integer from 1 "
            "to 16777216");
  EXPECT_EQ(importError("gpt2", {{"n_embd", "\"12\""}}),
            "config.json:6:13: \"n_embd\" is \"12\"; expected an integer from "
            "1 to 16777216");
}

/// Tables that each have a legal size may still be too large together.
TEST(ConfigErrors, PositionsWithOffsetOutOfRange) {
  EXPECT_EQ(importError("bart", {{"max_position_embeddings", "2147483647"}}),
            "config.json: \"stacks[0].embedding.positions.offset\" is 2; "
            "expected an integer from 0 to 0");
}

TEST(ConfigErrors, HeadsDoNotDivide) {
  EXPECT_EQ(importError("gpt2", {{"n_head", "5"}}),
            "config.json:8:13: \"n_head\" is 5; expected a divisor of "
            "\"n_embd\" (12)");
  EXPECT_EQ(importError("bert", {{"num_attention_heads", "5"}}),
            "config.json:8:26: \"num_attention_heads\" is 5; expected a "
            "divisor of \"hidden_size\" (12)");
  EXPECT_EQ(importError("bart", {{"decoder_attention_heads", "5"}}),
            "config.json:9:30: \"decoder_attention_heads\" is 5; expected a "
            "divisor of \"d_model\" (12)");
  EXPECT_EQ(importError("torch_transformer", {{"nhead", "5"}}),
            "config.json:5:12: \"nhead\" is 5; expected a divisor of "
            "\"d_model\" (12)");
  EXPECT_EQ(importError("llama", {{"num_attention_heads", "3"}}),
            "config.json:8:26: \"num_attention_heads\" is 3; expected a "
            "divisor of \"hidden_size\" (16)");
  EXPECT_EQ(importError("llama", {{"num_key_value_heads", "3"}}),
            "config.json:9:26: \"num_key_value_heads\" is 3; expected a "
            "divisor of \"num_attention_heads\" (4)");
}

TEST(ConfigErrors, OddHeadDim) {
  EXPECT_EQ(importError("llama", {{"head_dim", "5"}}),
            "config.json:9:15: \"head_dim\" is 5; expected an even number of a "
            "head's features to be rotated, not 5");
  EXPECT_EQ(importError("llama", {{"num_attention_heads", "16"}}),
            "config.json:8:26: \"num_attention_heads\" is 16; expected an even "
            "number of a head's features to be rotated, not 1");
}

static const std::string leaveOut =
    "\nleave the key out if the model's own code does not read it";

/// What makes another model of families that have the key must not be ignored
/// where a family does not.
TEST(ConfigErrors, KeysOfOtherFamilies) {
  EXPECT_EQ(importError("llama", {{"logits_scaling", "8.0"}}),
            "config.json:9:21: \"logits_scaling\" is 8.0; supported: 1.0, as "
            "\"model_type\" is \"llama\"" +
                leaveOut);
  EXPECT_EQ(importError("gpt2", {{"layer_types", "[\"full_attention\", "
                                                 "\"sliding_attention\"]"}}),
            "config.json:9:18: \"layer_types\" is an array; supported: "
            "\"full_attention\", as \"model_type\" is \"gpt2\"" +
                leaveOut);
  EXPECT_EQ(importError("llama", {{"rope_scaling",
                                   "{\"type\": \"linear\", \"factor\": 2, "
                                   "\"mscale\": 0.7}"}}),
            "config.json:9:61: \"rope_scaling.mscale\" is 0.7; supported: "
            "null, as \"model_type\" is \"llama\"" +
                leaveOut);
  EXPECT_EQ(importError("llama", {{"sliding_window", "64"},
                                  {"use_sliding_window", "true"}}),
            "config.json:9:21: \"sliding_window\" is 64; supported: null, as "
            "\"model_type\" is \"llama\"" +
                leaveOut);
}

/// Converted checkpoints keep keys that are switched off.
TEST(ConfigErrors, KeysOfOtherFamiliesThatMeanNothing) {
  ImportResult result =
      import("llama", {{"logits_scaling", "1"},
                       {"no_rope_layers", "[1, 1]"},
                       {"layer_types", "[\"full_attention\"]"},
                       {"sliding_window", "64"},
                       {"use_sliding_window", "false"}});
  EXPECT_TRUE(result.spec == import("llama").spec);
  EXPECT_EQ(result.warnings, std::vector<std::string>());
}

/// Llama's heads turn as a whole, wherever the key stands.
TEST(ConfigErrors, PartialRotary) {
  EXPECT_EQ(importError("llama", {{"partial_rotary_factor", "0.5"}}),
            "config.json:9:28: \"partial_rotary_factor\" is 0.5; supported: "
            "1.0, as \"model_type\" is \"llama\"" +
                leaveOut);
  EXPECT_EQ(importError("llama", {{"rope_parameters",
                                   "{\"partial_rotary_factor\": 0.5}"}}),
            "config.json:9:48: \"rope_parameters.partial_rotary_factor\" is "
            "0.5; supported: 1.0, as \"model_type\" is \"llama\"" +
                leaveOut);
}

TEST(ConfigErrors, Epsilon) {
  EXPECT_EQ(importError("gpt2", {{"layer_norm_epsilon", "1e-60"}}),
            "config.json:9:25: \"layer_norm_epsilon\" is 1e-60; expected a "
            "number from 1.1754944e-38 to 3.4028234e+38, as float32 has them");
  EXPECT_EQ(importError("gpt2", {{"layer_norm_epsilon", "0"}}),
            "config.json:9:25: \"layer_norm_epsilon\" is 0; expected a number "
            "above 0");
  EXPECT_EQ(importError("llama", {{"rms_norm_eps", "-1e-6"}}),
            "config.json:9:19: \"rms_norm_eps\" is -1e-6; expected a number "
            "above 0");
  EXPECT_EQ(importError("bert", {{"layer_norm_eps", "\"small\""}}),
            "config.json:10:21: \"layer_norm_eps\" is \"small\"; expected a "
            "number");
}

//===----------------------------------------------------------------------===//
// Mathematics
//===----------------------------------------------------------------------===//

TEST(ConfigErrors, Activation) {
  EXPECT_EQ(importError("bert", {{"hidden_act", "\"swish2\""}}),
            "config.json:10:17: \"hidden_act\" is \"swish2\"; supported: " +
                activations);
  EXPECT_EQ(importError("gpt2", {{"activation_function", "1"}}),
            "config.json:9:26: \"activation_function\" is 1; expected a "
            "string");
}

TEST(ConfigErrors, FixedKeys) {
  EXPECT_EQ(
      importError("bert", {{"position_embedding_type", "\"relative_key\""}}),
      "config.json:10:30: \"position_embedding_type\" is "
      "\"relative_key\"; supported: \"absolute\"");
  EXPECT_EQ(importError("bert", {{"is_decoder", "true"}}),
            "config.json:10:17: \"is_decoder\" is true; supported: false");
  EXPECT_EQ(importError("gpt2", {{"add_cross_attention", "true"}}),
            "config.json:9:26: \"add_cross_attention\" is true; supported: "
            "false");
  EXPECT_EQ(importError("bert", {{"pruned_heads", "{\"0\": [1]}"}}),
            "config.json:10:19: \"pruned_heads\" is an object; supported: {}");
  EXPECT_EQ(importError("bart", {{"normalize_before", "true"}}),
            "config.json:13:23: \"normalize_before\" is true; supported: "
            "false");
  EXPECT_EQ(importError("bart", {{"extra_pos_embeddings", "3"}}),
            "config.json:13:27: \"extra_pos_embeddings\" is 3; supported: 2");
  EXPECT_EQ(importError("marian", {{"static_position_embeddings", "false"}}),
            "config.json:13:33: \"static_position_embeddings\" is false; "
            "supported: true");
  EXPECT_EQ(importError("torch_transformer", {{"decoder_causal", "false"}}),
            "config.json:11:21: \"decoder_causal\" is false; supported: true");
}

TEST(ConfigErrors, Quantized) {
  EXPECT_EQ(importError("llama", {{"quantization_config", "{\"bits\": 4}"}}),
            "config.json:9:26: \"quantization_config\" is an object; quantized "
            "checkpoints are not supported\n"
            "use the checkpoint that it was made from");
}

TEST(ConfigErrors, Flags) {
  EXPECT_EQ(importError("llama", {{"attention_bias", "1"}}),
            "config.json:9:21: \"attention_bias\" is 1; expected true or "
            "false");
}

TEST(ConfigErrors, RopeScaling) {
  auto scaling = [](const char *value) {
    return importError("llama", {{"rope_scaling", value}});
  };
  EXPECT_EQ(scaling("{\"rope_type\": \"ntk\", \"factor\": 2.0}"),
            "config.json:9:33: \"rope_scaling.rope_type\" is \"ntk\"; "
            "supported: default, dynamic, linear, llama3, longrope, yarn");
  EXPECT_EQ(
      importError("llama", {{"rope_scaling", "{\"rope_type\": \"dynamic\"}"},
                            {"max_position_embeddings", "16"}}),
      "config.json:9:19: \"rope_scaling.factor\" is missing");
  EXPECT_EQ(scaling("{\"factor\": 2.0}"),
            "config.json:9:19: \"rope_scaling.type\" is missing");
  EXPECT_EQ(scaling("{\"type\": \"linear\"}"),
            "config.json:9:19: \"rope_scaling.factor\" is missing");
  EXPECT_EQ(scaling("{\"type\": \"linear\", \"factor\": -2}"),
            "config.json:9:48: \"rope_scaling.factor\" is -2; expected a "
            "number above 0");
  EXPECT_EQ(scaling("{\"type\": \"yarn\", \"rope_type\": \"linear\", "
                    "\"factor\": 2.0}"),
            "config.json:9:28: \"rope_scaling.type\" is \"yarn\"; expected "
            "the value of \"rope_type\" (\"linear\")");
  EXPECT_EQ(scaling("2"),
            "config.json:9:19: \"rope_scaling\" is 2; expected an object");
  EXPECT_EQ(scaling("{\"rope_type\": \"llama3\", \"factor\": 8, "
                    "\"low_freq_factor\": 4, \"high_freq_factor\": 4, "
                    "\"original_max_position_embeddings\": 8}"),
            "config.json:9:98: \"rope_scaling.high_freq_factor\" is 4; "
            "expected more than \"low_freq_factor\"");
  EXPECT_EQ(importError("llama", {{"rope_theta", "0"}}),
            "config.json:9:17: \"rope_theta\" is 0; expected a number above "
            "0");
}

TEST(ConfigErrors, RopeScalingYarn) {
  auto scaling = [](const std::string &more) {
    return importError("llama", {{"rope_scaling", "{\"type\": \"yarn\", "
                                                  "\"factor\": 2.0" +
                                                      more + "}"}});
  };
  // The length of what the model was trained on must be known from somewhere.
  EXPECT_EQ(scaling(""),
            "config.json:1:1: \"max_position_embeddings\" is missing");
  const std::string original = ", \"original_max_position_embeddings\": 8";
  EXPECT_EQ(scaling(original + ", \"beta_fast\": 4, \"beta_slow\": 4"),
            "config.json:9:103: \"rope_scaling.beta_fast\" is 4; expected more "
            "than \"beta_slow\"");
  EXPECT_EQ(scaling(original + ", \"attention_factor\": 0"),
            "config.json:9:110: \"rope_scaling.attention_factor\" is 0; "
            "expected a number above 0");
  EXPECT_EQ(scaling(", \"original_max_position_embeddings\": 0"),
            "config.json:9:87: "
            "\"rope_scaling.original_max_position_embeddings\" is 0; expected "
            "an integer from 1 to 2147483647");
}

TEST(ConfigErrors, Labels) {
  auto labels = [](const char *value) {
    return importError("bert", {{"id2label", value}});
  };
  EXPECT_EQ(labels("[]"), "config.json:10:15: \"id2label\" is an array; "
                          "expected an object from class ids to names");
  EXPECT_EQ(labels("{\"0\": \"a\", \"2\": \"b\"}"),
            "config.json:10:31: \"id2label\" has the class \"2\"; expected "
            "each of 0 to 1 once");
  EXPECT_EQ(labels("{\"0\": \"a\", \"00\": \"b\"}"),
            "config.json:10:32: \"id2label\" has the class \"00\"; expected "
            "each of 0 to 1 once");
  EXPECT_EQ(labels("{\"0\": 5}"),
            "config.json:10:21: \"0\" is 5; expected a string");
}

TEST(ConfigErrors, TorchTransformer) {
  EXPECT_EQ(importError("torch_transformer", {{"kind", "\"odd\""}}),
            "config.json:3:11: \"kind\" is \"odd\"; supported: bare, vanilla");
  EXPECT_EQ(importError("torch_transformer", {{"positions", "\"learned\""}}),
            "config.json:11:16: \"positions\" is \"learned\"; supported: "
            "sinusoidal_interleaved");
}
