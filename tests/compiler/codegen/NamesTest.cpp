//===- NamesTest.cpp - Identifiers of artifacts ---------------------------===//

#include "compiler/Codegen/Names.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

using namespace ashlar;

TEST(Names, PublicFunctionsAreThoseOfTheHeaders) {
  std::vector<std::string> names = publicFunctions();
  for (const char *name :
       {"ashlar_open", "ashlar_close", "ashlar_encode", "ashlar_decode",
        "ashlar_get_api", "ashlar_status_text", "ashlar_length"})
    EXPECT_TRUE(llvm::is_contained(names, name)) << name;
  for (const char *name : {"ashlar_status", "ashlar_model", "ashlar_batch"})
    EXPECT_FALSE(llvm::is_contained(names, name)) << name;
  EXPECT_EQ(publicName("ashlar_open", "bert"), "bert_open");
}

TEST(Names, IdentifierFromStem) {
  EXPECT_EQ(identifierFromStem("bert"), "bert");
  EXPECT_EQ(identifierFromStem("GPT-2 small"), "gpt_2_small");
  EXPECT_EQ(identifierFromStem("7b"), "m7b");
  EXPECT_EQ(identifierFromStem(""), "model");
  EXPECT_EQ(identifierFromStem("--"), "model");
  EXPECT_EQ(identifierFromStem("\xe4\xbd\xa0\xe5\xa5\xbd"), "model");
  EXPECT_EQ(identifierFromStem("*/ int x; /*"), "___int_x____");
  EXPECT_EQ(identifierFromStem("sem"), "msem");
  EXPECT_EQ(identifierFromStem(std::string(1000, 'a')).size(), 63u);
}

TEST(Names, EveryStemGivesAValidIdentifier) {
  for (int c = 0; c < 256; ++c) {
    std::string stem = {static_cast<char>(c), 'x'};
    EXPECT_FALSE(checkIdentifier(identifierFromStem(stem))) << c;
  }
}

static std::string complaint(llvm::StringRef identifier) {
  return llvm::toString(checkIdentifier(identifier));
}

TEST(Names, CheckIdentifier) {
  EXPECT_EQ(complaint("Bert_2"), "");
  EXPECT_NE(complaint("").find("is not a C identifier"), std::string::npos);
  EXPECT_NE(complaint("2b").find("is not a C identifier"), std::string::npos);
  EXPECT_NE(complaint("a-b").find("is not a C identifier"), std::string::npos);
  EXPECT_NE(complaint("sem").find("sem_open"), std::string::npos);
  EXPECT_NE(complaint(std::string(65, 'a')).find("at most 64"),
            std::string::npos);
}
