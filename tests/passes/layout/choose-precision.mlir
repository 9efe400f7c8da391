// Weights of linears get encodings, and linears the operands for them.
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=int8" | FileCheck %s --check-prefixes=ALL,INT8
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=bf16,b.weight=int8" | FileCheck %s --check-prefixes=ALL,BF16
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=int4,group=32,zero_points,*.weight=f32,b.*=int4" | FileCheck %s --check-prefixes=ALL,INT4
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=f32" | FileCheck %s --check-prefix=F32
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=int8,kv=f32" | FileCheck %s --check-prefix=KEPT
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=f32,kv=int8" | FileCheck %s --check-prefix=SMALL
// RUN: not ashlar-opt %s --split-input-file --ashlar-choose-precision="precision=int9" 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: error: --precision: "int9" is no precision; expected f32, bf16, int8 or int4

// F32-NOT: encoded
// F32-NOT: ashlar.convert
// F32-NOT: bf16

// Two linears of the same input share its operand; their biases stay as they
// are. The last pattern that matches any tensor of a weight decides.
// INT8: ashlar.weight @ab [{{.*}}] : tensor<64x32xf32> encoded <int8>
// BF16: ashlar.weight @ab [{{.*}}] : tensor<64x32xf32> encoded <int8>
// INT4: ashlar.weight @ab [{{.*}}] : tensor<64x32xf32> encoded <int4, group = 32, zero_points = true>
// INT8: ashlar.weight @c [{{.*}}] : tensor<32x32xf32> encoded <int8>
// BF16: ashlar.weight @c [{{.*}}] : tensor<32x32xf32> encoded <bf16>
// INT4: ashlar.weight @c [{{.*}}] : tensor<32x32xf32>{{$}}
// ALL: ashlar.weight @bias [{{.*}}] : tensor<64xf32>{{$}}
ashlar.weight @ab [#ashlar.tensor<"a.weight", [32, 32], rows = 0 for 32>, #ashlar.tensor<"b.weight", [32, 32], rows = 0 for 32>] : tensor<64x32xf32>
ashlar.weight @c [#ashlar.tensor<"c.weight", [32, 32], rows = 0 for 32>] : tensor<32x32xf32>
ashlar.weight @bias [#ashlar.tensor<"ab.bias", [64], rows = 0 for 64>] : tensor<64xf32>
// ALL-LABEL: func.func @linears(
func.func @linears(%x: tensor<?x32xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x64xf32>) {
  // INT8: %[[I:.*]] = ashlar.convert %{{.*}} : tensor<?x32xf32> -> tensor<?x32xi8>
  // INT8-NOT: ashlar.convert
  // INT8: ashlar.linear %[[I]] weight @ab bias @bias : tensor<?x32xi8> -> tensor<?x64xf32>
  // INT8: ashlar.linear %[[I]] weight @c : tensor<?x32xi8> -> tensor<?x32xf32>
  // INT8: ashlar.linear %[[I]] weight @ab : tensor<?x32xi8> -> tensor<?x64xf32>
  // BF16-DAG: %[[I:.*]] = ashlar.convert %{{.*}} : tensor<?x32xf32> -> tensor<?x32xi8>
  // BF16-DAG: %[[B:.*]] = ashlar.convert %{{.*}} : tensor<?x32xf32> -> tensor<?x32xbf16>
  // BF16: ashlar.linear %[[I]] weight @ab bias @bias : tensor<?x32xi8> -> tensor<?x64xf32>
  // BF16: ashlar.linear %[[B]] weight @c : tensor<?x32xbf16> -> tensor<?x32xf32>
  // INT4: %[[G:.*]] = ashlar.convert %[[X:.*]] group 32 : tensor<?x32xf32> -> tensor<?x32xi8>
  // INT4: ashlar.linear %[[G]] weight @ab bias @bias : tensor<?x32xi8> -> tensor<?x64xf32>
  // INT4: ashlar.linear %[[X]] weight @c : tensor<?x32xf32> -> tensor<?x32xf32>
  %0 = ashlar.linear %x weight @ab bias @bias : tensor<?x32xf32> -> tensor<?x64xf32>
  %1 = ashlar.linear %x weight @c : tensor<?x32xf32> -> tensor<?x32xf32>
  %2 = ashlar.linear %x weight @ab : tensor<?x32xf32> -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x64xf32>
}

// -----

// A table of token embeddings; one that the head shares, which follows the head;
// positions, which stay; heads, which are int8 under int4.
// INT8: ashlar.weight @tokens [{{.*}}] : tensor<7x32xf32> encoded <bf16>
// BF16: ashlar.weight @tokens [{{.*}}] : tensor<7x32xf32> encoded <bf16>
// INT4: ashlar.weight @tokens [{{.*}}] : tensor<7x32xf32> encoded <bf16>
// INT8: ashlar.weight @tied [{{.*}}] : tensor<9x32xf32> encoded <int8>
// BF16: ashlar.weight @tied [{{.*}}] : tensor<9x32xf32> encoded <bf16>
// INT4: ashlar.weight @tied [{{.*}}] : tensor<9x32xf32> encoded <int8>
// ALL: ashlar.weight @positions [{{.*}}] : tensor<8x32xf32>{{$}}
// A table that other ids look up too stays, although a linear reads it.
// ALL: ashlar.weight @both [{{.*}}] : tensor<8x32xf32>{{$}}
ashlar.weight @tokens [#ashlar.tensor<"tokens", [7, 32], rows = 0 for 7>] : tensor<7x32xf32>
ashlar.weight @tied [#ashlar.tensor<"tied", [9, 32], rows = 0 for 9>] : tensor<9x32xf32>
ashlar.weight @positions [#ashlar.tensor<"positions", [8, 32], rows = 0 for 8>] : tensor<8x32xf32>
ashlar.weight @both [#ashlar.tensor<"both", [8, 32], rows = 0 for 8>] : tensor<8x32xf32>
func.func @stack(%ids: tensor<?xi32> {ashlar.input = "ids"}, %pos: tensor<?xi32> {ashlar.input = "positions"}) -> tensor<?x8xf32> {
  %0 = ashlar.embedding %ids table @tokens : tensor<?xi32> -> tensor<?x32xf32>
  %1 = ashlar.embedding %ids table @tied : tensor<?xi32> -> tensor<?x32xf32>
  %2 = ashlar.embedding %pos table @positions : tensor<?xi32> -> tensor<?x32xf32>
  %3 = ashlar.embedding %pos table @both : tensor<?xi32> -> tensor<?x32xf32>
  %4 = ashlar.add %0, %1 : tensor<?x32xf32>
  %5 = ashlar.add %2, %3 : tensor<?x32xf32>
  %6 = ashlar.add %4, %5 : tensor<?x32xf32>
  %7 = ashlar.linear %6 weight @both : tensor<?x32xf32> -> tensor<?x8xf32>
  return %7 : tensor<?x8xf32>
}
func.func @head(%x: tensor<?x32xf32>) -> tensor<?x9xf32> attributes {ashlar.head = 0 : i64} {
  %0 = ashlar.linear %x weight @tied : tensor<?x32xf32> -> tensor<?x9xf32>
  return %0 : tensor<?x9xf32>
}

// -----

// What makes a bf16 operand writes it, if nobody else reads the rows and they
// have whole lines of 32.
ashlar.weight @up [#ashlar.tensor<"up", [64, 32], rows = 0 for 64>] : tensor<64x32xf32>
ashlar.weight @down [#ashlar.tensor<"down", [32, 64], rows = 0 for 32>] : tensor<32x64xf32>
ashlar.weight @oddUp [#ashlar.tensor<"odd.up", [40, 32], rows = 0 for 40>] : tensor<40x32xf32>
ashlar.weight @oddDown [#ashlar.tensor<"odd.down", [32, 40], rows = 0 for 32>] : tensor<32x40xf32>
// ALL-LABEL: func.func @folds(
func.func @folds(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // BF16: %[[X:.*]] = ashlar.convert %{{.*}} : tensor<?x32xf32> -> tensor<?x32xbf16>
  // BF16: %[[UP:.*]] = ashlar.linear %[[X]] weight @up activation relu : tensor<?x32xbf16> -> tensor<?x64xbf16>
  // BF16-NEXT: ashlar.linear %[[UP]] weight @down : tensor<?x64xbf16> -> tensor<?x32xbf16>
  // int8 needs the whole row first.
  // INT8: %[[UP:.*]] = ashlar.linear %{{.*}} weight @up activation relu : tensor<?x32xi8> -> tensor<?x64xf32>
  // INT8-NEXT: ashlar.convert %[[UP]] : tensor<?x64xf32> -> tensor<?x64xi8>
  %0 = ashlar.linear %x weight @up activation relu : tensor<?x32xf32> -> tensor<?x64xf32>
  %1 = ashlar.linear %0 weight @down : tensor<?x64xf32> -> tensor<?x32xf32>
  // Odd: the rest of the last line would not be cleared.
  // BF16: %[[ODD:.*]] = ashlar.linear %{{.*}} weight @oddUp : tensor<?x32xbf16> -> tensor<?x40xf32>
  // BF16: ashlar.convert %[[ODD]] : tensor<?x40xf32> -> tensor<?x40xbf16>
  %2 = ashlar.linear %1 weight @oddUp : tensor<?x32xf32> -> tensor<?x40xf32>
  %3 = ashlar.linear %2 weight @oddDown : tensor<?x40xf32> -> tensor<?x32xf32>
  // Read by the sum too.
  // BF16: %[[TWICE:.*]] = ashlar.linear %{{.*}} weight @down : tensor<?x64xbf16> -> tensor<?x32xf32>
  // BF16: ashlar.convert %[[TWICE]] : tensor<?x32xf32> -> tensor<?x32xbf16>
  %4 = ashlar.linear %3 weight @up : tensor<?x32xf32> -> tensor<?x64xf32>
  %5 = ashlar.linear %4 weight @down : tensor<?x64xf32> -> tensor<?x32xf32>
  %6 = ashlar.linear %5 weight @up : tensor<?x32xf32> -> tensor<?x64xf32>
  %7 = ashlar.linear %6 weight @down : tensor<?x64xf32> -> tensor<?x32xf32>
  %8 = ashlar.add %5, %7 : tensor<?x32xf32>
  return %8 : tensor<?x32xf32>
}

// -----

// Attention writes bf16 for the projection behind it, in whole vectors of heads.
ashlar.weight @out [#ashlar.tensor<"out", [32, 32], rows = 0 for 32>] : tensor<32x32xf32>
// ALL-LABEL: func.func @attention(
func.func @attention(%q: tensor<?x2x16xf32>, %narrow: tensor<?x4x8xf32>, %seq: !ashlar.sequences) -> tensor<?x32xf32> {
  // BF16: %[[A:.*]] = ashlar.attention {{.*}} -> tensor<?x2x16xbf16>
  // BF16-NEXT: %[[M:.*]] = ashlar.merge_heads %[[A]] : tensor<?x2x16xbf16> -> tensor<?x32xbf16>
  // BF16-NEXT: ashlar.linear %[[M]] weight @out : tensor<?x32xbf16> -> tensor<?x32xf32>
  // INT8: %[[A:.*]] = ashlar.attention {{.*}} -> tensor<?x2x16xf32>
  // INT8-NEXT: %[[M:.*]] = ashlar.merge_heads %[[A]] : tensor<?x2x16xf32> -> tensor<?x32xf32>
  // INT8-NEXT: ashlar.convert %[[M]] : tensor<?x32xf32> -> tensor<?x32xi8>
  %0 = ashlar.attention all %q, %q, %q, %seq, %seq scale 1.0 : tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  %1 = ashlar.merge_heads %0 : tensor<?x2x16xf32> -> tensor<?x32xf32>
  %2 = ashlar.linear %1 weight @out : tensor<?x32xf32> -> tensor<?x32xf32>
  // BF16: ashlar.attention {{.*}} -> tensor<?x4x8xf32>
  // BF16-NEXT: %[[M:.*]] = ashlar.merge_heads {{.*}} -> tensor<?x32xf32>
  // BF16-NEXT: ashlar.convert %[[M]]
  %3 = ashlar.attention all %narrow, %narrow, %narrow, %seq, %seq scale 1.0 : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  %4 = ashlar.merge_heads %3 : tensor<?x4x8xf32> -> tensor<?x32xf32>
  %5 = ashlar.linear %4 weight @out : tensor<?x32xf32> -> tensor<?x32xf32>
  %6 = ashlar.add %2, %5 : tensor<?x32xf32>
  return %6 : tensor<?x32xf32>
}

// -----

// Keys and values are kept as bf16.
// ALL-LABEL: func.func @keys(
// KEPT-LABEL: func.func @keys(
func.func @keys(%q: tensor<?x2x16xf32>, %seq: !ashlar.sequences) -> tensor<?x2x16xf32> {
  // ALL: %[[K:.*]], %[[V:.*]], %{{.*}} = ashlar.kv_append self {{.*}} -> tensor<?x2x16xbf16>, tensor<?x2x16xbf16>
  // ALL: %[[RK:.*]], %[[RV:.*]], %{{.*}} = ashlar.kv_read cross {{.*}} : tensor<?x2x16xbf16>, tensor<?x2x16xbf16>
  // ALL: ashlar.attention causal %{{.*}}, %[[K]], %[[V]], {{.*}} : tensor<?x2x16xf32>, tensor<?x2x16xbf16>, tensor<?x2x16xbf16>
  // ALL: ashlar.attention all %{{.*}}, %[[RK]], %[[RV]], {{.*}} : tensor<?x2x16xf32>, tensor<?x2x16xbf16>, tensor<?x2x16xbf16>
  // KEPT-COUNT-2: tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  %k, %v, %ks = ashlar.kv_append self %q, %q, %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %rk, %rv, %rs = ashlar.kv_read cross %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %0 = ashlar.attention causal %q, %k, %v, %seq, %ks scale 1.0 : tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  %1 = ashlar.attention all %0, %rk, %rv, %seq, %rs scale 1.0 : tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  return %1 : tensor<?x2x16xf32>
}

// -----

// int8 is for what is kept from call to call.
// SMALL-LABEL: func.func @kept(
func.func @kept(%q: tensor<?x2x16xf32>, %seq: !ashlar.sequences) -> tensor<?x2x16xf32> {
  // SMALL: ashlar.kv_append self {{.*}} -> tensor<?x2x16xi8>, tensor<?x2x16xi8>
  // SMALL: ashlar.kv_read cross {{.*}} : tensor<?x2x16xi8>, tensor<?x2x16xi8>
  // SMALL: ashlar.kv_append call {{.*}} -> tensor<?x2x16xbf16>, tensor<?x2x16xbf16>
  // SMALL: tensor<?x2x16xf32>, tensor<?x2x16xi8>, tensor<?x2x16xi8> -> tensor<?x2x16xf32>
  // SMALL: tensor<?x2x16xf32>, tensor<?x2x16xi8>, tensor<?x2x16xi8> -> tensor<?x2x16xf32>
  // SMALL: tensor<?x2x16xf32>, tensor<?x2x16xbf16>, tensor<?x2x16xbf16> -> tensor<?x2x16xf32>
  %k, %v, %ks = ashlar.kv_append self %q, %q, %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %rk, %rv, %rs = ashlar.kv_read cross %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %ck, %cv, %cs = ashlar.kv_append call %q, %q, %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %0 = ashlar.attention causal %q, %k, %v, %seq, %ks scale 1.0 : tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  %1 = ashlar.attention all %0, %rk, %rv, %seq, %rs scale 1.0 : tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  %2 = ashlar.attention all %1, %ck, %cv, %seq, %cs scale 1.0 : tensor<?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>
  return %2 : tensor<?x2x16xf32>
}

// -----

// Attention that was left unfused reads float32.
// ALL-LABEL: func.func @unfused(
func.func @unfused(%q: tensor<?x2x16xf32>, %seq: !ashlar.sequences) -> tensor<?x2x?xf32> {
  // ALL: ashlar.kv_append self {{.*}} -> tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %k, %v, %ks = ashlar.kv_append self %q, %q, %seq : tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %0 = ashlar.scores %q, %k : tensor<?x2x16xf32>, tensor<?x2x16xf32> -> tensor<?x2x?xf32>
  return %0 : tensor<?x2x?xf32>
}
