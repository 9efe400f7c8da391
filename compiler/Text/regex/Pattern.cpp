//===- Pattern.cpp - What a tokenizer's step looks for --------------------===//

#include "compiler/Text/regex/Pattern.h"
#include "compiler/Support/Errors.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "compiler/Text/regex/RegexAlphabet.h"
#include "compiler/Text/regex/RegexNotation.h"

using namespace ashlar;

static llvm::Expected<Pattern> makeIrregular(const Regex &regex) {
  llvm::Expected<RegexAlphabet> alphabet = RegexAlphabet::of(regex);
  if (!alphabet)
    return alphabet.takeError();
  llvm::Expected<RegexNotation> notation = writeNotation(regex, *alphabet);
  if (!notation)
    return notation.takeError();
  if (llvm::Error error = checkNotation(*notation))
    return std::move(error);
  Pattern pattern;
  pattern.dfa.classes = alphabet->table();
  pattern.dfa.classCount = alphabet->sets.size() + 1;
  pattern.notation = std::move(notation->text);
  return pattern;
}

llvm::Expected<Pattern> ashlar::makePattern(const Regex &regex) {
  llvm::Expected<RegexDfa> dfa = compileRegex(regex);
  if (dfa)
    return Pattern{.dfa = std::move(*dfa)};
  std::string reason;
  llvm::Error other = llvm::handleErrors(
      dfa.takeError(), [&](const UserError &error) { reason = error.cause; });
  if (other)
    return std::move(other);
  llvm::Expected<Pattern> pattern = makeIrregular(regex);
  if (pattern)
    pattern->reason = reason;
  return pattern;
}
