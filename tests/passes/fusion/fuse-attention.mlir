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
