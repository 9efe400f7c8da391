//===- Specs.h - Small descriptions to vary --------------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_SPEC_SPECS_H
#define ASHLAR_TESTS_COMPILER_SPEC_SPECS_H

#include "compiler/Spec/ModelSpec.h"

namespace ashlar::test {

inline Weight weightOf(const char *name, std::vector<int64_t> stored) {
  Weight weight;
  weight.tensor = name;
  weight.stored = std::move(stored);
  return weight;
}

inline Linear linearOf(const char *name, int64_t in, int64_t out) {
  Linear linear;
  linear.inFeatures = in;
  linear.outFeatures = out;
  linear.weight = weightOf(name, {out, in});
  return linear;
}

inline Norm normOf(const char *name, int64_t features) {
  Norm norm;
  norm.features = features;
  norm.gain = weightOf(name, {features});
  return norm;
}

inline Attention attentionOf(int64_t hidden, int64_t source, bool causal) {
  Attention attention;
  attention.heads = 4;
  attention.kvHeads = 2;
  attention.headDim = 6;
  attention.causal = causal;
  attention.query = linearOf("q.{layer}", hidden, 24);
  attention.key = linearOf("k.{layer}", source, 12);
  attention.value = linearOf("v.{layer}", source, 12);
  attention.output = linearOf("o.{layer}", 24, hidden);
  return attention;
}

inline Block blockOf(int64_t hidden, bool causal) {
  Block block;
  block.name = "layers.{layer}";
  block.attention = attentionOf(hidden, hidden, causal);
  block.attentionNorm = normOf("n1.{layer}", hidden);
  block.feedForward.width = 10;
  block.feedForward.up = linearOf("up.{layer}", hidden, 10);
  block.feedForward.down = linearOf("down.{layer}", 10, hidden);
  block.feedForwardNorm = normOf("n2.{layer}", hidden);
  return block;
}

inline Stack stackOf(StackKind kind, int64_t hidden) {
  bool isDecoder = kind == StackKind::Decoder;
  Stack stack;
  stack.kind = kind;
  stack.hidden = hidden;
  stack.maxPositions = 16;
  stack.input = isDecoder ? "decoder_input_ids" : "input_ids";
  stack.output = isDecoder ? "last_hidden_state" : "memory";
  stack.embedding.vocabulary = 17;
  stack.embedding.tokens = weightOf("tokens", {17, hidden});
  stack.blocks = {{0, 2, blockOf(hidden, isDecoder)}};
  return stack;
}

/// A decoder with a head of 17 logits.
inline ModelSpec decoderSpec() {
  ModelSpec spec;
  spec.family = "custom";
  spec.stacks.push_back(stackOf(StackKind::Decoder, 8));
  Head head;
  head.output = "logits";
  head.layers.emplace_back().linear = linearOf("head", 8, 17);
  spec.heads.push_back(head);
  return spec;
}

/// An encoder and a decoder of different widths.
inline ModelSpec encoderDecoderSpec() {
  ModelSpec spec = decoderSpec();
  spec.stacks.insert(spec.stacks.begin(), stackOf(StackKind::Encoder, 12));
  Block &block = spec.stacks[1].blocks[0].block;
  block.crossAttention = attentionOf(8, 12, /*causal=*/false);
  block.crossAttentionNorm = normOf("n3.{layer}", 8);
  return spec;
}

} // namespace ashlar::test

#endif // ASHLAR_TESTS_COMPILER_SPEC_SPECS_H
