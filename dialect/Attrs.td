//===- Attrs.td - Attributes of the ashlar dialect ---------*- tablegen -*-===//

#ifndef ASHLAR_DIALECT_ATTRS_TD
#define ASHLAR_DIALECT_ATTRS_TD

include "dialect/Dialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Ashlar_Attr<string name, string attrMnemonic>
    : AttrDef<Ashlar_Dialect, name> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

class Ashlar_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::ashlar::ir";
  let genSpecializedAttr = 0;
}

def Ashlar_ActivationKind : Ashlar_Enum<"ActivationKind", "activation function", [
  I32EnumAttrCase<"Relu", 0, "relu">,
  I32EnumAttrCase<"Gelu", 1, "gelu">,
  I32EnumAttrCase<"GeluTanh", 2, "gelu_tanh">,
  I32EnumAttrCase<"Silu", 3, "silu">,
  I32EnumAttrCase<"Tanh", 4, "tanh">,
  // x * sigmoid(1.702 x)
  I32EnumAttrCase<"QuickGelu", 5, "quick_gelu">
]>;
def Ashlar_ActivationAttr
    : EnumAttr<Ashlar_Dialect, Ashlar_ActivationKind, "activation">;

def Ashlar_NormKind : Ashlar_Enum<"NormKind", "kind of normalization", [
  I32EnumAttrCase<"LayerNorm", 0, "layer_norm">,
  I32EnumAttrCase<"RmsNorm", 1, "rms_norm">
]>;
def Ashlar_NormAttr : EnumAttr<Ashlar_Dialect, Ashlar_NormKind, "norm_kind">;

def Ashlar_CacheKind : Ashlar_Enum<"CacheKind", "which keys and values", [
  // Keys of this call only (encoders): forgotten after it.
  I32EnumAttrCase<"Call", 0, "call">,
  // Keys of the decoder's own sequence.
  I32EnumAttrCase<"Self", 1, "self">,
  // Keys of the source that an encoder has read.
  I32EnumAttrCase<"Cross", 2, "cross">
]>;
def Ashlar_CacheAttr : EnumAttr<Ashlar_Dialect, Ashlar_CacheKind, "cache">;

def Ashlar_MaskKind : Ashlar_Enum<"MaskKind", "which keys a query sees", [
  // Every key of the query's sequence.
  I32EnumAttrCase<"All", 0, "all">,
  // Keys whose index is at most the query's.
  I32EnumAttrCase<"Causal", 1, "causal">
]>;
def Ashlar_MaskAttr : EnumAttr<Ashlar_Dialect, Ashlar_MaskKind, "mask_kind">;

def Ashlar_SinusoidOrder : Ashlar_Enum<"SinusoidOrder", "order of columns", [
  I32EnumAttrCase<"Interleaved", 0, "interleaved">,
  I32EnumAttrCase<"SplitHalf", 1, "split_half">
]>;

def Ashlar_RopeScaling : Ashlar_Enum<"RopeScaling", "scaling of frequencies", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"Linear", 1, "linear">,
  I32EnumAttrCase<"Llama3", 2, "llama3">,
  I32EnumAttrCase<"Yarn", 3, "yarn">,
  I32EnumAttrCase<"Dynamic", 4, "dynamic">,
  I32EnumAttrCase<"LongRope", 5, "longrope">
]>;

// How numbers of weights and of matrix operands are stored.
def Ashlar_Precision : Ashlar_Enum<"Precision", "numbers of a matrix operand", [
  I32EnumAttrCase<"F32", 0, "f32">,
  I32EnumAttrCase<"Bf16", 1, "bf16">,
  // Symmetric, a scale for each output feature.
  I32EnumAttrCase<"Int8", 2, "int8">,
  // 4 bits, a scale for each group of inputs of each output feature.
  I32EnumAttrCase<"Int4", 3, "int4">
]>;

// Order of a weight's numbers in the image.
def Ashlar_WeightLayout : Ashlar_Enum<"WeightLayout", "order in the image", [
  // Row after row, each row padded with zeros to 16 columns.
  I32EnumAttrCase<"Rows", 0, "rows">,
  // [N/16][K][16]: panels of 16 output features, padded with zeros.
  I32EnumAttrCase<"Panels", 1, "panels">,
  // Panels of the gate and of the up projection by turns (two sources).
  I32EnumAttrCase<"GatedPanels", 2, "gated_panels">
]>;
def Ashlar_WeightLayoutAttr
    : EnumAttr<Ashlar_Dialect, Ashlar_WeightLayout, "layout">;

//===----------------------------------------------------------------------===//
// Where a weight's numbers come from
//===----------------------------------------------------------------------===//

def Ashlar_TensorAttr : Ashlar_Attr<"TensorSource", "tensor"> {
  let summary = "rows of a named tensor of the checkpoint";
  let description = [{
    `count` rows of the logical `[out, in]` tensor from `begin` on, plus `plus`, times
    `scale`. With `piece` and `every` they come in pieces of `piece` rows, the first
    rows of which lie `every` rows apart. `transposed`: the checkpoint stores
    `[in, out]`. `convolution`: it stores `[out, in, taps]`, and column t * in + c is
    number [c][t] of a row. Of other tensors of more than two sizes, leading ones are
    left out as far as that goes; what is behind the first size left is one row.
    "{layer}" in the name stands for the index of the layer.

    ```mlir
    #ashlar.tensor<"h.{layer}.qkv.weight", [192, 64], rows = 16 for 64 by 16 every 48>
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name in the checkpoint">:$name,
    ArrayRefParameter<"int64_t", "shape in the checkpoint">:$stored,
    "int64_t":$begin,
    "int64_t":$count,
    "int64_t":$piece,
    "int64_t":$every,
    DefaultValuedParameter<"bool", "false">:$transposed,
    DefaultValuedParameter<"bool", "false">:$convolution,
    OptionalParameter<"::mlir::FloatAttr", "is added to every number">:$plus,
    OptionalParameter<"::mlir::FloatAttr", "multiplies every number">:$scale);
  let assemblyFormat = [{
    `<` $name `,` `[` $stored `]` `,`
    custom<Part>($begin, $count, $piece, $every, $transposed, $convolution, $plus,
                 $scale) `>`
  }];
  let extraClassDeclaration = [{
    /// Columns of the logical tensor; 1 for a vector.
    int64_t getColumns() const;
    /// Rows of the logical tensor.
    int64_t getStoredRows() const;
    /// Where row `row` of the source lies in the logical tensor.
    int64_t rowAt(int64_t row) const {
      return getBegin() + row / getPiece() * getEvery() + row % getPiece();
    }
    double getPlusValue() const;
    double getScaleValue() const;
  }];
}

def Ashlar_ZerosAttr : Ashlar_Attr<"ZeroSource", "zeros"> {
  let summary = "zeros, where a merged projection has no bias";
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
}

def Ashlar_SinusoidAttr : Ashlar_Attr<"SinusoidSource", "sinusoid"> {
  let summary = "table of sinusoidal positions, computed in float64";
  let description = [{
    Entry i of position p is sin or cos of p / 10000^(2i/features) (Vaswani et al.
    2017, section 3.5); `order` says which columns hold which. `inclusive`: of
    p / 10000^(i/(n - 1)), with n the number of sines (fairseq); then a last column
    that has no pair is zero. Position `zero`, the padding's, has zeros; -1: none has.
  }];
  let parameters = (ins EnumParameter<Ashlar_SinusoidOrder>:$order,
                        DefaultValuedParameter<"bool", "false">:$inclusive,
                        DefaultValuedParameter<"int64_t", "-1">:$zero,
                        "int64_t":$positions, "int64_t":$features);
  let assemblyFormat = [{
    `<` $order `,` (`inclusive` `=` $inclusive^ `,`)? (`zero` `=` $zero^ `,`)?
    $positions `x` $features `>`
  }];
}

def Ashlar_RotaryAttr : Ashlar_Attr<"Rotary", "rotary"> {
  let summary = "rotary positions";
  let description = [{
    Rotates entries (i, i + dimensions/2) of each head, or (2i, 2i + 1) when
    `interleaved`, by position * f_i with f_i = theta^(-2i/dimensions) (Su et al.
    2021), frequencies scaled as `scaling` says: linear divides by `factor`; llama3
    divides the low frequencies, keeps the high ones and blends between (Llama 3.1);
    yarn blends by how often pair i turns over `original` positions: it is kept above
    `high` turns and divided below `low` (Peng et al. 2023). Two depend on the length
    that the sequence has with this call's rows: dynamic, where it is more than
    `original`, puts theta * (factor * length / original - factor + 1)^(d/(d - 2)) in
    theta's place, with d the dimensions; longrope divides f_i by entry i of `long`
    where it is more than `original`, else of `short` (Ding et al. 2024). `magnitude`
    multiplies what was rotated.
  }];
  let parameters = (ins
    "int64_t":$dimensions,
    DefaultValuedParameter<"bool", "false">:$interleaved,
    "::mlir::FloatAttr":$theta,
    EnumParameter<Ashlar_RopeScaling>:$scaling,
    "::mlir::FloatAttr":$factor,
    "::mlir::FloatAttr":$low,
    "::mlir::FloatAttr":$high,
    "int64_t":$original,
    OptionalParameter<"::mlir::DenseF64ArrayAttr">:$short_factors,
    OptionalParameter<"::mlir::DenseF64ArrayAttr">:$long_factors,
    OptionalParameter<"::mlir::FloatAttr">:$magnitude);
  let assemblyFormat = [{
    `<` $dimensions (`interleaved` `=` $interleaved^)? `,` `theta` `=` $theta `,` $scaling
    `,` `factor` `=` $factor `,` `low` `=` $low
    `,` `high` `=` $high `,` `original` `=` $original
    (`short` `=` $short_factors^ `long` `=` $long_factors)?
    (`,` `magnitude` `=` $magnitude^)? `>`
  }];
  let extraClassDeclaration = [{
    /// The angle per position of pair `i` in [0, dimensions/2), in radians, in a
    /// sequence of `length` tokens.
    double frequency(int64_t i, int64_t length = 0) const;
    bool dependsOnLength() const {
      return getScaling() == RopeScaling::Dynamic || getScaling() == RopeScaling::LongRope;
    }
    /// How many lengths up to `most` have frequencies of their own: `original` (with
    /// all below it), and those that follow; the last stands for all above it.
    int64_t distinctLengths(int64_t most) const;
    double getMagnitudeValue() const;
    /// Entries of a table's row: [tableColumns].
    void angles(int64_t position, int64_t length, ::llvm::MutableArrayRef<double> out) const;
    /// Columns of the table of a position: cosines, then sines, one of each for a
    /// pair; for each entry of a pair when interleaved, the first sine negative.
    int64_t tableColumns() const { return getDimensions() * (getInterleaved() ? 2 : 1); }
  }];
}

def Ashlar_RotaryTableAttr : Ashlar_Attr<"RotaryTableSource", "rotary_table"> {
  let summary = "cosines, then sines, of each position; computed in float64";
  let parameters = (ins "::ashlar::ir::RotaryAttr":$rotary,
                        "int64_t":$positions);
  let assemblyFormat = "`<` $rotary `,` $positions `>`";
}

def Ashlar_RotaryFrequenciesAttr
    : Ashlar_Attr<"RotaryFrequenciesSource", "rotary_frequencies"> {
  let summary = "turns per position, a row for each length of the sequence";
  let description = [{
    Row r is for sequences of `original` + r tokens, the first one for shorter ones too,
    the last one for longer ones. For each cosine of the angles' row the turns (radians /
    2 pi) per position, rounded to float32; then, for each, what rounding took away.
  }];
  let parameters = (ins "::ashlar::ir::RotaryAttr":$rotary, "int64_t":$lengths);
  let assemblyFormat = "`<` $rotary `,` $lengths `>`";
}

def Ashlar_AlibiTableAttr : Ashlar_Attr<"AlibiTableSource", "alibi_table"> {
  let summary = "slopes times distances, a row for each head; computed in float64";
  let description = [{
    Entry c of head h is slope_h * (c - behind) * scale. Of 2^n heads, slope_h is
    2^(-max_bias * (h + 1) / 2^n); of others, the slopes of the next power of two,
    every other one from the second on, then from the first on (Press et al. 2021).
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$behind, "int64_t":$columns,
                        "::mlir::FloatAttr":$max_bias, "::mlir::FloatAttr":$scale);
  let assemblyFormat = [{
    `<` $heads `x` $columns `,` `behind` `=` $behind `,` `max_bias` `=` $max_bias
    `,` `scale` `=` $scale `>`
  }];
  let extraClassDeclaration = [{
    double slope(int64_t head) const;
  }];
}

def Ashlar_RelativeTableAttr : Ashlar_Attr<"RelativeTableSource", "relative_table"> {
  let summary = "a number for each head and distance, from a table of buckets";
  let description = [{
    Entry c of head h is `tensor[bucket(c - behind)][h]`. Distances up to half of the
    buckets have one each, the others share them by the logarithm of the distance,
    the last one from `max_distance` on (Raffel et al. 2019). `bidirectional`: the
    upper half of the buckets is for keys ahead; else those are at distance 0.
    "{layer}" in the name stands for the index of the layer.
  }];
  let parameters = (ins
    StringRefParameter<"name in the checkpoint">:$name,
    "int64_t":$buckets, "int64_t":$heads, "int64_t":$behind, "int64_t":$columns,
    "int64_t":$max_distance, DefaultValuedParameter<"bool", "false">:$bidirectional);
  let assemblyFormat = [{
    `<` $name `,` $buckets `x` $heads `,` `columns` `=` $columns `,` `behind` `=` $behind
    `,` `max_distance` `=` $max_distance (`,` `bidirectional` `=` $bidirectional^)? `>`
  }];
  let extraClassDeclaration = [{
    int64_t bucket(int64_t distance) const;
  }];
}

//===----------------------------------------------------------------------===//
// Patterns: which keys a query sees, by their indices in the sequence
//===----------------------------------------------------------------------===//

def Ashlar_PatternSide : Ashlar_Enum<"PatternSide", "whose index is looked at", [
  I32EnumAttrCase<"Keys", 0, "keys">,
  I32EnumAttrCase<"Queries", 1, "queries">
]>;

class Ashlar_PatternAttrBase<string name, string attrMnemonic>
    : Ashlar_Attr<name, attrMnemonic> {
  let genVerifyDecl = 1;
}

def Ashlar_NearAttr : Ashlar_PatternAttrBase<"Near", "near"> {
  let summary = "keys at most `behind` before and `ahead` after the query";
  let description = [{
    Distances are of blocks of `block` tokens: key / block - query / block. Without
    `behind` or without `ahead` that side has no end: `#ashlar.near<ahead = 0>` is
    causal.
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "-1">:$behind,
    DefaultValuedParameter<"int64_t", "-1">:$ahead,
    DefaultValuedParameter<"int64_t", "1">:$block);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    bool endsBehind() const { return getBehind() >= 0; }
    bool endsAhead() const { return getAhead() >= 0; }
  }];
}

def Ashlar_FirstAttr : Ashlar_PatternAttrBase<"First", "first"> {
  let summary = "the key (or the query) is one of the first `count` tokens";
  let parameters = (ins EnumParameter<Ashlar_PatternSide>:$side, "int64_t":$count);
  let assemblyFormat = "`<` $side `,` $count `>`";
}

def Ashlar_LastAttr : Ashlar_PatternAttrBase<"Last", "last"> {
  let summary = "the key (or the query) is in the block of the last token";
  let description = [{
    Of blocks of `block` tokens; the last token is that of the sequence's extent, which
    is its length unless the caller says otherwise (a padded batch's columns).
  }];
  let parameters = (ins EnumParameter<Ashlar_PatternSide>:$side, "int64_t":$block);
  let assemblyFormat = "`<` $side `,` $block `>`";
}

def Ashlar_ShortAttr : Ashlar_PatternAttrBase<"Short", "short"> {
  let summary = "the sequence's extent is at most `count` tokens";
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
}

def Ashlar_MarkedAttr : Ashlar_Attr<"Marked", "marked"> {
  let summary = "the caller has marked the key's token (or the query's)";
  let description = [{
    Marks come with the sequences, a truth for each token of a call: the keys are those
    of an encoder, which reads whole sequences.
  }];
  let parameters = (ins EnumParameter<Ashlar_PatternSide>:$side);
  let assemblyFormat = "`<` $side `>`";
}

def Ashlar_RandomAttr : Ashlar_PatternAttrBase<"Random", "random"> {
  let summary = "the key's block is one of those drawn for the query's block";
  let description = [{
    For block b of queries, draw i in [0, count) is z mod n, where z is the upper 31
    bits of output b * count + i of splitmix64 (Steele et al. 2014) from `seed`, and n is
    `of`, or b + 1 where that is 0. A block may be drawn twice.
  }];
  let parameters = (ins "int64_t":$count, "int64_t":$block, "int64_t":$seed,
                        DefaultValuedParameter<"int64_t", "0">:$of);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Ashlar_AnyOfAttr : Ashlar_PatternAttrBase<"AnyOf", "any_of"> {
  let summary = "what one of the patterns at least admits";
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$members);
  let assemblyFormat = "`<` `[` $members `]` `>`";
}

def Ashlar_AllOfAttr : Ashlar_PatternAttrBase<"AllOf", "all_of"> {
  let summary = "what every one of the patterns admits";
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$members);
  let assemblyFormat = "`<` `[` $members `]` `>`";
}

def Ashlar_NotAttr : Ashlar_PatternAttrBase<"Not", "not"> {
  let summary = "what the pattern does not admit";
  let parameters = (ins "::mlir::Attribute":$member);
  let assemblyFormat = "`<` $member `>`";
}

def Ashlar_Pattern : AnyAttrOf<[
    Ashlar_NearAttr, Ashlar_FirstAttr, Ashlar_LastAttr, Ashlar_ShortAttr,
    Ashlar_MarkedAttr, Ashlar_RandomAttr, Ashlar_AnyOfAttr, Ashlar_AllOfAttr, Ashlar_NotAttr],
  "which keys a query sees">;

//===----------------------------------------------------------------------===//
// Decisions of the layout and memory passes
//===----------------------------------------------------------------------===//

def Ashlar_EncodingAttr : Ashlar_Attr<"Encoding", "encoding"> {
  let summary = "how a weight's numbers are stored, if not as float32";
  let description = [{
    bf16: rounded to nearest even. int8: round(w / s) with one scale s = max|w| / 127
    per output feature. int4: one scale per `group` inputs of an output feature;
    without `zero_points` round(w / s) in [-7, 7], with them round(w / s) + z in [0, 15].
  }];
  let parameters = (ins
    EnumParameter<Ashlar_Precision>:$precision,
    DefaultValuedParameter<"int64_t", "0">:$group,
    DefaultValuedParameter<"bool", "false">:$zero_points);
  let assemblyFormat = [{
    `<` $precision (`,` `group` `=` $group^)? (`,` `zero_points` `=` $zero_points^)? `>`
  }];
  let extraClassDeclaration = [{
    /// Whether int4 groups may have `size` inputs.
    static bool isGroup(int64_t size) { return size == 32 || size == 64 || size == 128; }
  }];
  let genVerifyDecl = 1;
}

def Ashlar_BufferAttr : Ashlar_Attr<"Buffer", "buffer"> {
  let summary = "where a value's rows lie in the arena";
  let description = [{
    Row r of the value begins at byte `offset + r * stride * 4` of the arena. `offset`
    is -1 before passes/Memory has placed it.
  }];
  let parameters = (ins "int64_t":$offset, "int64_t":$stride);
  let assemblyFormat = "`<` $offset `,` `stride` `=` $stride `>`";
}

#endif // ASHLAR_DIALECT_ATTRS_TD
