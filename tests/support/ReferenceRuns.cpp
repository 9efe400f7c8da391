//===- ReferenceRuns.cpp - Cases through the reference --------------------===//

#include "tests/support/ReferenceRuns.h"

#include "compiler/Import/Import.h"

using namespace ashlar;
using namespace ashlar::testing;
using llvm::Expected;
using llvm::StringRef;
using reference::Tensor;

Expected<std::unique_ptr<LoadedModel>> testing::loadModel(StringRef folder,
                                                          StringRef tower) {
  Expected<ImportResult> imported = importHuggingFace(folder, tower);
  if (!imported)
    return imported.takeError();
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder);
  if (!checkpoint)
    return checkpoint.takeError();
  auto model = std::make_unique<LoadedModel>(
      LoadedModel{std::move(imported->spec), std::move(*checkpoint), nullptr});
  model->reader = std::make_unique<CheckpointReader>(model->checkpoint,
                                                     model->spec.checkpoint);
  return model;
}

ReferenceInputs testing::referenceInputs(const RaggedRows &rows) {
  ReferenceInputs inputs;
  inputs.ids = rows.ids;
  inputs.positions = rows.positions;
  inputs.types = rows.types;
  auto count = static_cast<int64_t>(
      rows.features ? rows.vectors.size() / rows.features : rows.rows.size());
  inputs.vectors = Tensor({count, rows.features});
  std::copy(rows.vectors.begin(), rows.vectors.end(),
            inputs.vectors.data.begin());
  for (auto [i, row] : llvm::enumerate(rows.rows))
    inputs.sequences.push_back({row.batch, row.index, rows.columns,
                                !rows.marks.empty() && rows.marks[i]});
  return inputs;
}

ReferenceInputs testing::slice(const ReferenceInputs &inputs, size_t begin,
                               size_t end) {
  auto part = [&](const auto &list) {
    using List = std::remove_cvref_t<decltype(list)>;
    return list.empty() ? List()
                        : List(&list[begin], &list[begin] + end - begin);
  };
  ReferenceInputs result;
  result.ids = part(inputs.ids);
  result.positions = part(inputs.positions);
  result.types = part(inputs.types);
  result.sequences = part(inputs.sequences);
  int64_t features = inputs.vectors.dim(1);
  result.vectors = Tensor({static_cast<int64_t>(end - begin), features});
  std::copy_n(inputs.vectors.data.begin() + begin * features,
              result.vectors.data.size(), result.vectors.data.begin());
  return result;
}

static const char *entryOf(const Stack &stack) {
  return stack.kind == StackKind::Encoder ? "encoder" : "decoder";
}

/// Rows `which` of `rows`.
static Tensor gather(const Tensor &rows, llvm::ArrayRef<size_t> which) {
  Tensor result({static_cast<int64_t>(which.size()), rows.dim(1)});
  for (auto [i, row] : llvm::enumerate(which))
    std::copy_n(rows.row(row), rows.dim(1), result.row(i));
  return result;
}

Expected<std::map<std::string, OutputRows>>
testing::runReference(Reference &reference, const ModelSpec &spec,
                      const CaseRun &run) {
  std::map<std::string, OutputRows> results;
  RaggedRows rows;
  Tensor hidden;
  for (auto [i, stack] : llvm::enumerate(spec.stacks)) {
    // The mask is the source's; a decoder behind an encoder has no padding.
    rows = stack.embedding.patches
               ? imageRows(run, stack)
               : raggedRows(run, stack,
                            i == 0 ? run.input("attention_mask") : nullptr);
    Expected<Tensor> result =
        reference.run(entryOf(stack), referenceInputs(rows));
    if (!result)
      return result.takeError();
    hidden = std::move(*result);
    results[stack.output] = {rows, hidden};
  }
  for (auto [i, head] : llvm::enumerate(spec.heads)) {
    ReferenceInputs inputs = referenceInputs(rows);
    inputs.hidden = head.rows == RowSelection::All
                        ? hidden
                        : gather(hidden, rows.rowsOf(head));
    Expected<Tensor> result = reference.run("head" + std::to_string(i), inputs);
    if (!result)
      return result.takeError();
    results[head.output] = {rows, std::move(*result)};
  }
  return results;
}

Expected<std::vector<int64_t>> testing::runGreedy(Reference &reference,
                                                  const ModelSpec &spec,
                                                  const CaseRun &prompt,
                                                  size_t count) {
  if (const Stack *encoder = spec.encoder()) {
    RaggedRows source =
        raggedRows(prompt, *encoder, prompt.input("attention_mask"));
    Expected<Tensor> result = reference.run("encoder", referenceInputs(source));
    if (!result)
      return result.takeError();
  }
  int64_t firstPosition = spec.decoder()->embedding.positions.first;
  ReferenceInputs inputs =
      referenceInputs(raggedRows(prompt, *spec.decoder(), nullptr));
  std::vector<int64_t> tokens;
  while (tokens.size() < count) {
    Expected<Tensor> hidden = reference.run("decoder", inputs);
    if (!hidden)
      return hidden.takeError();
    ReferenceInputs last;
    last.hidden = gather(*hidden, inputs.ids.size() - 1);
    Expected<Tensor> logits = reference.run("head0", last);
    if (!logits)
      return logits.takeError();
    tokens.push_back(argmax(logits->data));
    reference::RowPlace place = inputs.sequences.back();
    ++place.index;
    inputs.ids = {static_cast<int32_t>(tokens.back())};
    inputs.positions = {static_cast<int32_t>(firstPosition + place.index)};
    inputs.types = {0};
    inputs.vectors = Tensor({1, 0});
    inputs.sequences = {place};
  }
  return tokens;
}
