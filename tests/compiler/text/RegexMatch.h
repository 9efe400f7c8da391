//===- RegexMatch.h - What a pattern finds in a text -----------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_TEXT_REGEXMATCH_H
#define ASHLAR_TESTS_COMPILER_TEXT_REGEXMATCH_H

#include "compiler/Text/TextTables.h"
#include "compiler/Text/regex/Pattern.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "tests/compiler/support/ErrorText.h"

#include "llvm/Support/JSON.h"

#include <gtest/gtest.h>

namespace ashlar {

/// A pattern in the tables of a tokenizer that writes "<>" for every match, as
/// the front end's own code finds them.
class PatternTables {
public:
  explicit PatternTables(llvm::StringRef pattern) {
    llvm::json::Value json = llvm::json::Object{
        {"model", llvm::json::Object{{"type", "WordLevel"},
                                     {"unk_token", "a"},
                                     {"vocab", llvm::json::Object{{"a", 0}}}}},
        {"normalizer",
         llvm::json::Object{
             {"type", "Replace"},
             {"content", "<>"},
             {"pattern", llvm::json::Object{{"Regex", pattern.str()}}}}}};
    std::string text;
    llvm::raw_string_ostream(text) << json;
    tables = valueOf(
        buildTextTables(valueOf(parseJson(text, "t.json")), TextOptions{}));
    ashlar_error error;
    EXPECT_EQ(ashlar_text_open(tables.blob.data(), tables.blob.size(), &opened,
                               &error),
              0)
        << error.message;
    patterns = valueOf(PatternMatcher::create(opened));
    if (patterns)
      opened.matcher = patterns->matcher();
  }

  bool isRegular() const { return tables.irregular.empty(); }

  /// An error's message where it fails.
  std::string replace(llvm::StringRef text) const {
    std::string result;
    ashlar_error error;
    if (ashlar_text_normalize(
            &opened, text.data(), text.size(),
            [](void *to, const char *bytes, size_t count) {
              static_cast<std::string *>(to)->append(bytes, count);
            },
            &result, &error))
      return error.message;
    return result;
  }

private:
  TextTables tables;
  ashlar_text opened = {};
  std::unique_ptr<PatternMatcher> patterns;
};

} // namespace ashlar

#endif // ASHLAR_TESTS_COMPILER_TEXT_REGEXMATCH_H
