//===- ChatProbes.cpp - Where a template looks at what is said ------------===//

#include "compiler/Text/chat/Chat.h"
#include "runtime/text/chat.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::StringRef;

/// Texts that templates are known to treat in a way of their own.
static constexpr StringRef probes[] = {
    " ",
    "/go now",
    "one\ntwo",
    "\n\nline\n\n",
    "\u00a0ends\u3000",
    "so</think>then",
    "\"A\" & 'B' <b>{{ c }}</b> \\n",
};

/// Texts that are refused where a template changes them in ways of its own.
static constexpr StringRef emptyProbes[] = {"", " \n"};
static constexpr StringRef lineProbes[] = {
    "one\n\ntwo\n\n\nthree", "one\r\n\r\ntwo\rthree",
    "one\n\n\n\n\ntwo\r\r\nthree\n\r\nfour\r\n\r\n\r\nfive"};
/// What templates make of line ends.
static constexpr uint32_t lineTreatments[] = {
    ASHLAR_CHAT_DROP_RETURNS, ASHLAR_CHAT_JOIN_LINES,
    ASHLAR_CHAT_DROP_RETURNS | ASHLAR_CHAT_JOIN_LINES};

void ashlar::addChat(const ChatTemplate &chat, Blob &blob,
                     ashlar_text_header &header) {
  header.chat_flags = chat.flags;
  header.chat_texts = chat.texts;
  for (auto [to, part] : llvm::zip(header.chat, chat.plain))
    to = blob.addString(part);
  for (auto [to, part] : llvm::zip(header.system_chat, chat.withSystem))
    to = blob.addString(part);
  for (auto [to, part] : llvm::zip(header.turn, chat.turn))
    to = blob.addString(part);
  for (auto [to, part] : llvm::zip(header.system_turn, chat.systemTurn))
    to = blob.addString(part);
}

/// What an executable makes of `messages`, by its own code; nothing where it
/// refuses them.
static std::optional<std::string> write(const ChatTemplate &chat,
                                        llvm::ArrayRef<ChatMessage> messages) {
  Blob blob;
  ashlar_text_header header = {};
  header.has_tokenizer = 1;
  addChat(chat, blob, header);
  std::string bytes = std::move(blob).finish(header);
  ashlar_text text = {};
  text.blob = reinterpret_cast<const unsigned char *>(bytes.data());
  text.header = reinterpret_cast<const ashlar_text_header *>(bytes.data());
  std::vector<ashlar_turn> turns;
  for (const ChatMessage &message : messages)
    turns.push_back({message.text.data(), message.text.size()});
  bool hasSystem = messages.front().role == ChatRole::System;
  ashlar_text_chat written = {hasSystem ? turns.data() : nullptr,
                              turns.data() + hasSystem,
                              turns.size() - hasSystem};
  std::string result;
  ashlar_error error;
  if (ashlar_text_chat_text(
          &text, &written,
          [](void *user, const char *part, size_t count) {
            static_cast<std::string *>(user)->append(part, count);
          },
          &result, &error))
    return std::nullopt;
  return result;
}

/// A chat of so many messages of the user, with answers between them.
static ChatMessages chatOf(bool withSystem, unsigned turns) {
  ChatMessages messages;
  if (withSystem)
    messages.push_back({ChatRole::System, "Be brief."});
  for (unsigned i = 0; i + 1 < 2 * turns; ++i)
    messages.push_back({i % 2 ? ChatRole::Assistant : ChatRole::User,
                        "text " + std::to_string(i)});
  return messages;
}

/// `messages` with another text at `place`.
static ChatMessages with(ChatMessages messages, size_t place, StringRef text) {
  messages[place].text = text.str();
  return messages;
}

namespace {

class ChatProber {
public:
  ChatProber(const ChatRenderer &renderer, ChatTemplate &chat)
      : renderer(renderer), chat(chat) {}

  Error probe();

private:
  bool holds(llvm::ArrayRef<ChatMessage> messages) const;
  bool holdsProbes(const ChatMessages &messages) const;
  bool holdsLong(bool withSystem) const;
  bool holdsAll(const ChatMessages &messages, size_t place,
                llvm::ArrayRef<StringRef> texts) const;
  void probeText(const ChatMessages &messages, size_t place,
                 ashlar_text_chat_role role);
  void probeLines(const ChatMessages &messages, size_t place,
                  ashlar_text_chat_role role);
  void probeEmptySystem();
  void probeTexts();
  bool has(uint32_t flags) const { return (chat.flags & flags) == flags; }

  const ChatRenderer &renderer;
  ChatTemplate &chat;
  uint32_t treated = 0; // roles whose lines have been looked at
};

} // namespace

/// Whether `messages` are refused, or written as the template writes them.
bool ChatProber::holds(llvm::ArrayRef<ChatMessage> messages) const {
  std::optional<std::string> written = write(chat, messages);
  if (!written)
    return true;
  llvm::Expected<std::string> text = renderer.render(messages);
  if (text)
    return *text == *written;
  llvm::consumeError(text.takeError());
  return false;
}

/// The same for each probe in the place of each message.
bool ChatProber::holdsProbes(const ChatMessages &messages) const {
  for (size_t place = 0; place < messages.size(); ++place)
    for (StringRef text : probes)
      if (!holds(with(messages, place, text)))
        return false;
  return true;
}

/// Some templates write the last messages alone.
bool ChatProber::holdsLong(bool withSystem) const {
  return holds(chatOf(withSystem, 12));
}

bool ChatProber::holdsAll(const ChatMessages &messages, size_t place,
                          llvm::ArrayRef<StringRef> texts) const {
  return llvm::all_of(texts, [&](StringRef text) {
    return holds(with(messages, place, text));
  });
}

/// What is only blanks counts as empty where it is trimmed.
void ChatProber::probeText(const ChatMessages &messages, size_t place,
                           ashlar_text_chat_role role) {
  if (!holdsAll(messages, place, emptyProbes))
    chat.texts |= ASHLAR_CHAT_REFUSE_EMPTY << ASHLAR_CHAT_TEXT_BITS * role;
  probeLines(messages, place, role);
}

/// One treatment for all texts of a role; where none will do, lines that need
/// one are refused.
void ChatProber::probeLines(const ChatMessages &messages, size_t place,
                            ashlar_text_chat_role role) {
  const uint32_t shift = ASHLAR_CHAT_TEXT_BITS * role, texts = chat.texts;
  bool isFirst = !(treated >> role & 1);
  treated |= 1 << role;
  if (holdsAll(messages, place, lineProbes))
    return;
  for (uint32_t treatment : lineTreatments) {
    chat.texts = texts | treatment << shift;
    if (isFirst && holdsAll(messages, place, lineProbes))
      return;
  }
  chat.texts = texts | ASHLAR_CHAT_REFUSE_LINES << shift;
}

/// Often an empty system's text is the same as none.
void ChatProber::probeEmptySystem() {
  auto holdsEmpty = [&](const ChatMessages &messages) {
    return holdsAll(messages, 0, emptyProbes);
  };
  ChatMessages one = chatOf(true, 1), two = chatOf(true, 2);
  if (holdsEmpty(one) && holdsEmpty(two))
    return;
  chat.flags |= ASHLAR_CHAT_NO_EMPTY_SYSTEM;
  if (holdsEmpty(one) && holdsEmpty(two))
    return;
  chat.flags &= ~ASHLAR_CHAT_NO_EMPTY_SYSTEM;
}

void ChatProber::probeTexts() {
  probeText(chatOf(false, 1), 0, ASHLAR_SAID_BY_USER);
  if (has(ASHLAR_CHAT_TURNS)) {
    probeText(chatOf(false, 2), 1, ASHLAR_SAID_BY_ASSISTANT);
    probeText(chatOf(false, 2), 2, ASHLAR_SAID_BY_USER);
  }
  if (!has(ASHLAR_CHAT_SYSTEM))
    return;
  probeEmptySystem();
  probeText(chatOf(true, 1), 0, ASHLAR_SAID_BY_SYSTEM);
  probeText(chatOf(true, 1), 1, ASHLAR_SAID_BEHIND_SYSTEM);
  if (has(ASHLAR_CHAT_SYSTEM_TURNS))
    probeText(chatOf(true, 2), has(ASHLAR_CHAT_SYSTEM_LAST) ? 3 : 1,
              ASHLAR_SAID_BEHIND_SYSTEM);
}

Error ChatProber::probe() {
  probeTexts();
  if (!holdsProbes(chatOf(false, 1)))
    return renderer.refuse("the chat template changes some messages, or writes "
                           "them in a way that depends on what they say");
  if (!holdsProbes(chatOf(false, 2)) || !holdsLong(false))
    chat.flags &= ~(ASHLAR_CHAT_TURNS | ASHLAR_CHAT_SYSTEM_TURNS);
  if (!holdsProbes(chatOf(true, 1))) {
    chat.flags &= ~(ASHLAR_CHAT_SYSTEM | ASHLAR_CHAT_SYSTEM_TURNS);
    chat.flags |= ASHLAR_CHAT_ODD_SYSTEM;
  }
  if (!holdsProbes(chatOf(true, 2)) || !holdsLong(true))
    chat.flags &= ~ASHLAR_CHAT_SYSTEM_TURNS;
  return Error::success();
}

Error ashlar::probeChat(const ChatRenderer &renderer, ChatTemplate &chat) {
  return ChatProber(renderer, chat).probe();
}
