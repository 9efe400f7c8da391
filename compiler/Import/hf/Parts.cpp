//===- Parts.cpp - The pieces that families are made of -------------------===//

#include "compiler/Import/hf/Parts.h"

#include <cmath>

using namespace ashlar;
using llvm::StringRef;
using llvm::Twine;

Weight hf::tensor(const Twine &name, std::vector<int64_t> stored) {
  Weight weight;
  weight.tensor = name.str();
  weight.stored = std::move(stored);
  return weight;
}

Weight hf::rows(const Twine &name, std::vector<int64_t> stored, int64_t begin,
                int64_t count) {
  Weight weight = tensor(name, std::move(stored));
  weight.begin = begin;
  weight.count = count;
  return weight;
}

Linear hf::linear(const Twine &module, int64_t in, int64_t out, bool bias) {
  Linear result;
  result.inFeatures = in;
  result.outFeatures = out;
  result.weight = tensor(module + ".weight", {out, in});
  if (bias)
    result.bias = tensor(module + ".bias", {out});
  return result;
}

Norm hf::layerNorm(const Twine &module, int64_t features, double epsilon,
                   bool bias) {
  Norm norm;
  norm.features = features;
  norm.epsilon = epsilon;
  norm.gain = tensor(module + ".weight", {features});
  if (bias)
    norm.bias = tensor(module + ".bias", {features});
  return norm;
}

Norm hf::headsNorm(const Twine &module, int64_t heads, int64_t headDim,
                   double epsilon) {
  Norm norm = layerNorm(module, heads * headDim, epsilon, /*bias=*/false);
  norm.groups = heads;
  norm.gain->stored = {heads, headDim};
  return norm;
}

Norm hf::rmsNorm(const Twine &module, int64_t features, double epsilon) {
  Norm norm = layerNorm(module, features, epsilon, /*bias=*/false);
  norm.kind = NormKind::RmsNorm;
  return norm;
}

Attention hf::attention(int64_t hidden, int64_t heads, bool causal) {
  Attention attention;
  attention.heads = heads;
  attention.kvHeads = heads;
  attention.headDim = hidden / heads;
  attention.scale = 1.0 / std::sqrt(static_cast<double>(attention.headDim));
  attention.causal = causal;
  return attention;
}

Positions hf::learnedPositions(const Twine &name, int64_t count, int64_t hidden,
                               int64_t offset) {
  Positions positions;
  positions.kind = PositionKind::Learned;
  positions.count = count;
  positions.offset = offset;
  positions.table = tensor(name, {count + offset, hidden});
  return positions;
}

int64_t hf::readToken(ConfigReader &config, StringRef key, int64_t fallback) {
  const JsonValue *value = config.find(key);
  if (!value)
    return fallback;
  llvm::Expected<int64_t> token =
      config.source().asInteger(*value, key, 0, maxCount - 1);
  if (token)
    return *token;
  config.record(token.takeError());
  return fallback;
}

int64_t hf::readFirstPosition(ConfigReader &config) {
  return readToken(config, "pad_token_id", /*fallback=*/1) + 1;
}

std::vector<BlockGroup> hf::uniformBlocks(int64_t count, Block block) {
  return {{/*first=*/0, count, std::move(block)}};
}

Head hf::languageModelHead(Linear linear) {
  Head head;
  head.output = "logits";
  head.layers.emplace_back().linear = std::move(linear);
  return head;
}

StringRef hf::architecture(ConfigReader &config,
                           llvm::ArrayRef<const char *> supported,
                           std::vector<std::string> &warnings) {
  const JsonValue *list = config.find("architectures");
  if (!list || (list->isArray() && list->elements.empty())) {
    warnings.push_back(std::string("config.json names no architecture; ") +
                       supported.front() + " is assumed");
    return supported.front();
  }
  std::string names;
  for (const char *name : supported)
    names += (names.empty() ? "" : ", ") + std::string(name);
  if (!list->isArray()) {
    config.fail("architectures", "expected a list of names");
    return supported.front();
  }
  const JsonValue &first = list->elements.front();
  for (const char *name : supported)
    if (first.isString() && first.text == name)
      return name;
  config.record(userError(config.source().where(first),
                          "\"architectures\" has " + describe(first) +
                              "; supported: " + names,
                          "if the checkpoint has the tensors of one of these, "
                          "name that one in \"architectures\""));
  return supported.front();
}

std::vector<std::string> hf::classLabels(ConfigReader &config,
                                         int64_t defaultClasses) {
  const JsonDocument &source = config.source();
  const JsonValue *table = config.find("id2label");
  std::vector<std::string> labels;
  if (!table) {
    int64_t count = config.countOr("num_labels", defaultClasses, maxHeads);
    for (int64_t id = 0; id < count; ++id)
      labels.push_back("LABEL_" + std::to_string(id));
    return labels;
  }
  if (!table->isObject() || table->members.empty()) {
    config.fail("id2label", "expected an object from class ids to names");
    return {"LABEL_0"};
  }
  labels.resize(table->members.size());
  std::vector<bool> seen(labels.size());
  for (const JsonValue::Member &member : table->members) {
    uint64_t id = 0;
    if (StringRef(member.key).getAsInteger(10, id) || id >= labels.size() ||
        seen[id]) {
      config.record(userError(source.where(member.value),
                              "\"id2label\" has the class \"" +
                                  escapeForDisplay(member.key) +
                                  "\"; expected each of 0 to " +
                                  Twine(labels.size() - 1) + " once"));
      return {"LABEL_0"};
    }
    seen[id] = true;
    llvm::Expected<StringRef> name = source.asString(member.value, member.key);
    if (name)
      labels[id] = name->str();
    else
      config.record(name.takeError());
  }
  return labels;
}
