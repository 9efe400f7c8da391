//===- OutlinePhases.cpp - Programs -> worker functions ------------------===//

#include "dialect/Ashlar.h"
#include "passes/LowerCpu/Passes.h"
#include "runtime/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
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
    WalkResult checked = module.walk([](ir::PhaseOp phase) {
      return failed(checkStack(phase)) ? WalkResult::interrupt()
                                       : WalkResult::advance();
    });
    if (checked.wasInterrupted())
      return signalPassFailure();
    declareRuntime(module);
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

  /// What phases may keep on the stack: the rest is for calls and spills.
  static constexpr int64_t mostKept = ASHLAR_STACK_BYTES - 128 * 1024;

  static LogicalResult checkStack(ir::PhaseOp phase) {
    int64_t bytes = 0;
    phase.walk([&](memref::AllocaOp op) {
      MemRefType type = op.getType();
      Type element = type.getElementType();
      int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
      bytes += type.getNumElements() * (bits / 8);
    });
    if (bytes <= mostKept)
      return success();
    return phase.emitError()
           << "\"" << phase.getName() << "\" keeps " << bytes
           << " bytes on a worker's stack, which has room for " << mostKept
           << "; float32 linear layers keep none there";
  }

  static constexpr llvm::StringLiteral barrierName = "ashlar_barrier";
  static constexpr llvm::StringLiteral takeName = "ashlar_take";
  /// Parts of a phase for each worker, where there are several.
  static constexpr int64_t partsPerWorker = 4;

  void declareRuntime(ModuleOp module) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto declare = [&](StringRef name, TypeRange operands, TypeRange results) {
      func::FuncOp::create(builder, module.getLoc(), name,
                           builder.getFunctionType(operands, results))
          .setPrivate();
    };
    Type index = builder.getIndexType();
    declare(barrierName, {pointer}, {});
    declare(takeName, {pointer, index, index}, index);
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
        outlinePhase(phase, worker, {team, number, workers});
      else
        func::CallOp::create(at, op->getLoc(), barrierName, TypeRange{}, team);
      op->erase();
    }
    builder.setInsertionPointToEnd(&body);
    func::ReturnOp::create(builder, loc);
  }

  /// A worker's arguments: the team, its own number, and of how many.
  struct Place {
    Value team, number, workers;
  };

  void outlinePhase(ir::PhaseOp phase, func::FuncOp worker,
                    const Place &place) {
    SmallVector<Value> operands(2); // begin, end
    func::FuncOp function = makeFunction(phase, worker, operands);
    OpBuilder builder(phase);
    Location loc = phase.getLoc();
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    // Part p of P has tiles [p T / P, (p + 1) T / P).
    auto callFor = [&](OpBuilder &at, Value part, Value parts) {
      auto share = [&](Value of) -> Value {
        Value product = arith::MulIOp::create(at, loc, of, phase.getTiles());
        return arith::DivUIOp::create(at, loc, product, parts);
      };
      operands[0] = share(part);
      operands[1] = share(arith::AddIOp::create(at, loc, part, one));
      func::CallOp::create(at, loc, function, operands);
    };
    // The barrier counts the parts anew: without one each worker has its own.
    if (!isa_and_nonnull<ir::BarrierOp>(phase->getNextNode()))
      return callFor(builder, place.number, place.workers);
    auto constant = [&](int64_t value) {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    // As many as even out workers of unlike speed, and as many for each, where
    // they are alike; one for one worker.
    Value alone = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                        place.workers, one);
    Value most = arith::SelectOp::create(
        builder, loc, alone, one,
        arith::MulIOp::create(builder, loc, place.workers,
                              constant(partsPerWorker)));
    Value parts = arith::MinUIOp::create(builder, loc, phase.getTiles(), most);
    scf::WhileOp::create(
        builder, loc, builder.getIndexType(), ValueRange{},
        [&](OpBuilder &at, Location, ValueRange) {
          Value part =
              func::CallOp::create(at, loc, takeName, at.getIndexType(),
                                   ValueRange{place.team, place.number, parts})
                  .getResult(0);
          Value left = arith::CmpIOp::create(at, loc, arith::CmpIPredicate::ult,
                                             part, parts);
          scf::ConditionOp::create(at, loc, left, part);
        },
        [&](OpBuilder &at, Location, ValueRange values) {
          callFor(at, values[0], parts);
          scf::YieldOp::create(at, loc);
        });
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
