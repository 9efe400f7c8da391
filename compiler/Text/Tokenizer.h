//===- Tokenizer.h - What a tokenizer.json says ----------------*- C++ -*-===//
//
// The tokenizer that the reader understood, before it becomes tables. Text goes
// through: added tokens, normalizer, pre-tokenizer (a list of splits), model
// (whole pieces are looked up), template. Positions are kept where the tables'
// builder may still find a fault.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_TOKENIZER_H
#define ASHLAR_COMPILER_TEXT_TOKENIZER_H

#include "compiler/Support/Json.h"
#include "compiler/Text/RegexDfa.h"

#include <optional>
#include <string>
#include <vector>

namespace ashlar {

struct Tokenizer {
  struct Token {
    std::string text;
    bool present = false;
    bool special = false;    // left out of decoded text
    bool vocabulary = false; // a token of the model, not only an added one
  };

  struct AddedToken {
    int32_t id = 0;
    std::string text;
    bool special = false;
    bool normalized = false; // matched in normalized text, not in the raw one
    bool leftStrip = false;
    bool rightStrip = false;
    bool singleWord = false;
  };

  struct Split {
    RegexDfa pattern;
    bool removed = false; // matches vanish; otherwise they are pieces
    bool invert = false;  // what lies between matches counts as the match
  };

  struct TemplateItem {
    std::optional<int32_t> id; // nothing = the text
    int32_t type = 0;
  };

  std::vector<Token> tokens; // by id
  std::optional<int32_t> unknown;
  std::vector<AddedToken> addedTokens;
  bool lowerCase = false;
  std::vector<Split> splits;
  std::vector<TemplateItem> items;
  bool fuse = false; // decoded tokens are joined by nothing, not by spaces
};

/// Reads what `document` describes. A part of a kind that is not supported is
/// an error at its position; what is left aside is told in `warnings`. Token
/// ids must be below `vocabulary`, unless that is 0.
llvm::Expected<Tokenizer> readTokenizer(const JsonDocument &document,
                                        int64_t vocabulary,
                                        std::vector<std::string> &warnings);

/// The splits that "pre_tokenizer" stands for.
llvm::Expected<std::vector<Tokenizer::Split>>
readPreTokenizer(const JsonDocument &document, const JsonValue &value);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TOKENIZER_H
