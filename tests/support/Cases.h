//===- Cases.h - Reference cases for tests ---------------------*- C++ -*-===//
//
// A case is a small model with inputs and expected outputs; it comes in padded
// arrays [batch, length], which are turned into ragged rows here.
// tests/cases/hf/README.md describes the files.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_SUPPORT_CASES_H
#define ASHLAR_TESTS_SUPPORT_CASES_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Npy.h"

#include <map>
#include <optional>

namespace ashlar::testing {

struct CaseOutput {
  std::string name;
  NpyArray expected; // [batch, length, features] or [batch, features]
  double tolRelL2 = 0;
  double tolMaxAbs = 0;
};

struct CaseRun {
  std::string name;
  std::map<std::string, NpyArray> inputs;
  std::vector<CaseOutput> outputs;

  /// Null when the run has no such input.
  const NpyArray *input(llvm::StringRef name) const;
};

struct CaseGreedy {
  CaseRun prompt;
  std::string grows; // the input that gets the new tokens
  std::vector<int64_t> tokens;
  std::vector<double> margins; // best logit minus the second, at every step
};

struct Case {
  std::string name;
  std::string family;
  std::string model; // folder
  std::string tower; // of a folder with several models
  std::vector<CaseRun> runs;
  std::optional<CaseGreedy> greedy;
};

/// Names of the cases under tests/cases/hf and tests/cases/equations, or of
/// those under `only`, in order. No two have the same name.
std::vector<std::string> caseNames(llvm::StringRef only = "");
llvm::Expected<Case> readCase(llvm::StringRef name);

/// Rows of a batch without padding.
struct RaggedRows {
  struct Row {
    int64_t batch;  // also the sequence's slot
    int64_t column; // in the padded arrays
    int64_t index;  // in the sequence, from 0
  };
  std::vector<Row> rows;
  int64_t columns = 0; // of the padded arrays
  std::vector<int32_t> ids;
  std::vector<int32_t> positions;
  std::vector<int32_t> types;
  std::vector<int32_t> marks; // empty: the stack has none
  std::vector<float> vectors; // [rows * rows of a token, features]
  int64_t features = 0;       // of vectors

  /// The first row of each sequence.
  std::vector<size_t> firstRows() const;
  /// The row of each sequence that `head` reads.
  std::vector<size_t> rowsOf(const Head &head) const;
};

/// The rows of a stack's input ([batch, length] ids or vectors, [batch, length,
/// features] or the other way round) at which `mask` is 1, or all of them.
/// Positions are position_ids or what positionsByRule gives; types are
/// token_type_ids or 0.
RaggedRows raggedRows(const CaseRun &run, const Stack &stack,
                      const NpyArray *mask);

/// The rows of the images that `stack` reads, with zeros for those that are
/// learned.
RaggedRows imageRows(const CaseRun &run, const Stack &stack);

/// The expected numbers of the given rows, [rows, features]. An output of two
/// sizes has a row for each sequence or, with one feature, a number for each
/// token.
std::vector<double> expectedRows(const CaseOutput &output, int64_t features,
                                 const RaggedRows &rows);

struct Difference {
  double relL2 = 0;
  double maxAbs = 0;
};
/// Infinite for different counts; a NaN on either side counts as infinite.
Difference difference(llvm::ArrayRef<double> got,
                      llvm::ArrayRef<double> expected);

/// Index of the greatest number, the first of equals.
int64_t argmax(llvm::ArrayRef<double> numbers);

} // namespace ashlar::testing

#endif // ASHLAR_TESTS_SUPPORT_CASES_H
