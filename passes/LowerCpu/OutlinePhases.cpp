//===- OutlinePhases.cpp - Programs -> worker functions ------------------===//

#include "passes/LowerCpu/Emitter.h"
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
    SmallVector<Value> used;
    func::FuncOp function = makeFunction(phase, worker, used);
    OpBuilder builder(phase);
    SmallVector<Value> operands;
    // The barrier counts the parts anew: without one each worker has its own.
    if (isa_and_nonnull<ir::BarrierOp>(phase->getNextNode())) {
      takeParts(function);
      operands = {phase.getTiles(), place.team, place.number, place.workers};
    } else {
      auto [begin, end] = tilesOf(builder, phase.getLoc(), phase.getTiles(),
                                  place.number, place.workers);
      operands = {begin, end};
    }
    operands.append(used);
    finish(function);
    func::CallOp::create(builder, phase.getLoc(), function, operands);
  }

  /// Part p of P has tiles [p T / P, (p + 1) T / P).
  static std::pair<Value, Value> tilesOf(OpBuilder &builder, Location loc,
                                         Value tiles, Value part, Value parts) {
    auto share = [&](Value of) -> Value {
      Value product = arith::MulIOp::create(builder, loc, of, tiles);
      return arith::DivUIOp::create(builder, loc, product, parts);
    };
    Value begin = share(part);
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value next = arith::AddIOp::create(builder, loc, part, one);
    return {begin, share(next)};
  }

  /// A function of (begin, end, ...) becomes one of (tiles, team, number,
  /// workers, ...) that takes parts until none is left. What it keeps on the
  /// stack stays from one part to the next.
  static void takeParts(func::FuncOp function) {
    Block &body = function.getBody().front();
    Location loc = function.getLoc();
    auto *head = new Block;
    function.getBody().push_front(head);
    OpBuilder builder = OpBuilder::atBlockBegin(head);
    Type index = builder.getIndexType();
    Value tiles = head->addArgument(index, loc);
    Value team = head->addArgument(
        LLVM::LLVMPointerType::get(function.getContext()), loc);
    Value number = head->addArgument(index, loc);
    Value workers = head->addArgument(index, loc);
    for (BlockArgument argument :
         make_early_inc_range(body.getArguments().drop_front(2)))
      argument.replaceAllUsesWith(
          head->addArgument(argument.getType(), argument.getLoc()));

    Value parts = countParts(builder, loc, tiles, workers);
    auto loop = scf::WhileOp::create(
        builder, loc, index, ValueRange{},
        [&](OpBuilder &at, Location, ValueRange) {
          Value part = func::CallOp::create(at, loc, takeName, index,
                                            ValueRange{team, number, parts})
                           .getResult(0);
          Value left = arith::CmpIOp::create(at, loc, arith::CmpIPredicate::ult,
                                             part, parts);
          scf::ConditionOp::create(at, loc, left, part);
        },
        [&](OpBuilder &at, Location, ValueRange values) {
          auto [begin, end] = tilesOf(at, loc, tiles, values[0], parts);
          body.getArgument(0).replaceAllUsesWith(begin);
          body.getArgument(1).replaceAllUsesWith(end);
          scf::YieldOp::create(at, loc);
        });
    body.back().moveBefore(head, head->end()); // the return
    Block *each = loop.getAfterBody();
    each->getOperations().splice(each->getTerminator()->getIterator(),
                                 body.getOperations());
    body.erase();
    for (auto alloca :
         llvm::make_early_inc_range(each->getOps<memref::AllocaOp>()))
      alloca->moveBefore(loop);
  }

  /// As many as even out workers of unlike speed, and as many for each, where
  /// they are alike; one for one worker.
  static Value countParts(OpBuilder &builder, Location loc, Value tiles,
                          Value workers) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    Value one = constant(1);
    Value alone = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                        workers, one);
    Value all =
        arith::MulIOp::create(builder, loc, workers, constant(partsPerWorker));
    Value most = arith::SelectOp::create(builder, loc, alone, one, all);
    return arith::MinUIOp::create(builder, loc, tiles, most);
  }

  /// Moves the phase's region into a function of its own. What it uses from
  /// outside becomes arguments behind its own; constants are copied inside.
  func::FuncOp makeFunction(ir::PhaseOp phase, func::FuncOp worker,
                            SmallVectorImpl<Value> &outside) {
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
      outside.push_back(value);
    }
    OpBuilder builder(worker);
    std::string name = (worker.getSymName() + "." + phase.getName()).str();
    auto function = func::FuncOp::create(builder, phase.getLoc(), name,
                                         builder.getFunctionType({}, {}));
    function.setPrivate();
    // A name of its own in profiles and backtraces.
    function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
    function.getBody().takeBody(phase.getBody());
    builder.setInsertionPointToEnd(&function.getBody().front());
    func::ReturnOp::create(builder, phase.getLoc());
    makeUnique(function);
    return function;
  }

  /// The arguments' types and what is known of them; memory that is zero before
  /// the first part.
  static void finish(func::FuncOp function) {
    Block &body = function.getBody().front();
    OpBuilder builder(function);
    function.setFunctionType(
        builder.getFunctionType(body.getArgumentTypes(), {}));
    for (auto [i, type] : llvm::enumerate(body.getArgumentTypes()))
      if (isa<MemRefType>(type))
        function.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
    for (auto alloca : body.getOps<memref::AllocaOp>()) {
      if (!alloca->removeAttr(beginsAsZeroAttr))
        continue;
      builder.setInsertionPointAfter(alloca);
      Value zero = arith::ConstantIndexOp::create(builder, alloca.getLoc(), 0);
      memref::StoreOp::create(builder, alloca.getLoc(), zero, alloca,
                              ValueRange{zero});
    }
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
