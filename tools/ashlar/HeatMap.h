//===- HeatMap.h - Weights of attention as a drawing -----------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_HEATMAP_H
#define ASHLAR_TOOLS_ASHLAR_HEATMAP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace ashlar::tool {

struct HeatMap {
  std::string title;
  std::vector<std::string> rows;    // tokens that look
  std::vector<std::string> columns; // tokens that are looked at
  struct Head {
    int64_t number;
    llvm::ArrayRef<float> weights; // [rows, columns], each from 0 to 1
  };
  std::vector<Head> heads;
};

/// Cells of all heads together, at most: an SVG beyond it opens nowhere.
constexpr int64_t mostCells = 1 << 20;

/// An SVG with a square for each head: the darker a cell, the larger the weight
/// that its row's token gives its column's.
std::string drawHeatMap(const HeatMap &map);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_HEATMAP_H
