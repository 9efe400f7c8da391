//===- ChatTest.cpp - Messages in a chat template -------------------------===//

#include "compiler/Text/Chat.h"
#include "runtime/text/chat.h"
#include "tests/runtime_text/OpenedText.h"

using namespace ashlar;

namespace {

/// Words of letters, each character a token; special tokens of a template.
TokenizerFiles files(const std::string &chatTemplate) {
  TokenizerFiles files;
  files.tokenizer = llvm::cantFail(parseJson(
      R"({"model": {"type": "WordLevel", "unk_token": "?", "vocab":
            {"?": 0, "<s>": 1, "<u>": 2, "<e>": 3, "a": 4, "b": 5, "c": 6,
             " ": 7, "\n": 8}},
          "added_tokens": [{"id": 1, "content": "<s>", "special": true},
                           {"id": 2, "content": "<u>", "special": true},
                           {"id": 3, "content": "<e>", "special": true}],
          "pre_tokenizer": {"type": "Split", "behavior": "Isolated",
                            "pattern": {"Regex": "[\\s\\S]"}},
          "post_processor": {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<s>"}},
                        {"Sequence": {"id": "A"}}],
             "special_tokens": {"<s>": {"id": "<s>", "ids": [1]}}}})",
      "t.json"));
  files.config = llvm::cantFail(parseJson(
      R"({"bos_token": {"content": "<s>"}})", "tokenizer_config.json"));
  files.chatTemplate = chatTemplate;
  return files;
}

const char *const simple =
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<u>' if message.role == 'user' else 'c' }}{{ message.content }}<e>"
    "{% endfor %}b";

std::vector<int32_t> encode(OpenedText &opened, const char *system,
                            const std::vector<std::string> &said,
                            unsigned flags = 0) {
  std::vector<ashlar_turn> turns;
  for (const std::string &text : said)
    turns.push_back({text.data(), text.size()});
  ashlar_turn first = {system, system ? strlen(system) : 0};
  ashlar_text_chat chat = {system ? &first : nullptr, turns.data(),
                           turns.size()};
  ashlar_tokens tokens;
  opened.failed = ashlar_text_chat_tokens(&opened.text, &chat, flags, &tokens,
                                          &opened.error);
  std::vector<int32_t> ids(tokens.ids, tokens.ids + tokens.count);
  ashlar_tokens_free(&tokens);
  return ids;
}

std::vector<int32_t> encode(OpenedText &opened, const char *system,
                            const char *user, unsigned flags = 0) {
  return encode(opened, system, std::vector<std::string>{user}, flags);
}

using Ids = std::vector<int32_t>;

} // namespace

TEST(Chat, aTurn) {
  OpenedText opened(files(simple));
  EXPECT_TRUE(opened.tables.warnings.empty());
  // The template has the token that begins a text; there is but one.
  EXPECT_EQ(encode(opened, nullptr, "ab"), (Ids{1, 2, 4, 5, 3, 5}));
  EXPECT_EQ(encode(opened, nullptr, ""), (Ids{1, 2, 3, 5}));
  EXPECT_EQ(encode(opened, "a", " b"), (Ids{1, 6, 4, 3, 2, 7, 5, 3, 5}));
}

TEST(Chat, specialTokensOfMessagesAreText) {
  OpenedText opened(files(simple));
  EXPECT_EQ(encode(opened, nullptr, "<e>"), (Ids{1, 2, 0, 0, 0, 3, 5}));
  EXPECT_EQ(encode(opened, "<u>", "a", ASHLAR_TEXT_SPECIAL),
            (Ids{1, 6, 2, 3, 2, 4, 3, 5}));
  // Nor do a message and the template make one together.
  OpenedText open(files("<{% for message in messages %}{{ message.content }}"
                        "{% endfor %}>"));
  EXPECT_EQ(encode(open, nullptr, "e"), (Ids{0, 0, 0}));
}

TEST(Chat, trimmedMessages) {
  OpenedText opened(files("{% for m in messages %}<u>{{ m.content | trim }}"
                          "{% endfor %}"));
  EXPECT_EQ(encode(opened, nullptr, " \n a b\n"), (Ids{2, 4, 7, 5}));
  EXPECT_EQ(encode(opened, " a ", " b"), (Ids{2, 4, 2, 5}));
}

TEST(Chat, templatesWithoutSystem) {
  OpenedText opened(files("{% if messages[0].role == 'system' %}"
                          "{{ raise_exception('no') }}{% endif %}"
                          "<u>{{ messages[0].content }}"));
  EXPECT_TRUE(opened.tables.warnings.empty());
  EXPECT_EQ(encode(opened, nullptr, "a"), (Ids{2, 4}));
  encode(opened, "b", "a");
  EXPECT_TRUE(opened.failed);
  EXPECT_STREQ(opened.error.message,
               "the model's chat template takes no system text");
}

TEST(Chat, severalTurns) {
  OpenedText opened(files(simple));
  EXPECT_EQ(encode(opened, nullptr, {"a", "b", "a"}),
            (Ids{1, 2, 4, 3, 6, 5, 3, 2, 4, 3, 5}));
  EXPECT_EQ(encode(opened, "b", {"a", "b", "", " ", "c"}),
            (Ids{1, 6, 5, 3, 2, 4, 3, 6, 5, 3, 2, 3, 6, 7, 3, 2, 6, 3, 5}));
  // What is said holds no special tokens, the template does.
  EXPECT_EQ(encode(opened, nullptr, {"a", "<e>", "b"}),
            (Ids{1, 2, 4, 3, 6, 0, 0, 0, 3, 2, 5, 3, 5}));
  encode(opened, nullptr, {"a", "b"});
  EXPECT_STREQ(opened.error.message, "a chat ends with the user's text");
}

TEST(Chat, answersOfTheTemplate) {
  auto turn = [](const std::string &answer, const std::string &said) {
    OpenedText opened(files("{% for m in messages %}{% if m.role == 'user' %}"
                            "<u>{{ m.content }}{% else %}{% set c = m.content "
                            "%}{{ " +
                            answer + " }}{% endif %}{% endfor %}"));
    return encode(opened, nullptr, {"a", said, "b"});
  };
  const std::string thought = "a</think>b</think>\n\n b ";
  EXPECT_EQ(turn("c | trim", "\n b "), (Ids{2, 4, 5, 2, 5}));
  EXPECT_EQ(turn("c", " b"), (Ids{2, 4, 7, 5, 2, 5}));
  EXPECT_EQ(turn("c.split('</think>')[-1]", thought),
            (Ids{2, 4, 8, 8, 7, 5, 7, 2, 5}));
  EXPECT_EQ(turn("c.split('</think>')[-1].lstrip('\\n')", thought),
            (Ids{2, 4, 7, 5, 7, 2, 5}));
  EXPECT_EQ(turn("c.split('</think>')[-1] | trim", thought),
            (Ids{2, 4, 5, 2, 5}));
  EXPECT_EQ(turn("c.split('</think>')[-1].lstrip('\\n')", "b"),
            (Ids{2, 4, 5, 2, 5}));
}

TEST(Chat, templatesOfOneTurn) {
  // Other answers, another beginning, a system that moves.
  for (const char *one :
       {"{{ messages[0].content }}",
        "{% for m in messages %}{{ m.content | upper if m.role == 'assistant' "
        "else m.content }}{% endfor %}",
        "{{ messages | length }}{% for m in messages %}{{ m.content }}"
        "{% endfor %}",
        "{% for m in messages %}{{ m.content }}{{ loop.index if loop.index == "
        "4 "
        "else '' }}{% endfor %}"}) {
    OpenedText opened(files(one));
    EXPECT_TRUE(opened.tables.warnings.empty());
    encode(opened, nullptr, "a");
    EXPECT_FALSE(opened.failed);
    encode(opened, nullptr, {"a", "b", "a"});
    EXPECT_STREQ(opened.error.message,
                 "the model's chat template takes several turns in a way that "
                 "is not supported");
  }
  OpenedText moves(files(
      "{% if messages[0].role == 'system' %}{% set s = messages[0].content "
      "%}{% set messages = messages[1:] %}{% else %}{% set s = '' %}"
      "{% endif %}{% for m in messages %}<u>{{ s if loop.last else '' }}"
      "{{ m.content }}{% endfor %}"));
  EXPECT_EQ(encode(moves, "c", "a"), (Ids{2, 6, 4}));
  EXPECT_EQ(encode(moves, nullptr, {"a", "b", "a"}), (Ids{2, 4, 2, 5, 2, 4}));
  encode(moves, "c", {"a", "b", "a"});
  EXPECT_STREQ(moves.error.message, "the model's chat template takes several "
                                    "turns only without a system text");
}

TEST(Chat, theDay) {
  TokenizerFiles dated =
      files("{{ strftime_now('%d') }}{{ messages[0].content }}");
  std::vector<std::string> warnings;
  ChatTemplate chat = readChatTemplate(dated, warnings, "2024-05-06");
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(chat.plain[0], "06");
  EXPECT_EQ(readChatTemplate(dated, warnings).flags, 0u);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("--chat-date=YYYY-MM-DD"), std::string::npos);
}

TEST(Chat, namedTemplates) {
  TokenizerFiles named = files("");
  named.chatTemplate.reset();
  named.config = llvm::cantFail(parseJson(
      R"({"chat_template": [{"name": "tool_use", "template": "x"},
          {"name": "default", "template": "<u>{{ messages[0].content }}"}]})",
      "c.json"));
  OpenedText opened(named);
  EXPECT_EQ(encode(opened, nullptr, "a"), (Ids{2, 4}));
}

TEST(Chat, otherTemplatesAreLeftAside) {
  auto warning = [](TokenizerFiles from) {
    OpenedText opened(from);
    encode(opened, nullptr, "a");
    EXPECT_STREQ(opened.error.message, "the model has no chat template");
    return opened.tables.warnings.size() == 1 ? opened.tables.warnings[0] : "";
  };
  const std::string changes =
      "chat_template.jinja: the chat template changes the messages, or writes "
      "them in another order or more than once; chats (--chat) are not "
      "available";
  EXPECT_EQ(warning(files("{{ messages[0].content | upper }}")), changes);
  EXPECT_EQ(warning(files("{{ messages[0].content ~ messages[0].content }}")),
            changes);
  EXPECT_EQ(warning(files("nothing")), changes);
  EXPECT_EQ(warning(files("{{ messages[0].content[:-1] }}")), changes);
  EXPECT_EQ(warning(files("{{ x() }}")),
            "chat_template.jinja: chat template, line 1: \"x\" cannot be "
            "called; supported: dict, namespace, raise_exception, range; chats "
            "(--chat) are not available");
  TokenizerFiles odd = files("");
  odd.chatTemplate.reset();
  odd.config = llvm::cantFail(parseJson(R"({"chat_template": 3})", "c.json"));
  EXPECT_EQ(warning(odd), "c.json:1:19: \"chat_template\" is 3; expected a "
                          "string, or a list with a template named "
                          "\"default\"; chats (--chat) are not available");
}
