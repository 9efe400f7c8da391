//===- ManifestPhasesTest.cpp - Phases as a manifest lists them ----------===//
//
// Would catch: layers that are counted once, members that are mixed up, and a
// stranger's manifest that makes us take all memory.
//
//===----------------------------------------------------------------------===//

#include "tools/ashlar/ManifestView.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::tool;

/// A manifest whose one entry has the phases of `list`.
static std::string manifestWith(const std::string &list) {
  return R"({"abi": 2, "name": "m", "compiler": "c", "family": "f",
    "target": "t", "precision": "f32", "spec_hash": "", "build_id": "0", "taps": 0,
    "flops_per_token": 1, "bytes_per_token": 1, "weights": "segment",
    "memory": {"weights_bytes": 1, "arena_bytes": 1, "cache_bytes": 1},
    "limits": {"max_tokens": 1, "max_context": 1, "max_source": 1,
               "max_sequences": 1},
    "entries": [{"call": "decode", "output": "o", "features": 1, "inputs": [],
      "vocabulary": 1, "positions": 1, "work": {"flops_per_row": 1,
      "flops_per_key": 2, "flops_per_source_key": 3, "weight_bytes": 4,
      "bytes_per_row": 5, "bytes_per_key": 6, "bytes_per_source_key": 7,
      "expert_bytes_per_row": 8, "expert_bytes": 9, "flops_per_sequence": 10})" +
         (list.empty() ? "" : ", \"phases\": " + list) + "}]}";
}

static ManifestEntry entryWith(const std::string &list) {
  llvm::Expected<ManifestView> manifest =
      parseManifest(manifestWith(list), "m");
  if (!manifest) {
    ADD_FAILURE() << llvm::toString(manifest.takeError());
    return {};
  }
  return manifest->entries.at(0);
}

TEST(ManifestPhases, InOrderWithLayers) {
  ManifestEntry entry = entryWith(R"([
    {"name": "embed", "work": {"bytes_per_row": 8}},
    {"layers": 3, "phases": [
      {"name": "up", "work": {"flops_per_row": 10, "weight_bytes": 20}},
      {"name": "mix", "precision": "bf16", "work": {"flops_per_key": 4},
       "window": {"behind": 5, "ahead": 0},
       "tiles": {"visited": 3, "total": 4, "tokens": 64, "first_layer": 1,
                 "layer_step": 2}}]},
    {"name": "norm", "work": {}}])");
  EXPECT_EQ(entry.phaseCount(), 8);
  ASSERT_EQ(entry.phases.size(), 3u);
  EXPECT_EQ(entry.phases[0].times, 1);
  EXPECT_EQ(entry.phases[0].phases.at(0).name, "embed");
  EXPECT_EQ(entry.phases[0].phases.at(0).work.bytesPerRow, 8);
  EXPECT_EQ(entry.phases[1].times, 3);
  ASSERT_EQ(entry.phases[1].phases.size(), 2u);
  const ManifestPhase &up = entry.phases[1].phases[0];
  EXPECT_EQ(up.precision, "f32");
  EXPECT_EQ(up.work.flopsPerRow, 10);
  EXPECT_EQ(up.work.weightBytes, 20);
  EXPECT_EQ(up.work.flopsPerKey, 0);
  EXPECT_EQ(up.window.behind, -1);
  const ManifestPhase &mix = entry.phases[1].phases[1];
  EXPECT_EQ(mix.precision, "bf16");
  EXPECT_EQ(mix.window.behind, 5);
  EXPECT_EQ(mix.window.ahead, 0);
  EXPECT_EQ(mix.tiles.visited, 3);
  EXPECT_EQ(mix.tiles.firstLayer, 1);
  EXPECT_EQ(mix.tiles.layerStep, 2);
  EXPECT_EQ(up.tiles.firstLayer, -1);
}

// Describe reads artifacts of before.
TEST(ManifestPhases, MayBeAbsent) { EXPECT_EQ(entryWith("").phaseCount(), 0); }

TEST(ManifestPhases, Refusals) {
  for (const char *list :
       {"3", "{}", R"([{"layers": 2, "phases": 3}])",
        R"([{"name": 3, "work": {}}])", R"([{"work": {}}])",
        R"([{"name": "a"}])", R"([{"name": "a", "work": {}, "window": {}}])",
        R"([{"name": "a", "work": {},
             "window": {"behind": -2, "ahead": 0}}])",
        R"([{"name": "a", "work": {}, "tiles": {"visited": 1, "total": 1,
             "tokens": 1, "first_layer": 9223372036854775807,
             "layer_step": 1}}])",
        R"([{"name": "a", "work": {}, "tiles": {"visited": 1, "total": 1,
             "tokens": 1, "first_layer": 0}}])",
        R"([{"name": "a", "work": {"weight_bytes": -1}}])",
        R"([{"name": "a", "work": {"weight_bytes": 1.5}}])",
        R"([{"layers": -1, "phases": []}])",
        R"([{"layers": 9223372036854775807, "phases": [
             {"name": "a", "work": {}}, {"name": "b", "work": {}}]}])",
        R"([{"layers": 1000000, "phases": [
             {"name": "a", "work": {}}, {"name": "b", "work": {}}]}])"}) {
    llvm::Expected<ManifestView> manifest =
        parseManifest(manifestWith(list), "m");
    EXPECT_FALSE(bool(manifest)) << list;
    llvm::consumeError(manifest.takeError());
  }
}
