//===- Towers.cpp - Encoders of texts and of images, in pairs -------------===//

#include "compiler/Import/hf/Towers.h"

#include "compiler/Import/hf/Decoder.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

static Block readBlock(ConfigReader &config, const std::string &model,
                       const TowerTraits &traits, int64_t hidden,
                       double epsilon) {
  const std::string layer = model + ".encoder.layers.{layer}";
  int64_t heads = config.countOr("num_attention_heads", traits.heads, maxHeads);
  config.requireDivides("num_attention_heads", heads, "hidden_size", hidden);
  Block block;
  block.name = layer;
  block.attention = attention(hidden, heads, traits.causal);
  addProjections(block.attention, layer + ".self_attn", hidden,
                 {/*inputs=*/true, /*output=*/true}, "out_proj");
  block.attentionNorm = layerNorm(layer + ".layer_norm1", hidden, epsilon);
  block.feedForward =
      plainFeedForward(layer + ".mlp.fc1", layer + ".mlp.fc2", hidden,
                       config.countOr("intermediate_size", traits.width),
                       config.activationOr("hidden_act", traits.activation),
                       /*bias=*/true);
  block.feedForwardNorm = layerNorm(layer + ".layer_norm2", hidden, epsilon);
  return block;
}

static double readEpsilon(ConfigReader &config, const TowerTraits &traits) {
  return config.positiveOr("layer_norm_eps", traits.epsilon);
}

Stack hf::textTower(ConfigReader &config, const TowerTraits &traits) {
  const std::string model = "text_model", module = model + ".embeddings";
  int64_t hidden = config.countOr("hidden_size", traits.hidden);
  double epsilon = readEpsilon(config, traits);
  Embedding embedding;
  embedding.vocabulary =
      config.countOr("vocab_size", traits.vocabulary, maxCount);
  embedding.tokens = tensor(module + ".token_embedding.weight",
                            {embedding.vocabulary, hidden});
  embedding.positions = learnedPositions(
      module + ".position_embedding.weight",
      config.countOr("max_position_embeddings", traits.positions, maxCount),
      hidden);
  Stack stack = encoderStack(hidden, std::move(embedding),
                             config.countOr("num_hidden_layers", 12, maxLayers),
                             readBlock(config, model, traits, hidden, epsilon));
  stack.finalNorm = layerNorm(model + ".final_layer_norm", hidden, epsilon);
  return stack;
}

Stack hf::imageTower(ConfigReader &config, const TowerTraits &traits) {
  const std::string model = "vision_model", module = model + ".embeddings";
  int64_t hidden = config.countOr("hidden_size", traits.hidden);
  double epsilon = readEpsilon(config, traits);
  ImageDefaults defaults;
  defaults.patchSize = traits.patchSize;
  Embedding embedding;
  embedding.patches = readPatches(config, module + ".patch_embedding", hidden,
                                  traits.patchBias, defaults);
  if (traits.classToken)
    embedding.patches->prefix = {tensor(module + ".class_embedding", {hidden})};
  embedding.positions = imagePositions(module + ".position_embedding.weight",
                                       *embedding.patches, hidden);
  if (!traits.preNorm.empty())
    embedding.norm = layerNorm(model + "." + traits.preNorm, hidden, epsilon);
  return imageStack(hidden, std::move(embedding),
                    config.countOr("num_hidden_layers", 12, maxLayers),
                    readBlock(config, model, traits, hidden, epsilon));
}

Norm hf::imageTowerNorm(ConfigReader &config, const TowerTraits &traits,
                        int64_t hidden) {
  return layerNorm("vision_model.post_layernorm", hidden,
                   readEpsilon(config, traits));
}

//===----------------------------------------------------------------------===//
// Folders with both
//===----------------------------------------------------------------------===//

TowerSide hf::chooseTower(ConfigReader &config, StringRef tower,
                          StringRef model) {
  StringRef file = config.source().file;
  bool ofImages = model.ends_with("ForImageClassification");
  if (tower == "vision" || (tower.empty() && ofImages))
    return TowerSide::Image;
  if (tower == "text" && !ofImages)
    return TowerSide::Text;
  if (tower.empty())
    config.record(userError(file,
                            "the folder holds two models, one of texts and "
                            "one of images",
                            "choose with --tower=text or --tower=vision"));
  else
    config.record(userError(
        file, "--tower is \"" + escapeForDisplay(tower) + "\"; expected " +
                  (ofImages ? "vision, as " + model.str() + " has no other"
                            : std::string("text or vision"))));
  return TowerSide::Image;
}

/// The key of the tower's part that counts; the others are set aside.
static std::string findPart(ConfigReader &config, TowerSide side,
                            bool hasOldKeys) {
  for (const char *key : {"text_config", "vision_config"}) {
    config.markRead(key);
    if (hasOldKeys)
      config.markRead(std::string(key) + "_dict");
  }
  std::string key = side == TowerSide::Text ? "text_config" : "vision_config";
  return hasOldKeys && config.find(key + "_dict") ? key + "_dict" : key;
}

void hf::readTower(ConfigReader &config, TowerSide side, bool hasOldKeys,
                   llvm::ArrayRef<const char *> withoutEffect,
                   llvm::function_ref<void(ConfigReader &)> read) {
  std::string key = findPart(config, side, hasOldKeys);
  const JsonValue *part = config.find(key);
  JsonValue nothing;
  nothing.kind = JsonValue::Kind::Object;
  if (part && !part->isObject()) {
    config.fail(key, "expected an object");
    part = nullptr;
  }
  ConfigReader nested(config.source(), part ? *part : nothing, key + ".");
  checkKeys(nested, {}, withoutEffect);
  nested.markRead("architectures"); // as written by itself
  read(nested);
  config.absorb(std::move(nested));
}

void hf::addPatchClassifier(ConfigReader &config, ModelSpec &spec,
                            int64_t hidden, int64_t firstPatch) {
  Head head;
  Pool &mean = head.pools.emplace_back();
  mean.from = firstPatch;
  addClassifier(config, spec, std::move(head), hidden, "classifier");
}
