//===- SentencePiece.cpp - SentencePiece models as tokenizers -------------===//

#include "compiler/Text/sentencepiece/SentencePiece.h"
#include "compiler/Support/Errors.h"
#include "compiler/Text/sentencepiece/SentencePieceReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using Type = SentencePieceModel::Type;

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// Characters of valid UTF-8.
static size_t countCharacters(StringRef text) {
  return llvm::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

namespace {
struct Merge {
  ashlar_text_merge ids;
  double score;
  size_t left, right; // characters
};
} // namespace

/// Any two pieces that make a third merge, the piece of the highest score
/// first; equal ones the longer first.
Error SentencePieceReader::addMerges(
    llvm::ArrayRef<SentencePieceEntry> entries) {
  constexpr uint64_t mostWork = uint64_t(1) << 30;
  uint64_t work = 0;
  std::vector<Merge> merges;
  for (const SentencePieceEntry &entry : entries) {
    StringRef text = entry.text;
    work += uint64_t(text.size()) * text.size();
    if (work > mostWork)
      return userError(model.file, "the pieces are too long to be merged");
    int32_t id = ids.lookup(text);
    if (!tokenizer.tokens[id].vocabulary)
      continue;
    for (size_t at = 1; at < text.size(); ++at) {
      auto left = ids.find(text.take_front(at));
      auto right = ids.find(text.drop_front(at));
      if (left == ids.end() || right == ids.end() ||
          !tokenizer.tokens[left->second].vocabulary ||
          !tokenizer.tokens[right->second].vocabulary)
        continue;
      merges.push_back({{left->second, right->second, id},
                        entry.score,
                        countCharacters(left->first()),
                        countCharacters(right->first())});
    }
  }
  llvm::sort(merges, [](const Merge &a, const Merge &b) {
    return std::tuple(b.score, b.left, b.right, a.ids.merged, a.ids.left) <
           std::tuple(a.score, a.left, a.right, b.ids.merged, b.ids.left);
  });
  for (const Merge &merge : merges)
    tokenizer.model.merges.push_back(merge.ids);
  return Error::success();
}

Error SentencePieceReader::addModel(
    llvm::ArrayRef<SentencePieceEntry> entries) {
  Tokenizer::Model &made = tokenizer.model;
  double lowest = 0;
  for (const auto &[id, entry] : llvm::enumerate(entries)) {
    made.scores.push_back(entry.score);
    lowest = std::min(lowest, entry.score);
    if (entry.type == Type::Unknown && !made.unknown)
      made.unknown = id;
  }
  // What the unknown costs more than the unlikeliest piece.
  made.unknownScore = lowest - 10;
  if (model.byteFallback) {
    made.flags |= ASHLAR_MODEL_FALLBACK;
    for (unsigned byte = 0; byte < 256; ++byte) {
      auto found = ids.find(llvm::formatv("<0x{0:X-2}>", byte).str());
      made.byteTokens[byte] =
          found == ids.end() ? ASHLAR_TEXT_NONE : found->second;
    }
  }
  if (model.algorithm == SentencePieceModel::Algorithm::Unigram) {
    made.kind = ASHLAR_MODEL_UNIGRAM;
    made.scores.resize(tokenizer.tokens.size());
    return Error::success();
  }
  made.kind = ASHLAR_MODEL_MERGES;
  made.flags |= ASHLAR_MODEL_FUSE_UNKNOWN;
  made.scores.clear();
  return addMerges(entries);
}

//===----------------------------------------------------------------------===//
// Tokens around a text
//===----------------------------------------------------------------------===//

Error SentencePieceReader::addItem(const SentencePieceFamily::Special &special,
                                   StringRef setting, bool absent) {
  if (!special.name)
    return Error::success();
  if (family.isOptional) {
    Expected<std::optional<bool>> on = config.flag(setting);
    if (!on)
      return on.takeError();
    if (!on->value_or(absent))
      return Error::success();
  }
  Expected<std::optional<std::string>> name = config.text(special.key);
  if (!name)
    return name.takeError();
  std::string text = name->value_or(special.name);
  auto found = ids.find(text);
  if (found == ids.end())
    return userError(model.file, llvm::Twine("\"") + special.key + "\" is \"" +
                                     escapeForDisplay(text) +
                                     "\", which the vocabulary lacks");
  tokenizer.items.push_back({found->second, 0});
  return Error::success();
}

Error SentencePieceReader::addTemplate() {
  Expected<std::optional<std::string>> language =
      sourceLanguage(family, config);
  if (!language)
    return language.takeError();
  std::optional<int32_t> languageId;
  if (*language) {
    auto found = ids.find(**language);
    if (found == ids.end())
      return userError(config.document->file,
                       "\"src_lang\" is \"" + escapeForDisplay(**language) +
                           "\", which the vocabulary lacks");
    languageId = found->second;
  }
  bool isFirst =
      family.kind == StringRef("MBart50") || family.kind == StringRef("M2M100");
  if (languageId && isFirst)
    tokenizer.items.push_back({*languageId, 0});
  if (Error error = addItem(family.before, "add_bos_token", true))
    return error;
  tokenizer.items.push_back({});
  if (Error error = addItem(family.after, "add_eos_token", false))
    return error;
  if (languageId && !isFirst)
    tokenizer.items.push_back({*languageId, 0});
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

Error SentencePieceReader::read(llvm::ArrayRef<SentencePieceEntry> entries) {
  if (Error error = readBlanks())
    return error;
  if (Error error = addTokens(entries))
    return error;
  if (Error error = addSpecialTokens())
    return error;
  if (Error error = addConfiguredTokens())
    return error;
  if (Error error = addModel(entries))
    return error;
  if (Error error = addSteps())
    return error;
  return addTemplate();
}

Expected<Tokenizer>
ashlar::readSentencePiece(const TokenizerFiles &files, int64_t vocabulary,
                          std::vector<std::string> &warnings) {
  TokenizerConfig config(files.config ? &*files.config : nullptr);
  Expected<const SentencePieceFamily *> family =
      findSentencePieceFamily(files, config);
  if (!family)
    return family.takeError();
  const std::string &file = files.pieces->file;
  if (!*family) {
    Expected<std::string> kind = config.kind();
    if (!kind)
      return kind.takeError();
    return unsupportedText(
        file, "no tokenizer.json, and what the ids of the pieces are is not "
              "known for " +
                  (kind->empty()
                       ? "\"model_type\" \"" + escapeForDisplay(files.modelType)
                       : "\"tokenizer_class\" \"" + escapeForDisplay(*kind)) +
                  "\"; known: " + sentencePieceFamilies());
  }
  Expected<SentencePieceModel> model =
      parseSentencePieceModel(files.pieces->bytes, file);
  if (!model)
    return model.takeError();
  Expected<std::vector<SentencePieceEntry>> entries =
      layOutPieces(*model, **family, files, config, warnings);
  if (!entries)
    return entries.takeError();
  SentencePieceReader reader(*model, **family, config, vocabulary);
  if (Error error = reader.read(*entries))
    return std::move(error);
  return std::move(reader.tokenizer);
}
