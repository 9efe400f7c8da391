//===- Decoder.cpp - What decoder-only families share ---------------------===//

#include "compiler/Import/hf/Decoder.h"

#include "compiler/Import/hf/Encoder.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

bool hf::saysNull(const ConfigReader &config, StringRef key) {
  const JsonValue *value = config.source().root.find(key);
  return value && value->isNull();
}

Attention hf::groupedAttention(ConfigReader &config, int64_t hidden,
                               int64_t defaultHeadDim, int64_t defaultKvHeads) {
  Attention result;
  result.heads = config.count("num_attention_heads", maxHeads);
  if (!defaultKvHeads || saysNull(config, "num_key_value_heads"))
    defaultKvHeads = result.heads;
  result.kvHeads =
      config.countOr("num_key_value_heads", defaultKvHeads, maxHeads);
  config.requireDivides("num_key_value_heads", result.kvHeads,
                        "num_attention_heads", result.heads);
  if (!config.find("head_dim") && !defaultHeadDim)
    config.requireDivides("num_attention_heads", result.heads, "hidden_size",
                          hidden);
  if (!defaultHeadDim)
    defaultHeadDim = std::max<int64_t>(hidden / result.heads, 1);
  result.headDim = config.countOr("head_dim", defaultHeadDim, maxHeads);
  result.scale = 1.0 / std::sqrt(static_cast<double>(result.headDim));
  result.causal = true;
  return result;
}

void hf::addProjections(Attention &attention, const Twine &module,
                        int64_t hidden, ProjectionBiases biases,
                        StringRef output) {
  int64_t width = attention.heads * attention.headDim;
  int64_t kvWidth = attention.kvHeads * attention.headDim;
  attention.query = linear(module + ".q_proj", hidden, width, biases.inputs);
  attention.key = linear(module + ".k_proj", hidden, kvWidth, biases.inputs);
  attention.value = linear(module + ".v_proj", hidden, kvWidth, biases.inputs);
  attention.output =
      linear(module + "." + output, width, hidden, biases.output);
}

/// Rows [begin, begin + count) of `module`, or pieces of them.
static Linear partOf(const Twine &module, int64_t in, int64_t storedOut,
                     bool bias, int64_t begin, int64_t count, int64_t piece = 0,
                     int64_t every = 0) {
  Linear result = linear(module, in, storedOut, bias);
  result.outFeatures = count;
  auto take = [&](Weight &weight) {
    weight.begin = begin;
    weight.count = count;
    if (piece == count) // one piece
      return;
    weight.piece = piece;
    weight.every = every;
  };
  take(result.weight);
  if (result.bias)
    take(*result.bias);
  return result;
}

void hf::addMergedProjections(Attention &attention, const Twine &module,
                              int64_t hidden, bool bias) {
  int64_t width = attention.heads * attention.headDim;
  int64_t kvWidth = attention.kvHeads * attention.headDim;
  int64_t all = width + 2 * kvWidth;
  attention.query = partOf(module, hidden, all, bias, 0, width, width);
  attention.key = partOf(module, hidden, all, bias, width, kvWidth, kvWidth);
  attention.value =
      partOf(module, hidden, all, bias, width + kvWidth, kvWidth, kvWidth);
}

void hf::addInterleavedProjections(Attention &attention, const Twine &module,
                                   int64_t hidden, bool bias) {
  int64_t headDim = attention.headDim;
  int64_t queries = attention.heads / attention.kvHeads * headDim;
  int64_t every = queries + 2 * headDim;
  int64_t all = attention.kvHeads * every;
  int64_t width = attention.heads * headDim;
  int64_t kvWidth = attention.kvHeads * headDim;
  attention.query = partOf(module, hidden, all, bias, 0, width, queries, every);
  attention.key =
      partOf(module, hidden, all, bias, queries, kvWidth, headDim, every);
  attention.value = partOf(module, hidden, all, bias, queries + headDim,
                           kvWidth, headDim, every);
}

//===----------------------------------------------------------------------===//
// Feed-forward
//===----------------------------------------------------------------------===//

FeedForward hf::plainFeedForward(const Twine &up, const Twine &down,
                                 int64_t hidden, int64_t width,
                                 Activation activation, bool bias) {
  FeedForward result;
  result.width = width;
  result.activation = activation;
  result.up = linear(up, hidden, width, bias);
  result.down = linear(down, width, hidden, bias);
  return result;
}

FeedForward hf::gatedFeedForward(const Twine &module, int64_t hidden,
                                 int64_t width, Activation activation,
                                 bool bias) {
  FeedForward result =
      plainFeedForward(module + ".up_proj", module + ".down_proj", hidden,
                       width, activation, bias);
  result.gate = linear(module + ".gate_proj", hidden, width, bias);
  return result;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Norm hf::offsetRmsNorm(const Twine &module, int64_t features, double epsilon) {
  Norm norm = rmsNorm(module, features, epsilon);
  norm.gainOffset = 1.0;
  return norm;
}

Block hf::llamaAttentionBlock(ConfigReader &config, int64_t hidden,
                              const LlamaOptions &options) {
  Block block;
  block.name = (options.prefix + "layers.{layer}").str();
  block.attention = groupedAttention(config, hidden, options.defaultHeadDim,
                                     options.defaultKvHeads);
  block.attention.rotary =
      readRotary(config, block.attention.headDim, options.defaultTheta,
                 options.defaultRotaryPart);
  addProjections(block.attention, block.name + ".self_attn", hidden,
                 options.biases);
  return block;
}

Block hf::llamaBlock(ConfigReader &config, int64_t hidden,
                     const LlamaOptions &options) {
  Block block = llamaAttentionBlock(config, hidden, options);
  block.feedForward = gatedFeedForward(
      block.name + ".mlp", hidden, config.count("intermediate_size"),
      config.activationOr(options.activationKey, options.defaultActivation),
      options.feedForwardBias);
  return block;
}

void hf::addLlamaNorms(Block &block, int64_t hidden, double epsilon) {
  block.attentionNorm =
      rmsNorm(block.name + ".input_layernorm", hidden, epsilon);
  block.feedForwardNorm =
      rmsNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
}

void hf::readClip(ConfigReader &config, Attention &attention) {
  if (config.find("clip_qkv"))
    attention.clip = config.positive("clip_qkv");
}

int64_t hf::readWindow(ConfigReader &config, int64_t defaultWindow) {
  if (saysNull(config, "sliding_window"))
    defaultWindow = 0;
  return config.countOr("sliding_window", defaultWindow, maxCount);
}

/// Which of `count` layers `layer_types` calls sliding.
static std::vector<bool> readLayerTypes(ConfigReader &config,
                                        const JsonValue &list, int64_t count,
                                        bool hasWindow) {
  std::vector<bool> sliding(count, false);
  if (!list.isArray() || static_cast<int64_t>(list.elements.size()) != count) {
    config.fail("layer_types", "expected a list of \"num_hidden_layers\" (" +
                                   Twine(count) + ") names");
    return sliding;
  }
  for (int64_t layer = 0; layer < count; ++layer) {
    const JsonValue &type = list.elements[layer];
    bool slides = type.isString() && type.text == "sliding_attention";
    sliding[layer] = slides;
    if ((slides && hasWindow) ||
        (type.isString() && type.text == "full_attention"))
      continue;
    config.record(userError(
        config.source().where(type),
        "\"layer_types\" has " + describe(type) + "; supported: " +
            (hasWindow ? "full_attention, sliding_attention"
                       : "full_attention, as there is no sliding window")));
  }
  return sliding;
}

std::vector<BlockGroup>
hf::windowedBlocks(ConfigReader &config, const Block &block, int64_t window,
                   llvm::function_ref<bool(int64_t)> slides) {
  int64_t count = config.count("num_hidden_layers", maxLayers);
  std::vector<bool> listed;
  if (const JsonValue *list = config.find("layer_types"))
    listed = readLayerTypes(config, *list, count, window != 0);
  return groupBlocks(count, [&](int64_t layer) {
    Block result = block;
    if (listed.empty() ? slides(layer) : listed[layer])
      result.attention.window = window;
    return result;
  });
}

std::vector<BlockGroup> hf::upperWindowedBlocks(ConfigReader &config,
                                                const Block &block) {
  int64_t window = readWindow(config, /*defaultWindow=*/4096);
  if (!config.flagOr("use_sliding_window", false))
    window = 0;
  int64_t first = 28;
  if (const JsonValue *value = config.find("max_window_layers")) {
    llvm::Expected<int64_t> number = config.source().asInteger(
        *value, "max_window_layers", /*minimum=*/0, maxCount);
    if (number)
      first = *number;
    else
      config.record(number.takeError());
  }
  return windowedBlocks(config, block, window,
                        [&](int64_t layer) { return layer >= first; });
}

//===----------------------------------------------------------------------===//
// Around the blocks
//===----------------------------------------------------------------------===//

Stack hf::decoderStack(int64_t hidden, int64_t vocabulary, int64_t maxPositions,
                       const Twine &table) {
  Stack stack;
  stack.kind = StackKind::Decoder;
  stack.hidden = hidden;
  stack.maxPositions = maxPositions;
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.embedding.vocabulary = vocabulary;
  stack.embedding.tokens = tensor(table, {vocabulary, hidden});
  return stack;
}

std::vector<BlockGroup>
hf::groupBlocks(int64_t count, llvm::function_ref<Block(int64_t)> block) {
  std::vector<BlockGroup> groups;
  for (int64_t layer = 0; layer < count; ++layer) {
    Block next = block(layer);
    if (groups.empty() || groups.back().block != next)
      groups.push_back({layer, /*count=*/0, std::move(next)});
    ++groups.back().count;
  }
  return groups;
}

Stack hf::modelStack(ConfigReader &config, int64_t defaultPositions,
                     StringRef prefix) {
  return decoderStack(
      config.count("hidden_size"), config.count("vocab_size", maxCount),
      config.countOr("max_position_embeddings", defaultPositions, maxCount),
      prefix + "embed_tokens.weight");
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

StringRef hf::llamaPrefix(StringRef model) {
  return model.ends_with("ForQuestionAnswering") ? "transformer." : "model.";
}

namespace {
enum class Task { NextToken, Sequences, Tokens, Answers, None };
struct TaskName {
  const char *suffix; // of the class's name
  Task task;
};
} // namespace

static Task taskOf(StringRef model) {
  static constexpr TaskName names[] = {
      {"ForCausalLM", Task::NextToken},
      {"LMHeadModel", Task::NextToken},
      {"ForSequenceClassification", Task::Sequences},
      {"ForTokenClassification", Task::Tokens},
      {"ForQuestionAnswering", Task::Answers},
  };
  for (const TaskName &name : names)
    if (model.ends_with(name.suffix))
      return name.task;
  return Task::None;
}

/// The vocabulary's logits, and how checkpoints store them.
static HeadLayer *addVocabularyHead(ModelSpec &spec, const Embedding &embedding,
                                    const DecoderNames &names, int64_t width,
                                    bool isWanted, bool tied) {
  CheckpointRules &rules = spec.checkpoint;
  std::string weight = (names.head + ".weight").str();
  if (tied)
    rules.suffixAliases.push_back({embedding.tokens->tensor, weight});
  if (tied || !isWanted)
    rules.ignorable.push_back(weight);
  if (!isWanted) {
    if (names.headBias)
      rules.ignorable.push_back((names.head + ".bias").str());
    return nullptr;
  }
  Linear head = linear(names.head, width, embedding.vocabulary, names.headBias);
  if (tied)
    head.weight = *embedding.tokens;
  spec.heads.push_back(languageModelHead(std::move(head)));
  return &spec.heads.back().layers.front();
}

/// "logits" of a class each, without a bias, of the last token of a sequence:
/// the one that has seen all of it.
static void addSequenceHead(ConfigReader &config, ModelSpec &spec,
                            int64_t width) {
  Head head;
  head.rows = RowSelection::Last;
  addClassifier(config, spec, std::move(head), width, "score");
  spec.heads.back().layers.back().linear->bias.reset();
}

/// Versions of transformers differ in the name of phi's module.
static void addTokenHead(ConfigReader &config, ModelSpec &spec, StringRef model,
                         const DecoderNames &names, int64_t width) {
  addTokenHeads(config, spec, model, width, names.tokenHead);
  StringRef other = names.tokenHead == "score" ? "classifier" : "score";
  for (const char *part : {".weight", ".bias"})
    spec.checkpoint.suffixAliases.push_back(
        {(names.tokenHead + part).str(), (other + part).str()});
}

/// The limit of a model whose angles are scaled: who publishes one may have
/// raised \p positions by the factor or not.
static int64_t scaledPositions(const Rotary &rotary, int64_t positions) {
  double original = static_cast<double>(
      rotary.originalMaxPositions ? rotary.originalMaxPositions : positions);
  switch (rotary.scaling) {
  case RopeScalingKind::Dynamic: // for any length beyond the model's own
    return 0;
  case RopeScalingKind::Linear:
  case RopeScalingKind::Yarn:
    return std::max<int64_t>(
        positions, static_cast<int64_t>(std::min<double>(
                       std::floor(original * rotary.factor), maxCount)));
  default:
    return positions;
  }
}

HeadLayer *hf::addDecoder(ConfigReader &config, ModelSpec &spec, Stack stack,
                          StringRef model, const DecoderNames &names,
                          bool defaultTied) {
  for (const BlockGroup &group : stack.blocks)
    if (const auto &rotary = group.block.attention.rotary)
      stack.maxPositions = scaledPositions(*rotary, stack.maxPositions);
  const Embedding &embedding = stack.embedding;
  int64_t width = embedding.width ? embedding.width : stack.hidden;
  Task task = taskOf(model);
  spec.checkpoint.optionalPrefixes.push_back(names.prefix.str());
  HeadLayer *vocabulary =
      addVocabularyHead(spec, embedding, names, width, task == Task::NextToken,
                        config.flagOr("tie_word_embeddings", defaultTied));
  if (task == Task::Sequences)
    addSequenceHead(config, spec, width);
  else if (task == Task::Tokens)
    addTokenHead(config, spec, model, names, width);
  else if (task == Task::Answers)
    addTokenHeads(config, spec, model, width);
  spec.stacks.push_back(std::move(stack));
  return vocabulary;
}

HeadLayer *hf::addModel(ConfigReader &config, ModelSpec &spec, Stack stack,
                        StringRef model, bool defaultTied,
                        const DecoderNames &names) {
  HeadLayer *head =
      addDecoder(config, spec, std::move(stack), model, names, defaultTied);
  spec.checkpoint.ignorable.push_back("*.rotary_emb.inv_freq");
  return head;
}
