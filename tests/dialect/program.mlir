// Every op of the program level is printed as it is read.
// RUN: ashlar-opt %s | FileCheck %s
// RUN: ashlar-opt %s | ashlar-opt | FileCheck %s
// RUN: ashlar-opt %s --mlir-print-op-generic | ashlar-opt | FileCheck %s

// CHECK-LABEL: ashlar.program @decoder {
ashlar.program @decoder {
^bb0(%weights: memref<?xi8>, %arena: memref<?xi8>, %cache: memref<?xi8>):
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %layers = arith.constant 12 : index
  // CHECK: %[[TILES:.*]] = arith.constant 5 : index
  %tiles = arith.constant 5 : index
  // CHECK: ashlar.phase "embed" tiles(%[[TILES]]) {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index):
  ashlar.phase "embed" tiles(%tiles) {
  ^bb0(%begin: index, %end: index):
  }
  // CHECK: ashlar.barrier
  ashlar.barrier
  // CHECK: scf.for
  scf.for %layer = %zero to %layers step %one {
    // CHECK: ashlar.phase "linear" tiles(%[[TILES]]) {
    ashlar.phase "linear" tiles(%tiles) {
    ^bb0(%begin: index, %end: index):
    }
    // CHECK: ashlar.barrier
    ashlar.barrier
  }
}
