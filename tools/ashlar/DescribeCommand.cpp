//===- DescribeCommand.cpp - ashlar describe -----------------------------===//
//
// Loads no code: an artifact says everything in its manifest, and a model is
// only planned, for which config.json is enough.
//
//===----------------------------------------------------------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Codegen/ManifestReader.h"
#include "compiler/Codegen/Names.h"
#include "compiler/Compiler.h"
#include "compiler/LevelPrograms.h"
#include "compiler/Manifest.h"
#include "compiler/Support/Errors.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Tensors.h"
#include "tools/ashlar/Texts.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <tuple>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Expected;
using llvm::StringRef;

static const OptionInfo options[] = {
    {"--json", nullptr, "print the manifest, with errors of tensors"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::describeInfo = {
    "describe", "ART_OR_MODEL", 1,
    "prints sizes, limits, inputs, outputs, work and tensors of a model",
    options};

/// The manifest that compiling would give.
static Expected<std::string> planModel(const Arguments &arguments) {
  StringRef path = arguments.operand();
  Expected<CompileOptions> options = compileOptions(arguments);
  if (!options)
    return options.takeError();
  Expected<ImportResult> imported = importModel(path, options->tower);
  if (!imported)
    return imported.takeError();
  for (const std::string &warning : imported->warnings)
    llvm::errs() << "warning: " << warning << "\n";
  Expected<PipelineOptions> pipeline = resolveLimits(imported->spec, *options);
  if (!pipeline)
    return pipeline.takeError();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> graph =
      buildGraph(*context, imported->spec, path, *pipeline, options->precision);
  if (llvm::Error error = checkPrecision(*graph, options->precision))
    return std::move(error);
  Expected<std::vector<LevelProgram>> levels =
      planLevels(*graph, imported->spec, *pipeline, options->targets);
  if (!levels)
    return levels.takeError();
  PlanDescription plan = publishedPlan(*levels);
  plan.weightsInside = options->weightsInside;
  plan.name = identifierFromStem(llvm::sys::path::stem(path.rtrim('/')));
  return makeManifest(imported->spec, plan, *options, *levels->back().module);
}

//===----------------------------------------------------------------------===//
// As text
//===----------------------------------------------------------------------===//

/// What an executable has in memory beside its model: code, libc, stacks.
static constexpr uint64_t programBytes = 4 << 20;

/// A stranger's manifest may say any numbers.
static int64_t residentBytes(const ManifestView &manifest) {
  auto sum =
      llvm::SaturatingAdd<uint64_t>(manifest.weightsBytes, manifest.arenaBytes,
                                    manifest.cacheBytes, programBytes);
  return static_cast<int64_t>(std::min<uint64_t>(sum, INT64_MAX));
}

static void line(StringRef what, const llvm::Twine &value) {
  llvm::outs() << llvm::formatv("  {0,-16} {1}\n", what, value.str());
}

static void printMemory(const ManifestView &manifest) {
  llvm::outs() << "memory, in bytes\n";
  line("weights", grouped(manifest.weightsBytes) +
                      (manifest.weightsInside ? " in the artifact"
                                              : " in a file of their own"));
  line("arena", grouped(manifest.arenaBytes) + " of each session");
  line("cache", grouped(manifest.cacheBytes) + " of each session");
  line("resident",
       grouped(residentBytes(manifest)) + " at most, with one session");
  llvm::outs() << "limits\n";
  line("max-tokens", grouped(manifest.maxTokens) + " of one call");
  if (manifest.find("decode"))
    line("max-context", grouped(manifest.maxContext) + " of one sequence");
  if (manifest.find("decode") && manifest.find("encode"))
    line("max-source", grouped(manifest.maxSource) + " of one source");
  line("max-sequences", grouped(manifest.maxSequences) + " of one call");
}

/// What a head reads.
static std::string rowsOf(const ManifestEntry &head) {
  if (head.rows == "all")
    return "rows of the last call";
  if (head.rows == "pooled")
    return "all rows of each sequence";
  return "the " + head.rows + " row of each sequence";
}

/// Name of a phase, tiles visited, all tiles, tokens.
using TilesKey = std::tuple<StringRef, int64_t, int64_t, int64_t>;
/// The layers whose attention visits the same tiles, in order of their first.
using TilesOfLayers = llvm::MapVector<TilesKey, std::vector<int64_t>,
                                      std::map<TilesKey, unsigned>>;

static TilesOfLayers tilesOf(const ManifestEntry &entry) {
  TilesOfLayers all;
  for (const ManifestPhases &group : entry.phases)
    for (const ManifestPhase &phase : group.phases) {
      const ManifestTiles &tiles = phase.tiles;
      if (!tiles.total)
        continue;
      std::vector<int64_t> &layers =
          all[{phase.name, tiles.visited, tiles.total, tiles.tokens}];
      if (tiles.firstLayer >= 0)
        for (int64_t i = 0; i < group.times; ++i)
          layers.push_back(tiles.firstLayer + i * tiles.layerStep);
    }
  for (auto &[key, layers] : all)
    llvm::sort(layers);
  return all;
}

/// " of layers 0-2, 5", or nothing.
static std::string ofLayers(llvm::ArrayRef<int64_t> layers) {
  std::string text;
  for (size_t i = 0; i < layers.size();) {
    size_t end = i + 1;
    while (end < layers.size() && layers[end] == layers[end - 1] + 1)
      ++end;
    text += (i ? ", " : "") + std::to_string(layers[i]);
    if (end - i > 1)
      text += "-" + std::to_string(layers[end - 1]);
    i = end;
  }
  if (layers.empty())
    return text;
  return (layers.size() == 1 ? " of layer " : " of layers ") + text;
}

/// Of attention to other rows than its own there is nothing to say: it visits
/// all of them.
static void printTiles(const ManifestEntry &entry) {
  for (const auto &[key, layers] : tilesOf(entry)) {
    const auto &[name, visited, total, tokens] = key;
    line("", escapeForDisplay(name) + ofLayers(layers) + " visits " +
                 grouped(visited) + " of " + grouped(total) + " tiles at " +
                 grouped(tokens) + " tokens");
  }
}

static void printEntry(const ManifestEntry &entry) {
  std::string inputs = llvm::join(entry.inputs, ", ");
  if (entry.call == "head")
    inputs = rowsOf(entry);
  line(entry.call,
       escapeForDisplay(inputs) + " -> " + escapeForDisplay(entry.output) +
           " [" + (entry.isOfSequences() ? "B" : "B, S") +
           (entry.scalar ? "" : ", " + std::to_string(entry.features)) + "]");
  const ManifestWork &work = entry.work;
  line("", grouped(work.flopsPerRow) + " FLOPs a row" +
               (work.flopsPerKey ? " + " + grouped(work.flopsPerKey) + " a key"
                                 : "") +
               (work.flopsPerSourceKey
                    ? " + " + grouped(work.flopsPerSourceKey) + " a source key"
                    : "") +
               (work.flopsPerSequence
                    ? " + " + grouped(work.flopsPerSequence) + " a sequence"
                    : ""));
  line("",
       "reads " + grouped(work.weightBytes) + " bytes of weights a call" +
           (work.expertBytes
                ? " + " + grouped(work.expertBytesPerRow) + " a row, up to " +
                      grouped(work.expertBytes) + ", of experts"
                : "") +
           (work.bytesPerKey ? " + " + grouped(work.bytesPerKey) + " a key"
                             : "") +
           (work.bytesPerSourceKey
                ? " + " + grouped(work.bytesPerSourceKey) + " a source key"
                : ""));
  printTiles(entry);
  if (const ManifestImage &image = entry.image; image.channels)
    line("", "images [B, " + grouped(image.channels) + ", " +
                 grouped(image.height) + ", " + grouped(image.width) +
                 "] of float32, each of them a sequence of " +
                 grouped(image.rows) + " rows");
  if (entry.vocabulary)
    line("",
         "token ids below " + grouped(entry.vocabulary) +
             (entry.positions ? ", positions below " + grouped(entry.positions)
                              : ""));
}

static void print(const ManifestView &manifest, llvm::ArrayRef<float> errors) {
  llvm::outs() << escapeForDisplay(manifest.name) << "\n";
  line("family", escapeForDisplay(manifest.family));
  line("precision", escapeForDisplay(manifest.precision));
  line("target", escapeForDisplay(manifest.target));
  line("compiler", escapeForDisplay(manifest.compiler));
  if (!manifest.labels.empty()) {
    std::string labels;
    for (const std::string &label : manifest.labels)
      labels += (labels.empty() ? "" : ", ") + escapeForDisplay(label);
    line("labels", labels);
  }
  if (manifest.taps)
    line("taps", grouped(manifest.taps) + " tensors are kept for verify");
  printMemory(manifest);
  llvm::outs() << "entry points\n";
  for (const ManifestEntry &entry : manifest.entries)
    printEntry(entry);
  llvm::outs() << "per token, attention left out\n";
  line("FLOPs", grouped(manifest.flopsPerToken));
  line("bytes read", grouped(manifest.bytesPerToken));
  printTensors(manifest, errors);
}

/// Of the tensors; none, and a warning, where the weights are elsewhere.
static std::vector<float> errorsOf(StringRef path,
                                   const ManifestView &manifest) {
  Expected<std::vector<float>> errors = readErrors(path, manifest);
  if (errors)
    return std::move(*errors);
  llvm::errs() << "warning: errors of tensors are not known: "
               << llvm::toString(errors.takeError()) << "\n";
  return {};
}

llvm::Error ashlar::tool::runDescribe(const Arguments &arguments) {
  StringRef path = arguments.operand();
  Expected<std::string> text = [&]() -> Expected<std::string> {
    if (isModel(path))
      return planModel(arguments);
    if (llvm::Error error = refuseCompileFlags(arguments, path))
      return std::move(error);
    Expected<std::string> read = readManifest(path);
    if (read)
      if (llvm::Error error = checkComplete(path))
        return std::move(error);
    return read;
  }();
  if (!text)
    return text.takeError();
  Expected<ManifestView> manifest = parseManifest(*text, path);
  if (!manifest)
    return manifest.takeError();
  std::vector<float> errors;
  if (!isModel(path))
    errors = errorsOf(path, *manifest);
  if (!arguments.has("--json")) {
    print(*manifest, errors);
    return llvm::Error::success();
  }
  // Parsed above: its numbers of layers are no stranger's any more.
  text = tensorsAsJson(*text, errors);
  if (!text)
    return text.takeError();
  llvm::outs() << *text << "\n";
  return llvm::Error::success();
}
