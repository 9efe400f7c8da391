//===- Svg.cpp - What drawings share --------------------------------------===//

#include "tools/ashlar/Svg.h"

#include "compiler/Support/Errors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

std::string ashlar::tool::escapeXml(llvm::StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  llvm::printHTMLEscaped(escapeForDisplay(text), os);
  return result;
}
