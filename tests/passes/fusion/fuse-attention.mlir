// Scores, scale, mask, softmax and mix become one attention.
// RUN: ashlar-opt %s --ashlar-fuse-attention --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-fuse-attention --split-input-file --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

// CHECK-LABEL: func.func @scaled
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x8xf32>, %[[K:.*]]: tensor<?x2x8xf32>, %[[V:.*]]: tensor<?x2x8xf32>, %[[QS:.*]]: !ashlar.sequences, %[[KS:.*]]: !ashlar.sequences
// CHECK-NEXT:    %[[Y:.*]] = ashlar.attention causal %[[Q]], %[[K]], %[[V]], %[[QS]], %[[KS]] scale 3.000000e-01 : tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32> -> tensor<?x4x8xf32>
// CHECK-NEXT:    return %[[Y]]
func.func @scaled(%q: tensor<?x4x8xf32>, %k: tensor<?x2x8xf32>, %v: tensor<?x2x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> tensor<?x4x8xf32> {
  %s = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x2x8xf32> -> tensor<?x4x?xf32>
  %t = ashlar.scale %s by 0.3 : tensor<?x4x?xf32>
  %m = ashlar.mask causal %t, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{[Passed] fired | Category:ashlar-fuse-attention | Function=scaled | Remark="scores to mix are one attention"}}
  %y = ashlar.mix %p, %v : tensor<?x4x?xf32>, tensor<?x2x8xf32> -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}

// -----

// Without a scale op the scale is 1, with two it is their product.
// CHECK-LABEL: func.func @none_and_two
// CHECK:         ashlar.attention all {{.*}} scale 1.000000e+00 :
// CHECK:         ashlar.attention all {{.*}} scale 6.000000e+00 :
func.func @none_and_two(%q: tensor<?x4x8xf32>, %k: tensor<?x4x8xf32>, %v: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>) {
  %s = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %m = ashlar.mask all %s, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y = ashlar.mix %p, %v : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  %s2 = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %t2 = ashlar.scale %s2 by 2.0 : tensor<?x4x?xf32>
  %u2 = ashlar.scale %t2 by 3.0 : tensor<?x4x?xf32>
  %m2 = ashlar.mask all %u2, %qs, %ks : tensor<?x4x?xf32>
  %p2 = ashlar.softmax %m2 : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y2 = ashlar.mix %p2, %v : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %y, %y2 : tensor<?x4x8xf32>, tensor<?x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @declines
// CHECK-NOT:     ashlar.attention
func.func @declines(%q: tensor<?x4x8xf32>, %k: tensor<?x4x8xf32>, %v: tensor<?x4x16xf32>, %given: tensor<?x4x?xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> (tensor<?x4x?xf32>, tensor<?x4x?xf32>) {
  %s = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %m = ashlar.mask all %s, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{[Missed] declined | Category:ashlar-fuse-attention | Function=declines | Remark="the result of 'ashlar.softmax' has other uses"}}
  %0 = ashlar.mix %p, %k : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s1 = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %m1 = ashlar.mask all %s1, %qs, %ks : tensor<?x4x?xf32>
  %p1 = ashlar.softmax %m1 : tensor<?x4x?xf32>
  // expected-remark @below {{"the result of 'ashlar.scores' has other uses"}}
  %1 = ashlar.mix %p1, %k : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s2 = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %p2 = ashlar.softmax %s2 : tensor<?x4x?xf32>
  // expected-remark @below {{"there is no mask below the softmax: the sequences are unknown"}}
  %2 = ashlar.mix %p2, %k : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s3 = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %m3 = ashlar.mask all %s3, %qs, %ks : tensor<?x4x?xf32>
  %p3 = ashlar.softmax %m3 : tensor<?x4x?xf32>
  // expected-remark @below {{"keys and values differ in shape"}}
  %3 = ashlar.mix %p3, %v : tensor<?x4x?xf32>, tensor<?x4x16xf32> -> tensor<?x4x16xf32>

  %m4 = ashlar.mask all %given, %qs, %ks : tensor<?x4x?xf32>
  %p4 = ashlar.softmax %m4 : tensor<?x4x?xf32>
  // expected-remark @below {{"what the mask reads are no scores"}}
  %4 = ashlar.mix %p4, %k : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  // expected-remark @below {{"the weights of the mix are no softmax"}}
  %5 = ashlar.mix %given, %k : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %p, %s1 : tensor<?x4x?xf32>, tensor<?x4x?xf32>
}

// -----

// Moving the scores into the loop would repeat them.
// CHECK-LABEL: func.func @another_block
// CHECK-NOT:     ashlar.attention
func.func @another_block(%q: tensor<?x4x8xf32>, %k: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences, %x: tensor<?x8xf32>) {
  %s = ashlar.scores %q, %k : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %m = ashlar.mask all %s, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  %r = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-remark @below {{"'ashlar.scores' is in another block"}}
    %0 = ashlar.mix %p, %k : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
    ashlar.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

// Position bias and soft cap, in this order or one of them, and the window of
// the mask.
// CHECK-LABEL: func.func @biased_and_capped
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x8xf32>, %[[QS:.*]]: !ashlar.sequences, %[[KS:.*]]: !ashlar.sequences
// CHECK-NEXT:    %[[Y:.*]] = ashlar.attention causal %[[Q]], %[[Q]], %[[Q]], %[[QS]], %[[KS]] window 3 scale 3.000000e-01 bias @t behind 5 soft_cap 5.000000e+01 : {{.*}}
// CHECK-NEXT:    %[[Y1:.*]] = ashlar.attention all %[[Y]], {{.*}} scale 1.000000e+00 bias @t behind 4 : {{.*}}
// CHECK-NEXT:    %[[Y2:.*]] = ashlar.attention all %[[Y1]], {{.*}} window 7 scale 1.000000e+00 soft_cap 2.000000e+01 : {{.*}}
// CHECK-NEXT:    return %[[Y2]]
ashlar.weight @t [#ashlar.alibi_table<4 x 6, behind = 5, max_bias = 8.0, scale = 1.0>] : tensor<4x6xf32>
func.func @biased_and_capped(%q: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> tensor<?x4x8xf32> {
  %s = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %t = ashlar.scale %s by 0.3 : tensor<?x4x?xf32>
  %b = ashlar.position_bias %t, %qs, %ks table @t behind 5 : tensor<?x4x?xf32>
  %c = ashlar.soft_cap %b at 50.0 : tensor<?x4x?xf32>
  %m = ashlar.mask causal %c, %qs, %ks window 3 : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y = ashlar.mix %p, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s1 = ashlar.scores %y, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %b1 = ashlar.position_bias %s1, %qs, %ks table @t behind 4 : tensor<?x4x?xf32>
  %m1 = ashlar.mask all %b1, %qs, %ks : tensor<?x4x?xf32>
  %p1 = ashlar.softmax %m1 : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y1 = ashlar.mix %p1, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s2 = ashlar.scores %y1, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %c2 = ashlar.soft_cap %s2 at 20.0 : tensor<?x4x?xf32>
  %m2 = ashlar.mask all %c2, %qs, %ks window 7 : tensor<?x4x?xf32>
  %p2 = ashlar.softmax %m2 : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y2 = ashlar.mix %p2, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %y2 : tensor<?x4x8xf32>
}

// -----

// The mask's pattern, and repeated keys.
// CHECK-LABEL: func.func @pattern
// CHECK:         ashlar.attention causal {{.*}} where #ashlar.first<keys, 4> scale 1.000000e+00 soft_cap 2.000000e+01 repeat #ashlar.last<keys, 8> times 3 : {{.*}}
// CHECK-NEXT:    return
func.func @pattern(%q: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> tensor<?x4x8xf32> {
  %s = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %c = ashlar.soft_cap %s at 20.0 : tensor<?x4x?xf32>
  %r = ashlar.repeat %c, %qs, %ks where #ashlar.last<keys, 8> times 3 : tensor<?x4x?xf32>
  %m = ashlar.mask causal where #ashlar.first<keys, 4> %r, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y = ashlar.mix %p, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @repeat_of_others
// CHECK-NOT:     ashlar.attention
func.func @repeat_of_others(%q: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> tensor<?x4x8xf32> {
  %s = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %r = ashlar.repeat %s, %qs, %qs where #ashlar.last<keys, 8> times 3 : tensor<?x4x?xf32>
  %m = ashlar.mask causal %r, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{"repeat and mask are of different sequences"}}
  %y = ashlar.mix %p, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}

// -----

// Another order is another function: the bias would be capped, or scaled, or the
// capped scores scaled.
// CHECK-LABEL: func.func @other_orders
// CHECK-NOT:     ashlar.attention
ashlar.weight @t [#ashlar.alibi_table<4 x 6, behind = 5, max_bias = 8.0, scale = 1.0>] : tensor<4x6xf32>
func.func @other_orders(%q: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> tensor<?x4x?xf32> {
  %s0 = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %c0 = ashlar.soft_cap %s0 at 50.0 : tensor<?x4x?xf32>
  %b0 = ashlar.position_bias %c0, %qs, %ks table @t behind 5 : tensor<?x4x?xf32>
  %m0 = ashlar.mask all %b0, %qs, %ks : tensor<?x4x?xf32>
  %p0 = ashlar.softmax %m0 : tensor<?x4x?xf32>
  // expected-remark @below {{"what the mask reads are no scores"}}
  %0 = ashlar.mix %p0, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s1 = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %b1 = ashlar.position_bias %s1, %qs, %ks table @t behind 5 : tensor<?x4x?xf32>
  %t1 = ashlar.scale %b1 by 0.3 : tensor<?x4x?xf32>
  %m1 = ashlar.mask all %t1, %qs, %ks : tensor<?x4x?xf32>
  %p1 = ashlar.softmax %m1 : tensor<?x4x?xf32>
  // expected-remark @below {{"what the mask reads are no scores"}}
  %1 = ashlar.mix %p1, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s2 = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %c2 = ashlar.soft_cap %s2 at 50.0 : tensor<?x4x?xf32>
  %t2 = ashlar.scale %c2 by 0.3 : tensor<?x4x?xf32>
  %m2 = ashlar.mask all %t2, %qs, %ks : tensor<?x4x?xf32>
  %p2 = ashlar.softmax %m2 : tensor<?x4x?xf32>
  // expected-remark @below {{"what the mask reads are no scores"}}
  %2 = ashlar.mix %p2, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  // Twice is not once.
  %s3 = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %b3 = ashlar.position_bias %s3, %qs, %ks table @t behind 5 : tensor<?x4x?xf32>
  %d3 = ashlar.position_bias %b3, %qs, %ks table @t behind 5 : tensor<?x4x?xf32>
  %m3 = ashlar.mask all %d3, %qs, %ks : tensor<?x4x?xf32>
  %p3 = ashlar.softmax %m3 : tensor<?x4x?xf32>
  // expected-remark @below {{"what the mask reads are no scores"}}
  %3 = ashlar.mix %p3, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s4 = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %b4 = ashlar.position_bias %s4, %ks, %qs table @t behind 5 : tensor<?x4x?xf32>
  %m4 = ashlar.mask all %b4, %qs, %ks : tensor<?x4x?xf32>
  %p4 = ashlar.softmax %m4 : tensor<?x4x?xf32>
  // expected-remark @below {{"bias and mask are of different sequences"}}
  %4 = ashlar.mix %p4, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>

  %s5 = ashlar.scores %q, %q : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %c5 = ashlar.soft_cap %s5 at 50.0 : tensor<?x4x?xf32>
  %m5 = ashlar.mask all %c5, %qs, %ks : tensor<?x4x?xf32>
  %p5 = ashlar.softmax %m5 : tensor<?x4x?xf32>
  // expected-remark @below {{"the result of 'ashlar.soft_cap' has other uses"}}
  %5 = ashlar.mix %p5, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %c5 : tensor<?x4x?xf32>
}

// -----

// CHECK-LABEL: func.func @additive
// CHECK:         ashlar.attention all {{.*}} scale 3.000000e-01 additive @v : {{.*}}
ashlar.weight @v [#ashlar.tensor<"v", [32], rows = 0 for 32>] : tensor<32xf32>
func.func @additive(%q: tensor<?x4x8xf32>, %qs: !ashlar.sequences, %ks: !ashlar.sequences) -> tensor<?x4x8xf32> {
  %s = ashlar.additive_scores %q, %q by @v : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x?xf32>
  %t = ashlar.scale %s by 0.3 : tensor<?x4x?xf32>
  %m = ashlar.mask all %t, %qs, %ks : tensor<?x4x?xf32>
  %p = ashlar.softmax %m : tensor<?x4x?xf32>
  // expected-remark @below {{"scores to mix are one attention"}}
  %y = ashlar.mix %p, %q : tensor<?x4x?xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}
