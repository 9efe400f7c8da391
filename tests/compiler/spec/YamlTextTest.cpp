//===- YamlTextTest.cpp - YAML and trees of values ------------------------===//
//
// What strangers' text may be: errors with positions, never a crash.
//
//===----------------------------------------------------------------------===//

#include "compiler/Spec/YamlText.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

using namespace ashlar;

static std::string treeError(const std::string &text) {
  return errorText(parseYamlTree(text, "m.yaml"));
}

static JsonValue tree(const std::string &text) {
  return valueOf(parseYamlTree(text, "m.yaml")).root;
}

TEST(YamlText, Scalars) {
  JsonValue root = tree("[1, -2.5e3, true, null, ~, yes, '1', \"tr\\x75e\", "
                        "0x10, a b, .inf]");
  ASSERT_EQ(root.elements.size(), 11u);
  using Kind = JsonValue::Kind;
  const Kind kinds[] = {Kind::Number, Kind::Number, Kind::Boolean, Kind::Null,
                        Kind::Null,   Kind::String, Kind::String,  Kind::String,
                        Kind::String, Kind::String, Kind::String};
  for (size_t i = 0; i < 11; ++i)
    EXPECT_EQ(root.elements[i].kind, kinds[i]) << i;
  EXPECT_EQ(root.elements[7].text, "true");
  EXPECT_EQ(root.elements[9].text, "a b");
}

TEST(YamlText, PositionsCountFromOne) {
  JsonValue root = tree("a: 1\nb:\n  - c: [2,\n        3]\n");
  const JsonValue &list = *root.find("b")->elements[0].find("c");
  EXPECT_EQ(list.elements[1].position.line, 4u);
  EXPECT_EQ(list.elements[1].position.column, 9u);
}

TEST(YamlText, BlockScalars) {
  EXPECT_EQ(tree("a: |\n  x\n  y\n").find("a")->text, "x\ny\n");
}

TEST(YamlText, PrintsWhatItReads) {
  for (const char *text :
       {"[]\n", "{}\n", "a: 1\n", "- 1\n- [2, 3]\n", "- a: {b: {c: 1}}\n",
        "a:\n  - b: 1\n    c: [x, \"y z\"]\n  - []\n", "\"1\": \"true\"\n",
        "a: \"\\u0000\\u001b\\u0085\\u2028\"\n"}) {
    JsonValue root = tree(text);
    std::string printed = printYamlTree(root);
    EXPECT_EQ(printYamlTree(tree(printed)), printed) << text;
  }
  EXPECT_EQ(printYamlTree(tree("a: \"\\0\\e\"")), "a: \"\\u0000\\u001b\"\n");
  EXPECT_EQ(printYamlTree(tree("{x: [{k: 1}, {z: [1, '2']}]}")),
            "x:\n  - {k: 1}\n  - {z: [1, \"2\"]}\n");
}

TEST(YamlTextErrors, Nesting) {
  EXPECT_EQ(treeError(std::string(100000, '[')),
            "m.yaml:1:65: nested deeper than 64 levels");
  EXPECT_EQ(treeError(std::string(100000, '{')),
            "m.yaml:1:65: nested deeper than 64 levels");
  std::string dashes;
  for (int i = 0; i < 100000; ++i)
    dashes += "- ";
  EXPECT_EQ(treeError(dashes), "m.yaml:1:257: nested deeper than 64 levels");
  std::string questions;
  for (int i = 0; i < 100000; ++i)
    questions += "? ";
  EXPECT_EQ(treeError(questions), "m.yaml:1:257: nested deeper than 64 levels");
  std::string steps;
  for (int i = 0; i < 100; ++i)
    steps += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(treeError(steps + std::string(100, ' ') + "1"),
            "m.yaml:65:65: nested deeper than 64 levels");
  EXPECT_EQ(treeError(std::string(64, '[') + std::string(64, ']')), "");
}

TEST(YamlTextErrors, DuplicateKey) {
  EXPECT_EQ(treeError("a: 1\nb: 2\na: 3\n"),
            "m.yaml:3:1: the key \"a\" occurs twice in this mapping");
}

TEST(YamlTextErrors, AliasesTagsDocuments) {
  EXPECT_EQ(treeError("a: &x 1\nb: *x\n"),
            "m.yaml:1:7: anchors and aliases are not supported");
  EXPECT_EQ(treeError("a: !!str 1\n"), "m.yaml:1:10: tags are not supported");
  EXPECT_EQ(treeError("a: 1\n---\nb: 2\n"),
            "m.yaml:3:1: a second document; expected one");
  EXPECT_EQ(treeError("[a]: 1"), "m.yaml:1:1: a key is a single word here");
}

TEST(YamlTextErrors, BadBytes) {
  EXPECT_EQ(treeError("a: \xff"), "m.yaml:1:4: invalid UTF-8");
  EXPECT_EQ(treeError(std::string("a: \0", 4)),
            "m.yaml:1:4: control character");
}

TEST(YamlTextErrors, Syntax) {
  EXPECT_EQ(treeError("a: [1"), "m.yaml:1:5: Could not find closing ]!");
  EXPECT_EQ(treeError("a: \"x"), "m.yaml:1:5: Expected quote at end of scalar");
  EXPECT_EQ(treeError("a: 1\n b: 2"),
            "m.yaml:2:3: Unexpected token. Expected Key or Block End");
  EXPECT_EQ(treeError("}"), "m.yaml:1:1: Unexpected token");
  EXPECT_EQ(treeError("a: %\n- b"),
            "m.yaml:1:4: Unrecognized character while tokenizing.");
}

TEST(YamlTextErrors, TooLarge) {
  JsonLimits limits;
  limits.bytes = 4;
  EXPECT_EQ(errorText(parseYamlTree("a: 12", "m.yaml", limits)),
            "m.yaml: the YAML text has 5 bytes; at most 4 are read");
  limits = {};
  limits.values = 3;
  EXPECT_EQ(errorText(parseYamlTree("[1, 2]", "m.yaml", limits)), "");
  EXPECT_EQ(errorText(parseYamlTree("[1, 2, 3]", "m.yaml", limits)),
            "m.yaml:1:8: more than 3 values");
}
