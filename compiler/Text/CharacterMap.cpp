//===- CharacterMap.cpp - What characters become --------------------------===//

#include "compiler/Text/CharacterMap.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/TableBuilder.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include <algorithm>
#include <cassert>

using namespace ashlar;

static bool isSurrogate(uint32_t codePoint) {
  return codePoint >= 0xD800 && codePoint <= 0xDFFF;
}

CharacterMap
ashlar::buildCharacterMap(const CodePointSet &changed,
                          llvm::function_ref<std::string(uint32_t)> replace) {
  CharacterMap map;
  std::map<std::string, int32_t> numbers;
  auto entryOf = [&](uint32_t codePoint) -> int32_t {
    if (isSurrogate(codePoint))
      return 0;
    std::string text = replace(codePoint);
    CodePoint first = decodeUtf8(text);
    if (!text.empty() && first.length == text.size())
      return static_cast<int32_t>(first.value - codePoint);
    auto [it, isNew] = numbers.try_emplace(text, map.strings.size());
    if (isNew)
      map.strings.push_back(std::move(text));
    return ASHLAR_TEXT_REPLACED | it->second;
  };
  map.table = buildCodePointTable<int32_t>(changed, entryOf);
  return map;
}

CodePointTable<uint8_t> ashlar::buildMembership(const CodePointSet &set) {
  return buildCodePointTable<uint8_t>(set, [](uint32_t) { return 1; });
}

//===----------------------------------------------------------------------===//
// Normalization forms
//===----------------------------------------------------------------------===//

static std::string toUtf8(const UChar *text, int32_t count) {
  std::string out;
  for (int32_t i = 0; i < count;) {
    UChar32 value;
    U16_NEXT(text, i, count, value);
    appendUtf8(out, value);
  }
  return out;
}

static const UNormalizer2 *instance(bool compatibility) {
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2 *found = compatibility ? unorm2_getNFKCInstance(&status)
                                            : unorm2_getNFCInstance(&status);
  assert(U_SUCCESS(status) && "ICU comes without its normalization data");
  return found;
}

static std::vector<ashlar_text_pair>
compositions(const CodePointSet &decomposed) {
  const UNormalizer2 *nfc = instance(/*compatibility=*/false);
  std::vector<ashlar_text_pair> pairs;
  decomposed.forEach([&](uint32_t c) {
    UChar raw[64];
    UErrorCode status = U_ZERO_ERROR;
    int32_t count = unorm2_getRawDecomposition(nfc, c, raw, 64, &status);
    if (count < 0 || U_FAILURE(status))
      return;
    UChar32 first, second;
    int32_t at = 0;
    U16_NEXT(raw, at, count, first);
    if (at == count)
      return;
    U16_NEXT(raw, at, count, second);
    // Some that are decomposed are excluded from composition.
    if (unorm2_composePair(nfc, first, second) == static_cast<UChar32>(c))
      pairs.push_back(
          {static_cast<uint32_t>(first), static_cast<uint32_t>(second), c});
  });
  std::sort(pairs.begin(), pairs.end(),
            [](const ashlar_text_pair &a, const ashlar_text_pair &b) {
              return std::pair(a.first, a.second) <
                     std::pair(b.first, b.second);
            });
  return pairs;
}

UnicodeForm ashlar::unicodeForm(bool compatibility, bool composes) {
  const UNormalizer2 *normalizer = instance(compatibility);
  // Models were trained with the library's tables, which are of Unicode 11.
  // Hangul is composed and decomposed by arithmetic.
  CodePointSet known = codePointPattern("[[:Age=11.0:]-[\\uAC00-\\uD7A3]]");
  UnicodeForm form;
  CodePointSet decomposed = codePointPattern(
      compatibility ? "[:NFKD_Quick_Check=No:]" : "[:NFD_Quick_Check=No:]");
  decomposed.intersect(known);
  form.decompositions = buildCharacterMap(decomposed, [&](uint32_t codePoint) {
    UChar text[64];
    UErrorCode status = U_ZERO_ERROR;
    int32_t count =
        unorm2_getDecomposition(normalizer, codePoint, text, 64, &status);
    assert(U_SUCCESS(status) && count >= 0 && "no decomposition that fits");
    return toUtf8(text, count);
  });
  CodePointSet combining = codePointPattern("[:^Canonical_Combining_Class=0:]");
  combining.intersect(known);
  form.classes =
      buildCodePointTable<uint8_t>(combining, [](uint32_t codePoint) {
        return u_getCombiningClass(codePoint);
      });
  if (composes)
    form.pairs = compositions(decomposed);
  return form;
}

//===----------------------------------------------------------------------===//
// Graphemes
//===----------------------------------------------------------------------===//

namespace {

/// Shorthand for a regular expression built by hand.
class RegexBuilder {
public:
  Regex regex;

  uint32_t set(const char *pattern) {
    return regex.addNode({.kind = Regex::Kind::Set,
                          .index = regex.addSet(codePointPattern(pattern)),
                          .children = {}});
  }
  uint32_t breaks(const std::string &name) {
    return set(("[:Grapheme_Cluster_Break=" + name + ":]").c_str());
  }
  uint32_t sequence(std::vector<uint32_t> parts) {
    return regex.addNode(
        {.kind = Regex::Kind::Sequence, .children = std::move(parts)});
  }
  uint32_t choice(std::vector<uint32_t> parts) {
    return regex.addNode(
        {.kind = Regex::Kind::Alternation, .children = std::move(parts)});
  }
  uint32_t repeat(uint32_t node, uint32_t minimum) {
    return regex.addNode({.kind = Regex::Kind::Repeat,
                          .children = {node},
                          .minimum = minimum,
                          .maximum = Regex::unbounded});
  }
};

} // namespace

/// The expression of UAX 29. Conjuncts (GB9c) are left aside: theirs are
/// clusters of more bytes than whoever asks for clusters looks at.
Regex ashlar::graphemeRegex() {
  RegexBuilder make;
  uint32_t l = make.repeat(make.breaks("L"), 0);
  uint32_t t = make.repeat(make.breaks("T"), 0);
  uint32_t syllable = make.sequence(
      {l,
       make.choice({make.repeat(make.breaks("V"), 1),
                    make.sequence(
                        {make.breaks("LV"), make.repeat(make.breaks("V"), 0)}),
                    make.breaks("LVT")}),
       t});
  uint32_t flag = make.sequence({make.breaks("RI"), make.breaks("RI")});
  uint32_t picture = make.set("[:Extended_Pictographic:]");
  uint32_t pictures = make.sequence(
      {picture,
       make.repeat(make.sequence({make.repeat(make.breaks("Extend"), 0),
                                  make.breaks("ZWJ"), picture}),
                   0)});
  uint32_t core = make.choice(
      {syllable, make.repeat(make.breaks("L"), 1),
       make.repeat(make.breaks("T"), 1), flag, pictures,
       make.set("[^[:Grapheme_Cluster_Break=Control:]\\u000D\\u000A]")});
  uint32_t after = make.set("[[:Grapheme_Cluster_Break=Extend:]"
                            "[:Grapheme_Cluster_Break=ZWJ:]"
                            "[:Grapheme_Cluster_Break=SpacingMark:]]");
  uint32_t cluster = make.sequence(
      {make.repeat(make.breaks("Prepend"), 0), core, make.repeat(after, 0)});
  uint32_t newline =
      make.sequence({make.set("[\\u000D]"), make.set("[\\u000A]")});
  make.regex.root =
      make.choice({newline, cluster, make.set("[\\u0000-\\U0010FFFF]")});
  return std::move(make.regex);
}
