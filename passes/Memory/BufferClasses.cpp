//===- BufferClasses.cpp - Which values share a buffer -------------------===//

#include "passes/Memory/BufferClasses.h"
#include "passes/Layout/WeightLayout.h"
#include "passes/Memory/ArenaPlan.h"

using namespace mlir;
using namespace ashlar;

/// The operand that `value` is a view of, or null; `column` gets its offset.
static Value viewedBy(Value value, int64_t &column) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto slice = dyn_cast<ir::SliceOp>(op)) {
    column += slice.getBegin();
    return slice.getInput();
  }
  if (isa<ir::SplitHeadsOp, ir::MergeHeadsOp>(op))
    return op->getOperand(0);
  return {};
}

/// What `value` looks at in the end.
static Value rootOf(Value value, int64_t &column) {
  while (Value viewed = viewedBy(value, column))
    value = viewed;
  return value;
}

static Value rootOf(Value value) {
  int64_t column = 0;
  return rootOf(value, column);
}

/// Floats' worth of a row.
static int64_t featuresOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.getElementType().isF32())
    return ceilDiv(OperandLayout::of(value).rowBytes(), 4);
  int64_t features = 1;
  for (int64_t size : type.getShape().drop_front())
    features *= size;
  return features;
}

/// Rows that live in the arena: [tokens, features] or [tokens, heads,
/// head_dim]. (Ids have rank 1.)
static bool isRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() >= 2;
}

/// Whether `op` reads `operand` only where it writes its result, element by
/// element or row by row, so that both may share a buffer.
static bool worksInPlace(Operation *op, OpOperand &operand) {
  if (auto linear = dyn_cast<ir::LinearOp>(op))
    return operand.get() == linear.getResidual() &&
           operand.get() != linear.getInput();
  return isa<ir::AddOp, ir::MultiplyOp, ir::ScaleOp, ir::SoftCapOp, ir::ClipOp,
             ir::ActivationOp, ir::NormOp, ir::ResidualNormOp,
             ir::ScaleFeaturesOp, ir::SetRowOp, ir::CopyOp>(op);
}

/// The ancestor of `op` that lies in `block`.
static Operation *ancestorIn(Block *block, Operation *op) {
  return block->findAncestorOpInBlock(*op);
}

/// Calls `fn` with every use of `root` and of the views of it.
static void forEachUse(Value root, llvm::function_ref<void(OpOperand &)> fn) {
  for (OpOperand &use : root.getUses()) {
    int64_t column = 0;
    bool isView = false;
    for (Value result : use.getOwner()->getResults())
      if (viewedBy(result, column) == root) {
        isView = true;
        forEachUse(result, fn);
      }
    if (!isView)
      fn(use);
  }
}

static bool isWhole(Value value) {
  int64_t column = 0;
  Value root = rootOf(value, column);
  return column == 0 && featuresOf(root) == featuresOf(value);
}

static Value copyOf(Value value, Operation *before) {
  OpBuilder builder(before);
  return ir::CopyOp::create(builder, value.getLoc(), value.getType(), value);
}

/// Whether the rows that a part of a loop yields may overwrite its argument.
static bool mayYieldInPlace(Block &block) {
  Value yielded = cast<ir::YieldOp>(block.getTerminator()).getRows();
  Value root = rootOf(yielded);
  Operation *def = root.getDefiningOp();
  if (!def || def->getBlock() != &block || !isWhole(yielded))
    return false;
  bool safe = true;
  forEachUse(block.getArgument(0), [&](OpOperand &use) {
    Operation *user = ancestorIn(&block, use.getOwner());
    if (user == def)
      safe &= worksInPlace(def, use);
    else
      safe &= user->isBeforeInBlock(def);
  });
  return safe;
}

/// Whether `layers` may work in the buffer of its operand.
static bool mayConsumeInit(ir::LayersOp layers) {
  Value root = rootOf(layers.getInit());
  if (!root.getDefiningOp() || !isWhole(layers.getInit()) ||
      root.getParentBlock() != layers->getBlock())
    return false;
  bool safe = true;
  forEachUse(root, [&](OpOperand &use) {
    safe &= use.getOwner() == layers ||
            (use.getOwner()->getBlock() == layers->getBlock() &&
             use.getOwner()->isBeforeInBlock(layers));
  });
  return safe;
}

static bool passesThrough(Block &part) {
  return cast<ir::YieldOp>(part.getTerminator()).getRows() ==
         part.getArgument(0);
}

/// Inserts the copies that loops and the result need.
static void insertCopies(func::FuncOp entry) {
  entry.walk([](ir::LayersOp layers) {
    bool writes = false;
    for (Region &region : layers.getParts()) {
      Block &part = region.front();
      if (passesThrough(part))
        continue;
      writes = true;
      Operation *yield = part.getTerminator();
      if (!mayYieldInPlace(part))
        yield->setOperand(0, copyOf(yield->getOperand(0), yield));
    }
    if (writes && !mayConsumeInit(layers))
      layers.getInitMutable().assign(copyOf(layers.getInit(), layers));
  });
  Operation *ret = entry.getBody().front().getTerminator();
  Value result = ret->getOperand(0);
  if (!isWhole(result) || isa<BlockArgument>(rootOf(result)))
    ret->setOperand(0, copyOf(result, ret));
}

BufferClasses::BufferClasses(func::FuncOp entry) : entry(entry) {
  insertCopies(entry);
  Block &block = entry.getBody().front();
  numberOps(block);
  for (BlockArgument argument : block.getArguments())
    if (isRows(argument)) {
      unsigned index = newClass(argument);
      classes[index].fixed = true;
    }
  assign(block);
  extendLifetimes(block);
  classOf(block.getTerminator()->getOperand(0)).fixed = true;
}

BufferView BufferClasses::viewOf(Value value) const {
  BufferView view;
  Value root = rootOf(value, view.column);
  auto found = views.find(root);
  assert(found != views.end() && "value has no buffer");
  view.classIndex = found->second.classIndex;
  view.column += found->second.column;
  return view;
}

void BufferClasses::numberOps(Block &block) {
  for (Operation &op : block) {
    // What a norm's phase writes must not lie where the norm reads.
    auto convert = dyn_cast<ir::ConvertOp>(op);
    Operation *writer = convert ? writerOf(convert) : nullptr;
    int64_t next = points.size();
    points[&op] = writer ? points.lookup(writer) : next;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        numberOps(inner);
  }
}

unsigned BufferClasses::newClass(Value value) {
  classes.push_back({});
  classes.back().features = featuresOf(value);
  classes.back().experts =
      dyn_cast<ir::ExpertsOp>(value.getParentBlock()->getParentOp());
  classes.back().rowsPerToken = ir::rowsPerToken(value);
  views[value] = {static_cast<unsigned>(classes.size() - 1), 0};
  return classes.size() - 1;
}

void BufferClasses::assign(Block &block) {
  for (Operation &op : block) {
    if (auto layers = dyn_cast<ir::LayersOp>(op)) {
      assignLayers(layers);
      continue;
    }
    // Keys and values live in the caches.
    if (isa<ir::KvAppendOp, ir::KvReadOp>(op))
      continue;
    int64_t column = 0;
    for (Value result : op.getResults())
      if (isRows(result) && !views.contains(result) &&
          !viewedBy(result, column))
        newClass(result);
    if (auto experts = dyn_cast<ir::ExpertsOp>(op)) {
      newClass(experts.getRows());
      assign(experts.getBody().front());
    }
  }
}

void BufferClasses::assignLayers(ir::LayersOp layers) {
  BufferView carried = viewOf(layers.getInit());
  views[layers.getResult()] = carried;
  for (Region &region : layers.getParts()) {
    Block &part = region.front();
    views[part.getArgument(0)] = carried;
    if (!passesThrough(part))
      views[rootOf(cast<ir::YieldOp>(part.getTerminator()).getRows())] =
          carried;
    assign(part);
  }
}

/// The last point inside of `op`.
static int64_t lastPoint(Operation *op,
                         const llvm::DenseMap<Operation *, int64_t> &points) {
  int64_t last = points.lookup(op);
  op->walk(
      [&](Operation *inner) { last = std::max(last, points.lookup(inner)); });
  return last;
}

void BufferClasses::extendLifetimes(Block &block) {
  auto extend = [&](Value value, int64_t point) {
    if (!isRows(value) || !views.contains(rootOf(value)))
      return;
    BufferClass &cls = classOf(value);
    cls.begin = std::min(cls.begin, point);
    cls.end = std::max(cls.end, point);
  };
  for (Operation &op : block) {
    for (Value operand : op.getOperands()) {
      extend(operand, points[&op]);
      // A loop reads again what comes from outside of it.
      Operation *def = rootOf(operand).getDefiningOp();
      Operation *loop = block.getParentOp();
      if (isa<ir::LayersOp>(loop) && (!def || def->getBlock() != &block))
        extend(operand, lastPoint(loop, points));
    }
    for (Value result : op.getResults())
      extend(result, points[&op]);
    if (auto layers = dyn_cast<ir::LayersOp>(op)) {
      extend(layers.getResult(), lastPoint(layers, points));
      for (Region &part : layers.getParts())
        extendLifetimes(part.front());
    }
    // The rows are handed out in front of the region, and added up behind it.
    if (auto experts = dyn_cast<ir::ExpertsOp>(op)) {
      extend(experts.getRows(), points[&op]);
      extendLifetimes(experts.getBody().front());
      for (Value value : {Value(experts.getWeights()), experts.getYielded(),
                          Value(experts.getResult())})
        extend(value, lastPoint(experts, points));
    }
  }
}
