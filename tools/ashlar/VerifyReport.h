//===- VerifyReport.h - Differences, tensor by tensor ----------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_VERIFYREPORT_H
#define ASHLAR_TOOLS_ASHLAR_VERIFYREPORT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace ashlar::tool {

/// Sums of what was compared.
struct Difference {
  double error = 0; // sum of squares
  double norm = 0;  // of the reference
  double maxAbs = 0;
  int64_t count = 0;      // of numbers compared
  bool notNumber = false; // a NaN or an infinity that the other is not

  void add(double got, double expected);
  /// |got - expected| / |expected|; 0 for two zeros.
  double relL2() const;
};

class VerifyReport {
public:
  struct Tensor {
    std::string entry; // "encoder", "decoder", "head0"
    std::string name;  // with the layer's number in it
    int64_t layer = -1;
    Difference difference;
  };
  /// Against a case's stored numbers, which have tolerances of their own.
  struct Output {
    std::string run;
    std::string name;
    Difference difference;
    double relL2 = 0;
    double maxAbs = 0;
    bool passed() const {
      return !difference.notNumber && difference.relL2() <= relL2 &&
             difference.maxAbs <= maxAbs;
    }
  };

  /// Rows of all runs of one tensor are one entry of the table.
  Difference &tensor(llvm::StringRef entry, llvm::StringRef name,
                     int64_t layer);
  void add(Output output) { outputs.push_back(std::move(output)); }

  /// Relative L2 error that a tensor may have.
  double tolerance = std::numeric_limits<double>::infinity();

  /// Outputs of a case are float32's: with fewer bits, `tolerance` is all that
  /// is asked of them.
  bool isFloat32 = true;

  bool passed(const Tensor &tensor) const {
    return !tensor.difference.notNumber &&
           tensor.difference.relL2() <= tolerance;
  }
  size_t tensorCount() const { return tensors.size(); }
  size_t outputCount() const { return outputs.size(); }
  size_t tensorFailures() const;
  size_t outputFailures() const;

  void print(llvm::raw_ostream &os) const;
  void printJson(llvm::raw_ostream &os) const;

private:
  std::vector<Tensor> tensors;
  std::map<std::tuple<std::string, std::string, int64_t>, size_t> index;
  std::vector<Output> outputs;
};

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_VERIFYREPORT_H
