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
              std::max<int64_t>(positions.count - 1, 0));
  check.expect(!positions.inclusive ||
                   (positions.kind == PositionKind::Sinusoidal && width >= 4),
               at + ".inclusive", "true",
               "false, as the positions are not sinusoidal over at least 4 "
               "features");
  check.expect(!positions.zeroPadding ||
                   (positions.kind == PositionKind::Sinusoidal &&
                    positions.byToken && positions.first > 0),
               at + ".zero_padding", "true",
               "false, as the positions are not sinusoidal, by token, and from "
               "behind the padding's id (\"first\") on");
  check.range(at + ".offset", positions.offset, 0,
              learned ? maxCount - positions.count : 0);
  const char *kind = nameOf(positions.kind);
  check.expect(positions.order == Positions().order ||
                   positions.kind == PositionKind::Sinusoidal,
               at + ".order", nameOf(positions.order),
               Twine("it to be left out where the kind is ") + kind +
                   ": sinusoidal positions have one");
  bool exists = positions.kind != PositionKind::None;
  check.expect(exists || !positions.byToken, at + ".by_token", "true",
               "false, or a \"kind\" of positions: learned or sinusoidal");
  check.expect(exists || positions.count == 0, at + ".count",
               Twine(positions.count),
               "0, or a \"kind\" of positions: learned or sinusoidal");
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

/// Gives `out` features; 0 = any.
void Validator::checkConvolution(const std::string &at,
                                 const Convolution &convolution,
                                 int64_t features, int64_t out) {
  int64_t kernel = convolution.kernel, stride = convolution.stride;
  check.range(at + ".kernel", kernel, 1, maxFeatures);
  check.range(at + ".stride", stride, 1, maxRowsPerToken);
  check.range(at + ".padding", convolution.padding, 0, maxFeatures);
  if (check.failed())
    return;
  check.expect(kernel - stride <= 2 * convolution.padding &&
                   2 * convolution.padding < kernel,
               at + ".padding", Twine(convolution.padding),
               "twice it from kernel - stride to kernel - 1, so that each " +
                   Twine(stride) + " rows give one");
  const Linear &linear = convolution.linear;
  check.range(at + ".linear.out", linear.outFeatures, 1, maxFeatures);
  check.range(at + ".linear.in", linear.inFeatures, 1, maxFeatures);
  check.expect(linear.inFeatures % kernel == 0, at + ".linear.in",
               Twine(linear.inFeatures),
               "a multiple of the kernel (" + Twine(kernel) + ")");
  if (check.failed())
    return;
  const Weight &weight = linear.weight;
  check.expect(!weight.convolution || weight.stored.size() != 3 ||
                   weight.stored[2] == kernel,
               at + ".linear.weight.stored", formatShape(weight.stored),
               Twine(kernel) + " taps, as the kernel");
  checkLinear(at + ".linear", linear,
              features ? kernel * features : linear.inFeatures,
              "the kernel's rows of what it reads",
              out ? out : linear.outFeatures, "the stack's hidden");
}

void Validator::checkStem(const std::string &at, const Stack &stack) {
  const Embedding &embedding = stack.embedding;
  check.expect(!stack.featuresFirst || !embedding.tokens,
               at + ".features_first", "true", "false for token ids");
  if (embedding.stem.empty())
    return;
  const std::string path = at + ".embedding.stem";
  check.expect(!embedding.tokens, path, "present",
               "none beside a table of tokens");
  check.expect(stack.kind == StackKind::Encoder, path, "present",
               "none in a decoder, whose sequences come in pieces");
  int64_t features = 0, rows = 1;
  for (size_t i = 0; i < embedding.stem.size() && !check.failed(); ++i) {
    const Convolution &convolution = embedding.stem[i];
    bool isLast = i + 1 == embedding.stem.size();
    checkConvolution(at + ".embedding." + indexed("stem", i), convolution,
                     features, isLast ? stack.hidden : 0);
    features = convolution.linear.outFeatures;
    rows *= convolution.stride;
    check.expect(rows <= maxRowsPerToken, path,
                 "one row of " + Twine(rows) + " or more",
                 "at most " + Twine(maxRowsPerToken));
  }
}

/// A decoder's keys would need their marks in later calls.
void Validator::checkMarks(const std::string &at, const Stack &stack) {
  if (!stack.marks)
    return;
  const Marks &marks = *stack.marks;
  check.expect(stack.kind == StackKind::Encoder && stack.embedding.tokens, at,
               "present", "none but in an encoder of tokens");
  check.text(at + ".input", marks.input);
  bool before = marks.otherwise == MarkRule::Before;
  check.range(at + ".token", marks.token, 0,
              before ? std::max<int64_t>(stack.embedding.vocabulary - 1, 0)
                     : 0);
  bool isRead = false;
  for (const BlockGroup &group : stack.blocks) {
    const Attention &attention = group.block.attention;
    isRead |= attention.marked ||
              (attention.mask && readsMarks(*attention.mask)) ||
              (attention.repeated && readsMarks(attention.repeated->keys));
  }
  check.expect(isRead, at, "present", "a mask with marked or marked_queries");
}

/// An image is a whole sequence: it has a row for each position.
void Validator::checkPatches(const std::string &at, const Patches &patches,
                             const Stack &stack) {
  const Embedding &embedding = stack.embedding;
  check.expect(stack.kind == StackKind::Encoder && spec.stacks.size() == 1, at,
               "present", "none but in the encoder of an encoder-only model");
  check.expect(!embedding.tokens && !embedding.tokenTypes &&
                   embedding.stem.empty(),
               at, "present", "none beside tokens, token types or a stem");
  check.expect(!stack.featuresFirst, at, "present",
               "none where features_first is true");
  check.expect(embedding.positions.first == 0 && !embedding.positions.byToken,
               at, "present", "positions that count from 0, by column");
  check.range(at + ".channels", patches.channels, 1, maxFeatures);
  check.range(at + ".image_height", patches.imageHeight, 1, maxFeatures);
  check.range(at + ".image_width", patches.imageWidth, 1, maxFeatures);
  check.range(at + ".patch_height", patches.patchHeight, 1,
              patches.imageHeight);
  check.range(at + ".patch_width", patches.patchWidth, 1, patches.imageWidth);
  if (check.failed())
    return;
  int64_t pixels = patches.imageHeight * patches.imageWidth;
  check.expect(pixels <= maxCount / patches.channels, at + ".image_width",
               Twine(patches.imageWidth),
               "channels * image_height * image_width of at most " +
                   Twine(maxCount));
  int64_t area = patches.patchHeight * patches.patchWidth;
  check.expect(area <= maxFeatures / patches.channels, at + ".patch_width",
               Twine(patches.patchWidth),
               "channels * patch_height * patch_width of at most " +
                   Twine(maxFeatures));
  check.expect(stack.maxPositions == patches.rows(), at,
               Twine(patches.rows()) + " rows",
               "as many as the stack's max_positions (" +
                   Twine(stack.maxPositions) + ")");
  if (check.failed())
    return;
  checkLinear(at + ".projection", patches.projection, patches.features(),
              "the numbers of a patch", stack.hidden, "the stack's hidden");
  for (size_t i = 0; i < patches.prefix.size() && !check.failed(); ++i)
    checkVector(at + "." + indexed("prefix", i), patches.prefix[i],
                stack.hidden);
}

/// A separator is looked for among the tokens of whole sequences.
void Validator::checkTypes(const std::string &at, const Stack &stack) {
  const Embedding &embedding = stack.embedding;
  check.range(at + ".token_types", embedding.tokenTypes, 0, maxFeatures);
  check.expect(
      (embedding.tokenTypes > 0) == embedding.tokenTypeTable.has_value(),
      at + ".token_type_table", embedding.tokenTypeTable ? "present" : "absent",
      "it exactly where token_types is above 0");
  if (!embedding.typeSeparator)
    return;
  const std::string path = at + ".type_separator";
  check.expect(stack.kind == StackKind::Encoder && embedding.tokens, path,
               "present", "none but in an encoder of tokens");
  check.expect(embedding.tokenTypes >= 2, path, "present",
               "none where token_types is below 2");
  check.range(path, *embedding.typeSeparator, 0,
              std::max<int64_t>(embedding.vocabulary - 1, 0));
}

void Validator::checkEmbedding(const std::string &at, const Stack &stack) {
  const Embedding &embedding = stack.embedding;
  bool hasTokens = embedding.tokens.has_value();
  if (hasTokens)
    check.range(at + ".vocabulary", embedding.vocabulary, 1, maxCount);
  else
    check.equal(at + ".vocabulary", embedding.vocabulary,
                "as there is no table of tokens", 0);
  checkTypes(at, stack);
  check.positive(at + ".scale", embedding.scale);
  check.expect(!embedding.patches || embedding.scale == 1.0, at + ".scale",
               formatDouble(embedding.scale), "1 beside patches");
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
  if (embedding.patches)
    checkPatches(at + ".patches", *embedding.patches, stack);
  if (check.failed())
    return;
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

/// What is forgotten must be what can be fed again: a sequence, no source.
void Validator::checkRecomputing(const std::string &at, const Stack &stack) {
  check.range(at, stack.recomputeLength, 0, maxCount);
  if (!stack.recomputeLength)
    return;
  check.expect(stack.kind == StackKind::Decoder && spec.stacks.size() == 1, at,
               Twine(stack.recomputeLength),
               "0 in a model that is not a decoder alone");
  check.expect(llvm::any_of(stack.blocks,
                            [](const BlockGroup &group) {
                              const auto &rotary = group.block.attention.rotary;
                              return rotary && rotary->dependsOnLength();
                            }),
               at, Twine(stack.recomputeLength),
               "0 where no block's rotary scaling depends on the length");
}

void Validator::checkStack(const std::string &at, const Stack &stack) {
  check.range(at + ".hidden", stack.hidden, 1, maxFeatures);
  check.range(at + ".max_positions", stack.maxPositions, 0, maxCount);
  checkRecomputing(at + ".recompute_length", stack);
  check.text(at + ".input", stack.input);
  check.text(at + ".output", stack.output);
  checkStem(at, stack);
  checkMarks(at + ".marks", stack);
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

void Validator::checkGeneration() {
  const Generation &generation = spec.generation;
  int64_t vocabulary = spec.stacks.back().embedding.vocabulary;
  auto token = [&](const std::string &name, std::optional<int64_t> id) {
    if (id)
      check.expect(*id >= 0 && *id < vocabulary, "generation." + name,
                   Twine(*id),
                   "an id below the vocabulary's " + Twine(vocabulary));
  };
  auto tokens = [&](const char *name, const std::vector<int64_t> &ids) {
    for (size_t i = 0; i < ids.size(); ++i)
      token(indexed(name, i), ids[i]);
  };
  tokens("end_tokens", generation.endTokens);
  token("decoder_start_token", generation.decoderStartToken);
  tokens("decoder_prompt", generation.decoderPrompt);
  check.expect(generation.decoderPrompt.empty() || generation.decoderStartToken,
               "generation.decoder_prompt", "present",
               "none without a decoder_start_token");
  tokens("suppressed_tokens", generation.suppressedTokens);
  tokens("suppressed_at_begin", generation.suppressedAtBegin);
  token("pad_token", generation.padToken);
  token("forced_first_token", generation.forcedFirstToken);
  token("forced_last_token", generation.forcedLastToken);
  check.range("generation.max_length", generation.maxLength.value_or(1), 1,
              maxCount);
  check.range("generation.max_new_tokens", generation.maxNewTokens.value_or(1),
              1, maxCount);
  check.expect(std::abs(generation.lengthPenalty) <= maxLengthPenalty,
               "generation.length_penalty",
               formatDouble(generation.lengthPenalty),
               "a number from " + formatDouble(-maxLengthPenalty) + " to " +
                   formatDouble(maxLengthPenalty));
  check.range("generation.num_return_sequences", generation.numReturnSequences,
              1, maxCount);
}

/// Inputs and outputs are called by name, so each has one of its own.
void Validator::checkNames() {
  llvm::StringSet<> seen{"attention_mask", "decoder_attention_mask",
                         "position_ids", "token_type_ids"};
  auto once = [&](const std::string &path, StringRef name) {
    check.expect(seen.insert(name).second, path,
                 "\"" + escapeForDisplay(name) + "\"",
                 "a name that no other input or output has");
  };
  for (size_t i = 0; i < spec.stacks.size(); ++i) {
    once(indexed("stacks", i) + ".input", spec.stacks[i].input);
    once(indexed("stacks", i) + ".output", spec.stacks[i].output);
    if (spec.stacks[i].marks)
      once(indexed("stacks", i) + ".marks.input", spec.stacks[i].marks->input);
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
