//===- StackedWeights.cpp - Weights on top of each other -----------------===//

#include "passes/Fusion/StackedWeights.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

WeightUses::WeightUses(ModuleOp module) {
  std::optional<SymbolTable::UseRange> uses =
      SymbolTable::getSymbolUses(&module.getBodyRegion());
  assert(uses && "a module's symbol uses are always known");
  for (SymbolTable::SymbolUse use : *uses)
    ++counts[use.getSymbolRef().getLeafReference()];
}

bool WeightUses::usedOnce(WeightOp weight) const {
  return counts.lookup(weight.getSymNameAttr()) == 1;
}

LinearWeights ashlar::weightsOf(LinearOp linear) {
  FlatSymbolRefAttr bias = linear.getBiasAttr();
  return {lookupWeight(linear, linear.getWeightAttr()),
          bias ? lookupWeight(linear, bias) : WeightOp()};
}

Refusal ashlar::ownsWeights(LinearOp linear, const WeightUses &uses) {
  if (linear.getActivation() || linear.getGated() || linear.getResidual())
    return "the linear has an epilogue";
  LinearWeights weights = weightsOf(linear);
  for (WeightOp weight : {weights.weight, weights.bias})
    if (weight && !uses.usedOnce(weight))
      return ("@" + weight.getSymName() + " has other uses").str();
  return std::nullopt;
}

Refusal ashlar::sameLayers(LinearOp a, LinearOp b) {
  WeightOp expected = weightsOf(a).weight;
  LinearWeights weights = weightsOf(b);
  for (WeightOp weight : {weightsOf(a).bias, weights.weight, weights.bias})
    if (weight && weight.getLayers() != expected.getLayers())
      return ("@" + weight.getSymName() + " and @" + expected.getSymName() +
              " are of different layers")
          .str();
  for (WeightOp weight : {weightsOf(a).bias, weights.weight, weights.bias})
    if (weight && weight.getExperts() != expected.getExperts())
      return ("@" + weight.getSymName() + " and @" + expected.getSymName() +
              " are of different experts")
          .str();
  return std::nullopt;
}

namespace {

/// Collects the rows of a stacked weight, then makes it.
struct Stack {
  SmallVector<Attribute> sources;
  SmallVector<StringRef> names;
  SmallVector<WeightOp> taken;
  int64_t rows = 0;

  void add(WeightOp weight) {
    llvm::append_range(sources, weight.getSources());
    names.push_back(weight.getSymName());
    taken.push_back(weight);
    rows += weight.getRows();
  }
  void addZeros(MLIRContext *context, int64_t count) {
    sources.push_back(ZeroSourceAttr::get(context, count));
    rows += count;
  }
};

} // namespace

/// Puts a weight of `shape` in the place of those that it is made of.
static FlatSymbolRefAttr place(ModuleOp module, const Stack &stack,
                               StringRef name, ArrayRef<int64_t> shape) {
  WeightOp first = stack.taken.front();
  OpBuilder builder(module.getContext());
  SmallVector<Operation *> parts(stack.taken.begin(), stack.taken.end());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto weight = WeightOp::create(
      builder, joinLocations(parts), builder.getStringAttr(name),
      builder.getArrayAttr(stack.sources), TypeAttr::get(type),
      first.getLayersAttr(), first.getExpertsAttr(), /*encoding=*/nullptr,
      /*layout=*/nullptr, /*offset=*/nullptr, /*layer_stride=*/nullptr);
  // Gives the symbol another name if there is such a one already.
  StringAttr symbol =
      SymbolTable(module).insert(weight, Block::iterator(first));
  for (WeightOp taken : stack.taken)
    taken.erase();
  return FlatSymbolRefAttr::get(symbol);
}

StackedSymbols ashlar::stackWeights(ModuleOp module,
                                    ArrayRef<LinearOp> linears) {
  Stack weights, biases;
  for (LinearOp linear : linears) {
    LinearWeights own = weightsOf(linear);
    weights.add(own.weight);
    if (own.bias)
      biases.add(own.bias);
    else
      biases.addZeros(module.getContext(), own.weight.getRows());
  }
  int64_t columns = weights.taken.front().getColumns();
  std::string name = joinNames(weights.names);
  // Made before anything is erased: the names belong to the old weights.
  std::string biasName = biases.taken.size() == linears.size()
                             ? joinNames(biases.names)
                             : name + ".bias";
  StackedSymbols symbols;
  symbols.weight = place(module, weights, name, {weights.rows, columns});
  if (!biases.taken.empty())
    symbols.bias = place(module, biases, biasName, {biases.rows});
  return symbols;
}
