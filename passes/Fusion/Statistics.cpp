//===- Statistics.cpp - What the fusion passes did -----------------------===//

#include "passes/Fusion/Statistics.h"

#include "passes/Fusion/Pipeline.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace ashlar;

namespace {
class Collector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Collector(FusionStatistics &statistics) : statistics(statistics) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    StringRef name = remark.getCategoryName();
    if (!name.consume_front("ashlar-"))
      return;
    FusionStatistics::Pass &pass = statistics.passes[name.str()];
    if (remark.getRemarkType() == llvm::remarks::Type::Passed) {
      ++pass.fired;
      return;
    }
    ++pass.declined;
    for (const auto &argument : remark.getArgs())
      if (argument.key == "Remark")
        ++pass.reasons[argument.val];
  }

private:
  FusionStatistics &statistics;
};
} // namespace

void FusionStatistics::collect(MLIRContext &context) {
  remark::RemarkCategories categories;
  categories.passed = categories.missed = "ashlar-.*";
  LogicalResult enabled = remark::enableOptimizationRemarks(
      context, std::make_unique<Collector>(*this),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
  assert(succeeded(enabled) && "one collector in each context");
  (void)enabled;
}

void FusionStatistics::print(llvm::raw_ostream &os) const {
  os << llvm::formatv("{0,-22} {1,6} {2,9}\n", "fusion", "fired", "declined");
  for (const FusionStep &step : fusionSteps()) {
    auto found = passes.find(step.name);
    Pass none;
    const Pass &pass = found == passes.end() ? none : found->second;
    os << llvm::formatv("{0,-22} {1,6} {2,9}\n", step.name, pass.fired,
                        pass.declined);
    for (const auto &[reason, count] : pass.reasons)
      os << llvm::formatv("  {0} x {1}\n", count, reason);
  }
}
