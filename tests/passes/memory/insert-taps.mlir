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

// The weights of two attentions of a layer to its own keys are kept in one place:
// the second one adds its own.
// CHECK-LABEL: func.func @maps
// CHECK:         ashlar.attention {{.*}} {ashlar.mapped = true}
// CHECK:         ashlar.attention {{.*}} {ashlar.mapped = false}
// CHECK:         ashlar.kv_read
// CHECK:         ashlar.attention {{.*}} {ashlar.mapped = true}
func.func @maps(%q: tensor<?x2x4xf32>, %s: !ashlar.sequences) -> tensor<?x2x4xf32> {
  %k, %v, %ks = ashlar.kv_append call %q, %q, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %a = ashlar.attention all %q, %k, %v, %s, %ks scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %k2, %v2, %ks2 = ashlar.kv_append call %a, %a, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %b = ashlar.attention all %q, %k2, %v2, %s, %ks2 scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %k3, %v3, %ks3 = ashlar.kv_read cross %s : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %c = ashlar.attention all %b, %k3, %v3, %s, %ks3 scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  return %c : tensor<?x2x4xf32>
}

// A map of attention is of a stack's rows, not of what a head asks of them.
// CHECK-LABEL: func.func @encoder
// CHECK:         ashlar.attention {{.*}} {ashlar.mapped = true}
// CHECK-LABEL: func.func @head0
// CHECK:         ashlar.attention
// CHECK-NOT:     ashlar.mapped
func.func @encoder(%q: tensor<?x1x8xf32>, %s: !ashlar.sequences) -> tensor<?x1x8xf32> attributes {ashlar.stack = 0} {
  %k, %v, %ks = ashlar.kv_append call %q, %q, %s : tensor<?x1x8xf32>, tensor<?x1x8xf32> -> tensor<?x1x8xf32>, tensor<?x1x8xf32>
  %a = ashlar.attention all %q, %k, %v, %s, %ks scale 1.0 : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32> -> tensor<?x1x8xf32>
  return %a : tensor<?x1x8xf32>
}
func.func @head0(%q: tensor<?x1x8xf32>, %s: !ashlar.sequences) -> tensor<?x1x8xf32> attributes {ashlar.head = 0} {
  %k, %v, %ks = ashlar.kv_append call %q, %q, %s : tensor<?x1x8xf32>, tensor<?x1x8xf32> -> tensor<?x1x8xf32>, tensor<?x1x8xf32>
  %a = ashlar.attention all %q, %k, %v, %s, %ks scale 1.0 : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32> -> tensor<?x1x8xf32>
  return %a : tensor<?x1x8xf32>
}
