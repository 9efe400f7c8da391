//===- Roofline.cpp - Phases below what the machine allows ---------------===//

#include "tools/ashlar/Roofline.h"

#include "tools/ashlar/Svg.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <tuple>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::format;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// The last `most` characters: a model's names differ at their ends.
static std::string tailOf(StringRef text, size_t most) {
  auto begins = [](char c) { return (c & 0xc0) != 0x80; };
  auto count = static_cast<size_t>(llvm::count_if(text, begins));
  if (count <= most)
    return text.str();
  size_t skip = count - most + 1, at = 0;
  while (at < text.size() && (skip > 0 || !begins(text[at])))
    skip -= begins(text[at++]);
  return "\xe2\x80\xa6" + text.substr(at).str();
}

static std::string rateText(double perSecond) {
  double giga = perSecond * 1e-9;
  std::string text;
  llvm::raw_string_ostream(text)
      << (giga >= 1000  ? format("%.2f T", giga * 1e-3)
          : giga >= 100 ? format("%.0f G", giga)
                        : format("%.1f G", giga));
  return text;
}

static std::string numberText(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << format("%g", value);
  return text;
}

//===----------------------------------------------------------------------===//
// The plane
//===----------------------------------------------------------------------===//

namespace {
/// A logarithmic axis.
struct Axis {
  double least, most; // values, at ticks
  double from, to;    // their pixels
  double pixels(double value) const {
    double place = std::log(value / least) / std::log(most / least);
    return from + std::clamp(place, 0.0, 1.0) * (to - from);
  }
};

struct Dot {
  const PhaseRow *row;
  double intensity; // operations per byte
  double x, y;      // pixels
};

constexpr double width = 980, left = 64, plotWidth = 500, plotTop = 34;
constexpr double labelsX = left + plotWidth + 40, labelStep = 17;
constexpr double leastHeight = 300;

class Drawing {
public:
  Drawing(llvm::ArrayRef<RooflineStep> steps, const MachineLimits &limits)
      : steps(steps), limits(limits), os(text) {
    findRange();
  }

  std::string draw(StringRef title);

private:
  void findRange();
  double draw(const RooflineStep &step, double top);
  void drawAxes();
  void drawRoof();
  void drawDots(std::vector<Dot> &dots);
  double drawLeftOver(const PhaseTable &table, double top);
  void line(StringRef kind, double x1, double y1, double x2, double y2);
  void label(StringRef kind, double x, double y, const llvm::Twine &content,
             StringRef more = "");

  llvm::ArrayRef<RooflineStep> steps;
  const MachineLimits &limits;
  std::string text;
  llvm::raw_string_ostream os;
  Axis x{}, y{}; // y in GFLOP/s
};
} // namespace

static bool isDrawn(const PhaseRow &row) {
  return row.kind.amount.flops > 0 && row.kind.amount.bytes > 0 &&
         row.flops > 0;
}

static double intensityOf(const PhaseRow &row) {
  return row.kind.amount.flops / row.kind.amount.bytes;
}

/// The tick 1, 2 or 5 times a power of ten, numbered from 1.
static double tick(int number) {
  constexpr double steps[] = {1, 2, 5};
  int decade = static_cast<int>(std::floor(number / 3.0));
  return steps[number - 3 * decade] * std::pow(10.0, decade);
}

/// The last tick that is well below `value`, the first one well above.
static double tickBelow(double value) {
  int number = 3 * static_cast<int>(std::floor(std::log10(value))) + 2;
  while (tick(number) > value * 0.95)
    --number;
  return tick(number);
}
static double tickAbove(double value) {
  int number = 3 * static_cast<int>(std::floor(std::log10(value)));
  while (tick(number) < value * 1.05)
    ++number;
  return tick(number);
}

static std::vector<double> ticksOf(const Axis &axis) {
  std::vector<double> ticks;
  constexpr double dense = 1e5; // over more decades only powers of ten
  int number = 3 * static_cast<int>(std::floor(std::log10(axis.least)));
  for (; tick(number) < axis.most * 1.01; ++number)
    if (tick(number) > axis.least * 0.99 &&
        (number % 3 == 0 || axis.most / axis.least < dense))
      ticks.push_back(tick(number));
  return ticks;
}

/// Room for every dot and for the corners of the roof.
void Drawing::findRange() {
  double leastX = 0.25, mostX = 4, leastY = 1e300, mostY = 0;
  for (const ComputeLimit &limit : limits.compute) {
    double corner = limit.flops / limits.bytes;
    leastX = std::min(leastX, corner);
    mostX = std::max(mostX, corner * 3);
    leastY = std::min(leastY, limit.flops * 1e-9 / 30);
    mostY = std::max(mostY, limit.flops * 1e-9 * 1.3);
  }
  for (const RooflineStep &step : steps)
    for (const PhaseRow &row : step.table->rows)
      if (isDrawn(row)) {
        leastX = std::min(leastX, intensityOf(row));
        mostX = std::max(mostX, intensityOf(row));
        leastY = std::min(leastY, row.flops * 1e-9);
        mostY = std::max(mostY, row.flops * 1e-9);
      }
  x = {tickBelow(leastX), tickAbove(mostX), left, left + plotWidth};
  y = {tickBelow(leastY), tickAbove(mostY), 0, 0};
}

void Drawing::line(StringRef kind, double x1, double y1, double x2, double y2) {
  os << "<line class=\"" << kind
     << format("\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x1, y1,
               x2, y2);
}

/// `content` is XML already.
void Drawing::label(StringRef kind, double atX, double atY,
                    const llvm::Twine &content, StringRef more) {
  os << "<text class=\"" << kind << format("\" x=\"%.1f\" y=\"%.1f\"", atX, atY)
     << more << ">" << content << "</text>\n";
}

void Drawing::drawAxes() {
  constexpr StringRef middle = " text-anchor=\"middle\"";
  for (double value : ticksOf(x)) {
    double at = x.pixels(value);
    line("grid", at, y.from, at, y.to);
    label("note", at, y.from + 16, numberText(value), middle);
  }
  for (double value : ticksOf(y)) {
    double at = y.pixels(value);
    line("grid", x.from, at, x.to, at);
    label("note", x.from - 8, at + 4, numberText(value),
          " text-anchor=\"end\"");
  }
  label("note", (x.from + x.to) / 2, y.from + 34,
        "operations per byte read from memory", middle);
  double center = (y.from + y.to) / 2;
  std::string turned;
  llvm::raw_string_ostream(turned)
      << middle << format(" transform=\"rotate(-90 16 %.1f)\"", center);
  label("note", 16, center, "GFLOP/s", turned);
}

/// The memory's speed up to the highest limit of arithmetic, and each of
/// these from where it begins to bind.
void Drawing::drawRoof() {
  double bytes = limits.bytes * 1e-9, most = 0;
  for (const ComputeLimit &limit : limits.compute) {
    double flops = limit.flops * 1e-9;
    most = std::max(most, flops);
    double corner = x.pixels(flops / bytes), at = y.pixels(flops);
    line("roof", corner, at, x.to, at);
    label("limit", x.to, at - 6,
          rateText(limit.flops) + "FLOP/s " + escapeXml(limit.precision) +
              ", " + escapeXml(limit.unit),
          " text-anchor=\"end\"");
  }
  double begin = std::max(x.least, y.least / bytes);
  double x1 = x.pixels(begin), y1 = y.pixels(begin * bytes);
  double x2 = x.pixels(most / bytes), y2 = y.pixels(most);
  line("roof", x1, y1, x2, y2);
  double angle = std::atan2(y2 - y1, x2 - x1) * 180 / M_PI;
  double atX = x1 + (x2 - x1) * 0.75, atY = y1 + (y2 - y1) * 0.75;
  std::string turned;
  llvm::raw_string_ostream(turned)
      << " text-anchor=\"middle\""
      << format(" transform=\"rotate(%.1f %.1f %.1f)\"", angle, atX, atY - 7);
  label("limit", atX, atY - 7, rateText(limits.bytes) + "B/s", turned);
}

static std::string hintOf(const PhaseRow &row) {
  double limit = row.seconds > 0 ? row.limitSeconds / row.seconds : 0;
  std::string hint;
  llvm::raw_string_ostream(hint)
      << format(": %lld calls, %.3f ms, %.1f GFLOP/s, %.2f GB/s, %.0f %% of "
                "the limit",
                static_cast<long long>(row.kind.calls), row.seconds * 1e3,
                row.flops * 1e-9, row.bytes * 1e-9, limit * 100);
  return escapeXml(row.kind.name) + hint;
}

/// Labels stand in a column at the right, in the order of their dots, none on
/// another.
void Drawing::drawDots(std::vector<Dot> &dots) {
  llvm::sort(dots, [](const Dot &a, const Dot &b) {
    return std::tie(a.y, a.row->kind.name) < std::tie(b.y, b.row->kind.name);
  });
  double at = y.to + 4;
  for (auto [index, dot] : llvm::enumerate(dots)) {
    double rest = labelStep * static_cast<double>(dots.size() - 1 - index);
    at = std::clamp(dot.y, at, y.from - rest);
    os << format("<path class=\"leader\" d=\"M%.1f %.1fL%.1f %.1fH%.1f\"/>\n",
                 dot.x, dot.y, labelsX - 16, at, labelsX - 5);
    std::string share;
    llvm::raw_string_ostream(share) << format("%.0f %%", dot.row->share * 100);
    label("share", labelsX + 32, at + 4, share, " text-anchor=\"end\"");
    label("name", labelsX + 39, at + 4,
          escapeXml(tailOf(dot.row->kind.name, 50)));
    at += labelStep;
  }
  // Small ones on top of large ones.
  llvm::sort(dots, [](const Dot &a, const Dot &b) {
    return std::tie(b.row->share, a.row->kind.name) <
           std::tie(a.row->share, b.row->kind.name);
  });
  for (const Dot &dot : dots)
    os << "<circle class=\"dot "
       << (dot.row->bound == Bound::Compute ? "compute" : "memory")
       << format("\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">", dot.x, dot.y,
                 3 + 9 * std::sqrt(std::clamp(dot.row->share, 0.0, 1.0)))
       << "<title>" << hintOf(*dot.row) << "</title></circle>\n";
}

/// Kinds without a place in the plane; gives the height that they take.
double Drawing::drawLeftOver(const PhaseTable &table, double top) {
  constexpr size_t lineLength = 150;
  std::vector<std::string> items;
  for (const PhaseRow &row : table.rows)
    if (!isDrawn(row)) {
      std::string item;
      llvm::raw_string_ostream(item)
          << tailOf(row.kind.name, 50) << format(" %.1f %%", row.share * 100);
      items.push_back(item);
    }
  std::string item;
  llvm::raw_string_ostream(item) << format(
      "outside of phases %.1f %%",
      table.seconds > 0 ? table.outsideSeconds / table.seconds * 100 : 0);
  items.push_back(item);
  std::string current = "no multiply-adds: ";
  double height = 0;
  auto flush = [&] {
    label("note", left, top + height, escapeXml(current));
    height += 15;
    current.clear();
  };
  for (auto [index, text] : llvm::enumerate(items)) {
    if (current.size() + text.size() > lineLength)
      flush();
    current += text + (index + 1 < items.size() ? ", " : "");
  }
  flush();
  return height;
}

/// Gives the height of what it has drawn.
double Drawing::draw(const RooflineStep &step, double top) {
  std::vector<Dot> dots;
  for (const PhaseRow &row : step.table->rows)
    if (isDrawn(row))
      dots.push_back({&row, intensityOf(row), 0, 0});
  double height = std::max(leastHeight, labelStep * (dots.size() + 1.0));
  y.from = top + plotTop + height;
  y.to = top + plotTop;
  for (Dot &dot : dots) {
    dot.x = x.pixels(dot.intensity);
    dot.y = y.pixels(dot.row->flops * 1e-9);
  }
  const PhaseTable &table = *step.table;
  std::string heading;
  llvm::raw_string_ostream(heading) << format(
      ": %.3f ms; the limits allow %.3f ms (%.0f %% of the speed of "
      "light)",
      table.seconds * 1e3, table.limitSeconds * 1e3,
      table.seconds > 0 ? table.limitSeconds / table.seconds * 100 : 0);
  label("step", left, top + 18, escapeXml(step.title) + heading);
  drawAxes();
  drawRoof();
  drawDots(dots);
  double below = plotTop + height + 54;
  return below + drawLeftOver(table, top + below) + 14;
}

static constexpr StringRef style = R"(<style>
.back { fill: #ffffff; }
.title { fill: #1f2328; font-size: 17px; font-weight: 600; }
.step { fill: #1f2328; font-size: 13px; font-weight: 600; }
.name { fill: #1f2328; font-size: 12px; }
.share { fill: #57606a; font-size: 12px; }
.note { fill: #57606a; font-size: 11px; }
.limit { fill: #57606a; font-size: 11px; stroke: #ffffff; stroke-width: 3; paint-order: stroke; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.roof { stroke: #57606a; stroke-width: 2; stroke-linecap: round; }
.leader { fill: none; stroke: #8c959f; stroke-width: 0.7; }
.dot { stroke: #ffffff; stroke-width: 1; fill-opacity: 0.85; }
.compute { fill: #bc4c00; }
.memory { fill: #0969da; }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117; }
.title, .step, .name { fill: #e6edf3; }
.share, .note, .limit { fill: #9ea7b3; }
.limit { stroke: #0d1117; }
.grid { stroke: #30363d; }
.roof { stroke: #9ea7b3; }
.leader { stroke: #6e7681; }
.dot { stroke: #0d1117; }
.compute { fill: #f0883e; }
.memory { fill: #58a6ff; }
}
</style>
)";

std::string Drawing::draw(StringRef title) {
  double top = 60;
  for (const RooflineStep &step : steps)
    top += draw(step, top);
  std::string body = std::move(text);
  text.clear();
  os << format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f "
               "%.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" "
               "aria-labelledby=\"title\" font-family=\"system-ui, "
               "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\">\n",
               width, top, width, top)
     << "<title id=\"title\">" << escapeXml(title) << "</title>\n"
     << style << "<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n";
  label("title", left, 28, escapeXml(title));
  label("note", left, 47,
        "A dot is the phases of one name; its area grows with their share of "
        "the time.");
  os << "<circle class=\"compute\" cx=\"566\" cy=\"43\" r=\"5\"/>\n";
  label("note", 576, 47, "arithmetic binds");
  os << "<circle class=\"memory\" cx=\"676\" cy=\"43\" r=\"5\"/>\n";
  label("note", 686, 47, "memory binds");
  os << body << "</svg>\n";
  return text;
}

std::string ashlar::tool::drawRoofline(StringRef title,
                                       llvm::ArrayRef<RooflineStep> steps,
                                       const MachineLimits &limits) {
  return Drawing(steps, limits).draw(title);
}
