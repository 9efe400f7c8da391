//===- SentencePieceTokens.cpp - The tokens of SentencePiece models -------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/sentencepiece/SentencePieceReader.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using Type = SentencePieceModel::Type;

Error SentencePieceReader::checkId(int64_t id, StringRef text) const {
  if (vocabulary == 0 || id < vocabulary)
    return Error::success();
  return userError(model.file, "token \"" + escapeForDisplay(text) +
                                   "\" has id " + llvm::Twine(id) +
                                   "; the model's vocabulary has " +
                                   llvm::Twine(vocabulary) + " tokens");
}

void SentencePieceReader::addAdded(Tokenizer::AddedToken token) {
  tokenizer.tokens[token.id].special = token.special;
  auto [it, isNew] =
      addedIndex.try_emplace(token.text, tokenizer.addedTokens.size());
  if (isNew)
    tokenizer.addedTokens.push_back(std::move(token));
  else
    tokenizer.addedTokens[it->second] = std::move(token);
}

Error SentencePieceReader::addTokens(
    llvm::ArrayRef<SentencePieceEntry> entries) {
  for (const SentencePieceEntry &entry : entries) {
    int32_t id = tokenizer.tokens.size();
    Tokenizer::Token &token = tokenizer.tokens.emplace_back();
    if (entry.text.empty())
      continue;
    if (Error error = checkId(id, entry.text))
      return error;
    token.text = entry.text;
    token.present = true;
    token.vocabulary =
        entry.type == Type::Normal || entry.type == Type::UserDefined;
    auto [known, isNew] = ids.try_emplace(entry.text, id);
    if (!isNew)
      return userError(model.file, "token \"" + escapeForDisplay(entry.text) +
                                       "\" occurs twice, as " +
                                       llvm::Twine(known->second) + " and " +
                                       llvm::Twine(id));
    bool isSpecial = entry.type == Type::Control || entry.type == Type::Unknown;
    if (!isSpecial && entry.type != Type::UserDefined)
      continue;
    Tokenizer::AddedToken added = {
        .id = id, .text = entry.text, .special = isSpecial};
    added.leftStrip = entry.leftStrip;
    addAdded(std::move(added));
  }
  return Error::success();
}

/// Tokens with a part to play are special, whatever kind their piece has.
Error SentencePieceReader::addSpecialTokens() {
  for (const char *key : {"bos_token", "eos_token", "unk_token", "sep_token",
                          "pad_token", "cls_token", "mask_token"}) {
    Expected<std::optional<std::string>> name = config.text(key);
    if (!name)
      return name.takeError();
    auto found = *name ? ids.find(**name) : ids.end();
    if (found == ids.end() || tokenizer.tokens[found->second].special)
      continue;
    Tokenizer::AddedToken token = {
        .id = found->second, .text = **name, .special = true};
    token.leftStrip = StringRef(key) == "mask_token";
    addAdded(std::move(token));
  }
  for (const char *name : {"<start_of_turn>", "<end_of_turn>"})
    if (auto found = ids.find(name);
        found != ids.end() && family.kind == StringRef("Gemma"))
      addAdded({.id = found->second, .text = name, .special = true});
  return Error::success();
}

Error SentencePieceReader::addConfiguredTokens() {
  Expected<std::vector<Tokenizer::AddedToken>> added = config.addedTokens();
  if (!added)
    return added.takeError();
  int64_t limit = 2 * int64_t(tokenizer.tokens.size() + added->size()) + 1024;
  for (Tokenizer::AddedToken &token : *added) {
    auto known = ids.find(token.text);
    if (known != ids.end() && known->second != token.id)
      return userError(config.document->file,
                       "added token \"" + escapeForDisplay(token.text) +
                           "\" has id " + llvm::Twine(token.id) + "; in " +
                           model.file + " it is " + llvm::Twine(known->second));
    if (known == ids.end()) {
      if (Error error = checkId(token.id, token.text))
        return error;
      if (token.id >= limit)
        return userError(config.document->file,
                         "added token \"" + escapeForDisplay(token.text) +
                             "\" has id " + llvm::Twine(token.id) +
                             ", which is too large for a vocabulary of " +
                             llvm::Twine(tokenizer.tokens.size()) + " tokens");
      if (size_t(token.id) >= tokenizer.tokens.size())
        tokenizer.tokens.resize(token.id + 1);
      Tokenizer::Token &at = tokenizer.tokens[token.id];
      if (at.present)
        return userError(config.document->file,
                         "tokens \"" + escapeForDisplay(at.text) + "\" and \"" +
                             escapeForDisplay(token.text) +
                             "\" have the same id " + llvm::Twine(token.id));
      at.text = token.text;
      at.present = true;
      ids[token.text] = token.id;
    }
    addAdded(std::move(token));
  }
  return Error::success();
}
