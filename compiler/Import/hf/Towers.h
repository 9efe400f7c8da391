//===- Towers.h - Encoders of texts and of images, in pairs ----*- C++ -*-===//
//
// clip (Radford et al. 2021) and siglip (Zhai et al. 2023): one tower makes a
// vector of a text, the other of an image, and what fits together has a large
// dot product. Both towers are pre-norm encoders of the same modules, in
// folders of their own or both in one.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_TOWERS_H
#define ASHLAR_COMPILER_IMPORT_HF_TOWERS_H

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Vision.h"

namespace ashlar::hf {

/// Values of keys that a configuration may lack, and what else the towers of
/// clip and siglip differ in.
struct TowerTraits {
  int64_t hidden, width, heads;
  double epsilon;
  const char *activation;
  // Of texts.
  bool causal = false;
  int64_t vocabulary = 0;
  int64_t positions = 0;
  // Of images.
  int64_t patchSize = 0;
  bool patchBias = false;
  bool classToken = false;      // its row comes first
  llvm::StringRef preNorm = ""; // in front of the blocks
};

/// input_ids -> last_hidden_state, of modules "text_model.".
Stack textTower(ConfigReader &config, const TowerTraits &traits);
/// pixel_values -> last_hidden_state, of modules "vision_model.", without a
/// norm behind the blocks.
Stack imageTower(ConfigReader &config, const TowerTraits &traits);
/// vision_model.post_layernorm.
Norm imageTowerNorm(ConfigReader &config, const TowerTraits &traits,
                    int64_t hidden);

/// Which tower of a folder with both is to be compiled.
enum class TowerSide { Text, Image };

/// By --tower, or by the `model` of images alone. Records an error where it is
/// left open or there is no such tower.
TowerSide chooseTower(ConfigReader &config, llvm::StringRef tower,
                      llvm::StringRef model);

/// Calls `read` with the tower's part of a configuration of both: the object
/// text_config or vision_config; with `hasOldKeys`, where a file has
/// text_config_dict or vision_config_dict, too, that counts instead.
void readTower(ConfigReader &config, TowerSide side, bool hasOldKeys,
               llvm::ArrayRef<const char *> withoutEffect,
               llvm::function_ref<void(ConfigReader &)> read);

/// "logits" of the mean of an image's patches: rows from `firstPatch` on.
void addPatchClassifier(ConfigReader &config, ModelSpec &spec, int64_t hidden,
                        int64_t firstPatch);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_TOWERS_H
