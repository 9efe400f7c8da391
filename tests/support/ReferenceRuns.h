//===- ReferenceRuns.h - Cases through the reference -----------*- C++ -*-===//

#ifndef ASHLAR_TESTS_SUPPORT_REFERENCERUNS_H
#define ASHLAR_TESTS_SUPPORT_REFERENCERUNS_H

#include "compiler/Reference/Reference.h"
#include "compiler/Spec/ModelSpec.h"
#include "compiler/Weights/CheckpointReader.h"
#include "tests/support/Cases.h"

#include <memory>

namespace ashlar::testing {

/// A model of a Hugging Face folder with its weights.
struct LoadedModel {
  ModelSpec spec;
  Checkpoint checkpoint;
  std::unique_ptr<CheckpointReader> reader;
};
llvm::Expected<std::unique_ptr<LoadedModel>>
loadModel(llvm::StringRef folder, llvm::StringRef tower = "");

/// Rows of one output, [rows, features].
struct OutputRows {
  RaggedRows rows;
  reference::Tensor values;
};

/// Rows as the reference takes them.
ReferenceInputs referenceInputs(const RaggedRows &rows);
/// Rows [begin, end).
ReferenceInputs slice(const ReferenceInputs &inputs, size_t begin, size_t end);

/// Runs all stacks and heads on a run's inputs. The results by the names of
/// the description's outputs.
llvm::Expected<std::map<std::string, OutputRows>>
runReference(Reference &reference, const ModelSpec &spec, const CaseRun &run);

/// Greedy tokens, one at a time behind the prompt, whose keys are kept.
llvm::Expected<std::vector<int64_t>> runGreedy(Reference &reference,
                                               const ModelSpec &spec,
                                               const CaseRun &prompt,
                                               size_t count);

} // namespace ashlar::testing

#endif // ASHLAR_TESTS_SUPPORT_REFERENCERUNS_H
