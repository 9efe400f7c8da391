//===- ReferenceRows.cpp - The oracle behind a pipe -----------------------===//
//
// reference-rows MODEL SEED: a model with the random weights of SEED. Reads
// lines `encoder|decoder SLOT ROWS NUMBER...` from standard input: ROWS token
// ids, or ROWS x hidden floats for a stack that takes vectors. Each appends to
// its slot's sequence. Writes float64: the hidden rows of each line and, behind
// the last stack of the model, the rows of every head.
//
//===----------------------------------------------------------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Compiler.h"
#include "compiler/Reference/Reference.h"
#include "compiler/Spec/Marks.h"
#include "compiler/Spec/PositionRule.h"

#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>

using namespace ashlar;
using reference::Tensor;

static int fail(llvm::Error error) {
  std::cerr << llvm::toString(std::move(error)) << "\n";
  return 1;
}

static void write(const Tensor &rows) {
  std::fwrite(rows.data.data(), sizeof(double), rows.data.size(), stdout);
}

/// The inputs that a line describes; `length` rows are there already.
static ReferenceInputs readLine(std::istringstream &line, const Stack &stack,
                                int64_t slot, int64_t length) {
  int64_t rows = 0;
  line >> rows;
  ReferenceInputs inputs;
  bool vectors = stack.embedding.vocabulary == 0;
  inputs.vectors = Tensor({rows * stack.embedding.rowsPerToken(),
                           vectors ? stack.vectorFeatures() : 0});
  for (double &number : inputs.vectors.data)
    line >> number;
  for (int64_t row = 0; row < rows; ++row) {
    int32_t id = 0;
    if (!vectors)
      line >> id;
    inputs.ids.push_back(id);
    inputs.types.push_back(0);
    inputs.sequences.push_back({slot, length + row});
  }
  std::vector<int64_t> ids;
  if (!vectors)
    ids.assign(inputs.ids.begin(), inputs.ids.end());
  for (int64_t position :
       positionsByRule(stack, rows, ids, /*mask=*/{}, length))
    inputs.positions.push_back(static_cast<int32_t>(position));
  if (stack.marks)
    for (auto &place : inputs.sequences)
      place.marked = place.index < markedByRule(*stack.marks, inputs.ids);
  return inputs;
}

static llvm::Error writeHeads(Reference &reference, const ModelSpec &spec,
                              const Tensor &hidden,
                              const ReferenceInputs &ofStack) {
  for (size_t i = 0; i < spec.heads.size(); ++i) {
    RowSelection which = spec.heads[i].rows;
    ReferenceInputs inputs;
    inputs.hidden = hidden;
    inputs.ids = ofStack.ids;
    inputs.sequences = ofStack.sequences;
    if (which == RowSelection::First || which == RowSelection::Last) {
      inputs.hidden = Tensor({1, hidden.dim(1)});
      std::copy_n(
          hidden.row(which == RowSelection::First ? 0 : hidden.dim(0) - 1),
          hidden.dim(1), inputs.hidden.row(0));
    }
    llvm::Expected<Tensor> rows =
        reference.run("head" + std::to_string(i), inputs);
    if (!rows)
      return rows.takeError();
    write(*rows);
  }
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: reference-rows MODEL SEED\n";
    return 2;
  }
  llvm::Expected<ImportResult> imported = importModel(argv[1]);
  if (!imported)
    return fail(imported.takeError());
  const ModelSpec &spec = imported->spec;
  llvm::Expected<OpenWeights> weights =
      openWeights(*imported, std::stoull(argv[2]));
  if (!weights)
    return fail(weights.takeError());
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      buildModule(*context, spec, argv[1]);
  std::unique_ptr<Reference> reference =
      Reference::create(*module, *weights->reader);

  std::map<std::pair<std::string, int64_t>, int64_t> lengths;
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    std::string entry;
    int64_t slot = 0;
    line >> entry >> slot;
    const Stack &stack = entry == "encoder" ? *spec.encoder() : *spec.decoder();
    int64_t &length = lengths[{entry, slot}];
    ReferenceInputs inputs = readLine(line, stack, slot, length);
    if (entry == "decoder")
      length += static_cast<int64_t>(inputs.ids.size());
    llvm::Expected<Tensor> hidden = reference->run(entry, inputs);
    if (!hidden)
      return fail(hidden.takeError());
    write(*hidden);
    if (&stack == &spec.stacks.back())
      if (llvm::Error error = writeHeads(*reference, spec, *hidden, inputs))
        return fail(std::move(error));
  }
  return 0;
}
