//===- SplitLayers.cpp - Layers that are not stored alike -----------------===//

#include "compiler/Build/SplitLayers.h"

#include "dialect/Ashlar.h"

using namespace ashlar;

/// The matrices of a block.
static std::vector<const Weight *> matricesOf(const Block &block) {
  std::vector<const Weight *> matrices;
  auto add = [&](const Linear &linear) {
    if (linear.exists())
      matrices.push_back(&linear.weight);
  };
  auto addAttention = [&](const Attention &attention) {
    add(attention.query);
    add(attention.key);
    add(attention.value);
    add(attention.output);
  };
  addAttention(block.attention);
  if (block.crossAttention)
    addAttention(*block.crossAttention);
  if (block.feedForward.gate)
    add(*block.feedForward.gate);
  add(block.feedForward.up);
  add(block.feedForward.down);
  return matrices;
}

ModelSpec ashlar::splitLayers(ModelSpec spec, TensorChoice choice) {
  for (Stack &stack : spec.stacks) {
    std::vector<BlockGroup> groups;
    for (const BlockGroup &group : stack.blocks) {
      std::vector<const Weight *> matrices = matricesOf(group.block);
      std::vector<int64_t> before;
      for (int64_t layer = group.first; layer < group.first + group.count;
           ++layer) {
        std::vector<int64_t> choices;
        for (const Weight *matrix : matrices)
          choices.push_back(
              choice(ir::replaceLayer(matrix->tensor, llvm::Twine(layer))));
        if (layer == group.first || choices != before)
          groups.push_back({layer, 0, group.block});
        ++groups.back().count;
        before = std::move(choices);
      }
    }
    stack.blocks = std::move(groups);
  }
  return spec;
}
