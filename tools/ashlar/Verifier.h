//===- Verifier.h - Compiled code beside the reference ---------*- C++ -*-===//
//
// Runs the same rows through an artifact with taps and through the float64
// reference of the graph, call by call, and compares every tensor that both
// know by name. Long sequences go in pieces of max_tokens, batches in groups of
// max_sequences, like everywhere else.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_VERIFIER_H
#define ASHLAR_TOOLS_ASHLAR_VERIFIER_H

#include "compiler/Reference/Reference.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/VerifyReport.h"
#include "tools/ashlar/VerifyRun.h"
#include "tools/ashlar/VerifyScale.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace ashlar::tool {

class Verifier {
public:
  Verifier(const Artifact &artifact, ashlar_session *session,
           Reference &reference, const ModelSpec &spec, VerifyReport &report)
      : api(artifact.api()), plan(artifact.plan()), session(session),
        reference(reference), spec(spec), report(report) {}

  /// Tensors of these layers only.
  void setLayers(int64_t first, int64_t last) { layers = {first, last}; }
  /// By the name of a tap: what it is of the graph. The others are the tensors
  /// of their names.
  void setScaled(llvm::StringMap<ScaledTensor> map) { scaled = std::move(map); }

  llvm::Error run(const VerifyRun &run);

  /// Names of taps that the reference computes no tensor of.
  std::vector<std::string> unmatchedTaps() const;

private:
  /// Rows [begin, begin + count) of a sequence.
  struct Piece {
    int64_t sequence;
    int64_t begin;
    int64_t count;
    int32_t slot;
  };

  llvm::Error checkLengths(const VerifyRun &run) const;
  llvm::Error runGroup(llvm::ArrayRef<int64_t> sequences);
  llvm::Error runStack(size_t stack, llvm::ArrayRef<int64_t> sequences);
  llvm::Error runCall(size_t stack, llvm::ArrayRef<Piece> pieces);
  llvm::Error runHead(size_t head, llvm::ArrayRef<Piece> pieces,
                      const reference::Tensor &hidden,
                      const ReferenceInputs &ofStack);

  ReferenceInputs inputsOf(size_t stack, llvm::ArrayRef<Piece> pieces) const;
  llvm::Error runCompiled(size_t stack, llvm::ArrayRef<Piece> pieces,
                          const ReferenceInputs &inputs);
  /// Runs the reference, comparing what it computes with the taps of `owner`
  /// (as in ashlar_tap_plan::stack).
  llvm::Expected<reference::Tensor> runReference(llvm::StringRef entry,
                                                 int64_t owner,
                                                 const ReferenceInputs &inputs);
  ScaledTensor graphTensor(const ashlar_tap_plan &tap) const;
  void compareTap(llvm::StringRef entry, const ashlar_tap_plan &tap,
                  int64_t layer, const reference::Tensor &rows, double factor);
  /// One row of an output, against the reference and the case.
  void compareOutput(llvm::StringRef entry, llvm::StringRef name,
                     const float *got, const double *expected, int64_t features,
                     int64_t sequence, int64_t column);

  const ashlar_api &api;
  const ashlar_plan &plan;
  ashlar_session *session;
  Reference &reference;
  const ModelSpec &spec;
  VerifyReport &report;
  std::optional<std::pair<int64_t, int64_t>> layers;
  llvm::StringMap<ScaledTensor> scaled;
  llvm::StringSet<> matched; // names of taps

  // Of the run under way.
  const VerifyRun *current = nullptr;
  std::vector<Difference> outputs; // by current->outputs
};

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_VERIFIER_H
