//===- Validate.cpp - Whether a description makes sense -------------------===//

#include "compiler/Spec/Validator.h"

#include "llvm/ADT/StringSet.h"

using namespace ashlar;
using llvm::StringRef;
using llvm::Twine;

std::string ashlar::indexed(const char *list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

void Validator::checkPositions(const std::string &at,
                               const Positions &positions, const Stack &stack,
                               int64_t width) {
  bool learned = positions.kind == PositionKind::Learned;
  check.expect(learned == positions.table.has_value(), at + ".table",
               positions.table ? "present" : "absent",
               "it exactly where the positions are learned");
  check.range(at + ".count", positions.count, learned ? 1 : 0, maxCount);
  check.range(at + ".first", positions.first, 0,
              learned ? positions.count - 1 : 0);
  check.range(at + ".offset", positions.offset, 0,
              learned ? maxCount - positions.count : 0);
  if (check.failed() || positions.count == 0)
    return;
  check.expect(stack.maxPositions >= 1 &&
                   stack.maxPositions <= positions.count - positions.first,
               at + ".count", Twine(positions.count),
               "at least the stack's max_positions (" +
                   Twine(stack.maxPositions) + "), which is not 0" +
                   (positions.first ? ", behind \"first\"" : ""));
  if (!learned)
    return;
  if (check.expect(!positions.table->piece, at + ".table.piece",
                   Twine(positions.table->piece), "0: rows side by side"))
    checkMatrix(at + ".table", *positions.table,
                positions.count + positions.offset, width);
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
  check.range(at + ".width", embedding.width, 0, maxFeatures);
  check.expect(hasTokens || embedding.width == 0, at + ".width",
               Twine(embedding.width), "0, as there is no table of tokens");
  int64_t projections =
      embedding.tokenProjection.has_value() + embedding.projection.has_value();
  bool isWide = embedding.width != 0;
  check.expect(projections == (isWide ? 1 : 0), at + ".projection",
               Twine(projections) + " with token_projection",
               isWide ? "one, as the tokens have a width of their own"
                      : "none without \"width\"");
  if (check.failed())
    return;
  int64_t width = isWide ? embedding.width : stack.hidden;
  const char *ofTokens = "the width of the tokens";
  const char *ofStack = "the stack's hidden";
  if (hasTokens)
    checkMatrix(at + ".tokens", *embedding.tokens, embedding.vocabulary, width);
  if (embedding.tokenProjection) {
    checkLinear(at + ".token_projection", *embedding.tokenProjection, width,
                ofTokens, stack.hidden, ofStack);
    width = stack.hidden;
  }
  if (embedding.tokenTypeTable)
    checkMatrix(at + ".token_type_table", *embedding.tokenTypeTable,
                embedding.tokenTypes, width);
  checkPositions(at + ".positions", embedding.positions, stack, width);
  if (embedding.norm)
    checkNorm(at + ".norm", *embedding.norm, width);
  if (embedding.projection)
    checkLinear(at + ".projection", *embedding.projection, width, ofTokens,
                stack.hidden, ofStack);
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
  const Embedding &embedding = spec.stacks.back().embedding;
  bool byToken = head.rows == RowSelection::Token ||
                 head.rows == RowSelection::HighestToken;
  // A decoder's sequence may come in several calls.
  check.expect(!byToken || (embedding.tokens &&
                            spec.stacks.back().kind == StackKind::Encoder),
               at + ".rows", nameOf(head.rows),
               "all or first, as the last stack is no encoder of tokens");
  check.range(at + ".token", head.token, 0,
              head.rows == RowSelection::Token
                  ? std::max<int64_t>(embedding.vocabulary - 1, 0)
                  : 0);
  check.expect(!head.layers.empty(), at + ".layers", "empty",
               "at least one layer");
  int64_t width = spec.stacks.back().hidden;
  for (size_t i = 0; i < head.layers.size() && !check.failed(); ++i) {
    const HeadLayer &layer = head.layers[i];
    std::string path = at + "." + indexed("layers", i);
    check.expect(layer.linear || layer.activation || layer.norm ||
                     layer.scale != 1.0 || layer.softCap,
                 path, "empty",
                 "a linear, a scale, a soft_cap, an activation or a norm");
    check.positive(path + ".scale", layer.scale);
    if (layer.softCap)
      check.positive(path + ".soft_cap", *layer.softCap);
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
