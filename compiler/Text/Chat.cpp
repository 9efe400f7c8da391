//===- Chat.cpp - A chat template as text around messages -----------------===//

#include "compiler/Text/Chat.h"
#include "compiler/Text/Jinja.h"
#include "compiler/Text/TokenizerConfig.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static constexpr StringRef blanks = " \n";
static constexpr uint32_t answerFlags =
    ASHLAR_CHAT_TRIM_ANSWER | ASHLAR_CHAT_DROP_THOUGHT | ASHLAR_CHAT_DROP_LINES;
static constexpr StringRef thought = "<think>\nashlar\x02\n</think>";
static constexpr StringRef behindThought = "\n\n";

namespace {

enum class Role { System, User, Assistant };

struct Message {
  Role role;
  std::string mark; // in the place of its text; no template holds it
};

/// What stands before, between and behind the messages.
using Parts = std::vector<std::string>;

/// The flag of what loses blanks at its ends.
struct TrimFlag {
  Role role;
  uint32_t flag;
};

class ChatReader {
public:
  ChatReader(const TokenizerFiles &files, std::optional<StringRef> date)
      : files(files), config(files.config ? &*files.config : nullptr),
        date(date) {}

  /// Nothing when there is no template.
  Expected<std::optional<ChatTemplate>> read();

private:
  Error findTemplate();
  Expected<std::string> render(llvm::ArrayRef<Message> messages) const;
  Expected<Parts> cut(bool withSystem, unsigned turns, uint32_t &flags) const;
  Expected<Parts> dropThoughts(Parts parts, llvm::ArrayRef<Message> messages,
                               uint32_t &flags) const;
  Expected<std::array<std::string, 2>>
  findTurn(bool withSystem, llvm::ArrayRef<std::string> single,
           uint32_t &flags) const;
  Error refuse(const llvm::Twine &cause) const {
    return userError(where, cause);
  }

  const TokenizerFiles &files;
  TokenizerConfig config;
  std::optional<StringRef> date;
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

/// A chat of so many messages of the user, with answers between them.
static std::vector<Message> messagesOf(bool withSystem, unsigned turns) {
  std::vector<Message> messages;
  if (withSystem)
    messages.push_back({Role::System, "ashlar\x01system"});
  for (unsigned i = 0; i + 1 < 2 * turns; ++i)
    messages.push_back({i % 2 ? Role::Assistant : Role::User,
                        "ashlar\x01" + std::string(1, char('a' + i))});
  return messages;
}

/// The same with other text in the messages that `changes`.
template <typename Changes, typename Change>
static std::vector<Message> changed(llvm::ArrayRef<Message> messages,
                                    Changes changes, Change change) {
  std::vector<Message> result = messages;
  for (Message &message : result)
    if (changes(message.role))
      message.mark = change(message.mark);
  return result;
}

Expected<std::string>
ChatReader::render(llvm::ArrayRef<Message> messages) const {
  static constexpr const char *roles[] = {"system", "user", "assistant"};
  JinjaValue::List list;
  for (const Message &message : messages)
    list.push_back(JinjaValue::of(JinjaValue::Map{
        {"role", JinjaValue::of(std::string(roles[size_t(message.role)]))},
        {"content", JinjaValue::of(message.mark)}}));
  JinjaValue::Map variables = {{"messages", JinjaValue::of(std::move(list))},
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
  if (std::optional<JinjaValue> today =
          date ? JinjaValue::today(*date) : std::nullopt)
    variables.emplace_back("strftime_now", std::move(*today));
  return renderJinja(*source, where, JinjaValue::of(std::move(variables)));
}

/// The parts of `text` around the messages, each of which must be there once.
static std::optional<Parts> cutAt(StringRef text,
                                  llvm::ArrayRef<Message> messages) {
  Parts parts;
  for (const Message &message : messages) {
    auto [before, behind] = text.split(message.mark);
    if (before.size() == text.size() || behind.contains(message.mark))
      return std::nullopt;
    parts.push_back(before.str());
    text = behind;
  }
  parts.push_back(text.str());
  return parts;
}

/// What stands around the messages; `flags` gets what happens to them.
Expected<Parts> ChatReader::cut(bool withSystem, unsigned turns,
                                uint32_t &flags) const {
  static constexpr TrimFlag trims[] = {
      {Role::User, ASHLAR_CHAT_TRIM},
      {Role::System, ASHLAR_CHAT_TRIM_SYSTEM},
      {Role::Assistant, ASHLAR_CHAT_TRIM_ANSWER}};
  std::vector<Message> messages = messagesOf(withSystem, turns);
  auto spacedBut = [&](unsigned trimmed) {
    return changed(
        messages,
        [&](Role role) {
          for (auto [i, trim] : llvm::enumerate(trims))
            if (trim.role == role)
              return !(trimmed >> i & 1);
          return true;
        },
        [](StringRef mark) { return (blanks + mark + blanks).str(); });
  };
  Expected<std::string> plain = render(messages);
  if (!plain)
    return plain.takeError();
  Expected<std::string> spaced = render(spacedBut(0));
  if (!spaced)
    return spaced.takeError();
  std::optional<Parts> parts = cutAt(*plain, messages);
  // What is trimmed is as if there had been no blanks.
  for (unsigned trimmed = 0; parts && trimmed < 8; ++trimmed) {
    if (cutAt(*spaced, spacedBut(trimmed)) != parts)
      continue;
    for (auto [i, trim] : llvm::enumerate(trims))
      flags |= trimmed >> i & 1 ? trim.flag : 0;
    return turns > 1 ? dropThoughts(std::move(*parts), messages, flags)
                     : std::move(*parts);
  }
  return refuse("the chat template changes the messages, or writes them in "
                "another order or more than once");
}

/// Finds out whether answers lose what a model thinks before it speaks.
Expected<Parts> ChatReader::dropThoughts(Parts parts,
                                         llvm::ArrayRef<Message> messages,
                                         uint32_t &flags) const {
  auto withPrefix = [&](StringRef prefix) {
    return changed(
        messages, [](Role role) { return role == Role::Assistant; },
        [&](StringRef mark) { return (prefix + mark).str(); });
  };
  std::string whole = (thought + behindThought).str();
  Expected<std::string> text = render(withPrefix(whole));
  if (!text)
    return text.takeError();
  const std::pair<StringRef, uint32_t> kept[] = {
      {whole, 0},
      {behindThought, ASHLAR_CHAT_DROP_THOUGHT},
      {"", ASHLAR_CHAT_DROP_THOUGHT | ASHLAR_CHAT_DROP_LINES}};
  for (auto [prefix, dropped] : kept)
    if (cutAt(*text, withPrefix(prefix)) == parts) {
      flags |= dropped;
      return parts;
    }
  return refuse("the chat template changes answers");
}

/// What stands between the messages of longer chats, given the parts and flags
/// of a chat of one turn. `flags` gets what happens to answers.
Expected<std::array<std::string, 2>>
ChatReader::findTurn(bool withSystem, llvm::ArrayRef<std::string> single,
                     uint32_t &flags) const {
  std::array<std::string, 2> turn;
  for (unsigned turns = 2; turns <= 4; ++turns) {
    uint32_t found = 0;
    Expected<Parts> parts = cut(withSystem, turns, found);
    if (!parts)
      return parts.takeError();
    if (turns == 2) {
      std::copy_n(parts->end() - 3, 2, turn.begin());
      flags |= found & answerFlags;
    }
    Parts expected(single.begin(), single.end() - 1);
    for (unsigned i = 1; i < turns; ++i)
      expected.insert(expected.end(), turn.begin(), turn.end());
    expected.push_back(single.back());
    if (*parts != expected || flags != found)
      return refuse("the chat template writes longer chats in another way");
  }
  return turn;
}

Expected<std::optional<ChatTemplate>> ChatReader::read() {
  if (Error error = findTemplate())
    return std::move(error);
  if (!source)
    return std::nullopt;
  ChatTemplate chat;
  Expected<Parts> plain = cut(false, 1, chat.flags);
  if (!plain)
    return plain.takeError();
  std::copy(plain->begin(), plain->end(), chat.plain.begin());
  // Some templates are for one turn alone.
  uint32_t flags = chat.flags;
  chat.flags |= ASHLAR_CHAT;
  if (auto turn = findTurn(false, *plain, flags)) {
    chat.flags |= flags | ASHLAR_CHAT_TURNS;
    chat.turn = std::move(*turn);
  } else {
    llvm::consumeError(turn.takeError());
  }
  // Many templates know no system; some say so.
  flags = 0;
  Expected<Parts> parts = cut(true, 1, flags);
  if (!parts) {
    llvm::consumeError(parts.takeError());
    return chat;
  }
  if ((flags & ASHLAR_CHAT_TRIM) != (chat.flags & ASHLAR_CHAT_TRIM))
    return chat;
  chat.flags |= flags | ASHLAR_CHAT_SYSTEM;
  std::copy(parts->begin(), parts->end(), chat.withSystem.begin());
  if (!(chat.flags & ASHLAR_CHAT_TURNS))
    return chat;
  // Some give the system's text to the last message, wherever that is.
  auto turn = findTurn(true, *parts, flags);
  if (!turn) {
    llvm::consumeError(turn.takeError());
  } else if ((flags & answerFlags) == (chat.flags & answerFlags)) {
    chat.flags |= ASHLAR_CHAT_SYSTEM_TURNS;
    chat.systemTurn = std::move(*turn);
  }
  return chat;
}

ChatTemplate ashlar::readChatTemplate(const TokenizerFiles &files,
                                      std::vector<std::string> &warnings,
                                      std::optional<StringRef> date) {
  Expected<std::optional<ChatTemplate>> chat = ChatReader(files, date).read();
  if (chat)
    return chat->value_or(ChatTemplate());
  llvm::handleAllErrors(chat.takeError(), [&](const UserError &fault) {
    warnings.push_back(fault.where + ": " + fault.cause +
                       "; chats (--chat) are not available");
  });
  return ChatTemplate();
}
