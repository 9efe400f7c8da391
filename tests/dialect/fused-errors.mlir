// What fused-level ops must be. Tests are named after their constraint in
// SPEC.md.
// RUN: ashlar-opt %s --split-input-file --verify-diagnostics

ashlar.weight @w [#ashlar.tensor<"w", [16, 8], rows = 0 for 16>] : tensor<16x8xf32>
func.func @linear_c13(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op is gated without an activation}}
  %0 = ashlar.linear %x weight @w gated : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// A gated linear's weight has two rows for every feature of the result.
// expected-note @below {{weight is here}}
ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @linear_gated_c12(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op weight @w has shape [8, 8]; expected [16, 8]}}
  %0 = ashlar.linear %x weight @w activation silu gated : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [16, 8], rows = 0 for 16>] : tensor<16x8xf32>
func.func @linear_c42(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op residual is 'tensor<?x8xf32>'; expected 'tensor<?x16xf32>'}}
  %0 = ashlar.linear %x weight @w residual %x : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @residual_norm_c14(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.residual_norm' op epsilon is -1.000000e+00; expected a number over 0}}
  %0, %1 = ashlar.residual_norm rms_norm %x, %x epsilon -1.0 : tensor<?x8xf32>
  return
}

// -----

func.func @slice_c28(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.slice' op takes columns 6 to 10 of 8}}
  %0 = ashlar.slice %x from 6 : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @slice_negative_c28(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.slice' op takes columns -1 to 3 of 8}}
  %0 = ashlar.slice %x from -1 : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @attention_c19(%q: tensor<?x2x4xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op rotary and positions go together}}
  %0 = "ashlar.attention"(%q, %q, %q, %seq, %seq, %pos) {mask = #ashlar<mask_kind all>, scale = 1.0 : f64} : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !ashlar.sequences, !ashlar.sequences, tensor<?xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c29(%q: tensor<?x4x4xf32>, %k: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op result is 'tensor<?x2x4xf32>'; expected the shape of 'tensor<?x4x4xf32>'}}
  %0 = ashlar.attention all %q, %k, %k, %seq, %seq scale 1.0 : tensor<?x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c41(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op has a table without rotary}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c58(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op cap is -5.000000e+01; expected a number over 0}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 soft_cap -50.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c59(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op window is -1; expected at least 1}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq window -1 scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c60(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op bias and behind go together}}
  %0 = "ashlar.attention"(%q, %q, %q, %seq, %seq) {mask = #ashlar<mask_kind all>, scale = 1.0 : f64, behind = 3 : i64} : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !ashlar.sequences, !ashlar.sequences) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_no_behind_c60(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op bias and behind go together}}
  %0 = "ashlar.attention"(%q, %q, %q, %seq, %seq) {mask = #ashlar<mask_kind all>, scale = 1.0 : f64, bias_table = @t} : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !ashlar.sequences, !ashlar.sequences) -> tensor<?x2x4xf32>
  return
}

// -----

ashlar.weight @t [#ashlar.alibi_table<2 x 4, behind = 3, max_bias = 8.0, scale = 1.0>] : tensor<2x4xf32>
func.func @attention_c61(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op behind is -1; expected a column of @t, which has 4}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 bias @t behind -1 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

// The table has a row for each head of the queries, not of the keys.
// expected-note @below {{weight is here}}
ashlar.weight @t [#ashlar.alibi_table<2 x 4, behind = 3, max_bias = 8.0, scale = 1.0>] : tensor<2x4xf32>
func.func @attention_bias_c12(%q: tensor<?x4x4xf32>, %k: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op table @t has shape [2, 4]; expected [4, 4]}}
  %0 = ashlar.attention all %q, %k, %k, %seq, %seq scale 1.0 bias @t behind 3 : tensor<?x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x4x4xf32>
  return
}

// -----

ashlar.weight @v [#ashlar.tensor<"v", [8], rows = 0 for 8>] : tensor<8xf32>
func.func @attention_c62(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xbf16>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op has additive scores and keys of 'bf16'; expected float32}}
  %0 = ashlar.attention all %q, %k, %k, %seq, %seq scale 1.0 additive @v : tensor<?x2x4xf32>, tensor<?x2x4xbf16>, tensor<?x2x4xbf16> -> tensor<?x2x4xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @v [#ashlar.tensor<"v", [4], rows = 0 for 4>] : tensor<4xf32>
func.func @attention_additive_c12(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op vector @v has shape [4]; expected [8]}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 additive @v : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @kv_append_c18(%k: tensor<?x2x4xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_append' op rotates 8 dimensions; expected an even number up to head_dim 4}}
  %0, %1, %2 = ashlar.kv_append self %k, %k, %seq rotary <8, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0>, %pos : tensor<?xi32> : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}

// -----

func.func @convert_input_c43(%x: tensor<?x8xf64>) {
  // expected-error @below {{'ashlar.convert' op operand #0 must be float32 [tokens, features] with fixed features, but got 'tensor<?x8xf64>'}}
  %0 = ashlar.convert %x : tensor<?x8xf64> -> tensor<?x8xi8>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @linear_input_c43(%x: tensor<?x?xf32>) {
  // expected-error @below {{'ashlar.linear' op operand #0 must be float32, bf16 or int8 [tokens, features] with fixed features, but got 'tensor<?x?xf32>'}}
  %0 = ashlar.linear %x weight @w : tensor<?x?xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c44(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op result #0 must be float32 or bf16 [tokens, heads, head_dim] with fixed heads and head_dim, but got 'tensor<?x2x4xi8>'}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xi8>
  return
}

// -----

func.func @attention_c54(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xi4>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op operand #1 must be float32, bf16 or int8 [tokens, heads, head_dim] with fixed heads and head_dim, but got 'tensor<?x2x4xi4>'}}
  %0 = ashlar.attention all %q, %k, %k, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xi4>, tensor<?x2x4xi4> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @kv_append_c54(%k: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_append' op result #0 must be float32, bf16 or int8 [tokens, heads, head_dim] with fixed heads and head_dim, but got 'tensor<?x2x4xi4>'}}
  %0, %1, %2 = ashlar.kv_append self %k, %k, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xi4>, tensor<?x2x4xi4>
  return
}

// -----

func.func @kv_read_c54(%seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_read' op result #0 must be float32, bf16 or int8 [tokens, heads, head_dim] with fixed heads and head_dim, but got 'tensor<?x2x4xi4>'}}
  %0, %1, %2 = ashlar.kv_read cross %seq : tensor<?x2x4xi4>, tensor<?x2x4xi4>
  return
}

// -----

func.func @attention_c20(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xbf16>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op key is 'tensor<?x2x4xbf16>' and value 'tensor<?x2x4xf32>'; expected the same type}}
  %0 = ashlar.attention all %q, %k, %q, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xbf16>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @convert_c46(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.convert' op result is of 'f32'; expected bf16 or int8}}
  %0 = ashlar.convert %x : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @convert_c47(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.convert' op result is 'tensor<?x16xbf16>'; expected the shape of 'tensor<?x8xf32>'}}
  %0 = ashlar.convert %x : tensor<?x8xf32> -> tensor<?x16xbf16>
  return
}

// -----

func.func @convert_bf16_c52(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.convert' op group is 64 for a result of 'bf16'; expected 32, 64 or 128, and int8}}
  %0 = ashlar.convert %x group 64 : tensor<?x8xf32> -> tensor<?x8xbf16>
  return
}

// -----

func.func @convert_group_c52(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.convert' op group is 16 for a result of 'i8'; expected 32, 64 or 128, and int8}}
  %0 = ashlar.convert %x group 16 : tensor<?x8xf32> -> tensor<?x8xi8>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <bf16>
func.func @linear_f32_c48(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op input is of 'f32', but weight @w is bf16; expected 'bf16'}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @linear_int8_c48(%x: tensor<?x8xi8>) {
  // expected-error @below {{'ashlar.linear' op input is of 'i8', but weight @w is f32; expected 'f32'}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xi8> -> tensor<?x8xf32>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int4, group = 32>
func.func @linear_argument_c49(%x: tensor<?x8xi8>) {
  // expected-error @below {{'ashlar.linear' op input does not come from a convert of group 32}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xi8> -> tensor<?x8xf32>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int4, group = 32>
func.func @linear_group_c49(%x: tensor<?x8xf32>) {
  %i = ashlar.convert %x group 64 : tensor<?x8xf32> -> tensor<?x8xi8>
  // expected-error @below {{'ashlar.linear' op input does not come from a convert of group 32}}
  %0 = ashlar.linear %i weight @w : tensor<?x8xi8> -> tensor<?x8xf32>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int8>
func.func @linear_result_c50(%x: tensor<?x8xi8>) {
  // expected-error @below {{'ashlar.linear' op result is 'tensor<?x8xi8>'; expected float32 or bf16}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xi8> -> tensor<?x8xi8>
  return
}

// -----

func.func @merge_heads_c51(%x: tensor<?x2x4xbf16>) {
  // expected-error @below {{'ashlar.merge_heads' op result is 'tensor<?x8xf32>', but the input is of 'bf16'}}
  %0 = ashlar.merge_heads %x : tensor<?x2x4xbf16> -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c78(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op repeats keys 0 times; expected at least 2}}
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 repeat #ashlar.first<keys, 4> times 0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c79(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op repeat and times go together}}
  %0 = "ashlar.attention"(%q, %q, %q, %seq, %seq) {mask = #ashlar<mask_kind all>, scale = 1.0 : f64, times = 3 : i64} : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !ashlar.sequences, !ashlar.sequences) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_no_times_c79(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.attention' op repeat and times go together}}
  %0 = "ashlar.attention"(%q, %q, %q, %seq, %seq) {mask = #ashlar<mask_kind all>, scale = 1.0 : f64, repeated = #ashlar.first<keys, 4>} : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !ashlar.sequences, !ashlar.sequences) -> tensor<?x2x4xf32>
  return
}
