//===- ChatRenderer.cpp - Chats as a model's template writes them ---------===//

#include "compiler/Text/chat/ChatRenderer.h"
#include "compiler/Text/chat/Jinja.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

Error ChatRenderer::refuse(const llvm::Twine &cause) const {
  return userError(where, cause);
}

/// A string, or a list of named ones, of which "default" is for chats.
Expected<bool> ChatRenderer::find() {
  if (files.chatTemplate) {
    source = files.chatTemplate;
    where = "chat_template.jinja";
    return true;
  }
  const JsonValue *value =
      files.config ? files.config->root.find("chat_template") : nullptr;
  if (!value || value->isNull())
    return false;
  where = files.config->where(*value);
  if (value->isString()) {
    source = value->text;
    return true;
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
  return true;
}

Expected<std::string>
ChatRenderer::render(llvm::ArrayRef<ChatMessage> messages) const {
  static constexpr const char *roles[] = {"system", "user", "assistant"};
  JinjaValue::List list;
  for (const ChatMessage &message : messages)
    list.push_back(JinjaValue::of(JinjaValue::Map{
        {"role", JinjaValue::of(std::string(roles[size_t(message.role)]))},
        {"content", JinjaValue::of(message.text)}}));
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
