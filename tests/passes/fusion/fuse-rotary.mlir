// Rotary positions go into the attention and into kv_append.
// RUN: ashlar-opt %s --ashlar-fuse-rotary --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-fuse-rotary --split-input-file --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

#rotary = #ashlar.rotary<4, theta = 1.000000e+04, linear, factor = 2.000000e+00, low = 1.000000e+00, high = 4.000000e+00, original = 0>

// CHECK-LABEL: func.func @both
// CHECK-SAME:    %[[Q:.*]]: tensor<?x2x4xf32>, %[[K:.*]]: tensor<?x2x4xf32>, %[[V:.*]]: tensor<?x2x4xf32>, %[[POS:.*]]: tensor<?xi32>, %[[SEQ:.*]]: !ashlar.sequences
// CHECK-NEXT:    %[[KEYS:.*]], %[[VALUES:.*]], %[[KS:.*]] = ashlar.kv_append self %[[K]], %[[V]], %[[SEQ]] rotary <4, {{.*}}linear, factor = 2.0{{.*}}>, %[[POS]] : tensor<?xi32> :
// CHECK-NEXT:    %[[Y:.*]] = ashlar.attention causal %[[Q]], %[[KEYS]], %[[VALUES]], %[[SEQ]], %[[KS]] scale 1.000000e+00 rotary <4, {{.*}}>, %[[POS]] : tensor<?xi32> :
// CHECK-NEXT:    return %[[Y]]
func.func @both(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x2x4xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) -> tensor<?x2x4xf32> {
  // expected-remark @below {{[Passed] fired | Category:ashlar-fuse-rotary | Function=both | Remark="its user rotates"}}
  %qr = ashlar.rotary %q, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  // expected-remark @below {{"its user rotates"}}
  %kr = ashlar.rotary %k, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  %keys, %values, %ks = ashlar.kv_append self %kr, %v, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %y = ashlar.attention causal %qr, %keys, %values, %seq, %ks scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return %y : tensor<?x2x4xf32>
}

// -----

#rotary = #ashlar.rotary<4, theta = 1.000000e+04, none, factor = 1.000000e+00, low = 1.000000e+00, high = 4.000000e+00, original = 0>

// CHECK-LABEL: func.func @declines
// CHECK-COUNT-4: = ashlar.rotary
func.func @declines(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences, %x: tensor<?x8xf32>) -> (tensor<?x2x4xf32>, tensor<?x8xf32>) {
  // expected-remark @below {{[Missed] declined | Category:ashlar-fuse-rotary | Function=declines | Remark="the rotated heads have other uses"}}
  %0 = ashlar.rotary %q, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  %y = ashlar.attention causal %0, %k, %k, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>

  // expected-remark @below {{"its user rotates already"}}
  %1 = ashlar.rotary %q, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  %z = ashlar.attention causal %1, %k, %k, %seq, %seq scale 1.0 rotary #rotary, %pos : tensor<?xi32> : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>

  // expected-remark @below {{"its user is 'ashlar.attention', neither the query of an attention nor the key of a kv_append"}}
  %2 = ashlar.rotary %q, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  %u = ashlar.attention causal %q, %2, %k, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>

  // expected-remark @below {{"its user is in another block"}}
  %3 = ashlar.rotary %q, %pos by #rotary : tensor<?x2x4xf32>, tensor<?xi32>
  %r = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    %w = ashlar.attention causal %3, %k, %k, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
    %m = ashlar.merge_heads %w : tensor<?x2x4xf32> -> tensor<?x8xf32>
    ashlar.yield %m : tensor<?x8xf32>
  }
  return %0, %r : tensor<?x2x4xf32>, tensor<?x8xf32>
}
