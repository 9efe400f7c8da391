//===- Chat.cpp - A chat template as text around a message ----------------===//

#include "compiler/Text/Chat.h"
#include "compiler/Text/Jinja.h"
#include "compiler/Text/TokenizerConfig.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

// Marks that no template holds; the blanks show whether they are trimmed.
static constexpr StringRef userMark = "ashlar\x01user";
static constexpr StringRef systemMark = "ashlar\x01system";
static constexpr StringRef blanks = " \n";

namespace {

class ChatReader {
public:
  ChatReader(const TokenizerFiles &files)
      : files(files), config(files.config ? &*files.config : nullptr) {}

  /// Nothing when there is no template.
  Expected<std::optional<ChatTemplate>> read();

private:
  Error findTemplate();
  Expected<std::string> render(bool withSystem, bool withBlanks) const;
  Expected<std::vector<std::string>> cut(bool withSystem, uint32_t &flags);
  Error refuse(const llvm::Twine &cause) const {
    return userError(where, cause);
  }

  const TokenizerFiles &files;
  TokenizerConfig config;
  std::optional<std::string> source;
  std::string where;
};

} // namespace

/// A string, or a list of named ones, of which "default" is for chats.
Error ChatReader::findTemplate() {
  if (files.chatTemplate) {
    source = files.chatTemplate;
    where = "chat_template.jinja";
    return Error::success();
  }
  const JsonValue *value =
      files.config ? files.config->root.find("chat_template") : nullptr;
  if (!value || value->isNull())
    return Error::success();
  where = files.config->where(*value);
  if (value->isString()) {
    source = value->text;
    return Error::success();
  }
  for (const JsonValue &entry : value->elements) {
    const JsonValue *name = entry.find("name");
    const JsonValue *text = entry.find("template");
    if (name && name->text == "default" && text && text->isString())
      source = text->text;
  }
  if (!source)
    return refuse("\"chat_template\" is " + describe(*value) +
                  "; expected a string, or a list with a template named "
                  "\"default\"");
  return Error::success();
}

static JinjaValue message(StringRef role, StringRef mark, bool withBlanks) {
  std::string text = mark.str();
  if (withBlanks)
    text = (blanks + mark + blanks).str();
  return JinjaValue::of(
      JinjaValue::Map{{"role", JinjaValue::of(role.str())},
                      {"content", JinjaValue::of(std::move(text))}});
}

Expected<std::string> ChatReader::render(bool withSystem,
                                         bool withBlanks) const {
  JinjaValue::List messages;
  if (withSystem)
    messages.push_back(message("system", systemMark, withBlanks));
  messages.push_back(message("user", userMark, withBlanks));
  JinjaValue::Map variables = {
      {"messages", JinjaValue::of(std::move(messages))},
      {"add_generation_prompt", JinjaValue::of(true)},
      {"tools", JinjaValue::none()},
      {"documents", JinjaValue::none()}};
  for (const char *key : {"bos_token", "eos_token", "unk_token", "sep_token",
                          "pad_token", "cls_token", "mask_token"}) {
    Expected<std::optional<std::string>> token = config.text(key);
    if (!token)
      return token.takeError();
    if (*token)
      variables.emplace_back(key, JinjaValue::of(std::move(**token)));
  }
  return renderJinja(*source, where, JinjaValue::of(std::move(variables)));
}

/// The parts of `text` around `marks`, each of which must be there once.
static std::optional<std::vector<std::string>>
cutAt(StringRef text, llvm::ArrayRef<std::string> marks) {
  std::vector<std::string> parts;
  for (const std::string &mark : marks) {
    auto [before, behind] = text.split(mark);
    if (before.size() == text.size() || behind.contains(mark))
      return std::nullopt;
    parts.push_back(before.str());
    text = behind;
  }
  parts.push_back(text.str());
  return parts;
}

/// What stands around the messages; `flags` gets what happens to them.
Expected<std::vector<std::string>> ChatReader::cut(bool withSystem,
                                                   uint32_t &flags) {
  Expected<std::string> plain = render(withSystem, false);
  if (!plain)
    return plain.takeError();
  Expected<std::string> spaced = render(withSystem, true);
  if (!spaced)
    return spaced.takeError();
  auto marks = [&](bool systemSpaced, bool userSpaced) {
    std::vector<std::string> list;
    for (auto [mark, isSpaced] :
         {std::pair(systemMark, systemSpaced), {userMark, userSpaced}})
      if (withSystem || mark == userMark)
        list.push_back(isSpaced ? (blanks + mark + blanks).str() : mark.str());
    return list;
  };
  auto parts = cutAt(*plain, marks(false, false));
  // What is trimmed is as if there had been no blanks.
  for (unsigned trimmed = 0; parts && trimmed < 4; ++trimmed) {
    bool user = trimmed & 1, system = trimmed & 2;
    if (cutAt(*spaced, marks(!system, !user)) != parts)
      continue;
    flags |= (user ? ASHLAR_CHAT_TRIM : 0) |
             (system && withSystem ? ASHLAR_CHAT_TRIM_SYSTEM : 0);
    return std::move(*parts);
  }
  return refuse("the chat template changes the messages, or writes them in "
                "another order or more than once");
}

Expected<std::optional<ChatTemplate>> ChatReader::read() {
  if (Error error = findTemplate())
    return std::move(error);
  if (!source)
    return std::nullopt;
  ChatTemplate chat;
  Expected<std::vector<std::string>> plain = cut(false, chat.flags);
  if (!plain)
    return plain.takeError();
  chat.flags |= ASHLAR_CHAT;
  std::copy(plain->begin(), plain->end(), chat.plain.begin());
  // Many templates know no system; some say so.
  uint32_t flags = 0;
  Expected<std::vector<std::string>> parts = cut(true, flags);
  if (!parts) {
    llvm::consumeError(parts.takeError());
    return chat;
  }
  if ((flags & ASHLAR_CHAT_TRIM) != (chat.flags & ASHLAR_CHAT_TRIM))
    return chat;
  chat.flags |= flags | ASHLAR_CHAT_SYSTEM;
  std::copy(parts->begin(), parts->end(), chat.withSystem.begin());
  return chat;
}

ChatTemplate ashlar::readChatTemplate(const TokenizerFiles &files,
                                      std::vector<std::string> &warnings) {
  Expected<std::optional<ChatTemplate>> chat = ChatReader(files).read();
  if (chat)
    return chat->value_or(ChatTemplate());
  llvm::handleAllErrors(chat.takeError(), [&](const UserError &fault) {
    warnings.push_back(fault.where + ": " + fault.cause +
                       "; chats (--chat) are not available");
  });
  return ChatTemplate();
}
