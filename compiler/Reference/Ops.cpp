//===- Ops.cpp - What each op does ----------------------------------------===//

#include "compiler/Reference/Functions.h"
#include "compiler/Reference/Interpreter.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace ashlar;
using namespace ashlar::reference;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

static double toDouble(const llvm::APFloat &value) {
  return value.convertToDouble();
}

static int64_t featuresOf(mlir::Value rows) {
  return llvm::cast<mlir::RankedTensorType>(rows.getType()).getDimSize(1);
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

/// `tensor` with the dimensions of `type` behind the first one.
static Tensor reshape(Tensor tensor, mlir::Type type) {
  auto shape = llvm::cast<mlir::RankedTensorType>(type).getShape();
  int64_t tokens = tensor.dim(0);
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.shape[0] = tokens;
  return tensor;
}

/// `heads` rotated by positions or by angles.
Tensor Reference::Interpreter::rotated(mlir::Value heads, mlir::Value positions,
                                       ir::RotaryAttr rotary) {
  if (rotary.dependsOnLength())
    return rotate(rows(heads), rows(positions), rotary);
  return rotate(rows(heads), numbers(positions), rotary);
}

/// The result of an op that is one function of its operands.
std::optional<Tensor> Reference::Interpreter::evaluate(mlir::Operation *op) {
  using Result = std::optional<Tensor>;
  return llvm::TypeSwitch<mlir::Operation *, Result>(op)
      .Case([&](ir::ActivationOp op) {
        return activate(op.getKind(), rows(op.getInput()));
      })
      .Case([&](ir::AddOp op) {
        return add(rows(op.getLhs()), rows(op.getRhs()));
      })
      .Case([&](ir::MultiplyOp op) {
        return multiply(rows(op.getLhs()), rows(op.getRhs()));
      })
      .Case<ir::SplitHeadsOp, ir::MergeHeadsOp>(
          [&](auto op) { return reshape(rows(op.getInput()), op.getType()); })
      .Case([&](ir::RotaryAnglesOp op) {
        return angles(numbers(op.getPositions()), places(op.getSequences()),
                      op.getRotary());
      })
      .Case([&](ir::RotaryOp op) {
        return rotated(op.getInput(), op.getPositions(), op.getRotary());
      })
      .Case([&](ir::ScoresOp op) {
        return scores(rows(op.getQuery()), rows(op.getKey()));
      })
      .Case([&](ir::ScaleOp op) {
        return scale(rows(op.getInput()), toDouble(op.getFactor()));
      })
      .Case([&](ir::SoftCapOp op) {
        return softCap(rows(op.getInput()), toDouble(op.getCap()));
      })
      .Case([&](ir::ClipOp op) {
        return clip(rows(op.getInput()), toDouble(op.getLimit()));
      })
      .Case([&](ir::MaskOp op) {
        return mask(op.getKind(), op.getWindow(), rows(op.getInput()),
                    places(op.getQuerySequences()),
                    places(op.getKeySequences()), op.getPatternAttr());
      })
      .Case([&](ir::RepeatOp op) {
        return repeat(op.getPattern(), op.getTimes(), rows(op.getInput()),
                      places(op.getQuerySequences()),
                      places(op.getKeySequences()));
      })
      .Case([&](ir::SoftmaxOp op) { return softmax(rows(op.getInput())); })
      .Case([&](ir::MixOp op) {
        return mix(rows(op.getWeights()), rows(op.getValue()));
      })
      .Case([&](ir::RouteOp op) {
        return route(rows(op.getInput()), op.getTop(), op.getRenormalized());
      })
      .Case([&](ir::SliceOp op) {
        return slice(rows(op.getInput()), op.getBegin(),
                     featuresOf(op.getResult()));
      })
      .Case([&](ir::UnfoldOp op) {
        return unfold(rows(op.getInput()), places(op.getSequences()),
                      op.getKernel(), op.getStride(), op.getPadding(),
                      op.getPerToken());
      })
      .Case([&](ir::SegmentOp op) {
        return segments(numbers(op.getIds()), places(op.getSequences()),
                        op.getSeparator(), op.getSkip(),
                        featuresOf(op.getResult()));
      })
      .Case([&](ir::PoolOp op) {
        return pool(rows(op.getInput()), places(op.getSequences()),
                    op.getFrom(), op.getCount());
      })
      .Case([&](ir::ConcatOp op) {
        std::vector<const Tensor *> inputs;
        for (mlir::Value input : op.getInputs())
          inputs.push_back(&rows(input));
        return concat(inputs);
      })
      .Case([&](ir::CopyOp op) { return rows(op.getInput()); })
      .Default(Result());
}

Error Reference::Interpreter::execute(mlir::Operation *op) {
  if (std::optional<Tensor> result = evaluate(op)) {
    set(op->getResult(0), std::move(*result));
    return Error::success();
  }
  return llvm::TypeSwitch<mlir::Operation *, Error>(op)
      .Case<ir::LayersOp, ir::ExpertsOp, ir::EmbeddingOp, ir::LinearOp,
            ir::NormOp, ir::ResidualNormOp, ir::KvAppendOp, ir::KvReadOp,
            ir::AdditiveScoresOp, ir::PositionBiasOp, ir::AttentionOp,
            ir::ScaleFeaturesOp, ir::SetRowOp>(
          [&](auto op) { return execute(op); })
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

//===----------------------------------------------------------------------===//
// Ops with weights
//===----------------------------------------------------------------------===//

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
    if (Error error = weights.row(table, place(), id, out))
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
  return weights.vector(ir::lookupWeight(op, symbol), place());
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
      weight, place(), [&](int64_t first, llvm::ArrayRef<double> piece) {
        auto count = static_cast<int64_t>(piece.size()) / columns;
        // Rows of the weight outside: each is read once, the input is small.
        for (int64_t n = 0; n < count; ++n)
          for (int64_t token = 0; token < input.dim(0); ++token)
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
    double epsilon, int64_t groups) {
  Expected<std::vector<double>> gain = vector(op, gainName);
  if (!gain)
    return gain.takeError();
  Expected<std::vector<double>> bias = vector(op, biasName);
  if (!bias)
    return bias.takeError();
  return norm(kind, rows, *gain, *bias, epsilon, groups);
}

Error Reference::Interpreter::execute(ir::NormOp op) {
  Expected<Tensor> result = normalize(
      op.getKind(), rows(op.getInput()), op, op.getGainAttr(), op.getBiasAttr(),
      toDouble(op.getEpsilon()), static_cast<int64_t>(op.getGroups()));
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
  Tensor key = op.getRotary()
                   ? rotated(op.getKey(), op.getPositions(), *op.getRotary())
                   : rows(op.getKey());
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

/// All rows of a table.
Expected<Tensor> Reference::Interpreter::table(mlir::Operation *op,
                                               mlir::FlatSymbolRefAttr symbol) {
  ir::WeightOp weight = ir::lookupWeight(op, symbol);
  Tensor result({weight.getRows(), weight.getColumns()});
  for (int64_t row = 0; row < weight.getRows(); ++row) {
    llvm::MutableArrayRef<double> out(result.row(row), result.dim(1));
    if (Error error = weights.row(weight, place(), row, out))
      return error;
  }
  return result;
}

Error Reference::Interpreter::execute(ir::AdditiveScoresOp op) {
  Expected<std::vector<double>> weights = vector(op, op.getVectorAttr());
  if (!weights)
    return weights.takeError();
  set(op.getResult(),
      additiveScores(rows(op.getQuery()), rows(op.getKey()), *weights));
  return Error::success();
}

Error Reference::Interpreter::execute(ir::ScaleFeaturesOp op) {
  Expected<std::vector<double>> factors = vector(op, op.getFactorsAttr());
  if (!factors)
    return factors.takeError();
  Tensor result = rows(op.getInput());
  for (int64_t token = 0; token < result.dim(0); ++token)
    for (int64_t i = 0; i < result.dim(1); ++i)
      result.row(token)[i] *= (*factors)[i];
  set(op.getResult(), std::move(result));
  return Error::success();
}

Error Reference::Interpreter::execute(ir::SetRowOp op) {
  Expected<std::vector<double>> numbers = vector(op, op.getVectorAttr());
  if (!numbers)
    return numbers.takeError();
  Tensor result = rows(op.getInput());
  for (auto [token, place] : llvm::enumerate(places(op.getSequences())))
    if (place.index == static_cast<int64_t>(op.getIndex()))
      llvm::copy(*numbers, result.row(token));
  set(op.getResult(), std::move(result));
  return Error::success();
}

Error Reference::Interpreter::execute(ir::PositionBiasOp op) {
  Expected<Tensor> biases = table(op, op.getTableAttr());
  if (!biases)
    return biases.takeError();
  set(op.getResult(),
      biasPositions(rows(op.getInput()), places(op.getQuerySequences()),
                    places(op.getKeySequences()), *biases, op.getBehind()));
  return Error::success();
}

Error Reference::Interpreter::execute(ir::AttentionOp op) {
  Tensor query = op.getRotary() ? rotated(op.getQuery(), op.getPositions(),
                                          *op.getRotary())
                                : rows(op.getQuery());
  Expected<std::vector<double>> additive =
      vector(op, op.getAdditiveVectorAttr());
  if (!additive)
    return additive.takeError();
  const Tensor &key = rows(op.getKey());
  Tensor weights =
      scale(additive->empty() ? scores(query, key)
                              : additiveScores(query, key, *additive),
            toDouble(op.getScale()));
  const Sequences &queries = places(op.getQuerySequences());
  const Sequences &keys = places(op.getKeySequences());
  if (op.getBiasTable()) {
    Expected<Tensor> biases = table(op, op.getBiasTableAttr());
    if (!biases)
      return biases.takeError();
    weights = biasPositions(std::move(weights), queries, keys, *biases,
                            *op.getBehind());
  }
  if (op.getSoftCap())
    weights = softCap(std::move(weights), toDouble(*op.getSoftCap()));
  if (op.getRepeated())
    weights = repeat(*op.getRepeated(), *op.getTimes(), std::move(weights),
                     queries, keys);
  weights = softmax(mask(op.getMask(), op.getWindow(), std::move(weights),
                         queries, keys, op.getPatternAttr()));
  set(op.getResult(), mix(weights, rows(op.getValue())));
  return Error::success();
}
