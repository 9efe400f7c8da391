//===- OutlinePhases.cpp - Programs -> worker functions ------------------===//

#include "dialect/Ashlar.h"
#include "passes/LowerCpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace ashlar {
#define GEN_PASS_DEF_OUTLINEPHASESPASS
#include "passes/LowerCpu/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {
struct OutlinePhases : ashlar::impl::OutlinePhasesPassBase<OutlinePhases> {
  using OutlinePhasesPassBase::OutlinePhasesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    declareBarrier(module);
    for (auto program :
         llvm::make_early_inc_range(module.getOps<ir::ProgramOp>())) {
      outline(program);
      program.erase();
    }
    // Nothing names the weights any more.
    for (auto weight :
         llvm::make_early_inc_range(module.getOps<ir::WeightOp>()))
      weight.erase();
  }

  static constexpr llvm::StringLiteral barrierName = "ashlar_barrier";

  void declareBarrier(ModuleOp module) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto barrier = func::FuncOp::create(builder, module.getLoc(), barrierName,
                                        builder.getFunctionType({pointer}, {}));
    barrier.setPrivate();
  }

  /// The worker takes the program's block; phases and barriers in it become
  /// calls.
  void outline(ir::ProgramOp program) {
    OpBuilder builder(program);
    Location loc = program.getLoc();
    Block &block = program.getBody().front();
    SmallVector<Type> types(block.getArgumentTypes());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    types.append({pointer, builder.getIndexType(), builder.getIndexType()});
    auto worker = func::FuncOp::create(builder, loc, program.getSymName(),
                                       builder.getFunctionType(types, {}));
    for (unsigned i = 0; i < 3; ++i)
      worker.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
    worker.getBody().takeBody(program.getBody());
    Block &body = worker.getBody().front();
    Value team = body.addArgument(pointer, loc);
    Value number = body.addArgument(builder.getIndexType(), loc);
    Value workers = body.addArgument(builder.getIndexType(), loc);
    SmallVector<Operation *> parts;
    worker.walk([&](Operation *op) {
      if (isa<ir::PhaseOp, ir::BarrierOp>(op))
        parts.push_back(op);
    });
    for (Operation *op : parts) {
      OpBuilder at(op);
      if (auto phase = dyn_cast<ir::PhaseOp>(op))
        outlinePhase(phase, worker, number, workers);
      else
        func::CallOp::create(at, op->getLoc(), barrierName, TypeRange{}, team);
      op->erase();
    }
    builder.setInsertionPointToEnd(&body);
    func::ReturnOp::create(builder, loc);
  }

  void outlinePhase(ir::PhaseOp phase, func::FuncOp worker, Value number,
                    Value workers) {
    Location loc = phase.getLoc();
    OpBuilder builder(phase);
    // Worker w of W takes tiles [w T / W, (w + 1) T / W).
    auto share = [&](Value of) -> Value {
      Value product = arith::MulIOp::create(builder, loc, of, phase.getTiles());
      return arith::DivUIOp::create(builder, loc, product, workers);
    };
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value next = arith::AddIOp::create(builder, loc, number, one);
    SmallVector<Value> operands{share(number), share(next)};
    func::FuncOp function = makeFunction(phase, worker, operands);
    func::CallOp::create(builder, loc, function, operands);
  }

  /// Moves the phase's region into a function of its own. What it uses from
  /// outside is appended to `operands`; constants are copied inside.
  func::FuncOp makeFunction(ir::PhaseOp phase, func::FuncOp worker,
                            SmallVectorImpl<Value> &operands) {
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(phase.getBody(), used);
    Block &block = phase.getBody().front();
    OpBuilder inside = OpBuilder::atBlockBegin(&block);
    for (Value value : used) {
      auto inPhase = [&](OpOperand &use) {
        return phase.getBody().isAncestor(use.getOwner()->getParentRegion());
      };
      Operation *def = value.getDefiningOp();
      if (def && def->hasTrait<OpTrait::ConstantLike>()) {
        value.replaceUsesWithIf(inside.clone(*def)->getResult(0), inPhase);
        continue;
      }
      value.replaceUsesWithIf(
          block.addArgument(value.getType(), value.getLoc()), inPhase);
      operands.push_back(value);
    }
    OpBuilder builder(worker);
    std::string name = (worker.getSymName() + "." + phase.getName()).str();
    auto function = func::FuncOp::create(
        builder, phase.getLoc(), name,
        builder.getFunctionType(block.getArgumentTypes(), {}));
    function.setPrivate();
    for (auto [i, type] : llvm::enumerate(block.getArgumentTypes()))
      if (isa<MemRefType>(type))
        function.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
    // A name of its own in profiles and backtraces.
    function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
    function.getBody().takeBody(phase.getBody());
    builder.setInsertionPointToEnd(&function.getBody().front());
    func::ReturnOp::create(builder, phase.getLoc());
    makeUnique(function);
    return function;
  }

  /// Two phases of one name get a number behind it.
  void makeUnique(func::FuncOp function) {
    unsigned &count = names[function.getSymName()];
    if (count++)
      function.setSymName(
          (function.getSymName() + "." + Twine(count - 1)).str());
  }

  llvm::StringMap<unsigned> names;
};
} // namespace
