//===- TokenizerReader.cpp - tokenizer.json -> Tokenizer ------------------===//

#include "compiler/Text/Tokenizer.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace ashlar;

// Ids index tables: beyond this, or with more holes than tokens, a file would
// cost memory that its size does not justify.
static constexpr int64_t maximumTokenId = (1 << 24) - 1;
static constexpr size_t freeHoles = 1024;

namespace {

class TokenizerReader {
public:
  TokenizerReader(const JsonDocument &document, int64_t vocabulary,
                  std::vector<std::string> &warnings)
      : document(document), vocabulary(vocabulary), warnings(warnings) {}

  llvm::Error read();

  Tokenizer tokenizer;

private:
  llvm::Error readModel(const JsonValue &model);
  llvm::Error readVocabulary(const JsonValue &vocab);
  llvm::Error readAddedTokens(const JsonValue &list);
  llvm::Error readAddedToken(const JsonValue &value);
  llvm::Error readNormalizer(const JsonValue &value);
  llvm::Error readPostProcessor(const JsonValue &value);
  llvm::Error readTemplateItem(const JsonValue &item,
                               const JsonValue &specialTokens);
  llvm::Error readSpecialToken(const JsonValue &reference,
                               const JsonValue &specialTokens, int32_t type);
  llvm::Error readDecoder(const JsonValue &value);
  llvm::Error addToken(const JsonValue &where, int64_t id,
                       llvm::StringRef text);

  llvm::Error error(const JsonValue &value, const llvm::Twine &cause,
                    const llvm::Twine &remedy = "") {
    return userError(document.where(value), cause, remedy);
  }
  llvm::Expected<const JsonValue *>
  member(const JsonValue &value, llvm::StringRef key, llvm::StringRef owner);
  /// The "type" of a part that is an object.
  llvm::Expected<llvm::StringRef> typeOf(const JsonValue &value,
                                         llvm::StringRef part);
  llvm::Error unsupported(const JsonValue &value, llvm::StringRef part,
                          llvm::StringRef type, llvm::StringRef supported) {
    return error(*value.find("type"),
                 part + " \"" + type +
                     "\" is not supported; supported: " + supported);
  }
  llvm::Expected<bool> flag(const JsonValue &value, llvm::StringRef key);

  const JsonDocument &document;
  const int64_t vocabulary;
  std::vector<std::string> &warnings;
  llvm::StringMap<int32_t> ids; // of the tokens read so far
  llvm::StringSet<> addedTexts;
  const JsonValue null;
  size_t tokenCount = 0; // of the whole file
  int64_t idLimit = 0;
};

} // namespace

llvm::Expected<const JsonValue *>
TokenizerReader::member(const JsonValue &value, llvm::StringRef key,
                        llvm::StringRef owner) {
  if (!value.isObject())
    return error(value, owner + " must be an object");
  if (const JsonValue *found = value.find(key))
    return found;
  return error(value, owner + " lacks \"" + key + "\"");
}

llvm::Expected<llvm::StringRef> TokenizerReader::typeOf(const JsonValue &value,
                                                        llvm::StringRef part) {
  llvm::Expected<const JsonValue *> type = member(value, "type", part);
  if (!type)
    return type.takeError();
  return document.asString(**type, "type");
}

llvm::Expected<bool> TokenizerReader::flag(const JsonValue &value,
                                           llvm::StringRef key) {
  const JsonValue *found = value.find(key);
  if (!found)
    return false;
  return document.asBoolean(*found, key);
}

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

llvm::Error TokenizerReader::readVocabulary(const JsonValue &vocab) {
  if (!vocab.isObject())
    return error(vocab, "\"vocab\" must be an object");
  if (vocab.members.empty())
    return error(vocab, "\"vocab\" is empty");
  // Tables are indexed by id: the ids must lie about as dense as their number.
  const JsonValue *added = document.root.find("added_tokens");
  tokenCount = vocab.members.size() + (added ? added->elements.size() : 0);
  idLimit = 2 * tokenCount + freeHoles;
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

llvm::Error TokenizerReader::readModel(const JsonValue &model) {
  llvm::Expected<llvm::StringRef> type = typeOf(model, "model");
  if (!type)
    return type.takeError();
  if (*type != "WordLevel")
    return unsupported(model, "model", *type, "WordLevel");
  llvm::Expected<const JsonValue *> vocab = member(model, "vocab", "model");
  if (!vocab)
    return vocab.takeError();
  if (llvm::Error error = readVocabulary(**vocab))
    return error;
  const JsonValue *unknown = model.find("unk_token");
  if (!unknown || unknown->isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> text =
      document.asString(*unknown, "unk_token");
  if (!text)
    return text.takeError();
  auto found = ids.find(*text);
  if (found != ids.end())
    tokenizer.unknown = found->second;
  else
    warnings.push_back(document.where(*unknown) + ": \"unk_token\" is \"" +
                       escapeForDisplay(*text) +
                       "\", which the vocabulary lacks: unknown words will be "
                       "errors");
  return llvm::Error::success();
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

llvm::Error TokenizerReader::readNormalizer(const JsonValue &value) {
  if (value.isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> type = typeOf(value, "normalizer");
  if (!type)
    return type.takeError();
  if (*type == "Lowercase") {
    tokenizer.lowerCase = true;
    return llvm::Error::success();
  }
  if (*type != "Sequence")
    return unsupported(value, "normalizer", *type, "Lowercase, Sequence");
  llvm::Expected<const JsonValue *> list =
      member(value, "normalizers", "normalizer");
  if (!list)
    return list.takeError();
  if (!(*list)->isArray())
    return error(**list, "\"normalizers\" must be an array");
  for (const JsonValue &element : (*list)->elements)
    if (llvm::Error error = readNormalizer(element))
      return error;
  return llvm::Error::success();
}

llvm::Error TokenizerReader::readSpecialToken(const JsonValue &reference,
                                              const JsonValue &specialTokens,
                                              int32_t type) {
  llvm::Expected<llvm::StringRef> name = document.asString(reference, "id");
  if (!name)
    return name.takeError();
  const JsonValue *entry = specialTokens.find(*name);
  if (!entry)
    return error(reference, "\"special_tokens\" lacks \"" + *name + "\"");
  llvm::Expected<const JsonValue *> list =
      member(*entry, "ids", "special token");
  if (!list)
    return list.takeError();
  if (!(*list)->isArray())
    return error(**list, "\"ids\" must be an array");
  for (const JsonValue &element : (*list)->elements) {
    llvm::Expected<int64_t> id =
        document.asInteger(element, "token id", 0, maximumTokenId);
    if (!id)
      return id.takeError();
    if (static_cast<size_t>(*id) >= tokenizer.tokens.size() ||
        !tokenizer.tokens[*id].present)
      return error(element, "no token has id " + llvm::Twine(*id));
    tokenizer.items.push_back({static_cast<int32_t>(*id), type});
  }
  return llvm::Error::success();
}

/// {"SpecialToken": {"id", "type_id"}} or {"Sequence": {"id", "type_id"}}.
llvm::Error TokenizerReader::readTemplateItem(const JsonValue &item,
                                              const JsonValue &specialTokens) {
  if (!item.isObject() || item.members.size() != 1 ||
      (item.members[0].key != "SpecialToken" &&
       item.members[0].key != "Sequence"))
    return error(item, "an entry of \"single\" must hold one of "
                       "\"SpecialToken\" and \"Sequence\"");
  const JsonValue &body = item.members[0].value;
  llvm::Expected<const JsonValue *> id = member(body, "id", "template entry");
  if (!id)
    return id.takeError();
  int32_t type = 0;
  if (const JsonValue *typeId = body.find("type_id")) {
    llvm::Expected<int64_t> read =
        document.asInteger(*typeId, "type_id", 0, INT32_MAX);
    if (!read)
      return read.takeError();
    type = *read;
  }
  if (item.members[0].key == "SpecialToken")
    return readSpecialToken(**id, specialTokens, type);
  llvm::Expected<llvm::StringRef> name = document.asString(**id, "id");
  if (!name)
    return name.takeError();
  if (*name != "A")
    return error(**id, "\"single\" refers to sequence \"" + *name +
                           "\"; expected: A");
  tokenizer.items.push_back({std::nullopt, type});
  return llvm::Error::success();
}

llvm::Error TokenizerReader::readPostProcessor(const JsonValue &value) {
  if (value.isNull()) {
    tokenizer.items.push_back({});
    return llvm::Error::success();
  }
  llvm::Expected<llvm::StringRef> type = typeOf(value, "post-processor");
  if (!type)
    return type.takeError();
  if (*type != "TemplateProcessing")
    return unsupported(value, "post-processor", *type, "TemplateProcessing");
  llvm::Expected<const JsonValue *> single =
      member(value, "single", "post-processor");
  if (!single)
    return single.takeError();
  if (!(*single)->isArray())
    return error(**single, "\"single\" must be an array");
  llvm::Expected<const JsonValue *> specialTokens =
      member(value, "special_tokens", "post-processor");
  if (!specialTokens)
    return specialTokens.takeError();
  for (const JsonValue &item : (*single)->elements)
    if (llvm::Error error = readTemplateItem(item, **specialTokens))
      return error;
  unsigned texts = llvm::count_if(
      tokenizer.items, [](const auto &item) { return !item.id.has_value(); });
  if (texts != 1)
    return error(**single, "\"single\" holds the text " + llvm::Twine(texts) +
                               " times; expected: once");
  return llvm::Error::success();
}

llvm::Error TokenizerReader::readDecoder(const JsonValue &value) {
  if (value.isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> type = typeOf(value, "decoder");
  if (!type)
    return type.takeError();
  if (*type != "Fuse")
    return unsupported(value, "decoder", *type, "Fuse");
  tokenizer.fuse = true;
  return llvm::Error::success();
}

llvm::Error TokenizerReader::read() {
  const JsonValue &root = document.root;
  llvm::Expected<const JsonValue *> model =
      member(root, "model", "the tokenizer");
  if (!model)
    return model.takeError();
  if (llvm::Error error = readModel(**model))
    return error;
  auto part = [&](llvm::StringRef key) -> const JsonValue & {
    const JsonValue *found = root.find(key);
    return found ? *found : null;
  };
  if (llvm::Error error = readAddedTokens(part("added_tokens")))
    return error;
  if (llvm::Error error = readNormalizer(part("normalizer")))
    return error;
  llvm::Expected<std::vector<Tokenizer::Split>> splits =
      readPreTokenizer(document, part("pre_tokenizer"));
  if (!splits)
    return splits.takeError();
  tokenizer.splits = std::move(*splits);
  if (llvm::Error error = readPostProcessor(part("post_processor")))
    return error;
  if (llvm::Error error = readDecoder(part("decoder")))
    return error;
  for (llvm::StringRef key : {"truncation", "padding"})
    if (!part(key).isNull())
      warnings.push_back(document.where(part(key)) + ": \"" + key.str() +
                         "\" is left aside: texts are neither cut nor padded");
  return llvm::Error::success();
}

llvm::Expected<Tokenizer>
ashlar::readTokenizer(const JsonDocument &document, int64_t vocabulary,
                      std::vector<std::string> &warnings) {
  TokenizerReader reader(document, vocabulary, warnings);
  if (llvm::Error error = reader.read())
    return error;
  return std::move(reader.tokenizer);
}
