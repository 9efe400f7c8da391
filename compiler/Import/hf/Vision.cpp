//===- Vision.cpp - What encoders of images share -------------------------===//

#include "compiler/Import/hf/Vision.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

/// Height and width: one number for both or, with `mayBeList`, two.
static std::pair<int64_t, int64_t> readSize(ConfigReader &config, StringRef key,
                                            int64_t fallback, bool mayBeList) {
  const JsonValue *value = config.find(key);
  if (!mayBeList || !value || !value->isArray()) {
    int64_t size = fallback ? config.countOr(key, fallback) : config.count(key);
    return {size, size};
  }
  if (value->elements.size() != 2) {
    config.fail(key, "expected a number, or a list of height and width");
    return {fallback, fallback};
  }
  int64_t sizes[2] = {1, 1};
  for (size_t i = 0; i < 2; ++i)
    if (llvm::Expected<int64_t> size =
            config.source().asInteger(value->elements[i], key, 1, maxFeatures))
      sizes[i] = *size;
    else
      config.record(size.takeError());
  return {sizes[0], sizes[1]};
}

Patches hf::readPatches(ConfigReader &config, const Twine &projection,
                        int64_t hidden, bool bias,
                        const ImageDefaults &defaults) {
  Patches patches;
  patches.channels = config.countOr("num_channels", 3);
  std::tie(patches.imageHeight, patches.imageWidth) =
      readSize(config, "image_size", defaults.imageSize, defaults.mayBeList);
  std::tie(patches.patchHeight, patches.patchWidth) =
      readSize(config, "patch_size", defaults.patchSize, defaults.mayBeList);
  if (patches.patchHeight > patches.imageHeight ||
      patches.patchWidth > patches.imageWidth) {
    config.fail("patch_size", "expected at most \"image_size\" (" +
                                  Twine(patches.imageHeight) + " x " +
                                  Twine(patches.imageWidth) + ")");
    patches.patchHeight = patches.patchWidth = 1;
  }
  patches.projection = linear(projection, patches.features(), hidden, bias);
  patches.projection.weight.stored = {hidden, patches.channels,
                                      patches.patchHeight, patches.patchWidth};
  return patches;
}

Positions hf::imagePositions(const Twine &name, const Patches &patches,
                             int64_t hidden, std::vector<int64_t> stored) {
  Positions positions = learnedPositions(name, patches.rows(), hidden);
  stored.insert(stored.end(), {patches.rows(), hidden});
  positions.table->stored = std::move(stored);
  return positions;
}

Stack hf::imageStack(int64_t hidden, Embedding embedding, int64_t layers,
                     Block block) {
  Stack stack =
      encoderStack(hidden, std::move(embedding), layers, std::move(block));
  stack.input = "pixel_values";
  return stack;
}

Attention hf::vitAttention(ConfigReader &config, const Twine &module,
                           int64_t hidden) {
  std::string inputs = (module + ".attention").str();
  Attention attention = encoderAttention(config, hidden);
  addBiasedProjections(attention,
                       {inputs + ".query", inputs + ".key", inputs + ".value",
                        (module + ".output.dense").str()},
                       hidden);
  if (!config.flagOr("qkv_bias", true))
    attention.query.bias = attention.key.bias = attention.value.bias =
        std::nullopt;
  return attention;
}

Embedding hf::vitEmbedding(ConfigReader &config, const Twine &module,
                           int64_t hidden, llvm::ArrayRef<const char *> tokens,
                           const ImageDefaults &defaults) {
  std::string name = module.str();
  Embedding embedding;
  embedding.patches =
      readPatches(config, name + ".patch_embeddings.projection", hidden,
                  /*bias=*/true, defaults);
  for (const char *token : tokens)
    embedding.patches->prefix.push_back(
        tensor(name + "." + token, {1, 1, hidden}));
  embedding.positions = imagePositions(name + ".position_embeddings",
                                       *embedding.patches, hidden, {1});
  return embedding;
}
