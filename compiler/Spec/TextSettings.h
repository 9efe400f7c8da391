//===- TextSettings.h - What files say about a model's texts ---*- C++ -*-===//
//
// What happens to texts before the model reads them, and to its logits behind
// it. The model computes the same either way.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_TEXTSETTINGS_H
#define ASHLAR_COMPILER_SPEC_TEXTSETTINGS_H

#include <cstdint>
#include <optional>
#include <string>

namespace ashlar {

/// What becomes of a classifier's logits: probabilities of which class is the
/// true one, or of each that it is, or the result itself.
enum class LabelScores { Softmax, Sigmoid, Logits };
const char *nameOf(LabelScores value);

struct TextSettings {
  /// Absent: of one class sigmoid, else softmax.
  std::optional<LabelScores> labelScores;
  // Of texts that are embedded:
  int64_t maxTokens = 0;    // longer ones are cut; 0 = no limit
  int64_t paddedTokens = 0; // shorter ones are filled up; 0 = they are not
  std::string prompt;       // stands in front of each
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_TEXTSETTINGS_H
