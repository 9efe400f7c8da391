//===- ExpectedTest.cpp - Whole descriptions ------------------------------===//
//
// One model of each family, down to the last field. Catches any change of what
// an importer understands; tests/e2e says whether it is right. The expected
// texts are what `ashlar spec MODEL -o tests/compiler/import/expected/X.yaml`
// writes.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/Import.h"
#include "compiler/Spec/Yaml.h"
#include "tests/compiler/support/ErrorText.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace ashlar;

class Expected : public testing::TestWithParam<const char *> {};

TEST_P(Expected, Description) {
  const std::string root = ASHLAR_SOURCE_DIR, name = GetParam();
  const std::string file =
      root + "/tests/compiler/import/expected/" + name + ".yaml";
  std::stringstream expected;
  expected << std::ifstream(file).rdbuf();
  ASSERT_FALSE(expected.str().empty()) << file;
  ImportResult model =
      valueOf(importModel(root + "/tests/cases/hf/" + name + "/model"));
  EXPECT_EQ(printYaml(model.spec, model.source, file), expected.str());
  EXPECT_TRUE(valueOf(importModel(file)).spec == model.spec);
}

INSTANTIATE_TEST_SUITE_P(Models, Expected,
                         testing::Values("bart", "bert_masked_lm",
                                         "bert_seq_cls_f16", "gpt2_small",
                                         "llama_rope_llama3", "marian",
                                         "torch_vanilla_post_norm"));
