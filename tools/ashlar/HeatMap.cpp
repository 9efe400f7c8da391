//===- HeatMap.cpp - Weights of attention as a drawing --------------------===//

#include "tools/ashlar/HeatMap.h"
#include "tools/ashlar/Svg.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::format;
using llvm::StringRef;

static constexpr StringRef style = R"(<style>
.back { fill: #ffffff; }
.title { fill: #1f2328; font-size: 17px; font-weight: 600; }
.head { fill: #1f2328; font-size: 13px; font-weight: 600; }
.token { fill: #1f2328; font-size: 11px; }
.note { fill: #57606a; font-size: 11px; }
.frame { fill: none; stroke: #d0d7de; }
.cell { fill: #0969da; }
.odd { fill: #cf222e; }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117; }
.title, .head, .token { fill: #e6edf3; }
.note { fill: #9ea7b3; }
.frame { stroke: #30363d; }
.cell { fill: #58a6ff; }
.odd { fill: #ff7b72; }
}
</style>
)";

/// Pixels of the longest of `labels`, about.
static double widthOf(llvm::ArrayRef<std::string> labels) {
  size_t most = 0;
  for (const std::string &label : labels)
    most = std::max<size_t>(
        most, llvm::count_if(label, [](char c) { return (c & 0xc0) != 0x80; }));
  return 6.6 * static_cast<double>(most) + 8;
}

namespace {
class Drawing {
public:
  explicit Drawing(const HeatMap &map) : map(map), os(text) {
    auto longest =
        static_cast<double>(std::max(map.rows.size(), map.columns.size()));
    cell = std::clamp(640 / std::max(longest, 1.0), 2.0, 18.0);
    hasLabels = cell >= 8;
    if (hasLabels) {
      labelWidth = widthOf(map.rows);
      labelHeight = widthOf(map.columns);
    }
    mapWidth = cell * static_cast<double>(map.columns.size());
    mapHeight = cell * static_cast<double>(map.rows.size());
  }

  std::string draw();

private:
  void label(StringRef kind, double x, double y, StringRef content,
             StringRef more = "") {
    os << "<text class=\"" << kind << format("\" x=\"%.1f\" y=\"%.1f\"", x, y)
       << more << ">" << escapeXml(content) << "</text>\n";
  }
  void drawLabels(double left, double top);
  void drawCells(const HeatMap::Head &head, double left, double top);

  const HeatMap &map;
  double cell, labelWidth = 0, labelHeight = 0, mapWidth, mapHeight;
  bool hasLabels;
  std::string text;
  llvm::raw_string_ostream os;
};
} // namespace

void Drawing::drawLabels(double left, double top) {
  for (auto [i, row] : llvm::enumerate(map.rows))
    label("token", left - 4, top + cell * (static_cast<double>(i) + 0.5) + 4,
          row, " text-anchor=\"end\"");
  for (auto [i, column] : llvm::enumerate(map.columns)) {
    double x = left + cell * (static_cast<double>(i) + 0.5) + 4, y = top - 4;
    std::string turned;
    llvm::raw_string_ostream(turned)
        << format(" transform=\"rotate(-90 %.1f %.1f)\"", x, y);
    label("token", x, y, column, turned);
  }
}

/// What is near zero has no cell, and what is no number another color.
void Drawing::drawCells(const HeatMap::Head &head, double left, double top) {
  size_t columns = map.columns.size();
  for (auto [place, weight] : llvm::enumerate(head.weights)) {
    bool isNumber = std::isfinite(weight);
    if (isNumber && weight < 0.002f)
      continue;
    size_t row = place / columns, column = place % columns;
    os << "<rect class=\"" << (isNumber ? "cell" : "odd")
       << format("\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
                 left + cell * static_cast<double>(column),
                 top + cell * static_cast<double>(row), cell, cell);
    if (isNumber)
      os << format(" fill-opacity=\"%.3f\"", std::min(weight, 1.0f));
    os << "><title>" << escapeXml(map.rows[row]) << " \xe2\x86\x92 "
       << escapeXml(map.columns[column]) << ": "
       << format("%.3f", static_cast<double>(weight)) << "</title></rect>\n";
  }
  os << format("<rect class=\"frame\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
               "height=\"%.1f\"/>\n",
               left, top, mapWidth, mapHeight);
}

std::string Drawing::draw() {
  constexpr double margin = 24, heading = 66, most = 1400;
  double each = labelWidth + mapWidth + margin;
  double height = labelHeight + mapHeight + margin + 24;
  auto across = static_cast<size_t>(
      std::clamp((most - margin) / each, 1.0,
                 static_cast<double>(std::max<size_t>(map.heads.size(), 1))));
  double width = std::max(margin + each * static_cast<double>(across), 540.0);
  size_t down = (map.heads.size() + across - 1) / across;
  double bottom = heading + height * static_cast<double>(down);
  os << format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f "
               "%.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" "
               "aria-labelledby=\"title\" font-family=\"system-ui, "
               "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\">\n",
               width, bottom, width, bottom)
     << "<title id=\"title\">" << escapeXml(map.title) << "</title>\n"
     << style << "<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n";
  label("title", margin, 30, map.title);
  label("note", margin, 50,
        "A row is a token that looks, a column one that is looked at; a row's "
        "weights add up to 1.");
  for (auto [i, head] : llvm::enumerate(map.heads)) {
    double left = margin + each * static_cast<double>(i % across) + labelWidth;
    double top = heading + height * static_cast<double>(i / across);
    label("head", left, top + 14, "head " + std::to_string(head.number));
    top += labelHeight + 24;
    if (hasLabels)
      drawLabels(left, top);
    drawCells(head, left, top);
  }
  os << "</svg>\n";
  return text;
}

std::string ashlar::tool::drawHeatMap(const HeatMap &map) {
  return Drawing(map).draw();
}
