//===- Commands.h - The driver's commands ----------------------*- C++ -*-===//
//
// One file per command; each has a CommandInfo and a function.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_COMMANDS_H
#define ASHLAR_TOOLS_ASHLAR_COMMANDS_H

#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

struct Command {
  const CommandInfo &info;
  llvm::Error (*run)(const Arguments &arguments);
};

extern const CommandInfo compileInfo;
llvm::Error runCompile(const Arguments &arguments);
extern const CommandInfo inspectInfo;
llvm::Error runInspect(const Arguments &arguments);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_COMMANDS_H
