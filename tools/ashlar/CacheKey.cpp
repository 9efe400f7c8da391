//===- CacheKey.cpp - What a compiled model was made of ------------------===//

#include "compiler/Manifest.h"
#include "tools/ashlar/ArtifactCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

#include <sys/stat.h>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

/// Of a model's folder; who has more has something else in it.
static constexpr size_t mostFiles = 4096;

namespace {
/// What a library depends on, as a text from which nothing else could be read.
class KeyText {
public:
  template <typename... Values> void add(Values... values) {
    (addValue(printed(values)), ...);
  }

  /// The state of what `path` is now; false: there are too many files. Files
  /// that are copied over others with their times have a new time of change.
  bool addFile(StringRef path) {
    struct stat status;
    if (++files > mostFiles)
      return false;
    if (::stat(path.str().c_str(), &status) != 0) {
      add(path, "absent");
      return true;
    }
    add(path, uint64_t(status.st_dev), uint64_t(status.st_ino),
        uint64_t(status.st_size));
    for (const struct timespec &time : {status.st_mtim, status.st_ctim})
      add(int64_t(time.tv_sec), int64_t(time.tv_nsec));
    return true;
  }

  /// All files in `path`, and in the folders in it where it goes `deep`.
  bool addFolder(StringRef path, bool deep) {
    std::vector<std::string> names;
    std::error_code code;
    for (llvm::sys::fs::directory_iterator i(path, code), end;
         i != end && !code; i.increment(code))
      if (names.push_back(i->path()); names.size() > mostFiles)
        return false;
    llvm::sort(names);
    for (const std::string &name : names) {
      bool isFolder = llvm::sys::fs::is_directory(name);
      if (isFolder ? deep && !addFolder(name, false) : !addFile(name))
        return false;
    }
    return true;
  }

  bool addInput(StringRef path) {
    return llvm::sys::fs::is_directory(path) ? addFolder(path, true)
                                             : addFile(path);
  }

  std::string hash() const {
    // Names of files are a stranger's to choose.
    auto sum = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
    return llvm::toHex(llvm::ArrayRef(sum).take_front(keyDigits / 2),
                       /*LowerCase=*/true);
  }

private:
  void addValue(const std::string &value) {
    text += std::to_string(value.size()) + ':' + value;
  }
  static std::string printed(StringRef value) { return value.str(); }
  static std::string printed(uint64_t value) { return std::to_string(value); }
  static std::string printed(int64_t value) { return std::to_string(value); }

  std::string text;
  size_t files = 0;
};
} // namespace

static void addOptions(KeyText &key, const CompileOptions &options,
                       const PipelineOptions &resolved) {
  key.add("target", namesOf(options.targets));
  key.add("precision", options.precision.text);
  key.add("tower", options.tower);
  key.add("limits", resolved.maxTokens, resolved.maxContext, resolved.maxSource,
          resolved.maxSequences);
  key.add("taps", int64_t(options.taps));
  for (const FusionStep &step : fusionSteps())
    key.add(step.name, int64_t(options.fusion.*step.enabled));
  key.add("random", int64_t(options.randomWeights.has_value()),
          options.randomWeights.value_or(0));
  key.add("date", options.chatDate.value_or(""));
}

/// The file or folder itself, by whatever way it is named.
static std::string resolved(StringRef path) {
  llvm::SmallString<256> absolute;
  if (llvm::sys::fs::real_path(path, absolute))
    return path.str(); // it is absent: so says its state
  return std::string(absolute);
}

llvm::Expected<std::optional<std::string>>
tool::cacheKey(StringRef model, const ImportResult &imported,
               const CompileOptions &options) {
  llvm::Expected<PipelineOptions> limits =
      resolveLimits(imported.spec, options);
  if (!limits)
    return limits.takeError();
  KeyText key;
  key.add("compiler", compilerVersion());
  key.add("description", hashOf(imported.spec));
  addOptions(key, options, *limits);
  const ModelSource &source = imported.source;
  bool complete =
      key.addFile("/proc/self/exe") && key.addInput(resolved(model));
  if (complete && !source.weights.empty())
    complete = key.addInput(resolved(source.weights));
  // What the tokenizer needs lies beside it.
  if (complete && !source.tokenizer.empty())
    complete = key.addFolder(
        llvm::sys::path::parent_path(resolved(source.tokenizer)), false);
  if (!complete)
    return std::nullopt;
  return key.hash();
}
