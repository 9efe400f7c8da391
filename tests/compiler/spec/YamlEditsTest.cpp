//===- YamlEditsTest.cpp - Descriptions that somebody has edited ----------===//

#include "compiler/Spec/Yaml.h"
#include "tests/compiler/spec/Specs.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

static std::string yamlError(const std::string &text) {
  return errorText(parseYaml(text, "m.yaml"));
}

/// The text of a valid description with one occurrence of `from` replaced.
static std::string edited(const std::string &from, const std::string &to) {
  std::string text = printYaml(decoderSpec(), {});
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " is not in\n" << text;
  return at == std::string::npos ? "" : text.replace(at, from.size(), to);
}

/// A name is enough where the shape is known: of a bias, [buckets, heads].
TEST(Yaml, NameOfABiasTable) {
  YamlModel model = valueOf(parseYaml(
      edited("          causal: true\n",
             "          causal: true\n"
             "          position_bias: {kind: relative, table: bias, buckets: "
             "8, max_distance: 20}\n"),
      "m.yaml"));
  const Attention &attention = model.spec.stacks[0].blocks[0].block.attention;
  EXPECT_EQ(attention.positionBias->table->stored,
            (std::vector<int64_t>{8, 4}));
  std::string text = printYaml(model.spec, {});
  EXPECT_NE(text.find("table: bias"), std::string::npos) << text;
  EXPECT_EQ(text.find("stored"), std::string::npos) << text;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

TEST(YamlErrors, NoMapping) {
  EXPECT_EQ(yamlError(""), "m.yaml:1:1: found null; expected the mapping of a "
                           "model's description");
  EXPECT_EQ(yamlError("- 1"), "m.yaml:1:1: found an array; expected the "
                              "mapping of a model's description");
}

TEST(YamlErrors, MissingKey) {
  EXPECT_EQ(yamlError("family: x"), "m.yaml:1:1: \"stacks\" is missing");
  EXPECT_EQ(yamlError(edited("          head_dim: 6\n", "")),
            "m.yaml:14:11: \"stacks[0].blocks[0].attention.head_dim\" is "
            "missing");
}

/// What is written is not absent.
TEST(YamlErrors, EmptyParts) {
  std::string query = yamlError(edited("{in: 8, out: 24,", "{in: 8, out: 0,"));
  EXPECT_NE(query.find(":18: \"stacks[0].blocks[0].attention.query\" has size "
                       "0\nleave \"stacks[0].blocks[0].attention.query\" out "
                       "where it is absent"),
            std::string::npos)
      << query;
  std::string feedForward = yamlError(edited("width: 10", "width: 0"));
  EXPECT_NE(
      feedForward.find("\"stacks[0].blocks[0].feed_forward\" has size 0\n"),
      std::string::npos)
      << feedForward;
}

TEST(YamlErrors, UnknownKey) {
  EXPECT_EQ(yamlError(edited("head_dim:", "head_size:")),
            "m.yaml:14:11: \"stacks[0].blocks[0].attention.head_dim\" is "
            "missing");
  EXPECT_EQ(yamlError(edited("heads: 4", "heads: 4\n          dropout: 0.1")),
            "m.yaml:15:11: unknown key \"dropout\" in "
            "\"stacks[0].blocks[0].attention\"\n"
            "known here: additive_vector, causal, clip, head_dim, heads, key, "
            "key_norm, kv_heads, marked, mask, output, position_bias, query, "
            "query_norm, repeated, rotary, scale, soft_cap, value, window");
  EXPECT_EQ(yamlError("stacks: []\n\"a\\eb\": 1"),
            "m.yaml:2:1: unknown key \"a\\x1bb\"\n"
            "known here: checkpoint, family, generation, heads, labels, "
            "sentence_embedding, stacks, texts, tokenizer");
}

TEST(YamlErrors, WrongKinds) {
  EXPECT_EQ(yamlError(edited("heads: 4", "heads: four")),
            "m.yaml:14:18: \"stacks[0].blocks[0].attention.heads\" is "
            "\"four\"; expected an integer from 0 to 2147483647");
  EXPECT_EQ(yamlError(edited("heads: 4", "heads: \"4\"")),
            "m.yaml:14:18: \"stacks[0].blocks[0].attention.heads\" is \"4\"; "
            "expected an integer from 0 to 2147483647");
  EXPECT_EQ(yamlError(edited("scale: 1", "scale: 1e400")),
            "m.yaml:17:18: \"stacks[0].blocks[0].attention.scale\" is "
            "\"1e400\"; expected a number");
  EXPECT_EQ(yamlError(edited("causal: true", "causal: yes")),
            "m.yaml:18:19: \"stacks[0].blocks[0].attention.causal\" is "
            "\"yes\"; expected true or false");
  EXPECT_EQ(yamlError(edited("activation: gelu", "activation: swish2")),
            "m.yaml:26:23: \"stacks[0].blocks[0].feed_forward.activation\" is "
            "\"swish2\"; supported: relu, gelu, gelu_tanh, silu, tanh, "
            "quick_gelu");
  EXPECT_EQ(yamlError("stacks: 3"),
            "m.yaml:1:9: \"stacks\" is 3; expected a list");
  EXPECT_EQ(yamlError("stacks: [3]"),
            "m.yaml:1:10: \"stacks[0]\" is 3; expected a mapping");
  EXPECT_EQ(yamlError("checkpoint: {suffix_aliases: [[a, b, c]]}\nstacks: []"),
            "m.yaml:1:31: \"checkpoint.suffix_aliases[0]\" has 3 names; "
            "expected two");
}

TEST(YamlErrors, WeightNeitherNameNorMapping) {
  EXPECT_EQ(yamlError(edited("tokens: tokens", "tokens: 5")),
            "m.yaml:7:41: \"stacks[0].embedding.tokens\" is 5; expected a "
            "mapping");
}

/// Errors of validate() have the line of the field, or of what is around it
/// when the field was left out.
TEST(YamlErrors, InvalidDescription) {
  EXPECT_EQ(yamlError(edited("kv_heads: 2", "kv_heads: 3")),
            "m.yaml:15:21: \"stacks[0].blocks[0].attention.kv_heads\" is 3; "
            "expected a divisor of \"heads\" (4)");
  EXPECT_EQ(yamlError(edited("          causal: true\n", "")),
            "m.yaml:14:11: \"stacks[0].blocks[0].attention.causal\" is false; "
            "expected true in a decoder");
  EXPECT_EQ(yamlError("stacks: []"),
            "m.yaml:1:9: \"stacks\" is a list of 0; expected one or two "
            "stacks");
}
