//===- InspectCommand.cpp - ashlar inspect -------------------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Compiler.h"
#include "compiler/Support/Errors.h"
#include "compiler/Support/Files.h"
#include "passes/Fusion/Statistics.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;

static const OptionInfo options[] = {
    {"--stage", "NAME", "print the IR after this stage"},
    {"--list-stages", nullptr, "print the names of the stages"},
    {"--all-stages", "DIR",
     "write a numbered file for each stage that changed"},
    {"--statistics", nullptr,
     "print where each fusion fired, and where and why it declined"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::inspectInfo = {
    "inspect", "MODEL", 1, "prints the IR of a model between two passes",
    options};

static std::string print(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << "\n";
  return text;
}

static llvm::Error listStages(const PipelineOptions &pipeline) {
  llvm::outs() << llvm::formatv("{0,-20} {1}\n", graphStage,
                                "the textbook graph, as built from the model");
  for (const Stage &stage : pipelineStages(pipeline))
    llvm::outs() << llvm::formatv("{0,-20} {1}\n", stage.name, stage.summary);
  return llvm::Error::success();
}

/// DIR/00-graph.mlir, DIR/01-merge-qkv.mlir, ...; stages that changed nothing
/// are left out.
static llvm::Error writeAllStages(mlir::ModuleOp module,
                                  const PipelineOptions &pipeline,
                                  llvm::StringRef folder) {
  if (std::error_code code = llvm::sys::fs::create_directories(folder))
    return userError(folder, "cannot be made: " + code.message());
  std::string last;
  unsigned number = 0;
  llvm::Error failure = llvm::Error::success();
  auto write = [&](llvm::StringRef stage) {
    std::string text = print(module);
    unsigned index = number++;
    if (failure || text == last)
      return;
    last = text;
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(
        path, llvm::formatv("{0,0+2}-{1}.mlir", index, stage).str());
    llvm::Expected<AtomicFile> file = AtomicFile::create(path);
    if (!file) {
      failure = file.takeError();
      return;
    }
    failure = file->append(text);
    if (!failure)
      failure = file->commit();
  };
  write(graphStage);
  if (llvm::Error error =
          runStages(module, pipeline, "", "",
                    [&](const Stage &stage) { write(stage.name); }))
    return llvm::joinErrors(std::move(error), std::move(failure));
  return failure;
}

static llvm::Error printStatistics(mlir::ModuleOp module,
                                   const PipelineOptions &pipeline) {
  FusionStatistics statistics;
  statistics.collect(*module.getContext());
  if (llvm::Error error = runStages(module, pipeline, "", fusedStage()))
    return error;
  statistics.print(llvm::outs());
  return llvm::Error::success();
}

llvm::Error ashlar::tool::runInspect(const Arguments &arguments) {
  llvm::Expected<CompileOptions> options = compileOptions(arguments);
  if (!options)
    return options.takeError();
  if (options->targets.size() > 1)
    return usageError("--target has " + llvm::Twine(options->targets.size()) +
                      " levels (" + namesOf(options->targets) +
                      "); the IR is that of one: name it");
  llvm::Expected<ImportResult> imported =
      importModel(arguments.operand(), options->tower);
  if (!imported)
    return imported.takeError();
  llvm::Expected<PipelineOptions> pipeline =
      resolveLimits(imported->spec, *options);
  if (!pipeline)
    return pipeline.takeError();
  if (arguments.has("--list-stages"))
    return listStages(*pipeline);
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      buildGraph(*context, imported->spec, arguments.operand(), *pipeline,
                 options->precision);
  if (llvm::Error error = checkPrecision(*module, options->precision))
    return error;
  if (std::optional<llvm::StringRef> folder = arguments.get("--all-stages"))
    return writeAllStages(*module, *pipeline, *folder);
  if (arguments.has("--statistics"))
    return printStatistics(*module, *pipeline);
  std::optional<llvm::StringRef> wanted = arguments.get("--stage");
  if (!wanted)
    return usageError("ashlar inspect needs --stage=NAME, --list-stages, "
                      "--all-stages=DIR or --statistics");
  bool known = *wanted == graphStage;
  std::string names = graphStage.str();
  for (const Stage &stage : pipelineStages(*pipeline)) {
    known |= *wanted == stage.name;
    names += ", " + stage.name;
  }
  if (!known)
    return usageError("--stage is \"" + *wanted + "\"; expected one of " +
                      names);
  if (*wanted != graphStage)
    if (llvm::Error error = runStages(*module, *pipeline, "", *wanted))
      return error;
  llvm::outs() << print(*module);
  return llvm::Error::success();
}
