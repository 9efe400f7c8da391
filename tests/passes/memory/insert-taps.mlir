// A copy of each named op's rows.
// RUN: ashlar-opt %s --ashlar-insert-taps | FileCheck %s

// The first name of a fused op is what its result is; the sum of a residual_norm
// has the second. Merged projections are tapped slice by slice.
// CHECK-LABEL: func.func @taps
// CHECK:         %[[A:.*]] = ashlar.linear
// CHECK-NEXT:    ashlar.slice
// CHECK-NEXT:    ashlar.tap "query"
// CHECK:         ashlar.activate
// CHECK-NEXT:    ashlar.tap "result"
// CHECK:         %[[SUM:.*]], %[[NORM:.*]] = ashlar.residual_norm
// CHECK-DAG:     ashlar.tap "sum" %[[SUM]]
// CHECK-DAG:     ashlar.tap "norm" %[[NORM]]
// What has no name is not tapped.
// CHECK:         ashlar.add
// CHECK-NEXT:    return
ashlar.weight @w [#ashlar.tensor<"w", [16, 8], rows = 0 for 16>] : tensor<16x8xf32>
func.func @taps(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x16xf32> loc("merged")
  %q = ashlar.slice %a from 0 : tensor<?x16xf32> -> tensor<?x8xf32> loc("query")
  %r = ashlar.activate relu %q : tensor<?x8xf32> loc(fused["result", "part"])
  %s, %n = ashlar.residual_norm rms_norm %x, %r epsilon 1.0e-5 : tensor<?x8xf32> loc(fused["norm", "sum"])
  %t = ashlar.add %s, %n : tensor<?x8xf32>
  return %t : tensor<?x8xf32>
}

// What experts give is tapped; not what one of them computes for its rows.
// CHECK-LABEL: func.func @experts
// CHECK:         ashlar.experts
// CHECK-NOT:     ashlar.tap
// CHECK:         ashlar.yield
// CHECK:         ashlar.tap "moe"
func.func @experts(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %y = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    %a = ashlar.activate relu %r : tensor<?x8xf32> loc("inside")
    ashlar.yield %a : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x8xf32> loc("moe")
  return %y : tensor<?x8xf32>
}
