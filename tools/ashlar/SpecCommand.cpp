//===- SpecCommand.cpp - ashlar spec -------------------------------------===//

#include "compiler/Import/Import.h"
#include "compiler/Spec/Yaml.h"
#include "compiler/Support/Files.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"

#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;

static const OptionInfo options[] = {
    ASHLAR_TOWER_OPTION,
    {"-o", "FILE", "write it there; paths in it are relative to FILE"},
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::specInfo = {
    "spec", "MODEL", 1, "prints the description that was understood, as YAML",
    options};

llvm::Error ashlar::tool::runSpec(const Arguments &arguments) {
  llvm::Expected<ImportResult> imported =
      importModel(arguments.operand(), arguments.get("--tower").value_or(""));
  if (!imported)
    return imported.takeError();
  for (const std::string &warning : imported->warnings)
    llvm::errs() << "warning: " << warning << "\n";
  std::optional<llvm::StringRef> output = arguments.get("-o");
  if (!output) {
    llvm::outs() << printYaml(imported->spec, imported->source);
    return llvm::Error::success();
  }
  llvm::Expected<AtomicFile> file = AtomicFile::create(*output);
  if (!file)
    return file.takeError();
  if (llvm::Error error =
          file->append(printYaml(imported->spec, imported->source, *output)))
    return error;
  return file->commit();
}
