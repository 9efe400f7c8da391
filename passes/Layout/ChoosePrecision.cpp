//===- ChoosePrecision.cpp - How weights and operands are stored ---------===//

#include "passes/Layout/Passes.h"
#include "passes/Layout/Precision.h"
#include "passes/Layout/WeightLayout.h"
#include "passes/Memory/ArenaPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace ashlar {
#define GEN_PASS_DEF_CHOOSEPRECISIONPASS
#include "passes/Layout/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {
/// Who reads a weight.
struct Readers {
  bool linears = false, heads = false, tokens = false, others = false;
  bool routers = false; // linears, too
};

struct ChoosePrecision
    : ashlar::impl::ChoosePrecisionPassBase<ChoosePrecision> {
  using ChoosePrecisionPassBase::ChoosePrecisionPassBase;

  void runOnOperation() override {
    llvm::Expected<PrecisionOptions> parsed =
        PrecisionOptions::parse(precision);
    if (!parsed) {
      getOperation().emitError(llvm::toString(parsed.takeError()));
      return signalPassFailure();
    }
    options = std::move(*parsed);
    collectReaders();
    for (auto weight : getOperation().getOps<ir::WeightOp>())
      if (ir::EncodingAttr encoding = options.encoding(
              &getContext(), choose(weight, readers[weight.getSymName()])))
        weight.setEncodingAttr(encoding);
    getOperation().walk([&](ir::LinearOp linear) { convertInput(linear); });
    if (options.keysAndValues != ir::Precision::F32)
      convertKeys();
    getOperation().walk([&](ir::ConvertOp convert) { foldIntoMaker(convert); });
  }

  void collectReaders() {
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<ir::LinearOp>(op)) {
        bool head = op->getParentOfType<func::FuncOp>()->hasAttr(headAttr);
        Readers &found = readers[linear.getWeight()];
        (head ? found.heads : found.linears) = true;
        found.routers |= isRouter(linear);
        if (linear.getBias())
          readers[*linear.getBias()].others = true;
        return;
      }
      if (auto embedding = dyn_cast<ir::EmbeddingOp>(op)) {
        Readers &found = readers[embedding.getTable()];
        (looksUpTokens(embedding) ? found.tokens : found.others) = true;
      }
    });
  }

  /// Whether the result chooses experts: a small error there takes a row
  /// elsewhere, and the weight is small.
  static bool isRouter(ir::LinearOp linear) {
    return llvm::any_of(linear->getUsers(), llvm::IsaPred<ir::RouteOp>);
  }

  /// Whether the ids are the call's token ids, not positions or types.
  static bool looksUpTokens(ir::EmbeddingOp embedding) {
    auto ids = dyn_cast<BlockArgument>(embedding.getIds());
    auto entry = embedding->getParentOfType<func::FuncOp>();
    if (!ids || ids.getOwner() != &entry.getBody().front())
      return false;
    auto input =
        entry.getArgAttrOfType<StringAttr>(ids.getArgNumber(), inputAttr);
    return input && input.getValue() == "ids";
  }

  ir::Precision choose(ir::WeightOp weight, const Readers &found) {
    if (found.others || weight.getTensorType().getRank() != 2)
      return ir::Precision::F32;
    if (!found.linears && !found.heads)
      return found.tokens ? options.embeddings : ir::Precision::F32;
    ir::Precision chosen = found.routers ? ir::Precision::F32
                           : found.heads ? options.heads
                                         : options.linears;
    for (const PrecisionOptions::Exception &exception : options.exceptions)
      if (exception.matches(weight))
        chosen = exception.precision;
    return chosen;
  }

  /// Unless they go to scores and mix, where attention was left unfused, or to
  /// additive scores, which are no products. What nothing keeps for another
  /// call stays bf16: int8 would save nothing.
  void convertKeys() {
    SmallVector<Value> kept;
    getOperation().walk([&](Operation *op) {
      if (isa<ir::KvAppendOp, ir::KvReadOp>(op))
        kept.append({op->getResult(0), op->getResult(1)});
    });
    if (llvm::any_of(kept, [](Value value) {
          return !llvm::all_of(value.getUsers(), [](Operation *user) {
            auto attention = dyn_cast<ir::AttentionOp>(user);
            return attention && !attention.getAdditiveVector();
          });
        }))
      return;
    for (Value value : kept) {
      auto append = value.getDefiningOp<ir::KvAppendOp>();
      bool perCall = append && append.getCache() == ir::CacheKind::Call;
      bool int8 = options.keysAndValues == ir::Precision::Int8 && !perCall;
      Type element = int8 ? Type(IntegerType::get(&getContext(), 8))
                          : Type(BFloat16Type::get(&getContext()));
      value.setType(cast<RankedTensorType>(value.getType()).clone(element));
    }
  }

  /// Gives a linear with an encoded weight the operand that it multiplies.
  void convertInput(ir::LinearOp linear) {
    ir::WeightOp weight = ir::lookupWeight(linear, linear.getWeightAttr());
    if (!weight.getEncoding())
      return;
    Value input = linear.getInput();
    bool bf16 = weight.getPrecision() == ir::Precision::Bf16;
    int64_t group = weight.getEncoding()->getGroup();
    Value &operand = operands[{input, bf16 ? -1 : group}];
    if (!operand) {
      OpBuilder builder(linear);
      builder.setInsertionPointAfterValue(input);
      Type element =
          bf16 ? Type(builder.getBF16Type()) : Type(builder.getIntegerType(8));
      auto type = cast<RankedTensorType>(input.getType());
      operand = ir::ConvertOp::create(
          builder, input.getLoc(), type.clone(element), input,
          group ? builder.getI64IntegerAttr(group) : IntegerAttr());
    }
    linear.getInputMutable().assign(operand);
  }

  /// A bf16 operand that has no other use is written by what makes the rows.
  /// (int8 needs the whole row first.) Only whole lines: nothing else would
  /// clear the rest of the last one.
  void foldIntoMaker(ir::ConvertOp convert) {
    Value input = convert.getInput();
    Type bf16 = convert.getResult().getType().getElementType();
    OperandLayout layout = OperandLayout::of(convert.getResult());
    if (!bf16.isBF16() || layout.depth != layout.paddedDepth ||
        !input.hasOneUse())
      return;
    auto makeBf16 = [&](Value value) {
      value.setType(cast<RankedTensorType>(value.getType()).clone(bf16));
    };
    Operation *maker = input.getDefiningOp();
    if (auto merge = dyn_cast_or_null<ir::MergeHeadsOp>(maker)) {
      Value heads = merge.getInput();
      auto attention = heads.getDefiningOp<ir::AttentionOp>();
      if (!attention || !heads.hasOneUse() ||
          cast<RankedTensorType>(heads.getType()).getDimSize(2) % panelWidth)
        return;
      makeBf16(heads);
    } else if (!isa_and_nonnull<ir::LinearOp>(maker)) {
      return;
    }
    makeBf16(input);
    convert.getResult().replaceAllUsesWith(input);
    convert.erase();
  }

  PrecisionOptions options;
  llvm::StringMap<Readers> readers;
  /// By what it is made of, and the group (-1: bf16).
  llvm::DenseMap<std::pair<Value, int64_t>, Value> operands;
};
} // namespace
