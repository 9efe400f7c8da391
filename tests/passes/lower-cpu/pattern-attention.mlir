// A pattern: tiles that may see something are visited, and compare.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vnni tiles" --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// CHECK-LABEL: ashlar.program @anchored
// CHECK:         ashlar.phase "attention"
// Segments, then the steps of a segment as bits.
// CHECK:           scf.for
// CHECK:             scf.if
// CHECK:               scf.for {{.*}} iter_args(%[[BITS:.*]] = %c0) -> (index)
// CHECK:                 arith.shli
// CHECK:                 arith.ori %[[BITS]]
// Each row compares for itself.
// CHECK:               arith.cmpi sle, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK:               llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// What it does not see is known by its weight.
// CHECK:               %[[HIDDEN:.*]] = arith.cmpf olt
// CHECK:               vector.fma
// CHECK:               arith.select %[[HIDDEN]], %{{.*}} : vector<16xf32>
// CHECK:         ashlar.tiles = array<i64:
func.func @anchored(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %a = ashlar.attention causal %i, %k, %v, %s, %ks where #ashlar.any_of<[#ashlar.near<behind = 4, ahead = 4>, #ashlar.first<keys, 3>]> scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}

// -----

// Repeated keys: log2(3) more where scores are against powers of two. Draws are
// numbers of the query's block alone.
// CHECK-LABEL: ashlar.program @repeated
// CHECK-DAG:     %[[MORE:.*]] = arith.constant dense<1.58496249> : vector<16xf32>
// CHECK:         ashlar.phase "attention"
// CHECK:           arith.remui
// CHECK:           %[[SUM:.*]] = arith.addf %{{.*}}, %[[MORE]] : vector<16xf32>
// CHECK:           arith.select %{{.*}}, %[[SUM]], %{{.*}} : vector<16xi1>, vector<16xf32>
func.func @repeated(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append call %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xbf16>, tensor<?x2x4xbf16>
  %a = ashlar.attention all %i, %k, %v, %s, %ks where #ashlar.any_of<[#ashlar.random<count = 2, block = 3, seed = 7>, #ashlar.not<#ashlar.short<20>>]> scale 0.5 repeat #ashlar.last<keys, 4> times 3 : tensor<?x2x4xf32>, tensor<?x2x4xbf16>, tensor<?x2x4xbf16> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}

// -----

// Marks of the call: of keys, of 16 keys at once, and of queries.
// CHECK-LABEL: ashlar.program @marked
// CHECK:         ashlar.phase "attention"
// CHECK:           %[[MARKS:.*]] = memref.view {{.*}} to memref<64xi32>
// Some key of a segment: marked ones before its end, less those before it.
// CHECK:           %[[END:.*]] = memref.load %[[MARKS]]
// CHECK:           %[[BEGIN:.*]] = memref.load %[[MARKS]]
// CHECK:           arith.subi
// Of 16 keys each its own.
// CHECK:           %[[NEXT:.*]] = vector.load %[[MARKS]]{{.*}} vector<16xi32>
// CHECK:           %[[THIS:.*]] = vector.load %[[MARKS]]{{.*}} vector<16xi32>
// CHECK:           %[[COUNT:.*]] = arith.subi %[[NEXT]], %[[THIS]] : vector<16xi32>
// CHECK:           arith.cmpi sgt, %[[COUNT]]
func.func @marked(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append call %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %a = ashlar.attention all %i, %k, %v, %s, %ks where #ashlar.all_of<[#ashlar.marked<keys>, #ashlar.not<#ashlar.marked<queries>>]> scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}
