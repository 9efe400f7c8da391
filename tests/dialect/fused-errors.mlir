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
  // expected-error @below {{'ashlar.attention' op result is 'tensor<?x2x4xf32>'; expected 'tensor<?x4x4xf32>'}}
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

func.func @kv_append_c18(%k: tensor<?x2x4xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_append' op rotates 8 dimensions; expected an even number up to head_dim 4}}
  %0, %1, %2 = ashlar.kv_append self %k, %k, %seq rotary <8, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0>, %pos : tensor<?xi32> : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}
