//===- ArenaRun.cpp - A planned module, run on paper ----------------------===//

#include "tests/artifacts/ArenaRun.h"

#include "runtime/abi.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace ashlar;
using ashlar::testing::ArenaRun;

ArenaRun::ArenaRun(ModuleOp planned)
    : module(planned), plan(ArenaPlan::load(planned)) {}

void ArenaRun::complain(Operation *op, const llvm::Twine &text) {
  std::string line;
  llvm::raw_string_ostream(line)
      << op->getParentOfType<func::FuncOp>().getSymName() << ": " << *op << ": "
      << text;
  complaints.push_back(line);
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

void ArenaRun::write(int64_t begin, int64_t end, int64_t owner) {
  // Cut what begins before and what ends behind.
  for (int64_t at : {begin, end}) {
    auto next = bytes.upper_bound(at);
    if (next == bytes.begin())
      continue;
    auto before = std::prev(next);
    auto [oldEnd, oldOwner] = before->second;
    if (before->first < at && at < oldEnd) {
      before->second.first = at;
      bytes[at] = {oldEnd, oldOwner};
    }
  }
  bytes.erase(bytes.lower_bound(begin), bytes.lower_bound(end));
  bytes[begin] = {end, owner};
}

bool ArenaRun::holds(int64_t begin, int64_t end, int64_t owner) const {
  auto it = bytes.upper_bound(begin);
  if (it == bytes.begin())
    return false;
  for (--it; begin < end; ++it) {
    if (it == bytes.end() || it->first > begin || it->second.first <= begin ||
        it->second.second != owner)
      return false;
    begin = it->second.first;
  }
  return true;
}

void ArenaRun::reserve(llvm::StringRef what, int64_t begin, int64_t size) {
  if (begin < 0 || begin + size > plan.bytes)
    complaints.push_back((what + " lies outside of the arena").str());
  for (const Reserved &other : reserved)
    if (begin < other.end && other.begin < begin + size)
      complaints.push_back((what + " overlaps " + other.what).str());
  reserved.push_back({what.str(), begin, begin + size, fresh()});
  write(begin, begin + size, reserved.back().owner);
}

/// What the runtime writes, and what outlives an entry.
void ArenaRun::reserveTables() {
  reserve("call header", plan.call, ASHLAR_CALL_WORDS * 8);
  reserve("rows", plan.rows, plan.maxTokens * ASHLAR_ROW_WORDS * 4);
  reserve("tiles", plan.tiles, plan.maxTiles * ASHLAR_TILE_WORDS * 4);
  int64_t experts = 0;
  module.walk([&](ir::ExpertsOp op) {
    ExpertTables tables(op, plan.rowCapacity, plan.expertUnit);
    experts = std::max(experts, tables.bytes());
  });
  if (experts)
    reserve("tables of experts", plan.experts, experts);
  for (const CachePlan &cache : plan.caches)
    reserve("segment table", cache.table, cache.slotSegments * 4);
  for (auto entry : module.getOps<func::FuncOp>())
    for (unsigned i = 0; i < entry.getNumArguments(); ++i)
      if (auto type =
              dyn_cast<RankedTensorType>(entry.getArgument(i).getType());
          type && type.getRank() == 1)
        reserve((entry.getSymName() + " argument " + llvm::Twine(i)).str(),
                entry.getArgAttrOfType<ir::BufferAttr>(i, argumentBufferAttr)
                    .getOffset(),
                plan.maxTokens * 4);
}

void ArenaRun::checkReserved(Operation *op) {
  for (const Reserved &region : reserved)
    if (!holds(region.begin, region.end, region.owner))
      complain(op, "overwrites " + region.what);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// What `value` is a view of.
static Value rootOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ir::SliceOp, ir::SplitHeadsOp, ir::MergeHeadsOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

static bool isRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() >= 2;
}

static ir::BufferAttr bufferOf(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto layers = dyn_cast<ir::LayersOp>(parent))
      return bufferOf(layers.getResult());
    if (isa<ir::ExpertsOp>(parent))
      return parent->getAttrOfType<ir::BufferAttr>(argumentBufferAttr);
    return cast<func::FuncOp>(parent).getArgAttrOfType<ir::BufferAttr>(
        argument.getArgNumber(), argumentBufferAttr);
  }
  auto result = cast<OpResult>(value);
  auto list = result.getOwner()->getAttrOfType<ArrayAttr>(buffersAttr);
  return cast<ir::BufferAttr>(list[result.getResultNumber()]);
}

/// Rows of the buffer: of all tokens, or of the experts that they go to.
int64_t ArenaRun::rowsOf(Value value) const {
  auto experts = dyn_cast<ir::ExpertsOp>(value.getParentBlock()->getParentOp());
  return experts ? ExpertTables(experts, capacity, plan.expertUnit).slots
                 : capacity;
}

ArenaRun::Extent ArenaRun::extentOf(Value value) const {
  ir::BufferAttr buffer = bufferOf(value);
  Extent extent;
  extent.features = 1;
  for (int64_t size :
       cast<RankedTensorType>(value.getType()).getShape().drop_front())
    extent.features *= size;
  extent.offset = buffer.getOffset();
  extent.stride = buffer.getStride();
  extent.begin = extent.offset;
  extent.end = extent.begin + rowsOf(value) * extent.stride * 4;
  return extent;
}

void ArenaRun::read(Operation *op, Value value) {
  if (!isRows(value))
    return;
  Operation *def = value.getDefiningOp();
  if (def && isa<ir::KvAppendOp, ir::KvReadOp>(def))
    return readKeys(op, value);
  Value root = rootOf(value);
  Extent view = extentOf(value), whole = extentOf(root);
  int64_t column = (view.offset - whole.offset) / 4;
  if (view.stride != whole.stride || column < 0 ||
      column + view.features > whole.features)
    complain(op, "reads columns that are not in what it looks at");
  if (!holds(whole.begin, whole.end, owners.lookup(root)))
    complain(op, "reads what was overwritten");
}

/// Keys of one call lie in the arena.
void ArenaRun::readKeys(Operation *op, Value keys) {
  auto append = keys.getDefiningOp<ir::KvAppendOp>();
  if (!append || append.getCache() != ir::CacheKind::Call)
    return;
  const CachePlan &cache = plan.caches[plan.findCache(ir::CacheKind::Call)];
  if (!holds(cache.offset, cache.offset + cache.layerStride,
             owners.lookup(append->getResult(0))))
    complain(op, "reads keys that were overwritten");
}

/// Ops that read an operand's row only where they write it.
static bool mayShare(Operation *op, Value operand) {
  if (auto linear = dyn_cast<ir::LinearOp>(op))
    return operand == linear.getResidual() && operand != linear.getInput();
  return isa<ir::AddOp, ir::MultiplyOp, ir::ActivationOp, ir::NormOp,
             ir::ResidualNormOp, ir::CopyOp>(op);
}

/// Within one phase: results may lie on operands only element by element.
void ArenaRun::checkOverlaps(Operation *op) {
  for (Value result : op->getResults()) {
    if (!isRows(result) || isa<ir::KvAppendOp>(op) || result.use_empty())
      continue;
    Extent out = extentOf(result);
    for (Value operand : op->getOperands()) {
      if (!isRows(operand) || isa_and_nonnull<ir::KvAppendOp, ir::KvReadOp>(
                                  operand.getDefiningOp()))
        continue;
      Extent in = extentOf(operand);
      bool apart = out.end <= in.begin || in.end <= out.begin;
      bool together = out.offset == in.offset && out.stride == in.stride;
      if (!apart && !(together && mayShare(op, operand)))
        complain(op, "writes over an operand that it still reads");
    }
    for (Value other : op->getResults()) {
      if (other == result || other.use_empty())
        continue;
      Extent second = extentOf(other);
      if (out.begin < second.end && second.begin < out.end)
        complain(op, "has two results in one place");
    }
  }
}

void ArenaRun::define(Operation *op, Value result) {
  Extent extent = extentOf(result);
  if (extent.begin < 0 || extent.end > plan.bytes)
    complain(op, "writes outside of the arena");
  if (extent.begin % 64 || extent.stride < extent.features)
    complain(op, "has rows that do not fit");
  owners[result] = fresh();
  write(extent.begin, extent.end, owners[result]);
}

void ArenaRun::rename(Operation *op, Value from, Value to) {
  read(op, from);
  if (bufferOf(from) != bufferOf(to))
    complain(op, "carries rows between two places");
  owners[to] = fresh();
  Extent extent = extentOf(rootOf(from));
  write(extent.begin, extent.end, owners[to]);
  owners[rootOf(from)] = owners[to];
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void ArenaRun::runLayers(ir::LayersOp layers) {
  Value carried = layers.getInit();
  for (int64_t i = 0; i < 2 * layers.getStep(); ++i) {
    Block &part = layers.getPart(i % layers.getStep());
    Value argument = part.getArgument(0);
    if (carried != argument)
      rename(layers, carried, argument);
    runBlock(part);
    carried = cast<ir::YieldOp>(part.getTerminator()).getRows();
  }
  rename(layers, carried, layers.getResult());
}

/// Rows are handed out in front of the region and added up behind it.
void ArenaRun::runExperts(ir::ExpertsOp experts) {
  read(experts, experts.getInput());
  read(experts, experts.getWeights());
  define(experts, experts.getRows());
  runBlock(experts.getBody().front());
  read(experts, experts.getYielded());
  read(experts, experts.getWeights());
  define(experts, experts.getResult());
  read(experts, experts.getYielded());
  read(experts, experts.getWeights());
}

void ArenaRun::runOp(Operation *op) {
  if (isa<ir::SliceOp, ir::SplitHeadsOp, ir::MergeHeadsOp, ir::KvReadOp,
          ir::YieldOp>(op))
    return;
  if (auto layers = dyn_cast<ir::LayersOp>(op))
    return runLayers(layers);
  if (auto experts = dyn_cast<ir::ExpertsOp>(op)) {
    runExperts(experts);
    return checkReserved(op);
  }
  for (Value operand : op->getOperands())
    read(op, operand);
  checkOverlaps(op);
  if (auto append = dyn_cast<ir::KvAppendOp>(op)) {
    int64_t owner = owners[append->getResult(0)] = fresh();
    const CachePlan &cache = plan.caches[CachePlace::of(append).cache];
    if (append.getCache() == ir::CacheKind::Call)
      write(cache.offset, cache.offset + cache.layerStride, owner);
  } else if (auto tap = dyn_cast<ir::TapOp>(op)) {
    auto layers = tap->getParentOfType<ir::LayersOp>();
    write(*tap.getOffset(),
          *tap.getOffset() +
              *tap.getLayerStride() * (layers ? layers.getTurns() : 1),
          fresh());
  } else {
    for (Value result : op->getResults())
      if (isRows(result) &&
          !(isa<ir::ResidualNormOp>(op) && result.use_empty()))
        define(op, result);
  }
  checkReserved(op);
}

void ArenaRun::runBlock(Block &block) {
  for (Operation &op : block)
    runOp(&op);
}

void ArenaRun::runEntry(func::FuncOp entry) {
  capacity = entry->hasAttr(headAttr) ? plan.headRows : plan.rowCapacity;
  Block &block = entry.getBody().front();
  for (Value argument : block.getArguments())
    if (isRows(argument)) {
      Extent extent = extentOf(argument);
      write(extent.begin, extent.end, owners[argument] = fresh());
      checkReserved(entry.getBody().front().getTerminator());
    }
  runBlock(block);
  Value result = block.getTerminator()->getOperand(0);
  if (bufferOf(result) !=
      entry->getAttrOfType<ir::BufferAttr>(resultBufferAttr))
    complain(block.getTerminator(), "leaves its result elsewhere");
}

std::vector<std::string> ArenaRun::run() {
  reserveTables();
  for (auto entry : module.getOps<func::FuncOp>())
    if (entry->hasAttr(stackAttr)) {
      runEntry(entry);
      // Callers and heads read the result until the next call.
      ir::BufferAttr result =
          entry->getAttrOfType<ir::BufferAttr>(resultBufferAttr);
      reserve((entry.getSymName() + " result").str(), result.getOffset(),
              plan.rowCapacity * result.getStride() * 4);
    }
  for (int turn = 0; turn < 2; ++turn)
    for (auto entry : module.getOps<func::FuncOp>())
      if (entry->hasAttr(headAttr))
        runEntry(entry);
  return complaints;
}
