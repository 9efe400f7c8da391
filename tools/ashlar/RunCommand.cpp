//===- RunCommand.cpp - ashlar run ---------------------------------------===//

#include "runtime/text/run.h"
#include "tools/ashlar/Arrays.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"

using namespace ashlar;
using namespace ashlar::tool;

static const OptionInfo options[] = {
    {"--in", "NAME=FILE", "an input, as .npy; once for each"},
    {"--out", "NAME=FILE", "an output to write as .npy; once for each"},
    {"--attention", "[WHICH:]LAYER[:HEAD]",
     "what the output \"attention\" is: weights of a layer's attention; WHICH "
     "is encoder, decoder or cross (without it: decoder, where there is one). "
     "A model is compiled with --taps for it"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::runInfo = {
    "run", "ART_OR_MODEL", 1,
    "computes outputs of a model from arrays; `ashlar describe` lists the "
    "names",
    options};

static llvm::Error write(const std::vector<Binding> &bindings,
                         const NamedArrays &outputs) {
  std::vector<const char *> paths;
  std::vector<ashlar_array> arrays;
  for (const Binding &binding : bindings)
    paths.push_back(binding.file.c_str());
  for (const ashlar_named_array &output : outputs.arrays)
    arrays.push_back(output.array);
  ashlar_error error;
  if (ashlar_npy_write(paths.data(), arrays.data(), paths.size(), &error))
    return frontError(error);
  return llvm::Error::success();
}

llvm::Error ashlar::tool::runRun(const Arguments &arguments) {
  llvm::Expected<std::vector<Binding>> in = bindingsOf(arguments, "--in");
  if (!in)
    return in.takeError();
  llvm::Expected<std::vector<Binding>> out = bindingsOf(arguments, "--out");
  if (!out)
    return out.takeError();
  if (out->empty())
    return usageError("ashlar run needs --out NAME=FILE.npy");
  llvm::Expected<std::optional<llvm::StringRef>> once =
      arguments.getOnce("--attention");
  if (!once)
    return once.takeError();
  std::optional<llvm::StringRef> choice = *once;
  bool wanted = llvm::any_of(
      *out, [](const Binding &binding) { return binding.name == "attention"; });
  if (wanted != choice.has_value())
    return usageError("--attention=LAYER[:HEAD] and --out attention=FILE.npy "
                      "go together");
  llvm::Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  // Before a model is compiled for it.
  llvm::Expected<NamedArrays> inputs = readArrays(*in);
  if (!inputs)
    return inputs.takeError();
  llvm::Expected<Artifact> artifact =
      openOperand(arguments, /*sequences=*/0, /*taps=*/wanted);
  if (!artifact)
    return artifact.takeError();
  llvm::Expected<Session> session = artifact->createSession(*threads);
  if (!session)
    return session.takeError();
  NamedArrays outputs;
  for (const Binding &binding : *out)
    outputs.arrays.push_back({binding.name.c_str(), {}});
  ashlar_error error;
  ashlar_attention attention;
  if (wanted && ashlar_attention_find(&artifact->plan(), choice->str().c_str(),
                                      &attention, &error))
    return frontError(error);
  if (ashlar_run(&artifact->api(), session->get(), inputs->arrays.data(),
                 inputs->arrays.size(), outputs.arrays.data(),
                 outputs.arrays.size(), wanted ? &attention : nullptr, &error))
    return frontError(error);
  return write(*out, outputs);
}
