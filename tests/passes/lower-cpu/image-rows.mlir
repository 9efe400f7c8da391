// Learned rows in the place of an image's first, and a number for each feature.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases -o /dev/null

ashlar.weight @class [#ashlar.tensor<"c", [1, 1, 20], rows = 0 for 20>] : tensor<20xf32>
ashlar.weight @lambda [#ashlar.tensor<"l", [20], rows = 0 for 20>] : tensor<20xf32>

// CHECK-LABEL: ashlar.program @encoder
// Row 1 of a sequence, whatever was there; the index stands in the table of rows.
// CHECK:         ashlar.phase "class"
// CHECK-DAG:       %[[VECTOR:.*]] = memref.view %{{.*}} to memref<48xf32>
// CHECK-DAG:       %[[ROWS:.*]] = memref.view %{{.*}} to memref<{{[0-9]+}}x9xi32>
// CHECK:           %[[WORD:.*]] = memref.load %[[ROWS]][%{{.*}}, %c2] : memref<{{[0-9]+}}x9xi32>
// CHECK:           %[[INDEX:.*]] = arith.index_cast %[[WORD]]
// CHECK:           %[[HERE:.*]] = arith.cmpi eq, %[[INDEX]], %c1 : index
// CHECK:           %[[NEW:.*]] = vector.load %[[VECTOR]]
// CHECK:           %[[OLD:.*]] = vector.load
// CHECK:           arith.select %[[HERE]], %[[NEW]], %[[OLD]] : vector<16xf32>
// CHECK:         ashlar.barrier
// CHECK:         ashlar.phase "scaled"
// CHECK:           %[[FACTORS:.*]] = memref.view %{{.*}} to memref<48xf32>
// CHECK:           %[[X:.*]] = vector.load
// CHECK:           %[[F:.*]] = vector.load %[[FACTORS]]
// CHECK:           arith.mulf %[[X]], %[[F]] : vector<16xf32>
func.func @encoder(%h: tensor<?x20xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x20xf32> attributes {ashlar.stack = 0} {
  %0 = ashlar.set_row %h, %s at 1 to @class : tensor<?x20xf32> loc("class")
  %1 = ashlar.scale_features %0 by @lambda : tensor<?x20xf32> loc("scaled")
  return %1 : tensor<?x20xf32>
}
