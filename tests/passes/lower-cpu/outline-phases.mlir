// A program becomes a worker and a function for each phase.
// RUN: ashlar-opt %s --ashlar-outline-phases | FileCheck %s

// CHECK-DAG: func.func private @ashlar_barrier(!llvm.ptr)
// CHECK-DAG: func.func private @ashlar_take(!llvm.ptr, index, index) -> index

// What the phase uses comes in as arguments; constants are copied.
// CHECK-LABEL: func.func private @p.store(
// CHECK-SAME:    %[[T:.*]]: index, %[[TEAM:.*]]: !llvm.ptr, %[[W:.*]]: index, %[[WS:.*]]: index, %[[ARENA:.*]]: memref<64xi8> {llvm.noalias}, %[[LAYER:.*]]: index)
// At most four parts for each worker, but one for a single one; its own share first.
// CHECK:         %[[ALONE:.*]] = arith.cmpi eq, %[[WS]], %[[ONE:.*]] : index
// CHECK:         %[[MOST:.*]] = arith.select %[[ALONE]], %[[ONE]], %[[M:.*]] : index
// CHECK:         %[[PARTS:.*]] = arith.minui %[[T]], %[[MOST]] : index
// What is on the stack is there for all parts, and zero before the first where that is asked for.
// CHECK:         %[[NOTE:.*]] = memref.alloca() : memref<1xindex>
// CHECK-NEXT:    %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-NEXT:    memref.store %[[ZERO]], %[[NOTE]][%[[ZERO]]]
// CHECK:         %[[ROWS:.*]] = memref.alloca() : memref<64xf32>
// CHECK-NOT:     memref.store
// CHECK:         scf.while
// CHECK:           %[[PART:.*]] = {{.*}}call @ashlar_take(%[[TEAM]], %[[W]], %[[PARTS]])
// CHECK:           %[[LEFT:.*]] = arith.cmpi ult, %[[PART]], %[[PARTS]] : index
// CHECK:           scf.condition(%[[LEFT]]) %[[PART]] : index
// CHECK:         } do {
// CHECK:           %[[P:.*]] = arith.muli %{{.*}}, %[[T]] : index
// CHECK:           %[[BEGIN:.*]] = arith.divui %[[P]], %[[PARTS]] : index
// CHECK:           %[[END:.*]] = arith.divui %{{.*}}, %[[PARTS]] : index
// CHECK:           memref.store %{{.*}}, %[[ARENA]][%[[LAYER]]]
// CHECK:           memref.store %[[END]], %[[NOTE]][%[[BEGIN]]]

// The second of its name gets a number. Nobody would count the parts anew behind a phase without a barrier: it has shares.
// CHECK:       func.func private @p.store.1(%[[BEGIN:.*]]: index, %{{.*}}: index, %[[ARENA:.*]]: memref<64xi8> {llvm.noalias})
// CHECK-NOT:     ashlar_take
// CHECK:         memref.store %{{.*}}, %[[ARENA]][%[[BEGIN]]]

// CHECK-LABEL: func.func @p(
// CHECK-SAME:    %{{.*}}: memref<64xi8> {llvm.noalias}, %[[A:.*]]: memref<64xi8> {llvm.noalias}, %{{.*}}: memref<64xi8> {llvm.noalias}, %[[TEAM:.*]]: !llvm.ptr, %[[W:.*]]: index, %[[WS:.*]]: index)
// CHECK:         scf.for %[[I:.*]] =
// CHECK:           call @p.store(%[[T:.*]], %[[TEAM]], %[[W]], %[[WS]], %[[A]], %[[I]])
// CHECK:           call @ashlar_barrier(%[[TEAM]])
// CHECK:         %[[M:.*]] = arith.muli %[[W]], %[[T:.*]] : index
// CHECK:         %[[BEGIN:.*]] = arith.divui %[[M]], %[[WS]] : index
// CHECK:         call @p.store.1(%[[BEGIN]]
ashlar.program @p {
^bb0(%weights: memref<64xi8>, %arena: memref<64xi8>, %cache: memref<64xi8>):
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant 0 : i8
  scf.for %i = %c0 to %c3 step %c1 {
    ashlar.phase "store" tiles(%c3) {
    ^bb0(%begin: index, %end: index):
      %note = memref.alloca() {ashlar.zero} : memref<1xindex>
      %rows = memref.alloca() : memref<64xf32>
      memref.store %zero, %arena[%i] : memref<64xi8>
      memref.store %end, %note[%begin] : memref<1xindex>
    }
    ashlar.barrier
  }
  ashlar.phase "store" tiles(%c1) {
  ^bb0(%begin: index, %end: index):
    memref.store %zero, %arena[%begin] : memref<64xi8>
  }
}
