//===- Artifact.cpp - Code that the tools have loaded --------------------===//

#include "tools/ashlar/Artifact.h"

#include "compiler/Codegen/Artifact.h"
#include "compiler/Codegen/ManifestReader.h"
#include "compiler/Codegen/Names.h"
#include "compiler/Support/Errors.h"
#include "compiler/Support/Files.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/TemporaryFolder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>
#include <elf.h>

#include <cstring>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

/// The program headers of an ELF file; none for an archive or object. Error:
/// the file ends before one of its segments does. The loader would map such a
/// segment all the same, and reading it would end the process.
static Expected<std::vector<Elf64_Phdr>> readSegments(StringRef path) {
  Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  Elf64_Ehdr header;
  if (Error error =
          file->readAt(0, {reinterpret_cast<char *>(&header), sizeof(header)}))
    return std::move(error);
  std::vector<Elf64_Phdr> segments;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return segments;
  segments.resize(header.e_phnum);
  if (Error error = file->readAt(header.e_phoff,
                                 {reinterpret_cast<char *>(segments.data()),
                                  segments.size() * sizeof(Elf64_Phdr)}))
    return std::move(error);
  for (const Elf64_Phdr &segment : segments)
    if (segment.p_offset > file->size() ||
        segment.p_filesz > file->size() - segment.p_offset)
      return userError(path, "the file is truncated",
                       "copy it again, or compile the model again");
  return segments;
}

Error ashlar::tool::checkComplete(StringRef path) {
  return readSegments(path).takeError();
}

/// Error when the artifact in `path` is none that can be loaded.
static Error checkKind(StringRef path) {
  Expected<std::vector<Elf64_Phdr>> segments = readSegments(path);
  if (!segments)
    return segments.takeError();
  if (segments->empty())
    return userError(path, "an object or a static library cannot be loaded",
                     "compile with -o NAME.so");
  // Executables ask for an interpreter, libraries do not, and else they look
  // the same.
  for (const Elf64_Phdr &segment : *segments)
    if (segment.p_type == PT_INTERP)
      return userError(path, "an executable is to be run, not loaded",
                       "run it (its --help says how), or compile with "
                       "-o NAME.so");
  return Error::success();
}

static Error loadError(StringRef path) {
  const char *reason = dlerror();
  return userError(path, Twine("cannot be loaded: ") +
                             escapeForDisplay(reason ? reason : "no reason"));
}

static Expected<const ashlar_api *> findApi(void *library, StringRef path,
                                            const ManifestView &manifest) {
  std::string symbol = publicName("ashlar_get_api", manifest.name);
  using GetApi = const ashlar_api *(*)();
  auto getApi = reinterpret_cast<GetApi>(dlsym(library, symbol.c_str()));
  if (!getApi)
    return loadError(path);
  const ashlar_api *api = getApi();
  if (!api || api->abi_version != ASHLAR_ABI_VERSION ||
      api->best_plan->abi_version != ASHLAR_ABI_VERSION)
    return userError(path, "its code is of another version than its manifest",
                     "compile the model again");
  return api;
}

static Expected<ashlar_model *> openModel(const ashlar_api &api, StringRef path,
                                          const ManifestView &manifest) {
  std::string weights = externalWeightsPath(path);
  ashlar_weights_source source = {};
  source.path = weights.c_str();
  source.descriptor = -1;
  ashlar_model *model = nullptr;
  ashlar_status status =
      api.open(manifest.weightsInside ? nullptr : &source, &model);
  if (status == ASHLAR_OK)
    return model;
  return userError(manifest.weightsInside ? path : StringRef(weights),
                   api.status_text(status));
}

Expected<Artifact> Artifact::load(StringRef path) {
  Expected<std::string> text = readManifest(path);
  if (!text)
    return text.takeError();
  Expected<ManifestView> manifest = parseManifest(*text, path);
  if (!manifest)
    return manifest.takeError();
  if (manifest->abi != ASHLAR_ABI_VERSION)
    return userError(path,
                     "is of version " + Twine(manifest->abi) +
                         "; this build loads version " +
                         Twine(ASHLAR_ABI_VERSION),
                     "compile the model again");
  if (Error error = checkIdentifier(manifest->name))
    return std::move(error);
  if (Error error = checkKind(path))
    return std::move(error);
  llvm::SmallString<256> absolute;
  if (std::error_code code = llvm::sys::fs::real_path(path, absolute))
    return userError(path, code.message());
  Library library(dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL), dlclose);
  if (!library)
    return loadError(path);
  Expected<const ashlar_api *> api = findApi(library.get(), path, *manifest);
  if (!api)
    return api.takeError();
  Expected<ashlar_model *> model = openModel(**api, path, *manifest);
  if (!model)
    return model.takeError();
  return Artifact(std::move(library), *api, Model(*model, (*api)->close),
                  std::move(*manifest));
}

static void printWarnings(llvm::ArrayRef<std::string> warnings) {
  for (const std::string &warning : warnings)
    llvm::errs() << "warning: " << warning << "\n";
}

/// Writes options.output; gives what it warns of, which it has printed.
static Expected<std::vector<std::string>>
compileTo(StringRef model, const CompileOptions &options) {
  Progress progress("compiling");
  Expected<CompileReport> report = ashlar::compile(model, options);
  progress.clear();
  if (!report)
    return report.takeError();
  printWarnings(report->warnings);
  return std::move(report->warnings);
}

Expected<Artifact> Artifact::compileOnce(StringRef model,
                                         const CompileOptions &options) {
  Expected<TemporaryFolder> folder = TemporaryFolder::create();
  if (!folder)
    return folder.takeError();
  CompileOptions toFile = options;
  toFile.output = folder->file("model.so");
  if (auto warnings = compileTo(model, toFile); !warnings)
    return warnings.takeError();
  // Once loaded it needs its name no more: the folder goes now.
  return load(toFile.output);
}

Expected<Artifact> Artifact::compileInto(const ArtifactCache &cache,
                                         StringRef key, StringRef model,
                                         const CompileOptions &options) {
  std::string path = cache.pathOf(key);
  if (cache.contains(key)) {
    Expected<Artifact> kept = load(path);
    if (kept) {
      printWarnings(cache.warningsOf(key));
      return kept;
    }
    llvm::consumeError(kept.takeError()); // damaged
  }
  cache.remove(key);
  CompileOptions toFile = options;
  toFile.output = path;
  Expected<std::vector<std::string>> warnings = compileTo(model, toFile);
  if (!warnings)
    return warnings.takeError();
  cache.keep(key, *warnings);
  return load(path);
}

Expected<Artifact> Artifact::compile(StringRef model, CompileOptions options) {
  options.kind = ArtifactKind::SharedLibrary;
  options.weightsInside = true;
  options.withHeader = false;
  options.name = "model";
  Expected<ArtifactCache> cache = ArtifactCache::open();
  if (!cache) {
    llvm::errs() << "warning: " << llvm::toString(cache.takeError()) << "\n";
    return compileOnce(model, options);
  }
  Expected<ImportResult> imported = importModel(model, options.tower);
  if (!imported)
    return imported.takeError();
  Expected<std::optional<std::string>> key =
      cacheKey(model, *imported, options);
  if (!key)
    return key.takeError();
  return *key ? compileInto(*cache, **key, model, options)
              : compileOnce(model, options);
}

//===----------------------------------------------------------------------===//
// Use
//===----------------------------------------------------------------------===//

Expected<Session> Artifact::createSession(int64_t threads) const {
  ashlar_session_options options = {};
  options.threads = static_cast<int32_t>(threads);
  ashlar_session *session = nullptr;
  if (Error error = statusError(
          *table, table->session_create(model.get(), &options, &session)))
    return std::move(error);
  return Session(session, table->session_destroy);
}

Expected<ashlar_text> Artifact::openText() const {
  ashlar_text text;
  ashlar_error error;
  if (ashlar_text_open(plan().text, plan().text_bytes, &text, &error))
    return frontError(error);
  if (!patterns) {
    Expected<std::unique_ptr<PatternMatcher>> made =
        PatternMatcher::create(text);
    if (!made)
      return made.takeError();
    patterns = std::move(*made);
  }
  if (patterns)
    text.matcher = patterns->matcher();
  return text;
}

bool ashlar::tool::isModel(StringRef path) {
  if (path.ends_with(".yaml") || path.ends_with(".yml"))
    return true;
  // What is missing may be a model's id: its error says what to do.
  if (!llvm::sys::fs::exists(path))
    return !path.ends_with(".so");
  return llvm::sys::fs::is_directory(path);
}

Error ashlar::tool::refuseCompileFlags(const Arguments &arguments,
                                       StringRef artifact) {
  static const OptionInfo flags[] = {ASHLAR_COMPILE_OPTIONS};
  for (const OptionInfo &flag : flags)
    if (arguments.has(flag.name))
      return usageError(Twine(flag.name) +
                        " is for a model that is compiled; " + artifact +
                        " is compiled already");
  return Error::success();
}

Expected<Artifact> ashlar::tool::openOperand(const Arguments &arguments,
                                             int64_t sequences, bool taps) {
  StringRef path = arguments.operand();
  if (!isModel(path)) {
    if (Error error = refuseCompileFlags(arguments, path))
      return std::move(error);
    return Artifact::load(path);
  }
  Expected<CompileOptions> options = compileOptions(arguments);
  if (!options)
    return options.takeError();
  if (options->maxSequences == 0)
    options->maxSequences = sequences;
  options->taps |= taps;
  return Artifact::compile(path, std::move(*options));
}

Expected<int64_t> ashlar::tool::threadsOf(const Arguments &arguments) {
  return arguments.integer("--threads", 0, 1, ASHLAR_MAX_WORKERS);
}

Error ashlar::tool::frontError(const ashlar_error &error) {
  return userError("", error.message);
}

Error ashlar::tool::statusError(const ashlar_api &api, ashlar_status status) {
  if (status == ASHLAR_OK)
    return Error::success();
  return userError("", api.status_text(status));
}
