//===- ChatFuzzer.cpp - Any bytes as a chat template ----------------------===//

#include "compiler/Text/chat/Chat.h"
#include "tests/fuzz/io/Refusal.h"

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerFiles files;
  files.chatTemplate.emplace(reinterpret_cast<const char *>(data), size);
  std::vector<std::string> warnings;
  readChatTemplate(files, warnings);
  return 0;
}
