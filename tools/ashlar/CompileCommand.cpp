//===- CompileCommand.cpp - ashlar compile -------------------------------===//

#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;

static const OptionInfo options[] = {
    {"-o", "OUT", "the artifact; its suffix says what kind it is"},
    {"--emit", "KIND", "shared, exe, object or static"},
    ASHLAR_COMPILE_OPTIONS,
    {"--weights", "WHERE", "segment (inside) or external (OUT.weights)"},
    {"--name", "IDENT", "prefix of the C functions (default: OUT's stem)"},
    {"--time", nullptr, "print where the time went"},
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::compileInfo = {
    "compile", "MODEL -o OUT", 1,
    "compiles a Hugging Face folder or a YAML description to native code",
    options};

/// Kind from --emit and OUT's suffix, which must not contradict each other.
static llvm::Expected<ArtifactKind> kindOf(const Arguments &arguments,
                                           llvm::StringRef output) {
  struct Kind {
    const char *name, *suffix;
    ArtifactKind kind;
  };
  static const Kind kinds[] = {{"shared", ".so", ArtifactKind::SharedLibrary},
                               {"object", ".o", ArtifactKind::Object},
                               {"static", ".a", ArtifactKind::StaticLibrary},
                               {"exe", "", ArtifactKind::Executable}};
  const Kind *bySuffix = &kinds[3];
  for (const Kind &kind : kinds)
    if (*kind.suffix && output.ends_with(kind.suffix))
      bySuffix = &kind;
  std::optional<llvm::StringRef> emit = arguments.get("--emit");
  if (!emit)
    return bySuffix->kind;
  for (const Kind &kind : kinds) {
    if (*emit != kind.name)
      continue;
    if (bySuffix->kind != kind.kind && *bySuffix->suffix)
      return usageError("--emit=" + *emit + " and the suffix of \"" + output +
                        "\" contradict each other");
    return kind.kind;
  }
  return usageError("--emit is \"" + *emit +
                    "\"; expected shared, exe, object or static");
}

static llvm::Error setWeights(const Arguments &arguments,
                              CompileOptions &options) {
  bool linked = options.kind == ArtifactKind::SharedLibrary ||
                options.kind == ArtifactKind::Executable;
  options.weightsInside = linked;
  std::optional<llvm::StringRef> where = arguments.get("--weights");
  if (!where)
    return llvm::Error::success();
  if (*where != "segment" && *where != "external")
    return usageError("--weights is \"" + *where +
                      "\"; expected segment or external");
  if (*where == "segment" && !linked)
    return usageError("--weights=segment needs a shared library or an "
                      "executable: objects and static libraries have their "
                      "weights beside them");
  options.weightsInside = *where == "segment";
  return llvm::Error::success();
}

static void printTimes(const CompileReport &report) {
  auto line = [](const char *what, double seconds) {
    llvm::outs() << llvm::format("%-18s %8.3f s\n", what, seconds);
  };
  line("import", report.importing);
  line("passes", report.passes);
  line("code generation", report.codegen);
  line("link and packing", report.packing);
  line("total",
       report.importing + report.passes + report.codegen + report.packing);
}

llvm::Error ashlar::tool::runCompile(const Arguments &arguments) {
  if (arguments.get("--target") == llvm::StringRef("help")) {
    llvm::outs() << targetHelp();
    return llvm::Error::success();
  }
  std::optional<llvm::StringRef> output = arguments.get("-o");
  if (!output || output->empty())
    return usageError("ashlar compile needs -o OUT");
  llvm::Expected<CompileOptions> options = compileOptions(arguments);
  if (!options)
    return options.takeError();
  options->output = output->str();
  llvm::Expected<ArtifactKind> kind = kindOf(arguments, *output);
  if (!kind)
    return kind.takeError();
  options->kind = *kind;
  if (llvm::Error error = setWeights(arguments, *options))
    return error;
  options->name = arguments.get("--name").value_or("").str();
  llvm::Expected<CompileReport> report = compile(arguments.operand(), *options);
  if (!report)
    return report.takeError();
  for (const std::string &warning : report->warnings)
    llvm::errs() << "warning: " << warning << "\n";
  if (arguments.has("--time"))
    printTimes(*report);
  return llvm::Error::success();
}
