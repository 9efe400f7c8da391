//===- Module.cpp - One function per stack and per head -------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Build/GraphBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

using namespace ashlar;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

namespace {
class ModuleBuilder {
public:
  ModuleBuilder(ModuleOp module, const ModelSpec &spec, StringRef file,
                const BuildLimits &limits, TensorChoice choice)
      : module(module), spec(spec), limits(limits), choice(choice),
        builder(module.getContext()), weights(module, file) {}

  void addStack(int64_t index);
  void addHead(int64_t index);

private:
  struct Argument {
    const char *input;
    Type type;
    Value *value; // where it goes
  };

  func::FuncOp startFunction(StringRef name, ArrayRef<Argument> arguments,
                             int64_t resultFeatures);
  void finishFunction(func::FuncOp function, Value result);
  SmallVector<Argument> stackArguments(const Stack &stack,
                                       FunctionInputs &inputs);
  /// Keys and values of every decoder layer from the encoder's result.
  Value addCrossKeys(GraphBuilder &graph, Value memory,
                     const FunctionInputs &inputs);

  RankedTensorType rowsType(int64_t features) {
    return RankedTensorType::get({ShapedType::kDynamic, features},
                                 builder.getF32Type());
  }
  RankedTensorType idsType() {
    return RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  }

  ModuleOp module;
  const ModelSpec &spec;
  const BuildLimits &limits;
  TensorChoice choice;
  OpBuilder builder; // inside the function that is being built
  WeightTable weights;
};
} // namespace

func::FuncOp ModuleBuilder::startFunction(StringRef name,
                                          ArrayRef<Argument> arguments,
                                          int64_t resultFeatures) {
  SmallVector<Type> types;
  for (const Argument &argument : arguments)
    types.push_back(argument.type);
  auto type = builder.getFunctionType(types, rowsType(resultFeatures));
  builder.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(builder, weights.locate(name), name, type);
  mlir::Block *block = function.addEntryBlock();
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    function.setArgAttr(i, "ashlar.input",
                        builder.getStringAttr(argument.input));
    *argument.value = block->getArgument(i);
  }
  builder.setInsertionPointToStart(block);
  return function;
}

void ModuleBuilder::finishFunction(func::FuncOp function, Value result) {
  func::ReturnOp::create(builder, function.getLoc(), result);
}

SmallVector<ModuleBuilder::Argument>
ModuleBuilder::stackArguments(const Stack &stack, FunctionInputs &inputs) {
  const Embedding &embedding = stack.embedding;
  RankedTensorType ids = idsType();
  bool usesPositions = embedding.positions.kind != PositionKind::None;
  for (const BlockGroup &group : stack.blocks)
    usesPositions |= group.block.attention.rotary.has_value();

  SmallVector<Argument> arguments;
  if (embedding.tokens)
    arguments.push_back({"ids", ids, &inputs.ids});
  else
    arguments.push_back(
        {"vectors", rowsType(stack.vectorFeatures()), &inputs.vectors});
  if (usesPositions)
    arguments.push_back({"positions", ids, &inputs.positions});
  if (embedding.tokenTypeTable && !embedding.typeSeparator)
    arguments.push_back({"types", ids, &inputs.types});
  arguments.push_back({"sequences",
                       ir::SequencesType::get(builder.getContext()),
                       &inputs.sequences});
  return arguments;
}

Value ModuleBuilder::addCrossKeys(GraphBuilder &graph, Value memory,
                                  const FunctionInputs &inputs) {
  const Stack *decoder = spec.decoder();
  if (!decoder)
    return memory;
  Value rows = memory;
  for (const LayerLoop &loop : layerLoops(*decoder, choice)) {
    if (llvm::none_of(loop.parts, [](const ashlar::Block *block) {
          return block->crossAttention.has_value();
        }))
      continue;
    auto addKeys = [&](const ashlar::Block &block, Value rows) {
      if (block.crossAttention)
        buildCrossKeys(graph, block, rows, inputs);
      return rows;
    };
    rows = graph.layers(loop, rows, addKeys);
  }
  return rows;
}

void ModuleBuilder::addStack(int64_t index) {
  const Stack &stack = spec.stacks[index];
  bool isEncoder = stack.kind == StackKind::Encoder;
  FunctionInputs inputs;
  func::FuncOp function =
      startFunction(isEncoder ? "encoder" : "decoder",
                    stackArguments(stack, inputs), stack.hidden);
  function->setAttr("ashlar.stack", builder.getI64IntegerAttr(index));

  inputs.positionLimit =
      isEncoder ? limits.encoderPositions : limits.decoderPositions;
  GraphBuilder graph(builder, weights);
  for (const BlockGroup &group : stack.blocks)
    if (const auto &rotary = group.block.attention.rotary;
        rotary && rotary->dependsOnLength())
      buildAngles(graph, *rotary, inputs,
                  nameOf(stack.kind) + Twine(".rotary.") +
                      Twine(inputs.angles.size()) + ".angles");
  Value rows = buildEmbedding(graph, stack, inputs);
  auto addLayer = [&](const ashlar::Block &block, Value rows) {
    return buildBlock(graph, block, stack.kind, rows, inputs);
  };
  for (const LayerLoop &loop : layerLoops(stack, choice))
    rows = graph.layers(loop, rows, addLayer);
  if (stack.finalNorm)
    rows = graph.norm(rows, *stack.finalNorm, stack.output + ".norm");
  if (isEncoder)
    rows = addCrossKeys(graph, rows, inputs);
  finishFunction(function, rows);
}

/// Features of what `layers` give for rows of `features`.
static int64_t layerFeatures(const std::vector<HeadLayer> &layers,
                             int64_t features) {
  for (const HeadLayer &layer : layers)
    if (layer.linear)
      features = layer.linear->outFeatures;
  return features;
}

/// Features of the rows that `head` gives for rows of `hidden` features.
static int64_t headFeatures(const Head &head, int64_t hidden) {
  int64_t features = head.pools.empty() ? hidden : 0;
  for (const Pool &pool : head.pools) {
    int64_t own = layerFeatures(pool.layers, hidden);
    features = head.join == PoolJoin::Concat ? features + own : own;
  }
  return layerFeatures(head.layers, features);
}

void ModuleBuilder::addHead(int64_t index) {
  const Head &head = spec.heads[index];
  int64_t hidden = spec.stacks.back().hidden;
  Value rows;
  FunctionInputs inputs;
  SmallVector<Argument> arguments = {{"hidden", rowsType(hidden), &rows}};
  if (head.segmentOffset)
    arguments.push_back({"ids", idsType(), &inputs.ids});
  if (head.readsSequences())
    arguments.push_back({"sequences",
                         ir::SequencesType::get(builder.getContext()),
                         &inputs.sequences});
  func::FuncOp function = startFunction(("head" + Twine(index)).str(),
                                        arguments, headFeatures(head, hidden));
  function->setAttr("ashlar.head", builder.getI64IntegerAttr(index));
  GraphBuilder graph(builder, weights);
  auto isTied = [&](const Weight &weight) {
    return llvm::any_of(spec.stacks, [&](const Stack &stack) {
      return stack.embedding.tokens &&
             stack.embedding.tokens->tensor == weight.tensor;
    });
  };
  finishFunction(function, buildHead(graph, head, rows, inputs, isTied));
}

OwningOpRef<ModuleOp> ashlar::buildModule(MLIRContext &context,
                                          const ModelSpec &spec,
                                          StringRef descriptionFile,
                                          const BuildLimits &limits,
                                          TensorChoice choice) {
  context.loadDialect<ir::AshlarDialect, func::FuncDialect>();
  auto file = FileLineColLoc::get(&context, descriptionFile, /*line=*/1,
                                  /*column=*/1);
  OwningOpRef<ModuleOp> module = ModuleOp::create(file);
  ModuleBuilder builder(*module, spec, descriptionFile, limits, choice);
  for (size_t i = 0; i < spec.stacks.size(); ++i)
    builder.addStack(i);
  for (size_t i = 0; i < spec.heads.size(); ++i)
    builder.addHead(i);
  bool verified = succeeded(verify(*module));
  assert(verified && "the description was not validated");
  return verified ? std::move(module) : nullptr;
}
