// Each weight gets its layout and its place in the image.
// RUN: ashlar-opt %s --split-input-file --ashlar-place-weights | FileCheck %s

// CHECK: module attributes {ashlar.weight_bytes = 16384 : i64}

// Rows of 20 columns lie 32 floats apart; a linear's weights are panels of 16
// rows, 20 rows make two; the header takes the first 64 bytes.
// CHECK:     ashlar.weight @table [{{.*}}] : tensor<10x20xf32> layout rows at 64
// CHECK:     ashlar.weight @plain [{{.*}}] : tensor<20x20xf32> layout panels at 1344
// A vector is followed by 16 floats: a kernel may load past its end.
// CHECK:     ashlar.weight @bias [{{.*}}] : tensor<20xf32> layout rows at 3904
// A table that a linear reads too is stored once, for the linear.
// CHECK:     ashlar.weight @tied [{{.*}}] : tensor<3x20xf32> layout panels at 4096
// Gate and up are padded to whole panels each.
// CHECK:     ashlar.weight @gated [{{.*}}] : tensor<6x20xf32> layout gated_panels at 5376
// Layers follow each other at one stride, which holds all weights of a layer.
// CHECK:     ashlar.weight @layer.w [{{.*}}] : tensor<20x20xf32> layers = [2, 3] layout panels at 7936 stride 2752
// CHECK:     ashlar.weight @layer.b [{{.*}}] : tensor<20xf32> layers = [2, 3] layout rows at 10496 stride 2752
ashlar.weight @table [#ashlar.tensor<"t", [10, 20], rows = 0 for 10>] : tensor<10x20xf32>
ashlar.weight @plain [#ashlar.tensor<"p", [20, 20], rows = 0 for 20>] : tensor<20x20xf32>
ashlar.weight @bias [#ashlar.tensor<"b", [20], rows = 0 for 20>] : tensor<20xf32>
ashlar.weight @tied [#ashlar.tensor<"e", [3, 20], rows = 0 for 3>] : tensor<3x20xf32>
ashlar.weight @gated [#ashlar.tensor<"g", [6, 20], rows = 0 for 6>] : tensor<6x20xf32>
ashlar.weight @layer.w [#ashlar.tensor<"{layer}.w", [20, 20], rows = 0 for 20>] : tensor<20x20xf32> layers = [2, 3]
ashlar.weight @layer.b [#ashlar.tensor<"{layer}.b", [20], rows = 0 for 20>] : tensor<20xf32> layers = [2, 3]
func.func @uses(%ids: tensor<?xi32>) -> tensor<?x3xf32> {
  %e = ashlar.embedding %ids table @table : tensor<?xi32> -> tensor<?x20xf32>
  %t = ashlar.embedding %ids table @tied : tensor<?xi32> -> tensor<?x20xf32>
  %x = ashlar.add %e, %t : tensor<?x20xf32>
  %l = ashlar.layers "l" [2, 3] (%x : tensor<?x20xf32>) {
  ^bb0(%a: tensor<?x20xf32>):
    %w = ashlar.linear %a weight @layer.w bias @layer.b : tensor<?x20xf32> -> tensor<?x20xf32>
    ashlar.yield %w : tensor<?x20xf32>
  }
  %p = ashlar.linear %l weight @plain bias @bias : tensor<?x20xf32> -> tensor<?x20xf32>
  %g = ashlar.linear %p weight @gated activation silu gated : tensor<?x20xf32> -> tensor<?x3xf32>
  %h = ashlar.linear %p weight @tied : tensor<?x20xf32> -> tensor<?x3xf32>
  %s = ashlar.add %g, %h : tensor<?x3xf32>
  return %s : tensor<?x3xf32>
}

// -----

// What is encoded takes the bytes of its panels and of what lies behind them.
// Errors of encoded weights, four bytes each, one per layer, end the image.

// CHECK: module attributes {ashlar.weight_bytes = 16384 : i64, ashlar.weight_errors = 13056 : i64}

// 10 rows of 32 bf16.
// CHECK:     ashlar.weight @table [{{.*}}] : tensor<10x20xf32> encoded <bf16> layout rows at 64
// 2 panels of 32 inputs of 16 features.
// CHECK:     ashlar.weight @bf16 [{{.*}}] : tensor<20x20xf32> encoded <bf16> layout panels at 704
// 2 panels of 64 inputs; 32 scales, 32 sums.
// CHECK:     ashlar.weight @int8 [{{.*}}] : tensor<20x20xf32> encoded <int8> layout panels at 2752
// 2 panels of 128 inputs; 2 x 4 x 16 scales.
// CHECK:     ashlar.weight @int4 [{{.*}}] : tensor<20x70xf32> encoded <int4, group = 32> layout panels at 5056
// Gate and up have a panel each; 2 x 1 x 16 scales, as many zero points.
// CHECK:     ashlar.weight @gated [{{.*}}] : tensor<6x20xf32> encoded <int4, group = 128, zero_points = true> layout gated_panels at 7360
// CHECK:     ashlar.weight @layer.w [{{.*}}] : tensor<16x20xf32> layers = [0, 3] encoded <int8> layout panels at 9536 stride 1152
ashlar.weight @table [#ashlar.tensor<"t", [10, 20], rows = 0 for 10>] : tensor<10x20xf32> encoded <bf16>
ashlar.weight @bf16 [#ashlar.tensor<"p", [20, 20], rows = 0 for 20>] : tensor<20x20xf32> encoded <bf16>
ashlar.weight @int8 [#ashlar.tensor<"p", [20, 20], rows = 0 for 20>] : tensor<20x20xf32> encoded <int8>
ashlar.weight @int4 [#ashlar.tensor<"p", [20, 70], rows = 0 for 20>] : tensor<20x70xf32> encoded <int4, group = 32>
ashlar.weight @gated [#ashlar.tensor<"g", [6, 20], rows = 0 for 6>] : tensor<6x20xf32> encoded <int4, group = 128, zero_points = true>
ashlar.weight @layer.w [#ashlar.tensor<"{layer}.w", [16, 20], rows = 0 for 16>] : tensor<16x20xf32> layers = [0, 3] encoded <int8>
func.func @uses(%ids: tensor<?xi32>, %wide: tensor<?x70xf32>) {
  %x = ashlar.embedding %ids table @table : tensor<?xi32> -> tensor<?x20xf32>
  %b = ashlar.convert %x : tensor<?x20xf32> -> tensor<?x20xbf16>
  %i = ashlar.convert %x : tensor<?x20xf32> -> tensor<?x20xi8>
  %i32 = ashlar.convert %wide group 32 : tensor<?x70xf32> -> tensor<?x70xi8>
  %i128 = ashlar.convert %x group 128 : tensor<?x20xf32> -> tensor<?x20xi8>
  %0 = ashlar.linear %b weight @bf16 : tensor<?x20xbf16> -> tensor<?x20xf32>
  %1 = ashlar.linear %i weight @int8 : tensor<?x20xi8> -> tensor<?x20xf32>
  %2 = ashlar.linear %i32 weight @int4 : tensor<?x70xi8> -> tensor<?x20xf32>
  %3 = ashlar.linear %i128 weight @gated activation silu gated : tensor<?x20xi8> -> tensor<?x3xf32>
  %4 = ashlar.layers "l" [0, 3] (%x : tensor<?x20xf32>) {
  ^bb0(%a: tensor<?x20xf32>):
    %c = ashlar.convert %a : tensor<?x20xf32> -> tensor<?x20xi8>
    %w = ashlar.linear %c weight @layer.w : tensor<?x20xi8> -> tensor<?x16xf32>
    ashlar.yield %a : tensor<?x20xf32>
  }
  return
}
