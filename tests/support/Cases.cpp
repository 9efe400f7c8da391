//===- Cases.cpp - Reference cases for tests ------------------------------===//

#include "tests/support/Cases.h"

#include "compiler/Spec/Marks.h"
#include "compiler/Spec/PositionRule.h"
#include "compiler/Support/Json.h"

#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace ashlar;
using namespace ashlar::testing;
using llvm::Expected;
using llvm::StringRef;

static constexpr llvm::StringLiteral casesFolder =
    ASHLAR_SOURCE_DIR "/tests/cases/";
/// Of the folders below it, those whose models are Hugging Face folders.
static constexpr llvm::StringLiteral kinds[] = {"hf", "equations"};

const NpyArray *CaseRun::input(StringRef name) const {
  auto found = inputs.find(name.str());
  return found == inputs.end() ? nullptr : &found->second;
}

std::vector<std::string> ashlar::testing::caseNames(StringRef only) {
  std::vector<std::string> names;
  std::error_code error;
  for (StringRef kind : kinds) {
    if (!only.empty() && kind != only)
      continue;
    for (llvm::sys::fs::directory_iterator it(casesFolder + kind, error), end;
         it != end && !error; it.increment(error))
      if (llvm::sys::fs::exists(it->path() + "/case.json"))
        names.push_back(StringRef(it->path()).rsplit('/').second.str());
  }
  llvm::sort(names);
  return names;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads one case.json; the first error sticks.
class CaseReader {
public:
  CaseReader(std::string folder, const JsonDocument &document)
      : folder(std::move(folder)), document(document) {}

  CaseRun run(const JsonValue &value);
  CaseGreedy greedy(const JsonValue &value);
  std::string string(const JsonValue &object, StringRef key);
  llvm::Error takeError() { return std::move(error); }

private:
  double number(const JsonValue &object, StringRef key);
  NpyArray array(const JsonValue &object, StringRef key);
  template <typename T> T check(Expected<T> value) {
    if (value)
      return std::move(*value);
    error = llvm::joinErrors(std::move(error), value.takeError());
    return T();
  }
  /// Null where there is none.
  const JsonValue &member(const JsonValue &object, StringRef key) const {
    const JsonValue *value = object.find(key);
    return value ? *value : none;
  }

  std::string folder;
  const JsonDocument &document;
  const JsonValue none;
  llvm::Error error = llvm::Error::success();
};
} // namespace

std::string CaseReader::string(const JsonValue &object, StringRef key) {
  return check(document.asString(member(object, key), key)).str();
}

double CaseReader::number(const JsonValue &object, StringRef key) {
  return check(document.asDouble(member(object, key), key));
}

NpyArray CaseReader::array(const JsonValue &object, StringRef key) {
  return check(readNpy(folder + string(object, key)));
}

CaseRun CaseReader::run(const JsonValue &value) {
  CaseRun run;
  run.name = string(value, "name");
  for (const JsonValue &input : member(value, "inputs").elements)
    run.inputs[string(input, "name")] = array(input, "file");
  for (const JsonValue &output : member(value, "outputs").elements)
    run.outputs.push_back({string(output, "name"), array(output, "file"),
                           number(output, "tol_rel_l2"),
                           number(output, "tol_max_abs")});
  return run;
}

CaseGreedy CaseReader::greedy(const JsonValue &value) {
  CaseGreedy greedy;
  greedy.prompt = run(value);
  greedy.grows = string(value, "grows");
  greedy.tokens = check(array(value, "tokens_file").toInt64());
  greedy.margins = array(value, "margins_file").toDouble();
  return greedy;
}

Expected<Case> ashlar::testing::readCase(StringRef name) {
  std::string folder;
  for (StringRef kind : llvm::reverse(kinds)) {
    folder = (casesFolder + kind + "/" + name + "/").str();
    if (llvm::sys::fs::exists(folder))
      break;
  }
  Expected<InputFile> file = InputFile::open(folder + "case.json");
  if (!file)
    return file.takeError();
  Expected<std::string> text = file->readAll(uint64_t(1) << 20);
  if (!text)
    return text.takeError();
  Expected<JsonDocument> document = parseJson(*text, folder + "case.json");
  if (!document)
    return document.takeError();

  CaseReader reader(folder, *document);
  Case result;
  result.name = name.str();
  result.family = reader.string(document->root, "family");
  result.model = folder + reader.string(document->root, "model_dir");
  if (document->root.find("tower"))
    result.tower = reader.string(document->root, "tower");
  if (const JsonValue *runs = document->root.find("runs"))
    for (const JsonValue &run : runs->elements)
      result.runs.push_back(reader.run(run));
  const JsonValue *greedy = document->root.find("greedy");
  if (greedy && greedy->isObject())
    result.greedy = reader.greedy(*greedy);
  if (llvm::Error error = reader.takeError())
    return error;
  return result;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// The integers of an input; zeros of the count when the run has none.
static std::vector<int64_t> integers(const NpyArray *array, size_t count) {
  if (!array)
    return std::vector<int64_t>(count);
  return llvm::cantFail(array->toInt64());
}

/// [batch, features, rows] as [batch, rows, features].
static std::vector<float> featuresLast(const NpyArray &array) {
  std::vector<float> given = array.toFloat(), result(given.size());
  int64_t features = array.shape[1], rows = array.shape[2];
  for (int64_t i = 0, size = given.size(); i < size; ++i) {
    int64_t batch = i / (features * rows), row = i % rows;
    int64_t feature = i / rows % features;
    result[(batch * rows + row) * features + feature] = given[i];
  }
  return result;
}

/// Adds the marks of the rows from `begin` on, which are a sequence: those of
/// `given`, or by the stack's rule.
static void addMarks(const Marks &marks, const NpyArray *given, size_t begin,
                     RaggedRows &result) {
  llvm::ArrayRef<int32_t> ids(result.ids);
  int64_t byRule = markedByRule(marks, ids.drop_front(begin));
  std::vector<int64_t> all = integers(given, 0);
  for (size_t row = begin; row < result.rows.size(); ++row) {
    const RaggedRows::Row &place = result.rows[row];
    result.marks.push_back(
        given ? all[place.batch * result.columns + place.column]
              : place.index < byRule);
  }
}

RaggedRows ashlar::testing::raggedRows(const CaseRun &run, const Stack &stack,
                                       const NpyArray *mask) {
  const NpyArray *given = run.input(stack.input);
  assert(given && "the run has no such input");
  bool isIds = given->shape.size() == 2;
  int64_t perToken = stack.embedding.rowsPerToken();
  int64_t batch = given->shape[0];
  int64_t length = given->shape[stack.featuresFirst ? 2 : 1] / perToken;
  size_t count = batch * length;
  std::vector<int64_t> real =
      mask ? integers(mask, count) : std::vector<int64_t>(count, 1);
  const NpyArray *positionIds = run.input("position_ids");
  std::vector<int64_t> positions = integers(positionIds, count);
  std::vector<int64_t> types = integers(run.input("token_type_ids"), count);
  std::vector<int64_t> ids = integers(isIds ? given : nullptr, count);
  std::vector<float> vectors;
  RaggedRows result;
  result.columns = length;
  if (!isIds) {
    vectors = stack.featuresFirst ? featuresLast(*given) : given->toFloat();
    result.features = given->shape[stack.featuresFirst ? 1 : 2];
  }
  for (int64_t b = 0; b < batch; ++b) {
    int64_t index = 0;
    size_t begin = result.rows.size();
    auto ofRow = [&](const std::vector<int64_t> &all) {
      return all.empty() ? llvm::ArrayRef<int64_t>()
                         : llvm::ArrayRef(all).slice(b * length, length);
    };
    std::vector<int64_t> places =
        positionsByRule(stack, length, ofRow(ids), ofRow(real));
    for (int64_t column = 0; column < length; ++column) {
      size_t at = b * length + column;
      if (!real[at])
        continue;
      result.rows.push_back({b, column, index});
      if (isIds)
        result.ids.push_back(ids[at]);
      result.positions.push_back(positionIds ? positions[at] : places[column]);
      result.types.push_back(types[at]);
      int64_t size = perToken * result.features;
      auto vector = vectors.begin() + at * size;
      result.vectors.insert(result.vectors.end(), vector, vector + size);
      ++index;
    }
    if (stack.marks)
      addMarks(*stack.marks, run.input(stack.marks->input), begin, result);
  }
  return result;
}

RaggedRows ashlar::testing::imageRows(const CaseRun &run, const Stack &stack) {
  const Patches &patches = *stack.embedding.patches;
  const NpyArray *given = run.input(stack.input);
  assert(given && "the run has no such input");
  std::vector<float> pixels = given->toFloat();
  int64_t height = given->shape[2], width = given->shape[3];
  int64_t across = width / patches.patchWidth;
  int64_t prefix = patches.prefix.size();
  RaggedRows result;
  result.features = patches.features();
  for (int64_t b = 0; b < given->shape[0]; ++b)
    for (int64_t row = 0; row < patches.rows(); ++row) {
      result.rows.push_back({b, row, row});
      result.positions.push_back(row);
      result.types.push_back(0);
      int64_t top = (row - prefix) / across * patches.patchHeight;
      int64_t left = (row - prefix) % across * patches.patchWidth;
      for (int64_t i = 0; i < result.features; ++i) {
        int64_t x = left + i % patches.patchWidth;
        int64_t y = top + i / patches.patchWidth % patches.patchHeight;
        int64_t channel = i / patches.patchWidth / patches.patchHeight;
        int64_t at =
            ((b * patches.channels + channel) * height + y) * width + x;
        result.vectors.push_back(row < prefix ? 0.0f : pixels[at]);
      }
    }
  return result;
}

std::vector<size_t> RaggedRows::rowsOf(const Head &head) const {
  std::vector<size_t> chosen = firstRows();
  if (head.rows == RowSelection::First)
    return chosen;
  for (size_t i = 0; i < chosen.size(); ++i) {
    size_t end = i + 1 < chosen.size() ? chosen[i + 1] : rows.size();
    if (head.rows == RowSelection::Last) {
      chosen[i] = end - 1;
      continue;
    }
    auto begin = ids.begin() + chosen[i], last = ids.begin() + end;
    if (head.rows == RowSelection::HighestToken)
      chosen[i] = std::max_element(begin, last) - ids.begin();
    auto found = head.rows == RowSelection::Token
                     ? std::find(begin, last, head.token)
                     : last;
    if (found != last)
      chosen[i] = found - ids.begin();
  }
  return chosen;
}

std::vector<size_t> RaggedRows::firstRows() const {
  std::vector<size_t> first;
  for (auto [i, row] : llvm::enumerate(rows))
    if (row.index == 0)
      first.push_back(i);
  return first;
}

std::vector<double> ashlar::testing::expectedRows(const CaseOutput &output,
                                                  int64_t features,
                                                  const RaggedRows &rows) {
  std::vector<int64_t> shape = output.expected.shape;
  std::vector<double> all = output.expected.toDouble();
  if (shape.size() == 2 && shape[1] == features)
    return all;
  if (shape.size() == 2)
    shape.push_back(1);
  std::vector<double> result;
  for (const RaggedRows::Row &row : rows.rows) {
    auto begin = all.begin() + (row.batch * shape[1] + row.column) * shape[2];
    result.insert(result.end(), begin, begin + shape[2]);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

Difference ashlar::testing::difference(llvm::ArrayRef<double> got,
                                       llvm::ArrayRef<double> expected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (got.size() != expected.size() || got.empty())
    return {infinity, infinity};
  double error = 0, norm = 0, most = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    double delta = got[i] - expected[i];
    if (std::isnan(delta))
      return {infinity, infinity};
    error += delta * delta;
    norm += expected[i] * expected[i];
    most = std::max(most, std::abs(delta));
  }
  return {std::sqrt(error / norm), most};
}

int64_t ashlar::testing::argmax(llvm::ArrayRef<double> numbers) {
  return std::max_element(numbers.begin(), numbers.end()) - numbers.begin();
}
