//===- ChatTest.cpp - Messages in a chat template -------------------------===//

#include "compiler/Text/chat/Chat.h"
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
  EXPECT_EQ(turn("c.split('</think>')[-1].lstrip('\\n')", "\n\nb"),
            (Ids{2, 4, 5, 2, 5}));
  EXPECT_EQ(turn("c.split('</think>')[-1].lstrip('\\n') if '</think>' in c "
                 "else c",
                 "\nb"),
            (Ids{2, 4, 8, 5, 2, 5}));
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
  EXPECT_EQ(encode(moves, "c", {"a", "b", "a"}), (Ids{2, 4, 2, 5, 2, 6, 4}));
  EXPECT_EQ(encode(moves, "c", {"a", "b", "b", "a", "a"}),
            (Ids{2, 4, 2, 5, 2, 5, 2, 4, 2, 6, 4}));
  OpenedText counts(
      files("{% if messages[0].role == 'system' %}<e>{% if messages | length "
            "> 2 %}b{% endif %}{% endif %}{% for m in messages %}<u>"
            "{{ m.content }}{% endfor %}"));
  EXPECT_EQ(encode(counts, "c", "a"), (Ids{3, 2, 6, 2, 4}));
  encode(counts, "c", {"a", "b", "a"});
  EXPECT_STREQ(counts.error.message, "the model's chat template takes several "
                                     "turns only without a system text");
}

TEST(Chat, aSystemInTheFirstTurn) {
  // Llama 2's: both are trimmed as one text.
  OpenedText opened(files(
      "{% if messages[0].role == 'system' %}{% set s = messages[0].content %}"
      "{% set messages = messages[1:] %}{% else %}{% set s = '' %}{% endif %}"
      "{% for m in messages %}{% set c = '<e>' + s + '\\n' + m.content if "
      "loop.first and s else m.content %}<u>{{ c | trim }}{% endfor %}"));
  EXPECT_TRUE(opened.tables.warnings.empty());
  EXPECT_EQ(encode(opened, nullptr, " a "), (Ids{2, 4}));
  EXPECT_EQ(encode(opened, " c ", " a "), (Ids{2, 3, 7, 6, 7, 8, 7, 4}));
  EXPECT_EQ(encode(opened, "c", {" a ", " b ", " c "}),
            (Ids{2, 3, 6, 8, 7, 4, 2, 5, 2, 6}));
  EXPECT_EQ(encode(opened, "", " a "), (Ids{2, 4}));
  // The line end would go, too.
  encode(opened, "c", " ");
  EXPECT_STREQ(opened.error.message,
               "the model's chat template writes an empty text of the user in "
               "a way that is not supported");
}

TEST(Chat, emptyTexts) {
  // Phi 3's leaves an empty system out, this one an empty answer, too.
  OpenedText opened(
      files("{% for m in messages %}{% if m.content or m.role == "
            "'user' %}<u>{{ m.content }}{% endif %}{% endfor %}"));
  EXPECT_TRUE(opened.tables.warnings.empty());
  EXPECT_EQ(encode(opened, "", "a"), (Ids{2, 4}));
  EXPECT_EQ(encode(opened, " ", ""), (Ids{2, 7, 2}));
  EXPECT_EQ(encode(opened, "", {"a", "b", "c"}), (Ids{2, 4, 2, 5, 2, 6}));
  encode(opened, nullptr, {"a", "", "c"});
  EXPECT_STREQ(opened.error.message,
               "the model's chat template writes an empty answer in a way that "
               "is not supported");
}

TEST(Chat, blanksAreUnicodes) {
  OpenedText opened(
      files("{% for m in messages %}<u>{{ m.content.rstrip() }}{% endfor %}"));
  EXPECT_EQ(encode(opened, nullptr, "b\u00a0\u3000\u2028 \x1f"), (Ids{2, 5}));
  EXPECT_EQ(encode(opened, nullptr, " b\u200b"), (Ids{2, 7, 5, 0}));
  EXPECT_EQ(encode(opened, nullptr, "\u2003"), (Ids{2}));
}

TEST(Chat, linesOfFalcon) {
  OpenedText opened(
      files("{% for m in messages %}<u>{{ m.content.strip().replace('\\r\\n', "
            "'\\n').replace('\\n\\n', '\\n') if m.role == 'user' else "
            "m.content }}{% endfor %}"));
  EXPECT_TRUE(opened.tables.warnings.empty());
  EXPECT_EQ(encode(opened, nullptr, "\n\na\nb\r\n"), (Ids{2, 4, 8, 5}));
  EXPECT_EQ(encode(opened, "\n\n", {"a", "\n\n", "b"}),
            (Ids{2, 8, 8, 2, 4, 2, 8, 8, 2, 5}));
  EXPECT_EQ(encode(opened, nullptr, "a\n\nb"), (Ids{2, 4, 8, 5}));
  EXPECT_EQ(encode(opened, nullptr, "a\n\n\nb"), (Ids{2, 4, 8, 8, 5}));
  EXPECT_EQ(encode(opened, nullptr, "a\r\nb"), (Ids{2, 4, 8, 5}));
  EXPECT_EQ(encode(opened, nullptr, "a\r\n\r\nb\r"), (Ids{2, 4, 8, 5}));
  EXPECT_EQ(encode(opened, nullptr, "a\r\r\nb\rc"), (Ids{2, 4, 0, 8, 5, 0, 6}));
  // The texts of others are as they are given.
  EXPECT_EQ(encode(opened, "\n\n", {"a\n\nb", "a\r\n\n", "\n\n"}),
            (Ids{2, 8, 8, 2, 4, 8, 5, 2, 4, 0, 8, 8, 2}));
}

TEST(Chat, linesThatChangeInOneWay) {
  OpenedText returns(files("{% for m in messages %}<u>{{ m.content.replace("
                           "'\\r\\n', '\\n') }}{% endfor %}"));
  EXPECT_EQ(encode(returns, "\r\n", {"a\r\n\r\n", "b", "\n\n\r"}),
            (Ids{2, 8, 2, 4, 8, 8, 2, 5, 2, 8, 8, 0}));
  OpenedText blank(files("{% for m in messages %}<u>{{ m.content.replace("
                         "'\\n\\n', '\\n') }}{% endfor %}"));
  EXPECT_EQ(encode(blank, nullptr, "a\n\n\n\r\n\nb"),
            (Ids{2, 4, 8, 8, 0, 8, 5}));
}

TEST(Chat, linesThatChangeOtherwiseAreRefused) {
  OpenedText opened(files("{% for m in messages %}<u>{{ m.content.replace("
                          "'\\n\\n\\n', '\\n') }}{% endfor %}"));
  EXPECT_TRUE(opened.tables.warnings.empty());
  EXPECT_EQ(encode(opened, nullptr, "a\nb"), (Ids{2, 4, 8, 5}));
  for (const char *text : {"a\n\nb", "a\r\nb"}) {
    encode(opened, nullptr, text);
    EXPECT_STREQ(opened.error.message,
                 "the model's chat template changes blank lines and carriage "
                 "returns of the text of the user: give it without");
  }
}

TEST(Chat, whatDependsOnTheText) {
  auto warning = [](const char *content) {
    OpenedText opened(files("{% for m in messages %}{{ '<u>' if m.role == "
                            "'user' }}" +
                            std::string(content) + "{% endfor %}"));
    return opened.tables.warnings.size() == 1 ? opened.tables.warnings[0] : "";
  };
  const std::string depends =
      "chat_template.jinja: the chat template changes some messages, or writes "
      "them in a way that depends on what they say; chats (--chat) are not "
      "available";
  EXPECT_EQ(warning("{{ m.content }}"), "");
  EXPECT_NE(warning("{{ m.content.replace('\\n', ' ') }}"), "");
  EXPECT_EQ(warning("{{ '!' if m.content.startswith('/') }}{{ m.content }}"),
            depends);
  EXPECT_EQ(warning("{{ m.content.strip('\\n') }}"), depends);
  EXPECT_EQ(warning("{{ m.content | replace('&', '+') }}"), depends);
  // Only the system's, and only answers.
  OpenedText system(files("{% for m in messages %}<u>{{ m.content.replace("
                          "'/', '') if m.role == 'system' else m.content "
                          "}}{% endfor %}"));
  EXPECT_EQ(encode(system, nullptr, {"a", "b", "c"}), (Ids{2, 4, 2, 5, 2, 6}));
  encode(system, "a", "b");
  EXPECT_STREQ(system.error.message, "the model's chat template takes a system "
                                     "text in a way that is not supported");
  OpenedText answer(files("{% for m in messages %}<u>{{ m.content.replace("
                          "'/', '') if m.role == 'assistant' else "
                          "m.content }}{% endfor %}"));
  EXPECT_EQ(encode(answer, "a", "b"), (Ids{2, 4, 2, 5}));
  encode(answer, nullptr, {"a", "b", "c"});
  EXPECT_STREQ(answer.error.message,
               "the model's chat template takes several turns in a way that is "
               "not supported");
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
