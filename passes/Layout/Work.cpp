//===- Work.cpp - What an op computes and reads --------------------------===//

#include "passes/Layout/Work.h"

#include "passes/Layout/WeightLayout.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ashlar;

static int64_t bytesOf(Operation *op, FlatSymbolRefAttr symbol) {
  if (!symbol)
    return 0;
  ir::WeightOp weight = ir::lookupWeight(op, symbol);
  return packedBytes(weight, *weight.getLayout());
}

static Work countWork(ir::LinearOp linear) {
  ir::WeightOp weight = ir::lookupWeight(linear, linear.getWeightAttr());
  int64_t bytes = bytesOf(linear, linear.getWeightAttr()) +
                  bytesOf(linear, linear.getBiasAttr());
  Work work;
  work.flopsPerRow = 2 * weight.getRows() * weight.getColumns() *
                     ir::rowsPerToken(linear.getResult());
  if (ir::isPerSequence(linear.getResult()))
    std::swap(work.flopsPerRow, work.flopsPerSequence);
  auto experts = linear->getParentOfType<ir::ExpertsOp>();
  if (!experts) {
    work.weightBytes = bytes;
    return work;
  }
  work.flopsPerRow *= experts.getMostOfRow();
  work.expertBytesPerRow = bytes * experts.getMostOfRow();
  work.expertBytes = bytes * experts.getCount();
  return work;
}

/// Scores and mix: head_dim multiply-adds each, of every head and key. How many
/// keys those are, where there is a window, the phase says.
static Work countWork(ir::AttentionOp attention) {
  auto query = cast<RankedTensorType>(attention.getQuery().getType());
  auto key = cast<RankedTensorType>(attention.getKey().getType());
  int64_t flops = 4 * query.getDimSize(1) * query.getDimSize(2);
  int64_t bytes = 2 * key.getDimSize(1) * key.getDimSize(2) *
                  key.getElementTypeBitWidth() / 8;
  if (key.getElementType().isInteger(8)) // scales
    bytes += 2 * key.getDimSize(1) * int64_t(sizeof(float));
  Work work;
  bool source =
      isa_and_nonnull<ir::KvReadOp>(attention.getKey().getDefiningOp());
  (source ? work.flopsPerSourceKey : work.flopsPerKey) = flops;
  (source ? work.bytesPerSourceKey : work.bytesPerKey) = bytes;
  return work;
}

Work ashlar::workOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, Work>(op)
      .Case<ir::LinearOp, ir::AttentionOp>(
          [](auto op) { return countWork(op); })
      .Case([](ir::EmbeddingOp op) {
        ir::WeightOp table = ir::lookupWeight(op, op.getTableAttr());
        Work work;
        work.bytesPerRow =
            tableStride(table) *
            (table.getPrecision() == ir::Precision::Bf16 ? 2 : 4);
        return work;
      })
      .Case<ir::NormOp, ir::ResidualNormOp>([](auto op) {
        Work work;
        work.weightBytes =
            bytesOf(op, op.getGainAttr()) + bytesOf(op, op.getBiasAttr());
        return work;
      })
      .Case([](ir::ScaleFeaturesOp op) {
        Work work;
        work.weightBytes = bytesOf(op, op.getFactorsAttr());
        return work;
      })
      .Default([](Operation *) { return Work(); });
}

void Work::add(const Work &other, int64_t times) {
  for (const WorkField &field : workFields())
    this->*field.member += times * (other.*field.member);
}

//===----------------------------------------------------------------------===//
// On phases
//===----------------------------------------------------------------------===//

static constexpr llvm::StringLiteral workAttr = "ashlar.work";

llvm::ArrayRef<WorkField> ashlar::workFields() {
  static constexpr WorkField fields[] = {
      {"flops_per_row", &Work::flopsPerRow},
      {"flops_per_key", &Work::flopsPerKey},
      {"flops_per_source_key", &Work::flopsPerSourceKey},
      {"weight_bytes", &Work::weightBytes},
      {"bytes_per_row", &Work::bytesPerRow},
      {"bytes_per_key", &Work::bytesPerKey},
      {"bytes_per_source_key", &Work::bytesPerSourceKey},
      {"expert_bytes_per_row", &Work::expertBytesPerRow},
      {"expert_bytes", &Work::expertBytes},
      {"flops_per_sequence", &Work::flopsPerSequence}};
  return fields;
}

void ashlar::setWork(ir::PhaseOp phase, const Work &work) {
  Builder builder(phase.getContext());
  SmallVector<NamedAttribute> entries;
  for (const WorkField &field : workFields())
    if (int64_t value = work.*field.member)
      entries.push_back(
          builder.getNamedAttr(field.name, builder.getI64IntegerAttr(value)));
  if (!entries.empty())
    phase->setAttr(workAttr, builder.getDictionaryAttr(entries));
}

Work ashlar::getWork(ir::PhaseOp phase) {
  Work work;
  auto entries = phase->getAttrOfType<DictionaryAttr>(workAttr);
  for (const WorkField &field : workFields())
    if (auto value =
            entries ? entries.getAs<IntegerAttr>(field.name) : IntegerAttr())
      work.*field.member = value.getInt();
  return work;
}
