//===- Validate.cpp - Whether a description makes sense -------------------===//

#include "compiler/Spec/Validate.h"

#include "compiler/Spec/Checker.h"
#include "compiler/Spec/Limits.h"

#include "llvm/ADT/StringSet.h"

#include <cmath>

using namespace ashlar;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// One function per structure of ModelSpec.h; `at` is the structure's path.
class Validator {
public:
  Validator(const ModelSpec &spec, FieldLocator locate)
      : spec(spec), check(locate) {}
  llvm::Error run();

private:
  void checkMatrix(const std::string &at, const Weight &weight, int64_t out,
                   int64_t in);
  void checkVector(const std::string &at, const Weight &weight, int64_t size);
  void checkRows(const std::string &at, const Weight &weight, int64_t stored,
                 int64_t expected);
  bool checkTensor(const std::string &at, const Weight &weight);
  void checkLinear(const std::string &at, const Linear &linear, int64_t in,
                   const char *whoseIn, int64_t out, const char *whoseOut);
  void checkNorm(const std::string &at, const Norm &norm, int64_t features);
  void checkRotary(const std::string &at, const Rotary &rotary,
                   int64_t headDim);
  void checkAttention(const std::string &at, const Attention &attention,
                      int64_t hidden, int64_t sourceHidden);
  void checkFeedForward(const std::string &at, const FeedForward &feedForward,
                        int64_t hidden);
  void checkBlock(const std::string &at, const Block &block,
                  const Stack &stack);
  void checkBlocks(const std::string &at, const Stack &stack);
  void checkPositions(const std::string &at, const Positions &positions,
                      const Stack &stack);
  void checkEmbedding(const std::string &at, const Stack &stack);
  void checkStack(const std::string &at, const Stack &stack);
  void checkStacks();
  void checkHead(const std::string &at, const Head &head);
  void checkGeneration();
  void checkNames();

  const ModelSpec &spec;
  Checker check;
  /// Layers in the group at hand; 0 outside of blocks.
  int64_t layersOfGroup = 0;
};

} // namespace

static std::string indexed(const char *list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

bool Validator::checkTensor(const std::string &at, const Weight &weight) {
  StringRef name = weight.tensor;
  check.text(at + ".tensor", name);
  check.expect(!name.contains('\0'), at + ".tensor",
               "\"" + escapeForDisplay(name) + "\"", "a name without NUL");
  check.expect(layersOfGroup > 0 || !name.contains("{layer}"), at + ".tensor",
               "\"" + escapeForDisplay(name) + "\"",
               "{layer} in the tensors of blocks only");
  for (int64_t size : weight.stored)
    check.expect(size >= 1 && size <= maxCount, at + ".stored",
                 formatShape(weight.stored),
                 "sizes from 1 to " + Twine(maxCount));
  return !check.failed();
}

/// `stored` rows of which the weight takes all or [begin, begin + count).
void Validator::checkRows(const std::string &at, const Weight &weight,
                          int64_t stored, int64_t expected) {
  check.range(at + ".begin", weight.begin, 0, stored - 1);
  check.range(at + ".count", weight.count, 0, stored);
  if (check.failed())
    return;
  check.expect(weight.count > 0 || weight.begin == 0, at + ".begin",
               Twine(weight.begin), "0, as \"count\" is 0");
  check.expect(weight.count <= stored - weight.begin, at + ".count",
               Twine(weight.count),
               "at most the " + Twine(stored - weight.begin) +
                   " rows from \"begin\" on");
  int64_t rows = weight.count > 0 ? weight.count : stored;
  check.expect(rows == expected, at + ".stored", formatShape(weight.stored),
               "a shape with " + Twine(expected) + " rows in use, not " +
                   Twine(rows));
}

void Validator::checkMatrix(const std::string &at, const Weight &weight,
                            int64_t out, int64_t in) {
  if (!checkTensor(at, weight))
    return;
  const std::vector<int64_t> &stored = weight.stored;
  if (!check.expect(stored.size() == 2, at + ".stored", formatShape(stored),
                    "two sizes"))
    return;
  check.expect(stored[weight.transposed ? 0 : 1] == in, at + ".stored",
               formatShape(stored),
               Twine(in) + (weight.transposed ? " rows" : " columns"));
  checkRows(at, weight, stored[weight.transposed ? 1 : 0], out);
}

/// A vector may be stored with a leading 1.
void Validator::checkVector(const std::string &at, const Weight &weight,
                            int64_t size) {
  if (!checkTensor(at, weight))
    return;
  const std::vector<int64_t> &stored = weight.stored;
  check.expect(!weight.transposed, at + ".transposed", "true",
               "false for a vector");
  if (check.expect(stored.size() == 1 || (stored.size() == 2 && stored[0] == 1),
                   at + ".stored", formatShape(stored), "one size"))
    checkRows(at, weight, stored.back(), size);
}

void Validator::checkLinear(const std::string &at, const Linear &linear,
                            int64_t in, const char *whoseIn, int64_t out,
                            const char *whoseOut) {
  check.equal(at + ".in", linear.inFeatures, whoseIn, in);
  check.equal(at + ".out", linear.outFeatures, whoseOut, out);
  if (check.failed())
    return;
  checkMatrix(at + ".weight", linear.weight, out, in);
  if (linear.bias)
    checkVector(at + ".bias", *linear.bias, out);
}

void Validator::checkNorm(const std::string &at, const Norm &norm,
                          int64_t features) {
  check.equal(at + ".features", norm.features, "the width of what it reads",
              features);
  check.positive(at + ".epsilon", norm.epsilon);
  if (norm.gain)
    checkVector(at + ".gain", *norm.gain, features);
  if (norm.bias)
    checkVector(at + ".bias", *norm.bias, features);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

void Validator::checkRotary(const std::string &at, const Rotary &rotary,
                            int64_t headDim) {
  check.range(at + ".dimensions", rotary.dimensions, 2, headDim);
  check.expect(rotary.dimensions % 2 == 0, at + ".dimensions",
               Twine(rotary.dimensions), "an even number");
  check.positive(at + ".theta", rotary.theta);
  check.positive(at + ".factor", rotary.factor);
  if (rotary.scaling != RopeScalingKind::Llama3)
    return;
  check.positive(at + ".low_frequency_factor", rotary.lowFrequencyFactor);
  check.positive(at + ".high_frequency_factor", rotary.highFrequencyFactor);
  check.expect(rotary.highFrequencyFactor > rotary.lowFrequencyFactor,
               at + ".high_frequency_factor",
               formatDouble(rotary.highFrequencyFactor),
               "more than \"low_frequency_factor\" (" +
                   formatDouble(rotary.lowFrequencyFactor) + ")");
  check.range(at + ".original_max_positions", rotary.originalMaxPositions, 1,
              maxCount);
}

void Validator::checkAttention(const std::string &at,
                               const Attention &attention, int64_t hidden,
                               int64_t sourceHidden) {
  check.range(at + ".heads", attention.heads, 1, maxHeads);
  check.range(at + ".kv_heads", attention.kvHeads, 1, maxHeads);
  check.range(at + ".head_dim", attention.headDim, 1, maxHeads);
  if (check.failed())
    return;
  check.expect(attention.heads % attention.kvHeads == 0, at + ".kv_heads",
               Twine(attention.kvHeads),
               "a divisor of \"heads\" (" + Twine(attention.heads) + ")");
  check.positive(at + ".scale", attention.scale);
  if (attention.rotary)
    checkRotary(at + ".rotary", *attention.rotary, attention.headDim);

  int64_t width = attention.heads * attention.headDim;
  int64_t kvWidth = attention.kvHeads * attention.headDim;
  check.expect(width <= maxFeatures, at + ".head_dim", Twine(attention.headDim),
               "heads * head_dim of at most " + Twine(maxFeatures));
  const char *ofHeads = "heads * head_dim";
  const char *ofKvHeads = "kv_heads * head_dim";
  checkLinear(at + ".query", attention.query, hidden, "the stack's hidden",
              width, ofHeads);
  const char *ofSource = "the hidden of what is attended to";
  checkLinear(at + ".key", attention.key, sourceHidden, ofSource, kvWidth,
              ofKvHeads);
  checkLinear(at + ".value", attention.value, sourceHidden, ofSource, kvWidth,
              ofKvHeads);
  checkLinear(at + ".output", attention.output, width, ofHeads, hidden,
              "the stack's hidden");
}

void Validator::checkFeedForward(const std::string &at,
                                 const FeedForward &feedForward,
                                 int64_t hidden) {
  int64_t width = feedForward.width;
  check.range(at + ".width", width, 1, maxFeatures);
  const char *ofStack = "the stack's hidden";
  const char *ofWidth = "the feed-forward width";
  if (feedForward.gate)
    checkLinear(at + ".gate", *feedForward.gate, hidden, ofStack, width,
                ofWidth);
  checkLinear(at + ".up", feedForward.up, hidden, ofStack, width, ofWidth);
  checkLinear(at + ".down", feedForward.down, width, ofWidth, hidden, ofStack);
}

void Validator::checkBlock(const std::string &at, const Block &block,
                           const Stack &stack) {
  check.text(at + ".name", block.name);
  bool isDecoder = stack.kind == StackKind::Decoder;
  check.expect(block.attention.causal == isDecoder, at + ".attention.causal",
               block.attention.causal ? "true" : "false",
               isDecoder ? "true in a decoder" : "false in an encoder");
  checkAttention(at + ".attention", block.attention, stack.hidden,
                 stack.hidden);
  checkNorm(at + ".attention_norm", block.attentionNorm, stack.hidden);

  const Stack *source = isDecoder ? spec.encoder() : nullptr;
  std::string cross = at + ".cross_attention";
  check.expect(block.crossAttention.has_value() == (source != nullptr), cross,
               block.crossAttention ? "present" : "absent",
               source ? "the decoder's attention to the encoder"
                      : "none without an encoder to attend to");
  check.expect(block.crossAttentionNorm.has_value() ==
                   block.crossAttention.has_value(),
               at + ".cross_attention_norm",
               block.crossAttentionNorm ? "present" : "absent",
               "it exactly where there is cross_attention");
  if (check.failed())
    return;
  if (source) {
    const Attention &attention = *block.crossAttention;
    check.expect(!attention.causal, cross + ".causal", "true", "false");
    check.expect(!attention.rotary, cross + ".rotary", "present",
                 "none in cross-attention");
    checkAttention(cross, attention, stack.hidden, source->hidden);
    checkNorm(cross + "_norm", *block.crossAttentionNorm, stack.hidden);
  }
  checkFeedForward(at + ".feed_forward", block.feedForward, stack.hidden);
  checkNorm(at + ".feed_forward_norm", block.feedForwardNorm, stack.hidden);
}

void Validator::checkBlocks(const std::string &at, const Stack &stack) {
  check.expect(!stack.blocks.empty(), at + ".blocks", "empty",
               "at least one block");
  int64_t next = 0;
  for (size_t i = 0; i < stack.blocks.size() && !check.failed(); ++i) {
    const BlockGroup &group = stack.blocks[i];
    std::string path = at + "." + indexed("blocks", i);
    check.equal(path + ".first", group.first, "the layer after those before it",
                next);
    if (!check.range(path + ".count", group.count, 1, maxLayers - next))
      return;
    layersOfGroup = group.count;
    checkBlock(path, group.block, stack);
    layersOfGroup = 0;
    next += group.count;
  }
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

void Validator::checkPositions(const std::string &at,
                               const Positions &positions, const Stack &stack) {
  bool learned = positions.kind == PositionKind::Learned;
  check.expect(learned == positions.table.has_value(), at + ".table",
               positions.table ? "present" : "absent",
               "it exactly where the positions are learned");
  check.range(at + ".count", positions.count, learned ? 1 : 0, maxCount);
  check.range(at + ".offset", positions.offset, 0,
              learned ? maxCount - positions.count : 0);
  if (check.failed() || positions.count == 0)
    return;
  check.expect(stack.maxPositions >= 1 && stack.maxPositions <= positions.count,
               at + ".count", Twine(positions.count),
               "at least the stack's max_positions (" +
                   Twine(stack.maxPositions) + "), which is not 0");
  if (learned)
    checkMatrix(at + ".table", *positions.table,
                positions.count + positions.offset, stack.hidden);
}

void Validator::checkEmbedding(const std::string &at, const Stack &stack) {
  const Embedding &embedding = stack.embedding;
  bool hasTokens = embedding.tokens.has_value();
  if (hasTokens)
    check.range(at + ".vocabulary", embedding.vocabulary, 1, maxCount);
  else
    check.equal(at + ".vocabulary", embedding.vocabulary,
                "as there is no table of tokens", 0);
  check.range(at + ".token_types", embedding.tokenTypes, 0, maxFeatures);
  check.expect(
      (embedding.tokenTypes > 0) == embedding.tokenTypeTable.has_value(),
      at + ".token_type_table", embedding.tokenTypeTable ? "present" : "absent",
      "it exactly where token_types is above 0");
  check.positive(at + ".scale", embedding.scale);
  if (check.failed())
    return;
  if (hasTokens)
    checkMatrix(at + ".tokens", *embedding.tokens, embedding.vocabulary,
                stack.hidden);
  if (embedding.tokenTypeTable)
    checkMatrix(at + ".token_type_table", *embedding.tokenTypeTable,
                embedding.tokenTypes, stack.hidden);
  checkPositions(at + ".positions", embedding.positions, stack);
  if (embedding.norm)
    checkNorm(at + ".norm", *embedding.norm, stack.hidden);
}

void Validator::checkStack(const std::string &at, const Stack &stack) {
  check.range(at + ".hidden", stack.hidden, 1, maxFeatures);
  check.range(at + ".max_positions", stack.maxPositions, 0, maxCount);
  check.text(at + ".input", stack.input);
  check.text(at + ".output", stack.output);
  checkEmbedding(at + ".embedding", stack);
  checkBlocks(at, stack);
  if (stack.finalNorm)
    checkNorm(at + ".final_norm", *stack.finalNorm, stack.hidden);
}

void Validator::checkStacks() {
  size_t count = spec.stacks.size();
  check.expect(count == 1 || count == 2, "stacks", "a list of " + Twine(count),
               "one or two stacks");
  if (count == 2)
    for (size_t i = 0; i < 2; ++i) {
      StackKind expected = i == 0 ? StackKind::Encoder : StackKind::Decoder;
      check.expect(spec.stacks[i].kind == expected,
                   indexed("stacks", i) + ".kind", nameOf(spec.stacks[i].kind),
                   nameOf(expected));
    }
  for (size_t i = 0; i < count && !check.failed(); ++i)
    checkStack(indexed("stacks", i), spec.stacks[i]);
}

//===----------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------===//

void Validator::checkHead(const std::string &at, const Head &head) {
  check.text(at + ".output", head.output);
  check.expect(!head.layers.empty(), at + ".layers", "empty",
               "at least one layer");
  int64_t width = spec.stacks.back().hidden;
  for (size_t i = 0; i < head.layers.size() && !check.failed(); ++i) {
    const HeadLayer &layer = head.layers[i];
    std::string path = at + "." + indexed("layers", i);
    check.expect(layer.linear || layer.activation || layer.norm, path, "empty",
                 "a linear, an activation or a norm");
    if (layer.linear) {
      int64_t out = layer.linear->outFeatures;
      check.range(path + ".linear.out", out, 1, maxCount);
      checkLinear(path + ".linear", *layer.linear, width,
                  "the width of what it reads", out, "");
      width = out;
    }
    if (layer.norm)
      checkNorm(path + ".norm", *layer.norm, width);
  }
  bool labelled = !spec.labels.empty() && &head == &spec.heads.front();
  if (labelled)
    check.expect(static_cast<int64_t>(spec.labels.size()) == width, "labels",
                 "a list of " + Twine(spec.labels.size()),
                 Twine(width) + " names, one for each class of the first head");
}

void Validator::checkGeneration() {
  const Generation &generation = spec.generation;
  int64_t vocabulary = spec.stacks.back().embedding.vocabulary;
  auto token = [&](const std::string &name, std::optional<int64_t> id) {
    if (id)
      check.expect(*id >= 0 && *id < vocabulary, "generation." + name,
                   Twine(*id),
                   "an id below the vocabulary's " + Twine(vocabulary));
  };
  for (size_t i = 0; i < generation.endTokens.size(); ++i)
    token(indexed("end_tokens", i), generation.endTokens[i]);
  token("decoder_start_token", generation.decoderStartToken);
  token("pad_token", generation.padToken);
  token("forced_first_token", generation.forcedFirstToken);
  token("forced_last_token", generation.forcedLastToken);
  check.range("generation.max_length", generation.maxLength.value_or(1), 1,
              maxCount);
  check.range("generation.max_new_tokens", generation.maxNewTokens.value_or(1),
              1, maxCount);
}

/// Inputs and outputs are called by name, so each has one of its own.
void Validator::checkNames() {
  llvm::StringSet<> seen;
  auto once = [&](const std::string &path, StringRef name) {
    check.expect(seen.insert(name).second, path,
                 "\"" + escapeForDisplay(name) + "\"",
                 "a name that no other input or output has");
  };
  for (size_t i = 0; i < spec.stacks.size(); ++i) {
    once(indexed("stacks", i) + ".input", spec.stacks[i].input);
    once(indexed("stacks", i) + ".output", spec.stacks[i].output);
  }
  for (size_t i = 0; i < spec.heads.size(); ++i)
    once(indexed("heads", i) + ".output", spec.heads[i].output);
}

llvm::Error Validator::run() {
  checkStacks();
  if (check.failed())
    return check.takeError();
  check.expect(spec.labels.empty() || !spec.heads.empty(), "labels",
               "a list of " + Twine(spec.labels.size()), "none without a head");
  for (size_t i = 0; i < spec.heads.size() && !check.failed(); ++i)
    checkHead(indexed("heads", i), spec.heads[i]);
  checkGeneration();
  checkNames();
  for (size_t i = 0; i < spec.checkpoint.suffixAliases.size(); ++i)
    check.text("checkpoint." + indexed("suffix_aliases", i),
               spec.checkpoint.suffixAliases[i].first);
  return check.takeError();
}

llvm::Error ashlar::validate(const ModelSpec &spec, FieldLocator locate) {
  return Validator(spec, locate).run();
}

llvm::Error ashlar::validate(const ModelSpec &spec) {
  return validate(spec, [](StringRef) { return std::string(); });
}
