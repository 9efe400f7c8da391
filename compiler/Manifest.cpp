//===- Manifest.cpp - What an artifact says of itself --------------------===//

#include "compiler/Manifest.h"

#include "compiler/Compiler.h"
#include "compiler/Spec/Yaml.h"

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
  if (isEncoder || stack.input == "input_ids")
    inputs.push_back("attention_mask");
  if (stack.plan.positions_offset >= 0 && stack.input == "input_ids")
    inputs.push_back("position_ids");
  if (stack.plan.types_offset >= 0)
    inputs.push_back("token_type_ids");
  return inputs;
}

static llvm::json::Array entriesOf(const PlanDescription &plan) {
  llvm::json::Array entries;
  for (const auto &[index, stack] : llvm::enumerate(plan.stacks)) {
    bool isEncoder = plan.plan.encoder == static_cast<int64_t>(index);
    entries.push_back(llvm::json::Object{
        {"call", isEncoder ? "encode" : "decode"},
        {"inputs", inputsOf(stack, isEncoder)},
        {"output", stack.output},
        {"features", stack.plan.hidden},
        {"vocabulary", stack.plan.vocabulary},
        {"positions", stack.plan.positions}});
  }
  for (const auto &[index, head] : llvm::enumerate(plan.heads))
    entries.push_back(llvm::json::Object{
        {"call", "head"},
        {"head", static_cast<int64_t>(index)},
        {"rows", head.plan.first_row_only ? "first" : "all"},
        {"output", head.output},
        {"features", head.plan.output_features}});
  return entries;
}

static std::string hex(uint64_t value) {
  return llvm::formatv("{0:x16}", value).str();
}

std::string ashlar::makeManifest(const ModelSpec &spec,
                                 const PlanDescription &plan,
                                 const Target &target,
                                 const PipelineOptions &options) {
  const ashlar_plan &numbers = plan.plan;
  llvm::json::Object manifest{
      {"format", 1},
      {"compiler", compilerVersion()},
      {"abi", ASHLAR_ABI_VERSION},
      {"name", plan.name},
      {"family", spec.family},
      {"target", target.name},
      {"precision", "f32"},
      {"spec_hash", hex(llvm::xxh3_64bits(printYaml(spec, ModelSource())))},
      {"build_id", hex(numbers.build_id)},
      {"weights", plan.weightsInside ? "segment" : "external"},
      {"memory",
       llvm::json::Object{{"weights_bytes", numbers.weights_bytes},
                          {"arena_bytes", numbers.arena_bytes},
                          {"cache_bytes", numbers.cache_bytes}}},
      {"limits",
       llvm::json::Object{{"max_tokens", numbers.max_tokens},
                          {"max_context", numbers.max_context},
                          {"max_source", numbers.max_source},
                          {"max_sequences", numbers.max_sequences}}},
      {"entries", entriesOf(plan)},
      {"taps", static_cast<int64_t>(plan.taps.size())}};
  if (!spec.labels.empty())
    manifest["labels"] = llvm::json::Array(spec.labels);
  return llvm::formatv("{0:2}", llvm::json::Value(std::move(manifest))).str();
}
