//===- DecoderReader.cpp - "decoder" -> texts of tokens -------------------===//
//
// Most of a decoder looks at one token at a time: what it does is done here, to
// every token, once as the first of a text and once as a later one. What looks
// at several (parts of characters, the text's beginning) is left to the tables.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Utf8.h"
#include "compiler/Text/ByteLevel.h"
#include "compiler/Text/PartReader.h"

#include "llvm/ADT/StringExtras.h"

#include <functional>

using namespace ashlar;

static constexpr const char *supportedTypes =
    "BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, Replace, "
    "Sequence, Strip, WordPiece";

namespace {

class DecoderReader : PartReader {
public:
  DecoderReader(const JsonDocument &document, Tokenizer &tokenizer)
      : PartReader(document), tokenizer(tokenizer) {}

  llvm::Error read(const JsonValue &value);
  llvm::Error apply(const JsonValue &value);

private:
  using Rule = std::function<void(std::string &text, bool isFirst)>;

  llvm::Error readType(const JsonValue &value, llvm::StringRef type);
  llvm::Error readSequence(const JsonValue &value);
  llvm::Error readReplace(const JsonValue &value);
  llvm::Error readStrip(const JsonValue &value);
  llvm::Error stripTokens(const JsonValue &value, const std::string &character,
                          llvm::ArrayRef<int64_t> counts);
  llvm::Error readSuffix(const JsonValue &value);
  llvm::Error readMetaspace(const JsonValue &value);
  llvm::Error readWordPiece(const JsonValue &value);
  void decodeByte(Tokenizer::Token &token) const;

  Tokenizer &tokenizer;
  std::vector<Rule> rules;
  bool fused = false; // there is but one text by now
  bool fallback = false;
  std::string suffix; // of what ends a word; the last one vanishes
};

} // namespace

static void replaceAll(std::string &text, llvm::StringRef what,
                       llvm::StringRef with) {
  std::string out;
  llvm::StringRef rest = text;
  for (size_t at; (at = rest.find(what)) != llvm::StringRef::npos;) {
    out += rest.take_front(at);
    out += with;
    rest = rest.drop_front(at + what.size());
  }
  text = out + rest.str();
}

llvm::Error DecoderReader::readReplace(const JsonValue &value) {
  llvm::Expected<const JsonValue *> matched =
      member(value, "pattern", "decoder");
  if (!matched)
    return matched.takeError();
  const JsonValue *literal = (*matched)->find("String");
  if (!literal)
    return unsupported(**matched, "\"pattern\" of a decoder is no \"String\"; "
                                  "no other is supported");
  llvm::Expected<llvm::StringRef> what = document.asString(*literal, "String");
  if (!what)
    return what.takeError();
  if (what->empty())
    return error(*literal, "empty pattern");
  llvm::Expected<std::string> with = string(value, "content", "decoder");
  if (!with)
    return with.takeError();
  if (with->size() > 1024)
    return unsupported(*value.find("content"),
                       "\"content\" has " + llvm::Twine(with->size()) +
                           " bytes; at most 1024 are supported");
  rules.push_back([what = what->str(), with = *with](std::string &text, bool) {
    replaceAll(text, what, with);
  });
  return llvm::Error::success();
}

/// Takes so many characters at most from both ends of every token.
llvm::Error DecoderReader::stripTokens(const JsonValue &value,
                                       const std::string &character,
                                       llvm::ArrayRef<int64_t> counts) {
  // Characters that byte tokens make together are known to executables alone.
  if (fallback)
    return unsupported(value, "decoder \"Strip\" behind \"ByteFallback\" is "
                              "supported behind \"Fuse\" only");
  rules.push_back([character, start = counts[0],
                   stop = counts[1]](std::string &text, bool) {
    llvm::StringRef rest = text;
    for (int64_t i = 0; i < start && rest.consume_front(character);)
      ++i;
    for (int64_t i = 0; i < stop && rest.consume_back(character);)
      ++i;
    text = rest.str();
  });
  return llvm::Error::success();
}

/// Behind Fuse it concerns the whole text.
llvm::Error DecoderReader::readStrip(const JsonValue &value) {
  llvm::Expected<std::string> content = string(value, "content", "decoder");
  if (!content)
    return content.takeError();
  CodePoint character = decodeUtf8(*content);
  if (character.length == 0 || character.length != content->size())
    return error(*value.find("content"), "\"content\" must be one character");
  int64_t counts[2] = {0, 0};
  for (unsigned i = 0; i < 2; ++i)
    if (const JsonValue *count = value.find(i ? "stop" : "start")) {
      llvm::Expected<int64_t> read =
          document.asInteger(*count, i ? "stop" : "start", 0, INT32_MAX);
      if (!read)
        return read.takeError();
      counts[i] = *read;
    }
  if (!fused)
    return stripTokens(value, *content, counts);
  if (counts[1] != 0)
    return unsupported(*value.find("stop"),
                       "\"stop\" is " + llvm::Twine(counts[1]) +
                           "; expected 0: text is written before its end is "
                           "known");
  if (tokenizer.stripCount != 0)
    return unsupported(value, "more than one decoder \"Strip\"");
  tokenizer.stripCount = counts[0];
  tokenizer.stripCharacter = character.value;
  return llvm::Error::success();
}

llvm::Error DecoderReader::readMetaspace(const JsonValue &value) {
  llvm::Expected<std::string> mark = string(value, "replacement", "decoder");
  if (!mark)
    return mark.takeError();
  if (mark->empty())
    return error(*value.find("replacement"), "empty \"replacement\"");
  llvm::Expected<bool> prepends = flag(value, "add_prefix_space", true);
  if (!prepends)
    return prepends.takeError();
  const JsonValue *scheme = value.find("prepend_scheme");
  bool drops = *prepends && !(scheme && scheme->text == "never");
  rules.push_back([mark = *mark, drops](std::string &text, bool isFirst) {
    replaceAll(text, mark, drops && isFirst ? "" : " ");
  });
  return llvm::Error::success();
}

/// Blanks that English does not have before marks and short forms.
static void cleanUp(std::string &text) {
  static constexpr std::pair<const char *, const char *> replaced[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [from, to] : replaced)
    replaceAll(text, from, to);
}

llvm::Error DecoderReader::readWordPiece(const JsonValue &value) {
  llvm::Expected<std::string> prefix = string(value, "prefix", "decoder");
  if (!prefix)
    return prefix.takeError();
  llvm::Expected<bool> cleans = flag(value, "cleanup", true);
  if (!cleans)
    return cleans.takeError();
  rules.push_back(
      [prefix = *prefix, cleans = *cleans](std::string &text, bool isFirst) {
        if (!isFirst)
          text = llvm::StringRef(text).starts_with(prefix)
                     ? text.substr(prefix.size())
                     : " " + text;
        if (cleans)
          cleanUp(text);
      });
  return llvm::Error::success();
}

/// BPEDecoder: the end of a word is a blank, but for the last token's.
llvm::Error DecoderReader::readSuffix(const JsonValue &value) {
  llvm::Expected<std::string> read = string(value, "suffix", "decoder");
  if (!read)
    return read.takeError();
  if (!rules.empty() || fallback)
    return unsupported(value, "decoder \"BPEDecoder\" beside others is not "
                              "supported");
  if (read->empty())
    return unsupported(*value.find("suffix"), "empty \"suffix\"");
  suffix = *read;
  rules.push_back([suffix = *read](std::string &text, bool) {
    replaceAll(text, suffix, " ");
  });
  tokenizer.decoderFlags |= ASHLAR_DECODER_LAST;
  return llvm::Error::success();
}

llvm::Error DecoderReader::readSequence(const JsonValue &value) {
  llvm::Expected<const JsonValue *> list = array(value, "decoders", "decoder");
  if (!list)
    return list.takeError();
  for (const JsonValue &element : (*list)->elements)
    if (llvm::Error error = read(element))
      return error;
  return llvm::Error::success();
}

llvm::Error DecoderReader::read(const JsonValue &value) {
  llvm::Expected<llvm::StringRef> type = typeOf(value, "decoder");
  if (!type)
    return type.takeError();
  if (*type == "Sequence")
    return readSequence(value);
  if (*type == "Fuse") {
    fused = true;
    return llvm::Error::success();
  }
  if (*type == "Strip")
    return readStrip(value);
  if (fused)
    return unsupported(value, "decoder \"" + escapeForDisplay(*type) +
                                  "\" behind one that joins the tokens is not "
                                  "supported");
  if (!suffix.empty())
    return unsupported(value, "decoder \"" + escapeForDisplay(*type) +
                                  "\" behind \"BPEDecoder\" is not supported");
  if (rules.size() >= 32)
    return unsupported(value, "more than 32 decoders");
  return readType(value, *type);
}

llvm::Error DecoderReader::readType(const JsonValue &value,
                                    llvm::StringRef type) {
  if (type == "Replace")
    return readReplace(value);
  if (type == "Metaspace")
    return readMetaspace(value);
  if (type == "WordPiece")
    return readWordPiece(value);
  if (type == "BPEDecoder")
    return readSuffix(value);
  if (type == "ByteFallback") {
    fallback = true;
    tokenizer.decoderFlags |= ASHLAR_DECODER_FALLBACK;
    return llvm::Error::success();
  }
  if (type != "ByteLevel")
    return unsupportedType(value, "decoder", type, supportedTypes);
  if (fallback)
    return unsupported(value, "decoder \"ByteLevel\" behind \"ByteFallback\" "
                              "is not supported");
  rules.push_back([](std::string &text, bool) {
    if (std::optional<std::string> bytes = spelledBytes(text))
      text = *bytes;
  });
  tokenizer.decoderFlags |= ASHLAR_DECODER_BYTES;
  fused = true;
  return llvm::Error::success();
}

/// "<0x0A>" is one byte of a character.
void DecoderReader::decodeByte(Tokenizer::Token &token) const {
  llvm::StringRef text = token.text;
  unsigned byte = 0;
  if (!fallback || text.size() != 6 || !text.consume_front("<0x") ||
      !text.consume_back(">") || !llvm::isHexDigit(text[0]) ||
      !llvm::isHexDigit(text[1]) || text.getAsInteger(16, byte))
    return;
  token.byte = true;
  token.decoded = token.first = std::string(1, static_cast<char>(byte));
}

/// Rules may make tokens longer: a hostile file must not fill the memory.
llvm::Error DecoderReader::apply(const JsonValue &value) {
  constexpr size_t longest = size_t(1) << 16, most = size_t(1) << 28;
  size_t all = 0;
  for (Tokenizer::Token &token : tokenizer.tokens) {
    token.decoded = token.first = token.text;
    for (const Rule &rule : rules) {
      size_t before = std::max(token.decoded.size(), token.first.size());
      if (before > longest)
        return unsupported(value,
                           "the decoder makes a token longer than 64 KiB");
      rule(token.decoded, /*isFirst=*/false);
      rule(token.first, /*isFirst=*/true);
    }
    if (!suffix.empty()) {
      token.last = token.text;
      replaceAll(token.last, suffix, "");
    }
    decodeByte(token);
    all += token.decoded.size() + token.first.size();
    if (all > most)
      return unsupported(value,
                         "the decoder makes tokens of more than 256 MiB");
  }
  return llvm::Error::success();
}

llvm::Error ashlar::readDecoder(const JsonDocument &document,
                                const JsonValue &value, Tokenizer &tokenizer) {
  if (value.isNull()) {
    for (Tokenizer::Token &token : tokenizer.tokens) {
      token.first = token.text;
      token.decoded = " " + token.text;
    }
    return llvm::Error::success();
  }
  DecoderReader reader(document, tokenizer);
  if (llvm::Error error = reader.read(value))
    return error;
  return reader.apply(value);
}
