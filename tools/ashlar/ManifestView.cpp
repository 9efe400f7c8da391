//===- ManifestView.cpp - A manifest as the tools read it ----------------===//

#include "tools/ashlar/ManifestView.h"

#include "compiler/Support/Json.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

namespace {
/// Reads members of one object; remembers the first thing that is wrong.
class Reader {
public:
  Reader(const JsonDocument &document, std::string &fault)
      : document(document), fault(fault) {}

  const JsonValue *member(const JsonValue &object, StringRef key) {
    const JsonValue *value = object.find(key);
    if (!value)
      complain("its manifest has no \"" + key.str() + "\"");
    return value;
  }
  void read(const JsonValue &object, StringRef key, std::string &text) {
    const JsonValue *value = member(object, key);
    if (value && value->isString())
      text = value->text;
    else if (value)
      complain("\"" + key.str() + "\" of its manifest is no text");
  }
  void read(const JsonValue &object, StringRef key, int64_t &number) {
    const JsonValue *value = member(object, key);
    if (!value)
      return;
    llvm::Expected<int64_t> read =
        document.asInteger(*value, key, 0, INT64_MAX);
    if (read)
      number = *read;
    else
      complain(llvm::toString(read.takeError()));
  }
  /// The list `key`, or null when it is absent, too.
  const JsonValue *list(const JsonValue &object, StringRef key) {
    const JsonValue *value = object.find(key);
    if (value && !value->isArray())
      complain("\"" + key.str() + "\" of its manifest is no list");
    return value;
  }
  void read(const JsonValue &object, StringRef key,
            std::vector<std::string> &texts) {
    const JsonValue *list = member(object, key);
    if (!list)
      return;
    if (!list->isArray())
      complain("\"" + key.str() + "\" of its manifest is no list");
    for (const JsonValue &value : list->elements) {
      if (!value.isString())
        complain("\"" + key.str() + "\" of its manifest holds no text");
      texts.push_back(value.text);
    }
  }

  void complain(std::string text) {
    if (fault.empty())
      fault = std::move(text);
  }

private:
  const JsonDocument &document;
  std::string &fault;
};
} // namespace

/// Of an entry: all members. Of a phase: those that are not zero.
static void readWork(Reader &reader, const JsonValue &owner, bool all,
                     ManifestWork &work) {
  const JsonValue *object = reader.member(owner, "work");
  if (!object)
    return;
  auto read = [&](StringRef key, int64_t &number) {
    if (all || object->find(key))
      reader.read(*object, key, number);
  };
  read("flops_per_row", work.flopsPerRow);
  read("flops_per_key", work.flopsPerKey);
  read("flops_per_source_key", work.flopsPerSourceKey);
  read("weight_bytes", work.weightBytes);
  read("bytes_per_row", work.bytesPerRow);
  read("bytes_per_key", work.bytesPerKey);
  read("bytes_per_source_key", work.bytesPerSourceKey);
  read("expert_bytes_per_row", work.expertBytesPerRow);
  read("expert_bytes", work.expertBytes);
  read("flops_per_sequence", work.flopsPerSequence);
}

/// More than any model has; a stranger's number must not become our memory.
static constexpr int64_t mostPhases = 1 << 20;

static void readLayers(Reader &reader, const JsonValue &object,
                       ManifestTiles &tiles) {
  if (!object.find("first_layer"))
    return;
  reader.read(object, "first_layer", tiles.firstLayer);
  reader.read(object, "layer_step", tiles.layerStep);
  if (tiles.firstLayer > mostPhases || tiles.layerStep > mostPhases)
    reader.complain("its manifest numbers too many layers");
}

static ManifestPhase readPhase(Reader &reader, const JsonValue &object) {
  ManifestPhase phase;
  reader.read(object, "name", phase.name);
  if (object.find("precision"))
    reader.read(object, "precision", phase.precision);
  readWork(reader, object, /*all=*/false, phase.work);
  if (const JsonValue *tiles = object.find("tiles")) {
    reader.read(*tiles, "visited", phase.tiles.visited);
    reader.read(*tiles, "total", phase.tiles.total);
    reader.read(*tiles, "tokens", phase.tiles.tokens);
    readLayers(reader, *tiles, phase.tiles);
  }
  if (const JsonValue *window = object.find("window")) {
    reader.read(*window, "behind", phase.window.behind);
    reader.read(*window, "ahead", phase.window.ahead);
  }
  return phase;
}

static void readPhases(Reader &reader, const JsonValue &entry,
                       std::vector<ManifestPhases> &phases) {
  const JsonValue *list = reader.list(entry, "phases");
  if (!list)
    return;
  int64_t count = 0;
  for (const JsonValue &element : list->elements) {
    ManifestPhases &group = phases.emplace_back();
    if (!element.find("layers")) {
      group.phases.push_back(readPhase(reader, element));
    } else {
      reader.read(element, "layers", group.times);
      if (const JsonValue *inner = reader.list(element, "phases"))
        for (const JsonValue &phase : inner->elements)
          group.phases.push_back(readPhase(reader, phase));
    }
    auto size = static_cast<int64_t>(group.phases.size());
    if (group.times > mostPhases || size > mostPhases ||
        (count += group.times * size) > mostPhases)
      return reader.complain("its manifest lists too many phases");
  }
}

int64_t ManifestEntry::phaseCount() const {
  int64_t count = 0;
  for (const ManifestPhases &group : phases)
    count += group.times * static_cast<int64_t>(group.phases.size());
  return count;
}

static ManifestEntry readEntry(Reader &reader, const JsonValue &object) {
  ManifestEntry entry;
  reader.read(object, "call", entry.call);
  reader.read(object, "output", entry.output);
  reader.read(object, "features", entry.features);
  if (entry.call == "head") {
    reader.read(object, "rows", entry.rows);
    reader.read(object, "scalar", entry.scalar);
  } else {
    reader.read(object, "inputs", entry.inputs);
    reader.read(object, "vocabulary", entry.vocabulary);
    reader.read(object, "positions", entry.positions);
    if (const JsonValue *image = object.find("image")) {
      reader.read(*image, "channels", entry.image.channels);
      reader.read(*image, "height", entry.image.height);
      reader.read(*image, "width", entry.image.width);
      reader.read(*image, "rows", entry.image.rows);
    }
  }
  readWork(reader, object, /*all=*/true, entry.work);
  readPhases(reader, object, entry.phases);
  return entry;
}

static ManifestTensor readTensor(Reader &reader, const JsonValue &object) {
  ManifestTensor tensor;
  reader.read(object, "names", tensor.names);
  reader.read(object, "precision", tensor.precision);
  reader.read(object, "bytes", tensor.bytes);
  return tensor;
}

/// In the image's order: a group's first layer, then its next, and so on.
static void readTensors(Reader &reader, const JsonValue &list,
                        std::vector<ManifestTensor> &tensors) {
  for (const JsonValue &element : list.elements) {
    if (!element.find("layers")) {
      tensors.push_back(readTensor(reader, element));
      continue;
    }
    int64_t first = 0, layers = 0, step = 0;
    reader.read(element, "first", first);
    reader.read(element, "layers", layers);
    reader.read(element, "step", step);
    const JsonValue *inner = reader.list(element, "tensors");
    if (!inner || !inner->isArray())
      return reader.complain("its manifest has layers without tensors");
    std::vector<ManifestTensor> group;
    for (const JsonValue &tensor : inner->elements)
      group.push_back(readTensor(reader, tensor));
    auto size = static_cast<int64_t>(group.size());
    if (layers > mostPhases || size > mostPhases || first > mostPhases ||
        step > mostPhases || layers * size > mostPhases)
      return reader.complain("its manifest lists too many tensors");
    for (int64_t i = 0; i < layers; ++i)
      for (ManifestTensor &tensor : group) {
        tensor.layer = first + i * step;
        tensors.push_back(tensor);
      }
  }
}

static void readAll(Reader &reader, const JsonValue &root,
                    ManifestView &manifest) {
  reader.read(root, "abi", manifest.abi);
  reader.read(root, "name", manifest.name);
  reader.read(root, "compiler", manifest.compiler);
  reader.read(root, "family", manifest.family);
  reader.read(root, "target", manifest.target);
  reader.read(root, "precision", manifest.precision);
  reader.read(root, "spec_hash", manifest.specHash);
  reader.read(root, "taps", manifest.taps);
  reader.read(root, "flops_per_token", manifest.flopsPerToken);
  reader.read(root, "bytes_per_token", manifest.bytesPerToken);
  std::string weights;
  reader.read(root, "weights", weights);
  manifest.weightsInside = weights == "segment";
  if (const JsonValue *memory = reader.member(root, "memory")) {
    reader.read(*memory, "weights_bytes", manifest.weightsBytes);
    reader.read(*memory, "arena_bytes", manifest.arenaBytes);
    reader.read(*memory, "cache_bytes", manifest.cacheBytes);
  }
  if (const JsonValue *limits = reader.member(root, "limits")) {
    reader.read(*limits, "max_tokens", manifest.maxTokens);
    reader.read(*limits, "max_context", manifest.maxContext);
    reader.read(*limits, "max_source", manifest.maxSource);
    reader.read(*limits, "max_sequences", manifest.maxSequences);
  }
  if (const JsonValue *entries = reader.member(root, "entries"))
    for (const JsonValue &entry : entries->elements)
      manifest.entries.push_back(readEntry(reader, entry));
  reader.read(root, "build_id", manifest.buildId);
  if (root.find("tensors"))
    if (const JsonValue *tensors = reader.list(root, "tensors"))
      readTensors(reader, *tensors, manifest.tensors);
  if (root.find("errors_offset"))
    reader.read(root, "errors_offset", manifest.errorsOffset);
  if (root.find("labels"))
    reader.read(root, "labels", manifest.labels);
}

const ManifestEntry *ManifestView::find(StringRef call) const {
  for (const ManifestEntry &entry : entries)
    if (entry.call == call)
      return &entry;
  return nullptr;
}

llvm::Expected<ManifestView> ashlar::tool::parseManifest(StringRef text,
                                                         StringRef file) {
  llvm::Expected<JsonDocument> document = parseJson(text, file);
  if (!document)
    return document.takeError();
  std::string fault;
  Reader reader(*document, fault);
  ManifestView manifest;
  readAll(reader, document->root, manifest);
  if (!fault.empty())
    return userError(file, fault, "compile the model again");
  return manifest;
}
