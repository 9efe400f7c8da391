//===- StepTables.cpp - Steps and added tokens -> blob --------------------===//

#include "compiler/Text/StepTables.h"
#include "compiler/Text/ModelTables.h"
#include "compiler/Text/PartReader.h"
#include "compiler/Text/TableBuilder.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "runtime/text/text.h"

using namespace ashlar;

static ashlar_text_table addTable(const CodePointTable<uint8_t> &table,
                                  Blob &blob) {
  return {blob.add(table.pages), blob.add(table.entries)};
}

static ashlar_text_pattern addPattern(const Pattern &from, Blob &blob) {
  static_assert(RegexDfa::match == ASHLAR_TEXT_MATCH);
  const RegexDfa &dfa = from.dfa;
  ashlar_text_pattern pattern = {};
  pattern.classes = dfa.classCount;
  pattern.states = dfa.stateCount();
  pattern.start = dfa.start;
  pattern.flags = dfa.lastLine ? ASHLAR_PATTERN_LAST_LINE : 0;
  pattern.table = {blob.add(dfa.classes.pages), blob.add(dfa.classes.entries)};
  pattern.transitions = blob.add(dfa.transitions);
  pattern.starts = blob.add(dfa.starts);
  pattern.notation = blob.addString(from.notation);
  return pattern;
}

void ashlar::addSteps(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_step> steps;
  for (const auto *list : {&tokenizer.normalizer, &tokenizer.preTokenizer})
    for (const Tokenizer::Step &step : *list) {
      ashlar_text_step written = {};
      written.kind = step.kind;
      written.flags = step.flags;
      written.pattern = addPattern(step.pattern, blob);
      written.string = blob.addString(step.string);
      written.map = {blob.add(step.map.table.pages),
                     blob.add(step.map.table.entries)};
      std::vector<ashlar_text_string> strings;
      for (const std::string &text : step.map.strings)
        strings.push_back(blob.addString(text));
      written.strings = blob.add(strings);
      written.orders = addTable(step.orders, blob);
      written.pairs = blob.add(step.pairs);
      written.units = blob.add(step.units);
      steps.push_back(written);
    }
  header.steps = blob.add(steps);
  header.normalizer_steps = tokenizer.normalizer.size();
}

/// What the normalizer makes of a token's text: the executable's own code does
/// it, with tables that hold nothing else.
static llvm::Expected<std::string> normalize(const std::string &steps,
                                             llvm::StringRef input) {
  ashlar_text text = {};
  text.blob = reinterpret_cast<const unsigned char *>(steps.data());
  text.header = reinterpret_cast<const ashlar_text_header *>(steps.data());
  llvm::Expected<std::unique_ptr<PatternMatcher>> matcher =
      PatternMatcher::create(text);
  if (!matcher)
    return matcher.takeError();
  if (*matcher)
    text.matcher = (*matcher)->matcher();
  std::string result;
  ashlar_error error;
  if (ashlar_text_normalize(
          &text, input.data(), input.size(),
          [](void *user, const char *bytes, size_t count) {
            static_cast<std::string *>(user)->append(bytes, count);
          },
          &result, &error))
    return userError("", llvm::Twine("added token \"") +
                             escapeForDisplay(input) + "\": " + error.message);
  return result;
}

static std::string normalizerBlob(const Tokenizer &tokenizer) {
  Blob blob;
  ashlar_text_header header = {};
  addSteps(tokenizer, blob, header);
  return std::move(blob).finish(header);
}

static void addClasses(Blob &blob, ashlar_text_header &header) {
  CodePointSet space = whiteSpace(), word = wordCharacters(), either = word;
  either.add(space);
  header.classes = addTable(
      buildCodePointTable<uint8_t>(
          either,
          [&](uint32_t codePoint) {
            return (space.contains(codePoint) ? ASHLAR_CLASS_SPACE : 0) |
                   (word.contains(codePoint) ? ASHLAR_CLASS_WORD : 0);
          }),
      blob);
}

/// Of all added tokens behind the normalizer. A trie takes many times that.
static constexpr size_t mostAddedBytes = size_t(16) << 20;

llvm::Error ashlar::addAddedTokens(const Tokenizer &tokenizer, Blob &blob,
                                   ashlar_text_header &header) {
  TrieBuilder tries(/*roots=*/2);
  std::string steps = normalizerBlob(tokenizer);
  std::vector<ashlar_text_added> added;
  bool looksAround = false;
  size_t bytes = 0;
  for (const Tokenizer::AddedToken &token : tokenizer.addedTokens) {
    uint32_t flags = (token.special ? ASHLAR_ADDED_SPECIAL : 0) |
                     (token.leftStrip ? ASHLAR_ADDED_LSTRIP : 0) |
                     (token.rightStrip ? ASHLAR_ADDED_RSTRIP : 0) |
                     (token.singleWord ? ASHLAR_ADDED_SINGLE_WORD : 0);
    looksAround |= token.leftStrip || token.rightStrip || token.singleWord;
    llvm::Expected<std::string> text =
        token.normalized ? normalize(steps, token.text) : token.text;
    if (!text)
      return text.takeError();
    // Each may grow by itself, but not all of them.
    bytes += text->size();
    if (bytes > mostAddedBytes)
      return userError("", "the normalizer makes added tokens of more than " +
                               llvm::Twine(mostAddedBytes >> 20) + " MiB");
    if (!text->empty())
      tries.insert(token.normalized, *text, added.size());
    added.push_back({token.id, flags});
  }
  header.added = blob.add(added);
  header.added_tries = tries.write(blob);
  if (looksAround)
    addClasses(blob, header);
  return llvm::Error::success();
}
