//===- main.cpp - The driver ---------------------------------------------===//

#include "compiler/Compiler.h"
#include "tools/ashlar/Commands.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>

using namespace ashlar;
using namespace ashlar::tool;

static const Command commands[] = {
    {compileInfo, runCompile},   {runInfo, runRun},
    {generateInfo, runGenerate}, {classifyInfo, runClassify},
    {embedInfo, runEmbed},       {attendInfo, runAttend},
    {inspectInfo, runInspect},   {specInfo, runSpec},
    {describeInfo, runDescribe}, {verifyInfo, runVerify},
    {benchInfo, runBench},       {cacheInfo, runCache},
};

static void printUsage(llvm::raw_ostream &os) {
  os << "ashlar COMMAND ...\n\n";
  for (const Command &command : commands) {
    os << "  " << command.info.name;
    os.indent(10 - llvm::StringRef(command.info.name).size());
    os << command.info.summary << "\n";
  }
  os << "\nashlar COMMAND --help says more.\n";
}

static void printVersion() {
  llvm::outs() << compilerVersion() << "\ntargets:";
  for (const Target &target : targets())
    llvm::outs() << " " << target.name;
  llvm::outs() << "\nfamilies:";
  for (const std::string &family : supportedFamilies())
    llvm::outs() << " " << family;
  llvm::outs() << "\n";
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // A file beyond the user's limit is an error of the write, not our end.
  ::signal(SIGXFSZ, SIG_IGN);
  if (argc < 2) {
    printUsage(llvm::errs());
    return usage;
  }
  llvm::StringRef name = argv[1];
  if (name == "--help" || name == "help") {
    printUsage(llvm::outs());
    return done;
  }
  if (name == "--version") {
    printVersion();
    return done;
  }
  for (const Command &command : commands) {
    if (name != command.info.name)
      continue;
    llvm::Expected<Arguments> arguments = Arguments::parse(
        command.info, llvm::ArrayRef<const char *>(argv + 2, argc - 2));
    if (!arguments)
      return report(arguments.takeError());
    if (arguments->has("--help")) {
      printHelp(command.info);
      return done;
    }
    return report(command.run(*arguments));
  }
  llvm::errs() << "error: ashlar has no command \"" << name << "\"\n";
  printUsage(llvm::errs());
  return usage;
}
