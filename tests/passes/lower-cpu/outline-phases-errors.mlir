// What a phase keeps on the stack must fit a worker's: 7/8 of 1 MiB.
// RUN: ashlar-opt %s --ashlar-outline-phases --split-input-file --verify-diagnostics

ashlar.program @fits {
^bb0(%weights: memref<64xi8>, %arena: memref<64xi8>, %cache: memref<64xi8>):
  %c1 = arith.constant 1 : index
  ashlar.phase "decoder.fc1" tiles(%c1) {
  ^bb0(%begin: index, %end: index):
    %rows = memref.alloca() : memref<2x114560xf32>
    %numbers = memref.alloca() : memref<127xindex>
    %bytes = memref.alloca() : memref<8xi8>
  }
}

// -----

ashlar.program @p {
^bb0(%weights: memref<64xi8>, %arena: memref<64xi8>, %cache: memref<64xi8>):
  %c1 = arith.constant 1 : index
  // expected-error @below {{"decoder.fc1" keeps 917505 bytes on a worker's stack, which has room for 917504; float32 linear layers keep none there}}
  ashlar.phase "decoder.fc1" tiles(%c1) {
  ^bb0(%begin: index, %end: index):
    %rows = memref.alloca() : memref<2x114560xf32>
    %bytes = memref.alloca() : memref<1025xi8>
  }
}
