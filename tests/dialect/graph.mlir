// Every op of the graph level is printed as it is read.
// RUN: ashlar-opt %s | FileCheck %s
// RUN: ashlar-opt %s | ashlar-opt | FileCheck %s
// RUN: ashlar-opt %s --mlir-print-op-generic | ashlar-opt | FileCheck %s

// CHECK: ashlar.weight @tokens [#ashlar.tensor<"wte", [11, 8], rows = 0 for 11>] : tensor<11x8xf32>
ashlar.weight @tokens [#ashlar.tensor<"wte", [11, 8], rows = 0 for 11>] : tensor<11x8xf32>
// CHECK: ashlar.weight @sines [#ashlar.sinusoid<split_half, 5 x 8>] : tensor<5x8xf32>
ashlar.weight @sines [#ashlar.sinusoid<split_half, 5 x 8>] : tensor<5x8xf32>
// CHECK: ashlar.weight @fairseq [#ashlar.sinusoid<split_half, inclusive = true, zero = 1, 5 x 8>] : tensor<5x8xf32>
ashlar.weight @fairseq [#ashlar.sinusoid<split_half, inclusive = true, zero = 1, 5 x 8>] : tensor<5x8xf32>
// CHECK: ashlar.weight @w [#ashlar.tensor<"{layer}.w", [8, 24], rows = 8 for 4, transposed = true, scale = 5.000000e-01 : f64>, #ashlar.tensor<"{layer}.x", [4, 8], rows = 0 for 4, scale = 2.000000e+00 : f64>] : tensor<8x8xf32> layers = [0, 2]
ashlar.weight @w [#ashlar.tensor<"{layer}.w", [8, 24], rows = 8 for 4, transposed = true, scale = 0.5 : f64>, #ashlar.tensor<"{layer}.x", [4, 8], rows = 0 for 4, scale = 2.0 : f64>] : tensor<8x8xf32> layers = [0, 2]
// CHECK: ashlar.weight @b [#ashlar.tensor<"{layer}.b", [1, 4], rows = 0 for 4>, #ashlar.zeros<4>] : tensor<8xf32> layers = [0, 2]
ashlar.weight @b [#ashlar.tensor<"{layer}.b", [1, 4], rows = 0 for 4>, #ashlar.zeros<4>] : tensor<8xf32> layers = [0, 2]
// CHECK: ashlar.weight @narrow [#ashlar.tensor<"n", [3, 1], rows = 1 for 2>] : tensor<2x1xf32>
ashlar.weight @narrow [#ashlar.tensor<"n", [3, 1], rows = 1 for 2>] : tensor<2x1xf32>
// CHECK: ashlar.weight @placed [#ashlar.tensor<"p", [16, 8], rows = 0 for 16>] : tensor<16x8xf32> layout panels at 64 stride 1024
ashlar.weight @placed [#ashlar.tensor<"p", [16, 8], rows = 0 for 16>] : tensor<16x8xf32> layout panels at 64 stride 1024

// CHECK: ashlar.weight @pieces [#ashlar.tensor<"{layer}.qkv", [24, 8], rows = 2 for 8 by 2 every 6>] : tensor<8x8xf32> layers = [0, 2]
ashlar.weight @pieces [#ashlar.tensor<"{layer}.qkv", [24, 8], rows = 2 for 8 by 2 every 6>] : tensor<8x8xf32> layers = [0, 2]
// A whole tensor is one piece of it; an offset with and without what may stand around it.
// CHECK: ashlar.weight @gains [#ashlar.tensor<"n", [8], rows = 0 for 2, plus = 1.000000e+00 : f64>, #ashlar.tensor<"n", [8], rows = 2 for 2, plus = 1.000000e+00 : f64, scale = 2.000000e+00 : f64>, #ashlar.tensor<"n", [1, 4], rows = 0 for 4>] : tensor<8xf32>
ashlar.weight @gains [#ashlar.tensor<"n", [8], rows = 0 for 2, plus = 1.0 : f64>, #ashlar.tensor<"n", [8], rows = 2 for 2, plus = 1.0 : f64, scale = 2.0 : f64>, #ashlar.tensor<"n", [1, 4], rows = 0 for 4 by 4 every 4>] : tensor<8xf32>
// CHECK: ashlar.weight @across [#ashlar.tensor<"x", [8, 24], rows = 0 for 8 by 4 every 12, transposed = true, plus = -1.000000e+00 : f64>] : tensor<8x8xf32>
ashlar.weight @across [#ashlar.tensor<"x", [8, 24], rows = 0 for 8 by 4 every 12, transposed = true, plus = -1.0 : f64>] : tensor<8x8xf32>
// CHECK: ashlar.weight @slopes [#ashlar.alibi_table<2 x 5, behind = 4, max_bias = 8.000000e+00 : f64, scale = 5.000000e-01 : f64>] : tensor<2x5xf32>
ashlar.weight @slopes [#ashlar.alibi_table<2 x 5, behind = 4, max_bias = 8.0, scale = 0.5>] : tensor<2x5xf32>
// CHECK: ashlar.weight @buckets [#ashlar.relative_table<"bias", 8 x 2, columns = 9, behind = 4, max_distance = 16, bidirectional = true>] : tensor<2x9xf32>
ashlar.weight @buckets [#ashlar.relative_table<"bias", 8 x 2, columns = 9, behind = 4, max_distance = 16, bidirectional = true>] : tensor<2x9xf32>
// CHECK: ashlar.weight @back [#ashlar.relative_table<"bias", 8 x 2, columns = 5, behind = 4, max_distance = 16>] : tensor<2x5xf32>
ashlar.weight @back [#ashlar.relative_table<"bias", 8 x 2, columns = 5, behind = 4, max_distance = 16>] : tensor<2x5xf32>
// CHECK: ashlar.weight @head_gain [{{.*}}] : tensor<4xf32>
ashlar.weight @head_gain [#ashlar.tensor<"hg", [4], rows = 0 for 4>] : tensor<4xf32>

// CHECK: ashlar.weight @taps [#ashlar.tensor<"conv", [4, 8, 3], rows = 0 for 4, convolution = true>, #ashlar.tensor<"conv", [4, 8, 3], rows = 2 for 2, convolution = true, scale = 5.000000e-01 : f64>] : tensor<6x24xf32>
ashlar.weight @taps [#ashlar.tensor<"conv", [4, 8, 3], rows = 0 for 4, convolution = true>, #ashlar.tensor<"conv", [4, 8, 3], rows = 2 for 2, convolution = true, scale = 0.5 : f64>] : tensor<6x24xf32>

// CHECK-LABEL: func.func @stem(
func.func @stem(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) -> tensor<?x18xf32> {
  // CHECK: ashlar.unfold %{{.*}}, %{{.*}} kernel 3 stride 1 padding 1 per_token 2 : tensor<?x8xf32> -> tensor<?x24xf32>
  %0 = ashlar.unfold %x, %seq kernel 3 stride 1 padding 1 per_token 2 : tensor<?x8xf32> -> tensor<?x24xf32>
  // CHECK: ashlar.linear %{{.*}} weight @taps : tensor<?x24xf32> -> tensor<?x6xf32>
  %1 = ashlar.linear %0 weight @taps : tensor<?x24xf32> -> tensor<?x6xf32>
  // CHECK: ashlar.unfold %{{.*}}, %{{.*}} kernel 3 stride 2 padding 1 : tensor<?x6xf32> -> tensor<?x18xf32>
  %2 = ashlar.unfold %1, %seq kernel 3 stride 2 padding 1 : tensor<?x6xf32> -> tensor<?x18xf32>
  return %2 : tensor<?x18xf32>
}

// CHECK-LABEL: func.func @embedding(
func.func @embedding(%ids: tensor<?xi32>, %pos: tensor<?xi32>) -> tensor<?x8xf32> {
  // CHECK: ashlar.embedding %{{.*}} table @tokens {scale = 2.000000e+00 : f64} : tensor<?xi32> -> tensor<?x8xf32>
  %0 = ashlar.embedding %ids table @tokens {scale = 2.0 : f64} : tensor<?xi32> -> tensor<?x8xf32>
  // CHECK: ashlar.embedding %{{.*}} table @sines : tensor<?xi32> -> tensor<?x8xf32>
  %1 = ashlar.embedding %pos table @sines : tensor<?xi32> -> tensor<?x8xf32>
  // CHECK: ashlar.add %{{.*}}, %{{.*}} : tensor<?x8xf32>
  %2 = ashlar.add %0, %1 : tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// CHECK: ashlar.weight @even [#ashlar.tensor<"{layer}.g", [8], rows = 0 for 8>] : tensor<8xf32> layers = [3, 2, 2]
ashlar.weight @even [#ashlar.tensor<"{layer}.g", [8], rows = 0 for 8>] : tensor<8xf32> layers = [3, 2, 2]
// CHECK: ashlar.weight @odd [#ashlar.tensor<"{layer}.g", [8], rows = 0 for 8>] : tensor<8xf32> layers = [4, 2, 2]
ashlar.weight @odd [#ashlar.tensor<"{layer}.g", [8], rows = 0 for 8>] : tensor<8xf32> layers = [4, 2, 2]
// CHECK-LABEL: func.func @turns(
func.func @turns(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: ashlar.layers "h" [3, 4] (%{{.*}} : tensor<?x8xf32>) {
  // CHECK:   ashlar.norm {{.*}} gain @even
  // CHECK: }, {
  // CHECK:   ashlar.norm {{.*}} gain @odd
  // CHECK: }
  %y = ashlar.layers "h" [3, 4] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    %0 = ashlar.norm rms_norm %a gain @even epsilon 1.0e-3 : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %0 : tensor<?x8xf32>
  }, {
  ^bb0(%a: tensor<?x8xf32>):
    %0 = ashlar.norm rms_norm %a gain @odd epsilon 1.0e-3 : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %0 : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// Leading ones of a tensor are left out; sizes behind the first are one row.
// CHECK: ashlar.weight @patches [#ashlar.tensor<"p", [8, 3, 2, 2], rows = 0 for 8>] : tensor<8x12xf32>
ashlar.weight @patches [#ashlar.tensor<"p", [8, 3, 2, 2], rows = 0 for 8>] : tensor<8x12xf32>
// CHECK: ashlar.weight @places [#ashlar.tensor<"q", [1, 5, 8], rows = 0 for 5>] : tensor<5x8xf32>
ashlar.weight @places [#ashlar.tensor<"q", [1, 5, 8], rows = 0 for 5>] : tensor<5x8xf32>
// CHECK: ashlar.weight @class [#ashlar.tensor<"c", [1, 1, 8], rows = 0 for 8>] : tensor<8xf32>
ashlar.weight @class [#ashlar.tensor<"c", [1, 1, 8], rows = 0 for 8>] : tensor<8xf32>

// CHECK-LABEL: func.func @image(
func.func @image(%x: tensor<?x12xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) -> tensor<?x8xf32> {
  %0 = ashlar.linear %x weight @patches : tensor<?x12xf32> -> tensor<?x8xf32>
  // CHECK: ashlar.set_row %{{.*}}, %{{.*}} at 0 to @class : tensor<?x8xf32>
  %1 = ashlar.set_row %0, %seq at 0 to @class : tensor<?x8xf32>
  %2 = ashlar.embedding %pos table @places : tensor<?xi32> -> tensor<?x8xf32>
  // CHECK: ashlar.scale_features %{{.*}} by @class : tensor<?x8xf32>
  %3 = ashlar.scale_features %2 by @class : tensor<?x8xf32>
  %4 = ashlar.add %1, %3 : tensor<?x8xf32>
  return %4 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @segments(
func.func @segments(%ids: tensor<?xi32>, %seq: !ashlar.sequences) -> tensor<?x1xf32> {
  // CHECK: ashlar.segment %{{.*}}, %{{.*}} separator 102 : tensor<?xi32> -> tensor<?x2xf32>
  %0 = ashlar.segment %ids, %seq separator 102 : tensor<?xi32> -> tensor<?x2xf32>
  // CHECK: ashlar.segment %{{.*}}, %{{.*}} separator 102 skip 1 : tensor<?xi32> -> tensor<?x1xf32>
  %1 = ashlar.segment %ids, %seq separator 102 skip 1 : tensor<?xi32> -> tensor<?x1xf32>
  return %1 : tensor<?x1xf32>
}

// CHECK-LABEL: func.func @pooled(
func.func @pooled(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) -> tensor<?x16xf32> {
  // CHECK: ashlar.pool %{{.*}}, %{{.*}} from 0 count 1 : tensor<?x8xf32> -> tensor<?x8xf32>
  %0 = ashlar.pool %x, %seq from 0 count 1 : tensor<?x8xf32> -> tensor<?x8xf32>
  // CHECK: ashlar.pool %{{.*}}, %{{.*}} from 1 : tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = ashlar.pool %x, %seq from 1 : tensor<?x8xf32> -> tensor<?x8xf32>
  // CHECK: ashlar.concat %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x16xf32>
  %2 = ashlar.concat %0, %1 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x16xf32>
  return %2 : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @layer(
func.func @layer(%x: tensor<?x8xf32>, %pos: tensor<?xi32>, %seq: !ashlar.sequences) -> tensor<?x8xf32> {
  // CHECK: ashlar.layers "h" [0, 2] (%{{.*}} : tensor<?x8xf32>) {
  %y = ashlar.layers "h" [0, 2] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // CHECK: ashlar.norm layer_norm %{{.*}} gain @b bias @b epsilon 1.000000e-05 : tensor<?x8xf32> -> tensor<?x8xf32>
    %0 = ashlar.norm layer_norm %a gain @b bias @b epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
    // CHECK: ashlar.norm rms_norm %{{.*}} epsilon 1.000000e-03 : tensor<?x8xf32> -> tensor<?x8xf32>
    %1 = ashlar.norm rms_norm %0 epsilon 1.0e-3 : tensor<?x8xf32> -> tensor<?x8xf32>
    // CHECK: ashlar.norm rms_norm %{{.*}} gain @head_gain epsilon 1.000000e-03 groups 2 : tensor<?x8xf32> -> tensor<?x8xf32>
    %grouped = ashlar.norm rms_norm %1 gain @head_gain epsilon 1.0e-3 groups 2 : tensor<?x8xf32> -> tensor<?x8xf32>
    // CHECK: ashlar.linear %{{.*}} weight @w bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
    %2 = ashlar.linear %1 weight @w bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
    // CHECK: ashlar.activate gelu_tanh %{{.*}} : tensor<?x8xf32>
    %3 = ashlar.activate gelu_tanh %2 : tensor<?x8xf32>
    // CHECK: ashlar.multiply %{{.*}}, %{{.*}} : tensor<?x8xf32>
    %4 = ashlar.multiply %3, %2 : tensor<?x8xf32>
    // CHECK: ashlar.split_heads %{{.*}} : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %q = ashlar.split_heads %4 : tensor<?x8xf32> -> tensor<?x2x4xf32>
    // CHECK: ashlar.rotary %{{.*}}, %{{.*}} by <2, theta = 1.000000e+04 : f64, llama3, factor = 8.000000e+00 : f64, low = 1.000000e+00 : f64, high = 4.000000e+00 : f64, original = 8192> : tensor<?x2x4xf32>, tensor<?xi32>
    %r = ashlar.rotary %q, %pos by <2, theta = 1.0e+04, llama3, factor = 8.0, low = 1.0, high = 4.0, original = 8192> : tensor<?x2x4xf32>, tensor<?xi32>
    // CHECK: ashlar.rotary %{{.*}}, %{{.*}} by <2 interleaved = true, theta = 1.000000e+04 : f64, yarn, factor = 4.000000e+00 : f64, low = 1.000000e+00 : f64, high = 3.200000e+01 : f64, original = 4096, magnitude = 1.250000e+00 : f64> : tensor<?x2x4xf32>, tensor<?xi32>
    %ri = ashlar.rotary %q, %pos by <2 interleaved = true, theta = 1.0e+04, yarn, factor = 4.0, low = 1.0, high = 32.0, original = 4096, magnitude = 1.25> : tensor<?x2x4xf32>, tensor<?xi32>
    // CHECK: ashlar.rotary_angles %{{.*}}, %{{.*}} by <4, theta = 1.000000e+04 : f64, dynamic, factor = 2.000000e+00 : f64, {{.*}}original = 16> : tensor<?xi32> -> tensor<?x4xf32>
    %ad = ashlar.rotary_angles %pos, %seq by <4, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 16> : tensor<?xi32> -> tensor<?x4xf32>
    // CHECK: ashlar.rotary %{{.*}}, %{{.*}} by <4, {{.*}}> : tensor<?x2x4xf32>, tensor<?x4xf32>
    %rd = ashlar.rotary %q, %ad by <4, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 16> : tensor<?x2x4xf32>, tensor<?x4xf32>
    // CHECK: ashlar.rotary_angles %{{.*}}, %{{.*}} by <4 interleaved = true, {{.*}}longrope, {{.*}}original = 16 short = [1.000000e+00, 1.250000e+00] long = [2.000000e+00, 4.000000e+00], magnitude = 1.250000e+00 : f64> : tensor<?xi32> -> tensor<?x8xf32>
    %al = ashlar.rotary_angles %pos, %seq by <4 interleaved = true, theta = 1.0e+04, longrope, factor = 1.0, low = 1.0, high = 4.0, original = 16 short = [1.0, 1.25] long = [2.0, 4.0], magnitude = 1.25> : tensor<?xi32> -> tensor<?x8xf32>
    // CHECK: ashlar.kv_append self %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
    %keys, %values, %ks = ashlar.kv_append self %r, %q, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
    // CHECK: ashlar.kv_read cross %{{.*}} : tensor<?x1x4xf32>, tensor<?x1x4xf32>
    %ck, %cv, %cs = ashlar.kv_read cross %seq : tensor<?x1x4xf32>, tensor<?x1x4xf32>
    // CHECK: ashlar.scores %{{.*}}, %{{.*}} : tensor<?x2x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x?xf32>
    %s = ashlar.scores %r, %ck : tensor<?x2x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x?xf32>
    // CHECK: ashlar.additive_scores %{{.*}}, %{{.*}} by @gains : tensor<?x2x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x?xf32>
    %additive = ashlar.additive_scores %r, %ck by @gains : tensor<?x2x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x?xf32>
    // CHECK: ashlar.scale %{{.*}} by 5.000000e-01 : tensor<?x2x?xf32>
    %t = ashlar.scale %s by 0.5 : tensor<?x2x?xf32>
    // CHECK: ashlar.position_bias %{{.*}}, %{{.*}}, %{{.*}} table @slopes behind 4 : tensor<?x2x?xf32>
    %biased = ashlar.position_bias %t, %seq, %cs table @slopes behind 4 : tensor<?x2x?xf32>
    // CHECK: ashlar.soft_cap %{{.*}} at 5.000000e+01 : tensor<?x2x?xf32>
    %capped = ashlar.soft_cap %biased at 50.0 : tensor<?x2x?xf32>
    // CHECK: ashlar.mask all %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2x?xf32>
    %n = ashlar.mask all %capped, %seq, %cs : tensor<?x2x?xf32>
    // CHECK: ashlar.mask causal %{{.*}}, %{{.*}}, %{{.*}} window 3 : tensor<?x2x?xf32>
    %m = ashlar.mask causal %n, %seq, %cs window 3 : tensor<?x2x?xf32>
    // CHECK: ashlar.mask all where #ashlar.not<#ashlar.marked<queries>> %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2x?xf32>
    %mk = ashlar.mask all where #ashlar.not<#ashlar.marked<queries>> %m, %seq, %cs : tensor<?x2x?xf32>
    // CHECK: ashlar.mask all where #ashlar.any_of<[#ashlar.near<behind = 4, block = 16>, #ashlar.first<queries, 3>, #ashlar.random<count = 2, block = 16, seed = 7, of = 9>]> %{{.*}}, %{{.*}}, %{{.*}} window 9 : tensor<?x2x?xf32>
    %m2 = ashlar.mask all where #ashlar.any_of<[#ashlar.near<behind = 4, block = 16>, #ashlar.first<queries, 3>, #ashlar.random<count = 2, block = 16, seed = 7, of = 9>]> %m, %seq, %cs window 9 : tensor<?x2x?xf32>
    // CHECK: ashlar.repeat %{{.*}}, %{{.*}}, %{{.*}} where #ashlar.all_of<[#ashlar.not<#ashlar.short<20>>, #ashlar.last<keys, 4>, #ashlar.near<ahead = 0>]> times 3 : tensor<?x2x?xf32>
    %m3 = ashlar.repeat %m2, %seq, %cs where #ashlar.all_of<[#ashlar.not<#ashlar.short<20>>, #ashlar.last<keys, 4>, #ashlar.near<ahead = 0>]> times 3 : tensor<?x2x?xf32>
    // CHECK: ashlar.softmax %{{.*}} : tensor<?x2x?xf32>
    %p = ashlar.softmax %m3 : tensor<?x2x?xf32>
    // CHECK: ashlar.mix %{{.*}}, %{{.*}} : tensor<?x2x?xf32>, tensor<?x1x4xf32> -> tensor<?x2x4xf32>
    %o = ashlar.mix %p, %cv : tensor<?x2x?xf32>, tensor<?x1x4xf32> -> tensor<?x2x4xf32>
    // CHECK: ashlar.merge_heads %{{.*}} : tensor<?x2x4xf32> -> tensor<?x8xf32>
    %5 = ashlar.merge_heads %o : tensor<?x2x4xf32> -> tensor<?x8xf32>
    // CHECK: ashlar.tap "h.*.attn" %{{.*}} : tensor<?x8xf32>
    ashlar.tap "h.*.attn" %5 : tensor<?x8xf32>
    // CHECK: ashlar.yield %{{.*}} : tensor<?x8xf32>
    ashlar.yield %5 : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// CHECK: ashlar.weight @expert [#ashlar.tensor<"{layer}.{expert}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 2] experts = 5 encoded <bf16>
ashlar.weight @expert [#ashlar.tensor<"{layer}.{expert}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 2] experts = 5 encoded <bf16>

// CHECK-LABEL: func.func @experts
func.func @experts(%x: tensor<?x8xf32>, %logits: tensor<?x5xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[P:.*]] = ashlar.route %{{.*}} top 2 renormalized : tensor<?x5xf32>
  %p = ashlar.route %logits top 2 renormalized : tensor<?x5xf32>
  // CHECK: ashlar.route %{{.*}} top 1 : tensor<?x5xf32>
  %q = ashlar.route %logits top 1 : tensor<?x5xf32>
  // CHECK: ashlar.experts %{{.*}}, %[[P]] {
  // CHECK: ^bb0(%[[R:.*]]: tensor<?x8xf32>):
  // CHECK: ashlar.yield %{{.*}} : tensor<?x8xf32>
  // CHECK: } : tensor<?x8xf32>, tensor<?x5xf32> -> tensor<?x8xf32>
  %y = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    %a = ashlar.activate relu %r : tensor<?x8xf32>
    ashlar.yield %a : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x5xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
