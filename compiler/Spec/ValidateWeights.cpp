//===- ValidateWeights.cpp - Tensors, linears and norms -------------------===//

#include "compiler/Spec/Validator.h"

#include <cmath>

using namespace ashlar;
using llvm::StringRef;
using llvm::Twine;

bool Validator::checkTensor(const std::string &at, const Weight &weight) {
  StringRef name = weight.tensor;
  check.text(at + ".tensor", name);
  check.expect(!name.contains('\0'), at + ".tensor",
               "\"" + escapeForDisplay(name) + "\"", "a name without NUL");
  check.expect(layersOfGroup > 0 || !name.contains("{layer}"), at + ".tensor",
               "\"" + escapeForDisplay(name) + "\"",
               "{layer} in the tensors of blocks only");
  check.expect(amongExperts || !name.contains("{expert}"), at + ".tensor",
               "\"" + escapeForDisplay(name) + "\"",
               "{expert} in the tensors of experts only");
  for (int64_t size : weight.stored)
    check.expect(size >= 1 && size <= maxCount, at + ".stored",
                 formatShape(weight.stored),
                 "sizes from 1 to " + Twine(maxCount));
  // Products of sizes fit 64 bits.
  double elements = 1;
  for (int64_t size : weight.stored)
    elements *= static_cast<double>(size);
  check.expect(elements < 0x1p62, at + ".stored", formatShape(weight.stored),
               "fewer than 2^62 numbers");
  checkParts(at, weight);
  return !check.failed();
}

/// Of several tensors each is a part of a vector, as a whole.
void Validator::checkParts(const std::string &at, const Weight &weight) {
  check.range(at + ".parts", weight.parts, 1, maxHeads);
  bool names = StringRef(weight.tensor).contains("{part}");
  check.expect(names == (weight.parts > 1), at + ".tensor",
               "\"" + escapeForDisplay(weight.tensor) + "\"",
               weight.parts > 1 ? "{part} in it, as it has several parts"
                                : "{part} where it has several parts only");
  check.expect(weight.parts == 1 || (weight.begin == 0 && weight.count == 0),
               at + ".count", Twine(weight.count),
               "0: all of a vector that has parts");
  check.expect(weight.parts == 1 || weight.stored.size() == 1, at + ".stored",
               formatShape(weight.stored), "one size, that of a part");
}

/// Pieces lie behind each other in the `stored` rows.
void Validator::checkPieces(const std::string &at, const Weight &weight,
                            int64_t stored) {
  check.range(at + ".piece", weight.piece, 0, weight.count);
  if (check.failed())
    return;
  if (!weight.piece) {
    check.expect(weight.every == 0, at + ".every", Twine(weight.every),
                 "0, as there is no \"piece\"");
    return;
  }
  check.expect(weight.count % weight.piece == 0, at + ".piece",
               Twine(weight.piece),
               "a divisor of \"count\" (" + Twine(weight.count) + ")");
  check.range(at + ".every", weight.every, weight.piece, stored);
  if (check.failed())
    return;
  int64_t last = weight.begin + weight.count / weight.piece * weight.every -
                 weight.every + weight.piece;
  check.expect(last <= stored, at + ".every", Twine(weight.every),
               "pieces that end within the " + Twine(stored) + " rows");
}

/// `stored` rows of which the weight takes all or [begin, begin + count).
void Validator::checkRows(const std::string &at, const Weight &weight,
                          int64_t stored, int64_t expected) {
  check.range(at + ".begin", weight.begin, 0, stored - 1);
  check.range(at + ".count", weight.count, 0, stored);
  if (check.failed())
    return;
  check.expect(weight.count > 0 || weight.begin == 0, at + ".begin",
               Twine(weight.begin), "0, as \"count\" is 0");
  check.expect(weight.count <= stored - weight.begin, at + ".count",
               Twine(weight.count),
               "at most the " + Twine(stored - weight.begin) +
                   " rows from \"begin\" on");
  checkPieces(at, weight, stored);
  int64_t rows = weight.count > 0 ? weight.count : stored;
  check.expect(rows == expected, at + ".stored", formatShape(weight.stored),
               "a shape with " + Twine(expected) + " rows in use, not " +
                   Twine(rows));
}

void Validator::checkMatrix(const std::string &at, const Weight &weight,
                            int64_t out, int64_t in) {
  if (!checkTensor(at, weight))
    return;
  check.expect(weight.parts == 1, at + ".parts", Twine(weight.parts),
               "1 for a matrix");
  if (check.failed())
    return;
  const std::vector<int64_t> &stored = weight.stored;
  if (weight.convolution) {
    check.expect(!weight.transposed, at + ".transposed", "true",
                 "false for a convolution");
    if (check.expect(stored.size() == 3, at + ".stored", formatShape(stored),
                     "three sizes: [out, in, taps]") &&
        check.expect(stored[1] <= in && stored[2] <= in &&
                         stored[1] * stored[2] == in,
                     at + ".stored", formatShape(stored),
                     Twine(in) + " numbers in a row"))
      checkRows(at, weight, stored[0], out);
    return;
  }
  if (!check.expect(stored.size() == 2 ||
                        (stored.size() > 2 && !weight.transposed),
                    at + ".stored", formatShape(stored), "two sizes"))
    return;
  auto [rows, columns] = matrixShape(stored);
  if (weight.transposed)
    std::swap(rows, columns);
  check.expect(columns == in, at + ".stored", formatShape(stored),
               Twine(in) + (weight.transposed ? " rows" : " columns"));
  checkRows(at, weight, rows, out);
}

/// A vector may be stored with leading ones, or, as a whole, in two dimensions.
void Validator::checkVector(const std::string &at, const Weight &weight,
                            int64_t size) {
  if (!checkTensor(at, weight))
    return;
  const std::vector<int64_t> &stored = weight.stored;
  check.expect(!weight.transposed, at + ".transposed", "true",
               "false for a vector");
  check.expect(!weight.convolution, at + ".convolution", "true",
               "false for a vector");
  if (weight.parts > 1) {
    check.expect(stored[0] == size / weight.parts && size % weight.parts == 0,
                 at + ".stored", formatShape(stored),
                 "a shape with " + Twine(size) + " numbers in " +
                     Twine(weight.parts) + " parts");
    return;
  }
  if (stored.size() == 2 && stored[0] != 1 && stored[1] != 1 &&
      stored[0] == size / stored[1] && size % stored[1] == 0) {
    check.expect(weight.count == 0 && weight.begin == 0, at + ".count",
                 Twine(weight.count),
                 "0: all of a vector that is stored in two dimensions");
    return;
  }
  bool isFlat =
      !stored.empty() && llvm::all_of(llvm::ArrayRef(stored).drop_back(),
                                      [](int64_t size) { return size == 1; });
  if (check.expect(isFlat, at + ".stored", formatShape(stored), "one size"))
    checkRows(at, weight, stored.back(), size);
}

void Validator::checkLinear(const std::string &at, const Linear &linear,
                            int64_t in, const char *whoseIn, int64_t out,
                            const char *whoseOut) {
  check.equal(at + ".in", linear.inFeatures, whoseIn, in);
  check.equal(at + ".out", linear.outFeatures, whoseOut, out);
  if (check.failed())
    return;
  checkMatrix(at + ".weight", linear.weight, out, in);
  if (linear.bias)
    checkVector(at + ".bias", *linear.bias, out);
}

void Validator::checkNorm(const std::string &at, const Norm &norm,
                          int64_t features, int64_t groups) {
  check.equal(at + ".features", norm.features, "the width of what it reads",
              features);
  check.expect(norm.groups == 1 || norm.groups == groups, at + ".groups",
               Twine(norm.groups),
               groups == 1
                   ? Twine("1 here")
                   : "1 or the number of heads (" + Twine(groups) + ")");
  check.positive(at + ".epsilon", norm.epsilon);
  check.expect(norm.gainOffset == 0.0 ||
                   (norm.gain && fitsFloat(std::fabs(norm.gainOffset))),
               at + ".gain_offset", formatDouble(norm.gainOffset),
               norm.gain ? "a number that float32 has"
                         : "0, as there is no gain");
  if (norm.gain)
    checkVector(at + ".gain", *norm.gain, features);
  if (norm.bias)
    checkVector(at + ".bias", *norm.bias, features);
}
