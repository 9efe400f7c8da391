//===- Manifest.cpp - What an artifact says of itself --------------------===//

#include "compiler/Manifest.h"

#include "compiler/Compiler.h"
#include "compiler/Spec/Yaml.h"
#include "compiler/Weights/Packer.h"
#include "passes/Layout/WeightLayout.h"
#include "passes/Layout/Work.h"
#include "passes/LowerCpu/PatternBounds.h"
#include "passes/Memory/ArenaPlan.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/xxhash.h"

using namespace ashlar;

std::string ashlar::compilerVersion() {
  return "ashlar " ASHLAR_VERSION " (LLVM " LLVM_VERSION_STRING ")";
}

/// Names of the inputs that the stack takes, as Hugging Face has them.
static llvm::json::Array inputsOf(const StackDescription &stack,
                                  bool isEncoder) {
  llvm::json::Array inputs{stack.input};
  if (stack.plan.image.channels)
    return inputs;
  if ((isEncoder && stack.plan.vector_rows <= 1) || stack.input == "input_ids")
    inputs.push_back("attention_mask");
  if (stack.plan.positions_offset >= 0 && stack.input == "input_ids")
    inputs.push_back("position_ids");
  if (stack.plan.types_offset >= 0)
    inputs.push_back("token_type_ids");
  if (!stack.marksInput.empty())
    inputs.push_back(stack.marksInput);
  return inputs;
}

namespace {
/// What an entry does.
struct EntryWork {
  Work sum;                 // of all layers
  llvm::json::Array phases; // in order; those of layers in an object
};
/// Of stacks and heads, by their index.
struct WorkTable {
  std::vector<EntryWork> stacks;
  std::vector<EntryWork> heads;
};
} // namespace

/// What is not zero; an entry's sum has all members.
static llvm::json::Object toJson(const Work &work, bool all) {
  llvm::json::Object object;
  for (const WorkField &field : workFields())
    if (all || work.*field.member)
      object[field.name] = work.*field.member;
  return object;
}

static llvm::json::Object tilesOf(ir::PhaseOp phase) {
  auto numbers = phase->getAttrOfType<mlir::DenseI64ArrayAttr>(phaseTilesAttr);
  llvm::json::Object tiles{
      {"visited", numbers[0]}, {"total", numbers[1]}, {"tokens", numbers[2]}};
  if (auto layers =
          phase->getAttrOfType<mlir::DenseI64ArrayAttr>(phaseLayersAttr)) {
    tiles["first_layer"] = layers[0];
    tiles["layer_step"] = layers[1];
  }
  return tiles;
}

/// The phases of a program or of a loop over layers, which are `times` layers.
static void countPhases(mlir::Block &block, int64_t times, Work &sum,
                        llvm::json::Array &phases) {
  for (mlir::Operation &op : block) {
    if (auto phase = mlir::dyn_cast<ir::PhaseOp>(op)) {
      Work work = getWork(phase);
      sum.add(work, times);
      llvm::json::Object entry{{"name", phase.getName().str()},
                               {"work", toJson(work, false)}};
      if (auto precision =
              phase->getAttrOfType<mlir::StringAttr>(phasePrecisionAttr))
        entry["precision"] = precision.getValue();
      if (phase->hasAttr(phaseTilesAttr))
        entry["tiles"] = tilesOf(phase);
      if (auto window =
              phase->getAttrOfType<mlir::DenseI64ArrayAttr>(phaseWindowAttr))
        entry["window"] =
            llvm::json::Object{{"behind", window[0]}, {"ahead", window[1]}};
      phases.push_back(std::move(entry));
    } else if (auto loop = mlir::dyn_cast<mlir::scf::ForOp>(op)) {
      std::optional<llvm::APInt> layers = loop.getStaticTripCount();
      assert(layers && "layers are counted at compile time");
      llvm::json::Array inner;
      countPhases(*loop.getBody(), times * layers->getSExtValue(), sum, inner);
      // Not one over layers.
      if (inner.empty())
        continue;
      phases.push_back(llvm::json::Object{{"layers", layers->getSExtValue()},
                                          {"phases", std::move(inner)}});
    }
  }
}

static WorkTable countWork(mlir::ModuleOp lowered,
                           const PlanDescription &plan) {
  WorkTable table;
  table.stacks.resize(plan.stacks.size());
  table.heads.resize(plan.heads.size());
  for (auto program : lowered.getOps<ir::ProgramOp>()) {
    auto stack = program->getAttrOfType<mlir::IntegerAttr>(stackAttr);
    auto head = program->getAttrOfType<mlir::IntegerAttr>(headAttr);
    EntryWork &work =
        stack ? table.stacks[stack.getInt()] : table.heads[head.getInt()];
    countPhases(program.getBody().front(), 1, work.sum, work.phases);
  }
  return table;
}

/// Of one token through the last stack and, where it reads every token, the
/// first head; attention, which grows with the context, is left out.
static std::pair<int64_t, int64_t> perToken(const PlanDescription &plan,
                                            const WorkTable &work) {
  Work sum = work.stacks.back().sum;
  if (!plan.heads.empty() && !plan.heads.front().plan.first_row_only)
    sum.add(work.heads.front().sum);
  return {sum.flopsPerRow,
          sum.weightBytes + sum.bytesPerRow + sum.expertBytesPerRow};
}

/// Which rows a head reads.
static const char *rowsOf(const ashlar_head_plan &head) {
  if (!head.first_row_only)
    return "all";
  if (head.pools)
    return "pooled";
  switch (head.row_token) {
  case ASHLAR_ROW_FIRST:
    return "first";
  case ASHLAR_ROW_LAST:
    return "last";
  default:
    return "chosen";
  }
}

static llvm::json::Array entriesOf(const PlanDescription &plan,
                                   WorkTable &work) {
  llvm::json::Array entries;
  for (const auto &[index, stack] : llvm::enumerate(plan.stacks)) {
    bool isEncoder = plan.plan.encoder == static_cast<int64_t>(index);
    llvm::json::Object entry{{"call", isEncoder ? "encode" : "decode"},
                             {"inputs", inputsOf(stack, isEncoder)},
                             {"output", stack.output},
                             {"features", stack.plan.hidden},
                             {"vocabulary", stack.plan.vocabulary},
                             {"positions", stack.plan.positions},
                             {"work", toJson(work.stacks[index].sum, true)},
                             {"phases", std::move(work.stacks[index].phases)}};
    if (const ashlar_image_plan &image = stack.plan.image; image.channels)
      entry["image"] = llvm::json::Object{{"channels", image.channels},
                                          {"height", image.height},
                                          {"width", image.width},
                                          {"rows", image.rows}};
    entries.push_back(std::move(entry));
  }
  for (const auto &[index, head] : llvm::enumerate(plan.heads))
    entries.push_back(
        llvm::json::Object{{"call", "head"},
                           {"head", static_cast<int64_t>(index)},
                           {"rows", rowsOf(head.plan)},
                           {"output", head.output},
                           {"features", head.plan.output_features},
                           {"scalar", head.plan.scalar},
                           {"work", toJson(work.heads[index].sum, true)},
                           {"phases", std::move(work.heads[index].phases)}});
  return entries;
}

/// Matrices of the checkpoint in the image's order; those of a loop over layers
/// once, as {"first": 0, "layers": 12, "step": 1, "tensors": [...]}. The table
/// of errors has a number for each that is encoded, layer by layer, in the same
/// order.
static llvm::json::Array tensorsOf(mlir::ModuleOp planned) {
  llvm::json::Array tensors;
  llvm::ArrayRef<int64_t> layers; // of the last group
  for (const PlacedWeight &placed : placedWeights(planned)) {
    auto weight = llvm::cast<ir::WeightOp>(placed.weight);
    if (weight.isPerLayer() && placed.layer != weight.getFirstLayer())
      continue;
    llvm::json::Array names;
    for (mlir::Attribute source : weight.getSources())
      if (auto tensor = llvm::dyn_cast<ir::TensorSourceAttr>(source))
        if (names.empty() || names.back() != tensor.getName())
          names.push_back(tensor.getName());
    if (names.empty() || weight.getTensorType().getRank() != 2) {
      assert(!weight.getEncoding() && "only matrices are encoded");
      continue;
    }
    llvm::json::Object entry{
        {"names", std::move(names)},
        {"precision", ir::stringifyEnum(weight.getPrecision())},
        {"bytes", weight.getCopies() == 1
                      ? packedBytes(weight, *weight.getLayout())
                      : placedBytes(weight, *weight.getLayout())}};
    if (!weight.isPerLayer()) {
      layers = {};
      tensors.push_back(std::move(entry));
      continue;
    }
    if (*weight.getLayers() != layers) {
      layers = *weight.getLayers();
      tensors.push_back(llvm::json::Object{{"first", layers[0]},
                                           {"layers", layers[1]},
                                           {"step", weight.getLayerStep()},
                                           {"tensors", llvm::json::Array()}});
    }
    tensors.back().getAsObject()->getArray("tensors")->push_back(
        std::move(entry));
  }
  return tensors;
}

static std::string hex(uint64_t value) {
  return llvm::formatv("{0:x16}", value).str();
}

std::string ashlar::hashOf(const ModelSpec &spec) {
  return hex(llvm::xxh3_64bits(printYaml(spec, ModelSource())));
}

std::string ashlar::makeManifest(const ModelSpec &spec,
                                 const PlanDescription &plan,
                                 const CompileOptions &options,
                                 mlir::ModuleOp lowered) {
  const ashlar_plan &numbers = plan.plan;
  WorkTable work = countWork(lowered, plan);
  auto [flops, bytes] = perToken(plan, work);
  llvm::json::Object manifest{
      {"format", 1},
      {"compiler", compilerVersion()},
      {"abi", ASHLAR_ABI_VERSION},
      {"name", plan.name},
      {"family", spec.family},
      {"target", namesOf(options.targets)},
      {"precision", options.precision.text},
      {"spec_hash", hashOf(spec)},
      {"build_id", hex(numbers.build_id)},
      {"weights", plan.weightsInside ? "segment" : "external"},
      {"memory", llvm::json::Object{{"weights_bytes", numbers.weights_bytes},
                                    {"arena_bytes", numbers.arena_bytes},
                                    {"cache_bytes", numbers.cache_bytes}}},
      {"limits", llvm::json::Object{{"max_tokens", numbers.max_tokens},
                                    {"max_context", numbers.max_context},
                                    {"max_source", numbers.max_source},
                                    {"max_sequences", numbers.max_sequences}}},
      {"entries", entriesOf(plan, work)},
      {"tensors", tensorsOf(lowered)},
      {"flops_per_token", flops},
      {"bytes_per_token", bytes},
      {"taps", static_cast<int64_t>(plan.taps.size())}};
  if (auto errors = lowered->getAttrOfType<mlir::IntegerAttr>(weightErrorsAttr))
    manifest["errors_offset"] = errors.getInt();
  if (spec.sentence)
    manifest["sentence_embedding"] =
        llvm::json::Object{{"pooling", nameOf(spec.sentence->pooling)},
                           {"normalize", spec.sentence->normalize}};
  if (!spec.labels.empty())
    manifest["labels"] = llvm::json::Array(spec.labels);
  return llvm::formatv("{0:2}", llvm::json::Value(std::move(manifest))).str();
}
