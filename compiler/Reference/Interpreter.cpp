//===- Interpreter.cpp - Runs the ops of one entry ------------------------===//

#include "compiler/Reference/Interpreter.h"

#include "compiler/Reference/Functions.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace ashlar;
using namespace ashlar::reference;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// The names in a location, in order: the first one says what the op computes,
/// in the model's words.
static llvm::SmallVector<StringRef> namesOf(mlir::Location location) {
  llvm::SmallVector<StringRef> names;
  location->walk([&](mlir::Location inner) {
    if (auto named = llvm::dyn_cast<mlir::NameLoc>(inner))
      names.push_back(named.getName().getValue());
    return mlir::WalkResult::advance();
  });
  return names;
}

static double toDouble(const llvm::APFloat &value) {
  return value.convertToDouble();
}

void Reference::Interpreter::set(mlir::Value value, Tensor tensor,
                                 unsigned name) {
  mlir::Operation *op = value.getDefiningOp();
  if (observer && op && tensor.shape.size() == 2) {
    llvm::SmallVector<StringRef> names = namesOf(op->getLoc());
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
        if (Error error = expectCount(name, given.dim(0), count))
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
  mlir::Block &body = op.getBody().front();
  Tensor current = rows(op.getInit());
  auto first = static_cast<int64_t>(op.getFirst());
  for (int64_t i = 0; i < static_cast<int64_t>(op.getCount()); ++i) {
    layer = first + i;
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

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Error Reference::Interpreter::execute(mlir::Operation *op) {
  auto done = [&](Tensor result) {
    set(op->getResult(0), std::move(result));
    return Error::success();
  };
  auto reshaped = [&](mlir::Value input, mlir::Value result) {
    Tensor tensor = rows(input);
    auto shape =
        llvm::cast<mlir::RankedTensorType>(result.getType()).getShape();
    int64_t tokens = tensor.dim(0);
    tensor.shape.assign(shape.begin(), shape.end());
    tensor.shape[0] = tokens;
    return done(std::move(tensor));
  };
  return llvm::TypeSwitch<mlir::Operation *, Error>(op)
      .Case<ir::LayersOp, ir::EmbeddingOp, ir::LinearOp, ir::NormOp,
            ir::ResidualNormOp, ir::KvAppendOp, ir::KvReadOp, ir::AttentionOp>(
          [&](auto op) { return execute(op); })
      .Case([&](ir::ActivationOp op) {
        return done(activate(op.getKind(), rows(op.getInput())));
      })
      .Case([&](ir::AddOp op) {
        return done(add(rows(op.getLhs()), rows(op.getRhs())));
      })
      .Case([&](ir::MultiplyOp op) {
        return done(multiply(rows(op.getLhs()), rows(op.getRhs())));
      })
      .Case<ir::SplitHeadsOp, ir::MergeHeadsOp>(
          [&](auto op) { return reshaped(op.getInput(), op.getResult()); })
      .Case([&](ir::RotaryOp op) {
        return done(rotate(rows(op.getInput()), numbers(op.getPositions()),
                           op.getRotary()));
      })
      .Case([&](ir::ScoresOp op) {
        return done(scores(rows(op.getQuery()), rows(op.getKey())));
      })
      .Case([&](ir::ScaleOp op) {
        return done(scale(rows(op.getInput()), toDouble(op.getFactor())));
      })
      .Case([&](ir::MaskOp op) {
        return done(mask(op.getKind(), rows(op.getInput()),
                         places(op.getQuerySequences()),
                         places(op.getKeySequences())));
      })
      .Case(
          [&](ir::SoftmaxOp op) { return done(softmax(rows(op.getInput()))); })
      .Case([&](ir::MixOp op) {
        return done(mix(rows(op.getWeights()), rows(op.getValue())));
      })
      .Case([&](ir::SliceOp op) {
        int64_t features =
            llvm::cast<mlir::RankedTensorType>(op.getType()).getDimSize(1);
        return done(slice(rows(op.getInput()), op.getBegin(), features));
      })
      .Case([&](ir::CopyOp op) { return done(rows(op.getInput())); })
      .Case([&](ir::TapOp op) {
        if (observer)
          observer(op.getName(), layer, rows(op.getInput()));
        return Error::success();
      })
      .Default([](mlir::Operation *op) {
        return userError("", Twine("the reference does not interpret '") +
                                 op->getName().getStringRef() + "'");
      });
}

Error Reference::Interpreter::execute(ir::EmbeddingOp op) {
  ir::WeightOp table = ir::lookupWeight(op, op.getTableAttr());
  llvm::ArrayRef<int32_t> tokens = numbers(op.getIds());
  Tensor result({static_cast<int64_t>(tokens.size()), table.getColumns()});
  for (auto [i, id] : llvm::enumerate(tokens)) {
    if (id < 0 || id >= table.getRows())
      return userError("", Twine("id ") + Twine(id) + " is outside of \"" +
                               table.getSymName() + "\", which has " +
                               Twine(table.getRows()) + " rows");
    llvm::MutableArrayRef<double> out(result.row(i), result.dim(1));
    if (Error error = weights.row(table, layer, id, out))
      return error;
  }
  set(op.getResult(), scale(std::move(result), toDouble(op.getScale())));
  return Error::success();
}

Expected<std::vector<double>>
Reference::Interpreter::vector(mlir::Operation *op,
                               mlir::FlatSymbolRefAttr symbol) {
  if (!symbol)
    return std::vector<double>();
  return weights.vector(ir::lookupWeight(op, symbol), layer);
}

Error Reference::Interpreter::execute(ir::LinearOp op) {
  const Tensor &input = rows(op.getInput());
  ir::WeightOp weight = ir::lookupWeight(op, op.getWeightAttr());
  Expected<std::vector<double>> bias = vector(op, op.getBiasAttr());
  if (!bias)
    return bias.takeError();

  int64_t columns = weight.getColumns();
  Tensor result({input.dim(0), weight.getRows()});
  Error error = weights.forEachPiece(
      weight, layer, [&](int64_t first, llvm::ArrayRef<double> piece) {
        auto count = static_cast<int64_t>(piece.size()) / columns;
        for (int64_t token = 0; token < input.dim(0); ++token)
          for (int64_t n = 0; n < count; ++n)
            result.row(token)[first + n] =
                dot(input.row(token), piece.data() + n * columns, columns);
      });
  if (error)
    return error;
  if (!bias->empty())
    for (int64_t token = 0; token < result.dim(0); ++token)
      for (int64_t n = 0; n < result.dim(1); ++n)
        result.row(token)[n] += (*bias)[n];

  if (op.getGated()) {
    int64_t half = result.dim(1) / 2; // gate rows, then up rows
    result = multiply(activate(*op.getActivation(), slice(result, 0, half)),
                      slice(result, half, half));
  } else if (op.getActivation()) {
    result = activate(*op.getActivation(), std::move(result));
  }
  if (op.getResidual())
    result = add(std::move(result), rows(op.getResidual()));
  set(op.getResult(), std::move(result));
  return Error::success();
}

Expected<Tensor> Reference::Interpreter::normalize(
    ir::NormKind kind, const Tensor &rows, mlir::Operation *op,
    mlir::FlatSymbolRefAttr gainName, mlir::FlatSymbolRefAttr biasName,
    double epsilon) {
  Expected<std::vector<double>> gain = vector(op, gainName);
  if (!gain)
    return gain.takeError();
  Expected<std::vector<double>> bias = vector(op, biasName);
  if (!bias)
    return bias.takeError();
  return norm(kind, rows, *gain, *bias, epsilon);
}

Error Reference::Interpreter::execute(ir::NormOp op) {
  Expected<Tensor> result =
      normalize(op.getKind(), rows(op.getInput()), op, op.getGainAttr(),
                op.getBiasAttr(), toDouble(op.getEpsilon()));
  if (!result)
    return result.takeError();
  set(op.getResult(), std::move(*result));
  return Error::success();
}

Error Reference::Interpreter::execute(ir::ResidualNormOp op) {
  Tensor sum = add(rows(op.getLhs()), rows(op.getRhs()));
  Expected<Tensor> result =
      normalize(op.getKind(), sum, op, op.getGainAttr(), op.getBiasAttr(),
                toDouble(op.getEpsilon()));
  if (!result)
    return result.takeError();
  // The norm's name comes first in a fused location, then the sum's.
  set(op.getSum(), std::move(sum), /*name=*/1);
  set(op.getResult(), std::move(*result));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Attention over kept keys
//===----------------------------------------------------------------------===//

Error Reference::Interpreter::execute(ir::KvAppendOp op) {
  Tensor key = rows(op.getKey());
  if (op.getRotary())
    key = rotate(std::move(key), numbers(op.getPositions()), *op.getRotary());
  const Sequences &tokens = places(op.getSequences());
  KeysAndValues all = {std::move(key), rows(op.getValue()), tokens};
  if (op.getCache() != ir::CacheKind::Call) {
    KeyStore &store = caches[{op.getCache(), layer}];
    if (!store.append(all.keys, all.values, tokens))
      return userError("", "the rows of a sequence leave a gap in it",
                       "give each sequence's rows in order from index 0 on");
    all = store.read(tokens, all.keys.dim(1), all.keys.dim(2));
  }
  set(op.getKeys(), std::move(all.keys));
  set(op.getValues(), std::move(all.values));
  sequences[op.getKeySequences()] = std::move(all.places);
  return Error::success();
}

Error Reference::Interpreter::execute(ir::KvReadOp op) {
  auto type = llvm::cast<mlir::RankedTensorType>(op.getKeys().getType());
  KeysAndValues all = caches[{op.getCache(), layer}].read(
      places(op.getSequences()), type.getDimSize(1), type.getDimSize(2));
  set(op.getKeys(), std::move(all.keys));
  set(op.getValues(), std::move(all.values));
  sequences[op.getKeySequences()] = std::move(all.places);
  return Error::success();
}

Error Reference::Interpreter::execute(ir::AttentionOp op) {
  Tensor query = rows(op.getQuery());
  if (op.getRotary())
    query =
        rotate(std::move(query), numbers(op.getPositions()), *op.getRotary());
  Tensor weights =
      scale(scores(query, rows(op.getKey())), toDouble(op.getScale()));
  weights = softmax(mask(op.getMask(), std::move(weights),
                         places(op.getQuerySequences()),
                         places(op.getKeySequences())));
  set(op.getResult(), mix(weights, rows(op.getValue())));
  return Error::success();
}
