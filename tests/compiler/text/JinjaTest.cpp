//===- JinjaTest.cpp - Chat templates -------------------------------------===//
//
// tests/text_cases/chat holds templates of the shapes that are published, and
// what jinja2 makes of them; make_chat.py there says how they were written.
//
//===----------------------------------------------------------------------===//

#include "compiler/Text/chat/Jinja.h"
#include "compiler/Support/Json.h"
#include "tests/compiler/support/ErrorText.h"

#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace ashlar;

static JinjaValue toValue(const JsonValue &json) {
  switch (json.kind) {
  case JsonValue::Kind::Null:
    return JinjaValue::none();
  case JsonValue::Kind::Boolean:
    return JinjaValue::of(json.boolean);
  case JsonValue::Kind::Number:
    return JinjaValue::of(int64_t(std::stoll(json.text)));
  case JsonValue::Kind::String:
    return JinjaValue::of(json.text);
  case JsonValue::Kind::Array: {
    JinjaValue::List list;
    for (const JsonValue &element : json.elements)
      list.push_back(toValue(element));
    return JinjaValue::of(std::move(list));
  }
  case JsonValue::Kind::Object: {
    JinjaValue::Map map;
    for (const JsonValue::Member &member : json.members)
      map.emplace_back(member.key, toValue(member.value));
    return JinjaValue::of(std::move(map));
  }
  }
  return JinjaValue();
}

class JinjaCases : public ::testing::TestWithParam<const char *> {};

TEST_P(JinjaCases, agreeWithJinja2) {
  auto buffer = llvm::MemoryBuffer::getFile(std::string(ASHLAR_SOURCE_DIR) +
                                            "/tests/text_cases/chat/" +
                                            GetParam() + ".json");
  ASSERT_TRUE(bool(buffer));
  JsonDocument file = valueOf(parseJson((*buffer)->getBuffer(), "case"));
  const std::string &source = file.root.find("template")->text;
  for (const JsonValue &chat : file.root.find("chats")->elements) {
    JinjaValue variables = JinjaValue::of(JinjaValue::Map{
        {"messages", toValue(*chat.find("messages"))},
        {"add_generation_prompt", toValue(*chat.find("add_generation_prompt"))},
        {"tools", chat.find("tools") ? toValue(*chat.find("tools"))
                                     : JinjaValue::none()},
        {"documents", JinjaValue::none()},
        {"bos_token", JinjaValue::of(std::string("<s>"))},
        {"eos_token", JinjaValue::of(std::string("</s>"))}});
    if (const JsonValue *date = file.root.find("date"))
      variables.map->emplace_back("strftime_now",
                                  *JinjaValue::today(date->text));
    llvm::Expected<std::string> text = renderJinja(source, "t", variables);
    if (const JsonValue *refusal = chat.find("refusal")) {
      EXPECT_NE(errorText(std::move(text))
                    .find("the template refuses: " + refusal->text),
                std::string::npos);
      continue;
    }
    EXPECT_EQ(valueOf(std::move(text)), chat.find("text")->text);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Templates, JinjaCases,
    ::testing::Values("chatml", "command_r", "deepseek_r1", "gemma", "granite",
                      "hermes", "language", "llama2", "llama3", "llama31",
                      "llama32", "macro", "mistral", "mistral3", "mistral_nemo",
                      "operations", "phi3", "phi35", "qwen2", "qwen25", "qwen3",
                      "zephyr"),
    [](const auto &info) { return std::string(info.param); });

static std::string render(llvm::StringRef source) {
  return valueOf(renderJinja(source, "t", JinjaValue::of(JinjaValue::Map{})));
}

static std::string refusal(llvm::StringRef source) {
  return errorText(renderJinja(source, "t", JinjaValue::of(JinjaValue::Map{})));
}

TEST(Jinja, errorsNameTheLine) {
  EXPECT_EQ(refusal("a\n{{ x.y }}"),
            "t: chat template, line 2: \"y\" of what is undefined");
  EXPECT_EQ(refusal("{{ x[1.5] }}"),
            "t: chat template, line 1: an element of what is undefined");
  EXPECT_EQ(refusal("{% while x %}"),
            "t: chat template, line 1: block \"while\" is not supported; "
            "supported: break, continue, for, generation, if, macro, set");
  EXPECT_EQ(refusal("{% if x %}"),
            "t: chat template, line 1: found \"\"; expected \"{% endif\"");
  EXPECT_EQ(refusal("{{ 'a"), "t: chat template, line 1: a string without end");
  EXPECT_EQ(refusal("{{ a"), "t: chat template, line 1: a tag without end");
  EXPECT_EQ(refusal("{# a"), "t: chat template, line 1: a comment without end");
  EXPECT_EQ(refusal("{{ a ? b }}"),
            "t: chat template, line 1: unexpected \"?\"");
  EXPECT_EQ(refusal("{{ 1 + 'a' }}"),
            "t: chat template, line 1: an integer + a string");
  EXPECT_EQ(refusal("{{ 1 // 0 }}"), "t: chat template, line 1: division by "
                                     "zero");
  EXPECT_EQ(refusal("{{ 9223372036854775807 + 1 }}"),
            "t: chat template, line 1: a number is too large");
  EXPECT_EQ(refusal("{{ f(1) }}"),
            "t: chat template, line 1: \"f\" cannot be called; supported: "
            "dict, namespace, raise_exception, range");
  EXPECT_EQ(refusal("{{ 'a' | sorted }}").substr(0, 60),
            "t: chat template, line 1: filter \"sorted\" is not supported; ");
  EXPECT_EQ(refusal("{{ [1, 'a'] | sort }}"),
            "t: chat template, line 1: an integer < a string");
  EXPECT_EQ(refusal("{{ 2 ** 63 }}"),
            "t: chat template, line 1: a number is too large");
  EXPECT_EQ(refusal("{{ 0 ** -1 }}"),
            "t: chat template, line 1: division by zero");
  EXPECT_EQ(refusal("{{ (-8) ** 0.5 }}"),
            "t: chat template, line 1: a power that is no number");
  EXPECT_EQ(
      refusal("{{ 'x' | indent([]) }}"),
      "t: chat template, line 1: \"width\" is a list; expected an integer "
      "or a string");
  EXPECT_EQ(
      refusal("{{ [] | dictsort }}"),
      "t: chat template, line 1: dictsort takes a mapping, and sorts it by "
      "\"key\" or \"value\"");
  EXPECT_EQ(refusal("{% set f = range %}{{ f() }}"),
            "t: chat template, line 1: range takes 1 to 3 numbers");
  EXPECT_EQ(refusal("{{ 'a' is odder }}").substr(0, 60),
            "t: chat template, line 1: test \"odder\" is not supported; sup");
}

TEST(Jinja, limits) {
  EXPECT_EQ(refusal("{{ 'aaaaaaaa' * 9223372036854775807 }}"),
            "t: chat template, line 1: the template takes more than 16 MiB");

  std::string deep = std::string(100, '(') + "1" + std::string(100, ')');
  EXPECT_EQ(refusal("{{ " + deep + " }}"),
            "t: chat template, line 1: more than 64 levels");
  std::string chain = "1";
  for (int i = 0; i < 100000; ++i)
    chain += " + 1";
  EXPECT_EQ(refusal("{{ " + chain + " }}"),
            "t: chat template, line 1: more than 256 levels");
  EXPECT_EQ(refusal("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
            "t: chat template, line 1: more than 256 levels");
  EXPECT_EQ(refusal("{% for i in range(1000000) %}{% for j in range(1000000) "
                    "%}{% endfor %}{% endfor %}"),
            "t: chat template, line 1: the template takes more than 16 MiB");
  EXPECT_EQ(refusal("{% set ns = namespace(x='aaaaaaaa') %}"
                    "{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}"
                    "{% endfor %}"),
            "t: chat template, line 1: the template takes more than 16 MiB");
  EXPECT_EQ(refusal("{% set ns = namespace(x=[]) %}{% for i in range(100) %}"
                    "{% set ns.x = [ns.x] %}{% endfor %}"),
            "t: chat template, line 1: a value of more than 64 levels");
  EXPECT_EQ(refusal("{% set ns = namespace() %}{% set ns.x = [ns] %}"),
            "t: chat template, line 1: a namespace in a namespace is not "
            "supported");
}

TEST(Jinja, theDayIsTheUsers) {
  auto on = [](llvm::StringRef day, llvm::StringRef format) {
    JinjaValue variables = JinjaValue::of(
        JinjaValue::Map{{"strftime_now", *JinjaValue::today(day)}});
    return renderJinja(("{{ strftime_now('" + format + "') }}").str(), "t",
                       variables);
  };
  EXPECT_EQ(valueOf(on("2024-12-31", "%A, %-d %B %Y (%j)")),
            "Tuesday, 31 December 2024 (366)");
  EXPECT_EQ(
      errorText(on("2024-12-31", "%s")),
      "t: chat template, line 1: strftime_now of \"%s\"; supported: % and "
      "one of a, A, b, B, d, e, F, H, I, j, m, M, p, S, T, y, Y");
  EXPECT_EQ(errorText(on("2024-12-31", "%")).substr(0, 45),
            "t: chat template, line 1: strftime_now of \"%\"");
  EXPECT_EQ(
      refusal("{{ strftime_now('%Y') }}"),
      "t: chat template, line 1: the template writes the date, and none is "
      "given; --chat-date=YYYY-MM-DD of compile does");
  for (const char *wrong :
       {"", "2024-1-1", "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10",
        "0000-01-01", "2024-01-01T", "24-01-0001", "2024--1-01"})
    EXPECT_FALSE(JinjaValue::today(wrong).has_value()) << wrong;
}

TEST(Jinja, emptyTemplates) {
  EXPECT_EQ(render(""), "");
  EXPECT_EQ(render("\n"), "");
  EXPECT_EQ(render("{"), "{");
  EXPECT_EQ(render("{{ '{{' }}"), "{{");
}
