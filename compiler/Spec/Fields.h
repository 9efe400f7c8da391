//===- Fields.h - The fields of a description in YAML ----------*- C++ -*-===//
//
// One function per structure of ModelSpec.h names its fields. Reading and
// writing both go through it, so they cannot disagree. An Io offers:
//
//   required(key, value)            optional(key, std::optional)
//   optional(key, value, default)   written only when it is not the default
//   optional(key, object)           written only when it has members
//   part(key, structure)            absent where it does not exist()
//   weight(key, Weight or std::optional<Weight>, shape)   see below
//   hidden                          of the stack at hand
//   heads                           of the attention at hand
//
// A Mask is a text.
//
// A weight that is the whole tensor of the shape that its place asks for is
// written as the tensor's name alone.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_FIELDS_H
#define ASHLAR_COMPILER_SPEC_FIELDS_H

#include "compiler/Spec/Yaml.h"

namespace ashlar {

using Shape = std::vector<int64_t>;

template <typename Io> void fields(Io &io, Weight &x) {
  io.required("tensor", x.tensor);
  io.optional("stored", x.stored, Shape());
  io.optional("transposed", x.transposed, false);
  io.optional("convolution", x.convolution, false);
  io.optional("begin", x.begin, int64_t(0));
  io.optional("count", x.count, int64_t(0));
  io.optional("piece", x.piece, int64_t(0));
  io.optional("every", x.every, int64_t(0));
  io.optional("parts", x.parts, int64_t(1));
}

template <typename Io> void fields(Io &io, Linear &x) {
  io.required("in", x.inFeatures);
  io.required("out", x.outFeatures);
  io.weight("weight", x.weight, Shape{x.outFeatures, x.inFeatures});
  io.weight("bias", x.bias, Shape{x.outFeatures});
}

template <typename Io> void fields(Io &io, Norm &x) {
  io.required("kind", x.kind);
  io.required("features", x.features);
  io.optional("groups", x.groups, int64_t(1));
  io.required("epsilon", x.epsilon);
  io.weight("gain", x.gain, Shape{x.features});
  io.optional("gain_offset", x.gainOffset, 0.0);
  io.weight("bias", x.bias, Shape{x.features});
}

template <typename Io> void fields(Io &io, Rotary &x) {
  io.required("dimensions", x.dimensions);
  io.optional("interleaved", x.interleaved, false);
  io.required("theta", x.theta);
  io.optional("scaling", x.scaling, RopeScalingKind::None);
  io.optional("factor", x.factor, 1.0);
  io.optional("low_frequency_factor", x.lowFrequencyFactor, 1.0);
  io.optional("high_frequency_factor", x.highFrequencyFactor, 4.0);
  io.optional("original_max_positions", x.originalMaxPositions, int64_t(0));
  io.optional("beta_fast", x.betaFast, 32.0);
  io.optional("beta_slow", x.betaSlow, 1.0);
  io.optional("magnitude", x.magnitude, 1.0);
  io.optional("short_factors", x.shortFactors, std::vector<double>());
  io.optional("long_factors", x.longFactors, std::vector<double>());
}

template <typename Io> void fields(Io &io, PositionBias &x) {
  io.required("kind", x.kind);
  io.optional("max_bias", x.maxBias, 8.0);
  io.optional("scale", x.scale, 1.0);
  io.optional("buckets", x.buckets, int64_t(0));
  io.optional("max_distance", x.maxDistance, int64_t(0));
  io.optional("bidirectional", x.bidirectional, false);
  io.weight("table", x.table, Shape{x.buckets, io.heads});
}

template <typename Io> void fields(Io &io, RepeatedKeys &x) {
  io.required("keys", x.keys);
  io.required("times", x.times);
}

template <typename Io> void fields(Io &io, MarkedAttention &x) {
  io.part("query", x.query);
  io.part("key", x.key);
  io.part("value", x.value);
}

template <typename Io> void fields(Io &io, Attention &x) {
  io.required("heads", x.heads);
  io.heads = x.heads;
  io.optional("kv_heads", x.kvHeads, x.heads);
  io.required("head_dim", x.headDim);
  io.required("scale", x.scale);
  io.optional("causal", x.causal, false);
  io.optional("window", x.window, int64_t(0));
  io.optional("mask", x.mask);
  x.mask = takeCausalAndWindow(std::move(x.mask), x.causal, x.window);
  io.optional("repeated", x.repeated);
  io.optional("rotary", x.rotary);
  io.optional("position_bias", x.positionBias);
  io.optional("soft_cap", x.softCap);
  io.optional("clip", x.clip);
  io.optional("query_norm", x.queryNorm);
  io.optional("key_norm", x.keyNorm);
  io.weight("additive_vector", x.additiveVector, Shape{x.heads * x.headDim});
  io.part("query", x.query);
  io.part("key", x.key);
  io.part("value", x.value);
  io.part("output", x.output);
  io.optional("marked", x.marked);
}

template <typename Io> void fields(Io &io, Experts &x) {
  io.required("count", x.count);
  io.required("top_k", x.topK);
  io.optional("renormalize", x.renormalize, false);
  io.required("router", x.router);
}

template <typename Io> void fields(Io &io, FeedForward &x) {
  io.required("width", x.width);
  io.required("activation", x.activation);
  io.optional("gate", x.gate);
  io.required("up", x.up);
  io.required("down", x.down);
  io.optional("experts", x.experts);
}

/// The block's fields stand beside those of its group.
template <typename Io> void fields(Io &io, BlockGroup &x) {
  Block &block = x.block;
  const Shape scale = {io.hidden};
  io.required("first", x.first);
  io.required("count", x.count);
  io.required("name", block.name);
  io.required("placement", block.placement);
  io.optional("residual", block.residual, true);
  io.required("attention", block.attention);
  io.optional("attention_norm", block.attentionNorm);
  io.optional("attention_output_norm", block.attentionOutputNorm);
  io.weight("attention_scale", block.attentionScale, scale);
  io.optional("cross_attention", block.crossAttention);
  io.optional("cross_attention_norm", block.crossAttentionNorm);
  io.optional("cross_attention_output_norm", block.crossAttentionOutputNorm);
  io.part("feed_forward", block.feedForward);
  io.optional("feed_forward_norm", block.feedForwardNorm);
  io.optional("feed_forward_output_norm", block.feedForwardOutputNorm);
  io.weight("feed_forward_scale", block.feedForwardScale, scale);
}

template <typename Io> void fields(Io &io, Positions &x) {
  io.optional("kind", x.kind, PositionKind::None);
  io.optional("order", x.order, SinusoidalOrder::Interleaved);
  io.optional("inclusive", x.inclusive, false);
  io.optional("zero_padding", x.zeroPadding, false);
  io.optional("count", x.count, int64_t(0));
  io.optional("offset", x.offset, int64_t(0));
  io.optional("first", x.first, int64_t(0));
  io.optional("by_token", x.byToken, false);
  io.weight("table", x.table, Shape{x.count + x.offset, io.hidden});
}

template <typename Io> void fields(Io &io, Convolution &x) {
  io.required("kernel", x.kernel);
  io.optional("stride", x.stride, int64_t(1));
  io.optional("padding", x.padding, int64_t(0));
  io.required("linear", x.linear);
  io.optional("activation", x.activation);
}

template <typename Io> void fields(Io &io, Patches &x) {
  io.required("channels", x.channels);
  io.required("image_height", x.imageHeight);
  io.required("image_width", x.imageWidth);
  io.required("patch_height", x.patchHeight);
  io.required("patch_width", x.patchWidth);
  io.required("projection", x.projection);
  io.optional("prefix", x.prefix, std::vector<Weight>());
  for (Weight &row : x.prefix)
    if (row.stored.empty())
      row.stored = {io.hidden};
}

template <typename Io> void fields(Io &io, Embedding &x) {
  int64_t hidden = io.hidden;
  io.optional("vocabulary", x.vocabulary, int64_t(0));
  io.optional("width", x.width, int64_t(0));
  io.weight("tokens", x.tokens,
            Shape{x.vocabulary, x.width ? x.width : io.hidden});
  io.optional("patches", x.patches);
  io.optional("scale", x.scale, 1.0);
  io.optional("stem", x.stem, std::vector<Convolution>());
  io.optional("token_projection", x.tokenProjection);
  io.optional("projection", x.projection);
  if (x.projection)
    io.hidden = x.width; // of everything before it
  io.optional("token_types", x.tokenTypes, int64_t(0));
  io.weight("token_type_table", x.tokenTypeTable,
            Shape{x.tokenTypes, io.hidden});
  io.optional("type_separator", x.typeSeparator);
  io.optional("positions", x.positions);
  io.optional("norm", x.norm);
  io.hidden = hidden;
}

template <typename Io> void fields(Io &io, Marks &x) {
  io.required("input", x.input);
  io.optional("otherwise", x.otherwise, MarkRule::None);
  io.optional("token", x.token, int64_t(0));
}

template <typename Io> void fields(Io &io, Stack &x) {
  io.required("kind", x.kind);
  io.required("hidden", x.hidden);
  io.hidden = x.hidden;
  io.optional("max_positions", x.maxPositions, int64_t(0));
  io.optional("recompute_length", x.recomputeLength, int64_t(0));
  io.required("input", x.input);
  io.optional("features_first", x.featuresFirst, false);
  io.optional("marks", x.marks);
  io.required("output", x.output);
  io.optional("embedding", x.embedding);
  io.required("blocks", x.blocks);
  io.optional("final_norm", x.finalNorm);
}

template <typename Io> void fields(Io &io, HeadLayer &x) {
  io.optional("linear", x.linear);
  io.part("feed_forward", x.feedForward);
  io.optional("scale", x.scale, 1.0);
  io.optional("soft_cap", x.softCap);
  io.optional("activation", x.activation);
  io.optional("norm", x.norm);
}

template <typename Io> void fields(Io &io, AttentionPool &x) {
  io.required("attention", x.attention);
  const Linear &query = x.attention.query;
  io.weight("probe", x.probe,
            Shape{query.exists() ? query.inFeatures
                                 : x.attention.heads * x.attention.headDim});
  io.optional("norm", x.norm);
  io.part("feed_forward", x.feedForward);
}

template <typename Io> void fields(Io &io, Pool &x) {
  io.optional("from", x.from, int64_t(0));
  io.optional("count", x.count, int64_t(0));
  io.optional("attention_pool", x.attention);
  io.optional("layers", x.layers, std::vector<HeadLayer>());
}

template <typename Io> void fields(Io &io, SegmentOffset &x) {
  io.required("separator", x.separator);
  io.required("offset", x.offset);
}

template <typename Io> void fields(Io &io, Head &x) {
  io.required("output", x.output);
  io.optional("rows", x.rows, RowSelection::All);
  io.optional("token", x.token, int64_t(0));
  io.optional("pools", x.pools, std::vector<Pool>());
  io.optional("join", x.join, PoolJoin::Concat);
  io.optional("scalar", x.scalar, false);
  io.required("layers", x.layers);
  io.optional("segment_offset", x.segmentOffset);
}

template <typename Io> void fields(Io &io, Generation &x) {
  io.optional("end_tokens", x.endTokens, std::vector<int64_t>());
  io.optional("decoder_start_token", x.decoderStartToken);
  io.optional("decoder_prompt", x.decoderPrompt, std::vector<int64_t>());
  io.optional("pad_token", x.padToken);
  io.optional("forced_first_token", x.forcedFirstToken);
  io.optional("forced_last_token", x.forcedLastToken);
  io.optional("suppressed_tokens", x.suppressedTokens, std::vector<int64_t>());
  io.optional("suppressed_at_begin", x.suppressedAtBegin,
              std::vector<int64_t>());
  io.optional("max_length", x.maxLength);
  io.optional("max_new_tokens", x.maxNewTokens);
  io.optional("length_penalty", x.lengthPenalty, 1.0);
  io.optional("early_stopping", x.earlyStopping, EarlyStopping::False);
  io.optional("num_return_sequences", x.numReturnSequences, int64_t(1));
}

template <typename Io> void fields(Io &io, SentenceEmbedding &x) {
  io.required("pooling", x.pooling);
  io.optional("normalize", x.normalize, false);
}

template <typename Io> void fields(Io &io, TextSettings &x) {
  io.optional("label_scores", x.labelScores);
  io.optional("max_tokens", x.maxTokens, int64_t(0));
  io.optional("padded_tokens", x.paddedTokens, int64_t(0));
  io.optional("prompt", x.prompt, std::string());
}

/// What the description says of its checkpoint: where, and how its names may
/// differ.
struct CheckpointFields {
  std::string &path;
  CheckpointRules &rules;
};

template <typename Io> void fields(Io &io, CheckpointFields &x) {
  io.optional("path", x.path, std::string());
  io.optional("optional_prefixes", x.rules.optionalPrefixes,
              std::vector<std::string>());
  io.optional("suffix_aliases", x.rules.suffixAliases,
              std::vector<std::pair<std::string, std::string>>());
  io.optional("ignorable", x.rules.ignorable, std::vector<std::string>());
}

template <typename Io> void fields(Io &io, YamlModel &x) {
  CheckpointFields checkpoint{x.source.weights, x.spec.checkpoint};
  io.optional("family", x.spec.family, std::string("custom"));
  io.optional("checkpoint", checkpoint);
  io.optional("tokenizer", x.source.tokenizer, std::string());
  io.optional("texts", x.source.texts);
  io.optional("generation", x.spec.generation);
  io.optional("sentence_embedding", x.spec.sentence);
  io.optional("labels", x.spec.labels, std::vector<std::string>());
  io.required("stacks", x.spec.stacks);
  io.optional("heads", x.spec.heads, std::vector<Head>());
}

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_FIELDS_H
