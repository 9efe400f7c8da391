//===- Compiler.cpp - A model in, an artifact out ------------------------===//

#include "compiler/Compiler.h"

#include "compiler/Codegen/Artifact.h"
#include "compiler/Codegen/Header.h"
#include "compiler/Codegen/Names.h"
#include "compiler/LevelPrograms.h"
#include "compiler/Manifest.h"
#include "compiler/Spec/Yaml.h"
#include "compiler/Support/Files.h"
#include "compiler/Text/TextTables.h"
#include "compiler/Weights/CheckpointReader.h"
#include "compiler/Weights/Packer.h"
#include "compiler/Weights/RandomWeights.h"
#include "compiler/Weights/WeightValues.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

#include <chrono>

using namespace ashlar;

namespace {
/// Seconds since it was made or last asked.
class Stopwatch {
public:
  double lap() {
    auto now = std::chrono::steady_clock::now();
    double seconds = std::chrono::duration<double>(now - last).count();
    last = now;
    return seconds;
  }

private:
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};
} // namespace

std::unique_ptr<mlir::MLIRContext> ashlar::makeContext() {
  mlir::DialectRegistry registry;
  registerPipelineDialects(registry);
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  // One thread: a model's module is small, and the machine is the user's.
  auto context = std::make_unique<mlir::MLIRContext>(
      registry, mlir::MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

mlir::OwningOpRef<mlir::ModuleOp>
ashlar::buildGraph(mlir::MLIRContext &context, const ModelSpec &spec,
                   llvm::StringRef descriptionFile,
                   const PipelineOptions &pipeline,
                   const PrecisionOptions &precision) {
  BuildLimits limits = {std::max(pipeline.maxTokens, pipeline.maxSource),
                        std::max(pipeline.maxTokens, pipeline.maxContext)};
  return buildModule(
      context, spec, descriptionFile, limits,
      [&](llvm::StringRef tensor) { return precision.exceptionFor(tensor); });
}

llvm::Error ashlar::checkPrecision(mlir::ModuleOp module,
                                   const PrecisionOptions &precision) {
  if (const auto *dividing = precision.dividingException(module))
    return userError("",
                     "--precision: \"" + escapeForDisplay(dividing->text) +
                         "\" matches some experts of a layer and not others",
                     "write * in place of the expert's index");
  const PrecisionOptions::Exception *unused = precision.unusedException(module);
  if (!unused)
    return llvm::Error::success();
  return userError("",
                   "--precision: no linear has a tensor that \"" +
                       escapeForDisplay(unused->text) + "\" matches",
                   "see `ashlar describe MODEL` for the names");
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

namespace {
struct OpenCheckpoint {
  Checkpoint checkpoint;
  CheckpointRules rules;
  CheckpointReader reader;
  OpenCheckpoint(Checkpoint opened, CheckpointRules rules)
      : checkpoint(std::move(opened)), rules(std::move(rules)),
        reader(checkpoint, this->rules) {}
};
} // namespace

static llvm::Expected<Checkpoint> openCheckpoint(llvm::StringRef path) {
  if (path.ends_with(".safetensors"))
    return Checkpoint::openFiles({path.str()});
  return Checkpoint::open(path);
}

llvm::Expected<OpenWeights>
ashlar::openWeights(const ImportResult &imported,
                    std::optional<uint64_t> randomSeed) {
  OpenWeights weights;
  if (randomSeed) {
    auto random = std::make_shared<RandomWeights>(*randomSeed);
    weights.reader = random.get();
    weights.keepAlive = random;
    weights.finish = [] { return std::vector<std::string>(); };
    return weights;
  }
  if (imported.source.weights.empty())
    return userError(
        "", "the description names no weights",
        "add checkpoint.path to it, or give --random-weights=SEED");
  llvm::Expected<Checkpoint> opened = openCheckpoint(imported.source.weights);
  if (!opened)
    return opened.takeError();
  auto held = std::make_shared<OpenCheckpoint>(std::move(*opened),
                                               imported.spec.checkpoint);
  weights.reader = &held->reader;
  weights.keepAlive = held;
  weights.finish = [held]() -> llvm::Expected<std::vector<std::string>> {
    if (llvm::Error error = held->checkpoint.checkUnchanged())
      return std::move(error);
    return held->checkpoint.unusedTensors(held->reader.usedTensors(),
                                          held->rules);
  };
  return weights;
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

/// Tables of the text front end. Without a tokenizer the model speaks ids.
static llvm::Expected<std::string>
makeTextTables(const ImportResult &imported, const CompileOptions &compile,
               std::vector<std::string> &warnings) {
  TextOptions options;
  options.generation = imported.spec.generation;
  options.family = imported.spec.family;
  options.labels = imported.spec.labels;
  options.sentence = imported.spec.sentence;
  options.texts = imported.source.texts;
  options.chatDate = compile.chatDate;
  // Texts are the first stack's; where it takes vectors, the last one's.
  for (const Stack &stack : llvm::reverse(imported.spec.stacks))
    if (stack.embedding.tokens)
      options.vocabulary = stack.embedding.vocabulary;
  llvm::Expected<TextTables> tables = [&]() -> llvm::Expected<TextTables> {
    if (imported.source.tokenizer.empty())
      return buildTextTables(options);
    llvm::Expected<TokenizerFiles> files =
        readTokenizerFiles(imported.source.tokenizer);
    if (!files)
      return files.takeError();
    return buildTextTables(*files, options);
  }();
  if (!tables)
    return tables.takeError();
  warnings.insert(warnings.end(), tables->warnings.begin(),
                  tables->warnings.end());
  if (compile.kind == ArtifactKind::Executable)
    for (const std::string &reason : tables->irregular)
      warnings.push_back(reason + "; the executable takes token ids");
  return std::move(tables->blob);
}

/// The same in code and weights: everything that decides the image's layout.
static uint64_t makeBuildId(const ModelSpec &spec, const PlanDescription &plan,
                            const CompileOptions &options) {
  std::string text = compilerVersion() + "\n" + namesOf(options.targets) +
                     "\n" + options.precision.text + "\n" +
                     printYaml(spec, ModelSource()) +
                     std::to_string(plan.plan.weights_bytes) + " " +
                     std::to_string(plan.plan.max_context);
  return llvm::xxh3_64bits(text);
}

/// Also notes in `warnings` what the checkpoint has beyond the model.
static llvm::Error writeWeights(const WeightImage &image,
                                const OpenWeights &weights, WeightSink &sink,
                                std::vector<std::string> &warnings) {
  if (llvm::Error error =
          image.write(*weights.reader, [&](llvm::ArrayRef<char> bytes) {
            return sink.write(bytes);
          }))
    return error;
  llvm::Expected<std::vector<std::string>> unused = weights.finish();
  if (!unused)
    return unused.takeError();
  if (unused->empty())
    return llvm::Error::success();
  std::string names;
  for (const std::string &tensor : *unused)
    names += (names.empty() ? "\"" : ", \"") + escapeForDisplay(tensor) + "\"";
  warnings.push_back("tensors of the checkpoint that the model does not use: " +
                     names);
  return llvm::Error::success();
}

static std::string stemOf(llvm::StringRef output) {
  return llvm::sys::path::stem(output).str();
}

/// Everything but the weights' sink.
static ArtifactRequest requestFor(const ModelSpec &spec,
                                  const PlanDescription &plan,
                                  const CompileOptions &options) {
  ArtifactRequest request;
  request.output = options.output;
  request.kind = options.kind;
  request.weightsInside = options.weightsInside;
  request.buildId = plan.plan.build_id;
  request.weightsBytes = plan.plan.weights_bytes;
  if (options.kind == ArtifactKind::Executable || !options.withHeader)
    return request;
  llvm::SmallString<128> header(options.output);
  llvm::sys::path::replace_extension(header, "h");
  request.headerPath = std::string(header);
  request.header =
      makeHeader(plan, spec.family + " for " + namesOf(options.targets));
  return request;
}

namespace {
/// What is read before anything is made of it.
struct Inputs {
  ImportResult imported;
  PipelineOptions pipeline;
  OpenWeights weights;
  std::string text; // tables of the text front end
};
} // namespace

static llvm::Expected<Inputs> openInputs(llvm::StringRef model,
                                         const CompileOptions &options,
                                         std::vector<std::string> &warnings) {
  llvm::Expected<ImportResult> imported = importModel(model, options.tower);
  if (!imported)
    return imported.takeError();
  warnings = imported->warnings;
  llvm::Expected<PipelineOptions> pipeline =
      resolveLimits(imported->spec, options);
  if (!pipeline)
    return pipeline.takeError();
  llvm::Expected<OpenWeights> weights =
      openWeights(*imported, options.randomWeights);
  if (!weights)
    return weights.takeError();
  llvm::Expected<std::string> text =
      makeTextTables(*imported, options, warnings);
  if (!text)
    return text.takeError();
  return Inputs{std::move(*imported), std::move(*pipeline), std::move(*weights),
                std::move(*text)};
}

llvm::Expected<CompileReport> ashlar::compile(llvm::StringRef model,
                                              const CompileOptions &options) {
  CompileReport report;
  Stopwatch watch;
  std::string name = options.name.empty()
                         ? identifierFromStem(stemOf(options.output))
                         : options.name;
  if (llvm::Error error = checkIdentifier(name))
    return std::move(error);
  llvm::Expected<Inputs> inputs = openInputs(model, options, report.warnings);
  if (!inputs)
    return inputs.takeError();
  const ModelSpec &spec = inputs->imported.spec;
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> graph =
      buildGraph(*context, spec, model, inputs->pipeline, options.precision);
  if (llvm::Error error = checkPrecision(*graph, options.precision))
    return std::move(error);
  // Every tensor is there and has its shape: said before anything slow.
  if (llvm::Error error = checkWeights(*graph, *inputs->weights.reader))
    return std::move(error);
  report.importing = watch.lap();

  llvm::Expected<std::vector<LevelProgram>> levels =
      planLevels(*graph, spec, inputs->pipeline, options.targets);
  if (!levels)
    return levels.takeError();
  PlanDescription plan = publishedPlan(*levels);
  plan.name = name;
  plan.weightsInside = options.weightsInside;
  plan.plan.build_id = makeBuildId(spec, plan, options);
  plan.manifest = makeManifest(spec, plan, options, *levels->back().module);
  plan.text = std::move(inputs->text);
  WeightImage image(*levels->back().module);
  llvm::LLVMContext llvmContext;
  llvm::Expected<std::vector<LevelCode>> code =
      lowerLevels(*levels, plan, llvmContext);
  if (!code)
    return code.takeError();
  report.passes = watch.lap();

  llvm::Expected<ObjectCode> object =
      generateObject(std::move(*code), options.kind);
  if (!object)
    return object.takeError();
  report.codegen = watch.lap();
  report.objectBytes = object->bytes.size();
  report.weightBytes = image.bytes();

  ArtifactRequest request = requestFor(spec, plan, options);
  report.headerPath = request.headerPath;
  request.object = object->bytes;
  request.weights = [&](WeightSink &sink) {
    return writeWeights(image, inputs->weights, sink, report.warnings);
  };
  if (llvm::Error error = writeArtifact(request))
    return std::move(error);
  report.packing = watch.lap();
  return report;
}
