// All fusions on a pre-norm layer with rotary positions and a gated feed-forward,
// as llama has it: one op per kernel is left.
// RUN: ashlar-opt %s --ashlar-fusion | FileCheck %s
// RUN: ashlar-opt %s --ashlar-fusion="disable=merge-qkv,fuse-rotary" \
// RUN:   | FileCheck %s --check-prefix=OFF

#rotary = #ashlar.rotary<16, theta = 1.000000e+04, none, factor = 1.000000e+00, low = 1.000000e+00, high = 4.000000e+00, original = 0>

// CHECK-NOT: ashlar.weight @q [
// CHECK: ashlar.weight @q_k_v [#ashlar.tensor<"l.{layer}.q", [64, 64], rows = 0 for 64, scale = 2.500000e-01 : f64>, #ashlar.tensor<"l.{layer}.k", [32, 64], rows = 0 for 32>, #ashlar.tensor<"l.{layer}.v", [32, 64], rows = 0 for 32>] : tensor<128x64xf32> layers = [0, 2]
// CHECK: ashlar.weight @gate_up [{{.*}}] : tensor<352x64xf32> layers = [0, 2]
ashlar.weight @n1 [#ashlar.tensor<"l.{layer}.n1", [64], rows = 0 for 64>] : tensor<64xf32> layers = [0, 2]
ashlar.weight @n2 [#ashlar.tensor<"l.{layer}.n2", [64], rows = 0 for 64>] : tensor<64xf32> layers = [0, 2]
ashlar.weight @q [#ashlar.tensor<"l.{layer}.q", [64, 64], rows = 0 for 64>] : tensor<64x64xf32> layers = [0, 2]
ashlar.weight @k [#ashlar.tensor<"l.{layer}.k", [32, 64], rows = 0 for 32>] : tensor<32x64xf32> layers = [0, 2]
ashlar.weight @v [#ashlar.tensor<"l.{layer}.v", [32, 64], rows = 0 for 32>] : tensor<32x64xf32> layers = [0, 2]
ashlar.weight @o [#ashlar.tensor<"l.{layer}.o", [64, 64], rows = 0 for 64>] : tensor<64x64xf32> layers = [0, 2]
ashlar.weight @gate [#ashlar.tensor<"l.{layer}.gate", [176, 64], rows = 0 for 176>] : tensor<176x64xf32> layers = [0, 2]
ashlar.weight @up [#ashlar.tensor<"l.{layer}.up", [176, 64], rows = 0 for 176>] : tensor<176x64xf32> layers = [0, 2]
ashlar.weight @down [#ashlar.tensor<"l.{layer}.down", [64, 176], rows = 0 for 64>] : tensor<64x176xf32> layers = [0, 2]

// CHECK-LABEL: func.func @decoder
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[POS:.*]]: tensor<?xi32>, %[[SEQ:.*]]: !ashlar.sequences
// CHECK:      ashlar.layers "l" [0, 2]
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<?x64xf32>):
// CHECK-NEXT:   %[[N:.*]] = ashlar.norm rms_norm %[[A]] gain @n1
// CHECK-NEXT:   %[[QKV:.*]] = ashlar.linear %[[N]] weight @q_k_v : tensor<?x64xf32> -> tensor<?x128xf32>
// CHECK-NEXT:   %[[Q:.*]] = ashlar.slice %[[QKV]] from 0
// CHECK-NEXT:   %[[K:.*]] = ashlar.slice %[[QKV]] from 64
// CHECK-NEXT:   %[[V:.*]] = ashlar.slice %[[QKV]] from 96
// CHECK-NEXT:   %[[QH:.*]] = ashlar.split_heads %[[Q]]
// CHECK-NEXT:   %[[KH:.*]] = ashlar.split_heads %[[K]]
// CHECK-NEXT:   %[[VH:.*]] = ashlar.split_heads %[[V]]
// CHECK-NEXT:   %[[KEYS:.*]], %[[VALUES:.*]], %[[KSEQ:.*]] = ashlar.kv_append self %[[KH]], %[[VH]], %[[SEQ]] rotary <16, {{.*}}>, %[[POS]]
// CHECK-NEXT:   %[[ATT:.*]] = ashlar.attention causal %[[QH]], %[[KEYS]], %[[VALUES]], %[[SEQ]], %[[KSEQ]] scale 1.000000e+00 rotary <16, {{.*}}>, %[[POS]]
// CHECK-NEXT:   %[[M:.*]] = ashlar.merge_heads %[[ATT]]
// CHECK-NEXT:   %[[O:.*]] = ashlar.linear %[[M]] weight @o : tensor<?x64xf32> -> tensor<?x64xf32>
// CHECK-NEXT:   %[[SUM:.*]], %[[N2:.*]] = ashlar.residual_norm rms_norm %[[A]], %[[O]] gain @n2
// CHECK-NEXT:   %[[U:.*]] = ashlar.linear %[[N2]] weight @gate_up activation silu gated : tensor<?x64xf32> -> tensor<?x176xf32>
// CHECK-NEXT:   %[[D:.*]] = ashlar.linear %[[U]] weight @down residual %[[SUM]]
// CHECK-NEXT:   ashlar.yield %[[D]]

// OFF: ashlar.linear {{.*}} weight @q :
// OFF: ashlar.rotary
// OFF: ashlar.linear {{.*}} weight @k :
// OFF: ashlar.rotary
// OFF: ashlar.kv_append self
// OFF: ashlar.attention
// OFF-NOT: rotary
func.func @decoder(%x: tensor<?x64xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) -> tensor<?x64xf32> {
  %y = ashlar.layers "l" [0, 2] (%x : tensor<?x64xf32>) {
  ^bb0(%a: tensor<?x64xf32>):
    %n = ashlar.norm rms_norm %a gain @n1 epsilon 1.0e-05 : tensor<?x64xf32> -> tensor<?x64xf32>
    %q = ashlar.linear %n weight @q : tensor<?x64xf32> -> tensor<?x64xf32>
    %qh = ashlar.split_heads %q : tensor<?x64xf32> -> tensor<?x4x16xf32>
    %qr = ashlar.rotary %qh, %pos by #rotary : tensor<?x4x16xf32>, tensor<?xi32>
    %k = ashlar.linear %n weight @k : tensor<?x64xf32> -> tensor<?x32xf32>
    %kh = ashlar.split_heads %k : tensor<?x32xf32> -> tensor<?x2x16xf32>
    %kr = ashlar.rotary %kh, %pos by #rotary : tensor<?x2x16xf32>, tensor<?xi32>
    %v = ashlar.linear %n weight @v : tensor<?x64xf32> -> tensor<?x32xf32>
    %vh = ashlar.split_heads %v : tensor<?x32xf32> -> tensor<?x2x16xf32>
    %keys, %values, %kseq = ashlar.kv_append self %kr, %vh, %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>, tensor<?x2x16xf32>
    %s = ashlar.scores %qr, %keys : tensor<?x4x16xf32>, tensor<?x2x16xf32> -> tensor<?x4x?xf32>
    %t = ashlar.scale %s by 0.25 : tensor<?x4x?xf32>
    %m = ashlar.mask causal %t, %seq, %kseq : tensor<?x4x?xf32>
    %p = ashlar.softmax %m : tensor<?x4x?xf32>
    %c = ashlar.mix %p, %values : tensor<?x4x?xf32>, tensor<?x2x16xf32> -> tensor<?x4x16xf32>
    %mh = ashlar.merge_heads %c : tensor<?x4x16xf32> -> tensor<?x64xf32>
    %o = ashlar.linear %mh weight @o : tensor<?x64xf32> -> tensor<?x64xf32>
    %r = ashlar.add %a, %o : tensor<?x64xf32>
    %n2 = ashlar.norm rms_norm %r gain @n2 epsilon 1.0e-05 : tensor<?x64xf32> -> tensor<?x64xf32>
    %g = ashlar.linear %n2 weight @gate : tensor<?x64xf32> -> tensor<?x176xf32>
    %ga = ashlar.activate silu %g : tensor<?x176xf32>
    %u = ashlar.linear %n2 weight @up : tensor<?x64xf32> -> tensor<?x176xf32>
    %gu = ashlar.multiply %ga, %u : tensor<?x176xf32>
    %d = ashlar.linear %gu weight @down : tensor<?x176xf32> -> tensor<?x64xf32>
    %z = ashlar.add %r, %d : tensor<?x64xf32>
    ashlar.yield %z : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
