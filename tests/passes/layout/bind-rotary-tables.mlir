// Rotary ops get tables; equal frequencies share one.
// RUN: ashlar-opt %s --ashlar-bind-rotary-tables=positions=40 | FileCheck %s

// Made in the order of their use, each in front of the module.
// CHECK-DAG: ashlar.weight @rotary.0 [#ashlar.rotary_table<<8, theta = 1.000000e+04 : f64, none, {{.*}}>, 40>] : tensor<40x8xf32>
// CHECK-DAG: ashlar.weight @rotary.1 [#ashlar.rotary_table<<4, theta = 1.000000e+04 : f64, none, {{.*}}>, 40>] : tensor<40x4xf32>
// Neighbours that turn have a table of their own, of twice the columns.
// CHECK-DAG: ashlar.weight @rotary.2 [#ashlar.rotary_table<<8 interleaved = true, theta = 1.000000e+04 : f64, none, {{.*}}>, 40>] : tensor<40x16xf32>
// CHECK-NOT: ashlar.weight @rotary.3

!heads = tensor<?x2x8xf32>
#whole = #ashlar.rotary<8, theta = 1.0e4 : f64, none, factor = 1.0 : f64, low = 1.0 : f64, high = 4.0 : f64, original = 0>
#half = #ashlar.rotary<4, theta = 1.0e4 : f64, none, factor = 1.0 : f64, low = 1.0 : f64, high = 4.0 : f64, original = 0>

#neighbours = #ashlar.rotary<8 interleaved = true, theta = 1.0e4 : f64, none, factor = 1.0 : f64, low = 1.0 : f64, high = 4.0 : f64, original = 0>

// CHECK-LABEL: func.func @share
// CHECK:         ashlar.rotary {{.*}} table @rotary.0
// CHECK:         ashlar.kv_append self {{.*}} table @rotary.0
// CHECK:         ashlar.attention causal {{.*}} table @rotary.1
// CHECK:         ashlar.rotary {{.*}} table @rotary.2
func.func @share(%q: !heads, %p: tensor<?xi32>, %s: !ashlar.sequences) -> !heads {
  %r = ashlar.rotary %q, %p by #whole : !heads, tensor<?xi32>
  %k, %v, %ks = ashlar.kv_append self %r, %q, %s rotary #whole, %p : tensor<?xi32> : !heads, !heads -> !heads, !heads
  %a = ashlar.attention causal %r, %k, %v, %s, %ks scale 1.0 rotary #half, %p : tensor<?xi32> : !heads, !heads, !heads -> !heads
  %n = ashlar.rotary %a, %p by #neighbours : !heads, tensor<?xi32>
  return %n : !heads
}

// Without rotation there is no table to bind.
// CHECK-LABEL: func.func @declines
// CHECK:         ashlar.kv_append
// CHECK-NOT:     table
func.func @declines(%q: !heads, %s: !ashlar.sequences) -> !heads {
  %k, %v, %ks = ashlar.kv_append self %q, %q, %s : !heads, !heads -> !heads, !heads
  return %k : !heads
}
