//===- SentencePieceFamilies.cpp - Ids of pieces, family by family --------===//

#include "compiler/Text/PartReader.h"
#include "compiler/Text/sentencepiece/SentencePiece.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using Entries = std::vector<SentencePieceEntry>;
using Type = SentencePieceModel::Type;

static constexpr SentencePieceFamily families[] = {
    {"Albert", "albert", {"cls_token", "[CLS]"}, {"sep_token", "[SEP]"}},
    {"BigBird", "big_bird", {"cls_token", "[CLS]"}, {"sep_token", "[SEP]"}},
    {"Camembert", "camembert", {"cls_token", "<s>"}, {"sep_token", "</s>"}},
    {"CodeLlama", "", {"bos_token", "<s>"}, {"eos_token", "</s>"}, true, true},
    {"Gemma",
     "gemma gemma2",
     {"bos_token", "<bos>"},
     {"eos_token", "<eos>"},
     true},
    {"Llama",
     "llama mistral mixtral phi3",
     {"bos_token", "<s>"},
     {"eos_token", "</s>"},
     true,
     true},
    {"M2M100", "m2m_100", {}, {"eos_token", "</s>"}},
    {"MBart", "mbart", {}, {"eos_token", "</s>"}},
    {"MBart50", "", {}, {"eos_token", "</s>"}},
    {"Marian", "marian", {}, {"eos_token", "</s>"}},
    {"Pegasus", "pegasus bigbird_pegasus", {}, {"eos_token", "</s>"}},
    {"T5", "t5 mt5 umt5", {}, {"eos_token", "</s>"}, false, true},
    {"XLMRoberta",
     "xlm-roberta xlm-roberta-xl",
     {"cls_token", "<s>"},
     {"sep_token", "</s>"}},
};

static constexpr const char *mbartLanguages =
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX "
    "kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN "
    "zh_CN";
static constexpr const char *mbart50Languages =
    " af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN "
    "mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK "
    "xh_ZA gl_ES sl_SI";
static constexpr const char *m2m100Languages =
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi "
    "fr fy ga gd gl gu ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn "
    "ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt "
    "ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh "
    "yi yo zh zu";

Expected<const SentencePieceFamily *>
ashlar::findSentencePieceFamily(const TokenizerFiles &files,
                                const TokenizerConfig &config) {
  Expected<std::string> kind = config.kind();
  if (!kind)
    return kind.takeError();
  for (const SentencePieceFamily &family : families)
    if (*kind == family.kind ||
        (*kind == "MT5" && family.kind == StringRef("T5")))
      return &family;
  // A class of its own decides; a general one says nothing.
  if (!kind->empty() && *kind != "PreTrained")
    return nullptr;
  llvm::SmallVector<StringRef> types;
  for (const SentencePieceFamily &family : families) {
    types.clear();
    StringRef(family.modelTypes).split(types, ' ');
    if (!files.modelType.empty() && llvm::is_contained(types, files.modelType))
      return &family;
  }
  return nullptr;
}

std::string ashlar::sentencePieceFamilies() {
  std::string names;
  for (const SentencePieceFamily &family : families)
    names += (names.empty() ? "" : ", ") + std::string(family.kind);
  return names;
}

Expected<std::optional<std::string>>
ashlar::sourceLanguage(const SentencePieceFamily &family,
                       const TokenizerConfig &config) {
  bool isM2M100 = family.kind == StringRef("M2M100");
  if (!isM2M100 && !StringRef(family.kind).starts_with("MBart"))
    return std::nullopt;
  Expected<std::optional<std::string>> language = config.text("src_lang");
  if (!language)
    return language.takeError();
  return isM2M100 ? "__" + language->value_or("en") + "__"
                  : language->value_or("en_XX");
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

static void addPieces(const SentencePieceModel &model, size_t skipped,
                      Entries &entries) {
  for (const SentencePieceModel::Piece &piece :
       llvm::ArrayRef(model.pieces)
           .drop_front(std::min(skipped, model.pieces.size())))
    entries.push_back({piece.text, piece.score, piece.type});
}

static void addNames(StringRef names, Entries &entries) {
  llvm::SmallVector<StringRef> list;
  names.split(list, ' ', -1, /*KeepEmpty=*/false);
  for (StringRef name : list)
    entries.push_back({name.str()});
}

/// fairseq's order: other special tokens first, the mask last.
static Entries layOutFairseq(const SentencePieceModel &model,
                             StringRef languages) {
  Entries entries = {{"<s>"}, {"<pad>"}, {"</s>"}, {"<unk>", 0, Type::Unknown}};
  addPieces(model, /*skipped=*/3, entries);
  addNames(languages, entries);
  entries.push_back({"<mask>", 0, Type::Control, /*leftStrip=*/true});
  return entries;
}

static Entries layOutCamembert(const SentencePieceModel &model) {
  Entries entries = {{"<s>NOTUSED"},
                     {"<pad>"},
                     {"</s>NOTUSED"},
                     {"<unk>", 0, Type::Unknown},
                     {"<unk>NOTUSED", -100}};
  addPieces(model, /*skipped=*/1, entries);
  entries.push_back({"<mask>", 0, Type::Control, /*leftStrip=*/true});
  return entries;
}

/// A digit with a comma behind it is two tokens, if it can be.
static Entries layOutAlbert(const SentencePieceModel &model) {
  Entries entries;
  addPieces(model, 0, entries);
  for (SentencePieceEntry &entry : entries) {
    StringRef text = entry.text;
    if (entry.text == "[MASK]")
      entry.leftStrip = true;
    if (text.size() >= 2 && text.back() == ',' &&
        llvm::isDigit(text[text.size() - 2]))
      entry.score -= 100;
  }
  return entries;
}

static Expected<Entries> layOutT5(const SentencePieceModel &model,
                                  const TokenizerConfig &config) {
  Expected<std::optional<int64_t>> extra = config.number("extra_ids", 65536);
  if (!extra)
    return extra.takeError();
  Entries entries;
  addPieces(model, 0, entries);
  llvm::StringSet<> known;
  for (const SentencePieceEntry &entry : entries)
    known.insert(entry.text);
  for (int64_t i = extra->value_or(100) - 1; i >= 0; --i)
    if (std::string name = "<extra_id_" + std::to_string(i) + ">";
        !known.contains(name))
      entries.push_back({std::move(name)});
  return entries;
}

static Expected<Entries> layOutPegasus(const SentencePieceModel &model,
                                       const TokenizerConfig &config) {
  Expected<std::optional<int64_t>> offset = config.number("offset", 65536);
  if (!offset)
    return offset.takeError();
  Entries entries;
  if (offset->value_or(103) == 0) {
    addPieces(model, 0, entries);
    return entries;
  }
  addNames("<pad> </s> <mask_1> <mask_2>", entries);
  for (int64_t i = 2; i < offset->value_or(103); ++i)
    entries.push_back({"<unk_" + std::to_string(i) + ">"});
  addPieces(model, /*skipped=*/2, entries);
  return entries;
}

/// vocab.json has the ids; what has no piece is never made of a text.
static Expected<Entries>
layOutByVocabulary(const SentencePieceModel &model, const TokenizerFiles &files,
                   std::vector<std::string> &warnings) {
  llvm::StringMap<const SentencePieceModel::Piece *> pieces;
  for (const SentencePieceModel::Piece &piece : model.pieces)
    pieces[piece.text] = &piece;
  const JsonDocument &vocabulary = *files.vocabulary;
  if (!vocabulary.root.isObject())
    return userError(vocabulary.where(vocabulary.root),
                     "the vocabulary must be an object");
  const auto &members = vocabulary.root.members;
  int64_t limit = 2 * int64_t(members.size()) + 1024;
  Entries entries;
  size_t found = 0;
  for (const JsonValue::Member &member : members) {
    Expected<int64_t> id = vocabulary.asInteger(
        member.value, "token id", 0, std::min(limit, maximumTokenId));
    if (!id)
      return id.takeError();
    if (size_t(*id) >= entries.size())
      entries.resize(*id + 1);
    if (!entries[*id].text.empty() || member.key.empty())
      return userError(vocabulary.where(member.value),
                       member.key.empty()
                           ? llvm::Twine("a token without text")
                           : "two tokens have the id " + llvm::Twine(*id));
    SentencePieceEntry entry{member.key, 0, Type::Unused};
    if (auto at = pieces.find(member.key); at != pieces.end()) {
      entry.score = at->second->score;
      entry.type = at->second->type;
      ++found;
    } else if (member.key == "<unk>") {
      entry.type = Type::Unknown;
    } else if (member.key == "<pad>" || member.key == "</s>") {
      entry.type = Type::Control;
    } else if (StringRef(member.key).starts_with(">>") &&
               StringRef(member.key).ends_with("<<")) {
      entry.type = Type::UserDefined; // the language to translate into
    }
    entries[*id] = std::move(entry);
  }
  size_t controls = llvm::count_if(model.pieces, [](const auto &piece) {
    return piece.type == Type::Control || piece.type == Type::Unknown;
  });
  if (found + controls < model.pieces.size())
    warnings.push_back(vocabulary.file + " lacks pieces of " + model.file +
                       ", which are left aside");
  return entries;
}

static Expected<Entries> layOutMarian(const SentencePieceModel &model,
                                      const TokenizerFiles &files,
                                      const TokenizerConfig &config,
                                      std::vector<std::string> &warnings) {
  Expected<std::optional<bool>> separate = config.flag("separate_vocabs");
  if (!separate)
    return separate.takeError();
  if (separate->value_or(false))
    return userError(config.document->file,
                     "\"separate_vocabs\" is set; one vocabulary for both "
                     "languages is supported");
  return layOutByVocabulary(model, files, warnings);
}

/// The languages stand behind the vocabulary.
static Expected<Entries> layOutM2M100(const SentencePieceModel &model,
                                      const TokenizerFiles &files,
                                      std::vector<std::string> &warnings) {
  if (!files.vocabulary)
    return unsupportedText(files.pieces->file,
                           "no vocab.json beside it, which has the ids of its "
                           "pieces");
  Expected<Entries> entries = layOutByVocabulary(model, files, warnings);
  if (!entries)
    return entries;
  llvm::SmallVector<StringRef> languages;
  StringRef(m2m100Languages).split(languages, ' ');
  for (StringRef language : languages)
    entries->push_back({("__" + language + "__").str()});
  return entries;
}

Expected<Entries> ashlar::layOutPieces(const SentencePieceModel &model,
                                       const SentencePieceFamily &family,
                                       const TokenizerFiles &files,
                                       const TokenizerConfig &config,
                                       std::vector<std::string> &warnings) {
  StringRef kind = family.kind;
  if (kind == "Marian" && files.vocabulary)
    return layOutMarian(model, files, config, warnings);
  if (kind == "M2M100")
    return layOutM2M100(model, files, warnings);
  if (kind == "T5")
    return layOutT5(model, config);
  if (kind == "Pegasus")
    return layOutPegasus(model, config);
  if (kind == "Albert")
    return layOutAlbert(model);
  if (kind == "Camembert")
    return layOutCamembert(model);
  if (kind == "XLMRoberta")
    return layOutFairseq(model, "");
  if (kind == "MBart")
    return layOutFairseq(model, mbartLanguages);
  if (kind == "MBart50")
    return layOutFairseq(model, std::string(mbartLanguages) + mbart50Languages);
  Entries entries;
  addPieces(model, 0, entries);
  return entries;
}
