//===- Names.cpp - Enumerators by name ------------------------------------===//
//
// One table per enumeration, in the order of the enumerators.
//
//===----------------------------------------------------------------------===//

#include "compiler/Spec/Names.h"

#include "llvm/Support/ErrorHandling.h"

using namespace ashlar;

template <typename T> static const char *find(T value) {
  for (const NamedValue<T> &entry : namesOf<T>())
    if (entry.value == value)
      return entry.name;
  llvm_unreachable("an enumerator without a name");
}

#define ASHLAR_NAMES(TYPE, ...)                                                \
  template <> llvm::ArrayRef<NamedValue<TYPE>> ashlar::namesOf<TYPE>() {       \
    static constexpr NamedValue<TYPE> names[] = {__VA_ARGS__};                 \
    return names;                                                              \
  }                                                                            \
  const char *ashlar::nameOf(TYPE value) { return find(value); }

ASHLAR_NAMES(Activation, {Activation::Relu, "relu"}, {Activation::Gelu, "gelu"},
             {Activation::GeluTanh, "gelu_tanh"}, {Activation::Silu, "silu"},
             {Activation::Tanh, "tanh"}, {Activation::QuickGelu, "quick_gelu"})
ASHLAR_NAMES(NormKind, {NormKind::LayerNorm, "layer_norm"},
             {NormKind::RmsNorm, "rms_norm"})
ASHLAR_NAMES(NormPlacement, {NormPlacement::Pre, "pre"},
             {NormPlacement::Post, "post"},
             {NormPlacement::Parallel, "parallel"})
ASHLAR_NAMES(PositionKind, {PositionKind::None, "none"},
             {PositionKind::Learned, "learned"},
             {PositionKind::Sinusoidal, "sinusoidal"})
ASHLAR_NAMES(SinusoidalOrder, {SinusoidalOrder::Interleaved, "interleaved"},
             {SinusoidalOrder::SplitHalf, "split_half"})
ASHLAR_NAMES(RopeScalingKind, {RopeScalingKind::None, "none"},
             {RopeScalingKind::Linear, "linear"},
             {RopeScalingKind::Llama3, "llama3"},
             {RopeScalingKind::Yarn, "yarn"},
             {RopeScalingKind::Dynamic, "dynamic"},
             {RopeScalingKind::LongRope, "longrope"})
ASHLAR_NAMES(PositionBiasKind, {PositionBiasKind::Alibi, "alibi"},
             {PositionBiasKind::Relative, "relative"})
ASHLAR_NAMES(StackKind, {StackKind::Encoder, "encoder"},
             {StackKind::Decoder, "decoder"})
ASHLAR_NAMES(MarkRule, {MarkRule::None, "none"}, {MarkRule::First, "first"},
             {MarkRule::Before, "before"})
ASHLAR_NAMES(RowSelection, {RowSelection::All, "all"},
             {RowSelection::First, "first"}, {RowSelection::Last, "last"},
             {RowSelection::Token, "token"},
             {RowSelection::HighestToken, "highest_token"})
ASHLAR_NAMES(PoolJoin, {PoolJoin::Concat, "concat"}, {PoolJoin::Mean, "mean"})
ASHLAR_NAMES(Pooling, {Pooling::Mean, "mean"}, {Pooling::Cls, "cls"},
             {Pooling::Last, "last"}, {Pooling::Max, "max"},
             {Pooling::Other, "other"})
ASHLAR_NAMES(EarlyStopping, {EarlyStopping::False, "false"},
             {EarlyStopping::True, "true"}, {EarlyStopping::Never, "never"})
ASHLAR_NAMES(LabelScores, {LabelScores::Softmax, "softmax"},
             {LabelScores::Sigmoid, "sigmoid"}, {LabelScores::Logits, "logits"})

#undef ASHLAR_NAMES
