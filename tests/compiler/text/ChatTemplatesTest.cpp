//===- ChatTemplatesTest.cpp - Published templates cut into parts ---------===//
//
// Chats that are put together of a template's parts are what jinja2 makes of
// them: tests/text_cases/chat.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Json.h"
#include "compiler/Text/chat/Chat.h"
#include "runtime/text/tables.h"
#include "tests/compiler/support/ErrorText.h"

#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace ashlar;
using llvm::StringRef;

namespace {

struct Case {
  const char *name;
  uint32_t kinds; // of chats that can be put together
};

constexpr uint32_t plain = ASHLAR_CHAT | ASHLAR_CHAT_TURNS;
constexpr uint32_t all = plain | ASHLAR_CHAT_SYSTEM | ASHLAR_CHAT_SYSTEM_TURNS;
// The system's text is in the last message.
constexpr uint32_t moves = all | ASHLAR_CHAT_SYSTEM_LAST;

class ChatTemplates : public ::testing::TestWithParam<Case> {};

/// The chat of `messages`, put together; nothing where the template has no
/// parts for it.
std::optional<std::string> assemble(const ChatTemplate &chat,
                                    const JsonValue &messages) {
  llvm::ArrayRef<JsonValue> list = messages.elements;
  bool withSystem = list[0].find("role")->text == "system";
  uint32_t needed = withSystem ? ASHLAR_CHAT_SYSTEM : ASHLAR_CHAT;
  if (list.size() > (withSystem ? 2u : 1u))
    needed |= withSystem ? ASHLAR_CHAT_SYSTEM_TURNS : ASHLAR_CHAT_TURNS;
  if ((chat.flags & needed) != needed)
    return std::nullopt;
  auto said = [&](const JsonValue &message, unsigned role) {
    StringRef text = message.find("content")->text;
    uint32_t bits = chat.texts >> ASHLAR_CHAT_TEXT_BITS * role;
    if (bits & ASHLAR_CHAT_TRIM_LEFT)
      for (text = text.ltrim(); text.consume_front("\u00a0");)
        text = text.ltrim();
    return (bits & ASHLAR_CHAT_TRIM_RIGHT ? text.rtrim() : text).str();
  };
  const JsonValue *system = withSystem ? &list[0] : nullptr;
  list = list.drop_front(withSystem);
  bool isLast = list.size() > 1 && (chat.flags & ASHLAR_CHAT_SYSTEM_LAST);
  bool leads = withSystem && !isLast;
  std::string text = leads ? chat.withSystem[0] : chat.plain[0];
  for (size_t i = 0; i < list.size(); ++i) {
    unsigned role = i % 2 ? ASHLAR_SAID_BY_ASSISTANT : ASHLAR_SAID_BY_USER;
    if (system && i == (isLast ? list.size() - 1 : 0)) {
      text += said(*system, ASHLAR_SAID_BY_SYSTEM) + chat.withSystem[1];
      role = ASHLAR_SAID_BEHIND_SYSTEM;
    }
    text += said(list[i], role);
    bool moves = system && isLast && i + 2 == list.size();
    if (i + 1 < list.size())
      text += (leads || moves ? chat.systemTurn : chat.turn)[i % 2];
  }
  return text + (withSystem ? chat.withSystem[2] : chat.plain[1]);
}

} // namespace

TEST_P(ChatTemplates, makeWhatJinja2Makes) {
  auto buffer = llvm::MemoryBuffer::getFile(std::string(ASHLAR_SOURCE_DIR) +
                                            "/tests/text_cases/chat/" +
                                            GetParam().name + ".json");
  ASSERT_TRUE(bool(buffer));
  JsonDocument file = valueOf(parseJson((*buffer)->getBuffer(), "case"));
  TokenizerFiles files;
  files.config = valueOf(parseJson(
      R"({"bos_token": "<s>", "eos_token": "</s>"})", "tokenizer_config.json"));
  files.chatTemplate = file.root.find("template")->text;
  std::optional<StringRef> date;
  if (const JsonValue *day = file.root.find("date"))
    date = day->text;
  std::vector<std::string> warnings;
  ChatTemplate chat = readChatTemplate(files, warnings, date);
  EXPECT_EQ(warnings, std::vector<std::string>());
  EXPECT_EQ(chat.flags & moves, GetParam().kinds);
  unsigned checked = 0;
  for (const JsonValue &entry : file.root.find("chats")->elements) {
    if (!entry.find("add_generation_prompt")->boolean || entry.find("tools"))
      continue;
    std::optional<std::string> text = assemble(chat, *entry.find("messages"));
    if (!text)
      continue;
    ASSERT_FALSE(entry.find("refusal"));
    EXPECT_EQ(*text, entry.find("text")->text);
    ++checked;
  }
  // Two chats of one message, one with a system's, two of three messages.
  EXPECT_EQ(checked, 2u + bool(GetParam().kinds & ASHLAR_CHAT_SYSTEM) +
                         bool(GetParam().kinds & ASHLAR_CHAT_TURNS) +
                         bool(GetParam().kinds & ASHLAR_CHAT_SYSTEM_TURNS));
}

// granite's is made to write longer chats in another way; llama2's trims the
// user's text behind a system's at one end only; two of mistral's move the
// system's text.
INSTANTIATE_TEST_SUITE_P(
    Published, ChatTemplates,
    ::testing::Values(
        Case{"chatml", all}, Case{"command_r", all}, Case{"deepseek_r1", all},
        Case{"gemma", plain}, Case{"granite", ASHLAR_CHAT | ASHLAR_CHAT_SYSTEM},
        Case{"hermes", all}, Case{"llama2", all}, Case{"llama3", all},
        Case{"llama31", all}, Case{"llama32", all}, Case{"mistral", plain},
        Case{"mistral3", moves}, Case{"mistral_nemo", moves}, Case{"phi3", all},
        Case{"phi35", all}, Case{"qwen2", all}, Case{"qwen25", all},
        Case{"qwen3", all}, Case{"zephyr", all}),
    [](const auto &info) { return std::string(info.param.name); });
