//===- TokenizerFuzzer.cpp - Any bytes as tokenizer.json ------------------===//

#include "compiler/Text/TextTables.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "runtime/text/text.h"
#include "tests/fuzz/io/Refusal.h"

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef json(reinterpret_cast<const char *>(data), size);
  auto document = parseJson(json, "f");
  if (!document) {
    checkRefusal(document.takeError());
    return 0;
  }
  auto tables = buildTextTables(*document, TextOptions{});
  if (!tables) {
    checkRefusal(tables.takeError());
    return 0;
  }
  // What was built must be sound, and any text must pass through it.
  ashlar_text text;
  ashlar_error error;
  int refused =
      ashlar_text_open(tables->blob.data(), tables->blob.size(), &text, &error);
  assert(!refused && "the reader refuses the writer's tables");
  (void)refused;
  auto patterns = PatternMatcher::create(text);
  assert(patterns && "PCRE2 refuses what it has taken before");
  if (*patterns)
    text.matcher = (*patterns)->matcher();
  ashlar_tokens tokens;
  if (ashlar_text_tokens(&text, json.data(), json.size(), ASHLAR_TEXT_SPECIAL,
                         &tokens, &error) == 0)
    ashlar_tokens_free(&tokens);
  return 0;
}
