//===- Languages.cpp - Languages that a model writes ----------------------===//

#include "compiler/Text/Languages.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::StringRef;

static bool isSmall(StringRef text, size_t least, size_t most) {
  return text.size() >= least && text.size() <= most &&
         llvm::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

static bool isLarge(StringRef text) {
  return !text.empty() &&
         llvm::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// "fr_XX" of mbart, "fra_Latn" of nllb.
static bool isRegionCode(StringRef text) {
  auto [language, place] = text.split('_');
  if (place.size() == 2)
    return isSmall(language, 2, 3) && isLarge(place);
  return place.size() == 4 && isSmall(language, 3, 3) &&
         isLarge(place.take_front()) && isSmall(place.drop_front(), 3, 3);
}

/// The code that a token of `family` stands for; empty for other tokens.
static StringRef codeOf(StringRef family, StringRef token) {
  if (family == "whisper")
    return token.consume_front("<|") && token.consume_back("|>") &&
                   isSmall(token, 2, 3)
               ? token
               : "";
  if (family == "m2m_100" && token.consume_front("__"))
    return token.consume_back("__") && isSmall(token, 2, 3) ? token : "";
  bool isFamily = family == "mbart" || family == "m2m_100";
  return isFamily && isRegionCode(token) ? token : "";
}

static std::optional<int64_t> idOf(const Tokenizer &tokenizer, StringRef text) {
  for (const Tokenizer::AddedToken &token : tokenizer.addedTokens)
    if (token.text == text)
      return token.id;
  return std::nullopt;
}

/// The settings' own beginning with the language's token in the place of the
/// one that it has, or behind it.
static std::vector<std::optional<int64_t>>
findStart(const Tokenizer &tokenizer, StringRef family,
          const Generation &generation, llvm::ArrayRef<Language> languages) {
  std::vector<std::optional<int64_t>> start(generation.decoderPrompt.begin(),
                                            generation.decoderPrompt.end());
  if (!generation.decoderStartToken)
    return {};
  start.insert(start.begin(), generation.decoderStartToken);
  for (std::optional<int64_t> &id : start)
    if (llvm::any_of(languages, [&](const Language &language) {
          return language.id == *id;
        })) {
      id = std::nullopt;
      return start;
    }
  if (start.size() > 1)
    return {}; // a prompt without a language
  start.push_back(std::nullopt);
  // Settings that leave whisper's language open leave out what is behind it.
  if (family == "whisper")
    for (StringRef name : {"<|transcribe|>", "<|notimestamps|>"})
      if (std::optional<int64_t> id = idOf(tokenizer, name))
        start.push_back(id);
  return start;
}

Languages ashlar::findLanguages(const Tokenizer &tokenizer, StringRef family,
                                const Generation &generation) {
  Languages found;
  for (const Tokenizer::AddedToken &token : tokenizer.addedTokens)
    if (StringRef code = codeOf(family, token.text); !code.empty())
      found.list.push_back({code.str(), token.id});
  llvm::sort(found.list, [](const Language &a, const Language &b) {
    return std::tie(a.code, a.id) < std::tie(b.code, b.id);
  });
  if (found.list.empty())
    return {};
  found.start = findStart(tokenizer, family, generation, found.list);
  if (found.start.empty() ||
      found.start.size() > ASHLAR_TEXT_MAX_LANGUAGE_START)
    return {};
  return found;
}
