// What program-level ops must be. Tests are named after their constraint in
// SPEC.md.
// RUN: ashlar-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{'ashlar.program' op expects weights, arena and cache as memrefs of i8 of rank 1}}
ashlar.program @program_c30 {
^bb0(%weights: memref<?xi8>, %arena: memref<?xi8>):
}

// -----

// expected-error @below {{'ashlar.program' op expects weights, arena and cache as memrefs of i8 of rank 1}}
ashlar.program @program_rank_c30 {
^bb0(%weights: memref<?xi8>, %arena: memref<?x?xi8>, %cache: memref<?xi8>):
}

// -----

ashlar.program @phase_c31 {
^bb0(%weights: memref<?xi8>, %arena: memref<?xi8>, %cache: memref<?xi8>):
  %tiles = arith.constant 5 : index
  // expected-error @below {{'ashlar.phase' op region expects [begin, end) as two index arguments}}
  ashlar.phase "embed" tiles(%tiles) {
  ^bb0(%begin: index):
  }
}
