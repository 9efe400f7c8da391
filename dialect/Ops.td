//===- Ops.td - Operations of the ashlar dialect -----------*- tablegen -*-===//
//
// Ops stand in the order in which data flows, a banner per level. C<n> beside a
// verifier's check names the constraint of SPEC.md.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_DIALECT_OPS_TD
#define ASHLAR_DIALECT_OPS_TD

include "dialect/Dialect.td"
include "dialect/Types.td"
include "dialect/Attrs.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// A tensor whose number of tokens alone may be unknown.
class TokensBy<list<int> ranks, string description, list<Type> elements = [F32]>
    : Type<And<[TensorRankOf<elements, ranks>.predicate,
                CPred<"::hasFixedFeatures($_self)">]>,
           description, "::mlir::RankedTensorType">;
def Rows : TokensBy<[2], "float32 [tokens, features] with fixed features">; // C32
def Heads : TokensBy<[3], // C33
    "float32 [tokens, heads, head_dim] with fixed heads and head_dim">;
// float32 [query tokens, heads, key tokens]
def ScoreMatrix : TensorRankOf<[F32], [3]>;
// Rows as a matrix kernel wants them: [tokens / 16][features / 32][16][32] bf16, or
// [tokens / 16][features / 64][16][64] int8 with a scale for each row.
def Operand : TokensBy<[2], // C43
    "float32, bf16 or int8 [tokens, features] with fixed features", [F32, BF16, I8]>;
def OperandHeads : TokensBy<[3], // C44
    "float32 or bf16 [tokens, heads, head_dim] with fixed heads and head_dim", [F32, BF16]>;
// Keys and values as a cache keeps them; int8 with a scale for each key and head.
def CachedHeads : TokensBy<[3], // C54
    "float32, bf16 or int8 [tokens, heads, head_dim] with fixed heads and head_dim",
    [F32, BF16, I8]>;
// int32 [tokens]
def Ids : TensorRankOf<[I32], [1]>;
// What rotates a token's heads: its position, or the row of its angles.
def PositionsOrAngles : AnyTypeOf<[Ids, Rows]>;

// Ops that work on each token by itself keep their number.
class SameTokens<list<string> values> // C39
    : AllMatchSameOperatorTrait<values,
        "::llvm::cast<::mlir::RankedTensorType>($_self.getType()).getDimSize(0)",
        "number of tokens">;

class Ashlar_Op<string mnemonic, list<Trait> traits = []>
    : Op<Ashlar_Dialect, mnemonic, traits>;

// An op on rows: no effect but its results, which the memory plan may place
// (`buffers`, one per result).
class Ashlar_RowOp<string mnemonic, list<Trait> traits = []>
    : Ashlar_Op<mnemonic, !listconcat([Pure], traits)>;

// One that names weights.
class Ashlar_WeightedOp<string mnemonic, list<Trait> traits = []>
    : Ashlar_RowOp<mnemonic, !listconcat(
        [DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)>;

//===----------------------------------------------------------------------===//
// Weights and structure
//===----------------------------------------------------------------------===//

def Ashlar_WeightOp : Ashlar_Op<"weight", [Symbol]> {
  let summary = "a tensor of constants: its sources, and its place in the image";
  let description = [{
    A symbol of type `[rows, columns]` (or `[features]`) made of `sources` on top of
    each other. With `layers = [first, count]` there is one such tensor per layer:
    "{layer}" in the names of its sources stands for the index. `[first, count, step]` is
    for every step-th layer from `first` on. With `experts` there are so many of it, in
    each layer, and "{expert}" stands for the index: it is used in an `ashlar.experts` of
    so many. `encoding` is set by
    `--ashlar-choose-precision`; `layout`, `offset` and `layer_stride` (bytes in the
    weight image) by `--ashlar-place-weights`.

    ```mlir
    ashlar.weight @q [#ashlar.tensor<"h.{layer}.q.weight", [64, 64], rows = 0 for 64>]
        : tensor<64x64xf32> layers = [0, 12]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$sources,
                       TypeAttrOf<AnyRankedTensor>:$type,
                       OptionalAttr<DenseI64ArrayAttr>:$layers,
                       OptionalAttr<I64Attr>:$experts,
                       OptionalAttr<Ashlar_EncodingAttr>:$encoding,
                       OptionalAttr<Ashlar_WeightLayoutAttr>:$layout,
                       OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<I64Attr>:$layer_stride);
  let assemblyFormat = [{
    $sym_name $sources `:` $type (`layers` `=` $layers^)? (`experts` `=` $experts^)?
    (`encoded` $encoding^)?
    (`layout` custom<Kind>($layout)^)? (`at` $offset^)? (`stride` $layer_stride^)? attr-dict
  }];
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
    /// Rows, or features of a vector.
    int64_t getRows() { return getTensorType().getDimSize(0); }
    /// Columns; 1 for a vector.
    int64_t getColumns();
    bool isPerLayer() { return getLayers().has_value(); }
    // Of a weight per layer.
    int64_t getFirstLayer() { return (*getLayers())[0]; }
    int64_t getLayerCount() { return (*getLayers())[1]; }
    int64_t getLayerStep() { return getLayers()->size() == 3 ? (*getLayers())[2] : 1; }
    /// How many of it there are in a layer.
    int64_t getCopies() { return getExperts().value_or(1); }
    /// F32 where nothing else was chosen.
    ::ashlar::ir::Precision getPrecision() {
      return getEncoding() ? getEncoding()->getPrecision() : ::ashlar::ir::Precision::F32;
    }
  }];
  let hasVerifier = 1;
}

def Ashlar_LayersOp : Ashlar_Op<"layers", [
    SingleBlock, RecursiveMemoryEffects,
    AllTypesMatch<["init", "result"]>]> {
  let summary = "the same blocks, layer after layer";
  let description = [{
    Runs its regions in turn for layers `first .. first + count - 1`, each on the rows that
    the one before gave: of n regions, region r is for layers first + r, first + r + n, and
    so on. Weights used inside may be per layer.

    ```mlir
    %y = ashlar.layers "h" [0, 12] (%x : tensor<?x64xf32>) { ^bb0(%a: tensor<?x64xf32>):
      ...
      ashlar.yield %b : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$first, I64Attr:$count, Rows:$init);
  let results = (outs Rows:$result);
  let regions = (region VariadicRegion<SizedRegion<1>>:$parts);
  let assemblyFormat = [{
    $name ` ` `[` $first `,` $count `]` `(` $init `:` type($init) `)` $parts attr-dict
  }];
  let extraClassDeclaration = [{
    /// Layers of one turn.
    int64_t getStep() { return getNumRegions(); }
    int64_t getTurns() { return static_cast<int64_t>(getCount()) / getStep(); }
    ::mlir::Block &getPart(int64_t part) { return getParts()[part].front(); }
    /// The part that `op` stands in.
    int64_t partOf(::mlir::Operation *op);
  }];
  let hasVerifier = 1;
}

def Ashlar_YieldOp : Ashlar_Op<"yield", [
    Pure, Terminator, ReturnLike, ParentOneOf<["LayersOp", "ExpertsOp"]>]> {
  let summary = "the rows that go to the next layer, or out of an expert";
  let arguments = (ins Rows:$rows);
  let assemblyFormat = "$rows attr-dict `:` type($rows)";
}

//===----------------------------------------------------------------------===//
// Graph level
//===----------------------------------------------------------------------===//

def Ashlar_EmbeddingOp : Ashlar_WeightedOp<"embedding", [
    SameTokens<["ids", "result"]>]> {
  let summary = "rows of a table, times scale";
  let description = [{
    Row t of the result is row `ids[t]` of the table times `scale`. Token, position and
    token-type embeddings are all this op.
  }];
  let arguments = (ins Ids:$ids, FlatSymbolRefAttr:$table,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $ids `table` $table attr-dict `:` type($ids) `->` type($result)
  }];
}

def Ashlar_LinearOp : Ashlar_WeightedOp<"linear", [
    SameTokens<["input", "result"]>]> {
  let summary = "x W^T + b, and what was fused behind it";
  let description = [{
    `input` is [tokens, K], the weight [N, K], the bias [N]. The epilogue is, in this
    order: bias, then the activation, then (gated) multiplication, then the residual.

    At graph level it has neither activation, residual nor `gated`. With `gated`, the
    weight's first N rows are the gate's and the next N the up projection's, and the
    result is `activation(gate) * up`.

    Behind `--ashlar-choose-precision`, an encoded weight has an input of its kind (bf16,
    or int8 for int8 and int4), and a result may be bf16 where only such linears read it.
  }];
  let arguments = (ins Operand:$input, Optional<Rows>:$residual,
                       FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias,
                       OptionalAttr<Ashlar_ActivationAttr>:$activation,
                       UnitAttr:$gated);
  let results = (outs Operand:$result);
  let assemblyFormat = [{
    $input `weight` $weight (`bias` $bias^)? (`activation` custom<Kind>($activation)^)?
    (`gated` $gated^)? (`residual` $residual^ `:` type($residual))?
    attr-dict `:` type($input) `->` type($result)
  }];
}

def Ashlar_UnfoldOp : Ashlar_RowOp<"unfold"> {
  let summary = "rows beside their neighbours: what a convolution reads";
  let description = [{
    Row i of a sequence's result is the rows from `i * stride - padding` on, `kernel` of
    them, of its input behind each other; zeros stand for rows outside of the sequence.
    A linear over it is a convolution over the sequence.

    For each row that `sequences` describes the result has `per_token` rows, and the input
    `per_token * stride`.

    ```mlir
    %y = ashlar.unfold %x, %sequences kernel 3 stride 2 padding 1
        : tensor<?x64xf32> -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Rows:$input, Ashlar_Sequences:$sequences, I64Attr:$kernel,
                       I64Attr:$stride, I64Attr:$padding,
                       DefaultValuedAttr<I64Attr, "1">:$per_token);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $input `,` $sequences `kernel` $kernel `stride` $stride `padding` $padding
    (`per_token` $per_token^)? attr-dict `:` type($input) `->` type($result)
  }];
  let extraClassDeclaration = [{
    int64_t inputRowsPerToken() {
      return static_cast<int64_t>(getPerToken()) * static_cast<int64_t>(getStride());
    }
  }];
  let hasVerifier = 1;
}

def Ashlar_NormOp : Ashlar_WeightedOp<"norm"> {
  let summary = "layer normalization or root-mean-square normalization of each row";
  let description = [{
    layer_norm: (x - mean) / sqrt(variance + epsilon) * gain + bias (Ba et al. 2016).
    rms_norm: x / sqrt(mean(x^2) + epsilon) * gain (Zhang and Sennrich 2019).
    With `groups` a row is so many parts of equal size, each normalized by itself: the
    heads of queries and keys. Gain and bias are those of every part, or of the row.
  }];
  let arguments = (ins Ashlar_NormAttr:$kind, Rows:$input,
                       OptionalAttr<FlatSymbolRefAttr>:$gain,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, F64Attr:$epsilon,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) $input (`gain` $gain^)? (`bias` $bias^)? `epsilon` $epsilon
    (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_ActivationOp : Ashlar_RowOp<"activate", [SameOperandsAndResultType]> {
  let summary = "an activation function, element by element";
  let arguments = (ins Ashlar_ActivationAttr:$kind, Rows:$input);
  let results = (outs Rows:$result);
  let assemblyFormat = "custom<Kind>($kind) $input attr-dict `:` type($input)";
}

def Ashlar_AddOp : Ashlar_RowOp<"add", [SameOperandsAndResultType, Commutative]> {
  let summary = "sum, element by element";
  let arguments = (ins Rows:$lhs, Rows:$rhs);
  let results = (outs Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Ashlar_MultiplyOp
    : Ashlar_RowOp<"multiply", [SameOperandsAndResultType, Commutative]> {
  let summary = "product, element by element";
  let arguments = (ins Rows:$lhs, Rows:$rhs);
  let results = (outs Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Ashlar_RouteOp : Ashlar_RowOp<"route", [SameOperandsAndResultType]> {
  let summary = "which experts a row goes to, and their weights";
  let description = [{
    `input` has a logit for each expert. The `top` largest of a row are chosen, of equal
    ones the first, NaN before all numbers. A chosen one gets its part of the softmax over
    the row, with `renormalized` of the softmax over what is chosen (Shazeer et al. 2017);
    the others get 0.

    ```mlir
    %w = ashlar.route %logits top 2 renormalized : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Rows:$input, I64Attr:$top, UnitAttr:$renormalized);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $input `top` $top (`renormalized` $renormalized^)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Ashlar_ExpertsOp : Ashlar_Op<"experts", [
    SingleBlock, IsolatedFromAbove, RecursiveMemoryEffects,
    SameTokens<["input", "weights", "result"]>]> {
  let summary = "the same block with other weights: for each row some of them, summed up";
  let description = [{
    `weights` has a column for each expert. Expert e runs the region, with its own
    weights, on the rows of `input` whose weight e is not 0; row t of the result is the
    sum, by ascending e, of weight [t, e] times what expert e gives for it.

    ```mlir
    %y = ashlar.experts %x, %w { ^bb0(%rows: tensor<?x64xf32>):
      %up = ashlar.linear %rows weight @up : tensor<?x64xf32> -> tensor<?x96xf32>
      ...
      ashlar.yield %down : tensor<?x64xf32>
    } : tensor<?x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Rows:$input, Rows:$weights);
  let results = (outs Rows:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $input `,` $weights $body attr-dict `:` type($input) `,` type($weights) `->`
    type($result)
  }];
  let extraClassDeclaration = [{
    /// How many experts there are.
    int64_t getCount() { return getWeights().getType().getDimSize(1); }
    /// How many of them a row goes to at most.
    int64_t getMostOfRow();
    /// What the region reads and gives.
    ::mlir::BlockArgument getRows() { return getBody().getArgument(0); }
    ::mlir::Value getYielded();
  }];
  let hasVerifier = 1;
}

def Ashlar_ScaleFeaturesOp : Ashlar_WeightedOp<"scale_features", [
    AllTypesMatch<["input", "result"]>]> {
  let summary = "every feature times a number of its own";
  let description = [{
    x * factors, row by row: LayerScale (Touvron et al. 2021).
  }];
  let arguments = (ins Rows:$input, FlatSymbolRefAttr:$factors);
  let results = (outs Rows:$result);
  let assemblyFormat = "$input `by` $factors attr-dict `:` type($input)";
}

def Ashlar_SetRowOp : Ashlar_WeightedOp<"set_row", [
    AllTypesMatch<["input", "result"]>]> {
  let summary = "puts a vector in the place of one row of each sequence";
  let description = [{
    The row whose index in its sequence is `index` becomes `vector`, whatever it was;
    the others stay. The class token of an image is such a row.
  }];
  let arguments = (ins Rows:$input, Ashlar_Sequences:$sequences,
                       FlatSymbolRefAttr:$vector, I64Attr:$index);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $input `,` $sequences `at` $index `to` $vector attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Ashlar_SegmentOp : Ashlar_RowOp<"segment", [SameTokens<["ids", "result"]>]> {
  let summary = "in which of two segments of its sequence a token stands";
  let description = [{
    The first segment ends with the first token of the sequence whose id is `separator`;
    without such a one, with the sequence's first token. Row t of the result is 1 in
    column 0 where token t is in it, in column 1 where it stands behind it, and else 0.
    Of each sequence's first `skip` tokens the row is 0.

    ```mlir
    %s = ashlar.segment %ids, %sequences separator 102
        : tensor<?xi32> -> tensor<?x2xf32>
    ```
  }];
  let arguments = (ins Ids:$ids, Ashlar_Sequences:$sequences, I64Attr:$separator,
                       DefaultValuedAttr<I64Attr, "0">:$skip);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $ids `,` $sequences `separator` $separator (`skip` $skip^)? attr-dict `:` type($ids)
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_PoolOp : Ashlar_RowOp<"pool"> {
  let summary = "the mean of some rows of each sequence: one row for each";
  let description = [{
    Row s of the result is the mean of the rows of sequence s whose index in it lies in
    [`from`, `from + count)`; without `count`, of all from `from` on. A sequence without
    such rows gives zeros. What is computed from the result row by row has a row for
    each sequence, too.

    ```mlir
    %mean = ashlar.pool %x, %sequences from 1 : tensor<?x64xf32> -> tensor<?x64xf32>
    %class = ashlar.pool %x, %sequences from 0 count 1
        : tensor<?x64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Rows:$input, Ashlar_Sequences:$sequences, I64Attr:$from,
                       OptionalAttr<I64Attr>:$count);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $input `,` $sequences `from` $from (`count` $count^)? attr-dict `:` type($input) `->`
    type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_ConcatOp : Ashlar_RowOp<"concat"> {
  let summary = "the features of several rows behind each other";
  let description = [{
    Row t of the result is row t of each of the inputs, in their order.

    ```mlir
    %y = ashlar.concat %a, %b : tensor<?x64xf32>, tensor<?x32xf32> -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Variadic<Rows>:$inputs);
  let results = (outs Rows:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

def Ashlar_SplitHeadsOp : Ashlar_RowOp<"split_heads", [
    SameTokens<["input", "result"]>]> {
  let summary = "[tokens, heads * head_dim] as [tokens, heads, head_dim]";
  let arguments = (ins Rows:$input);
  let results = (outs Heads:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Ashlar_MergeHeadsOp : Ashlar_RowOp<"merge_heads", [
    SameTokens<["input", "result"]>]> {
  let summary = "[tokens, heads, head_dim] as [tokens, heads * head_dim]";
  let arguments = (ins OperandHeads:$input);
  let results = (outs Operand:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Ashlar_RotaryAnglesOp : Ashlar_WeightedOp<"rotary_angles", [
    SameTokens<["positions", "result"]>]> {
  let summary = "cosines and sines of each token, by the length of its sequence";
  let description = [{
    Row t is the row of the table of cosines and sines of `positions[t]`, of frequencies
    for the length that the token's sequence has with this call's rows, or for its extent
    where the caller gives one (the chunks to come are part of it). Keys that an earlier
    call has rotated stay as they are.

    ```mlir
    %angles = ashlar.rotary_angles %positions, %sequences by #dynamic
        : tensor<?xi32> -> tensor<?x16xf32>
    %r = ashlar.rotary %x, %angles by #dynamic : tensor<?x4x16xf32>, tensor<?x16xf32>
    ```
  }];
  let arguments = (ins Ids:$positions, Ashlar_Sequences:$sequences,
                       Ashlar_RotaryAttr:$rotary,
                       OptionalAttr<FlatSymbolRefAttr>:$frequencies);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $positions `,` $sequences `by` $rotary (`frequencies` $frequencies^)? attr-dict `:`
    type($positions) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_RotaryOp : Ashlar_RowOp<"rotary", [AllTypesMatch<["input", "result"]>]> {
  let summary = "rotates each head by its token's position";
  let description = [{
    `positions` are int32, or, where the frequencies depend on the length of the
    sequence, the rows of `rotary_angles`. The same holds for fused ops.
  }];
  let arguments = (ins Heads:$input, PositionsOrAngles:$positions,
                       Ashlar_RotaryAttr:$rotary,
                       OptionalAttr<FlatSymbolRefAttr>:$rotary_table);
  let results = (outs Heads:$result);
  let assemblyFormat = [{
    $input `,` $positions `by` $rotary (`table` $rotary_table^)? attr-dict `:`
    type($input) `,` type($positions)
  }];
  let hasVerifier = 1;
}

def Ashlar_KvAppendOp : Ashlar_Op<"kv_append"> {
  let summary = "adds this call's keys and values to those of the sequences";
  let description = [{
    Appends `key` and `value` ([tokens, kv_heads, head_dim]) to the named cache of the
    layer, and gives all keys and values that it now holds of the sequences, with the
    description of which row is whose. `call` keeps nothing between calls: the results
    are the operands, up to the next `kv_append call`. With `rotary` (fused), keys are rotated by `positions` first. The
    cache keeps what the results are of: float32, bf16, or int8: each key and each value of a
    head by itself, round(x / s) with s = max|x| / 127, rounded to nearest even. A key or a value
    that is not finite is kept as NaN: rows that see it get NaN.
  }];
  let arguments = (ins Heads:$key, Heads:$value, Ashlar_Sequences:$sequences,
                       Optional<PositionsOrAngles>:$positions, Ashlar_CacheAttr:$cache,
                       OptionalAttr<Ashlar_RotaryAttr>:$rotary,
                       OptionalAttr<FlatSymbolRefAttr>:$rotary_table);
  let results = (outs CachedHeads:$keys, CachedHeads:$values,
                      Ashlar_Sequences:$key_sequences);
  let assemblyFormat = [{
    custom<Kind>($cache) $key `,` $value `,` $sequences
    (`rotary` $rotary^ `,` $positions `:` type($positions))?
    (`table` $rotary_table^)?
    attr-dict `:` type($key) `,` type($value) `->` type($keys) `,` type($values)
  }];
  let hasVerifier = 1;
}

def Ashlar_KvReadOp : Ashlar_Op<"kv_read"> {
  let summary = "keys and values that another entry has stored";
  let arguments = (ins Ashlar_Sequences:$sequences, Ashlar_CacheAttr:$cache);
  let results = (outs CachedHeads:$keys, CachedHeads:$values,
                      Ashlar_Sequences:$key_sequences);
  let assemblyFormat = [{
    custom<Kind>($cache) $sequences attr-dict `:` type($keys) `,` type($values)
  }];
  let hasVerifier = 1;
}

def Ashlar_ScoresOp : Ashlar_RowOp<"scores"> {
  let summary = "dot product of every query with every key of its head";
  let description = [{
    [tokens, heads, head_dim] x [keys, kv_heads, head_dim] -> [tokens, heads, keys]. Head
    h reads key head h / (heads / kv_heads).
  }];
  let arguments = (ins Heads:$query, Heads:$key);
  let results = (outs ScoreMatrix:$result);
  let assemblyFormat = [{
    $query `,` $key attr-dict `:` type($query) `,` type($key) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_AdditiveScoresOp : Ashlar_WeightedOp<"additive_scores"> {
  let summary = "v^T tanh(query + key) for every query and every key of its head";
  let description = [{
    Shapes and heads as `scores`; `vector` is [heads * head_dim], v of each head
    (Bahdanau et al. 2014, with the two linear layers outside of it).
  }];
  let arguments = (ins Heads:$query, Heads:$key, FlatSymbolRefAttr:$vector);
  let results = (outs ScoreMatrix:$result);
  let assemblyFormat = [{
    $query `,` $key `by` $vector attr-dict `:` type($query) `,` type($key) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_ScaleOp : Ashlar_RowOp<"scale", [AllTypesMatch<["input", "result"]>]> {
  let summary = "every number times a constant";
  let arguments = (ins AnyRankedTensor:$input, F64Attr:$factor);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `by` $factor attr-dict `:` type($input)";
}

def Ashlar_PositionBiasOp : Ashlar_WeightedOp<"position_bias", [
    AllTypesMatch<["input", "result"]>]> {
  let summary = "a number for each head and distance added to the scores";
  let description = [{
    The score of head h for a key at distance d = key index - query index gets entry
    (h, d + behind) of the table. Keys of other sequences are left as they are.
  }];
  let arguments = (ins ScoreMatrix:$input, Ashlar_Sequences:$query_sequences,
                       Ashlar_Sequences:$key_sequences, FlatSymbolRefAttr:$table,
                       I64Attr:$behind);
  let results = (outs ScoreMatrix:$result);
  let assemblyFormat = [{
    $input `,` $query_sequences `,` $key_sequences `table` $table `behind` $behind
    attr-dict `:` type($input)
  }];
}

def Ashlar_SoftCapOp : Ashlar_RowOp<"soft_cap", [AllTypesMatch<["input", "result"]>]> {
  let summary = "cap * tanh(x / cap) of every number";
  let arguments = (ins AnyRankedTensor:$input, F64Attr:$cap);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `at` $cap attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Ashlar_RepeatOp : Ashlar_RowOp<"repeat", [AllTypesMatch<["input", "result"]>]> {
  let summary = "keys that count several times in the softmax: log(times) more";
  let description = [{
    Adds log(`times`) to the scores of the keys of a query's own sequence that `pattern`
    admits, as if they stood there `times` times.
  }];
  let arguments = (ins ScoreMatrix:$input, Ashlar_Sequences:$query_sequences,
                       Ashlar_Sequences:$key_sequences, Ashlar_Pattern:$pattern,
                       I64Attr:$times);
  let results = (outs ScoreMatrix:$result);
  let assemblyFormat = [{
    $input `,` $query_sequences `,` $key_sequences `where` $pattern `times` $times
    attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Ashlar_ClipOp : Ashlar_RowOp<"clip", [SameOperandsAndResultType]> {
  let summary = "min(max(x, -limit), limit) of every number; NaN stays";
  let arguments = (ins Rows:$input, F64Attr:$limit);
  let results = (outs Rows:$result);
  let assemblyFormat = "$input `at` $limit attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Ashlar_MaskOp : Ashlar_RowOp<"mask", [AllTypesMatch<["input", "result"]>]> {
  let summary = "minus infinity where a query does not see a key";
  let description = [{
    A query sees keys of its own sequence only, and of those the ones that `kind`
    admits; with `window`, those whose index is less than `window` away from its own;
    with `pattern`, those that it admits.
  }];
  let arguments = (ins ScoreMatrix:$input, Ashlar_Sequences:$query_sequences,
                       Ashlar_Sequences:$key_sequences, Ashlar_MaskAttr:$kind,
                       OptionalAttr<I64Attr>:$window,
                       OptionalAttr<Ashlar_Pattern>:$pattern);
  let results = (outs ScoreMatrix:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) (`where` $pattern^)? $input `,` $query_sequences `,` $key_sequences
    (`window` $window^)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Ashlar_SoftmaxOp : Ashlar_RowOp<"softmax", [AllTypesMatch<["input", "result"]>]> {
  let summary = "softmax over the keys; a row without any visible key gives zeros";
  let arguments = (ins ScoreMatrix:$input);
  let results = (outs ScoreMatrix:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Ashlar_MixOp : Ashlar_RowOp<"mix", [
    SameTokens<["weights", "result"]>]> {
  let summary = "values of each head, weighted";
  let description = [{
    [tokens, heads, keys] x [keys, kv_heads, head_dim] -> [tokens, heads, head_dim].
  }];
  let arguments = (ins ScoreMatrix:$weights, Heads:$value);
  let results = (outs Heads:$result);
  let assemblyFormat = [{
    $weights `,` $value attr-dict `:` type($weights) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Fused level: besides these, linear with an epilogue and kv_append with rotary
//===----------------------------------------------------------------------===//

def Ashlar_SliceOp : Ashlar_RowOp<"slice", [
    SameTokens<["input", "result"]>]> {
  let summary = "columns [begin, begin + features) of each row";
  let arguments = (ins Rows:$input, I64Attr:$begin);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    $input `from` $begin attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_AttentionOp : Ashlar_WeightedOp<"attention"> {
  let summary = "softmax(mask(scale * Q K^T)) V, score matrix never made";
  let description = [{
    Online softmax over fixed segments of keys in order (Milakov and Gimelshein 2018;
    Dao et al. 2022). `scale` multiplies the scores; with `rotary`, queries are rotated
    by `positions` first. With `additive`, scores are those of additive_scores, of float32
    keys. To the scaled scores a row of `bias_table` is added for each head,
    as position_bias does; then they are capped, as soft_cap does, and those of keys that
    `repeated` admits grow, as repeat says. Keys and values of bf16: queries and the softmax's weights are
    multiplied as bf16, too; the sums are float32. Of int8: the same, with the numbers as
    bf16, which is exact; a key's scale multiplies its scores, a value's the weights.
  }];
  let arguments = (ins Heads:$query, CachedHeads:$key, CachedHeads:$value,
                       Ashlar_Sequences:$query_sequences,
                       Ashlar_Sequences:$key_sequences,
                       Optional<PositionsOrAngles>:$positions,
                       Ashlar_MaskAttr:$mask, OptionalAttr<I64Attr>:$window,
                       OptionalAttr<Ashlar_Pattern>:$pattern,
                       F64Attr:$scale,
                       OptionalAttr<FlatSymbolRefAttr>:$additive_vector,
                       OptionalAttr<FlatSymbolRefAttr>:$bias_table,
                       OptionalAttr<I64Attr>:$behind,
                       OptionalAttr<F64Attr>:$soft_cap,
                       OptionalAttr<Ashlar_Pattern>:$repeated,
                       OptionalAttr<I64Attr>:$times,
                       OptionalAttr<Ashlar_RotaryAttr>:$rotary,
                       OptionalAttr<FlatSymbolRefAttr>:$rotary_table);
  let results = (outs OperandHeads:$result);
  let assemblyFormat = [{
    custom<Kind>($mask) $query `,` $key `,` $value `,` $query_sequences `,` $key_sequences
    (`window` $window^)? (`where` $pattern^)? `scale` $scale (`additive` $additive_vector^)? (`bias` $bias_table^ `behind` $behind)?
    (`soft_cap` $soft_cap^)? (`repeat` $repeated^ `times` $times)? (`rotary` $rotary^ `,` $positions `:` type($positions))?
    (`table` $rotary_table^)?
    attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_ResidualNormOp : Ashlar_WeightedOp<"residual_norm", [
    AllTypesMatch<["lhs", "rhs", "sum", "result"]>]> {
  let summary = "a sum of rows and its normalization, in one pass over the rows";
  let arguments = (ins Ashlar_NormAttr:$kind, Rows:$lhs, Rows:$rhs,
                       OptionalAttr<FlatSymbolRefAttr>:$gain,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, F64Attr:$epsilon);
  let results = (outs Rows:$sum, Rows:$result);
  let assemblyFormat = [{
    custom<Kind>($kind) $lhs `,` $rhs (`gain` $gain^)? (`bias` $bias^)? `epsilon` $epsilon attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_ConvertOp : Ashlar_RowOp<"convert", [SameTokens<["input", "result"]>]> {
  let summary = "rows as the operand of a matrix kernel";
  let description = [{
    To bf16: rounded to nearest even. To int8: each row by itself, round(x / s) with
    s = max|x| / 127, which is kept beside the row. With `group`, the sums over groups
    of columns are kept too (for int4 weights with their zero points).

    ```mlir
    %b = ashlar.convert %x : tensor<?x64xf32> -> tensor<?x64xbf16>
    %i = ashlar.convert %x group 64 : tensor<?x64xf32> -> tensor<?x64xi8>
    ```
  }];
  let arguments = (ins Rows:$input, OptionalAttr<I64Attr>:$group);
  let results = (outs Operand:$result);
  let assemblyFormat = [{
    $input (`group` $group^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Ashlar_CopyOp : Ashlar_RowOp<"copy", [SameOperandsAndResultType]> {
  let summary = "the same rows in another buffer; made by the memory plan only";
  let arguments = (ins Rows:$input);
  let results = (outs Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Ashlar_TapOp : Ashlar_Op<"tap"> {
  let summary = "keeps a copy of rows for `verify` and attention maps";
  let arguments = (ins Rows:$input, StrAttr:$name, OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<I64Attr>:$layer_stride);
  let assemblyFormat = [{
    $name $input (`at` $offset^)? (`stride` $layer_stride^)? attr-dict `:` type($input)
  }];
}

//===----------------------------------------------------------------------===//
// Program level: phases over tiles
//===----------------------------------------------------------------------===//

def Bytes : MemRefRankOf<[I8], [1]>;

def Ashlar_ProgramOp : Ashlar_Op<"program", [
    Symbol, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "what every worker runs: phases, barriers, loops over layers";
  let description = [{
    Block arguments: the weight image, the arena and the cache as bytes. All workers
    run the same sequence; a phase's tiles are shared out among them.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $body attr-dict";
  let hasVerifier = 1;
}

def Ashlar_PhaseOp : Ashlar_Op<"phase", [
    AutomaticAllocationScope, NoTerminator, SingleBlock, ParentOneOf<["ProgramOp", "::mlir::scf::ForOp"]>]> {
  let summary = "work on tiles, shared out among the workers";
  let description = [{
    A barrier behind it: workers take parts `[begin, end)` of the tiles until none is left.
    What the region allocates on the stack is the same for all parts that a worker takes;
    of an index with `ashlar.zero`, it is zero before the first.
    Without one worker w of W runs the region once, `[w*tiles/W, (w+1)*tiles/W)`.
    No tile writes what another tile of the same phase reads or writes, but for what
    the last of several tiles reads when an atomic count has told it that the others
    are done (passes/LowerCpu/AttentionSplits.cpp). `ashlar.work` says what the phase computes and reads (passes/Layout/Work.h).
  }];
  let arguments = (ins StrAttr:$name, Index:$tiles);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name `tiles` `(` $tiles `)` $body attr-dict";
  let hasVerifier = 1;
}

def Ashlar_BarrierOp : Ashlar_Op<"barrier", [
    ParentOneOf<["ProgramOp", "::mlir::scf::ForOp"]>]> {
  let summary = "all workers have finished what stands above";
  let assemblyFormat = "attr-dict";
}

#endif // ASHLAR_DIALECT_OPS_TD
