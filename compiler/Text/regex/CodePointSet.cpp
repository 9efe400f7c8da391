//===- CodePointSet.cpp - Sets of Unicode code points ---------------------===//

#include "compiler/Text/regex/CodePointSet.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <algorithm>
#include <cassert>
#include <unicode/uset.h>
#include <unicode/ustring.h>

using namespace ashlar;

void CodePointSet::add(uint32_t first, uint32_t last) {
  assert(first <= last && last <= maximum);
  // The ranges that touch [first, last] are replaced by their union with it.
  auto begin = std::lower_bound(members.begin(), members.end(), first,
                                [](const Range &range, uint32_t value) {
                                  return range.last + 1 < value;
                                });
  auto end = begin;
  for (; end != members.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
  }
  begin = members.erase(begin, end);
  members.insert(begin, Range{first, last});
}

void CodePointSet::add(const CodePointSet &other) {
  for (const Range &range : other.members)
    add(range.first, range.last);
}

void CodePointSet::complement() {
  std::vector<Range> gaps;
  uint32_t next = 0;
  for (const Range &range : members) {
    if (range.first > next)
      gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= maximum)
    gaps.push_back({next, maximum});
  members = std::move(gaps);
}

void CodePointSet::intersect(CodePointSet other) {
  complement();
  other.complement();
  add(other);
  complement();
}

bool CodePointSet::contains(uint32_t codePoint) const {
  auto it = std::lower_bound(
      members.begin(), members.end(), codePoint,
      [](const Range &range, uint32_t value) { return range.last < value; });
  return it != members.end() && it->first <= codePoint;
}

/// Takes the ranges of `set` (strings in it are left aside) and closes it.
static CodePointSet takeRanges(USet *set) {
  CodePointSet result;
  for (int32_t i = 0, count = uset_getItemCount(set); i < count; ++i) {
    UChar32 first = 0, last = 0;
    UErrorCode status = U_ZERO_ERROR;
    if (uset_getItem(set, i, &first, &last, nullptr, 0, &status) == 0 &&
        U_SUCCESS(status))
      result.add(first, last);
  }
  uset_close(set);
  return result;
}

void CodePointSet::addCaseVariants() {
  USet *set = uset_openEmpty();
  for (const Range &range : members)
    uset_addRange(set, range.first, range.last);
  uset_closeOver(set, USET_CASE_INSENSITIVE);
  add(takeRanges(set));
}

static std::optional<CodePointSet> tryPattern(llvm::StringRef pattern) {
  std::u16string wide(pattern.begin(), pattern.end());
  UErrorCode status = U_ZERO_ERROR;
  USet *set = uset_openPattern(wide.data(), wide.size(), &status);
  if (U_FAILURE(status))
    return std::nullopt;
  return takeRanges(set);
}

CodePointSet ashlar::codePointPattern(const char *pattern) {
  std::optional<CodePointSet> set = tryPattern(pattern);
  assert(set && "a pattern of ours is not valid");
  return *set;
}

CodePointSet ashlar::whiteSpace() {
  return codePointPattern("[:White_Space:]");
}

CodePointSet ashlar::wordCharacters() {
  return codePointPattern("[[:Alphabetic:][:M:][:Nd:][:Pc:][:Join_Control:]]");
}

CodePointSet ashlar::bertPunctuation() {
  // The category P of Unicode 8, in which two characters were still in it.
  CodePointSet set =
      codePointPattern("[[[:P:]&[:Age=8.0:]]\\u166D\\U000111C9]");
  set.add('!', '/');
  set.add(':', '@');
  set.add('[', '`');
  set.add('{', '~');
  return set;
}

std::optional<CodePointSet> ashlar::posixClass(llvm::StringRef name) {
  // In brackets, this class is not what it is as a property.
  if (name == "punct")
    return codePointPattern("[[:P:][:S:]]");
  for (const char *known :
       {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower",
        "print", "space", "upper", "word", "xdigit"})
    if (name == known)
      return codePointProperty(name);
  return std::nullopt;
}

std::optional<CodePointSet> ashlar::codePointProperty(llvm::StringRef name) {
  std::string key = name.lower();
  llvm::erase_if(key, [](char c) { return c == ' ' || c == '_' || c == '-'; });
  // Names whose meaning ICU does not share, or that need no ICU.
  const char *posix = llvm::StringSwitch<const char *>(key)
                          .Case("alnum", "[[:Alphabetic:][:Nd:]]")
                          .Case("blank", "[[:Zs:]\\u0009]")
                          .Case("cntrl", "[[:Cc:]]")
                          .Case("digit", "[[:Nd:]]")
                          .Case("graph", "[^[:White_Space:][:Cc:][:Cn:][:Cs:]]")
                          .Case("print", "[[^[:White_Space:][:Cc:][:Cn:][:Cs:]]"
                                         "[:Zs:]]")
                          .Case("space", "[[:White_Space:]]")
                          .Case("word", "[[:Alphabetic:][:M:][:Nd:][:Pc:]]")
                          .Case("xdigit", "[0-9A-Fa-f]")
                          .Case("ascii", "[\\u0000-\\u007F]")
                          .Case("any", "[\\u0000-\\U0010FFFF]")
                          .Default(nullptr);
  if (posix)
    return codePointPattern(posix);
  if (name.empty() || name.size() > 64 || !llvm::all_of(name, [](char c) {
        return llvm::isAlnum(c) || c == '_' || c == ' ' || c == '-';
      }))
    return std::nullopt;
  return tryPattern(("[\\p{" + name + "}]").str());
}

CodePointSet ashlar::changedByLowerCase() {
  return codePointPattern("[:Changes_When_Lowercased:]");
}

std::string ashlar::lowerCase(uint32_t codePoint) {
  UChar source[2];
  int32_t length = 0;
  U16_APPEND_UNSAFE(source, length, codePoint);
  UChar lowered[16];
  UErrorCode status = U_ZERO_ERROR;
  int32_t count = u_strToLower(lowered, 16, source, length, "", &status);
  assert(U_SUCCESS(status) && "lower case outgrows its buffer");
  std::string text;
  for (int32_t i = 0; i < count;) {
    UChar32 value;
    U16_NEXT(lowered, i, count, value);
    appendUtf8(text, value);
  }
  return text;
}
