//===- ManifestView.h - A manifest as the tools read it --------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_MANIFESTVIEW_H
#define ASHLAR_TOOLS_ASHLAR_MANIFESTVIEW_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::tool {

/// Work of an entry or a phase, as passes/Layout/Work.h defines it.
struct ManifestWork {
  int64_t flopsPerRow = 0;
  int64_t flopsPerKey = 0;
  int64_t flopsPerSourceKey = 0;
  int64_t weightBytes = 0;
  int64_t bytesPerRow = 0;
  int64_t bytesPerKey = 0;
  int64_t bytesPerSourceKey = 0;
  int64_t expertBytesPerRow = 0;
  int64_t expertBytes = 0;
  int64_t flopsPerSequence = 0;
};

/// Tiles of an attention's scores at `tokens` tokens: those that its mask
/// leaves to visit, and all. 0: of no attention of a layer to its own rows.
struct ManifestTiles {
  int64_t visited = 0;
  int64_t total = 0;
  int64_t tokens = 0;
  // Of the phase: layers `firstLayer`, `firstLayer` + `layerStep`, as many as
  // times that it runs. -1: not in a loop over layers.
  int64_t firstLayer = -1;
  int64_t layerStep = 0;
};

/// The keys of its sequence that a row of attention sees: none further than
/// this from its own. -1: no end.
struct ManifestWindow {
  int64_t behind = -1;
  int64_t ahead = -1;
};

struct ManifestPhase {
  std::string name;              // "decoder.layers.*.self_attn.qkv_proj"
  std::string precision = "f32"; // of its multiply-adds
  ManifestWork work;             // of one call
  ManifestTiles tiles = {};
  ManifestWindow window = {};
};

/// Successive phases of an entry that run `times` times: layers.
struct ManifestPhases {
  int64_t times = 1;
  std::vector<ManifestPhase> phases;
};

/// What an entry of images takes.
struct ManifestImage {
  int64_t channels = 0; // 0: no images
  int64_t height = 0;
  int64_t width = 0;
  int64_t rows = 0; // of the sequence that an image is
};

struct ManifestEntry {
  std::string call; // "encode", "decode" or "head"
  std::vector<std::string> inputs;
  std::string output;
  // Of a head: "all", or what one row of each sequence is: "first", "last",
  // "chosen" (by the ids), "pooled" (made of all of them).
  std::string rows;
  bool isOfSequences() const { return call == "head" && rows != "all"; }
  int64_t scalar = 0; // of a head: 1: no axis of features
  int64_t features = 0;
  int64_t vocabulary = 0;
  int64_t positions = 0;
  ManifestImage image;
  ManifestWork work;
  std::vector<ManifestPhases> phases; // in the order of a call

  /// Phases of a call, each as often as it runs.
  int64_t phaseCount() const;
};

/// A matrix in the image, of one layer.
struct ManifestTensor {
  std::vector<std::string> names; // in the checkpoint, on top of each other
  int64_t layer = -1;             // -1: not per layer
  std::string precision;
  int64_t bytes = 0;
};

struct ManifestView {
  int64_t abi = 0;
  std::string name;
  std::string compiler;
  std::string family;
  std::string target;
  std::string precision;
  std::string specHash;
  bool weightsInside = false;
  int64_t weightsBytes = 0;
  int64_t arenaBytes = 0;
  int64_t cacheBytes = 0;
  int64_t maxTokens = 0;
  int64_t maxContext = 0;
  int64_t maxSource = 0;
  int64_t maxSequences = 0;
  int64_t flopsPerToken = 0;
  int64_t bytesPerToken = 0;
  int64_t taps = 0;
  std::vector<ManifestEntry> entries;
  std::vector<std::string> labels;
  std::string buildId;
  int64_t errorsOffset = -1; // in the image; -1: nothing is encoded
  std::vector<ManifestTensor> tensors;

  /// The entry that is called `call`, or null.
  const ManifestEntry *find(llvm::StringRef call) const;
};

/// `file` is for messages; it may be a stranger's.
llvm::Expected<ManifestView> parseManifest(llvm::StringRef text,
                                           llvm::StringRef file);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_MANIFESTVIEW_H
