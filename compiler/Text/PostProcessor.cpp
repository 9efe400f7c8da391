//===- PostProcessor.cpp - "post_processor" -> template -------------------===//

#include "compiler/Text/PartReader.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;

static constexpr const char *supportedTypes =
    "BertProcessing, ByteLevel, RobertaProcessing, Sequence, "
    "TemplateProcessing";

namespace {

using Items = std::vector<Tokenizer::TemplateItem>;

class PostProcessorReader : PartReader {
public:
  PostProcessorReader(const JsonDocument &document, Tokenizer &tokenizer)
      : PartReader(document), tokenizer(tokenizer) {}

  llvm::Error read(const JsonValue &value);

private:
  llvm::Error readTemplate(const JsonValue &value);
  llvm::Error readItem(const JsonValue &item, const JsonValue &specialTokens,
                       Items &items);
  llvm::Error readSpecialToken(const JsonValue &reference,
                               const JsonValue &specialTokens, int32_t type,
                               Items &items);
  llvm::Error readAround(const JsonValue &value);
  llvm::Expected<int32_t> readTokenId(const JsonValue &value);
  llvm::Error wrap(const JsonValue &value, const Items &items);

  Tokenizer &tokenizer;
};

} // namespace

llvm::Expected<int32_t>
PostProcessorReader::readTokenId(const JsonValue &value) {
  llvm::Expected<int64_t> id =
      document.asInteger(value, "token id", 0, maximumTokenId);
  if (!id)
    return id.takeError();
  if (static_cast<size_t>(*id) >= tokenizer.tokens.size() ||
      !tokenizer.tokens[*id].present)
    return error(value, "no token has id " + llvm::Twine(*id));
  return static_cast<int32_t>(*id);
}

/// Puts `items` around those of the processors before.
llvm::Error PostProcessorReader::wrap(const JsonValue &value,
                                      const Items &items) {
  Items wrapped;
  for (const Tokenizer::TemplateItem &item : items) {
    if (item.id) {
      wrapped.push_back(item);
      continue;
    }
    for (Tokenizer::TemplateItem inner : tokenizer.items) {
      inner.type = item.type;
      wrapped.push_back(inner);
    }
  }
  tokenizer.items = std::move(wrapped);
  if (tokenizer.items.size() > 1024)
    return unsupported(value, "a template of more than 1024 tokens");
  return llvm::Error::success();
}

llvm::Error
PostProcessorReader::readSpecialToken(const JsonValue &reference,
                                      const JsonValue &specialTokens,
                                      int32_t type, Items &items) {
  llvm::Expected<llvm::StringRef> name = document.asString(reference, "id");
  if (!name)
    return name.takeError();
  const JsonValue *entry = specialTokens.find(*name);
  if (!entry)
    return error(reference, "\"special_tokens\" lacks \"" + *name + "\"");
  llvm::Expected<const JsonValue *> list =
      array(*entry, "ids", "special token");
  if (!list)
    return list.takeError();
  for (const JsonValue &element : (*list)->elements) {
    llvm::Expected<int32_t> id = readTokenId(element);
    if (!id)
      return id.takeError();
    items.push_back({*id, type});
  }
  return llvm::Error::success();
}

/// {"SpecialToken": {"id", "type_id"}} or {"Sequence": {"id", "type_id"}}.
llvm::Error PostProcessorReader::readItem(const JsonValue &item,
                                          const JsonValue &specialTokens,
                                          Items &items) {
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
    return readSpecialToken(**id, specialTokens, type, items);
  llvm::Expected<llvm::StringRef> name = document.asString(**id, "id");
  if (!name)
    return name.takeError();
  if (*name != "A")
    return error(**id, "\"single\" refers to sequence \"" + *name +
                           "\"; expected: A");
  items.push_back({std::nullopt, type});
  return llvm::Error::success();
}

llvm::Error PostProcessorReader::readTemplate(const JsonValue &value) {
  llvm::Expected<const JsonValue *> single =
      array(value, "single", "post-processor");
  if (!single)
    return single.takeError();
  llvm::Expected<const JsonValue *> specialTokens =
      member(value, "special_tokens", "post-processor");
  if (!specialTokens)
    return specialTokens.takeError();
  Items items;
  for (const JsonValue &item : (*single)->elements)
    if (llvm::Error error = readItem(item, **specialTokens, items))
      return error;
  unsigned texts = llvm::count_if(
      items, [](const auto &item) { return !item.id.has_value(); });
  if (texts != 1)
    return error(**single, "\"single\" holds the text " + llvm::Twine(texts) +
                               " times; expected: once");
  return wrap(**single, items);
}

/// "cls", the text, "sep": each a pair of a token and its id.
llvm::Error PostProcessorReader::readAround(const JsonValue &value) {
  Items items{{std::nullopt, 0}};
  for (const char *key : {"cls", "sep"}) {
    llvm::Expected<const JsonValue *> pair =
        array(value, key, "post-processor");
    if (!pair)
      return pair.takeError();
    if ((*pair)->elements.size() != 2)
      return error(**pair, llvm::Twine("\"") + key + "\" has " +
                               llvm::Twine((*pair)->elements.size()) +
                               " entries; expected a token and its id");
    llvm::Expected<int32_t> id = readTokenId((*pair)->elements[1]);
    if (!id)
      return id.takeError();
    items.insert(key[0] == 'c' ? items.begin() : items.end(), {*id, 0});
  }
  return wrap(value, items);
}

llvm::Error PostProcessorReader::read(const JsonValue &value) {
  if (value.isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> type = typeOf(value, "post-processor");
  if (!type)
    return type.takeError();
  if (*type == "TemplateProcessing")
    return readTemplate(value);
  if (*type == "BertProcessing" || *type == "RobertaProcessing")
    return readAround(value);
  if (*type == "ByteLevel") // changes offsets alone
    return llvm::Error::success();
  if (*type != "Sequence")
    return unsupportedType(value, "post-processor", *type, supportedTypes);
  llvm::Expected<const JsonValue *> list =
      array(value, "processors", "post-processor");
  if (!list)
    return list.takeError();
  for (const JsonValue &element : (*list)->elements)
    if (llvm::Error error = read(element))
      return error;
  return llvm::Error::success();
}

llvm::Error ashlar::readPostProcessor(const JsonDocument &document,
                                      const JsonValue &value,
                                      Tokenizer &tokenizer) {
  tokenizer.items = {{}};
  return PostProcessorReader(document, tokenizer).read(value);
}
