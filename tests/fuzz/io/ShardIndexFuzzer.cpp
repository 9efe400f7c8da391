//===- ShardIndexFuzzer.cpp - Any bytes as a shard index ------------------===//

#include "compiler/Weights/Checkpoint.h"
#include "tests/fuzz/io/Refusal.h"

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  auto index = parseShardIndex(text, "f");
  if (!index) {
    checkRefusal(index.takeError());
    return 0;
  }
  assert(!index->shards.empty() && index->shards.size() <= 10000);
  for (llvm::StringRef shard : index->shards)
    assert(shard.ends_with(".safetensors") && !shard.contains('/') &&
           !shard.contains('\0'));
  for (const auto &[name, shard] : index->tensors)
    assert(shard < index->shards.size());
  return 0;
}
