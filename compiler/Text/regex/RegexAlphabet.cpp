//===- RegexAlphabet.cpp - Classes of code points -------------------------===//

#include "compiler/Text/regex/RegexAlphabet.h"
#include "compiler/Support/Errors.h"
#include "compiler/Text/TableBuilder.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace ashlar;

llvm::Expected<RegexAlphabet> RegexAlphabet::of(const Regex &regex) {
  // Where a set begins or ends, its bit flips.
  std::multimap<uint32_t, uint32_t> flips;
  for (uint32_t set = 0; set < regex.sets.size(); ++set)
    for (CodePointSet::Range range : regex.sets[set].ranges()) {
      flips.emplace(range.first, set);
      flips.emplace(range.last + 1, set);
    }
  RegexAlphabet map;
  std::map<std::vector<uint64_t>, uint16_t> numbers;
  std::vector<uint64_t> bits((regex.sets.size() + 63) / 64 + 1);
  auto next = flips.begin();
  for (uint32_t begin = 0; begin <= CodePointSet::maximum;) {
    for (; next != flips.end() && next->first == begin; ++next)
      bits[next->second / 64] ^= uint64_t(1) << (next->second % 64);
    auto [it, isNew] = numbers.try_emplace(bits, map.sets.size());
    if (isNew)
      map.sets.push_back(bits);
    if (map.sets.size() > 65534)
      return userError("",
                       "regular expression needs too many classes of code "
                       "points",
                       "use fewer sets of characters");
    map.begins.push_back(begin);
    map.classOf.push_back(it->second);
    begin = next == flips.end() ? CodePointSet::maximum + 1 : next->first;
  }
  if (regex.lastLine)
    map.sets.push_back(map.sets[map.classAt('\n')]);
  map.lastLine = regex.lastLine;
  return map;
}

uint32_t RegexAlphabet::classAt(uint32_t codePoint) const {
  return classOf[llvm::upper_bound(begins, codePoint) - begins.begin() - 1];
}

CodePointTable<uint16_t> RegexAlphabet::table() const {
  size_t interval = 0;
  return buildCodePointTable<uint16_t>(
      [&](uint32_t codePoint) -> CodePointRun<uint16_t> {
        while (interval + 1 < begins.size() &&
               begins[interval + 1] <= codePoint)
          ++interval;
        uint32_t last = interval + 1 < begins.size() ? begins[interval + 1] - 1
                                                     : CodePointSet::maximum;
        return {classOf[interval], last};
      });
}
