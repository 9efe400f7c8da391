// Rotary ops get tables; equal frequencies share one.
// RUN: ashlar-opt %s --ashlar-bind-rotary-tables=positions=40 | FileCheck %s

// Made in the order of their use, each in front of the module.
// CHECK-DAG: ashlar.weight @rotary.0 [#ashlar.rotary_table<<8, theta = 1.000000e+04 : f64, none, {{.*}}>, 40>] : tensor<40x8xf32>
// CHECK-DAG: ashlar.weight @rotary.1 [#ashlar.rotary_table<<4, theta = 1.000000e+04 : f64, none, {{.*}}>, 40>] : tensor<40x4xf32>
// Neighbours that turn have a table of their own, of twice the columns.
// CHECK-DAG: ashlar.weight @rotary.2 [#ashlar.rotary_table<<8 interleaved = true, theta = 1.000000e+04 : f64, none, {{.*}}>, 40>] : tensor<40x16xf32>
// Frequencies: a row for each length from the original one on, or two where
// short and long are all there is.
// CHECK-DAG: ashlar.weight @rotary.3 [#ashlar.rotary_frequencies<<8, theta = 1.000000e+04 : f64, dynamic, {{.*}}>, 25>] : tensor<25x8xf32>
// CHECK-DAG: ashlar.weight @rotary.4 [#ashlar.rotary_frequencies<<4 interleaved = true, {{.*}}longrope, {{.*}}>, 2>] : tensor<2x8xf32>

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

// Angles by the length of the sequence get frequencies; what they rotate, no table.
// CHECK-LABEL: func.func @lengths
// CHECK:         ashlar.rotary_angles {{.*}} frequencies @rotary.3
// CHECK:         ashlar.rotary_angles {{.*}} frequencies @rotary.4
// CHECK:         ashlar.rotary %
// CHECK-NOT:     table
#dynamic = #ashlar.rotary<8, theta = 1.0e4 : f64, dynamic, factor = 2.0 : f64, low = 1.0 : f64, high = 4.0 : f64, original = 16>
#longrope = #ashlar.rotary<4 interleaved = true, theta = 1.0e4 : f64, longrope, factor = 1.0 : f64, low = 1.0 : f64, high = 4.0 : f64, original = 16 short = [1.0, 1.0] long = [2.0, 4.0]>
func.func @lengths(%q: !heads, %p: tensor<?xi32>, %s: !ashlar.sequences) -> !heads {
  %a = ashlar.rotary_angles %p, %s by #dynamic : tensor<?xi32> -> tensor<?x8xf32>
  %b = ashlar.rotary_angles %p, %s by #longrope : tensor<?xi32> -> tensor<?x8xf32>
  %r = ashlar.rotary %q, %a by #dynamic : !heads, tensor<?x8xf32>
  return %r : !heads
}

// Without rotation there is no table to bind.
// CHECK-LABEL: func.func @declines
// CHECK:         ashlar.kv_append
// CHECK-NOT:     table
func.func @declines(%q: !heads, %s: !ashlar.sequences) -> !heads {
  %k, %v, %ks = ashlar.kv_append self %q, %q, %s : !heads, !heads -> !heads, !heads
  return %k : !heads
}
