//===- ConfigFuzzer.cpp - config.json and generation_config.json ----------===//
//
// The input is a configuration and, behind a line "---", the settings of
// generation. What can be imported can be said in YAML.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/Import.h"
#include "compiler/Spec/Yaml.h"

#include "tests/fuzz/io/Refusal.h"

#include <cstdlib>

using namespace ashlar;

/// Text of thousands of layers only costs time.
static bool isSmall(const ModelSpec &spec) {
  for (const Stack &stack : spec.stacks)
    if (stack.blocks.size() > 8)
      return false;
  return spec.labels.size() < 1000;
}

static void check(llvm::StringRef config, const std::string *generation,
                  llvm::StringRef tower) {
  llvm::Expected<ImportResult> result = importConfig(
      config, "config.json", generation, "generation_config.json", tower);
  if (!result)
    return checkRefusal(result.takeError());
  if (!isSmall(result->spec))
    return;
  std::string text = printYaml(result->spec, result->source);
  llvm::Expected<YamlModel> back = parseYaml(text, "model.yaml");
  if (!back || !(back->spec == result->spec))
    abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef input(reinterpret_cast<const char *>(data), size);
  auto [config, rest] = input.split("\n---\n");
  std::string generation = rest.str();
  for (const char *tower : {"", "text", "vision"})
    check(config, rest.empty() ? nullptr : &generation, tower);
  return 0;
}
