//===- SentenceFuzzer.cpp - The files of a sentence-transformers folder ---===//
//
// The input is modules.json and, behind a line "---", one of the other files,
// which every reader gets.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/Sentence.h"

#include "tests/fuzz/io/Refusal.h"

#include <cstdlib>

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef input(reinterpret_cast<const char *>(data), size);
  auto [first, second] = input.split("\n---\n");
  std::vector<std::string> warnings;
  SentenceEmbedding sentence;
  if (auto document = parseJson(first, "modules.json")) {
    auto modules = readSentenceModules(*document, warnings);
    if (!modules) {
      checkRefusal(modules.takeError());
      return 0;
    }
    if (llvm::StringRef(modules->poolingFolder).contains('/') ||
        llvm::StringRef(modules->transformerFolder).contains('/'))
      abort(); // it could lead out of the model's folder
    sentence = modules->sentence.value_or(sentence);
  } else {
    checkRefusal(document.takeError());
  }
  auto config = parseJson(second, "config.json");
  if (!config) {
    checkRefusal(config.takeError());
    return 0;
  }
  TextSettings texts;
  if (llvm::Error error = readTextLimits(*config, texts, warnings))
    checkRefusal(std::move(error));
  if (texts.maxTokens < 0)
    abort();
  if (llvm::Error error = readPrompt(*config, texts))
    checkRefusal(std::move(error));
  if (llvm::Error error = readPooling(*config, sentence, warnings))
    checkRefusal(std::move(error));
  checkPromptIsPooled(*config, texts, sentence, warnings);
  return 0;
}
