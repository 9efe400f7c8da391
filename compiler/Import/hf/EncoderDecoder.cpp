//===- EncoderDecoder.cpp - What bart and its heirs share -----------------===//

#include "compiler/Import/hf/EncoderDecoder.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::Twine;

/// No key of these families sets it.
static constexpr double epsilon = 1e-5;

static Attention readAttention(const Twine &name, int64_t hidden, int64_t heads,
                               bool causal, bool keyBias) {
  std::string module = name.str();
  Attention result = attention(hidden, heads, causal);
  result.query = linear(module + ".q_proj", hidden, hidden, /*bias=*/true);
  result.key = linear(module + ".k_proj", hidden, hidden, keyBias);
  result.value = linear(module + ".v_proj", hidden, hidden, /*bias=*/true);
  result.output = linear(module + ".out_proj", hidden, hidden, /*bias=*/true);
  return result;
}

/// `side` is "encoder" or "decoder": the module's name and the keys' prefix.
static Stack readStack(ConfigReader &config, StackKind kind, int64_t hidden,
                       const EncoderDecoderOptions &options) {
  const std::string side = nameOf(kind);
  const std::string layer = "model." + side + ".layers.{layer}";
  bool isDecoder = kind == StackKind::Decoder;
  std::string headsKey = side + "_attention_heads";
  int64_t heads = config.count(headsKey, maxHeads);
  config.requireDivides(headsKey, heads, "d_model", hidden);

  Block block;
  block.name = layer;
  block.placement = options.placement;
  block.attention = readAttention(layer + ".self_attn", hidden, heads,
                                  /*causal=*/isDecoder, options.keyBias);
  block.attentionNorm =
      layerNorm(layer + ".self_attn_layer_norm", hidden, epsilon);
  if (isDecoder) {
    block.crossAttention = readAttention(layer + ".encoder_attn", hidden, heads,
                                         /*causal=*/false, options.keyBias);
    block.crossAttentionNorm =
        layerNorm(layer + ".encoder_attn_layer_norm", hidden, epsilon);
  }
  FeedForward &feedForward = block.feedForward;
  int64_t width = config.count(side + "_ffn_dim");
  feedForward.width = width;
  feedForward.activation =
      config.activationOr("activation_function", options.defaultActivation);
  feedForward.up = linear(layer + ".fc1", hidden, width, /*bias=*/true);
  feedForward.down = linear(layer + ".fc2", width, hidden, /*bias=*/true);
  block.feedForwardNorm =
      layerNorm(layer + ".final_layer_norm", hidden, epsilon);

  Stack stack;
  stack.kind = kind;
  stack.hidden = hidden;
  stack.maxPositions = config.count(isDecoder ? options.decoderPositions
                                              : options.encoderPositions,
                                    maxCount);
  stack.blocks = uniformBlocks(config.count(side + "_layers", maxLayers),
                               std::move(block));
  if (options.placement == NormPlacement::Pre)
    stack.finalNorm =
        layerNorm("model." + side + ".layer_norm", hidden, epsilon);
  return stack;
}

EncoderDecoder hf::readEncoderDecoder(ConfigReader &config,
                                      const EncoderDecoderOptions &options) {
  int64_t hidden = config.count("d_model");
  EncoderDecoder result;
  result.encoder = readStack(config, StackKind::Encoder, hidden, options);
  result.encoder.input = "input_ids";
  result.encoder.output = "encoder_last_hidden_state";
  result.decoder = readStack(config, StackKind::Decoder, hidden, options);
  result.decoder.input = "decoder_input_ids";
  result.decoder.output = "last_hidden_state";
  return result;
}

void hf::addLearnedPositions(Stack &stack) {
  constexpr int64_t firstPosition = 2;
  const std::string module = std::string("model.") + nameOf(stack.kind);
  stack.embedding.positions =
      learnedPositions(module + ".embed_positions.weight", stack.maxPositions,
                       stack.hidden, firstPosition);
  stack.embedding.norm =
      layerNorm(module + ".layernorm_embedding", stack.hidden, epsilon);
}

void hf::addSinusoidalPositions(Stack &stack) {
  Positions &positions = stack.embedding.positions;
  positions.kind = PositionKind::Sinusoidal;
  positions.order = SinusoidalOrder::SplitHalf;
  positions.count = stack.maxPositions;
}

double hf::readEmbeddingScale(ConfigReader &config, int64_t hidden,
                              bool byDefault) {
  if (!config.flagOr("scale_embedding", byDefault))
    return 1.0;
  return std::sqrt(static_cast<double>(hidden));
}

Head hf::biasedHead(const Stack &decoder, bool tied, bool hasBias) {
  int64_t vocabulary = decoder.embedding.vocabulary;
  Linear head = linear("lm_head", decoder.hidden, vocabulary, /*bias=*/false);
  if (tied)
    head.weight = *decoder.embedding.tokens;
  if (hasBias)
    head.bias = tensor("final_logits_bias", {1, vocabulary});
  return languageModelHead(std::move(head));
}

void hf::addSharedModel(ConfigReader &config, ModelSpec &spec,
                        EncoderDecoder stacks, bool hasHead,
                        const SharedModelOptions &options) {
  for (Stack *stack : {&stacks.encoder, &stacks.decoder}) {
    Embedding &embedding = stack->embedding;
    embedding.vocabulary = config.count("vocab_size", maxCount);
    embedding.tokens =
        tensor("model.shared.weight", {embedding.vocabulary, stack->hidden});
    embedding.scale =
        readEmbeddingScale(config, stack->hidden, options.scaledTokens);
  }
  CheckpointRules &rules = spec.checkpoint;
  rules.optionalPrefixes = {"model."};
  rules.suffixAliases = {{"shared.weight", "encoder.embed_tokens.weight"},
                         {"shared.weight", "decoder.embed_tokens.weight"}};
  rules.ignorable = {"*encoder.embed_tokens.weight",
                     "*decoder.embed_tokens.weight"};
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (hasHead)
    spec.heads.push_back(biasedHead(stacks.decoder, tied, options.headBias));
  else
    rules.ignorable.push_back("final_logits_bias");
  if (tied)
    rules.suffixAliases.push_back({"model.shared.weight", "lm_head.weight"});
  if (tied || !hasHead)
    rules.ignorable.push_back("lm_head.weight");
  spec.stacks.push_back(std::move(stacks.encoder));
  spec.stacks.push_back(std::move(stacks.decoder));
}
