//===- ModelTables.cpp - Vocabulary, model and decoder -> blob ------------===//

#include "compiler/Text/ModelTables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace ashlar;

//===----------------------------------------------------------------------===//
// Tries
//===----------------------------------------------------------------------===//

void TrieBuilder::insert(uint32_t root, llvm::StringRef text, int32_t value) {
  uint32_t node = root;
  for (unsigned char byte : text.bytes()) {
    auto [it, isNew] = nodes[node].children.try_emplace(byte, nodes.size());
    node = it->second;
    if (isNew)
      nodes.emplace_back();
  }
  nodes[node].value = value;
}

ashlar_text_trie TrieBuilder::write(Blob &blob) const {
  std::vector<uint32_t> order, first;
  std::vector<uint8_t> labels;
  std::vector<int32_t> values;
  for (uint32_t root = 0; root < roots; ++root) {
    order.push_back(root);
    labels.push_back(0);
  }
  for (size_t i = 0; i < order.size(); ++i) {
    const Node &node = nodes[order[i]];
    first.push_back(order.size());
    values.push_back(node.value);
    for (auto [byte, child] : node.children) {
      order.push_back(child);
      labels.push_back(byte);
    }
  }
  first.push_back(order.size());
  return {blob.add(first), blob.add(labels), blob.add(values)};
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

static llvm::StringRef lookedUp(const Tokenizer::Token &token) {
  return token.bytes ? llvm::StringRef(*token.bytes)
                     : llvm::StringRef(token.text);
}

/// Open addressing with at least half of the entries free: numbers from 1 by
/// the hashes of what they stand for. Returns how far a look-up must go.
template <typename Hash>
static uint32_t fillHash(llvm::ArrayRef<uint32_t> numbers, Hash hash,
                         std::vector<uint32_t> &table) {
  table.assign(llvm::PowerOf2Ceil(std::max<size_t>(2 * numbers.size(), 2)), 0);
  uint32_t mask = table.size() - 1, longest = 1;
  for (uint32_t number : numbers) {
    uint32_t slot = hash(number) & mask, probe = 1;
    for (; table[slot]; ++probe)
      slot = (slot + 1) & mask;
    table[slot] = number + 1;
    longest = std::max(longest, probe);
  }
  return longest;
}

static void addTokens(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_token> tokens;
  std::vector<uint32_t> found;
  for (const Tokenizer::Token &token : tokenizer.tokens) {
    if (token.vocabulary)
      found.push_back(tokens.size());
    uint32_t flags = (token.present ? ASHLAR_TOKEN_PRESENT : 0) |
                     (token.special ? ASHLAR_TOKEN_SPECIAL : 0) |
                     (token.vocabulary ? ASHLAR_TOKEN_VOCABULARY : 0) |
                     (token.byte ? ASHLAR_TOKEN_BYTE : 0);
    tokens.push_back({blob.addString(lookedUp(token)), flags});
  }
  header.tokens = blob.add(tokens);
  std::vector<uint32_t> table;
  header.max_probe = fillHash(
      found,
      [&](uint32_t id) {
        llvm::StringRef text = lookedUp(tokenizer.tokens[id]);
        return ashlar_text_hash(text.data(), text.size());
      },
      table);
  header.hash = blob.add(table);
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

static void addMerges(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_merge> merges;
  std::map<std::pair<int32_t, int32_t>, uint32_t> ranks;
  for (const ashlar_text_merge &merge : tokenizer.model.merges) {
    // The name of a special token in a text is no more than text.
    if (tokenizer.tokens[merge.merged].special)
      continue;
    ranks[{merge.left, merge.right}] = merges.size(); // the last one counts
    merges.push_back(merge);
  }
  std::vector<uint32_t> numbers, table;
  for (auto [pair, rank] : ranks)
    numbers.push_back(rank);
  header.max_merge_probe = fillHash(
      numbers,
      [&](uint32_t rank) {
        return ashlar_text_pair_hash(merges[rank].left, merges[rank].right);
      },
      table);
  header.merges = blob.add(merges);
  header.merge_hash = blob.add(table);
  header.prefix = blob.addString(tokenizer.model.prefix);
  header.suffix = blob.addString(tokenizer.model.suffix);
}

/// A word's first token may be any; the others bear the prefix.
static void addWords(const Tokenizer &tokenizer, Blob &blob,
                     ashlar_text_header &header) {
  const std::string &prefix = tokenizer.model.prefix;
  TrieBuilder tries(/*roots=*/2);
  for (uint32_t id = 0; id < tokenizer.tokens.size(); ++id) {
    const Tokenizer::Token &token = tokenizer.tokens[id];
    llvm::StringRef text = lookedUp(token);
    if (!token.vocabulary)
      continue;
    tries.insert(0, text, id);
    if (text.consume_front(prefix))
      tries.insert(1, text, id);
  }
  header.vocabulary = tries.write(blob);
  header.max_word = tokenizer.model.maxWord;
}

static void addScores(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  TrieBuilder tries(/*roots=*/1);
  for (uint32_t id = 0; id < tokenizer.tokens.size(); ++id)
    if (tokenizer.tokens[id].vocabulary)
      tries.insert(0, lookedUp(tokenizer.tokens[id]), id);
  header.vocabulary = tries.write(blob);
  std::vector<double> scores = tokenizer.model.scores;
  scores.resize(tokenizer.tokens.size());
  header.scores = blob.add(scores);
  header.unknown_score = tokenizer.model.unknownScore;
}

void ashlar::addModel(const Tokenizer &tokenizer, Blob &blob,
                      ashlar_text_header &header) {
  const Tokenizer::Model &model = tokenizer.model;
  addTokens(tokenizer, blob, header);
  header.model = model.kind;
  header.model_flags = model.flags;
  header.unknown = model.unknown.value_or(ASHLAR_TEXT_NONE);
  if (model.flags & ASHLAR_MODEL_FALLBACK)
    header.byte_tokens = blob.add(llvm::ArrayRef<int32_t>(model.byteTokens));
  if (model.kind == ASHLAR_MODEL_MERGES)
    addMerges(tokenizer, blob, header);
  if (model.kind == ASHLAR_MODEL_WORDPIECE)
    addWords(tokenizer, blob, header);
  if (model.kind == ASHLAR_MODEL_UNIGRAM)
    addScores(tokenizer, blob, header);
}

void ashlar::addDecoder(const Tokenizer &tokenizer, Blob &blob,
                        ashlar_text_header &header) {
  std::vector<ashlar_text_string> decoded, firsts, lasts;
  bool hasLasts = tokenizer.decoderFlags & ASHLAR_DECODER_LAST;
  for (const Tokenizer::Token &token : tokenizer.tokens) {
    decoded.push_back(blob.addString(token.decoded));
    ashlar_text_string last = decoded.back();
    // Often it is the end of the other.
    if (llvm::StringRef(token.decoded).ends_with(token.first)) {
      uint32_t bytes = token.first.size();
      firsts.push_back({last.offset + last.bytes - bytes, bytes});
    } else {
      firsts.push_back(blob.addString(token.first));
    }
    if (hasLasts)
      lasts.push_back(blob.addString(token.last));
  }
  header.decoded = blob.add(decoded);
  header.firsts = blob.add(firsts);
  header.lasts = blob.add(lasts);
  header.decoder_flags = tokenizer.decoderFlags;
  header.strip_count = tokenizer.stripCount;
  header.strip_character = tokenizer.stripCharacter;
}
