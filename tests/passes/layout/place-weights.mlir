// Each weight gets its layout and its place in the image.
// RUN: ashlar-opt %s --ashlar-place-weights | FileCheck %s

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
