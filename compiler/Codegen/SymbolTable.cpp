//===- SymbolTable.cpp - Which names of an object are seen ----------------===//

#include "compiler/Codegen/SymbolTable.h"

#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/Binary.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;

llvm::Expected<llvm::SmallVector<char, 0>>
ashlar::hideSymbols(llvm::StringRef object, const PublicSymbols &symbols) {
  llvm::objcopy::ConfigManager config;
  for (const auto &symbol : symbols) {
    if (llvm::Error error = config.Common.SymbolsToKeepGlobal.addMatcher(
            llvm::objcopy::NameOrPattern::create(
                symbol.getKey(), llvm::objcopy::MatchStyle::Literal,
                [](llvm::Error error) { return error; })))
      return error;
    config.Common.SymbolsToRename[symbol.getKey()] = symbol.getValue();
  }
  auto binary =
      llvm::object::createBinary(llvm::MemoryBufferRef(object, "object"));
  if (!binary)
    return binary.takeError();
  llvm::SmallVector<char, 0> result;
  llvm::raw_svector_ostream os(result);
  if (llvm::Error error =
          llvm::objcopy::executeObjcopyOnBinary(config, **binary, os))
    return error;
  return result;
}
