// A program becomes a worker and a function for each phase.
// RUN: ashlar-opt %s --ashlar-outline-phases | FileCheck %s

// CHECK-DAG: func.func private @ashlar_barrier(!llvm.ptr)
// CHECK-DAG: func.func private @ashlar_take(!llvm.ptr, index, index) -> index

// What the phase uses comes in as arguments; constants are copied.
// CHECK-DAG: func.func private @p.store(%[[B:.*]]: index, %[[E:.*]]: index, %[[ARENA:.*]]: memref<64xi8> {llvm.noalias}, %[[LAYER:.*]]: index)
// The second of its name gets a number.
// CHECK-DAG: func.func private @p.store.1(

// CHECK-LABEL: func.func @p(
// CHECK-SAME:    %{{.*}}: memref<64xi8> {llvm.noalias}, %[[A:.*]]: memref<64xi8> {llvm.noalias}, %{{.*}}: memref<64xi8> {llvm.noalias}, %[[TEAM:.*]]: !llvm.ptr, %[[W:.*]]: index, %[[WS:.*]]: index)
// CHECK:         scf.for %[[I:.*]] =
// At most four parts for each worker, but one for a single one; its own share first.
// CHECK:           %[[ALONE:.*]] = arith.cmpi eq, %[[WS]], %[[ONE:.*]] : index
// CHECK:           %[[M:.*]] = arith.muli %[[WS]], %[[FOUR:.*]] : index
// CHECK:           %[[MOST:.*]] = arith.select %[[ALONE]], %[[ONE]], %[[M]] : index
// CHECK:           %[[PARTS:.*]] = arith.minui %[[T:.*]], %[[MOST]] : index
// CHECK:           scf.while
// CHECK:             %[[PART:.*]] = {{.*}}call @ashlar_take(%[[TEAM]], %[[W]], %[[PARTS]])
// CHECK:             %[[LEFT:.*]] = arith.cmpi ult, %[[PART]], %[[PARTS]] : index
// CHECK:             scf.condition(%[[LEFT]]) %[[PART]] : index
// CHECK:           } do {
// CHECK:             %[[P:.*]] = arith.muli %{{.*}}, %[[T]] : index
// CHECK:             %[[BEGIN:.*]] = arith.divui %[[P]], %[[PARTS]] : index
// CHECK:             %[[END:.*]] = arith.divui %{{.*}}, %[[PARTS]] : index
// CHECK:             {{.*}}call @p.store(%[[BEGIN]], %[[END]], %[[A]], %[[I]])
// CHECK:           call @ashlar_barrier(%[[TEAM]])
// Nobody would count the parts anew behind a phase without a barrier: shares.
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
      memref.store %zero, %arena[%i] : memref<64xi8>
    }
    ashlar.barrier
  }
  ashlar.phase "store" tiles(%c1) {
  ^bb0(%begin: index, %end: index):
    memref.store %zero, %arena[%begin] : memref<64xi8>
  }
}
