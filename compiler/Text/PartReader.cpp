//===- PartReader.cpp - Typed access to parts of tokenizer.json -----------===//

#include "compiler/Text/PartReader.h"

using namespace ashlar;

char UnsupportedText::ID;

llvm::Error ashlar::unsupportedText(const llvm::Twine &where,
                                    const llvm::Twine &cause,
                                    const llvm::Twine &remedy) {
  return llvm::make_error<UnsupportedText>(where.str(), cause.str(),
                                           remedy.str());
}

llvm::Expected<const JsonValue *>
PartReader::member(const JsonValue &value, llvm::StringRef key,
                   llvm::StringRef owner) const {
  if (!value.isObject())
    return error(value, owner + " must be an object");
  if (const JsonValue *found = value.find(key))
    return found;
  return error(value, owner + " lacks \"" + key + "\"");
}

llvm::Expected<const JsonValue *>
PartReader::array(const JsonValue &value, llvm::StringRef key,
                  llvm::StringRef owner) const {
  llvm::Expected<const JsonValue *> found = member(value, key, owner);
  if (found && !(*found)->isArray())
    return error(**found, "\"" + key + "\" must be an array");
  return found;
}

llvm::Expected<std::string> PartReader::string(const JsonValue &value,
                                               llvm::StringRef key,
                                               llvm::StringRef owner) const {
  llvm::Expected<const JsonValue *> found = member(value, key, owner);
  if (!found)
    return found.takeError();
  llvm::Expected<llvm::StringRef> text = document.asString(**found, key);
  if (!text)
    return text.takeError();
  return text->str();
}

llvm::Expected<llvm::StringRef> PartReader::typeOf(const JsonValue &value,
                                                   llvm::StringRef part) const {
  llvm::Expected<const JsonValue *> type = member(value, "type", part);
  if (!type)
    return type.takeError();
  return document.asString(**type, "type");
}

llvm::Expected<bool> PartReader::flag(const JsonValue &value,
                                      llvm::StringRef key, bool absent) const {
  const JsonValue *found = value.find(key);
  if (!found || found->isNull())
    return absent;
  return document.asBoolean(*found, key);
}

/// Errors of a regular expression, at the position of its text: what is wrong
/// to us, the tokenizers library may understand.
static llvm::Error relocate(llvm::Error error, const std::string &where) {
  return llvm::handleErrors(std::move(error), [&](const UserError &fault) {
    return unsupportedText(where, fault.cause, fault.remedy);
  });
}

llvm::Expected<Pattern> PartReader::compile(const JsonValue &where,
                                            const Regex &regex) const {
  llvm::Expected<Pattern> pattern = makePattern(regex);
  if (!pattern)
    return relocate(pattern.takeError(), document.where(where));
  return pattern;
}

llvm::Expected<Pattern> PartReader::pattern(const JsonValue &value) const {
  auto isOnly = [&](const char *key) {
    return value.members.size() == 1 && value.members[0].key == key;
  };
  if (!isOnly("Regex") && !isOnly("String"))
    return error(value,
                 "\"pattern\" must hold one of \"Regex\" and \"String\"");
  const JsonValue &inside = value.members[0].value;
  llvm::Expected<llvm::StringRef> text = document.asString(inside, "pattern");
  if (!text)
    return text.takeError();
  if (text->empty())
    return error(inside, "empty pattern");
  if (text->size() > 16384)
    return unsupported(inside, "pattern of " + llvm::Twine(text->size()) +
                                   " bytes; at most 16384 are supported");
  if (isOnly("String"))
    return compile(inside, literalRegex(*text));
  llvm::Expected<Regex> regex = parseRegex(*text);
  if (!regex)
    return relocate(regex.takeError(), document.where(inside));
  llvm::Expected<Pattern> made = compile(inside, *regex);
  if (made && !made->reason.empty())
    made->reason = document.where(inside) + ": pattern \"" +
                   escapeForDisplay(text->take_front(128)) +
                   "\": " + made->reason;
  return made;
}
