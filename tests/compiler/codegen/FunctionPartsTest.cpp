//===- FunctionPartsTest.cpp - Code generation by several threads --------===//

#include "compiler/Codegen/FunctionParts.h"
#include "compiler/Codegen/MachineCode.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Target/TargetMachine.h"

#include <gtest/gtest.h>
#include <map>

using namespace ashlar;

namespace {
std::unique_ptr<llvm::Module> parse(llvm::LLVMContext &context,
                                    const std::string &text) {
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(text, diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  auto machine = createMachine(targets()[0]);
  EXPECT_TRUE(bool(machine));
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  return module;
}

/// `count` functions, each of which calls the next one.
std::unique_ptr<llvm::Module> chain(llvm::LLVMContext &context, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    std::string next = std::to_string((i + 1) % count);
    text += "define internal i64 @f" + std::to_string(i) +
            "(i64 %a) noinline { %b = add i64 %a, 1\n %c = call i64 @f" + next +
            "(i64 %b)\n ret i64 %c }\n";
  }
  return parse(context, text);
}

/// Name -> how many of the objects define it.
std::map<std::string, int> definitions(llvm::ArrayRef<std::string> objects) {
  std::map<std::string, int> names;
  for (const std::string &object : objects) {
    auto file = llvm::object::ObjectFile::createELFObjectFile(
        llvm::MemoryBufferRef(object, "part"));
    if (!file) {
      ADD_FAILURE() << llvm::toString(file.takeError());
      continue;
    }
    for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
      auto type = symbol.getType();
      auto name = symbol.getName();
      if (!type || !name)
        ADD_FAILURE() << llvm::toString(
            llvm::joinErrors(type.takeError(), name.takeError()));
      else if (*type == llvm::object::SymbolRef::ST_Function)
        ++names[name->str()];
    }
  }
  return names;
}
} // namespace

// Catches: functions that are lost, or defined by two parts, and parts that are
// left empty.
TEST(FunctionParts, EachFunctionOnce) {
  for (int count : {1, 2, 3, 4, 5, 23}) {
    llvm::LLVMContext context;
    auto module = chain(context, count);
    auto objects = takeFunctions(FunctionModule{module.get(), &targets()[0]});
    ASSERT_TRUE(bool(objects)) << llvm::toString(objects.takeError());
    EXPECT_EQ(objects->size(), size_t(std::min(count, 4)));
    std::map<std::string, int> expected;
    for (int i = 0; i < count; ++i)
      expected["f" + std::to_string(i)] = 1;
    EXPECT_EQ(definitions(*objects), expected);
    for (const llvm::Function &function : *module) {
      EXPECT_TRUE(function.isDeclaration());
      EXPECT_TRUE(function.hasHiddenVisibility());
    }
    for (const std::string &object : *objects)
      EXPECT_GE(definitions(object).size(), size_t(count / 4));
  }
}

TEST(FunctionParts, SameObjectsEachTime) {
  llvm::SmallVector<std::string> first;
  for (int turn = 0; turn < 3; ++turn) {
    llvm::LLVMContext context;
    auto module = chain(context, 9);
    auto objects = takeFunctions(FunctionModule{module.get(), &targets()[0]});
    ASSERT_TRUE(bool(objects)) << llvm::toString(objects.takeError());
    if (turn == 0)
      first = *objects;
    EXPECT_EQ(*objects, first);
  }
}

// Catches: an error of one part that is lost among the others, or ends the
// process.
TEST(FunctionParts, ErrorsOfAllParts) {
  llvm::LLVMContext context;
  auto wrong = [](std::string name) {
    return "define void @" + name + "() { call void asm sideeffect \"" + name +
           "_is_none\", \"\"()\n ret void }\n";
  };
  auto module = parse(context, wrong("a") + "define void @b() { ret void }\n" +
                                   wrong("c"));
  auto objects = takeFunctions(FunctionModule{module.get(), &targets()[0]});
  ASSERT_FALSE(bool(objects));
  std::string text = llvm::toString(objects.takeError());
  for (const char *part : {"code generation: ", "a_is_none", "c_is_none"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}
