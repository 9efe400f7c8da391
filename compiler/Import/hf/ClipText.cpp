//===- ClipText.cpp - model_type "clip_text_model" ------------------------===//
//
// Pre-norm encoder whose tokens see those before them. The text's embedding is
// a projection of its end token.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "text_model.encoder.layers.{layer}";
  Block block;
  block.name = layer;
  block.attention = encoderAttention(config, hidden);
  block.attention.causal = true;
  addProjections(block.attention, layer + ".self_attn", hidden,
                 {/*inputs=*/true, /*output=*/true}, "out_proj");
  block.attentionNorm = layerNorm(layer + ".layer_norm1", hidden, epsilon);
  block.feedForward =
      encoderFeedForward(config, layer + ".mlp.fc1", layer + ".mlp.fc2", hidden,
                         /*defaultActivation=*/"quick_gelu");
  block.feedForwardNorm = layerNorm(layer + ".layer_norm2", hidden, epsilon);
  return block;
}

static Embedding readEmbedding(ConfigReader &config, int64_t hidden) {
  const std::string module = "text_model.embeddings";
  Embedding embedding;
  embedding.vocabulary = config.countOr("vocab_size", 49408, maxCount);
  embedding.tokens = tensor(module + ".token_embedding.weight",
                            {embedding.vocabulary, hidden});
  embedding.positions = learnedPositions(
      module + ".position_embedding.weight",
      config.countOr("max_position_embeddings", 77, maxCount), hidden);
  return embedding;
}

/// Old configurations say 2 where the vocabulary's last id ends a text.
static void selectEndToken(ConfigReader &config, Head &head) {
  int64_t token = config.countOr("eos_token_id", 49407, maxCount);
  head.rows = token == 2 ? RowSelection::HighestToken : RowSelection::Token;
  head.token = token == 2 ? 0 : token;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config, {"CLIPTextModelWithProjection", "CLIPTextModel"}, warnings);
  int64_t hidden = config.countOr("hidden_size", 512);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  Stack stack = encoderStack(hidden, readEmbedding(config, hidden),
                             config.countOr("num_hidden_layers", 12, maxLayers),
                             readBlock(config, hidden, epsilon));
  stack.finalNorm = layerNorm("text_model.final_layer_norm", hidden, epsilon);
  spec.checkpoint.ignorable = {"*.position_ids"};
  if (model == "CLIPTextModelWithProjection") {
    Head head;
    head.output = "text_embeds";
    selectEndToken(config, head);
    int64_t features = config.countOr("projection_dim", 512);
    head.layers = {
        headLayer(linear("text_projection", hidden, features, /*bias=*/false))};
    spec.heads.push_back(std::move(head));
  } else {
    config.markRead("eos_token_id");
    config.markRead("projection_dim");
    spec.checkpoint.ignorable.push_back("text_projection.weight");
  }
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::clipText() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",
      "dropout",
      "initializer_factor",
  };
  // keep-sorted end
  static constexpr Family family = {
      "clip_text_model", {}, withoutEffect, build};
  return family;
}
