// Every op of the fused level is printed as it is read.
// RUN: ashlar-opt %s | FileCheck %s
// RUN: ashlar-opt %s | ashlar-opt | FileCheck %s
// RUN: ashlar-opt %s --mlir-print-op-generic | ashlar-opt | FileCheck %s

#rotary = #ashlar.rotary<4, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0>

ashlar.weight @w [#ashlar.tensor<"w", [16, 8], rows = 0 for 16>] : tensor<16x8xf32> layout gated_panels
ashlar.weight @b [#ashlar.tensor<"b", [16], rows = 0 for 16>] : tensor<16xf32>
ashlar.weight @g [#ashlar.tensor<"g", [8], rows = 0 for 8>] : tensor<8xf32>
// CHECK: ashlar.weight @angles [#ashlar.rotary_table<<4, theta = 1.000000e+04 : f64, none, factor = 1.000000e+00 : f64, low = 1.000000e+00 : f64, high = 4.000000e+00 : f64, original = 0>, 32>] : tensor<32x4xf32>
ashlar.weight @angles [#ashlar.rotary_table<#rotary, 32>] : tensor<32x4xf32>
// CHECK: ashlar.weight @neighbours [#ashlar.rotary_table<<4 interleaved = true, {{.*}}original = 0>, 32>] : tensor<32x8xf32>
ashlar.weight @neighbours [#ashlar.rotary_table<<4 interleaved = true, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0>, 32>] : tensor<32x8xf32>
ashlar.weight @slopes [#ashlar.alibi_table<2 x 5, behind = 4, max_bias = 8.0, scale = 1.0>] : tensor<2x5xf32>

// CHECK: ashlar.weight @half [{{.*}}] : tensor<8x8xf32> encoded <bf16>
ashlar.weight @half [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <bf16>
// CHECK: ashlar.weight @byte [{{.*}}] : tensor<16x8xf32> layers = [0, 2] encoded <int8> layout gated_panels at 64 stride 4096
ashlar.weight @byte [#ashlar.tensor<"w", [16, 8], rows = 0 for 16>] : tensor<16x8xf32> layers = [0, 2] encoded <int8> layout gated_panels at 64 stride 4096
// CHECK: ashlar.weight @nibble [{{.*}}] : tensor<8x8xf32> encoded <int4, group = 64>
ashlar.weight @nibble [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int4, group = 64>
// CHECK: ashlar.weight @zeros [{{.*}}] : tensor<8x8xf32> encoded <int4, group = 32, zero_points = true>
ashlar.weight @zeros [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int4, group = 32, zero_points = true>

// CHECK-LABEL: func.func @encoded(
func.func @encoded(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) -> tensor<?x8xf32> {
  // CHECK: ashlar.convert %{{.*}} : tensor<?x8xf32> -> tensor<?x8xbf16>
  %b = ashlar.convert %x : tensor<?x8xf32> -> tensor<?x8xbf16>
  // CHECK: ashlar.linear %{{.*}} weight @half residual %{{.*}} : tensor<?x8xf32> : tensor<?x8xbf16> -> tensor<?x8xbf16>
  %0 = ashlar.linear %b weight @half residual %x : tensor<?x8xf32> : tensor<?x8xbf16> -> tensor<?x8xbf16>
  %1 = ashlar.linear %0 weight @half : tensor<?x8xbf16> -> tensor<?x8xf32>
  %2 = ashlar.layers "l" [0, 2] (%1 : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // CHECK: ashlar.convert %{{.*}} : tensor<?x8xf32> -> tensor<?x8xi8>
    %i = ashlar.convert %a : tensor<?x8xf32> -> tensor<?x8xi8>
    // CHECK: ashlar.linear %{{.*}} weight @byte activation silu gated : tensor<?x8xi8> -> tensor<?x8xf32>
    %g = ashlar.linear %i weight @byte activation silu gated : tensor<?x8xi8> -> tensor<?x8xf32>
    ashlar.yield %g : tensor<?x8xf32>
  }
  // CHECK: ashlar.convert %{{.*}} group 64 : tensor<?x8xf32> -> tensor<?x8xi8>
  %3 = ashlar.convert %2 group 64 : tensor<?x8xf32> -> tensor<?x8xi8>
  // CHECK: ashlar.linear %{{.*}} weight @nibble : tensor<?x8xi8> -> tensor<?x8xf32>
  %4 = ashlar.linear %3 weight @nibble : tensor<?x8xi8> -> tensor<?x8xf32>
  %h = ashlar.split_heads %4 : tensor<?x8xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention all {{.*}} scale 1.000000e+00 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xbf16>
  %5 = ashlar.attention all %h, %h, %h, %seq, %seq scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xbf16>
  // CHECK: ashlar.kv_append call {{.*}} : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xbf16>, tensor<?x2x4xbf16>
  %keys, %values, %ks = ashlar.kv_append call %h, %h, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xbf16>, tensor<?x2x4xbf16>
  // CHECK: ashlar.attention all {{.*}} : tensor<?x2x4xf32>, tensor<?x2x4xbf16>, tensor<?x2x4xbf16> -> tensor<?x2x4xf32>
  %kept = ashlar.attention all %h, %keys, %values, %seq, %ks scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xbf16>, tensor<?x2x4xbf16> -> tensor<?x2x4xf32>
  // CHECK: ashlar.merge_heads %{{.*}} : tensor<?x2x4xbf16> -> tensor<?x8xbf16>
  %6 = ashlar.merge_heads %5 : tensor<?x2x4xbf16> -> tensor<?x8xbf16>
  %7 = ashlar.linear %6 weight @half : tensor<?x8xbf16> -> tensor<?x8xf32>
  return %7 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @fused(
func.func @fused(%x: tensor<?x8xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) -> tensor<?x8xf32> {
  // CHECK: ashlar.linear %{{.*}} weight @w bias @b activation silu gated residual %{{.*}} : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x8xf32>
  %0 = ashlar.linear %x weight @w bias @b activation silu gated residual %x : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x8xf32>
  // CHECK: ashlar.linear %{{.*}} weight @w activation relu : tensor<?x8xf32> -> tensor<?x16xf32>
  %1 = ashlar.linear %0 weight @w activation relu : tensor<?x8xf32> -> tensor<?x16xf32>
  // CHECK: ashlar.slice %{{.*}} from 8 : tensor<?x16xf32> -> tensor<?x8xf32>
  %2 = ashlar.slice %1 from 8 : tensor<?x16xf32> -> tensor<?x8xf32>
  // CHECK: %[[SUM:.*]], %[[N:.*]] = ashlar.residual_norm rms_norm %{{.*}}, %{{.*}} gain @g epsilon 1.000000e-05 : tensor<?x8xf32>
  %sum, %n = ashlar.residual_norm rms_norm %0, %2 gain @g epsilon 1.0e-5 : tensor<?x8xf32>
  // CHECK: ashlar.copy %[[N]] : tensor<?x8xf32>
  %c = ashlar.copy %n : tensor<?x8xf32>
  %h = ashlar.split_heads %c : tensor<?x8xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.kv_append call %{{.*}}, %{{.*}}, %{{.*}} rotary <4, {{.*}}>, %{{.*}} : tensor<?xi32> table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %keys, %values, %ks = ashlar.kv_append call %h, %h, %seq rotary #rotary, %pos : tensor<?xi32> table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  // CHECK: ashlar.attention causal %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} scale 1.250000e-01 rotary <4, {{.*}}>, %{{.*}} : tensor<?xi32> table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %a = ashlar.attention causal %h, %keys, %values, %seq, %ks scale 0.125 rotary #rotary, %pos : tensor<?xi32> table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention all %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} scale 1.000000e+00 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %d = ashlar.attention all %a, %keys, %values, %seq, %ks scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention causal %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} window 3 scale 1.000000e+00 bias @slopes behind 4 soft_cap 5.000000e+01 rotary <4, {{.*}}>, %{{.*}} : tensor<?xi32> table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %e = ashlar.attention causal %d, %keys, %values, %seq, %ks window 3 scale 1.0 bias @slopes behind 4 soft_cap 50.0 rotary #rotary, %pos : tensor<?xi32> table @angles : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // Each of them by itself.
  // CHECK: ashlar.attention all {{.*}} window 3 scale 1.000000e+00 : tensor<?x2x4xf32>,
  %w = ashlar.attention all %e, %keys, %values, %seq, %ks window 3 scale 1.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention all {{.*}} scale 1.000000e+00 bias @slopes behind 4 : tensor<?x2x4xf32>,
  %bi = ashlar.attention all %w, %keys, %values, %seq, %ks scale 1.0 bias @slopes behind 4 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention all {{.*}} scale 1.000000e+00 soft_cap 5.000000e+01 : tensor<?x2x4xf32>,
  %sc = ashlar.attention all %bi, %keys, %values, %seq, %ks scale 1.0 soft_cap 50.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention all {{.*}} scale 1.000000e+00 additive @g bias @slopes behind 4 : tensor<?x2x4xf32>,
  %add = ashlar.attention all %sc, %keys, %values, %seq, %ks scale 1.0 additive @g bias @slopes behind 4 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: ashlar.attention causal {{.*}} window 3 where #ashlar.first<keys, 4> scale 1.000000e+00 repeat #ashlar.last<queries, 2> times 2 : tensor<?x2x4xf32>,
  %pat = ashlar.attention causal %add, %keys, %values, %seq, %ks window 3 where #ashlar.first<keys, 4> scale 1.0 repeat #ashlar.last<queries, 2> times 2 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %m = ashlar.merge_heads %pat : tensor<?x2x4xf32> -> tensor<?x8xf32>
  // CHECK: ashlar.tap "attn" %{{.*}} at 128 stride 64 : tensor<?x8xf32>
  ashlar.tap "attn" %m at 128 stride 64 : tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}
