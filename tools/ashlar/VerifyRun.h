//===- VerifyRun.h - What verify feeds to a model --------------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_VERIFYRUN_H
#define ASHLAR_TOOLS_ASHLAR_VERIFYRUN_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Npy.h"

namespace ashlar::tool {

/// Rows of one sequence for one stack; every list but `vectors` has one element
/// per row.
struct SequenceRows {
  std::vector<int64_t> columns; // in the padded arrays
  int64_t extent = 0;           // columns of these arrays; 0 = as many as rows
  std::vector<int32_t> ids;     // empty for a stack of vectors
  std::vector<int32_t> positions;
  std::vector<int32_t> types;
  std::vector<int32_t> marks; // empty: as the model says
  std::vector<float> vectors; // [rows * rows of a token, features]
  std::vector<float> pixels;  // of an image: what `vectors` were made of

  int64_t size() const { return columns.size(); }
};

/// What a case says an output is.
struct ExpectedOutput {
  std::string name;
  NpyArray values; // [batch, length, features], or [batch, features]
  double relL2 = 0;
  double maxAbs = 0;
};

struct VerifyRun {
  std::string name;
  /// By stack of the description, then by sequence.
  std::vector<std::vector<SequenceRows>> stacks;
  std::vector<ExpectedOutput> outputs;

  int64_t batch() const { return stacks.front().size(); }
};

/// One sequence of `tokens` random tokens for each stack, always the same.
VerifyRun randomRun(const ModelSpec &spec, int64_t tokens);

/// The runs of a case folder: case.json, and the .npy files that it names.
llvm::Expected<std::vector<VerifyRun>> readCase(llvm::StringRef folder,
                                                const ModelSpec &spec);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_VERIFYRUN_H
