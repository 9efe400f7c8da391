//===- Chat.cpp - A chat template as text around messages -----------------===//

#include "compiler/Text/chat/Chat.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// Blanks before and behind a text; no template has them.
static constexpr StringRef blanksBefore = "\t ", blanksBehind = "\n\t";
static constexpr uint32_t thoughtFlags =
    ASHLAR_CHAT_DROP_THOUGHT | ASHLAR_CHAT_DROP_LINES;
static constexpr StringRef thought = "<think>\nashlar\x02\n</think>";
static constexpr StringRef behindThought = "\n\n";

namespace {

/// What stands before, between and behind the messages.
using Parts = std::vector<std::string>;

/// Where the system's text stands.
enum class System { None, First, Last };

/// What is found out about a template from chats of one length.
struct Findings {
  uint32_t flags = 0;
  /// By ashlar_text_chat_role: how blanks at the ends fare.
  std::array<std::optional<uint32_t>, 4> trims;
};

class ChatReader {
public:
  explicit ChatReader(const ChatRenderer &renderer) : renderer(renderer) {}

  Expected<ChatTemplate> read();

private:
  Expected<Parts> cut(System system, unsigned turns, Findings &findings) const;
  Error findTrims(llvm::ArrayRef<std::string> parts,
                  llvm::ArrayRef<std::string> spaced,
                  llvm::ArrayRef<ashlar_text_chat_role> roles,
                  Findings &findings) const;
  Expected<uint32_t> findThoughts(llvm::ArrayRef<std::string> parts,
                                  const ChatMessages &messages,
                                  System system) const;
  Expected<std::array<std::string, 2>> findTurn(System system);
  Parts expected(System system, unsigned turns,
                 const std::array<std::string, 2> &turn) const;
  Error keep(const Findings &findings);
  void readSystem();
  bool namesSystem() const;

  const ChatRenderer &renderer;
  ChatTemplate chat;
  Findings known;
};

} // namespace

/// A chat of so many messages of the user, with answers between them. No
/// template holds their texts.
static ChatMessages messagesOf(System system, unsigned turns) {
  ChatMessages messages;
  if (system != System::None)
    messages.push_back({ChatRole::System, "ashlar\x01system"});
  for (unsigned i = 0; i + 1 < 2 * turns; ++i)
    messages.push_back({i % 2 ? ChatRole::Assistant : ChatRole::User,
                        "ashlar\x01" + std::string(1, char('a' + i))});
  return messages;
}

/// `messages` in the order in which the template writes them.
static ChatMessages inOrder(ChatMessages messages, System system) {
  if (system == System::Last)
    std::rotate(messages.begin(), messages.begin() + 1, messages.end() - 1);
  return messages;
}

static std::vector<ashlar_text_chat_role>
rolesOf(llvm::ArrayRef<ChatMessage> ordered) {
  std::vector<ashlar_text_chat_role> roles;
  for (const ChatMessage &message : ordered) {
    bool isBehind = !roles.empty() && roles.back() == ASHLAR_SAID_BY_SYSTEM;
    roles.push_back(message.role == ChatRole::System ? ASHLAR_SAID_BY_SYSTEM
                    : message.role == ChatRole::Assistant
                        ? ASHLAR_SAID_BY_ASSISTANT
                    : isBehind ? ASHLAR_SAID_BEHIND_SYSTEM
                               : ASHLAR_SAID_BY_USER);
  }
  return roles;
}

/// The parts of `text` around the messages, each of which must be there once.
static std::optional<Parts> cutAt(StringRef text,
                                  llvm::ArrayRef<ChatMessage> ordered) {
  Parts parts;
  for (const ChatMessage &message : ordered) {
    auto [before, behind] = text.split(message.text);
    if (before.size() == text.size() || behind.contains(message.text))
      return std::nullopt;
    parts.push_back(before.str());
    text = behind;
  }
  parts.push_back(text.str());
  return parts;
}

static constexpr const char *changes =
    "the chat template changes the messages, or writes them in another order "
    "or more than once";

/// Which blanks are left around a part: those behind the message before it,
/// those before the message behind it.
static std::optional<std::pair<bool, bool>>
blanksAround(StringRef part, StringRef spaced, bool isFirst, bool isLast) {
  for (bool behind : {false, true})
    for (bool before : {false, true})
      if (!(behind && isFirst) && !(before && isLast) &&
          spaced == ((behind ? blanksBehind : "") + part +
                     (before ? blanksBefore : ""))
                        .str())
        return std::pair(behind, before);
  return std::nullopt;
}

/// What becomes of blanks at the ends of texts: the same for all of a role.
Error ChatReader::findTrims(llvm::ArrayRef<std::string> parts,
                            llvm::ArrayRef<std::string> spaced,
                            llvm::ArrayRef<ashlar_text_chat_role> roles,
                            Findings &findings) const {
  std::vector<uint32_t> trims(roles.size());
  for (size_t i = 0; i <= roles.size(); ++i) {
    auto kept = blanksAround(parts[i], spaced[i], i == 0, i == roles.size());
    if (!kept)
      return renderer.refuse(changes);
    if (i > 0 && !kept->first)
      trims[i - 1] |= ASHLAR_CHAT_TRIM_RIGHT;
    if (i < roles.size() && !kept->second)
      trims[i] |= ASHLAR_CHAT_TRIM_LEFT;
  }
  for (auto [role, trim] : llvm::zip(roles, trims)) {
    std::optional<uint32_t> &found = findings.trims[role];
    if (found.value_or(trim) != trim)
      return renderer.refuse("the chat template trims only some messages");
    found = trim;
  }
  return Error::success();
}

/// Flags of answers that lose what a model thinks before it speaks.
Expected<uint32_t> ChatReader::findThoughts(llvm::ArrayRef<std::string> parts,
                                            const ChatMessages &messages,
                                            System system) const {
  auto withPrefix = [&](StringRef prefix) {
    ChatMessages result = messages;
    for (ChatMessage &message : result)
      if (message.role == ChatRole::Assistant)
        message.text = prefix.str() + message.text;
    return result;
  };
  std::string whole = (thought + behindThought).str();
  Expected<std::string> text = renderer.render(withPrefix(whole));
  if (!text)
    return text.takeError();
  Expected<std::string> lines = renderer.render(withPrefix(behindThought));
  if (!lines)
    return lines.takeError();
  auto holds = [&](StringRef rendered, StringRef prefix) {
    std::optional<Parts> found =
        cutAt(rendered, inOrder(withPrefix(prefix), system));
    return found && llvm::ArrayRef(*found) == parts;
  };
  const std::pair<StringRef, uint32_t> kept[] = {
      {whole, 0},
      {behindThought, ASHLAR_CHAT_DROP_THOUGHT},
      {"", thoughtFlags | (holds(*lines, "") ? ASHLAR_CHAT_ALL_LINES : 0u)}};
  for (auto [prefix, dropped] : kept)
    if (holds(*text, prefix))
      return dropped;
  return renderer.refuse("the chat template changes answers");
}

/// What stands around the messages; `findings` gets what happens to them.
Expected<Parts> ChatReader::cut(System system, unsigned turns,
                                Findings &findings) const {
  ChatMessages messages = messagesOf(system, turns), spaced = messages;
  for (ChatMessage &message : spaced)
    message.text = (blanksBefore + message.text + blanksBehind).str();
  Expected<std::string> text = renderer.render(messages);
  if (!text)
    return text.takeError();
  Expected<std::string> spacedText = renderer.render(spaced);
  if (!spacedText)
    return spacedText.takeError();
  ChatMessages ordered = inOrder(messages, system);
  std::optional<Parts> parts = cutAt(*text, ordered);
  std::optional<Parts> spacedParts = cutAt(*spacedText, ordered);
  if (!parts || !spacedParts)
    return renderer.refuse(changes);
  if (Error error = findTrims(*parts, *spacedParts, rolesOf(ordered), findings))
    return std::move(error);
  if (turns == 1)
    return std::move(*parts);
  Expected<uint32_t> dropped = findThoughts(*parts, messages, system);
  if (!dropped)
    return dropped.takeError();
  findings.flags = *dropped;
  return std::move(*parts);
}

/// Adds what chats of another kind have shown, unless that contradicts what is
/// known.
Error ChatReader::keep(const Findings &findings) {
  Findings all = known;
  for (auto [role, trim] : llvm::zip(all.trims, findings.trims)) {
    if (role && trim && role != trim)
      return renderer.refuse("the chat template trims only some messages");
    role = role ? role : trim;
  }
  all.flags |= findings.flags;
  known = all;
  return Error::success();
}

/// The parts of a chat of so many turns, by those of chats of one.
Parts ChatReader::expected(System system, unsigned turns,
                           const std::array<std::string, 2> &turn) const {
  bool leads = system == System::First;
  Parts parts = {leads ? chat.withSystem[0] : chat.plain[0]};
  if (leads)
    parts.push_back(chat.withSystem[1]);
  const std::array<std::string, 2> &usual =
      system == System::Last ? chat.turn : turn;
  for (unsigned i = 1; i < turns; ++i)
    parts.insert(parts.end(), usual.begin(), usual.end());
  if (system == System::Last) {
    parts.back() = turn[1];
    parts.push_back(chat.withSystem[1]);
  }
  parts.push_back(system == System::None ? chat.plain[1] : chat.withSystem[2]);
  return parts;
}

/// What stands between the messages of longer chats.
Expected<std::array<std::string, 2>> ChatReader::findTurn(System system) {
  std::array<std::string, 2> turn;
  uint32_t flags = 0;
  for (unsigned turns = 2; turns <= 4; ++turns) {
    Findings here;
    Expected<Parts> parts = cut(system, turns, here);
    if (!parts)
      return parts.takeError();
    if (turns == 2) {
      size_t first = system == System::First ? 2 : 1;
      turn = {(*parts)[first], (*parts)[first + 1]};
      flags = here.flags;
    }
    if (*parts != expected(system, turns, turn) || here.flags != flags)
      return renderer.refuse("the chat template writes longer chats in another "
                             "way");
    if (Error error = keep(here))
      return std::move(error);
  }
  return turn;
}

/// Whether the template writes a system's text at all.
bool ChatReader::namesSystem() const {
  ChatMessages messages = messagesOf(System::First, 1);
  Expected<std::string> text = renderer.render(messages);
  if (text)
    return StringRef(*text).contains(messages[0].text);
  llvm::consumeError(text.takeError());
  return false;
}

/// Many templates know no system; some say so.
void ChatReader::readSystem() {
  Findings findings;
  Expected<Parts> parts = cut(System::First, 1, findings);
  if (!parts) {
    llvm::consumeError(parts.takeError());
    chat.flags |= namesSystem() ? ASHLAR_CHAT_ODD_SYSTEM : 0;
    return;
  }
  std::copy(parts->begin(), parts->end(), chat.withSystem.begin());
  chat.flags |= ASHLAR_CHAT_SYSTEM;
  llvm::cantFail(keep(findings));
  if (!(chat.flags & ASHLAR_CHAT_TURNS))
    return;
  // Some give the system's text to the last message, wherever that is.
  for (System system : {System::First, System::Last}) {
    Findings before = known;
    auto turn = findTurn(system);
    if (turn && before.flags == known.flags) {
      chat.flags |= ASHLAR_CHAT_SYSTEM_TURNS;
      chat.flags |= system == System::Last ? ASHLAR_CHAT_SYSTEM_LAST : 0;
      chat.systemTurn = std::move(*turn);
      return;
    }
    if (!turn)
      llvm::consumeError(turn.takeError());
    known = before;
  }
}

Expected<ChatTemplate> ChatReader::read() {
  Findings findings;
  Expected<Parts> plain = cut(System::None, 1, findings);
  if (!plain)
    return plain.takeError();
  llvm::cantFail(keep(findings));
  std::copy(plain->begin(), plain->end(), chat.plain.begin());
  chat.flags |= ASHLAR_CHAT;
  // Some templates are for one turn alone.
  Findings before = known;
  if (auto turn = findTurn(System::None)) {
    chat.flags |= ASHLAR_CHAT_TURNS;
    chat.turn = std::move(*turn);
  } else {
    llvm::consumeError(turn.takeError());
    known = before;
  }
  readSystem();
  chat.flags |= known.flags;
  for (auto [role, trim] : llvm::enumerate(known.trims))
    chat.texts |= trim.value_or(0) << ASHLAR_CHAT_TEXT_BITS * role;
  if (Error error = probeChat(renderer, chat))
    return std::move(error);
  return chat;
}

ChatTemplate ashlar::readChatTemplate(const TokenizerFiles &files,
                                      std::vector<std::string> &warnings,
                                      std::optional<StringRef> date) {
  ChatRenderer renderer(files, date);
  Expected<bool> isThere = renderer.find();
  Error fault = isThere.takeError();
  if (!fault) {
    if (!*isThere)
      return {};
    Expected<ChatTemplate> chat = ChatReader(renderer).read();
    if (chat)
      return std::move(*chat);
    fault = chat.takeError();
  }
  llvm::handleAllErrors(std::move(fault), [&](const UserError &fault) {
    warnings.push_back(fault.where + ": " + fault.cause +
                       "; chats (--chat) are not available");
  });
  return {};
}
