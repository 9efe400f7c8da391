//===- SentencePieceFuzzer.cpp - Any bytes as a SentencePiece model -------===//

#include "compiler/Text/TextTables.h"
#include "runtime/text/text.h"
#include "tests/fuzz/io/Refusal.h"

using namespace ashlar;

/// The first byte chooses the family, the others are the model.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static constexpr const char *modelTypes[] = {
      "llama", "gemma", "t5", "albert", "xlm-roberta", "mbart", "pegasus"};
  if (size == 0)
    return 0;
  llvm::StringRef model(reinterpret_cast<const char *>(data) + 1, size - 1);
  TokenizerFiles files;
  files.pieces = {"f", model.str()};
  files.modelType = modelTypes[data[0] % std::size(modelTypes)];
  auto tables = buildTextTables(files, TextOptions{});
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
  ashlar_tokens tokens;
  if (ashlar_text_tokens(&text, model.data(), model.size(), ASHLAR_TEXT_SPECIAL,
                         &tokens, &error) == 0)
    ashlar_tokens_free(&tokens);
  return 0;
}
