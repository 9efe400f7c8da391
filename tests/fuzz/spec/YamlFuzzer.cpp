//===- YamlFuzzer.cpp - Descriptions as YAML ------------------------------===//
//
// What can be read can be written, and is the same when read again. The tree
// of any YAML, description or not, survives printing too.
//
//===----------------------------------------------------------------------===//

#include "compiler/Spec/Yaml.h"
#include "compiler/Spec/YamlText.h"

#include "tests/fuzz/io/Refusal.h"

#include <cstdlib>

using namespace ashlar;

static void checkTree(llvm::StringRef text) {
  llvm::Expected<JsonDocument> tree = parseYamlTree(text, "model.yaml");
  if (!tree) {
    checkRefusal(tree.takeError());
    return;
  }
  std::string printed = printYamlTree(tree->root);
  llvm::Expected<JsonDocument> again = parseYamlTree(printed, "model.yaml");
  if (!again || printYamlTree(again->root) != printed)
    abort();
}

static void checkDescription(llvm::StringRef text) {
  llvm::Expected<YamlModel> model = parseYaml(text, "model.yaml");
  if (!model) {
    checkRefusal(model.takeError());
    return;
  }
  std::string printed = printYaml(model->spec, model->source, "model.yaml");
  llvm::Expected<YamlModel> again = parseYaml(printed, "model.yaml");
  if (!again || !(again->spec == model->spec))
    abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  checkTree(text);
  checkDescription(text);
  return 0;
}
