//===- ModelReader.cpp - "model" without its vocabulary -------------------===//

#include "compiler/Text/PartReader.h"

#include "llvm/Support/FormatVariadic.h"

using namespace ashlar;

namespace {

class ModelReader : PartReader {
public:
  ModelReader(const JsonDocument &document, const TokenIds &ids,
              Tokenizer &tokenizer, std::vector<std::string> &warnings)
      : PartReader(document), ids(ids), tokenizer(tokenizer),
        model(tokenizer.model), warnings(warnings) {}

  llvm::Error read(const JsonValue &value);

private:
  llvm::Error readUnknown(const JsonValue &value);
  llvm::Error readMerges(const JsonValue &value);
  llvm::Error readMerge(const JsonValue &entry);
  llvm::Error readMergeSettings(const JsonValue &value);
  llvm::Error readWordPiece(const JsonValue &value);
  llvm::Error readUnigram(const JsonValue &value);
  llvm::Error readAffix(const JsonValue &value, llvm::StringRef key,
                        std::string &affix);
  llvm::Error readFallback(const JsonValue &value);
  llvm::Expected<int32_t> idOf(const JsonValue &where, llvm::StringRef text);

  const TokenIds &ids;
  Tokenizer &tokenizer;
  Tokenizer::Model &model;
  std::vector<std::string> &warnings;
};

} // namespace

llvm::Expected<std::string> ashlar::modelType(const JsonDocument &document,
                                              const JsonValue &value) {
  if (!value.isObject())
    return userError(document.where(value), "model must be an object");
  const JsonValue *vocabulary = value.find("vocab");
  if (const JsonValue *type = value.find("type")) {
    llvm::Expected<llvm::StringRef> name = document.asString(*type, "type");
    if (!name)
      return name.takeError();
    if (*name != "BPE" && *name != "Unigram" && *name != "WordLevel" &&
        *name != "WordPiece")
      return unsupportedText(document.where(*type),
                             "model \"" + escapeForDisplay(*name) +
                                 "\" is not supported; supported: BPE, "
                                 "Unigram, WordLevel, WordPiece");
    return name->str();
  }
  // Files of the first versions do not name it.
  if (value.find("merges"))
    return "BPE";
  if (vocabulary && vocabulary->isArray())
    return "Unigram";
  if (value.find("max_input_chars_per_word"))
    return "WordPiece";
  if (value.find("unk_token"))
    return "WordLevel";
  return userError(document.where(value), "model lacks \"type\"");
}

llvm::Error ModelReader::readUnknown(const JsonValue &value) {
  const JsonValue *unknown = value.find("unk_token");
  if (!unknown || unknown->isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> text =
      document.asString(*unknown, "unk_token");
  if (!text)
    return text.takeError();
  auto found = ids.find(*text);
  if (found != ids.end())
    model.unknown = found->second;
  else
    warnings.push_back(document.where(*unknown) + ": \"unk_token\" is \"" +
                       escapeForDisplay(*text) +
                       "\", which the vocabulary lacks: unknown words will be "
                       "errors");
  return llvm::Error::success();
}

llvm::Error ModelReader::readAffix(const JsonValue &value, llvm::StringRef key,
                                   std::string &affix) {
  const JsonValue *found = value.find(key);
  if (!found || found->isNull())
    return llvm::Error::success();
  llvm::Expected<llvm::StringRef> text = document.asString(*found, key);
  if (!text)
    return text.takeError();
  if (text->size() > ASHLAR_TEXT_MAX_AFFIX)
    return unsupported(
        *found, "\"" + key + "\" has " + llvm::Twine(text->size()) +
                    " bytes; at most " + llvm::Twine(ASHLAR_TEXT_MAX_AFFIX) +
                    " are supported");
  affix = text->str();
  return llvm::Error::success();
}

llvm::Error ModelReader::readFallback(const JsonValue &value) {
  llvm::Expected<bool> on = flag(value, "byte_fallback");
  if (!on)
    return on.takeError();
  if (!*on)
    return llvm::Error::success();
  model.flags |= ASHLAR_MODEL_FALLBACK;
  for (unsigned byte = 0; byte < 256; ++byte) {
    auto found = ids.find(llvm::formatv("<0x{0:X-2}>", byte).str());
    model.byteTokens[byte] =
        found == ids.end() ? ASHLAR_TEXT_NONE : found->second;
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Byte pair encoding
//===----------------------------------------------------------------------===//

llvm::Expected<int32_t> ModelReader::idOf(const JsonValue &where,
                                          llvm::StringRef text) {
  auto found = ids.find(text);
  if (found == ids.end())
    return error(where, "a merge needs the token \"" + escapeForDisplay(text) +
                            "\", which \"vocab\" lacks");
  return found->second;
}

/// "a b" or ["a", "b"].
llvm::Error ModelReader::readMerge(const JsonValue &entry) {
  llvm::StringRef left, right;
  if (entry.isArray() && entry.elements.size() == 2 &&
      entry.elements[0].isString() && entry.elements[1].isString()) {
    left = entry.elements[0].text;
    right = entry.elements[1].text;
  } else if (entry.isString() && llvm::StringRef(entry.text).count(' ') == 1) {
    std::tie(left, right) = llvm::StringRef(entry.text).split(' ');
  } else {
    return error(entry, "a merge is " + describe(entry) +
                            "; expected \"a b\" or [\"a\", \"b\"]");
  }
  llvm::Expected<int32_t> first = idOf(entry, left);
  if (!first)
    return first.takeError();
  llvm::Expected<int32_t> second = idOf(entry, right);
  if (!second)
    return second.takeError();
  if (right.size() < model.prefix.size())
    return error(entry, "a merge's second part \"" + escapeForDisplay(right) +
                            "\" is shorter than \"continuing_subword_prefix\"");
  llvm::Expected<int32_t> merged =
      idOf(entry, (left + right.drop_front(model.prefix.size())).str());
  if (!merged)
    return merged.takeError();
  model.merges.push_back({*first, *second, *merged});
  return llvm::Error::success();
}

llvm::Error ModelReader::readMergeSettings(const JsonValue &value) {
  if (const JsonValue *dropout = value.find("dropout")) {
    double share = 1;
    bool isZero = dropout->isNumber() &&
                  !llvm::StringRef(dropout->text).getAsDouble(share) &&
                  share == 0;
    if (!dropout->isNull() && !isZero)
      return unsupported(*dropout,
                         "\"dropout\" is " + describe(*dropout) +
                             "; expected null: tokens of a text must not "
                             "depend on chance");
  }
  if (llvm::Error error =
          readAffix(value, "continuing_subword_prefix", model.prefix))
    return error;
  if (llvm::Error error = readAffix(value, "end_of_word_suffix", model.suffix))
    return error;
  for (auto [key, bit] :
       {std::pair("fuse_unk", ASHLAR_MODEL_FUSE_UNKNOWN),
        std::pair("ignore_merges", ASHLAR_MODEL_WHOLE_FIRST)}) {
    llvm::Expected<bool> on = flag(value, key);
    if (!on)
      return on.takeError();
    model.flags |= *on ? bit : 0;
  }
  return readFallback(value);
}

llvm::Error ModelReader::readMerges(const JsonValue &value) {
  model.kind = ASHLAR_MODEL_MERGES;
  if (llvm::Error error = readMergeSettings(value))
    return error;
  llvm::Expected<const JsonValue *> merges = array(value, "merges", "model");
  if (!merges)
    return merges.takeError();
  for (const JsonValue &entry : (*merges)->elements)
    if (llvm::Error error = readMerge(entry))
      return error;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// WordPiece and Unigram
//===----------------------------------------------------------------------===//

llvm::Error ModelReader::readWordPiece(const JsonValue &value) {
  model.kind = ASHLAR_MODEL_WORDPIECE;
  model.prefix = "##";
  model.maxWord = 100;
  if (const JsonValue *longest = value.find("max_input_chars_per_word")) {
    llvm::Expected<int64_t> read =
        document.asInteger(*longest, "max_input_chars_per_word", 0, INT32_MAX);
    if (!read)
      return read.takeError();
    model.maxWord = *read;
  }
  return readAffix(value, "continuing_subword_prefix", model.prefix);
}

llvm::Error ModelReader::readUnigram(const JsonValue &value) {
  model.kind = ASHLAR_MODEL_UNIGRAM;
  model.scores.resize(tokenizer.tokens.size());
  double lowest = 0;
  bool isFirst = true;
  llvm::Expected<const JsonValue *> vocabulary = array(value, "vocab", "model");
  if (!vocabulary)
    return vocabulary.takeError();
  for (size_t id = 0; id < (*vocabulary)->elements.size(); ++id) {
    llvm::Expected<double> score =
        document.asDouble((*vocabulary)->elements[id].elements[1], "score");
    if (!score)
      return score.takeError();
    lowest = isFirst ? *score : std::min(lowest, *score);
    isFirst = false;
    model.scores[id] = *score;
  }
  // What the unknown costs more than the unlikeliest token.
  model.unknownScore = lowest - 10;
  if (const JsonValue *unknown = value.find("unk_id");
      unknown && !unknown->isNull()) {
    llvm::Expected<int64_t> id = document.asInteger(
        *unknown, "unk_id", 0, int64_t(tokenizer.tokens.size()) - 1);
    if (!id)
      return id.takeError();
    model.unknown = *id;
  }
  return readFallback(value);
}

llvm::Error ModelReader::read(const JsonValue &value) {
  llvm::Expected<std::string> type = modelType(document, value);
  if (!type)
    return type.takeError();
  if (*type == "Unigram")
    return readUnigram(value);
  if (llvm::Error error = readUnknown(value))
    return error;
  if (*type == "BPE")
    return readMerges(value);
  if (*type == "WordPiece")
    return readWordPiece(value);
  return llvm::Error::success();
}

llvm::Error ashlar::readModel(const JsonDocument &document,
                              const JsonValue &value, const TokenIds &ids,
                              Tokenizer &tokenizer,
                              std::vector<std::string> &warnings) {
  return ModelReader(document, ids, tokenizer, warnings).read(value);
}
