// The scale of the scores moves into the query projection's weights.
// RUN: ashlar-opt %s --ashlar-fold-attention-scale --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-fold-attention-scale --split-input-file --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

#rotary = #ashlar.rotary<4, theta = 1.000000e+04, none, factor = 1.000000e+00, low = 1.000000e+00, high = 4.000000e+00, original = 0>

// Through rotary positions; a factor of the source's own is multiplied, zeros
// stay zeros, and the keys are left alone.
// CHECK: ashlar.weight @q [#ashlar.tensor<"q", [8, 8], rows = 0 for 4, scale = 2.500000e-01 : f64>, #ashlar.tensor<"q", [8, 8], rows = 4 for 4>] :
// CHECK: ashlar.weight @b [#ashlar.tensor<"b", [4], rows = 0 for 4, scale = 2.500000e-01 : f64>, #ashlar.zeros<4>] :
// CHECK: ashlar.weight @k [#ashlar.tensor<"k", [8, 8], rows = 0 for 8>] :
// CHECK-LABEL: func.func @fold
// CHECK:         %[[S:.*]] = ashlar.scores
// CHECK-NOT:     ashlar.scale
// CHECK:         return %[[S]]
ashlar.weight @q [#ashlar.tensor<"q", [8, 8], rows = 0 for 4>, #ashlar.tensor<"q", [8, 8], rows = 4 for 4, scale = 4.0 : f64>] : tensor<8x8xf32>
ashlar.weight @b [#ashlar.tensor<"b", [4], rows = 0 for 4>, #ashlar.zeros<4>] : tensor<8xf32>
ashlar.weight @k [#ashlar.tensor<"k", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @fold(%x: tensor<?x8xf32>, %pos: tensor<?xi32>) -> tensor<?x2x?xf32> {
  %q = ashlar.linear %x weight @q bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
  %k = ashlar.linear %x weight @k : tensor<?x8xf32> -> tensor<?x8xf32>
  %qh = ashlar.split_heads %q : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %kh = ashlar.split_heads %k : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %qr = ashlar.rotary %qh, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  %s = ashlar.scores %qr, %kh : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{[Passed] fired | Category:ashlar-fold-attention-scale | Function=fold | Remark="factor 0.25 is in @q"}}
  %t = ashlar.scale %s by 0.25 : tensor<?x2x?xf32>
  return %t : tensor<?x2x?xf32>
}

// -----

// CHECK-NOT: scale =
// CHECK-LABEL: func.func @declines
// CHECK-COUNT-5: ashlar.scale
ashlar.weight @q [#ashlar.tensor<"q", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @twice [#ashlar.tensor<"t", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @seen [#ashlar.tensor<"s", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @declines(%x: tensor<?x8xf32>, %heads: tensor<?x2x4xf32>) -> (tensor<?x2x?xf32>, tensor<?x2x4xf32>) {
  %q = ashlar.linear %x weight @q : tensor<?x8xf32> -> tensor<?x8xf32>
  %qh = ashlar.split_heads %q : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %s0 = ashlar.scores %qh, %heads : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{[Missed] declined | Category:ashlar-fold-attention-scale | Function=declines | Remark="factor 0.3 is no power of two: folding it would round the weights"}}
  %t0 = ashlar.scale %s0 by 0.3 : tensor<?x2x?xf32>

  %t = ashlar.linear %x weight @twice : tensor<?x8xf32> -> tensor<?x8xf32>
  %u = ashlar.linear %x weight @twice : tensor<?x8xf32> -> tensor<?x8xf32>
  %th = ashlar.split_heads %t : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %s1 = ashlar.scores %th, %heads : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{"@twice has other uses"}}
  %t1 = ashlar.scale %s1 by 0.5 : tensor<?x2x?xf32>

  %v = ashlar.linear %x weight @seen : tensor<?x8xf32> -> tensor<?x8xf32>
  %vh = ashlar.split_heads %v : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %s2 = ashlar.scores %vh, %heads : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{"the query is no projection that only these scores use"}}
  %t2 = ashlar.scale %s2 by 0.5 : tensor<?x2x?xf32>

  %s3 = ashlar.scores %heads, %vh : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{"the query is no projection that only these scores use"}}
  %t3 = ashlar.scale %s3 by 0.5 : tensor<?x2x?xf32>

  %s4 = ashlar.scores %heads, %vh : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{"the scores have other uses"}}
  %t4 = ashlar.scale %s4 by 0.5 : tensor<?x2x?xf32>
  return %s4, %vh : tensor<?x2x?xf32>, tensor<?x2x4xf32>
}

// -----

// Rows in pieces stay in pieces, and what is added to them is scaled with them.
// CHECK: ashlar.weight @q [#ashlar.tensor<"q", [8, 24], rows = 4 for 8 by 4 every 12, transposed = true, scale = 5.000000e-01 : f64>] :
// CHECK: ashlar.weight @b [#ashlar.tensor<"b", [8], rows = 0 for 8, plus = 1.000000e+00 : f64, scale = 5.000000e-01 : f64>] :
// CHECK-LABEL: func.func @pieces
// CHECK-NOT:     ashlar.scale
ashlar.weight @q [#ashlar.tensor<"q", [8, 24], rows = 4 for 8 by 4 every 12, transposed = true>] : tensor<8x8xf32>
ashlar.weight @b [#ashlar.tensor<"b", [8], rows = 0 for 8, plus = 1.0 : f64>] : tensor<8xf32>
func.func @pieces(%x: tensor<?x8xf32>, %k: tensor<?x2x4xf32>) -> tensor<?x2x?xf32> {
  %q = ashlar.linear %x weight @q bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
  %h = ashlar.split_heads %q : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %s = ashlar.scores %h, %k : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{"factor 0.5 is in @q"}}
  %t = ashlar.scale %s by 0.5 : tensor<?x2x?xf32>
  return %t : tensor<?x2x?xf32>
}

// -----

// A norm of the queries would take the factor out again; a scale behind a bias
// or a cap is of more than the scores.
// CHECK-NOT:   scale = 5
// CHECK-LABEL: func.func @not_through
// CHECK-COUNT-2: ashlar.scale
ashlar.weight @q [#ashlar.tensor<"q", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @p [#ashlar.tensor<"p", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @not_through(%x: tensor<?x8xf32>, %k: tensor<?x2x4xf32>) -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>) {
  %q = ashlar.linear %x weight @q : tensor<?x8xf32> -> tensor<?x8xf32>
  %n = ashlar.norm rms_norm %q epsilon 1.0e-5 groups 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  %h = ashlar.split_heads %n : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %s = ashlar.scores %h, %k : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  // expected-remark @below {{"the query is no projection that only these scores use"}}
  %t = ashlar.scale %s by 0.5 : tensor<?x2x?xf32>

  %p = ashlar.linear %x weight @p : tensor<?x8xf32> -> tensor<?x8xf32>
  %ph = ashlar.split_heads %p : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %u = ashlar.scores %ph, %k : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  %c = ashlar.soft_cap %u at 50.0 : tensor<?x2x?xf32>
  %v = ashlar.scale %c by 0.5 : tensor<?x2x?xf32>
  return %t, %v : tensor<?x2x?xf32>, tensor<?x2x?xf32>
}
