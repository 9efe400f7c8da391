// Segments of sequences: a head that looks at the tokens reads them, as the rows,
// where the stack has them. One tile goes over the rows in order.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" | FileCheck %s --check-prefix=PLAN
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases -o /dev/null

// PLAN:       func.func @encoder(%{{.*}}: tensor<?xi32> {ashlar.buffer = #ashlar.buffer<[[IDS:.*]], stride = 1>, ashlar.input = "ids"}
// PLAN-SAME:    ashlar.result = #ashlar.buffer<[[RESULT:.*]]>, ashlar.stack
// PLAN:       func.func @head0(%{{.*}}: tensor<?x20xf32> {ashlar.buffer = #ashlar.buffer<[[RESULT]]>
// PLAN-SAME:    tensor<?xi32> {ashlar.buffer = #ashlar.buffer<[[IDS]], stride = 1>
func.func @encoder(%ids: tensor<?xi32> {ashlar.input = "ids"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x20xf32> attributes {ashlar.stack = 0} {
  %0 = ashlar.segment %ids, %s separator 7 : tensor<?xi32> -> tensor<?x20xf32> loc("types")
  return %0 : tensor<?x20xf32>
}

// CHECK-LABEL: ashlar.program @head0
// CHECK:         ashlar.phase "question" tiles(%c1)
// The row's index, its token, and the length of the sequence.
// CHECK:           memref.load %{{.*}}[%{{.*}}, %c2] : memref<8x9xi32>
// CHECK:           vector.{{.*}}store %{{.*}} : memref<8x16xf32>
// CHECK:           memref.load %{{.*}}[%{{.*}}] : memref<8xi32>
// CHECK:           arith.cmpi eq, %{{.*}}, %c7 : index
// CHECK:           memref.load %{{.*}}[%{{.*}}, %c6] : memref<8x9xi32>
// Behind the last row of a sequence without separator, all but its first again.
// CHECK:           scf.if
// CHECK:             scf.for
// CHECK:               vector.{{.*}}store %{{.*}} : memref<8x16xf32>
func.func @head0(%h: tensor<?x20xf32> {ashlar.input = "hidden"}, %ids: tensor<?xi32> {ashlar.input = "ids"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x1xf32> attributes {ashlar.head = 0} {
  %0 = ashlar.segment %ids, %s separator 7 skip 1 : tensor<?xi32> -> tensor<?x1xf32> loc("question")
  return %0 : tensor<?x1xf32>
}
