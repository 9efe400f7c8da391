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

extern const CommandInfo compileInfo, runInfo, generateInfo, classifyInfo,
    embedInfo, attendInfo, inspectInfo, specInfo, describeInfo, verifyInfo,
    benchInfo, cacheInfo;

llvm::Error runCompile(const Arguments &arguments);
llvm::Error runRun(const Arguments &arguments);
llvm::Error runGenerate(const Arguments &arguments);
llvm::Error runClassify(const Arguments &arguments);
llvm::Error runEmbed(const Arguments &arguments);
llvm::Error runAttend(const Arguments &arguments);
llvm::Error runInspect(const Arguments &arguments);
llvm::Error runSpec(const Arguments &arguments);
llvm::Error runDescribe(const Arguments &arguments);
llvm::Error runVerify(const Arguments &arguments);
llvm::Error runBench(const Arguments &arguments);
llvm::Error runCache(const Arguments &arguments);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_COMMANDS_H
