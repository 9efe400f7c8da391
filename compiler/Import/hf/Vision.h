//===- Vision.h - What encoders of images share ----------------*- C++ -*-===//
//
// Pre-norm encoders whose tokens are the patches of an image (Dosovitskiy et
// al. 2021): `pixel_values` [batch, channels, height, width] to
// last_hidden_state.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_VISION_H
#define ASHLAR_COMPILER_IMPORT_HF_VISION_H

#include "compiler/Import/hf/Encoder.h"

namespace ashlar::hf {

/// Values of `image_size` and `patch_size` where a configuration has none (0:
/// it must have one), and whether each may be a list of height and width.
struct ImageDefaults {
  int64_t imageSize = 224;
  int64_t patchSize = 16;
  bool mayBeList = false;
};

/// By `num_channels`, `image_size` and `patch_size`; the linear of `projection`
/// is stored as the convolution that it is.
Patches readPatches(ConfigReader &config, const llvm::Twine &projection,
                    int64_t hidden, bool bias, const ImageDefaults &defaults);

/// A row of `name` for each row of an image. `stored` stands before its sizes.
Positions imagePositions(const llvm::Twine &name, const Patches &patches,
                         int64_t hidden, std::vector<int64_t> stored = {});

/// A stack of images: pixel_values -> last_hidden_state.
Stack imageStack(int64_t hidden, Embedding embedding, int64_t layers,
                 Block block);

/// Self-attention of vit's modules in `module`: attention.query, ...
Attention vitAttention(ConfigReader &config, const llvm::Twine &module,
                       int64_t hidden);

/// vit's table of rows in `module`: a class token, other `tokens`, patches.
Embedding vitEmbedding(ConfigReader &config, const llvm::Twine &module,
                       int64_t hidden, llvm::ArrayRef<const char *> tokens,
                       const ImageDefaults &defaults);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_VISION_H
