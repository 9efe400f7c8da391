// A head that makes one row of each sequence: it reads the stack's result where it
// lies, and what follows its pools has as many rows as the call has sequences.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" | FileCheck %s --check-prefix=PLAN
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases -o /dev/null

// PLAN:       func.func @encoder
// PLAN-SAME:    ashlar.result = #ashlar.buffer<[[RESULT:.*]]>, ashlar.stack
// PLAN:       func.func @head0(%{{.*}}: tensor<?x20xf32> {ashlar.buffer = #ashlar.buffer<[[RESULT]]>
func.func @encoder(%h: tensor<?x20xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x20xf32> attributes {ashlar.stack = 0} {
  %0 = ashlar.activate relu %h : tensor<?x20xf32> loc("relu")
  return %0 : tensor<?x20xf32>
}

// CHECK-LABEL: ashlar.program @head0
// A tile for each panel of 16 features. The row's index begins a sum anew; rows
// from 1 on count, whatever the others are; behind the last row of a sequence the
// sum is divided.
// CHECK:         ashlar.phase "mean" tiles(%c2)
// CHECK:           memref.load %{{.*}}[%{{.*}}, %c2] : memref<8x9xi32>
// CHECK:           memref.load %{{.*}}[%{{.*}}, %c6] : memref<8x9xi32>
// CHECK:           arith.addf %[[SUM:.*]], %{{.*}} : vector<16xf32>
// CHECK:           arith.select %{{.*}}, %{{.*}}, %[[SUM]] : vector<16xf32>
// CHECK:           scf.if
// CHECK:             arith.divf
// CHECK:             vector.store
// CHECK:         ashlar.barrier
// CHECK:         ashlar.phase "first"
// CHECK:         ashlar.barrier
// Rows of the call: its sequences, word 2 of the header.
// CHECK:         %[[HEADER:.*]] = memref.view %{{.*}} to memref<8xi64>
// CHECK:         %[[WORD:.*]] = memref.load %[[HEADER]][%c2] : memref<8xi64>
// CHECK:         %[[ROWS:.*]] = arith.index_cast %[[WORD]]
// CHECK:         ashlar.phase "joined" tiles(%[[ROWS]])
// The second input's columns lie behind those of the first.
// CHECK:           vector.store %{{.*}}, %{{.*}}[%{{.*}}, %c20] : memref<8x48xf32>
// CHECK:         %[[AGAIN:.*]] = memref.load %[[HEADER]][%c2] : memref<8xi64>
// CHECK:         %[[SAME:.*]] = arith.index_cast %[[AGAIN]]
// CHECK:         ashlar.phase "half" tiles(%[[SAME]])
func.func @head0(%h: tensor<?x20xf32> {ashlar.input = "hidden"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.head = 0} {
  %0 = ashlar.pool %h, %s from 1 : tensor<?x20xf32> -> tensor<?x20xf32> loc("mean")
  %1 = ashlar.pool %h, %s from 0 count 1 : tensor<?x20xf32> -> tensor<?x20xf32> loc("first")
  %2 = ashlar.concat %0, %1 : tensor<?x20xf32>, tensor<?x20xf32> -> tensor<?x40xf32> loc("joined")
  %3 = ashlar.scale %2 by 0.5 : tensor<?x40xf32> loc("half")
  return %3 : tensor<?x40xf32>
}
