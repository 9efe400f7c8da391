//===- CharacterMap.h - What characters become -----------------*- C++ -*-===//
//
// Tables for the normalizer's steps, made with ICU.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_CHARACTERMAP_H
#define ASHLAR_COMPILER_TEXT_CHARACTERMAP_H

#include "compiler/Text/regex/CodePointTable.h"
#include "compiler/Text/regex/Regex.h"
#include "runtime/text/tables.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>
#include <vector>

namespace ashlar {

/// Entries are those of a map in runtime/text/tables.h.
struct CharacterMap {
  CodePointTable<int32_t> table;
  std::vector<std::string> strings;
};

/// `replace` gives the text for each code point of `changed` that is no
/// surrogate; all others stay as they are.
CharacterMap
buildCharacterMap(const CodePointSet &changed,
                  llvm::function_ref<std::string(uint32_t)> replace);

/// 1 for the members of a set.
CodePointTable<uint8_t> buildMembership(const CodePointSet &set);

/// The parts of a Unicode normalization form.
struct UnicodeForm {
  CharacterMap decompositions; // without Hangul
  CodePointTable<uint8_t> classes;
  std::vector<ashlar_text_pair> pairs; // none unless the form composes
};
UnicodeForm unicodeForm(bool compatibility, bool composes);

/// An extended grapheme cluster, as far as clusters below 6 bytes matter.
Regex graphemeRegex();

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHARACTERMAP_H
