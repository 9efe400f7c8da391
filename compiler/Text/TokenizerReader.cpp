//===- TokenizerReader.cpp - tokenizer.json as a whole --------------------===//

#include "compiler/Text/PartReader.h"

#include "llvm/ADT/StringSet.h"

using namespace ashlar;

static constexpr size_t freeHoles = 1024;

namespace {

class TokenizerReader : PartReader {
public:
  TokenizerReader(const JsonDocument &document, int64_t vocabulary,
                  const TokenizerOverrides &overrides,
                  std::vector<std::string> &warnings)
      : PartReader(document), vocabulary(vocabulary), overrides(overrides),
        warnings(warnings) {}

  llvm::Error read();

  Tokenizer tokenizer;

private:
  llvm::Error readVocabulary(const JsonValue &vocab);
  llvm::Error readScoredVocabulary(const JsonValue &vocab);
  llvm::Error readModelAndVocabulary(const JsonValue &model);
  llvm::Error readAddedTokens(const JsonValue &list);
  llvm::Error readAddedToken(const JsonValue &value);
  llvm::Error addToken(const JsonValue &where, int64_t id,
                       llvm::StringRef text);
  void limitIds(size_t count);

  const int64_t vocabulary;
  const TokenizerOverrides &overrides;
  std::vector<std::string> &warnings;
  TokenIds ids; // of the tokens read so far
  llvm::StringSet<> addedTexts;
  const JsonValue null;
  size_t tokenCount = 0; // of the whole file
  int64_t idLimit = 0;
};

} // namespace

llvm::Error TokenizerReader::addToken(const JsonValue &where, int64_t id,
                                      llvm::StringRef text) {
  if (vocabulary > 0 && id >= vocabulary)
    return error(where, "token \"" + text + "\" has id " + llvm::Twine(id) +
                            "; the model's vocabulary has " +
                            llvm::Twine(vocabulary) + " tokens");
  if (id >= idLimit)
    return error(where, "token \"" + text + "\" has id " + llvm::Twine(id) +
                            ", which is too large for a vocabulary of " +
                            llvm::Twine(tokenCount) + " tokens");
  std::vector<Tokenizer::Token> &tokens = tokenizer.tokens;
  if (static_cast<size_t>(id) >= tokens.size())
    tokens.resize(id + 1);
  if (tokens[id].present)
    return error(where, "tokens \"" + tokens[id].text + "\" and \"" + text +
                            "\" have the same id " + llvm::Twine(id));
  tokens[id] = {text.str(), /*present=*/true};
  ids[text] = id;
  return llvm::Error::success();
}

/// Tables are indexed by id: the ids must lie about as dense as their number.
void TokenizerReader::limitIds(size_t count) {
  const JsonValue *added = document.root.find("added_tokens");
  tokenCount = count + (added ? added->elements.size() : 0);
  idLimit = 2 * tokenCount + freeHoles;
}

llvm::Error TokenizerReader::readVocabulary(const JsonValue &vocab) {
  if (!vocab.isObject())
    return error(vocab, "\"vocab\" must be an object");
  if (vocab.members.empty())
    return error(vocab, "\"vocab\" is empty");
  limitIds(vocab.members.size());
  for (const JsonValue::Member &entry : vocab.members) {
    llvm::Expected<int64_t> id =
        document.asInteger(entry.value, "token id", 0, maximumTokenId);
    if (!id)
      return id.takeError();
    if (llvm::Error error = addToken(entry.value, *id, entry.key))
      return error;
    tokenizer.tokens[*id].vocabulary = true;
  }
  return llvm::Error::success();
}

/// [["token", score], ...]; ids are positions.
llvm::Error TokenizerReader::readScoredVocabulary(const JsonValue &vocab) {
  if (!vocab.isArray())
    return error(vocab, "\"vocab\" must be an array");
  if (vocab.elements.empty())
    return error(vocab, "\"vocab\" is empty");
  limitIds(vocab.elements.size());
  for (size_t id = 0; id < vocab.elements.size(); ++id) {
    const JsonValue &entry = vocab.elements[id];
    if (!entry.isArray() || entry.elements.size() != 2 ||
        !entry.elements[0].isString())
      return error(entry, "an entry of \"vocab\" is " + describe(entry) +
                              "; expected [\"token\", score]");
    const std::string &text = entry.elements[0].text;
    // Of equal ones the last counts.
    if (auto known = ids.find(text); known != ids.end())
      tokenizer.tokens[known->second].vocabulary = false;
    if (llvm::Error error = addToken(entry, id, text))
      return error;
    tokenizer.tokens[id].vocabulary = !text.empty();
  }
  return llvm::Error::success();
}

llvm::Error TokenizerReader::readModelAndVocabulary(const JsonValue &model) {
  llvm::Expected<std::string> type = modelType(document, model);
  if (!type)
    return type.takeError();
  llvm::Expected<const JsonValue *> vocab = member(model, "vocab", "model");
  if (!vocab)
    return vocab.takeError();
  if (llvm::Error error = *type == "Unigram" ? readScoredVocabulary(**vocab)
                                             : readVocabulary(**vocab))
    return error;
  return readModel(document, model, ids, tokenizer, warnings);
}

llvm::Error TokenizerReader::readAddedToken(const JsonValue &value) {
  llvm::Expected<const JsonValue *> content =
      member(value, "content", "added token");
  if (!content)
    return content.takeError();
  llvm::Expected<llvm::StringRef> text =
      document.asString(**content, "content");
  if (!text)
    return text.takeError();
  if (text->empty())
    return error(**content, "added token without text");
  llvm::Expected<const JsonValue *> idValue =
      member(value, "id", "added token");
  if (!idValue)
    return idValue.takeError();
  llvm::Expected<int64_t> id =
      document.asInteger(**idValue, "id", 0, maximumTokenId);
  if (!id)
    return id.takeError();

  Tokenizer::AddedToken token;
  token.id = *id;
  token.text = text->str();
  for (auto [key, field] :
       {std::pair<const char *, bool *>{"special", &token.special},
        {"normalized", &token.normalized},
        {"lstrip", &token.leftStrip},
        {"rstrip", &token.rightStrip},
        {"single_word", &token.singleWord}}) {
    llvm::Expected<bool> read = flag(value, key);
    if (!read)
      return read.takeError();
    *field = *read;
  }
  if (!addedTexts.insert(*text).second)
    return error(**content, "added token \"" + *text + "\" occurs twice");
  auto known = ids.find(*text);
  if (known == ids.end()) {
    if (llvm::Error fault = addToken(**idValue, *id, *text))
      return fault;
  } else if (known->second != *id) {
    return error(**idValue, "added token \"" + *text + "\" has id " +
                                llvm::Twine(*id) + "; in \"vocab\" it is " +
                                llvm::Twine(known->second));
  }
  tokenizer.tokens[*id].special = token.special;
  tokenizer.addedTokens.push_back(std::move(token));
  return llvm::Error::success();
}

llvm::Error TokenizerReader::readAddedTokens(const JsonValue &list) {
  if (list.isNull())
    return llvm::Error::success();
  if (!list.isArray())
    return error(list, "\"added_tokens\" must be an array");
  for (const JsonValue &value : list.elements) {
    if (llvm::Error error = readAddedToken(value))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error TokenizerReader::read() {
  const JsonValue &root = document.root;
  llvm::Expected<const JsonValue *> model =
      member(root, "model", "the tokenizer");
  if (!model)
    return model.takeError();
  if (llvm::Error error = readModelAndVocabulary(**model))
    return error;
  auto part = [&](llvm::StringRef key) -> const JsonValue & {
    const JsonValue *found = root.find(key);
    return found ? *found : null;
  };
  if (llvm::Error error = readAddedTokens(part("added_tokens")))
    return error;
  if (llvm::Error error =
          readNormalizer(document, part("normalizer"), overrides, tokenizer))
    return error;
  // Decoders see texts as the file has them, models what they stand for.
  if (llvm::Error error = readDecoder(document, part("decoder"), tokenizer))
    return error;
  if (llvm::Error error = readPreTokenizer(document, part("pre_tokenizer"),
                                           overrides, tokenizer))
    return error;
  if (llvm::Error error =
          readPostProcessor(document, part("post_processor"), tokenizer))
    return error;
  for (llvm::StringRef key : {"truncation", "padding"})
    if (!part(key).isNull())
      warnings.push_back(document.where(part(key)) + ": \"" + key.str() +
                         "\" is left aside: texts are neither cut nor padded");
  return llvm::Error::success();
}

llvm::Expected<Tokenizer>
ashlar::readTokenizer(const JsonDocument &document, int64_t vocabulary,
                      std::vector<std::string> &warnings,
                      const TokenizerOverrides &overrides) {
  TokenizerReader reader(document, vocabulary, overrides, warnings);
  if (llvm::Error error = reader.read())
    return error;
  return std::move(reader.tokenizer);
}
