//===- FusionPass.cpp - What all fusion passes share ---------------------===//

#include "passes/Fusion/FusionPass.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace ashlar;

/// A remark on `op` of the pass with `flag`. `name` must outlive the remark.
static remark::RemarkOpts remarkOn(Operation *op, StringRef name,
                                   StringRef flag) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(name).category(flag).function(
      function ? function.getName() : StringRef());
}

void ashlar::remarkFired(Operation *op, StringRef flag, const Twine &what) {
  remark::passed(op->getLoc(), remarkOn(op, "fired", flag))
      << StringRef(what.str());
}

void ashlar::remarkDeclined(Operation *op, StringRef flag,
                            const Twine &reason) {
  remark::missed(op->getLoc(), remarkOn(op, "declined", flag))
      << StringRef(reason.str());
}
