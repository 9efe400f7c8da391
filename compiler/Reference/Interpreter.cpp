//===- Interpreter.cpp - Runs the ops of one entry ------------------------===//

#include "compiler/Reference/Interpreter.h"

#include "compiler/Support/Errors.h"

using namespace ashlar;
using namespace ashlar::reference;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

void Reference::Interpreter::set(mlir::Value value, Tensor tensor,
                                 unsigned name) {
  mlir::Operation *op = value.getDefiningOp();
  // Of what an expert computes there is not one row for each token.
  bool amongExperts = op && op->getParentOfType<ir::ExpertsOp>();
  if (observer && op && !amongExperts && tensor.shape.size() == 2) {
    llvm::SmallVector<StringRef> names = ir::namesOf(op->getLoc());
    if (name < names.size())
      observer(names[name], layer, tensor);
  }
  tensors[value] = std::move(tensor);
}

//===----------------------------------------------------------------------===//
// Entries and blocks
//===----------------------------------------------------------------------===//

static Error expectCount(StringRef what, size_t found, size_t expected) {
  if (found == expected)
    return Error::success();
  return userError("", Twine("input \"") + what + "\" has " + Twine(found) +
                           " rows; expected " + Twine(expected));
}

static Error expectFeatures(StringRef what, const Tensor &rows,
                            int64_t expected) {
  if (rows.shape.size() != 2)
    return userError("", Twine("input \"") + what +
                             "\" is missing; expected rows of " +
                             Twine(expected) + " features");
  if (rows.dim(1) == expected)
    return Error::success();
  return userError("", Twine("input \"") + what + "\" has " +
                           Twine(rows.dim(1)) + " features; expected " +
                           Twine(expected));
}

Error Reference::Interpreter::bind(mlir::func::FuncOp entry,
                                   const ReferenceInputs &inputs) {
  // A head has no sequences; its rows count themselves.
  size_t count = inputs.sequences.size();
  for (mlir::BlockArgument argument : entry.getArguments()) {
    auto input = entry.getArgAttrOfType<mlir::StringAttr>(
        argument.getArgNumber(), "ashlar.input");
    StringRef name = input ? input.getValue() : "";
    if (name == "sequences") {
      sequences[argument] = inputs.sequences;
    } else if (name == "vectors" || name == "hidden") {
      const Tensor &given = name == "hidden" ? inputs.hidden : inputs.vectors;
      int64_t features =
          llvm::cast<mlir::RankedTensorType>(argument.getType()).getDimSize(1);
      if (Error error = expectFeatures(name, given, features))
        return error;
      if (name == "vectors")
        if (Error error = expectCount(name, given.dim(0),
                                      count * ir::rowsPerToken(argument)))
          return error;
      set(argument, given);
    } else if (name == "ids" || name == "positions" || name == "types") {
      const std::vector<int32_t> &given = name == "ids" ? inputs.ids
                                          : name == "positions"
                                              ? inputs.positions
                                              : inputs.types;
      if (Error error = expectCount(name, given.size(), count))
        return error;
      ids[argument] = given;
    } else {
      return userError("", Twine("@") + entry.getSymName() +
                               " has an argument with ashlar.input \"" + name +
                               "\"; expected ids, vectors, hidden, positions, "
                               "types or sequences");
    }
  }
  return Error::success();
}

Expected<Tensor> Reference::Interpreter::run(StringRef name,
                                             const ReferenceInputs &inputs) {
  auto entry = module.lookupSymbol<mlir::func::FuncOp>(name);
  if (!entry || entry.empty())
    return userError("", Twine("the module has no entry @") + name);
  layer = -1;
  Error error = bind(entry, inputs);
  Tensor result;
  if (!error) {
    Expected<mlir::Operation *> end = runBlock(entry.getBody().front());
    if (end)
      result = tensors.find((*end)->getOperand(0))->second;
    else
      error = end.takeError();
  }
  tensors.clear();
  ids.clear();
  sequences.clear();
  if (error)
    return error;
  return result;
}

/// The values that no op of the block reads after `op`.
static llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value>>
lastReads(mlir::Block &block) {
  llvm::DenseMap<mlir::Value, mlir::Operation *> last;
  auto visit = [&](mlir::Value value) {
    for (mlir::Operation *user : value.getUsers()) {
      mlir::Operation *ancestor = block.findAncestorOpInBlock(*user);
      mlir::Operation *&current = last[value];
      if (ancestor && (!current || current->isBeforeInBlock(ancestor)))
        current = ancestor;
    }
  };
  for (mlir::Operation &op : block)
    for (mlir::Value result : op.getResults())
      visit(result);
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value>> result;
  for (auto [value, op] : last)
    result[op].push_back(value);
  return result;
}

/// Runs all ops up to the terminator, which it gives.
Expected<mlir::Operation *>
Reference::Interpreter::runBlock(mlir::Block &block) {
  auto dead = lastReads(block);
  for (mlir::Operation &op : block.without_terminator()) {
    if (Error error = execute(&op))
      return error;
    for (mlir::Value value : dead.lookup(&op))
      tensors.erase(value);
  }
  return block.getTerminator();
}

Error Reference::Interpreter::execute(ir::LayersOp op) {
  Tensor current = rows(op.getInit());
  auto first = static_cast<int64_t>(op.getFirst());
  for (int64_t i = 0; i < static_cast<int64_t>(op.getCount()); ++i) {
    layer = first + i;
    mlir::Block &body = op.getPart(i % op.getStep());
    tensors[body.getArgument(0)] = std::move(current);
    Expected<mlir::Operation *> yield = runBlock(body);
    if (!yield)
      return yield.takeError();
    current = rows((*yield)->getOperand(0));
  }
  layer = -1;
  tensors[op.getResult()] = std::move(current);
  return Error::success();
}

/// The rows of `input` that go to `expert`.
static std::vector<int64_t> rowsOfExpert(const Tensor &weights,
                                         int64_t expert) {
  std::vector<int64_t> tokens;
  for (int64_t token = 0; token < weights.dim(0); ++token)
    if (weights.row(token)[expert] != 0.0)
      tokens.push_back(token);
  return tokens;
}

Error Reference::Interpreter::execute(ir::ExpertsOp op) {
  // Copies: running the region adds to `tensors`.
  Tensor input = rows(op.getInput()), chosen = rows(op.getWeights());
  Tensor result({input.dim(0), op.getResult().getType().getDimSize(1)});
  for (expert = 0; expert < op.getCount(); ++expert) {
    std::vector<int64_t> tokens = rowsOfExpert(chosen, expert);
    if (tokens.empty())
      continue;
    Tensor own({static_cast<int64_t>(tokens.size()), input.dim(1)});
    for (auto [i, token] : llvm::enumerate(tokens))
      std::copy_n(input.row(token), input.dim(1), own.row(i));
    tensors[op.getRows()] = std::move(own);
    Expected<mlir::Operation *> yield = runBlock(op.getBody().front());
    if (!yield)
      return yield.takeError();
    const Tensor &given = rows((*yield)->getOperand(0));
    for (auto [i, token] : llvm::enumerate(tokens))
      for (int64_t n = 0; n < result.dim(1); ++n)
        result.row(token)[n] += chosen.row(token)[expert] * given.row(i)[n];
  }
  expert = 0;
  set(op.getResult(), std::move(result));
  return Error::success();
}
