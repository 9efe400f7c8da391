//===- VerifyCommand.cpp - ashlar verify ---------------------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Compiler.h"
#include "compiler/Manifest.h"
#include "compiler/Support/Errors.h"
#include "runtime/text/model.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/Verifier.h"
#include "tools/ashlar/VerifyScale.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const OptionInfo options[] = {
    {"--artifact", "ART",
     "a library compiled with --taps, instead of compiling"},
    {"--case", "DIR",
     "the runs of a case instead of random tokens; its outputs "
     "are compared too"},
    {"--tokens", "N", "random tokens of one sequence (default 24)"},
    {"--layers", "A-B", "tensors of these layers only"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    {"--json", nullptr, "print a JSON object"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::verifyInfo = {
    "verify", "MODEL", 1,
    "compares compiled code with the float64 reference, tensor by tensor",
    options};

/// What a tensor's relative L2 error may be in float32. A sum of K products has
/// a relative error of about sqrt(K) * 6e-8 (7e-6 for K = 14,000), which norms
/// and residual sums carry on about as it is; the test models stay below
/// 1.3e-6 in every tensor. Wrong formulas are far above: tanh-gelu for gelu
/// gives 1e-3, and one wrong number among a million ordinary ones 1e-3.
static constexpr double f32Tolerance = 5e-5;

/// The same where linears multiply fewer bits. bf16 keeps 8 bits of each factor
/// (2e-3 for one linear); the test models' tensors stay below 2.6e-2. int8
/// keeps max/127 of a row (about 1e-2 for one linear): below 9e-2, but 1.7e-1
/// for the two logits of a classifier that random tokens leave undecided. int4
/// loses a tenth in each linear: the tolerance only catches results that have
/// nothing to do with the reference. That kernels compute what they should is
/// seen by their bits, which are the same on every level of CPUs.
static double toleranceOf(ir::Precision precision) {
  switch (precision) {
  case ir::Precision::F32:
    return f32Tolerance;
  case ir::Precision::Bf16:
    return 4e-2;
  case ir::Precision::Int8:
    return 2.5e-1;
  case ir::Precision::Int4:
    return 1.0;
  }
  llvm_unreachable("every precision is handled above");
}

/// Of what `artifact` was compiled for.
static Expected<double> toleranceOf(const Artifact &artifact) {
  Expected<PrecisionOptions> options =
      PrecisionOptions::parse(artifact.manifest().precision);
  if (!options)
    return options.takeError();
  return toleranceOf(options->lowest());
}

namespace {
/// The flags of the command itself.
struct Request {
  int64_t tokens = 24;
  int64_t threads = 0;
  std::optional<std::pair<int64_t, int64_t>> layers;
};

/// The oracle, and the modules that it reads.
struct Oracle {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  OpenWeights weights;
  std::unique_ptr<Reference> reference;
  llvm::StringMap<ScaledTensor> scaled;
};
} // namespace

static Expected<Request> parseRequest(const Arguments &arguments) {
  Request request;
  if (arguments.has("--case") && arguments.has("--tokens"))
    return usageError("--case brings its own tokens: leave --tokens out");
  Expected<int64_t> tokens = arguments.integer("--tokens", 24, 1, 1 << 24);
  if (!tokens)
    return tokens.takeError();
  request.tokens = *tokens;
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  request.threads = *threads;
  std::optional<StringRef> range = arguments.get("--layers");
  if (!range)
    return request;
  auto [first, last] = range->split('-');
  int64_t from, to;
  if (first.getAsInteger(10, from) ||
      (last.empty() ? first : last).getAsInteger(10, to) || from < 0 ||
      to < from)
    return usageError("--layers is \"" + *range +
                      "\"; expected A-B, such as 0-3, or A");
  request.layers = {from, to};
  return request;
}

static Error makeOracle(const ImportResult &imported, StringRef model,
                        const CompileOptions &options, Oracle &oracle) {
  Expected<PipelineOptions> pipeline = resolveLimits(imported.spec, options);
  if (!pipeline)
    return pipeline.takeError();
  Expected<OpenWeights> weights = openWeights(imported, options.randomWeights);
  if (!weights)
    return weights.takeError();
  oracle.weights = std::move(*weights);
  oracle.context = makeContext();
  oracle.module = buildModule(*oracle.context, imported.spec, model);
  mlir::OwningOpRef<mlir::ModuleOp> fused = oracle.module->clone();
  if (Error error = runStages(*fused, *pipeline, "", fusedStage()))
    return error;
  oracle.scaled = scaledTensors(*fused);
  oracle.reference = Reference::create(*oracle.module, *oracle.weights.reader);
  return Error::success();
}

/// What is compared with the reference: compiled now, or given.
static Expected<Artifact> openSubject(const Arguments &arguments,
                                      const ModelSpec &spec,
                                      CompileOptions options) {
  std::optional<StringRef> given = arguments.get("--artifact");
  if (!given) {
    options.taps = true;
    return Artifact::compile(arguments.operand(), std::move(options));
  }
  Expected<Artifact> artifact = Artifact::load(*given);
  if (!artifact)
    return artifact.takeError();
  if (artifact->manifest().specHash != hashOf(spec))
    return userError(*given, "is compiled from another description than " +
                                 escapeForDisplay(arguments.operand()));
  if (artifact->plan().tap_count == 0)
    return userError(*given, "keeps no tensors to compare",
                     "compile it with --taps");
  return artifact;
}

static Expected<std::vector<VerifyRun>> makeRuns(const Arguments &arguments,
                                                 const Request &request,
                                                 const ModelSpec &spec) {
  std::optional<StringRef> folder = arguments.get("--case");
  if (arguments.has("--tokens") && spec.stacks.front().embedding.patches)
    return usageError("--tokens: every image has the same number of rows");
  if (!folder)
    return std::vector<VerifyRun>{randomRun(spec, request.tokens)};
  Expected<std::vector<VerifyRun>> runs = readCase(*folder, spec);
  if (!runs)
    return runs.takeError();
  for (const VerifyRun &run : *runs)
    for (const ExpectedOutput &output : run.outputs) {
      bool known = false;
      for (const Stack &stack : spec.stacks)
        known |= stack.output == output.name;
      for (const Head &head : spec.heads)
        known |= head.output == output.name;
      if (!known)
        return userError(output.values.file, "the model has no output \"" +
                                                 escapeForDisplay(output.name) +
                                                 "\"");
    }
  return runs;
}

/// Prints the report and says whether all is well.
static Error conclude(const VerifyReport &report, const Arguments &arguments) {
  if (arguments.has("--json"))
    report.printJson(llvm::outs());
  else
    report.print(llvm::outs());
  if (report.tensorCount() + report.outputCount() == 0)
    return userError("", "nothing was compared", "give other --layers");
  size_t tensors = report.tensorFailures(), outputs = report.outputFailures();
  if (!tensors && !outputs) {
    if (!arguments.has("--json"))
      llvm::outs() << llvm::formatv(
          "{0} tensors are within {1:e1} of the reference\n",
          report.tensorCount(), report.tolerance);
    return Error::success();
  }
  return llvm::make_error<ToleranceError>(
      llvm::formatv("{0} of {1} tensors are more than {2:e1} from the "
                    "reference; {3} of {4} outputs of the case are beyond "
                    "their tolerances",
                    tensors, report.tensorCount(), report.tolerance, outputs,
                    report.outputCount())
          .str());
}

Error ashlar::tool::runVerify(const Arguments &arguments) {
  Expected<Request> request = parseRequest(arguments);
  if (!request)
    return request.takeError();
  Expected<CompileOptions> options = compileOptions(arguments);
  if (!options)
    return options.takeError();
  Expected<ImportResult> imported =
      importModel(arguments.operand(), options->tower);
  if (!imported)
    return imported.takeError();
  const ModelSpec &spec = imported->spec;
  Expected<std::vector<VerifyRun>> runs = makeRuns(arguments, *request, spec);
  if (!runs)
    return runs.takeError();
  Oracle oracle;
  if (Error error =
          makeOracle(*imported, arguments.operand(), *options, oracle))
    return error;
  Expected<Artifact> artifact = openSubject(arguments, spec, *options);
  if (!artifact)
    return artifact.takeError();
  Expected<Session> session = artifact->createSession(request->threads);
  if (!session)
    return session.takeError();
  VerifyReport report;
  Expected<double> tolerance = toleranceOf(*artifact);
  if (!tolerance)
    return tolerance.takeError();
  report.tolerance = *tolerance;
  report.isFloat32 = *tolerance == f32Tolerance;
  Verifier verifier(*artifact, session->get(), *oracle.reference, spec, report);
  verifier.setScaled(std::move(oracle.scaled));
  if (request->layers)
    verifier.setLayers(request->layers->first, request->layers->second);
  Progress progress("comparing");
  for (const VerifyRun &run : *runs) {
    progress.show("comparing " + escapeForDisplay(run.name));
    if (Error error = verifier.run(run))
      return error;
  }
  progress.clear();
  if (!request->layers)
    for (const std::string &name : verifier.unmatchedTaps())
      llvm::errs() << "note: the graph has no tensor \""
                   << escapeForDisplay(name) << "\" to compare with\n";
  return conclude(report, arguments);
}
