//===- Verifier.cpp - Compiled code beside the reference -----------------===//

#include "tools/ashlar/Verifier.h"

#include "compiler/Spec/Marks.h"
#include "compiler/Support/Errors.h"
#include "runtime/text/model.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using reference::Tensor;

static const char *entryOf(const Stack &stack) {
  return stack.kind == StackKind::Encoder ? "encoder" : "decoder";
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

ScaledTensor Verifier::graphTensor(const ashlar_tap_plan &tap) const {
  auto found =
      scaled.find(scaledKey(tap.name, tap.layers ? tap.first_layer : -1));
  return found == scaled.end() ? ScaledTensor{tap.name, 1} : found->second;
}

/// Whether `tap` has rows of `layer`, which is -1 outside of layers.
static bool keeps(const ashlar_tap_plan &tap, int64_t layer) {
  if (!tap.layers)
    return layer < 0;
  int64_t turn = (layer - tap.first_layer) / tap.layer_step;
  return layer >= tap.first_layer && turn < tap.layers &&
         (layer - tap.first_layer) % tap.layer_step == 0;
}

void Verifier::compareTap(StringRef entry, const ashlar_tap_plan &tap,
                          int64_t layer, const Tensor &rows, double factor) {
  const char *base = static_cast<const char *>(api.arena(session)) + tap.offset;
  if (tap.layers)
    base += (layer - tap.first_layer) / tap.layer_step * tap.layer_stride;
  Difference &difference = report.tensor(entry, tap.name, layer);
  for (int64_t i = 0; i < rows.dim(0); ++i) {
    const float *got = reinterpret_cast<const float *>(base) + i * tap.stride;
    for (int64_t j = 0; j < tap.features; ++j)
      difference.add(got[j], rows.row(i)[j] * factor);
  }
}

Expected<Tensor> Verifier::runReference(StringRef entry, int64_t owner,
                                        const ReferenceInputs &inputs) {
  reference.setObserver([&](StringRef name, int64_t layer, const Tensor &rows) {
    if (layers && (layer < layers->first || layer > layers->second))
      return;
    for (const ashlar_tap_plan &tap : ArrayRef(plan.taps, plan.tap_count)) {
      if (tap.stack != owner || !keeps(tap, layer) ||
          rows.dim(1) != tap.features)
        continue;
      ScaledTensor tensor = graphTensor(tap);
      if (name != tensor.name)
        continue;
      matched.insert(tap.name);
      compareTap(entry, tap, layer, rows, tensor.factor);
    }
  });
  Expected<Tensor> result = reference.run(entry, inputs);
  reference.setObserver(nullptr);
  return result;
}

void Verifier::compareOutput(StringRef entry, StringRef name, const float *got,
                             const double *expected, int64_t features,
                             int64_t sequence, int64_t column) {
  if (!layers) {
    Difference &difference = report.tensor(entry, name, -1);
    for (int64_t j = 0; j < features; ++j)
      difference.add(got[j], expected[j]);
  }
  for (auto [output, difference] : llvm::zip(current->outputs, outputs)) {
    const std::vector<int64_t> &shape = output.values.shape;
    if (output.name != name || shape.back() != features)
      continue;
    int64_t row = shape.size() == 2 ? sequence : sequence * shape[1] + column;
    ArrayRef<char> bytes = output.values.bytes;
    for (int64_t j = 0; j < features; ++j) {
      double stored;
      int64_t at = row * features + j;
      if (output.values.type == NpyType::Float32)
        stored = reinterpret_cast<const float *>(bytes.data())[at];
      else
        stored = reinterpret_cast<const double *>(bytes.data())[at];
      difference.add(got[j], stored);
    }
  }
}

std::vector<std::string> Verifier::unmatchedTaps() const {
  std::vector<std::string> names;
  for (const ashlar_tap_plan &tap : ArrayRef(plan.taps, plan.tap_count))
    if (!matched.contains(tap.name))
      names.push_back(tap.name);
  return names;
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// Rows `which` of `rows`.
static Tensor gather(const Tensor &rows, ArrayRef<int32_t> which) {
  Tensor result({static_cast<int64_t>(which.size()), rows.dim(1)});
  for (auto [i, row] : llvm::enumerate(which))
    std::copy_n(rows.row(row), rows.dim(1), result.row(i));
  return result;
}

/// The row of a sequence that a head of one row reads.
static int64_t chosenRow(const Head &head, const SequenceRows &rows) {
  const std::vector<int32_t> &ids = rows.ids;
  if (head.rows == RowSelection::Last)
    return rows.size() - 1;
  if (head.rows == RowSelection::HighestToken)
    return std::max_element(ids.begin(), ids.end()) - ids.begin();
  if (head.rows != RowSelection::Token)
    return 0;
  auto found = llvm::find(ids, head.token);
  return found == ids.end() ? 0 : found - ids.begin();
}

Error Verifier::runHead(size_t head, ArrayRef<Piece> pieces,
                        const Tensor &hidden, const ReferenceInputs &ofStack) {
  const ashlar_head_plan &of = plan.heads[head];
  std::vector<int32_t> rows;                       // of the call
  std::vector<std::pair<int64_t, int64_t>> places; // sequence, column
  int32_t row = 0;
  for (const Piece &piece : pieces) {
    const SequenceRows &sequence = current->stacks.back()[piece.sequence];
    int64_t chosen = chosenRow(spec.heads[head], sequence);
    for (int64_t i = piece.begin; i < piece.begin + piece.count; ++i, ++row) {
      if (of.first_row_only && i != chosen)
        continue;
      rows.push_back(row);
      places.emplace_back(piece.sequence, sequence.columns[i]);
    }
  }
  std::string entry = "head" + std::to_string(head);
  // A head's taps hold the rows of one piece; one that pools takes all.
  for (size_t begin = 0; begin < rows.size(); begin += of.max_rows) {
    ArrayRef<int32_t> part = ArrayRef(rows).slice(
        begin, std::min<size_t>(of.max_rows, rows.size() - begin));
    std::vector<float> out(part.size() * of.output_features);
    if (Error error = statusError(
            api, api.head(session, head, of.pools ? nullptr : part.data(),
                          part.size(), out.data(), out.size())))
      return error;
    ReferenceInputs inputs;
    inputs.hidden = of.pools ? hidden : gather(hidden, part);
    inputs.ids = ofStack.ids;
    inputs.sequences = ofStack.sequences;
    Expected<Tensor> expected =
        runReference(entry, -1 - static_cast<int64_t>(head), inputs);
    if (!expected)
      return expected.takeError();
    for (size_t i = 0; i < part.size(); ++i)
      compareOutput(entry, of.output, &out[i * of.output_features],
                    expected->row(i), of.output_features,
                    places[begin + i].first, places[begin + i].second);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

static bool isMarked(const Stack &stack, const SequenceRows &rows, int64_t i) {
  if (!stack.marks)
    return false;
  return rows.marks.empty() ? i < markedByRule(*stack.marks, rows.ids)
                            : rows.marks[i];
}

ReferenceInputs Verifier::inputsOf(size_t stack, ArrayRef<Piece> pieces) const {
  ReferenceInputs inputs;
  std::vector<float> vectors;
  int64_t features = spec.stacks[stack].vectorFeatures();
  int64_t perToken = spec.stacks[stack].embedding.rowsPerToken();
  for (const Piece &piece : pieces) {
    const SequenceRows &rows = current->stacks[stack][piece.sequence];
    auto append = [&](auto &to, const auto &from, int64_t width) {
      if (!from.empty())
        to.insert(to.end(), from.begin() + piece.begin * width,
                  from.begin() + (piece.begin + piece.count) * width);
    };
    append(inputs.ids, rows.ids, 1);
    append(inputs.positions, rows.positions, 1);
    append(inputs.types, rows.types, 1);
    append(vectors, rows.vectors, perToken * features);
    for (int64_t i = piece.begin; i < piece.begin + piece.count; ++i)
      inputs.sequences.push_back(
          {piece.slot, i, rows.extent, isMarked(spec.stacks[stack], rows, i)});
  }
  if (!vectors.empty()) {
    inputs.vectors = Tensor(
        {static_cast<int64_t>(inputs.sequences.size()) * perToken, features});
    llvm::copy(vectors, inputs.vectors.data.begin());
  }
  return inputs;
}

Error Verifier::runCompiled(size_t stack, ArrayRef<Piece> pieces,
                            const ReferenceInputs &inputs) {
  const ashlar_stack_plan &of = plan.stacks[stack];
  std::vector<int32_t> slots, lengths, extents, marks;
  std::vector<float> pixels;
  for (const Piece &piece : pieces) {
    const SequenceRows &rows = current->stacks[stack][piece.sequence];
    llvm::append_range(pixels, rows.pixels);
    llvm::append_range(marks, rows.marks);
    slots.push_back(piece.slot);
    lengths.push_back(piece.count);
    extents.push_back(rows.extent ? rows.extent : piece.begin + piece.count);
  }
  std::vector<float> vectors(inputs.vectors.data.begin(),
                             inputs.vectors.data.end());
  ashlar_batch batch = {};
  batch.sequences = pieces.size();
  batch.slots = slots.data();
  batch.lengths = lengths.data();
  batch.ids = of.ids_offset >= 0 ? inputs.ids.data() : nullptr;
  if (of.image.channels)
    batch.pixel_values = pixels.data();
  else if (of.ids_offset < 0)
    batch.vectors = vectors.data();
  batch.position_ids =
      of.positions_offset >= 0 ? inputs.positions.data() : nullptr;
  batch.token_type_ids = of.types_offset >= 0 ? inputs.types.data() : nullptr;
  batch.extents = of.reads_extents ? extents.data() : nullptr;
  batch.marks = marks.empty() ? nullptr : marks.data();
  return statusError(api, static_cast<int64_t>(stack) == plan.encoder
                              ? api.encode(session, &batch)
                              : api.decode(session, &batch));
}

Error Verifier::runCall(size_t stack, ArrayRef<Piece> pieces) {
  const Stack &of = spec.stacks[stack];
  ReferenceInputs inputs = inputsOf(stack, pieces);
  if (Error error = runCompiled(stack, pieces, inputs))
    return error;
  Expected<Tensor> expected = runReference(entryOf(of), stack, inputs);
  if (!expected)
    return expected.takeError();
  const float *hidden;
  int64_t rows, features, stride;
  if (Error error = statusError(
          api, api.hidden(session, &hidden, &rows, &features, &stride)))
    return error;
  int64_t row = 0;
  for (const Piece &piece : pieces)
    for (int64_t i = 0; i < piece.count; ++i, ++row)
      compareOutput(
          entryOf(of), of.output, hidden + row * stride, expected->row(row),
          features, piece.sequence,
          current->stacks[stack][piece.sequence].columns[piece.begin + i]);
  if (stack + 1 != spec.stacks.size())
    return Error::success();
  for (size_t head = 0; head < spec.heads.size(); ++head)
    if (Error error = runHead(head, pieces, *expected, inputs))
      return error;
  return Error::success();
}

/// A decoder takes as many rows as there is room for; an encoder takes whole
/// sequences only.
Error Verifier::runStack(size_t stack, ArrayRef<int64_t> sequences) {
  bool whole = spec.stacks[stack].kind == StackKind::Encoder;
  std::vector<Piece> pieces;
  int64_t room = plan.max_tokens;
  auto flush = [&]() -> Error {
    if (pieces.empty())
      return Error::success();
    Error error = runCall(stack, pieces);
    pieces.clear();
    room = plan.max_tokens;
    return error;
  };
  for (auto [slot, sequence] : llvm::enumerate(sequences)) {
    int64_t size = current->stacks[stack][sequence].size(), begin = 0;
    while (begin < size) {
      int64_t count = std::min(size - begin, room);
      if (room == 0 || (whole && count < size)) {
        if (Error error = flush())
          return error;
        continue;
      }
      pieces.push_back({sequence, begin, count, static_cast<int32_t>(slot)});
      begin += count;
      room -= count;
    }
  }
  return flush();
}

Error Verifier::runGroup(ArrayRef<int64_t> sequences) {
  reference.reset();
  if (Error error = statusError(api, api.reset(session, -1)))
    return error;
  for (size_t stack = 0; stack < spec.stacks.size(); ++stack)
    if (Error error = runStack(stack, sequences))
      return error;
  return Error::success();
}

Error Verifier::checkLengths(const VerifyRun &run) const {
  for (auto [stack, rows] : llvm::zip(spec.stacks, run.stacks)) {
    bool encoder = stack.kind == StackKind::Encoder;
    int64_t most = encoder ? ashlar_encoder_limit(&plan) : plan.max_context;
    for (const SequenceRows &sequence : rows)
      if (sequence.size() > most)
        return userError("",
                         "run " + escapeForDisplay(run.name) + " has " +
                             llvm::Twine(sequence.size()) + " tokens; the " +
                             (encoder ? "encoder" : "decoder") + " takes " +
                             llvm::Twine(most) + " at most",
                         encoder ? "compile with a larger --max-tokens"
                                 : "compile with a larger --max-context");
  }
  return Error::success();
}

Error Verifier::run(const VerifyRun &run) {
  if (Error error = checkLengths(run))
    return error;
  current = &run;
  outputs.assign(run.outputs.size(), {});
  std::vector<int64_t> group;
  for (int64_t sequence = 0; sequence < run.batch(); ++sequence) {
    bool empty = false;
    for (const std::vector<SequenceRows> &rows : run.stacks)
      empty |= rows[sequence].size() == 0;
    if (!empty)
      group.push_back(sequence);
    if (group.empty() ||
        (static_cast<int64_t>(group.size()) < plan.max_sequences &&
         sequence + 1 < run.batch()))
      continue;
    if (Error error = runGroup(group))
      return error;
    group.clear();
  }
  for (auto [output, difference] : llvm::zip(run.outputs, outputs)) {
    if (!difference.count)
      return userError("",
                       "run " + escapeForDisplay(run.name) +
                           " expects an output \"" +
                           escapeForDisplay(output.name) + "\" of " +
                           llvm::Twine(output.values.shape.back()) +
                           " features; the model has none",
                       "`ashlar describe MODEL` lists its outputs");
    report.add({run.name, output.name, difference,
                report.isFloat32 ? output.relL2 : report.tolerance,
                report.isFloat32 ? output.maxAbs
                                 : std::numeric_limits<double>::infinity()});
  }
  return Error::success();
}
