// The model's names survive the merge: the slices are called what the linears
// were, the merged linear and its weight by all of them.
// RUN: ashlar-opt %s --ashlar-merge-qkv --mlir-print-debuginfo | FileCheck %s

// CHECK: ashlar.weight @h.attn.q_k.w
// CHECK: ashlar.linear {{.*}} loc(#[[MERGED:.*]])
// CHECK: ashlar.slice {{.*}} loc(#[[Q:.*]])
// CHECK: ashlar.slice {{.*}} loc(#[[K:.*]])
// CHECK-DAG: #[[Q]] = loc("attn.*.query"(
// CHECK-DAG: #[[K]] = loc("attn.*.key"(
// CHECK-DAG: #[[MERGED]] = loc("attn.*.query_key"(
ashlar.weight @h.attn.q.w [#ashlar.tensor<"q", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @h.attn.k.w [#ashlar.tensor<"k", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @names(%x: tensor<?x8xf32>) -> (tensor<?x2x4xf32>, tensor<?x2x4xf32>) {
  %q = ashlar.linear %x weight @h.attn.q.w : tensor<?x8xf32> -> tensor<?x8xf32> loc("attn.*.query"("model":1:1))
  %k = ashlar.linear %x weight @h.attn.k.w : tensor<?x8xf32> -> tensor<?x8xf32> loc("attn.*.key"("model":1:1))
  %qh = ashlar.split_heads %q : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %kh = ashlar.split_heads %k : tensor<?x8xf32> -> tensor<?x2x4xf32>
  return %qh, %kh : tensor<?x2x4xf32>, tensor<?x2x4xf32>
}
