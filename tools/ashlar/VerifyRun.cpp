//===- VerifyRun.cpp - What verify feeds to a model ----------------------===//

#include "tools/ashlar/VerifyRun.h"

#include "compiler/Support/Json.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

#include <random>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Random input
//===----------------------------------------------------------------------===//

VerifyRun ashlar::tool::randomRun(const ModelSpec &spec, int64_t tokens) {
  std::mt19937 random(1);
  VerifyRun run;
  run.name = "random";
  for (const Stack &stack : spec.stacks) {
    SequenceRows rows;
    for (int64_t i = 0; i < tokens; ++i) {
      rows.columns.push_back(i);
      rows.positions.push_back(stack.embedding.positions.first + i);
      int64_t types = stack.embedding.tokenTypes;
      rows.types.push_back(types ? random() % types : 0);
      if (stack.embedding.tokens)
        rows.ids.push_back(random() % stack.embedding.vocabulary);
      else
        for (int64_t j = 0; j < stack.hidden; ++j)
          rows.vectors.push_back(static_cast<float>(random()) / 0x1p31f - 1);
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

Expected<std::vector<SequenceRows>>
CaseReader::rowsOf(const Stack &stack, bool masked, const Arrays &inputs) {
  auto found = inputs.find(stack.input);
  if (found == inputs.end())
    return userError(document.file, "a run has no input \"" + stack.input +
                                        "\", which the model needs");
  const NpyArray &given = found->second;
  bool isIds = stack.embedding.tokens.has_value();
  if (given.shape.size() != (isIds ? 2 : 3) ||
      (!isIds && given.shape[2] != stack.hidden))
    return userError(given.file, isIds ? "expected ids [B, S]"
                                       : "expected vectors [B, S, " +
                                             llvm::Twine(stack.hidden) + "]");
  std::vector<int64_t> ids, mask, positions, types;
  std::vector<float> vectors;
  Error error = Error::success();
  if (isIds)
    error = addIntegers(inputs, stack.input, given, ids);
  else
    vectors = given.toFloat();
  if (!error && masked)
    error = addIntegers(inputs, "attention_mask", given, mask);
  if (!error && masked)
    error = addIntegers(inputs, "position_ids", given, positions);
  if (!error && masked)
    error = addIntegers(inputs, "token_type_ids", given, types);
  if (error)
    return std::move(error);
  std::vector<SequenceRows> batch(given.shape[0]);
  for (int64_t b = 0, at = 0; b < given.shape[0]; ++b)
    for (int64_t column = 0; column < given.shape[1]; ++column, ++at) {
      if (!mask.empty() && !mask[at])
        continue;
      SequenceRows &rows = batch[b];
      const Positions &rule = stack.embedding.positions;
      int64_t place = rule.byToken ? rows.positions.size() : column;
      rows.positions.push_back(positions.empty() ? rule.first + place
                                                 : positions[at]);
      rows.types.push_back(types.empty() ? 0 : types[at]);
      rows.columns.push_back(column);
      if (isIds)
        rows.ids.push_back(ids[at]);
      else
        rows.vectors.insert(rows.vectors.end(),
                            vectors.begin() + at * stack.hidden,
                            vectors.begin() + (at + 1) * stack.hidden);
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
