//===- EncodeFuzzer.cpp - Any bytes as text -------------------------------===//

#include "compiler/Text/TextTables.h"
#include "runtime/text/text.h"

#include <cassert>

using namespace ashlar;

static constexpr const char *added = R"x(, "added_tokens": [
    {"id": 4, "content": "</s>", "special": true},
    {"id": 5, "content": "[L]", "lstrip": true},
    {"id": 6, "content": "[R]", "rstrip": true},
    {"id": 7, "content": "one", "single_word": true},
    {"id": 8, "content": "UP", "normalized": true}],
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "s"}}, {"Sequence": {"id": "A"}}],
    "special_tokens": {"s": {"ids": [4]}}}})x";

/// One for every model, each with other steps before it.
static constexpr const char *tokenizers[] = {
    R"x({"model": {"type": "WordLevel", "unk_token": "?",
            "vocab": {"?": 0, "a": 1, " a": 2, "1": 3, "</s>": 4}},
  "normalizer": {"type": "Lowercase"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "pattern":
      {"Regex": " ?\\p{L}+|\\p{N}{1,3}?| ?[^\\s\\p{L}\\p{N}]+|\\s*"}},
    {"type": "Split", "behavior": "Removed", "pattern": {"String": "xyz"}}]})x",
    R"x({"model": {"type": "BPE", "unk_token": "?", "ignore_merges": true,
            "merges": ["a a", "aa aa"],
            "vocab": {"?": 0, "a": 1, "aa": 2, "aaaa": 3, "</s>": 4}},
  "pre_tokenizer": {"type": "ByteLevel"},
  "decoder": {"type": "ByteLevel"})x",
    R"x({"model": {"type": "BPE", "unk_token": "?", "byte_fallback": true,
            "fuse_unk": true, "merges": ["a b"],
            "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3, "</s>": 4}},
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"},
    {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace",
     "pattern": {"Regex": " +(?! )"}, "content": "\u2581"}]},
  "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"},
    {"type": "Fuse"}, {"type": "Strip", "content": "a", "start": 2}]})x",
    R"x({"model": {"type": "WordPiece", "unk_token": "?",
            "vocab": {"?": 0, "a": 1, "##a": 2, "##\u0301": 3, "</s>": 4}},
  "normalizer": {"type": "BertNormalizer"},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "decoder": {"type": "WordPiece", "prefix": "##"})x",
    R"x({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["?", 0],
            ["\u2581", -2], ["\u2581a", -1.5], ["a", -1], ["</s>", 0]]},
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"},
    {"type": "Strip"}]},
  "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581"},
  "decoder": {"type": "Metaspace", "replacement": "\u2581"})x"};

static ashlar_text open(const TextTables &tables) {
  ashlar_text text;
  ashlar_error error;
  int failed =
      ashlar_text_open(tables.blob.data(), tables.blob.size(), &text, &error);
  assert(!failed);
  (void)failed;
  return text;
}

static void encode(const ashlar_text &text, const uint8_t *data, size_t size) {
  ashlar_error error;
  ashlar_tokens tokens;
  unsigned flags = size % 2 ? ASHLAR_TEXT_SPECIAL : 0;
  int failed = ashlar_text_tokens(&text, reinterpret_cast<const char *>(data),
                                  size, flags, &tokens, &error);
  assert(!failed && "a text with a token for unknown words always passes");
  assert(tokens.count >= 1 && tokens.ids[0] == 4);
  ashlar_text_decoder decoder;
  ashlar_text_decoder_init(&decoder, &text);
  ashlar_text_sink sink = [](void *, const char *, size_t) {};
  for (size_t i = 0; i < tokens.count; ++i) {
    assert(tokens.ids[i] >= 0 && tokens.ids[i] <= 8);
    ashlar_text_decode(&decoder, tokens.ids[i], sink, nullptr);
  }
  ashlar_text_decode_end(&decoder, sink, nullptr);
  ashlar_tokens_free(&tokens);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<TextTables> all = [] {
    std::vector<TextTables> made;
    for (const char *tokenizer : tokenizers)
      made.push_back(llvm::cantFail(buildTextTables(
          llvm::cantFail(parseJson(std::string(tokenizer) + added, "t")),
          TextOptions{})));
    return made;
  }();
  static const std::vector<ashlar_text> opened = [] {
    std::vector<ashlar_text> texts;
    for (const TextTables &tables : all)
      texts.push_back(open(tables));
    return texts;
  }();
  for (const ashlar_text &text : opened)
    encode(text, data, size);
  return 0;
}
