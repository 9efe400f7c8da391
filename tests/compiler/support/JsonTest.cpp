//===- JsonTest.cpp - What the JSON reader takes and refuses --------------===//

#include "compiler/Support/Json.h"
#include "compiler/Support/Numbers.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

using namespace ashlar;

static JsonDocument parse(llvm::StringRef text) {
  return valueOf(parseJson(text, "f"));
}
static std::string refusal(llvm::StringRef text) {
  return errorText(parseJson(text, "f"));
}
static std::string repeat(llvm::StringRef text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i)
    result += text;
  return result;
}

TEST(Json, ReadsEveryKind) {
  JsonDocument d = parse(" {\"a\" : [1, -2.5e+3, \"x\", true, false, null],\r\n"
                         "\t\"b\":{} , \"c\":[]}\n");
  ASSERT_TRUE(d.root.isObject());
  ASSERT_EQ(d.root.members.size(), 3u);
  const JsonValue &a = *d.root.find("a");
  ASSERT_TRUE(a.isArray());
  ASSERT_EQ(a.elements.size(), 6u);
  EXPECT_EQ(a.elements[0].text, "1");
  EXPECT_EQ(a.elements[1].text, "-2.5e+3");
  EXPECT_TRUE(a.elements[1].isNumber());
  EXPECT_TRUE(a.elements[2].isString());
  EXPECT_EQ(a.elements[2].text, "x");
  EXPECT_TRUE(a.elements[3].isBoolean() && a.elements[3].boolean);
  EXPECT_TRUE(a.elements[4].isBoolean() && !a.elements[4].boolean);
  EXPECT_TRUE(a.elements[5].isNull());
  EXPECT_TRUE(d.root.find("b")->isObject());
  EXPECT_TRUE(d.root.find("c")->isArray());
  EXPECT_EQ(d.root.find("z"), nullptr);
  EXPECT_EQ(a.find("a"), nullptr);
}

TEST(Json, KeepsPositions) {
  JsonDocument d = parse("{\n  \"a\": 1,\r\n\t\"\xc3\xa9\": [ 2,\n3]}");
  EXPECT_EQ(d.where(d.root), "f:1:1");
  EXPECT_EQ(d.where(*d.root.find("a")), "f:2:8");
  const JsonValue &list = *d.root.find("\xc3\xa9");
  EXPECT_EQ(d.where(list), "f:3:8");
  EXPECT_EQ(d.where(list.elements[0]), "f:3:10");
  EXPECT_EQ(d.where(list.elements[1]), "f:4:1");
  EXPECT_EQ(d.root.members[0].position.line, 2u);
  EXPECT_EQ(d.root.members[0].position.column, 3u);
}

TEST(Json, Escapes) {
  EXPECT_EQ(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"").root.text,
            "\"\\/\b\f\n\r\t");
  EXPECT_EQ(parse("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"").root.text,
            "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(parse("\"\\u0000\"").root.text, std::string(1, '\0'));
  EXPECT_EQ(parse("\"\xf0\x9f\x98\x80\"").root.text, "\xf0\x9f\x98\x80");
}

TEST(Json, RefusesBadEscapes) {
  EXPECT_EQ(refusal("\"ab\\x\""),
            "f:1:5: found 'x'; expected one of \" \\ / b f n r t u");
  EXPECT_EQ(refusal("\"\\u12g4\""),
            "f:1:6: found 'g'; expected a hexadecimal digit");
  EXPECT_EQ(refusal("\"\\u12"),
            "f:1:6: the text ends where a hexadecimal digit should be");
  for (const char *bad :
       {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"", "\"\\ud800\\u0041\""})
    EXPECT_EQ(refusal(bad), "f:1:2: unpaired surrogate") << bad;
}

TEST(Json, RefusesBadStrings) {
  EXPECT_EQ(refusal("[\"abc"), "f:1:2: the string has no closing quote");
  EXPECT_EQ(refusal("\"a\nb\""),
            "f:1:3: unescaped control character in a string");
  EXPECT_EQ(refusal(llvm::StringRef("\"a\0b\"", 5)),
            "f:1:3: unescaped control character in a string");
  for (const char *bad : {"\"a\xff\"", "\"a\xc3\"", "\"a\xed\xa0\x80\"",
                          "\"a\xc0\xaf\"", "\"a\xf4\x90\x80\x80\""})
    EXPECT_EQ(refusal(bad), "f:1:3: invalid UTF-8") << bad;
}

TEST(Json, RefusesBadSyntax) {
  EXPECT_EQ(refusal(""), "f:1:1: the text ends where a value should be");
  EXPECT_EQ(refusal("  \n "), "f:2:2: the text ends where a value should be");
  EXPECT_EQ(refusal("{} x"), "f:1:4: found 'x'; expected the end of the text");
  EXPECT_EQ(refusal("[1 2]"), "f:1:4: found '2'; expected ',' or ']'");
  EXPECT_EQ(refusal("[1,]"), "f:1:4: found ']'; expected a value");
  EXPECT_EQ(refusal("{\"a\" 1}"), "f:1:6: found '1'; expected ':'");
  EXPECT_EQ(refusal("{\"a\":1 \"b\":2}"),
            "f:1:8: found '\\\"'; expected ',' or '}'");
  EXPECT_EQ(refusal("{a:1}"), "f:1:2: found 'a'; expected a key in quotes");
  EXPECT_EQ(refusal("{\"a\":1,}"),
            "f:1:8: found '}'; expected a key in quotes");
  for (const char *bad : {"nul",
                          "nulll",
                          "True",
                          "NaN",
                          "Infinity",
                          "-Infinity",
                          "'a'",
                          "+1",
                          ".5",
                          "1.",
                          "1.e3",
                          "1e",
                          "1e+",
                          "-",
                          "--1",
                          "01",
                          "-01",
                          "0x10",
                          "1_0",
                          "[",
                          "{",
                          "{\"a\"",
                          "{\"a\":",
                          "{\"a\":1",
                          "[1",
                          "[1,",
                          "]",
                          "}",
                          "//x\n1",
                          "/*x*/1",
                          "\xef\xbb\xbf{}",
                          "\xff",
                          "\033"})
    EXPECT_NE(refusal(bad), "") << bad;
  EXPECT_NE(refusal(llvm::StringRef("1\0", 2)), "");
  EXPECT_EQ(refusal("\033"), "f:1:1: found '\\x1b'; expected a value");
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_EQ(refusal("{\"a\":1,\n \"b\":2, \"a\":3}"),
            "f:2:9: the key \"a\" occurs twice in this object");
  // The same key once it is decoded.
  EXPECT_NE(refusal("{\"a\":1,\"\\u0061\":2}"), "");
  EXPECT_NE(refusal("{\"\":1,\"\":2}"), "");
  EXPECT_EQ(refusal("[{\"a\":{\"a\":1}},{\"a\":2}]"), "");
}

// Depth is counted before recursion: 50,000 '[' overflow a naive reader.
TEST(Json, LimitsDepth) {
  EXPECT_EQ(refusal(repeat("[", 64) + repeat("]", 64)), "");
  EXPECT_EQ(refusal(repeat("[", 65) + repeat("]", 65)),
            "f:1:65: nested deeper than 64 levels");
  EXPECT_EQ(refusal(repeat("[", 50000)),
            "f:1:65: nested deeper than 64 levels");
  EXPECT_EQ(refusal(repeat("{\"a\":", 50000)),
            "f:1:321: nested deeper than 64 levels");
  EXPECT_EQ(refusal(repeat("[{\"a\":", 50000)),
            "f:1:193: nested deeper than 64 levels");
  JsonLimits shallow;
  shallow.depth = 1;
  EXPECT_EQ(errorText(parseJson("[1]", "f", shallow)), "");
  EXPECT_NE(errorText(parseJson("[[1]]", "f", shallow)), "");
}

TEST(Json, LimitsBytesAndValues) {
  JsonLimits limits;
  limits.bytes = 4;
  EXPECT_EQ(errorText(parseJson("[12]", "f", limits)), "");
  EXPECT_EQ(errorText(parseJson("[123]", "f", limits)),
            "f: the JSON text has 5 bytes; at most 4 are read");
  limits = {};
  limits.values = 3;
  EXPECT_EQ(errorText(parseJson("[1,{\"a\":2}]", "f")), "");
  EXPECT_EQ(errorText(parseJson("[1,2]", "f", limits)), "");
  EXPECT_EQ(errorText(parseJson("[1,2,3]", "f", limits)),
            "f:1:6: more than 3 values");
}

TEST(Json, Numbers) {
  for (const char *good :
       {"0", "-0", "0.0", "1e308", "-1.7976931348623157e308", "1E+2",
        "0e999999999999999999999", "5e-324", "1e-400", "0.000001e-320",
        "1e-99999999999999999999", "123456789012345678901234567890"})
    EXPECT_EQ(parse(good).root.text, good);
  for (const char *bad :
       {"1e400", "-1e400", "1.8e308", "0.0001e313", "1e99999999999999999999"})
    EXPECT_EQ(refusal(bad),
              (llvm::Twine("f:1:1: number out of range: ") + bad).str());
  EXPECT_EQ(refusal(repeat("9", 400)),
            "f:1:1: number out of range: " + repeat("9", 40) + "...");
  // Long texts are read in linear time and rounded right.
  EXPECT_EQ(refusal("0." + repeat("0", 1000000) + "1"), "");
  EXPECT_EQ(refusal("1" + repeat("0", 1000) + "e-1000"), "");
}

TEST(Json, FiniteDoubles) {
  EXPECT_EQ(parseFiniteDouble("1e-400"), 0.0);
  EXPECT_EQ(parseFiniteDouble("0.1"), 0.1);
  EXPECT_EQ(parseFiniteDouble("5e-324"), 5e-324);
  EXPECT_EQ(parseFiniteDouble("-1.5"), -1.5);
  EXPECT_EQ(parseFiniteDouble("1" + repeat("0", 1000) + "e-1000"), 1.0);
  EXPECT_EQ(parseFiniteDouble("0." + repeat("0", 1000) + "1e1001"), 1.0);
  for (const char *bad : {"", "inf", "nan", "-inf", "0x10", "1 ", " 1", "+1",
                          "1e400", "1,5", "abc"})
    EXPECT_FALSE(parseFiniteDouble(bad)) << bad;
}

TEST(Json, IntegerAccess) {
  auto access = [](llvm::StringRef text, int64_t low, int64_t high) {
    JsonDocument d = parse(text);
    return errorText(d.asInteger(d.root, "n", low, high));
  };
  EXPECT_EQ(access("5", 5, 5), "");
  EXPECT_EQ(access("-9223372036854775808", INT64_MIN, INT64_MAX), "");
  EXPECT_EQ(access("9223372036854775807", INT64_MIN, INT64_MAX), "");
  EXPECT_EQ(access("4", 5, 7),
            "f:1:1: \"n\" is 4; expected an integer from 5 to 7");
  for (const char *bad :
       {"8", "-1", "5.0", "5e0", "5.5", "\"5\"", "null", "true", "[5]", "{}",
        "9223372036854775808", "123456789012345678901234567890"})
    EXPECT_NE(access(bad, 0, 7), "") << bad;
  JsonDocument d = parse("[7]");
  EXPECT_EQ(valueOf(d.asInteger(d.root.elements[0], "n", 0, 10)), 7);
}

TEST(Json, TypedAccess) {
  JsonDocument d = parse("[true, 1.5, \"s\", null, {}, \"\\n\"]");
  const auto &e = d.root.elements;
  EXPECT_TRUE(valueOf(d.asBoolean(e[0], "n")));
  EXPECT_EQ(valueOf(d.asDouble(e[1], "n")), 1.5);
  EXPECT_EQ(valueOf(d.asString(e[2], "n")), "s");
  EXPECT_EQ(errorText(d.asBoolean(e[1], "n")),
            "f:1:8: \"n\" is 1.5; expected true or false");
  EXPECT_EQ(errorText(d.asDouble(e[2], "n")),
            "f:1:13: \"n\" is \"s\"; expected a number");
  EXPECT_EQ(errorText(d.asString(e[3], "n")),
            "f:1:18: \"n\" is null; expected a string");
  EXPECT_EQ(errorText(d.asString(e[4], "n\n")),
            "f:1:24: \"n\\n\" is an object; expected a string");
  EXPECT_EQ(errorText(d.asDouble(e[5], "n")),
            "f:1:28: \"n\" is \"\\n\"; expected a number");
  EXPECT_EQ(errorText(d.asDouble(d.root, "n")),
            "f:1:1: \"n\" is an array; expected a number");
}

// What escapeJson writes, the reader reads back as it was.
TEST(Json, EscapeJsonRoundTrip) {
  std::string all;
  for (int c = 0; c < 128; ++c)
    all.push_back(static_cast<char>(c));
  all += "\xc2\x9b\xc3\xa9\xf0\x9f\x98\x80</script>";
  std::string written = "\"" + escapeJson(all) + "\"";
  EXPECT_EQ(parse(written).root.text, all);
  EXPECT_EQ(escapeJson("a\"\\\n\x1b"), "a\\\"\\\\\\u000a\\u001b");
  EXPECT_EQ(escapeJson("a\xff"), "a\\ufffd");
}
