//===- Encoder.cpp - What encoder-only families share ---------------------===//

#include "compiler/Import/hf/Encoder.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Attention hf::encoderAttention(ConfigReader &config, int64_t hidden) {
  int64_t heads = config.count("num_attention_heads", maxHeads);
  config.requireDivides("num_attention_heads", heads, "hidden_size", hidden);
  return attention(hidden, heads, /*causal=*/false);
}

void hf::addBiasedProjections(Attention &attention,
                              const ProjectionNames &names, int64_t hidden) {
  attention.query = linear(names.query, hidden, hidden, /*bias=*/true);
  attention.key = linear(names.key, hidden, hidden, /*bias=*/true);
  attention.value = linear(names.value, hidden, hidden, /*bias=*/true);
  attention.output = linear(names.output, hidden, hidden, /*bias=*/true);
}

FeedForward hf::encoderFeedForward(ConfigReader &config, const Twine &up,
                                   const Twine &down, int64_t hidden,
                                   StringRef defaultActivation) {
  FeedForward result;
  int64_t width = config.count("intermediate_size");
  result.width = width;
  result.activation = config.activationOr("hidden_act", defaultActivation);
  result.up = linear(up, hidden, width, /*bias=*/true);
  result.down = linear(down, width, hidden, /*bias=*/true);
  return result;
}

Block hf::bertBlock(ConfigReader &config, const Twine &layer, int64_t hidden,
                    double epsilon) {
  Block block;
  block.name = layer.str();
  block.placement = NormPlacement::Post;
  std::string inputs = block.name + ".attention.self";
  std::string output = block.name + ".attention.output";
  block.attention = encoderAttention(config, hidden);
  addBiasedProjections(block.attention,
                       {inputs + ".query", inputs + ".key", inputs + ".value",
                        output + ".dense"},
                       hidden);
  block.attentionNorm = layerNorm(output + ".LayerNorm", hidden, epsilon);
  block.feedForward =
      encoderFeedForward(config, block.name + ".intermediate.dense",
                         block.name + ".output.dense", hidden);
  block.feedForwardNorm =
      layerNorm(block.name + ".output.LayerNorm", hidden, epsilon);
  return block;
}

//===----------------------------------------------------------------------===//
// Around the blocks
//===----------------------------------------------------------------------===//

Embedding hf::untypedEmbedding(ConfigReader &config, const Twine &module,
                               int64_t width, double epsilon,
                               int64_t firstPosition) {
  std::string name = module.str();
  Embedding embedding;
  embedding.vocabulary = config.count("vocab_size", maxCount);
  embedding.tokens =
      tensor(name + ".word_embeddings.weight", {embedding.vocabulary, width});
  int64_t rows = config.count("max_position_embeddings", maxCount);
  if (rows <= firstPosition)
    config.fail("max_position_embeddings",
                "expected more than the " + Twine(firstPosition) +
                    " rows before the first token's");
  embedding.positions =
      learnedPositions(name + ".position_embeddings.weight", rows, width);
  embedding.positions.first = firstPosition;
  embedding.positions.byToken = firstPosition > 0;
  embedding.norm = layerNorm(name + ".LayerNorm", width, epsilon);
  return embedding;
}

Embedding hf::bertEmbedding(ConfigReader &config, const Twine &module,
                            int64_t width, double epsilon,
                            int64_t firstPosition) {
  std::string name = module.str();
  Embedding embedding =
      untypedEmbedding(config, name, width, epsilon, firstPosition);
  embedding.tokenTypes = config.countOr("type_vocab_size", 2);
  embedding.tokenTypeTable = tensor(name + ".token_type_embeddings.weight",
                                    {embedding.tokenTypes, width});
  return embedding;
}

Stack hf::encoderStack(int64_t hidden, Embedding embedding,
                       std::vector<BlockGroup> blocks) {
  Stack stack;
  stack.kind = StackKind::Encoder;
  stack.hidden = hidden;
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.embedding = std::move(embedding);
  stack.maxPositions =
      stack.embedding.positions.count - stack.embedding.positions.first;
  stack.blocks = std::move(blocks);
  return stack;
}

Stack hf::encoderStack(int64_t hidden, Embedding embedding, int64_t layers,
                       Block block) {
  return encoderStack(hidden, std::move(embedding),
                      uniformBlocks(layers, std::move(block)));
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

HeadLayer hf::headLayer(Linear linear, std::optional<Activation> activation,
                        std::optional<Norm> norm) {
  HeadLayer layer;
  layer.linear = std::move(linear);
  layer.activation = activation;
  layer.norm = std::move(norm);
  return layer;
}

Head hf::firstTokenHead(StringRef output, std::vector<HeadLayer> layers) {
  Head head;
  head.output = output.str();
  head.rows = RowSelection::First;
  head.layers = std::move(layers);
  return head;
}

Head hf::poolerHead(const Twine &module, int64_t hidden) {
  return firstTokenHead(
      "pooler_output", {headLayer(linear(module, hidden, hidden, /*bias=*/true),
                                  Activation::Tanh)});
}

void hf::addClassifier(ConfigReader &config, ModelSpec &spec, HeadLayer dense,
                       const Twine &output) {
  int64_t width = dense.linear->outFeatures;
  addClassifier(config, spec, std::move(dense), width, output);
}

void hf::addClassifier(ConfigReader &config, ModelSpec &spec, HeadLayer before,
                       int64_t width, const Twine &output) {
  addClassifier(config, spec, firstTokenHead("", {std::move(before)}), width,
                output);
}

void hf::addClassifier(ConfigReader &config, ModelSpec &spec, Head head,
                       int64_t width, const Twine &output,
                       int64_t defaultClasses) {
  spec.labels = classLabels(config, defaultClasses);
  config.markRead("problem_type"); // by what reads every family's label scores
  int64_t classes = spec.labels.size();
  head.output = "logits";
  head.layers.push_back(
      headLayer(linear(output, width, classes, /*bias=*/true)));
  spec.heads.push_back(std::move(head));
}

void hf::addSpanHeads(ModelSpec &spec, const Head &head, int64_t width,
                      const Twine &module) {
  const char *const outputs[] = {"start_logits", "end_logits"};
  for (auto [row, output] : llvm::enumerate(outputs)) {
    auto first = static_cast<int64_t>(row);
    Linear number = linear(module, width, 1, /*bias=*/true);
    number.weight = rows(module + ".weight", {2, width}, first, 1);
    number.bias = rows(module + ".bias", {2}, first, 1);
    Head span = head;
    span.output = output;
    span.layers.push_back(headLayer(std::move(number)));
    span.scalar = true;
    spec.heads.push_back(std::move(span));
  }
}

bool hf::addTokenHeads(ConfigReader &config, ModelSpec &spec, StringRef model,
                       int64_t hidden, StringRef classifier) {
  if (model.ends_with("ForTokenClassification")) {
    spec.labels = classLabels(config);
    int64_t classes = spec.labels.size();
    spec.heads.push_back(
        languageModelHead(linear(classifier, hidden, classes, /*bias=*/true)));
    return true;
  }
  if (!model.ends_with("ForQuestionAnswering"))
    return false;
  addSpanHeads(spec, Head(), hidden, "qa_outputs");
  return true;
}

void hf::addMaskedLmHead(ModelSpec &spec, const Stack &stack,
                         const MaskedLmNames &names, Activation activation,
                         double epsilon, bool tied) {
  const Embedding &embedding = stack.embedding;
  int64_t width = embedding.width ? embedding.width : stack.hidden;
  HeadLayer transform =
      headLayer(linear(names.dense, stack.hidden, width, /*bias=*/true),
                activation, layerNorm(names.norm, width, epsilon));
  Linear decoder =
      linear(names.decoder, width, embedding.vocabulary, /*bias=*/false);
  if (tied)
    decoder.weight = *embedding.tokens;
  decoder.bias = tensor(names.bias, {embedding.vocabulary});

  Head head = languageModelHead(std::move(decoder));
  head.layers.insert(head.layers.begin(), std::move(transform));
  spec.heads.push_back(std::move(head));
  // Some checkpoints store under the decoder's name what it shares.
  spec.checkpoint.ignorable.push_back(
      (names.decoder + (tied ? ".*" : ".bias")).str());
}

void hf::addPairHead(ModelSpec &spec, Head pooler, StringRef output,
                     const Twine &module, int64_t classes) {
  spec.heads.back().output = "prediction_logits";
  pooler.output = output.str();
  int64_t width = pooler.layers.back().linear->outFeatures;
  pooler.layers.push_back(
      headLayer(linear(module, width, classes, /*bias=*/true)));
  spec.heads.push_back(std::move(pooler));
}

void hf::addRobertaHead(ConfigReader &config, ModelSpec &spec, StringRef model,
                        const Stack &stack, StringRef prefix, double epsilon) {
  std::vector<std::string> &ignorable = spec.checkpoint.ignorable;
  ignorable.push_back("*.position_ids");
  int64_t hidden = stack.hidden;
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model.ends_with("ForMaskedLM"))
    addMaskedLmHead(spec, stack,
                    {"lm_head.dense", "lm_head.layer_norm", "lm_head.decoder",
                     "lm_head.bias"},
                    Activation::Gelu, epsilon, tied);
  else
    ignorable.push_back("lm_head.*");
  if (model.ends_with("ForSequenceClassification"))
    addClassifier(
        config, spec,
        headLayer(linear("classifier.dense", hidden, hidden, /*bias=*/true),
                  Activation::Tanh),
        "classifier.out_proj");
  addTokenHeads(config, spec, model, hidden);
  if (model.ends_with("Model"))
    spec.heads.push_back(poolerHead(prefix + "pooler.dense", hidden));
  else
    ignorable.push_back("*pooler.dense.*");
}
