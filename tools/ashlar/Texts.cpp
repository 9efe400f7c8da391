//===- Texts.cpp - Texts of the command line, and text for it ------------===//

#include "tools/ashlar/Texts.h"

#include "compiler/Support/Errors.h"
#include "runtime/text/stream.h"
#include "tools/ashlar/Artifact.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;

static Error readError(StringRef file, int code) {
  return userError(file, "cannot be read: " + llvm::sys::StrError(code));
}

Error ashlar::tool::forEachLine(StringRef file,
                                llvm::function_ref<Error(StringRef)> take) {
  bool standard = file == "-";
  FILE *stream = standard ? stdin : std::fopen(file.str().c_str(), "re");
  if (!stream)
    return readError(file, errno);
  char *line = nullptr;
  size_t room = 0;
  llvm::scope_exit atEnd([&] {
    std::free(line);
    if (!standard)
      std::fclose(stream);
  });
  ssize_t bytes;
  errno = 0;
  while ((bytes = getline(&line, &room, stream)) >= 0) {
    StringRef text(line, bytes);
    if (text.consume_back("\n"))
      text.consume_back("\r");
    if (Error error = take(text))
      return error;
    errno = 0;
  }
  if (std::ferror(stream))
    return readError(standard ? "standard input" : file, errno);
  return Error::success();
}

Error ashlar::tool::forEachText(const Arguments &arguments,
                                llvm::function_ref<Error(StringRef)> take) {
  if (std::optional<StringRef> file = arguments.get("--file"))
    return forEachLine(*file, take);
  for (StringRef text : arguments.all("--text"))
    if (Error error = take(text))
      return error;
  return Error::success();
}

llvm::Expected<std::vector<int32_t>> ashlar::tool::parseIds(StringRef text,
                                                            StringRef option) {
  std::vector<int32_t> ids;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    int32_t id;
    if (part.getAsInteger(10, id) || id < 0)
      return usageError(option + ": \"" + part +
                        "\" is no token id; expected numbers such as 1,2,3");
    ids.push_back(id);
  }
  return ids;
}

void ashlar::tool::printText(StringRef text) {
  if (!llvm::outs().is_displayed()) {
    llvm::outs() << text;
    return;
  }
  ashlar_stream stream = {};
  stream.sink = [](void *, const char *bytes, size_t count) {
    if (ashlar_stream_steers(bytes, count))
      llvm::outs() << '?';
    else
      llvm::outs() << StringRef(bytes, count);
  };
  ashlar_stream_write(&stream, text.data(), text.size());
  ashlar_stream_end(&stream);
  // A reader sees each word as it comes.
  llvm::outs().flush();
}

llvm::Expected<Tokens> Tokens::encode(const ashlar_text &text, StringRef input,
                                      bool special) {
  Tokens result;
  ashlar_error error;
  if (ashlar_text_tokens(&text, input.data(), input.size(),
                         special ? ASHLAR_TEXT_SPECIAL : 0, &result.tokens,
                         &error)) {
    result.tokens = {};
    return frontError(error);
  }
  return std::move(result);
}

llvm::Expected<Tokens> Tokens::encodeToEmbed(const ashlar_text &text,
                                             const ashlar_embedding &embedding,
                                             StringRef input, bool special) {
  Tokens result;
  ashlar_error error;
  if (ashlar_embedding_tokens(&text, &embedding, input.data(), input.size(),
                              special ? ASHLAR_TEXT_SPECIAL : 0, &result.tokens,
                              &error))
    return frontError(error);
  return std::move(result);
}

std::string ashlar::tool::decodeTokens(const ashlar_text &text,
                                       llvm::ArrayRef<int32_t> ids) {
  std::string result;
  ashlar_text_sink sink = [](void *user, const char *bytes, size_t count) {
    static_cast<std::string *>(user)->append(bytes, count);
  };
  ashlar_text_decoder decoder;
  ashlar_text_decoder_init(&decoder, &text);
  for (int32_t id : ids)
    ashlar_text_decode(&decoder, id, sink, &result);
  ashlar_text_decode_end(&decoder, sink, &result);
  return result;
}

static ashlar_turn turnOf(StringRef text) {
  return {text.empty() ? "" : text.data(), text.size()};
}

llvm::Expected<Tokens> Tokens::encodeChat(const ashlar_text &text,
                                          std::optional<StringRef> system,
                                          llvm::ArrayRef<std::string> said,
                                          bool special) {
  std::vector<ashlar_turn> turns(said.size());
  llvm::transform(said, turns.begin(), turnOf);
  ashlar_turn first = turnOf(system.value_or(""));
  return encodeChat(
      text, {system ? &first : nullptr, turns.data(), turns.size()}, special);
}

llvm::Expected<Tokens> Tokens::encodeChat(const ashlar_text &text,
                                          const ashlar_text_chat &chat,
                                          bool special) {
  Tokens result;
  ashlar_error error;
  if (ashlar_text_chat_tokens(&text, &chat, special ? ASHLAR_TEXT_SPECIAL : 0,
                              &result.tokens, &error)) {
    result.tokens = {};
    return frontError(error);
  }
  return std::move(result);
}

Error ashlar::tool::needTokenizer(const ashlar_text &text, StringRef remedy) {
  if (ashlar_text_has_tokenizer(&text))
    return Error::success();
  return userError("", "the model has no tokenizer", remedy);
}

Error ashlar::tool::checkOutput() {
  llvm::outs().flush();
  if (!llvm::outs().has_error())
    return Error::success();
  std::string cause = llvm::outs().error().message();
  llvm::outs().clear_error();
  return userError("", "standard output cannot be written: " + cause);
}

std::string ashlar::tool::grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(at, ",");
  return digits;
}
