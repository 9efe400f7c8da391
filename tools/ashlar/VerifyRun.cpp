//===- VerifyRun.cpp - What verify feeds to a model ----------------------===//

#include "tools/ashlar/VerifyRun.h"

#include "compiler/PlanBuilder.h"
#include "compiler/Spec/PositionRule.h"
#include "compiler/Support/Json.h"
#include "runtime/patches.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <random>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Random input
//===----------------------------------------------------------------------===//

/// Numbers of a token of a stack of vectors.
static int64_t tokenSize(const Stack &stack) {
  return stack.vectorFeatures() * stack.embedding.rowsPerToken();
}

/// The rows of the image `pixels` [channels, height, width].
static SequenceRows imageRows(const Patches &patches,
                              std::vector<float> pixels) {
  ashlar_image_plan image = imagePlan(patches);
  SequenceRows rows;
  rows.vectors.resize(patches.rows() * patches.features());
  ashlar_unfold_image(&image, pixels.data(), rows.vectors.data(),
                      patches.features());
  rows.pixels = std::move(pixels);
  for (int64_t i = 0; i < patches.rows(); ++i) {
    rows.columns.push_back(i);
    rows.positions.push_back(i);
    rows.types.push_back(0);
  }
  return rows;
}

static int64_t imageFloats(const Patches &patches) {
  return patches.channels * patches.imageHeight * patches.imageWidth;
}

VerifyRun ashlar::tool::randomRun(const ModelSpec &spec, int64_t tokens) {
  std::mt19937 random(1);
  VerifyRun run;
  run.name = "random";
  auto number = [&] { return static_cast<float>(random()) / 0x1p31f - 1; };
  for (const Stack &stack : spec.stacks) {
    if (const auto &patches = stack.embedding.patches) {
      std::vector<float> pixels(imageFloats(*patches));
      std::generate(pixels.begin(), pixels.end(), number);
      run.stacks.push_back({imageRows(*patches, std::move(pixels))});
      continue;
    }
    SequenceRows rows;
    for (int64_t i = 0; i < tokens; ++i) {
      rows.columns.push_back(i);
      rows.positions.push_back(stack.embedding.positions.first + i);
      int64_t types = stack.embedding.tokenTypes;
      rows.types.push_back(types ? random() % types : 0);
      if (stack.marks)
        rows.marks.push_back(random() % 4 == 0);
      if (stack.embedding.tokens)
        rows.ids.push_back(random() % stack.embedding.vocabulary);
      else
        for (int64_t j = 0; j < tokenSize(stack); ++j)
          rows.vectors.push_back(number());
    }
    run.stacks.push_back({std::move(rows)});
  }
  return run;
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

namespace {
/// Reads one case; every fault names the file and place.
class CaseReader {
public:
  CaseReader(StringRef folder, const ModelSpec &spec, JsonDocument document)
      : folder(folder), spec(spec), document(std::move(document)) {}

  Expected<std::vector<VerifyRun>> read();

private:
  using Arrays = llvm::StringMap<NpyArray>;

  Expected<const JsonValue *> member(const JsonValue &object, StringRef key);
  Expected<StringRef> text(const JsonValue &object, StringRef key);
  Expected<double> number(const JsonValue &object, StringRef key);
  Expected<NpyArray> array(const JsonValue &object);
  Expected<VerifyRun> readRun(const JsonValue &object);
  Expected<ExpectedOutput> readOutput(const JsonValue &object);
  Expected<std::vector<SequenceRows>> rowsOf(const Stack &stack, bool masked,
                                             const Arrays &inputs);
  Expected<std::vector<SequenceRows>> imagesOf(const Patches &patches,
                                               const NpyArray &given);
  Error addIntegers(const Arrays &inputs, StringRef name, const NpyArray &like,
                    std::vector<int64_t> &numbers);

  std::string folder;
  const ModelSpec &spec;
  JsonDocument document;
};
} // namespace

Expected<const JsonValue *> CaseReader::member(const JsonValue &object,
                                               StringRef key) {
  if (const JsonValue *value = object.find(key))
    return value;
  return userError(document.where(object), "there is no \"" + key + "\"",
                   "name a folder of a case with --case");
}

Expected<StringRef> CaseReader::text(const JsonValue &object, StringRef key) {
  Expected<const JsonValue *> value = member(object, key);
  if (!value)
    return value.takeError();
  return document.asString(**value, key);
}

Expected<double> CaseReader::number(const JsonValue &object, StringRef key) {
  Expected<const JsonValue *> value = member(object, key);
  if (!value)
    return value.takeError();
  return document.asDouble(**value, key);
}

Expected<NpyArray> CaseReader::array(const JsonValue &object) {
  Expected<StringRef> file = text(object, "file");
  if (!file)
    return file.takeError();
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, *file);
  return readNpy(path);
}

Expected<ExpectedOutput> CaseReader::readOutput(const JsonValue &object) {
  Expected<StringRef> name = text(object, "name");
  if (!name)
    return name.takeError();
  Expected<double> relL2 = number(object, "tol_rel_l2");
  if (!relL2)
    return relL2.takeError();
  Expected<double> maxAbs = number(object, "tol_max_abs");
  if (!maxAbs)
    return maxAbs.takeError();
  Expected<NpyArray> values = array(object);
  if (!values)
    return values.takeError();
  // One number for a row is a row of one feature.
  if (llvm::any_of(spec.heads, [&](const Head &head) {
        return head.scalar && *name == head.output;
      }))
    values->shape.push_back(1);
  if (values->shape.size() != 2 && values->shape.size() != 3)
    return userError(values->file, "the output has " +
                                       llvm::Twine(values->shape.size()) +
                                       " dimensions; expected 2 or 3");
  return ExpectedOutput{name->str(), std::move(*values), *relL2, *maxAbs};
}

/// `name` as integers of the first two dimensions of `like`; `numbers` stays
/// empty when there is no such input.
Error CaseReader::addIntegers(const Arrays &inputs, StringRef name,
                              const NpyArray &like,
                              std::vector<int64_t> &numbers) {
  auto found = inputs.find(name);
  if (found == inputs.end())
    return Error::success();
  const NpyArray &array = found->second;
  if (array.shape.size() != 2 || array.shape[0] != like.shape[0] ||
      array.shape[1] != like.shape[1])
    return userError(array.file, "its shape is not that of " + like.file);
  Expected<std::vector<int64_t>> read = array.toInt64();
  if (!read)
    return read.takeError();
  numbers = std::move(*read);
  return Error::success();
}

/// The numbers of [B, S, features], or of [B, features, S] as such.
static Expected<std::vector<float>> vectorsOf(const Stack &stack,
                                              const NpyArray &given) {
  int64_t features = stack.vectorFeatures();
  int64_t perToken = stack.embedding.rowsPerToken();
  size_t ofFeatures = stack.featuresFirst ? 1 : 2;
  size_t ofRows = stack.featuresFirst ? 2 : 1;
  if (given.shape.size() != 3 || given.shape[ofFeatures] != features ||
      given.shape[ofRows] % perToken != 0)
    return userError(
        given.file,
        "expected vectors [B, " +
            (stack.featuresFirst ? llvm::Twine(features) + ", S]"
                                 : "S, " + llvm::Twine(features) + "]") +
            (perToken > 1 ? ", S a multiple of " + llvm::Twine(perToken)
                          : llvm::Twine()));
  std::vector<float> vectors = given.toFloat();
  if (!stack.featuresFirst)
    return vectors;
  std::vector<float> turned(vectors.size());
  int64_t rows = given.shape[2], at = 0;
  for (int64_t b = 0; b < given.shape[0]; ++b)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < features; ++j)
        turned[at++] = vectors[(b * features + j) * rows + row];
  return turned;
}

Expected<std::vector<SequenceRows>>
CaseReader::imagesOf(const Patches &patches, const NpyArray &given) {
  const std::vector<int64_t> &shape = given.shape;
  if (shape.size() != 4 || shape[1] != patches.channels ||
      shape[2] != patches.imageHeight || shape[3] != patches.imageWidth)
    return userError(given.file, "expected images [B, " +
                                     llvm::Twine(patches.channels) + ", " +
                                     llvm::Twine(patches.imageHeight) + ", " +
                                     llvm::Twine(patches.imageWidth) + "]");
  std::vector<float> pixels = given.toFloat();
  int64_t floats = imageFloats(patches);
  std::vector<SequenceRows> batch;
  for (int64_t b = 0; b < shape[0]; ++b)
    batch.push_back(imageRows(patches, {pixels.begin() + b * floats,
                                        pixels.begin() + (b + 1) * floats}));
  return batch;
}

Expected<std::vector<SequenceRows>>
CaseReader::rowsOf(const Stack &stack, bool masked, const Arrays &inputs) {
  auto found = inputs.find(stack.input);
  if (found == inputs.end())
    return userError(document.file, "a run has no input \"" + stack.input +
                                        "\", which the model needs");
  const NpyArray &given = found->second;
  if (stack.embedding.patches)
    return imagesOf(*stack.embedding.patches, given);
  bool isIds = stack.embedding.tokens.has_value();
  if (isIds && given.shape.size() != 2)
    return userError(given.file, "expected ids [B, S]");
  if (stack.embedding.rowsPerToken() > 1 && inputs.contains("attention_mask"))
    return userError(document.file, "a run has an attention_mask; what a stem "
                                    "reads has none");
  std::vector<int64_t> ids, mask, positions, types, marks;
  std::vector<float> vectors;
  Error error = Error::success();
  if (isIds)
    error = addIntegers(inputs, stack.input, given, ids);
  else
    error = vectorsOf(stack, given).moveInto(vectors);
  if (!error && masked)
    error = addIntegers(inputs, "attention_mask", given, mask);
  if (!error && masked)
    error = addIntegers(inputs, "position_ids", given, positions);
  if (!error && masked)
    error = addIntegers(inputs, "token_type_ids", given, types);
  if (!error && stack.marks)
    error = addIntegers(inputs, stack.marks->input, given, marks);
  if (error)
    return std::move(error);
  std::vector<SequenceRows> batch(given.shape[0]);
  for (SequenceRows &rows : batch)
    rows.extent = given.shape[1];
  int64_t size = isIds ? 1 : tokenSize(stack);
  int64_t columns =
      isIds ? given.shape[1]
            : given.shape[1] * given.shape[2] / std::max<int64_t>(size, 1);
  auto ofRow = [&](const std::vector<int64_t> &all, int64_t b) {
    return all.empty() ? llvm::ArrayRef<int64_t>()
                       : llvm::ArrayRef(all).slice(b * columns, columns);
  };
  for (int64_t b = 0, at = 0; b < given.shape[0]; ++b) {
    std::vector<int64_t> places =
        positionsByRule(stack, columns, ofRow(ids, b), ofRow(mask, b));
    for (int64_t column = 0; column < columns; ++column, ++at) {
      if (!mask.empty() && !mask[at])
        continue;
      SequenceRows &rows = batch[b];
      rows.positions.push_back(positions.empty() ? places[column]
                                                 : positions[at]);
      rows.types.push_back(types.empty() ? 0 : types[at]);
      rows.columns.push_back(column);
      if (!marks.empty())
        rows.marks.push_back(marks[at] != 0);
      if (isIds)
        rows.ids.push_back(ids[at]);
      else
        rows.vectors.insert(rows.vectors.end(), vectors.begin() + at * size,
                            vectors.begin() + (at + 1) * size);
    }
  }
  return batch;
}

Expected<VerifyRun> CaseReader::readRun(const JsonValue &object) {
  VerifyRun run;
  Expected<StringRef> name = text(object, "name");
  if (!name)
    return name.takeError();
  run.name = name->str();
  Arrays inputs;
  Expected<const JsonValue *> list = member(object, "inputs");
  if (!list)
    return list.takeError();
  for (const JsonValue &input : (*list)->elements) {
    Expected<StringRef> inputName = text(input, "name");
    if (!inputName)
      return inputName.takeError();
    Expected<NpyArray> values = array(input);
    if (!values)
      return values.takeError();
    inputs[*inputName] = std::move(*values);
  }
  for (size_t i = 0; i < spec.stacks.size(); ++i) {
    // The mask is the first stack's: a decoder behind an encoder has none.
    Expected<std::vector<SequenceRows>> rows =
        rowsOf(spec.stacks[i], /*masked=*/i == 0, inputs);
    if (!rows)
      return rows.takeError();
    run.stacks.push_back(std::move(*rows));
    if (run.stacks[i].size() != run.stacks[0].size())
      return userError(document.where(object),
                       "the inputs are of batches of different sizes");
  }
  list = member(object, "outputs");
  if (!list)
    return list.takeError();
  for (const JsonValue &output : (*list)->elements) {
    Expected<ExpectedOutput> read = readOutput(output);
    if (!read)
      return read.takeError();
    if (read->values.shape[0] != run.batch())
      return userError(read->values.file, "it is of another batch size than "
                                          "the inputs");
    run.outputs.push_back(std::move(*read));
  }
  return run;
}

Expected<std::vector<VerifyRun>> CaseReader::read() {
  Expected<const JsonValue *> list = member(document.root, "runs");
  if (!list)
    return list.takeError();
  std::vector<VerifyRun> runs;
  for (const JsonValue &object : (*list)->elements) {
    Expected<VerifyRun> run = readRun(object);
    if (!run)
      return run.takeError();
    runs.push_back(std::move(*run));
  }
  if (runs.empty())
    return userError(document.where(**list), "the case has no runs");
  return runs;
}

Expected<std::vector<VerifyRun>> ashlar::tool::readCase(StringRef folder,
                                                        const ModelSpec &spec) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, "case.json");
  Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  Expected<std::string> text = file->readAll(uint64_t(16) << 20);
  if (!text)
    return text.takeError();
  Expected<JsonDocument> document = parseJson(*text, path);
  if (!document)
    return document.takeError();
  return CaseReader(folder, spec, std::move(*document)).read();
}
