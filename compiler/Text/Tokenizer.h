//===- Tokenizer.h - What a tokenizer.json says ----------------*- C++ -*-===//
//
// The tokenizer that the readers understood, before it becomes tables. Text
// goes through: added tokens, normalizer, pre-tokenizer (both a list of steps),
// model, template; ids go through the decoder, whose work is done here as far
// as it concerns single tokens.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_TOKENIZER_H
#define ASHLAR_COMPILER_TEXT_TOKENIZER_H

#include "compiler/Text/CharacterMap.h"
#include "compiler/Text/regex/Pattern.h"
#include "runtime/text/tables.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace ashlar {

struct Tokenizer {
  struct Token {
    std::string text; // as tokenizer.json has it
    bool present = false;
    bool special = false;    // left out of decoded text
    bool vocabulary = false; // a token of the model, not only an added one
    bool byte = false;       // decoded, it is one byte of a character
    /// What the model looks up, where that is not `text`: the bytes that a
    /// byte-level vocabulary spells as letters.
    std::optional<std::string> bytes = std::nullopt;
    /// What it adds to decoded text, and what it does as the first token.
    std::string decoded = {};
    std::string first = {};
    std::string last = {}; // as the last one; with ASHLAR_DECODER_LAST
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

  /// A step of the normalizer or pre-tokenizer; kinds and flags are those of
  /// the tables.
  struct Step {
    ashlar_text_step_kind kind = ASHLAR_STEP_SPLIT;
    uint32_t flags = 0;
    Pattern pattern = {};    // split, replace; charsmap: a grapheme
    std::string string = {}; // prepend, replace; charsmap: texts with NUL
    CharacterMap map = {};   // map; form: decompositions
    CodePointTable<uint8_t> orders = {}; // form: classes; strip: 1 = space
    std::vector<ashlar_text_pair> pairs = {};
    std::vector<uint32_t> units = {}; // charsmap
  };

  struct TemplateItem {
    std::optional<int32_t> id; // nothing = the text
    int32_t type = 0;
  };

  struct Model {
    ashlar_text_model kind = ASHLAR_MODEL_WORDS;
    uint32_t flags = 0; // ashlar_text_model_flag
    std::optional<int32_t> unknown;
    std::array<int32_t, 256> byteTokens; // with ASHLAR_MODEL_FALLBACK
    std::string prefix; // merges, WordPiece: of what continues a word
    std::string suffix; // merges: of what ends a word
    std::vector<ashlar_text_merge> merges;
    uint32_t maxWord = 0;       // WordPiece: characters
    std::vector<double> scores; // Unigram, by id
    double unknownScore = 0;
  };

  std::vector<Token> tokens; // by id
  std::vector<AddedToken> addedTokens;
  std::vector<Step> normalizer;
  std::vector<Step> preTokenizer;
  Model model;
  std::vector<TemplateItem> items;
  uint32_t decoderFlags = 0;
  uint32_t stripCount = 0; // leading characters that decoded text goes without
  uint32_t stripCharacter = 0;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TOKENIZER_H
