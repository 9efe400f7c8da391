//===- Whisper.cpp - model_type "whisper" ---------------------------------===//
//
// Speech to text: an encoder of log-mel frames, two of which two convolutions
// make one row of, and a decoder of tokens; learned positions, norms before the
// sub-blocks, keys without bias, the head tied to the table of tokens.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

/// A convolution of kernel 3 over frames and their neighbours, and gelu.
static Convolution convolution(const llvm::Twine &module, int64_t in,
                               int64_t out, int64_t stride) {
  constexpr int64_t kernel = 3;
  Convolution result;
  result.kernel = kernel;
  result.stride = stride;
  result.padding = 1;
  result.linear = linear(module, kernel * in, out, /*bias=*/true);
  result.linear.weight.stored = {out, in, kernel};
  result.linear.weight.convolution = true;
  result.activation = Activation::Gelu;
  return result;
}

/// The table of the model, whose rows are learned or, the encoder's, computed
/// before training.
static void addPositions(Stack &stack) {
  const std::string module = std::string("model.") + nameOf(stack.kind);
  stack.embedding.positions = learnedPositions(
      module + ".embed_positions.weight", stack.maxPositions, stack.hidden);
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model = architecture(
      config, {"WhisperForConditionalGeneration", "WhisperModel"}, warnings);
  EncoderDecoderOptions options;
  options.placement = NormPlacement::Pre;
  options.keyBias = false;
  options.encoderPositions = "max_source_positions";
  options.decoderPositions = "max_target_positions";
  EncoderDecoder stacks = readEncoderDecoder(config, options);
  Stack &encoder = stacks.encoder, &decoder = stacks.decoder;
  int64_t hidden = encoder.hidden;

  encoder.input = "input_features";
  encoder.featuresFirst = true;
  encoder.embedding.stem = {
      convolution("model.encoder.conv1", config.count("num_mel_bins"), hidden,
                  /*stride=*/1),
      convolution("model.encoder.conv2", hidden, hidden, /*stride=*/2)};
  addPositions(encoder);
  decoder.embedding.vocabulary = config.count("vocab_size", maxCount);
  decoder.embedding.tokens = tensor("model.decoder.embed_tokens.weight",
                                    {decoder.embedding.vocabulary, hidden});
  addPositions(decoder);

  CheckpointRules &rules = spec.checkpoint;
  rules.optionalPrefixes = {"model."};
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model == "WhisperForConditionalGeneration") {
    Linear head = linear("proj_out", hidden, decoder.embedding.vocabulary,
                         /*bias=*/false);
    if (tied)
      head.weight = *decoder.embedding.tokens;
    spec.heads.push_back(languageModelHead(std::move(head)));
  }
  if (tied)
    rules.suffixAliases = {
        {"model.decoder.embed_tokens.weight", "proj_out.weight"}};
  if (tied || spec.heads.empty())
    rules.ignorable = {"proj_out.weight"};
  spec.stacks.push_back(std::move(encoder));
  spec.stacks.push_back(std::move(decoder));
}

const Family &hf::whisper() {
  static constexpr FixedKey fixed[] = {
      {"use_weighted_layer_sum", "false"},
  };
  // keep-sorted start
  // Masks are of training; scale_embedding is read, but not used, by the
  // model's class; num_hidden_layers repeats encoder_layers.
  static constexpr const char *withoutEffect[] = {
      "activation_dropout",
      "apply_spec_augment",
      "attention_dropout",
      "classifier_proj_size",
      "decoder_layerdrop",
      "dropout",
      "encoder_layerdrop",
      "init_std",
      "mask_feature_length",
      "mask_feature_min_masks",
      "mask_feature_prob",
      "mask_time_length",
      "mask_time_min_masks",
      "mask_time_prob",
      "median_filter_width",
      "num_hidden_layers",
      "scale_embedding",
  };
  // keep-sorted end
  static constexpr int64_t beginSuppress[] = {220, 50256};
  static constexpr Family family = {
      .modelType = "whisper",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 50256,
                        .eos = 50256,
                        .pad = 50256,
                        .decoderStart = 50257,
                        .beginSuppress = beginSuppress}};
  return family;
}
