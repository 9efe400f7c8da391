// Projections of one input into heads become one linear with slices.
// RUN: ashlar-opt %s --ashlar-merge-qkv --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-merge-qkv --split-input-file --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

// The old weights are gone; where there was no bias, there are zeros.
// CHECK-NOT:  ashlar.weight @h.q
// CHECK:      ashlar.weight @h.q_k_v.w [#ashlar.tensor<"h.{layer}.qkv", [24, 8], rows = 0 for 8>, #ashlar.tensor<"h.{layer}.qkv", [24, 8], rows = 8 for 4>, #ashlar.tensor<"h.{layer}.v", [8, 4], rows = 0 for 4, transposed = true>] : tensor<16x8xf32> layers = [0, 3]
// CHECK:      ashlar.weight @h.q_k_v.w.bias [#ashlar.tensor<"h.{layer}.qb", [8], rows = 0 for 8>, #ashlar.zeros<4>, #ashlar.tensor<"h.{layer}.vb", [4], rows = 0 for 4>] : tensor<16xf32> layers = [0, 3]
// CHECK-NOT:  ashlar.weight
// CHECK-LABEL: func.func @three
// CHECK:        %[[M:.*]] = ashlar.linear %[[X:.*]] weight @h.q_k_v.w bias @h.q_k_v.w.bias : tensor<?x8xf32> -> tensor<?x16xf32>
// CHECK-NEXT:   %[[Q:.*]] = ashlar.slice %[[M]] from 0 : tensor<?x16xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   %[[K:.*]] = ashlar.slice %[[M]] from 8 : tensor<?x16xf32> -> tensor<?x4xf32>
// CHECK-NEXT:   %[[V:.*]] = ashlar.slice %[[M]] from 12 : tensor<?x16xf32> -> tensor<?x4xf32>
// CHECK-NEXT:   ashlar.split_heads %[[Q]]
// CHECK-NEXT:   ashlar.split_heads %[[K]]
// CHECK-NEXT:   ashlar.split_heads %[[V]]
ashlar.weight @h.q.w [#ashlar.tensor<"h.{layer}.qkv", [24, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 3]
ashlar.weight @h.k.w [#ashlar.tensor<"h.{layer}.qkv", [24, 8], rows = 8 for 4>] : tensor<4x8xf32> layers = [0, 3]
ashlar.weight @h.v.w [#ashlar.tensor<"h.{layer}.v", [8, 4], rows = 0 for 4, transposed = true>] : tensor<4x8xf32> layers = [0, 3]
ashlar.weight @h.q.b [#ashlar.tensor<"h.{layer}.qb", [8], rows = 0 for 8>] : tensor<8xf32> layers = [0, 3]
ashlar.weight @h.v.b [#ashlar.tensor<"h.{layer}.vb", [4], rows = 0 for 4>] : tensor<4xf32> layers = [0, 3]
func.func @three(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) -> tensor<?x8xf32> {
  %y = ashlar.layers "h" [0, 3] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-remark @below {{[Passed] fired | Category:ashlar-merge-qkv | Function=three | Remark="3 projections of one input are one linear"}}
    %q = ashlar.linear %a weight @h.q.w bias @h.q.b : tensor<?x8xf32> -> tensor<?x8xf32>
    %k = ashlar.linear %a weight @h.k.w : tensor<?x8xf32> -> tensor<?x4xf32>
    %v = ashlar.linear %a weight @h.v.w bias @h.v.b : tensor<?x8xf32> -> tensor<?x4xf32>
    %qh = ashlar.split_heads %q : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %kh = ashlar.split_heads %k : tensor<?x4xf32> -> tensor<?x1x4xf32>
    %vh = ashlar.split_heads %v : tensor<?x4xf32> -> tensor<?x1x4xf32>
    %keys, %values, %kseq = ashlar.kv_append self %kh, %vh, %seq : tensor<?x1x4xf32>, tensor<?x1x4xf32> -> tensor<?x1x4xf32>, tensor<?x1x4xf32>
    %o = ashlar.attention all %qh, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x4xf32>
    %m = ashlar.merge_heads %o : tensor<?x2x4xf32> -> tensor<?x8xf32>
    ashlar.yield %m : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// Keys and values alone, as the cross-attention's projections have it. A name
// that is taken is not taken again.
// CHECK: ashlar.weight @k_v_0 [{{.*}}] : tensor<16x8xf32>
// CHECK-LABEL: func.func @two
// CHECK:       %[[M:.*]] = ashlar.linear %{{.*}} weight @k_v_0 : tensor<?x8xf32> -> tensor<?x16xf32>
ashlar.weight @k [#ashlar.tensor<"k", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @v [#ashlar.tensor<"v", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @k_v [#ashlar.tensor<"o", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @two(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) -> tensor<?x8xf32> {
  // expected-remark @below {{"2 projections of one input are one linear"}}
  %k = ashlar.linear %x weight @k : tensor<?x8xf32> -> tensor<?x8xf32>
  %v = ashlar.linear %x weight @v : tensor<?x8xf32> -> tensor<?x8xf32>
  %kh = ashlar.split_heads %k : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %vh = ashlar.split_heads %v : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %keys, %values, %kseq = ashlar.kv_append cross %kh, %vh, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %o = ashlar.linear %x weight @k_v : tensor<?x8xf32> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @declines
// CHECK-NOT:     ashlar.slice
ashlar.weight @shared [#ashlar.tensor<"a", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @all [#ashlar.tensor<"b", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @first [#ashlar.tensor<"{layer}.c", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 2]
ashlar.weight @other [#ashlar.tensor<"d", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @active [#ashlar.tensor<"e", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @declines(%x: tensor<?x8xf32>, %z: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = ashlar.layers "h" [0, 2] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-remark @below {{[Missed] declined | Category:ashlar-merge-qkv | Function=declines | Remark="@shared has other uses"}}
    %0 = ashlar.linear %a weight @shared : tensor<?x8xf32> -> tensor<?x8xf32>
    // expected-remark @below {{"no other projection of this input to merge with"}}
    %1 = ashlar.linear %a weight @all : tensor<?x8xf32> -> tensor<?x8xf32>
    // expected-remark @below {{"@first and @all are of different layers"}}
    %2 = ashlar.linear %a weight @first : tensor<?x8xf32> -> tensor<?x8xf32>
    // expected-remark @below {{"no other projection of this input to merge with"}}
    %3 = ashlar.linear %z weight @other : tensor<?x8xf32> -> tensor<?x8xf32>
    // expected-remark @below {{"the linear has an epilogue"}}
    %4 = ashlar.linear %a weight @active activation relu : tensor<?x8xf32> -> tensor<?x8xf32>
    %h0 = ashlar.split_heads %0 : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %h1 = ashlar.split_heads %1 : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %h2 = ashlar.split_heads %2 : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %h3 = ashlar.split_heads %3 : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %h4 = ashlar.split_heads %4 : tensor<?x8xf32> -> tensor<?x2x4xf32>
    ashlar.yield %a : tensor<?x8xf32>
  }
  // Not split into heads: none of this pass's business.
  %s = ashlar.linear %y weight @shared : tensor<?x8xf32> -> tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}

// -----

// Queries and keys that are normalized first, in heads or all together: the
// norms read their slices.
// CHECK-LABEL: func.func @norms
// CHECK:        %[[M:.*]] = ashlar.linear %{{.*}} weight @q_k_v : tensor<?x8xf32> -> tensor<?x16xf32>
// CHECK-NEXT:   %[[Q:.*]] = ashlar.slice %[[M]] from 0 : tensor<?x16xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   %[[K:.*]] = ashlar.slice %[[M]] from 8 : tensor<?x16xf32> -> tensor<?x4xf32>
// CHECK-NEXT:   %[[V:.*]] = ashlar.slice %[[M]] from 12 : tensor<?x16xf32> -> tensor<?x4xf32>
// CHECK-NEXT:   ashlar.norm rms_norm %[[Q]] gain @g epsilon 1.000000e-05 groups 2
// CHECK-NEXT:   ashlar.norm rms_norm %[[K]] gain @g epsilon
// CHECK:        ashlar.split_heads %[[V]]
ashlar.weight @q [#ashlar.tensor<"q", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @k [#ashlar.tensor<"k", [4, 8], rows = 0 for 4>] : tensor<4x8xf32>
ashlar.weight @v [#ashlar.tensor<"v", [4, 8], rows = 0 for 4>] : tensor<4x8xf32>
ashlar.weight @g [#ashlar.tensor<"g", [4], rows = 0 for 4>] : tensor<4xf32>
func.func @norms(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) -> tensor<?x2x4xf32> {
  // expected-remark @below {{"3 projections of one input are one linear"}}
  %q = ashlar.linear %x weight @q : tensor<?x8xf32> -> tensor<?x8xf32>
  %k = ashlar.linear %x weight @k : tensor<?x8xf32> -> tensor<?x4xf32>
  %v = ashlar.linear %x weight @v : tensor<?x8xf32> -> tensor<?x4xf32>
  %qn = ashlar.norm rms_norm %q gain @g epsilon 1.0e-5 groups 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  %kn = ashlar.norm rms_norm %k gain @g epsilon 1.0e-5 : tensor<?x4xf32> -> tensor<?x4xf32>
  %qh = ashlar.split_heads %qn : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %kh = ashlar.split_heads %kn : tensor<?x4xf32> -> tensor<?x1x4xf32>
  %vh = ashlar.split_heads %v : tensor<?x4xf32> -> tensor<?x1x4xf32>
  %keys, %values, %kseq = ashlar.kv_append self %kh, %vh, %seq : tensor<?x1x4xf32>, tensor<?x1x4xf32> -> tensor<?x1x4xf32>, tensor<?x1x4xf32>
  %o = ashlar.attention all %qh, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x4xf32>
  return %o : tensor<?x2x4xf32>
}

// -----

// Rows that are normalized and not split are no projections into heads.
// CHECK-LABEL: func.func @normalized_rows
// CHECK-NOT:     ashlar.slice
ashlar.weight @a [#ashlar.tensor<"a", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @b [#ashlar.tensor<"b", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @normalized_rows(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %a = ashlar.linear %x weight @a : tensor<?x8xf32> -> tensor<?x8xf32>
  %b = ashlar.linear %x weight @b : tensor<?x8xf32> -> tensor<?x8xf32>
  %m = ashlar.norm rms_norm %a epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
  %n = ashlar.norm rms_norm %b epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %m, %n : tensor<?x8xf32>, tensor<?x8xf32>
}
