//===- DescriptionsTest.cpp - Graphs of descriptions made by hand ---------===//

#include "compiler/Build/Build.h"
#include "compiler/Build/LayerLoops.h"
#include "dialect/Ashlar.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gtest/gtest.h>

using namespace ashlar;

static Weight matrix(const std::string &name, int64_t out, int64_t in) {
  Weight weight;
  weight.tensor = name;
  weight.stored = {out, in};
  return weight;
}

static Linear linear(const std::string &name, int64_t out, int64_t in) {
  Linear result;
  result.inFeatures = in;
  result.outFeatures = out;
  result.weight = matrix(name + ".weight", out, in);
  return result;
}

static Norm norm(const std::string &name, int64_t features) {
  Norm result;
  result.features = features;
  result.gain = Weight{name + ".weight", {features}};
  return result;
}

/// Hidden size 8, 2 heads.
static Block block() {
  Block block;
  block.name = "h.{layer}";
  Attention &attention = block.attention;
  attention.heads = attention.kvHeads = 2;
  attention.headDim = 4;
  attention.causal = true;
  attention.query = linear("h.{layer}.q", 8, 8);
  attention.key = linear("h.{layer}.k", 8, 8);
  attention.value = linear("h.{layer}.v", 8, 8);
  attention.output = linear("h.{layer}.o", 8, 8);
  block.attentionNorm = norm("h.{layer}.n1", 8);
  block.feedForward.width = 16;
  block.feedForward.up = linear("h.{layer}.up", 16, 8);
  block.feedForward.down = linear("h.{layer}.down", 8, 16);
  block.feedForwardNorm = norm("h.{layer}.n2", 8);
  return block;
}

/// A decoder of 3 layers over vectors.
static ModelSpec decoder() {
  Stack stack;
  stack.hidden = 8;
  stack.input = "src";
  stack.output = "output";
  stack.blocks = {{/*first=*/0, /*count=*/3, block()}};
  ModelSpec spec;
  spec.stacks = {stack};
  return spec;
}

namespace {
class DescriptionsTest : public ::testing::Test {
protected:
  ir::WeightOp weight(llvm::StringRef name) {
    return module->lookupSymbol<ir::WeightOp>(name);
  }
  void build(const ModelSpec &spec, const BuildLimits &limits = {},
             TensorChoice choice = nullptr) {
    module = buildModule(context, spec, "model.yaml", limits, choice);
    ASSERT_TRUE(module);
  }
  void build(const ModelSpec &spec, TensorChoice choice) {
    build(spec, BuildLimits(), choice);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

TEST_F(DescriptionsTest, vectorsComeInsteadOfIds) {
  build(decoder());
  auto entry = module->lookupSymbol<mlir::func::FuncOp>("decoder");
  ASSERT_TRUE(entry);
  ASSERT_EQ(entry.getNumArguments(), 2u);
  EXPECT_EQ(entry.getArgAttrOfType<mlir::StringAttr>(0, "ashlar.input"),
            "vectors");
  EXPECT_EQ(entry.getArgAttrOfType<mlir::StringAttr>(1, "ashlar.input"),
            "sequences");
}

TEST_F(DescriptionsTest, vectorsAreScaled) {
  ModelSpec spec = decoder();
  spec.stacks[0].embedding.scale = 3;
  build(spec);
  auto entry = module->lookupSymbol<mlir::func::FuncOp>("decoder");
  auto scale = llvm::dyn_cast<ir::ScaleOp>(entry.front().front());
  ASSERT_TRUE(scale);
  EXPECT_EQ(scale.getInput(), entry.getArgument(0));
  EXPECT_EQ(scale.getFactor().convertToDouble(), 3.0);
}

/// What becomes of them in the stem, not what comes in.
TEST_F(DescriptionsTest, rowsOfAStemAreScaled) {
  ModelSpec spec = decoder();
  spec.stacks[0].kind = StackKind::Encoder;
  Embedding &embedding = spec.stacks[0].embedding;
  embedding.scale = 3;
  Convolution &convolution = embedding.stem.emplace_back();
  convolution.linear = linear("stem", 8, 4);
  convolution.activation = Activation::Gelu;
  build(spec);
  llvm::SmallVector<ir::ScaleOp> scales;
  module->lookupSymbol<mlir::func::FuncOp>("encoder").walk([&](ir::ScaleOp op) {
    if (op->getParentOfType<ir::LayersOp>() == nullptr)
      scales.push_back(op);
  });
  ASSERT_EQ(scales.size(), 1u);
  EXPECT_TRUE(scales[0].getInput().getDefiningOp<ir::ActivationOp>());
}

TEST_F(DescriptionsTest, groupsOfLayersHaveWeightsOfTheirOwn) {
  ModelSpec spec = decoder();
  std::vector<BlockGroup> &groups = spec.stacks[0].blocks;
  groups = {{0, 2, block()}, {2, 1, block()}};
  groups[1].block.attention.scale = 0.5;
  build(spec);
  ASSERT_TRUE(weight("h.0-1.q.weight"));
  EXPECT_EQ(weight("h.0-1.q.weight").getLayers(),
            llvm::ArrayRef<int64_t>({0, 2}));
  ASSERT_TRUE(weight("h.2.q.weight"));
  EXPECT_EQ(weight("h.2.q.weight").getLayers(),
            llvm::ArrayRef<int64_t>({2, 1}));
  EXPECT_FALSE(weight("h.*.q.weight"));
}

TEST_F(DescriptionsTest, layersAreCutWhereTheirWeightsAreToldApart) {
  ModelSpec spec = decoder();
  std::vector<std::string> asked;
  build(spec, [&](llvm::StringRef tensor) {
    asked.push_back(tensor.str());
    return tensor == "h.1.down.weight";
  });
  EXPECT_EQ(asked.size(), 3u * 6);
  EXPECT_TRUE(weight("h.0.q.weight"));
  EXPECT_TRUE(weight("h.1.down.weight"));
  EXPECT_TRUE(weight("h.2.q.weight"));
  build(spec,
        [](llvm::StringRef tensor) { return tensor.starts_with("h.0."); });
  EXPECT_TRUE(weight("h.0.q.weight"));
  EXPECT_TRUE(weight("h.1-2.q.weight"));
  build(spec, [](llvm::StringRef tensor) { return tensor.contains(".down."); });
  EXPECT_TRUE(weight("h.*.q.weight"));
}

TEST_F(DescriptionsTest, blocksThatTakeTurnsShareALoop) {
  ModelSpec spec = decoder();
  std::vector<BlockGroup> &groups = spec.stacks[0].blocks;
  groups.clear();
  for (int64_t layer = 0; layer < 5; ++layer) {
    groups.push_back({layer, 1, block()});
    if (layer % 2)
      groups.back().block.attention.scale = 0.5;
  }
  build(spec);
  ASSERT_TRUE(weight("h.0-2:2.q.weight"));
  EXPECT_EQ(weight("h.0-2:2.q.weight").getLayers(),
            llvm::ArrayRef<int64_t>({0, 2, 2}));
  ASSERT_TRUE(weight("h.1-3:2.q.weight"));
  EXPECT_EQ(weight("h.1-3:2.q.weight").getLayers(),
            llvm::ArrayRef<int64_t>({1, 2, 2}));
  // What is left over has a loop of its own.
  EXPECT_TRUE(weight("h.4.q.weight"));
  build(spec,
        [](llvm::StringRef tensor) { return tensor.starts_with("h.2."); });
  for (int64_t layer = 0; layer < 5; ++layer)
    EXPECT_TRUE(weight("h." + std::to_string(layer) + ".q.weight"));
}

/// The loops' "first+count/parts" for layers of the given kinds.
static std::string loops(llvm::StringRef kinds) {
  Stack stack;
  for (auto [i, kind] : llvm::enumerate(kinds)) {
    stack.blocks.push_back({static_cast<int64_t>(i), 1, {}});
    stack.blocks.back().block.name = std::string(1, kind);
  }
  std::string text;
  for (const LayerLoop &loop : layerLoops(stack, nullptr)) {
    for (int64_t i = 0; i < loop.count; ++i)
      EXPECT_EQ(loop.parts[i % loop.parts.size()]->name[0],
                kinds[loop.first + i]);
    EXPECT_EQ(loop.whole, loop.count == static_cast<int64_t>(kinds.size()));
    text += std::to_string(loop.first) + "+" + std::to_string(loop.count) +
            "/" + std::to_string(loop.parts.size()) + " ";
  }
  return text;
}

TEST(LayerLoops, needFewBlocks) {
  EXPECT_EQ(loops("a"), "0+1/1 ");
  EXPECT_EQ(loops("aaaa"), "0+4/1 ");
  EXPECT_EQ(loops("abababab"), "0+8/2 ");
  EXPECT_EQ(loops("ababa"), "0+4/2 4+1/1 ");
  EXPECT_EQ(loops("abbabbab"), "0+6/3 6+1/1 7+1/1 ");
  EXPECT_EQ(loops("aabb"), "0+2/1 2+2/1 ");
  // Four blocks either way.
  EXPECT_EQ(loops("aabbaabb"), "0+2/1 2+2/1 4+2/1 6+2/1 ");
  EXPECT_EQ(loops("aaaaaaabaaaaaaab"), "0+7/1 7+1/1 8+7/1 15+1/1 ");
  EXPECT_EQ(loops("aabaabaabaab"), "0+12/3 ");
  EXPECT_EQ(loops("xabababy"), "0+1/1 1+6/2 7+1/1 ");
}

TEST_F(DescriptionsTest, sharedLayersHaveOneWeight) {
  ModelSpec spec = decoder();
  spec.stacks[0].blocks[0].block.attention.query = linear("shared.q", 8, 8);
  build(spec);
  ASSERT_TRUE(weight("shared.q.weight"));
  EXPECT_FALSE(weight("shared.q.weight").isPerLayer());
}

TEST_F(DescriptionsTest, slicesAreNamedByTheirRole) {
  ModelSpec spec = decoder();
  Attention &attention = spec.stacks[0].blocks[0].block.attention;
  int64_t begin = 0;
  for (Linear *part : {&attention.query, &attention.key, &attention.value}) {
    part->weight = matrix("h.{layer}.qkv.weight", 24, 8);
    part->weight.begin = begin;
    part->weight.count = 8;
    begin += 8;
  }
  build(spec);
  ir::WeightOp key = weight("h.*.qkv.weight.k");
  ASSERT_TRUE(key);
  EXPECT_EQ(key.getRows(), 8);
  EXPECT_EQ(llvm::cast<ir::TensorSourceAttr>(key.getSources()[0]).getBegin(),
            8);
}

TEST_F(DescriptionsTest, partsOfAVectorThatIsStoredAsARow) {
  ModelSpec spec = decoder();
  Attention &attention = spec.stacks[0].blocks[0].block.attention;
  attention.key.bias = Weight{"h.{layer}.qkv.bias", {1, 24}};
  attention.key.bias->begin = 8;
  attention.key.bias->count = 8;
  build(spec);
  ir::WeightOp bias = weight("h.*.qkv.bias.k");
  ASSERT_TRUE(bias);
  EXPECT_EQ(bias.getTensorType().getShape(), llvm::ArrayRef<int64_t>(8));
}

TEST_F(DescriptionsTest, sinusoidsWithoutLimitTakeTheGivenOne) {
  ModelSpec spec = decoder();
  spec.stacks[0].embedding.positions.kind = PositionKind::Sinusoidal;
  BuildLimits limits;
  limits.decoderPositions = 77;
  build(spec, limits);
  ASSERT_TRUE(weight("sinusoidal_positions"));
  EXPECT_EQ(weight("sinusoidal_positions").getRows(), 77);

  spec.stacks[0].embedding.positions.count = 33;
  build(spec, limits);
  EXPECT_EQ(weight("sinusoidal_positions").getRows(), 33);
}

TEST_F(DescriptionsTest, learnedPositionsBeginAtTheirOffset) {
  ModelSpec spec = decoder();
  Positions &positions = spec.stacks[0].embedding.positions;
  positions.kind = PositionKind::Learned;
  positions.count = 30;
  positions.offset = 2;
  positions.table = matrix("positions.weight", 32, 8);
  build(spec);
  ASSERT_TRUE(weight("positions.weight"));
  EXPECT_EQ(weight("positions.weight").getRows(), 30);
  EXPECT_EQ(llvm::cast<ir::TensorSourceAttr>(
                weight("positions.weight").getSources()[0])
                .getBegin(),
            2);
}

TEST_F(DescriptionsTest, tiedHeadsUseTheTableOfTheEmbedding) {
  ModelSpec spec = decoder();
  Embedding &embedding = spec.stacks[0].embedding;
  embedding.vocabulary = 5;
  embedding.tokens = matrix("tokens.weight", 5, 8);
  Head head;
  head.output = "logits";
  Linear layer = linear("lm", 5, 8);
  layer.weight = *embedding.tokens;
  layer.bias = Weight{"lm.bias", {1, 5}}; // a row, not a vector
  head.layers.emplace_back().linear = layer;
  spec.heads = {head};
  build(spec);
  auto entry = module->lookupSymbol<mlir::func::FuncOp>("head0");
  ASSERT_TRUE(entry);
  ir::LinearOp logits;
  entry.walk([&](ir::LinearOp op) { logits = op; });
  EXPECT_EQ(logits.getWeight(), "tokens.weight");
  EXPECT_EQ(llvm::cast<mlir::NameLoc>(logits.getLoc()).getName(), "logits");
  EXPECT_EQ(weight("lm.bias").getTensorType().getRank(), 1);
  EXPECT_EQ(weight("lm.bias").getRows(), 5);
}

TEST_F(DescriptionsTest, partsOfAVectorAreSourcesBehindEachOther) {
  ModelSpec spec = decoder();
  Norm &norm = spec.stacks[0].blocks[0].block.attention.queryNorm.emplace();
  norm.features = 8;
  norm.groups = 2;
  norm.gain = Weight{"h.{layer}.n.{part}.weight", {4}};
  norm.gain->parts = 2;
  build(spec);
  ir::WeightOp gain = weight("h.*.n.*.weight");
  ASSERT_TRUE(gain);
  EXPECT_EQ(gain.getRows(), 8);
  ASSERT_EQ(gain.getSources().size(), 2u);
  for (auto [i, name] : llvm::enumerate(std::vector<std::string>{
           "h.{layer}.n.0.weight", "h.{layer}.n.1.weight"})) {
    auto source = llvm::cast<ir::TensorSourceAttr>(gain.getSources()[i]);
    EXPECT_EQ(source.getName(), name);
    EXPECT_EQ(source.getCount(), 4);
  }
  ir::NormOp normOp;
  module->walk([&](ir::NormOp op) {
    if (op.getGroups() == 2)
      normOp = op;
  });
  ASSERT_TRUE(normOp);
  EXPECT_EQ(llvm::cast<mlir::NameLoc>(normOp.getLoc()).getName(), "h.*.n.*");
}

/// Types and a head's offset that the first token 5 of a sequence decides.
TEST_F(DescriptionsTest, segmentsTakeThePlaceOfTypes) {
  ModelSpec spec = decoder();
  Stack &stack = spec.stacks[0];
  stack.kind = StackKind::Encoder;
  stack.blocks[0].block.attention.causal = false;
  stack.embedding.vocabulary = 7;
  stack.embedding.tokens = matrix("tokens", 7, 8);
  stack.embedding.tokenTypes = 3;
  stack.embedding.tokenTypeTable = matrix("types", 3, 8);
  stack.embedding.typeSeparator = 5;
  Head &head = spec.heads.emplace_back();
  head.output = "starts";
  head.scalar = true;
  head.layers.emplace_back().linear = linear("head", 1, 8);
  head.segmentOffset = {5, -1e6};
  build(spec);
  EXPECT_TRUE(llvm::cast<ir::TensorSourceAttr>(weight("types").getSources()[0])
                  .getTransposed());
  auto encoder = module->lookupSymbol<mlir::func::FuncOp>("encoder");
  EXPECT_EQ(encoder.getNumArguments(), 2u); // no types
  auto segmentsOf = [](mlir::func::FuncOp entry) {
    std::vector<ir::SegmentOp> segments;
    entry.walk([&](ir::SegmentOp op) { segments.push_back(op); });
    return segments;
  };
  ASSERT_EQ(segmentsOf(encoder).size(), 1u);
  ir::SegmentOp types = segmentsOf(encoder)[0];
  EXPECT_EQ(types.getResult().getType().getDimSize(1), 3);
  EXPECT_EQ(types.getSkip(), 0u);
  auto entry = module->lookupSymbol<mlir::func::FuncOp>("head0");
  EXPECT_EQ(entry.getNumArguments(), 3u);
  ASSERT_EQ(segmentsOf(entry).size(), 1u);
  EXPECT_EQ(segmentsOf(entry)[0].getSeparator(), 5u);
  EXPECT_EQ(segmentsOf(entry)[0].getSkip(), 1u);
}

TEST_F(DescriptionsTest, theEncoderStoresTheKeysOfEveryGroupOfTheDecoder) {
  ModelSpec spec = decoder();
  spec.stacks.insert(spec.stacks.begin(), spec.stacks[0]);
  spec.stacks[0].kind = StackKind::Encoder;
  spec.stacks[0].blocks[0].block.attention.causal = false;
  Block decoding = block();
  decoding.crossAttention = decoding.attention;
  decoding.crossAttention->causal = false;
  decoding.crossAttention->key = linear("h.{layer}.cross.k", 8, 8);
  decoding.crossAttentionNorm = norm("h.{layer}.n3", 8);
  spec.stacks[1].blocks = {{0, 1, decoding}, {1, 2, decoding}};
  spec.stacks[1].blocks[0].block.attention.scale = 0.5;
  build(spec);

  auto encoder = module->lookupSymbol<mlir::func::FuncOp>("encoder");
  ASSERT_TRUE(encoder);
  std::vector<std::pair<int64_t, int64_t>> stored;
  encoder.walk([&](ir::KvAppendOp op) {
    auto layers = op->getParentOfType<ir::LayersOp>();
    if (op.getCache() == ir::CacheKind::Cross)
      stored.push_back({layers.getFirst(), layers.getCount()});
  });
  EXPECT_EQ(stored, (std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 2}}));
  // Its own layers keep nothing.
  encoder.walk([&](ir::KvAppendOp op) {
    EXPECT_NE(op.getCache(), ir::CacheKind::Self);
  });
}
