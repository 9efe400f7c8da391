//===- EncodeFuzzer.cpp - Any bytes as text -------------------------------===//

#include "compiler/Text/TextTables.h"
#include "runtime/text/text.h"

#include <cassert>

using namespace ashlar;

static constexpr const char *tokenizer = R"x({
  "model": {"type": "WordLevel", "unk_token": "?",
            "vocab": {"?": 0, "a": 1, " a": 2, "1": 3, "</s>": 4}},
  "added_tokens": [{"id": 4, "content": "</s>", "special": true},
                   {"id": 5, "content": "[L]", "lstrip": true},
                   {"id": 6, "content": "[R]", "rstrip": true},
                   {"id": 7, "content": "one", "single_word": true},
                   {"id": 8, "content": "UP", "normalized": true}],
  "normalizer": {"type": "Lowercase"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "pattern":
      {"Regex": " ?\\p{L}+|\\p{N}{1,3}?| ?[^\\s\\p{L}\\p{N}]+|\\s*"}},
    {"type": "Split", "behavior": "Removed", "pattern": {"String": "xyz"}}]},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "s"}}, {"Sequence": {"id": "A"}}],
    "special_tokens": {"s": {"ids": [4]}}}})x";

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const TextTables tables = llvm::cantFail(buildTextTables(
      llvm::cantFail(parseJson(tokenizer, "t")), TextOptions{}));
  ashlar_text text;
  ashlar_error error;
  int failed =
      ashlar_text_open(tables.blob.data(), tables.blob.size(), &text, &error);
  assert(!failed);
  ashlar_tokens tokens;
  unsigned flags = size % 2 ? ASHLAR_TEXT_SPECIAL : 0;
  failed = ashlar_text_tokens(&text, reinterpret_cast<const char *>(data), size,
                              flags, &tokens, &error);
  assert(!failed && "a text with a token for unknown words always passes");
  assert(tokens.count >= 1 && tokens.ids[0] == 4);
  ashlar_text_decoder decoder;
  ashlar_text_decoder_init(&decoder, &text);
  for (size_t i = 0; i < tokens.count; ++i) {
    assert(tokens.ids[i] >= 0 && tokens.ids[i] <= 8);
    ashlar_text_decode(
        &decoder, tokens.ids[i], [](void *, const char *, size_t) {}, nullptr);
  }
  ashlar_tokens_free(&tokens);
  return 0;
}
