//===- ValidateTest.cpp - Descriptions that make no sense -----------------===//
//
// Each test breaks one field of a valid description. What validate() lets
// through, the rest of the compiler takes as given: a missing check is a crash
// or a wrong result there.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/spec/Subject.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace ashlar;
using namespace ashlar::test;

TEST(Validate, ValidDescriptions) {
  EXPECT_EQ(Subject().error(), "");
  EXPECT_EQ(Subject(encoderDecoderSpec()).error(), "");
}

TEST(Validate, LocatesTheField) {
  Subject subject;
  subject.attention().heads = 0;
  EXPECT_EQ(errorText(validate(
                subject.spec,
                [](llvm::StringRef path) { return "file@" + path.str(); })),
            "file@stacks[0].blocks[0].attention.heads: " + block0 +
                "attention.heads\" is 0; expected an integer from 1 to 65536");
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

TEST(Validate, Stacks) {
  Subject subject(encoderDecoderSpec());
  std::swap(subject.spec.stacks[0], subject.spec.stacks[1]);
  EXPECT_EQ(subject.error(), "\"stacks[0].kind\" is decoder; expected encoder");
  subject.spec.stacks.clear();
  EXPECT_EQ(subject.error(),
            "\"stacks\" is a list of 0; expected one or two stacks");
}

TEST(Validate, StackSizes) {
  Subject subject;
  subject.stack().maxPositions = int64_t(1) << 31;
  EXPECT_EQ(subject.error(), "\"stacks[0].max_positions\" is 2147483648; "
                             "expected an integer from 0 to 2147483647");
  subject.stack().hidden = 0;
  EXPECT_EQ(subject.error(), "\"stacks[0].hidden\" is 0; expected an integer "
                             "from 1 to 16777216");
}

TEST(Validate, Vocabulary) {
  Subject subject;
  subject.embedding().vocabulary = int64_t(1) << 40;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.vocabulary\" is "
                             "1099511627776; expected an integer from 1 to "
                             "2147483647");
  subject.embedding().vocabulary = 17;
  subject.embedding().tokens.reset();
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.vocabulary\" is 17; "
                             "expected 0, as there is no table of tokens");
}

/// A description whose input is four features wide, two rows of which make a
/// token.
static Subject withStem() {
  Subject subject;
  subject.stack().kind = StackKind::Encoder;
  Embedding &embedding = subject.embedding();
  embedding.tokens.reset();
  embedding.vocabulary = 0;
  subject.spec.heads.clear();
  Convolution first, second;
  first.kernel = 3;
  first.padding = 1;
  first.linear = linearOf("first", 12, 5);
  second.kernel = 3;
  second.stride = 2;
  second.padding = 1;
  second.linear = linearOf("second", 15, 8);
  second.linear.weight.stored = {8, 5, 3};
  second.linear.weight.convolution = true;
  embedding.stem = {first, second};
  return subject;
}

TEST(Validate, Stem) {
  const std::string stem = "\"stacks[0].embedding.stem";
  EXPECT_EQ(withStem().error(), "");
  EXPECT_EQ(withStem().embedding().rowsPerToken(), 2);
  EXPECT_EQ(withStem().stack().vectorFeatures(), 4);
  Subject subject = withStem();
  subject.stack().kind = StackKind::Decoder;
  EXPECT_EQ(subject.error(), stem +
                                 "\" is present; expected none in a decoder, "
                                 "whose sequences come in pieces");
  subject = withStem();
  subject.embedding().tokens = weightOf("tokens", {17, 8});
  EXPECT_EQ(subject.error(),
            stem + "\" is present; expected none beside a table of tokens");
  subject = withStem();
  subject.embedding().stem[0].padding = 0;
  EXPECT_EQ(subject.error(),
            stem + "[0].padding\" is 0; expected twice it from kernel - stride "
                   "to kernel - 1, so that each 1 rows give one");
  subject = withStem();
  subject.embedding().stem[1].linear.inFeatures = 16;
  EXPECT_EQ(subject.error(), stem +
                                 "[1].linear.in\" is 16; expected a multiple "
                                 "of the kernel (3)");
  subject = withStem();
  subject.embedding().stem[1].linear.weight.stored = {8, 3, 5};
  EXPECT_EQ(subject.error(), stem + "[1].linear.weight.stored\" is [8, 3, 5]; "
                                    "expected 3 taps, as the kernel");
  subject = withStem();
  subject.embedding().stem[0].stride = 1025;
  EXPECT_EQ(subject.error(), stem + "[0].stride\" is 1025; expected an integer "
                                    "from 1 to 1024");
  subject = withStem();
  subject.embedding().stem.pop_back();
  EXPECT_EQ(subject.error(), stem + "[0].linear.out\" is 5; expected 8, the "
                                    "stack's hidden");
}

TEST(Validate, ConvolutionsStoredOtherwise) {
  const std::string at = "\"stacks[0].embedding.stem[1].linear.weight.";
  Subject subject = withStem();
  Weight &weight = subject.embedding().stem[1].linear.weight;
  weight.transposed = true;
  EXPECT_EQ(subject.error(),
            at + "transposed\" is true; expected false for a convolution");
  weight.transposed = false;
  weight.stored = {8, 15};
  EXPECT_EQ(subject.error(), at + "stored\" is [8, 15]; expected three sizes: "
                                  "[out, in, taps]");
}

TEST(Validate, TokenTypes) {
  Subject subject;
  subject.embedding().tokenTypes = 2;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.token_type_table\" is "
                             "absent; expected it exactly where token_types is "
                             "above 0");
  subject.embedding().tokenTypeTable = weightOf("types", {3, 8});
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.token_type_table.stored\" "
                             "is [3, 8]; expected a shape with 2 rows in use, "
                             "not 3");
}

TEST(Validate, Positions) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string at = "\"stacks[0].embedding.positions.";
  positions.kind = PositionKind::Learned;
  EXPECT_EQ(subject.error(), at + "table\" is absent; expected it exactly "
                                  "where the positions are learned");
  positions.table = weightOf("positions", {18, 8});
  EXPECT_EQ(subject.error(), at + "count\" is 0; expected an integer from 1 to "
                                  "2147483647");
  positions.count = 16;
  positions.offset = 2;
  EXPECT_EQ(subject.error(), "");
  // An offset would begin within a piece, or between two.
  positions.table->piece = 2;
  EXPECT_EQ(subject.error(),
            at + "table.piece\" is 2; expected 0: rows side by side");
  positions.table->piece = 0;
  positions.offset = 3;
  EXPECT_EQ(subject.error(), at + "table.stored\" is [18, 8]; expected a shape "
                                  "with 19 rows in use, not 18");
  positions.count = 15;
  EXPECT_EQ(subject.error(), at + "count\" is 15; expected at least the "
                                  "stack's max_positions (16), which is not "
                                  "0");
  positions.offset = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(subject.error(),
            at + "offset\" is 9223372036854775807; expected an integer from 0 "
                 "to 2147483632");
}

/// What positions of this kind do not read would be ignored.
TEST(Validate, PositionsOfAnotherKind) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string at = "\"stacks[0].embedding.positions.";
  positions.byToken = true;
  EXPECT_EQ(subject.error(), at + "by_token\" is true; expected false, or a "
                                  "\"kind\" of positions: learned or "
                                  "sinusoidal");
  positions.byToken = false;
  positions.count = 16;
  EXPECT_EQ(subject.error(), at + "count\" is 16; expected 0, or a \"kind\" of "
                                  "positions: learned or sinusoidal");
  positions.count = 0;
  positions.order = SinusoidalOrder::SplitHalf;
  EXPECT_EQ(subject.error(), at + "order\" is split_half; expected it to be "
                                  "left out where the kind is none: sinusoidal "
                                  "positions have one");
  positions.kind = PositionKind::Learned;
  positions.table = weightOf("positions", {16, 8});
  positions.count = 16;
  EXPECT_EQ(subject.error(), at + "order\" is split_half; expected it to be "
                                  "left out where the kind is learned: "
                                  "sinusoidal positions have one");
  positions.order = SinusoidalOrder::Interleaved;
  positions.byToken = true;
  EXPECT_EQ(subject.error(), "");
}

/// The first two rows of the table are no token's.
TEST(Validate, FirstPosition) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string at = "\"stacks[0].embedding.positions.";
  positions.kind = PositionKind::Learned;
  positions.table = weightOf("positions", {18, 8});
  positions.count = 18;
  positions.first = 2;
  EXPECT_EQ(subject.error(), "");
  positions.first = 3;
  EXPECT_EQ(subject.error(), at + "count\" is 18; expected at least the "
                                  "stack's max_positions (16), which is not "
                                  "0, behind \"first\"");
  positions.first = 18;
  EXPECT_EQ(subject.error(),
            at + "first\" is 18; expected an integer from 0 to 17");
  positions.first = -1;
  EXPECT_EQ(subject.error(),
            at + "first\" is -1; expected an integer from 0 to 17");
  positions = {};
  positions.kind = PositionKind::Sinusoidal;
  positions.first = 1;
  EXPECT_EQ(subject.error(),
            at + "first\" is 1; expected an integer from 0 to 0");
}

/// The padding's row is that before the first one, of sines.
TEST(Validate, ZeroPadding) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string error =
      "\"stacks[0].embedding.positions.zero_padding\" is true; expected false, "
      "as the positions are not sinusoidal, by token, and from behind the "
      "padding's id (\"first\") on";
  positions.kind = PositionKind::Sinusoidal;
  positions.count = 18;
  positions.first = 2;
  positions.byToken = positions.zeroPadding = true;
  EXPECT_EQ(subject.error(), "");
  positions.byToken = false;
  EXPECT_EQ(subject.error(), error);
  positions.byToken = true;
  positions.first = 0;
  EXPECT_EQ(subject.error(), error);
  positions.first = 2;
  positions.kind = PositionKind::Learned;
  positions.table = weightOf("positions", {18, 8});
  EXPECT_EQ(subject.error(), error);
}

/// A stack of vectors has no table that could be of another width.
TEST(Validate, WidthOfVectors) {
  Subject subject;
  subject.embedding().tokens.reset();
  subject.embedding().vocabulary = 0;
  subject.embedding().width = 6;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.width\" is 6; expected 0, "
                             "as there is no table of tokens");
}

/// Tokens of width 6 in a stack of 8: types, positions and norm have the width
/// at their place, before or behind the projection.
TEST(Validate, EmbeddingWidth) {
  Subject subject;
  Embedding &embedding = subject.embedding();
  const std::string at = "\"stacks[0].embedding.";
  embedding.width = 6;
  EXPECT_EQ(subject.error(), at + "projection\" is 0 with token_projection; "
                                  "expected one, as the tokens have a width "
                                  "of their own");
  embedding.tokens = weightOf("tokens", {17, 6});
  embedding.tokenTypes = 3;
  embedding.norm = normOf("norm", 6);
  embedding.positions = {};
  embedding.positions.kind = PositionKind::Learned;
  embedding.positions.count = 16;
  embedding.positions.table = weightOf("positions", {16, 6});
  embedding.tokenTypeTable = weightOf("types", {3, 6});
  embedding.projection = linearOf("projection", 6, 8);
  EXPECT_EQ(subject.error(), "");
  embedding.projection->inFeatures = 7;
  EXPECT_EQ(subject.error(), at + "projection.in\" is 7; expected 6, the width "
                                  "of the tokens");
  embedding.tokenProjection = linearOf("projection", 6, 8);
  EXPECT_EQ(subject.error(), at + "projection\" is 2 with token_projection; "
                                  "expected one, as the tokens have a width "
                                  "of their own");
  embedding.projection.reset();
  EXPECT_EQ(subject.error(), at + "token_type_table.stored\" is [3, 6]; "
                                  "expected 8 columns");
  embedding.tokenTypeTable->stored = {3, 8};
  EXPECT_EQ(subject.error(),
            at + "positions.table.stored\" is [16, 6]; expected 8 columns");
  embedding.positions.table->stored = {16, 8};
  EXPECT_EQ(subject.error(), at + "norm.features\" is 6; expected 8, the width "
                                  "of what it reads");
  embedding.norm = normOf("norm", 8);
  EXPECT_EQ(subject.error(), "");
  embedding.tokens->stored = {17, 8};
  EXPECT_EQ(subject.error(),
            at + "tokens.stored\" is [17, 8]; expected 6 columns");
  embedding.width = 0;
  EXPECT_EQ(subject.error(), at + "projection\" is 1 with token_projection; "
                                  "expected none without \"width\"");
  embedding.width = -1;
  EXPECT_EQ(subject.error(),
            at + "width\" is -1; expected an integer from 0 to 16777216");
}

//===----------------------------------------------------------------------===//
// Heads, labels, generation, names
//===----------------------------------------------------------------------===//

TEST(Validate, HeadLayers) {
  Subject subject;
  Head &head = subject.spec.heads[0];
  head.layers[0].norm = normOf("n", 8);
  EXPECT_EQ(subject.error(), "\"heads[0].layers[0].norm.features\" is 8; "
                             "expected 17, the width of what it reads");
  head.layers[0] = {};
  EXPECT_EQ(subject.error(), "\"heads[0].layers[0]\" is empty; expected a "
                             "linear, a feed_forward, a scale, a soft_cap, an "
                             "activation or a norm");
  head.layers.clear();
  EXPECT_EQ(subject.error(),
            "\"heads[0].layers\" is empty; expected at least one layer");
}

TEST(Validate, RowsOfHeads) {
  Subject decoder;
  decoder.spec.heads[0].rows = RowSelection::Token;
  EXPECT_EQ(decoder.error(), "\"heads[0].rows\" is token; expected all, first "
                             "or last, as the last stack is no encoder of "
                             "tokens");
  Subject subject;
  subject.stack().kind = StackKind::Encoder;
  Head &head = subject.spec.heads[0];
  head.rows = RowSelection::Token;
  head.token = 16;
  EXPECT_EQ(subject.error(), "");
  head.token = 17;
  EXPECT_EQ(subject.error(),
            "\"heads[0].token\" is 17; expected an integer from 0 to 16");
  head.rows = RowSelection::HighestToken;
  head.token = 1;
  EXPECT_EQ(subject.error(),
            "\"heads[0].token\" is 1; expected an integer from 0 to 0");
  head.token = 0;
  EXPECT_EQ(subject.error(), "");
  subject.embedding().tokens.reset();
  subject.embedding().vocabulary = 0;
  EXPECT_EQ(subject.error(),
            "\"heads[0].rows\" is highest_token; expected all, "
            "first or last, as the last stack is no encoder "
            "of tokens");
}

TEST(Validate, HeadScaleAndCap) {
  Subject subject;
  HeadLayer &layer = subject.spec.heads[0].layers[0];
  const std::string at = "\"heads[0].layers[0].";
  layer.scale = 0.0625;
  layer.softCap = 30;
  EXPECT_EQ(subject.error(), "");
  layer.softCap = 0;
  EXPECT_EQ(subject.error(),
            at + "soft_cap\" is 0; expected a finite number above 0");
  layer.scale = -1;
  EXPECT_EQ(subject.error(),
            at + "scale\" is -1; expected a finite number above 0");
  // Either of them is a layer.
  subject.spec.heads[0].layers.emplace_back().scale = 2;
  subject.spec.heads[0].layers.emplace_back().softCap = 2;
  subject.spec.heads[0].layers.front() = {};
  subject.spec.heads[0].layers.front().linear = linearOf("head", 8, 17);
  EXPECT_EQ(subject.error(), "");
}

TEST(Validate, Labels) {
  Subject subject;
  subject.spec.labels = {"a", "b"};
  EXPECT_EQ(subject.error(), "\"labels\" is a list of 2; expected 17 names, "
                             "one for each class of the first head");
  subject.spec.heads.clear();
  EXPECT_EQ(subject.error(),
            "\"labels\" is a list of 2; expected none without a head");
}

TEST(Validate, GenerationTokens) {
  Subject subject;
  subject.spec.generation.endTokens = {3, 17};
  EXPECT_EQ(subject.error(), "\"generation.end_tokens[1]\" is 17; expected an "
                             "id below the vocabulary's 17");
  subject.spec.generation.endTokens = {};
  subject.spec.generation.padToken = -1;
  EXPECT_EQ(subject.error(), "\"generation.pad_token\" is -1; expected an id "
                             "below the vocabulary's 17");
  subject.spec.generation.padToken.reset();
  subject.spec.generation.maxLength = 0;
  EXPECT_EQ(subject.error(), "\"generation.max_length\" is 0; expected an "
                             "integer from 1 to 2147483647");
}

TEST(Validate, GenerationOfBeams) {
  Subject subject;
  Generation &generation = subject.spec.generation;
  const std::string penalty = "\"generation.length_penalty\" is ";
  generation.lengthPenalty = -20.0;
  EXPECT_EQ(subject.error(), "");
  generation.lengthPenalty = 20.5;
  EXPECT_EQ(subject.error(),
            penalty + "20.5; expected a number from -20 to 20");
  generation.lengthPenalty = std::nan("");
  EXPECT_NE(subject.error(), "");
  generation.lengthPenalty = 1.0;
  generation.numReturnSequences = 0;
  EXPECT_EQ(subject.error(),
            "\"generation.num_return_sequences\" is 0; expected "
            "an integer from 1 to 2147483647");
}

TEST(Validate, NamesAreUnique) {
  Subject subject;
  subject.spec.heads[0].output = "last_hidden_state";
  EXPECT_EQ(subject.error(), "\"heads[0].output\" is \"last_hidden_state\"; "
                             "expected a name that no other input or output "
                             "has");
  subject.spec.heads[0].output = "";
  EXPECT_EQ(subject.error(), "\"heads[0].output\" is empty; expected a name");
}

TEST(Validate, SuffixAliases) {
  Subject subject;
  subject.spec.checkpoint.suffixAliases = {{"", "x"}};
  EXPECT_EQ(subject.error(), "\"checkpoint.suffix_aliases[0]\" is empty; "
                             "expected a name");
}
