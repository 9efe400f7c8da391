//===- MessagesTest.cpp - Chats of a file ---------------------------------===//

#include "runtime/text/messages.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

/// The chats of a file, each a list of texts; that of a system in brackets. Or
/// else what is wrong with it.
std::vector<std::vector<std::string>> read(llvm::StringRef text,
                                           std::string *fault = nullptr) {
  llvm::SmallString<128> path;
  int file;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("chat", "json", file, path));
  llvm::raw_fd_ostream(file, /*shouldClose=*/true) << text;
  std::vector<std::vector<std::string>> chats;
  ashlar_messages messages;
  ashlar_error error = {};
  ashlar_text_chat chat;
  int found = 0;
  bool failed = ashlar_messages_read(&messages, path.c_str(), &error);
  while (!failed) {
    failed = ashlar_messages_next(&messages, &chat, &found, &error);
    if (failed || !found)
      break;
    std::vector<std::string> &said = chats.emplace_back();
    if (chat.system)
      said.push_back("[" + std::string(chat.system->text, chat.system->bytes) +
                     "]");
    for (size_t i = 0; i < chat.turn_count; ++i)
      said.emplace_back(chat.turns[i].text, chat.turns[i].bytes);
  }
  ashlar_messages_free(&messages);
  llvm::sys::fs::remove(path);
  EXPECT_EQ(failed, fault != nullptr) << error.message;
  if (fault)
    *fault = llvm::StringRef(error.message).split(".json:").second.str();
  return chats;
}

std::string faultOf(llvm::StringRef text) {
  std::string fault;
  read(text, &fault);
  return fault;
}

using Chats = std::vector<std::vector<std::string>>;

} // namespace

TEST(Messages, chats) {
  EXPECT_EQ(read(""), Chats{});
  EXPECT_EQ(read(" \n"), Chats{});
  EXPECT_EQ(read(R"([{"role":"user","content":"a"}])"), Chats{{"a"}});
  EXPECT_EQ(read(R"(
[ { "content" : "s", "role" : "system" },
  {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
  {"role": "user", "content": ""}]
[{"role":"user","content":"c"}])"),
            (Chats{{"[s]", "a", "b", ""}, {"c"}}));
  std::string longest(10000, 'x');
  EXPECT_EQ(read("[{\"role\":\"user\",\"content\":\"" + longest + "\"}]"),
            Chats{{longest}});
}

TEST(Messages, escapes) {
  EXPECT_EQ(read(R"([{"role":"\u0075ser","content":"\"\\\/\b\f\n\r\t"}])"),
            Chats{{"\"\\/\b\f\n\r\t"}});
  EXPECT_EQ(read(R"([{"role":"user","content":"\u00e9\u20AC\ud83d\uDE00é"}])"),
            Chats{{"é€😀é"}});
  std::string zero = read(R"([{"role":"user","content":"a\u0000b"}])")[0][0];
  EXPECT_EQ(zero, std::string("a\0b", 3));
}

TEST(Messages, faults) {
  auto content = [](const std::string &text) {
    return faultOf("[\n{\"role\":\"user\",\"content\":" + text);
  };
  const char *noCharacter = "2: an escape that is no character";
  for (const char *escape :
       {R"("\x")", R"("\u12")", R"("\u12g4")", R"("\ud800")",
        R"("\ud800\u0041")", R"("\udc00")", R"("\ud800x")", "\"\\"})
    EXPECT_EQ(content(escape), noCharacter) << escape;
  EXPECT_EQ(content("\"a"), "2: a string without end");
  EXPECT_EQ(content("\"a\nb\""),
            "2: a control character in a string; expected an escape");
  EXPECT_EQ(content("3"), "2: expected a string");
  EXPECT_EQ(content(R"([{"type": "text", "text": "a"}])"),
            "2: expected a string; parts of a message are not supported: join "
            "their texts");
  EXPECT_EQ(content("\"a\"]"), "2: expected \",\" or \"}\"");
  EXPECT_EQ(content("\"a\"}"), "2: expected \",\" or \"]\"");
  EXPECT_EQ(content("\"a\", \"role\": \"user\"}]"),
            "2: the key \"role\"; expected \"role\" and \"content\", once "
            "each");
  EXPECT_EQ(content("\"a\", \"name\": \"b\"}]"),
            "2: the key \"name\"; expected \"role\" and \"content\", once "
            "each");
  EXPECT_EQ(faultOf("{}"), "1: expected a list of messages");
  EXPECT_EQ(faultOf("[]"), "1: expected a message, {\"role\": ..., "
                           "\"content\": ...}");
  EXPECT_EQ(faultOf("[{\"role\" \"user\"}]"), "1: expected \":\"");
  EXPECT_EQ(faultOf("[{\"role\": \"user\"}]"),
            "1: a message without \"role\" or \"content\"");
}

TEST(Messages, roles) {
  auto fault = [](std::initializer_list<const char *> roles) {
    std::string text;
    for (const char *role : roles)
      text += (text.empty() ? "[" : ",\n") +
              ("{\"role\": \"" + std::string(role) + "\", \"content\": \"\"}");
    return faultOf(text + "]");
  };
  EXPECT_EQ(fault({"assistant"}), "1: message 1 has the role \"assistant\"; "
                                  "expected \"user\" or \"system\"");
  EXPECT_EQ(fault({"user", "user"}),
            "2: message 2 has the role \"user\"; expected \"assistant\"");
  EXPECT_EQ(fault({"system", "system"}),
            "2: message 2 has the role \"system\"; expected \"user\"");
  EXPECT_EQ(fault({"user", "system"}),
            "2: message 2 has the role \"system\"; expected \"assistant\"");
  EXPECT_EQ(fault({"user", "assistant"}),
            "2: the last message is not the user's");
  EXPECT_EQ(fault({"system"}), "1: the last message is not the user's");
}
