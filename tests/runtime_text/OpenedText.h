//===- OpenedText.h - A tokenizer, compiled and opened ---------*- C++ -*-===//

#ifndef ASHLAR_TESTS_RUNTIME_TEXT_OPENEDTEXT_H
#define ASHLAR_TESTS_RUNTIME_TEXT_OPENEDTEXT_H

#include "compiler/Text/TextTables.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "runtime/text/text.h"

#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

namespace ashlar {

inline std::string readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(bool(buffer)) << path;
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

/// Tables from a tokenizer.json's text, opened as the tools would.
class OpenedText {
public:
  explicit OpenedText(llvm::StringRef json, const TextOptions &options = {}) {
    JsonDocument document = llvm::cantFail(parseJson(json, "tokenizer.json"));
    llvm::Expected<TextTables> tables = buildTextTables(document, options);
    if (!tables) {
      ADD_FAILURE() << llvm::toString(tables.takeError());
      tables = buildTextTables(options);
    }
    open(std::move(*tables));
  }
  /// The tokenizer of a folder's files.
  explicit OpenedText(const TokenizerFiles &files,
                      const TextOptions &options = {}) {
    llvm::Expected<TextTables> tables = buildTextTables(files, options);
    if (!tables) {
      ADD_FAILURE() << llvm::toString(tables.takeError());
      tables = buildTextTables(options);
    }
    open(std::move(*tables));
  }
  /// A model without tokenizer.
  explicit OpenedText(const TextOptions &options) {
    open(llvm::cantFail(buildTextTables(options)));
  }

  std::vector<int32_t> encode(llvm::StringRef input, unsigned flags = 0) {
    ashlar_tokens tokens;
    failed = ashlar_text_tokens(&text, input.data(), input.size(), flags,
                                &tokens, &error);
    if (failed)
      return {};
    std::vector<int32_t> ids(tokens.ids, tokens.ids + tokens.count);
    types.assign(tokens.types, tokens.types + tokens.count);
    ashlar_tokens_free(&tokens);
    return ids;
  }

  std::string decode(llvm::ArrayRef<int32_t> ids) {
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

  TextTables tables;
  ashlar_text text = {};
  ashlar_error error = {};
  bool failed = false;
  std::vector<int32_t> types; // of the last encoded text

private:
  void open(TextTables made) {
    tables = std::move(made);
    EXPECT_EQ(
        ashlar_text_open(tables.blob.data(), tables.blob.size(), &text, &error),
        0)
        << error.message;
    patterns = llvm::cantFail(PatternMatcher::create(text));
    if (patterns)
      text.matcher = patterns->matcher();
  }

  std::unique_ptr<PatternMatcher> patterns; // that tables cannot follow
};

} // namespace ashlar

#endif // ASHLAR_TESTS_RUNTIME_TEXT_OPENEDTEXT_H
