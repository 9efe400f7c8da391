//===- TextTables.cpp - Tokenizer and settings -> blob --------------------===//

#include "compiler/Text/TextTables.h"
#include "compiler/Text/Blob.h"
#include "compiler/Text/TableBuilder.h"

#include "compiler/Support/Utf8.h"

#include "llvm/Support/MathExtras.h"

#include <map>

using namespace ashlar;

static llvm::Error tooLarge() {
  return userError("", "the tokenizer's tables are larger than 2 GiB");
}

//===----------------------------------------------------------------------===//
// Generation and labels
//===----------------------------------------------------------------------===//

static llvm::Expected<int32_t> toToken(std::optional<int64_t> value,
                                       const char *name) {
  if (!value)
    return ASHLAR_TEXT_NONE;
  if (*value < 0 || *value > INT32_MAX)
    return userError("", llvm::Twine("\"") + name + "\" is " +
                             llvm::Twine(*value) + ", which is no token id");
  return static_cast<int32_t>(*value);
}

/// Lengths beyond what a context can hold are as good as its largest value.
static int32_t toLength(std::optional<int64_t> value) {
  if (!value)
    return ASHLAR_TEXT_NONE;
  return static_cast<int32_t>(std::clamp<int64_t>(*value, 0, INT32_MAX));
}

static llvm::Error addGeneration(const Generation &generation, Blob &blob,
                                 ashlar_text_header &header) {
  std::vector<int32_t> endTokens;
  for (int64_t token : generation.endTokens) {
    llvm::Expected<int32_t> id = toToken(token, "eos_token_id");
    if (!id)
      return id.takeError();
    endTokens.push_back(*id);
  }
  header.end_tokens = blob.add(endTokens);
  struct {
    std::optional<int64_t> value;
    const char *name;
    int32_t *field;
  } tokens[] = {
      {generation.decoderStartToken, "decoder_start_token_id",
       &header.decoder_start},
      {generation.forcedFirstToken, "forced_bos_token_id",
       &header.forced_first},
      {generation.forcedLastToken, "forced_eos_token_id", &header.forced_last}};
  for (auto &token : tokens) {
    llvm::Expected<int32_t> id = toToken(token.value, token.name);
    if (!id)
      return id.takeError();
    *token.field = *id;
  }
  header.max_length = toLength(generation.maxLength);
  header.max_new_tokens = toLength(generation.maxNewTokens);
  return llvm::Error::success();
}

static void addLabels(llvm::ArrayRef<std::string> labels, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_string> strings;
  for (const std::string &label : labels)
    strings.push_back(blob.addString(label));
  header.labels = blob.add(strings);
}

//===----------------------------------------------------------------------===//
// Vocabulary
//===----------------------------------------------------------------------===//

/// Open addressing with at least half of the entries free.
static void addHash(const Tokenizer &tokenizer, Blob &blob,
                    ashlar_text_header &header) {
  size_t count = llvm::count_if(
      tokenizer.tokens, [](const auto &token) { return token.vocabulary; });
  uint32_t capacity = llvm::PowerOf2Ceil(std::max<size_t>(2 * count, 2));
  std::vector<uint32_t> table(capacity);
  header.max_probe = 1;
  for (uint32_t id = 0; id < tokenizer.tokens.size(); ++id) {
    const Tokenizer::Token &token = tokenizer.tokens[id];
    if (!token.vocabulary)
      continue;
    uint32_t slot = ashlar_text_hash(token.text.data(), token.text.size());
    uint32_t probe = 1;
    for (slot &= capacity - 1; table[slot]; ++probe)
      slot = (slot + 1) & (capacity - 1);
    table[slot] = id + 1;
    header.max_probe = std::max(header.max_probe, probe);
  }
  header.hash = blob.add(table);
}

static void addTokens(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_token> tokens;
  for (const Tokenizer::Token &token : tokenizer.tokens) {
    uint32_t flags = (token.present ? ASHLAR_TOKEN_PRESENT : 0) |
                     (token.special ? ASHLAR_TOKEN_SPECIAL : 0) |
                     (token.vocabulary ? ASHLAR_TOKEN_VOCABULARY : 0);
    tokens.push_back({blob.addString(token.text), flags});
  }
  header.tokens = blob.add(tokens);
  addHash(tokenizer, blob, header);
}

//===----------------------------------------------------------------------===//
// Added tokens
//===----------------------------------------------------------------------===//

namespace {

/// Tries of byte strings, written parents first.
class TrieBuilder {
public:
  uint32_t addRoot() {
    nodes.emplace_back();
    return nodes.size() - 1;
  }

  void insert(uint32_t root, llvm::StringRef text, int32_t value) {
    uint32_t node = root;
    for (unsigned char byte : text.bytes()) {
      auto [it, isNew] = nodes[node].children.try_emplace(byte, nodes.size());
      node = it->second;
      if (isNew)
        nodes.emplace_back();
    }
    nodes[node].value = value;
  }

  void write(Blob &blob, ashlar_text_header &header) const {
    std::vector<ashlar_text_node> written;
    std::vector<ashlar_text_edge> edges;
    for (const Node &node : nodes) {
      written.push_back({static_cast<uint32_t>(edges.size()),
                         static_cast<uint32_t>(node.children.size()),
                         node.value});
      for (auto [byte, child] : node.children)
        edges.push_back({byte, child});
    }
    header.nodes = blob.add(written);
    header.edges = blob.add(edges);
  }

private:
  struct Node {
    std::map<unsigned char, uint32_t> children;
    int32_t value = ASHLAR_TEXT_NONE;
  };
  std::vector<Node> nodes;
};

} // namespace

static std::string normalize(const Tokenizer &tokenizer, llvm::StringRef text) {
  if (!tokenizer.lowerCase)
    return text.str();
  std::string result;
  while (!text.empty()) {
    CodePoint next = decodeUtf8(text);
    text = text.drop_front(next.length);
    result += lowerCase(next.value);
  }
  return result;
}

static void addAddedTokens(const Tokenizer &tokenizer, Blob &blob,
                           ashlar_text_header &header) {
  TrieBuilder tries;
  header.raw_root = tries.addRoot();
  header.normalized_root = tries.addRoot();
  std::vector<ashlar_text_added> added;
  bool looksAround = false;
  for (const Tokenizer::AddedToken &token : tokenizer.addedTokens) {
    uint32_t flags = (token.special ? ASHLAR_ADDED_SPECIAL : 0) |
                     (token.leftStrip ? ASHLAR_ADDED_LSTRIP : 0) |
                     (token.rightStrip ? ASHLAR_ADDED_RSTRIP : 0) |
                     (token.singleWord ? ASHLAR_ADDED_SINGLE_WORD : 0);
    looksAround |= token.leftStrip || token.rightStrip || token.singleWord;
    if (token.normalized)
      tries.insert(header.normalized_root, normalize(tokenizer, token.text),
                   added.size());
    else
      tries.insert(header.raw_root, token.text, added.size());
    added.push_back({token.id, flags});
  }
  header.added = blob.add(added);
  tries.write(blob, header);
  if (!looksAround)
    return;
  CodePointSet space = whiteSpace(), word = wordCharacters();
  auto table = buildCodePointTable<uint8_t>(
      [&](uint32_t codePoint) -> CodePointRun<uint8_t> {
        int classes = (space.contains(codePoint) ? ASHLAR_CLASS_SPACE : 0) |
                      (word.contains(codePoint) ? ASHLAR_CLASS_WORD : 0);
        return {static_cast<uint8_t>(classes), codePoint};
      });
  header.class_pages = blob.add(table.pages);
  header.class_entries = blob.add(table.entries);
}

//===----------------------------------------------------------------------===//
// Normalizer, splits, template
//===----------------------------------------------------------------------===//

static bool isSurrogate(uint32_t codePoint) {
  return codePoint >= 0xD800 && codePoint <= 0xDFFF;
}

static void addNormalizer(const Tokenizer &tokenizer, Blob &blob,
                          ashlar_text_header &header) {
  header.map_growth = 1;
  if (!tokenizer.lowerCase)
    return;
  std::vector<ashlar_text_string> strings;
  auto entryOf = [&](uint32_t codePoint) -> int32_t {
    if (isSurrogate(codePoint))
      return 0;
    std::string source;
    appendUtf8(source, codePoint);
    std::string lowered = lowerCase(codePoint);
    header.map_growth = std::max<uint32_t>(
        header.map_growth, llvm::divideCeil(lowered.size(), source.size()));
    CodePoint first = decodeUtf8(lowered);
    if (first.length == lowered.size())
      return static_cast<int32_t>(first.value - codePoint);
    strings.push_back(blob.addString(lowered));
    return ASHLAR_TEXT_REPLACED | (strings.size() - 1);
  };
  auto table = buildCodePointTable<int32_t>(
      [&](uint32_t codePoint) -> CodePointRun<int32_t> {
        return {entryOf(codePoint), codePoint};
      });
  header.map_pages = blob.add(table.pages);
  header.map_entries = blob.add(table.entries);
  header.map_strings = blob.add(strings);
}

static void addSplits(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_split> splits;
  for (const Tokenizer::Split &split : tokenizer.splits) {
    ashlar_text_split written = {};
    written.behavior =
        split.removed ? ASHLAR_SPLIT_REMOVED : ASHLAR_SPLIT_ISOLATED;
    written.invert = split.invert;
    written.classes = split.pattern.classCount;
    written.states = split.pattern.stateCount();
    written.start = split.pattern.start;
    written.pages = blob.add(split.pattern.classes.pages);
    written.entries = blob.add(split.pattern.classes.entries);
    written.transitions = blob.add(split.pattern.transitions);
    written.accepting = blob.add(split.pattern.accepting);
    splits.push_back(written);
  }
  header.splits = blob.add(splits);
}

static void addTemplate(const Tokenizer &tokenizer, Blob &blob,
                        ashlar_text_header &header) {
  std::vector<ashlar_text_item> items;
  for (const Tokenizer::TemplateItem &item : tokenizer.items)
    items.push_back({item.id.value_or(ASHLAR_TEXT_NONE), item.type});
  header.items = blob.add(items);
}

static llvm::Expected<TextTables> build(const Tokenizer *tokenizer,
                                        const TextOptions &options) {
  Blob blob;
  ashlar_text_header header = {};
  if (llvm::Error error = addGeneration(options.generation, blob, header))
    return error;
  addLabels(options.labels, blob, header);
  header.unknown = ASHLAR_TEXT_NONE;
  if (tokenizer) {
    header.has_tokenizer = 1;
    header.decoder =
        tokenizer->fuse ? ASHLAR_DECODER_FUSE : ASHLAR_DECODER_SPACES;
    header.unknown = tokenizer->unknown.value_or(ASHLAR_TEXT_NONE);
    addTokens(*tokenizer, blob, header);
    addAddedTokens(*tokenizer, blob, header);
    addNormalizer(*tokenizer, blob, header);
    addSplits(*tokenizer, blob, header);
    addTemplate(*tokenizer, blob, header);
  }
  if (blob.tooLarge())
    return tooLarge();
  TextTables tables;
  tables.blob = std::move(blob).finish(header);
  return tables;
}

llvm::Expected<TextTables> ashlar::buildTextTables(const JsonDocument &document,
                                                   const TextOptions &options) {
  std::vector<std::string> warnings;
  llvm::Expected<Tokenizer> tokenizer =
      readTokenizer(document, options.vocabulary, warnings);
  if (!tokenizer)
    return tokenizer.takeError();
  llvm::Expected<TextTables> tables = build(&*tokenizer, options);
  if (tables)
    tables->warnings = std::move(warnings);
  return tables;
}

llvm::Expected<TextTables> ashlar::buildTextTables(const TextOptions &options) {
  return build(nullptr, options);
}
