//===- LayerLoops.cpp - Which layers share code ---------------------------===//

#include "compiler/Build/LayerLoops.h"

#include "dialect/Ashlar.h"

#include <map>

using namespace ashlar;

/// The longest period that is looked for.
static constexpr size_t mostParts = 8;

/// The matrices of a block.
static std::vector<const Weight *> matricesOf(const Block &block) {
  std::vector<const Weight *> matrices;
  auto add = [&](const Linear &linear) {
    if (linear.exists())
      matrices.push_back(&linear.weight);
  };
  auto addProjections = [&](const auto &of) {
    add(of.query);
    add(of.key);
    add(of.value);
  };
  auto addAttention = [&](const Attention &attention) {
    addProjections(attention);
    if (attention.marked)
      addProjections(*attention.marked);
    add(attention.output);
  };
  addAttention(block.attention);
  if (block.crossAttention)
    addAttention(*block.crossAttention);
  if (block.feedForward.experts)
    add(block.feedForward.experts->router);
  if (block.feedForward.gate)
    add(*block.feedForward.gate);
  add(block.feedForward.up);
  add(block.feedForward.down);
  return matrices;
}

static int64_t copiesOf(const Weight &matrix, const Block &block) {
  return ir::namesExpert(matrix.tensor) ? block.feedForward.experts->count : 1;
}

namespace {
/// A layer's block, and a number that layers have in common which are alike.
struct Layer {
  const Block *block;
  int64_t kind;
};
} // namespace

static std::vector<Layer> layersOf(const Stack &stack, TensorChoice choice) {
  std::vector<const Block *> blocks; // that differ
  std::map<std::pair<int64_t, std::vector<int64_t>>, int64_t> kinds;
  std::vector<Layer> layers;
  for (const BlockGroup &group : stack.blocks) {
    auto same = llvm::find_if(
        blocks, [&](const Block *block) { return *block == group.block; });
    int64_t number = same - blocks.begin();
    if (same == blocks.end())
      blocks.push_back(&group.block);
    std::vector<const Weight *> matrices = matricesOf(group.block);
    for (int64_t layer = group.first; layer < group.first + group.count;
         ++layer) {
      std::vector<int64_t> choices;
      if (choice)
        for (const Weight *matrix : matrices)
          for (int64_t expert = 0; expert < copiesOf(*matrix, group.block);
               ++expert)
            choices.push_back(
                choice(ir::tensorName(matrix->tensor, {layer, expert})));
      auto [kind, isNew] =
          kinds.try_emplace({number, std::move(choices)}, kinds.size());
      layers.push_back({blocks[number], kind->second});
    }
  }
  return layers;
}

/// Layers at the beginning of `layers` that are turns of its first `period`.
static size_t coveredBy(llvm::ArrayRef<Layer> layers, size_t period) {
  size_t covered = period;
  while (covered < layers.size() &&
         layers[covered].kind == layers[covered - period].kind)
    ++covered;
  return covered - covered % period;
}

/// Times that the kind of layer changes, and one.
static size_t runsOf(llvm::ArrayRef<Layer> layers) {
  size_t runs = 1;
  for (size_t i = 1; i < layers.size(); ++i)
    runs += layers[i].kind != layers[i - 1].kind;
  return runs;
}

std::vector<LayerLoop> ashlar::layerLoops(const Stack &stack,
                                          TensorChoice choice) {
  std::vector<Layer> all = layersOf(stack, choice);
  std::vector<LayerLoop> loops;
  for (llvm::ArrayRef<Layer> rest = all; !rest.empty();) {
    // The period that saves most blocks over a loop for each run.
    size_t period = 1, count = coveredBy(rest, 1), saved = 0;
    for (size_t p = 2; p <= std::min(mostParts, rest.size() / 2); ++p) {
      size_t covered = coveredBy(rest, p);
      size_t runs = runsOf(rest.take_front(covered));
      if (runs > p + saved) {
        period = p;
        count = covered;
        saved = runs - p;
      }
    }
    LayerLoop loop;
    loop.first = stack.blocks.front().first + (all.size() - rest.size());
    loop.count = count;
    loop.whole = count == all.size();
    for (const Layer &layer : rest.take_front(period))
      loop.parts.push_back(layer.block);
    loops.push_back(std::move(loop));
    rest = rest.drop_front(count);
  }
  return loops;
}
