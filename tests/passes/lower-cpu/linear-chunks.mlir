// float32: a chunk of rows, which L2 holds, times a group of panels is a tile of the phase, where more rows come; where too few fit, all rows are one chunk.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=600 row-tile=8" --ashlar-lower-to-program --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=600 row-tile=8" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// 96 outputs are two groups; 1 MiB of rows of 1,024 are 256: three chunks.
// CHECK-LABEL: ashlar.program @chunks
// CHECK-DAG:     %[[MOST:.*]] = arith.constant 256 : index
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : index
// CHECK:         %[[TOKENS:.*]] = arith.index_cast
// CHECK:         arith.divui {{.*}}, %[[MOST]]
// CHECK:         %[[ROWS:.*]] = arith.muli {{.*}}, %c8
// CHECK:         %[[CHUNKS:.*]] = arith.divui {{.*}}, %[[ROWS]]
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %[[CHUNKS]], %[[TWO]]
// CHECK:         ashlar.phase "proj" tiles(%[[TILES]]) {
// The next group comes a line of each panel at a time, then steps of the inner loop.
// CHECK:           } else {
// CHECK:             memref.prefetch
// CHECK-NEXT:        arith.addi
// CHECK-NEXT:        memref.prefetch
// CHECK-NEXT:        arith.addi
// CHECK-NEXT:        memref.prefetch
// CHECK:             scf.for
// CHECK-COUNT-24:      vector.fma
// CHECK-NOT:         vector.fma
ashlar.weight @w [#ashlar.tensor<"w", [96, 1024], rows = 0 for 96>] : tensor<96x1024xf32>
func.func @chunks(%h: tensor<?x1024xf32> {ashlar.input = "vectors"}) -> tensor<?x96xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.linear %h weight @w : tensor<?x1024xf32> -> tensor<?x96xf32> loc("proj")
  return %a : tensor<?x96xf32>
}

// -----

// CHECK-LABEL: ashlar.program @long
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : index
// CHECK:         ashlar.phase "proj" tiles(%[[TWO]]) {
ashlar.weight @w [#ashlar.tensor<"w", [96, 4096], rows = 0 for 96>] : tensor<96x4096xf32>
func.func @long(%h: tensor<?x4096xf32> {ashlar.input = "vectors"}) -> tensor<?x96xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.linear %h weight @w : tensor<?x4096xf32> -> tensor<?x96xf32> loc("proj")
  return %a : tensor<?x96xf32>
}

// -----

// More than 4,096 inputs go in parts of 2,048, and the result's rows hold the sums: they begin with the bias.
// CHECK-LABEL: ashlar.program @parts
// CHECK-DAG:     %[[PART:.*]] = arith.constant 2048 : index
// CHECK:         ashlar.phase "proj"
// CHECK:           scf.if
// CHECK:           } else {
// CHECK:             %[[BIAS:.*]] = vector.load
// CHECK:             vector.store %[[BIAS]], %[[ROWS:[^\[]*]][
// CHECK:             scf.for {{.*}} step %[[PART]]
// CHECK-COUNT-24:      vector.load %[[ROWS]][
// CHECK:               memref.prefetch
// CHECK-COUNT-24:      vector.fma
// CHECK-COUNT-24:      vector.store {{.*}}, %[[ROWS]][
ashlar.weight @w [#ashlar.tensor<"w", [96, 5000], rows = 0 for 96>] : tensor<96x5000xf32>
ashlar.weight @b [#ashlar.tensor<"b", [96], rows = 0 for 96>] : tensor<96xf32>
func.func @parts(%h: tensor<?x5000xf32> {ashlar.input = "vectors"}) -> tensor<?x96xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.linear %h weight @w bias @b : tensor<?x5000xf32> -> tensor<?x96xf32> loc("proj")
  return %a : tensor<?x96xf32>
}
