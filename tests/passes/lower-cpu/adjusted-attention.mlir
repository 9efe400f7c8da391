// Scores with a position bias, a cap and a window, of float32 and of encoded keys.
// A weight is 2 to the power of the score: bias and cap are times log2(e).
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 max-context=1024 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vnni tiles" --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// CHECK-LABEL: ashlar.program @attend
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-DAG:     %[[LESS:.*]] = arith.constant dense<0.0138629433> : vector<16xf32>
// CHECK-DAG:     %[[CAP:.*]] = arith.constant dense<72.1347503> : vector<16xf32>
// CHECK:         ashlar.phase "attention"
// CHECK:           %[[TABLE:.*]] = memref.view %{{.*}} to memref<2x32xf32>
// Segments from that of the first row's first key on: four keys behind its own.
// CHECK:           %[[FIRST:.*]] = arith.addi %{{.*}}, %c-4 : index
// CHECK:           %[[KEY:.*]] = arith.maxsi %[[FIRST]], %c0 : index
// CHECK:           %[[SEGMENT:.*]] = arith.divui %[[KEY]], %c256 : index
// CHECK:           scf.for %{{.*}} = %[[SEGMENT]] to
// Keys of a vector that are before the window's first: only what is seen is read
// from the table, since there may be nothing else.
// CHECK:             %[[PASSED:.*]] = arith.cmpi sgt
// CHECK:             %[[BELOW:.*]] = arith.cmpi sgt
// CHECK:             %[[SEEN:.*]] = arith.select %[[PASSED]], %{{.*}}, %[[BELOW]] : vector<16xi1>, vector<16xi1>
// CHECK:             %[[SCORES:.*]] = vector.load {{.*}} : memref<32x272xf32>
// CHECK:             %[[BIAS:.*]] = vector.maskedload %[[TABLE]]{{.*}}, %[[SEEN]], %[[ZERO]]
// The bias, then the cap.
// CHECK:             %[[BIASED:.*]] = vector.fma %[[BIAS]], %{{.*}}, %[[SCORES]]
// CHECK:             %[[SMALL:.*]] = arith.mulf %[[BIASED]], %[[LESS]]
// CHECK:             %[[TANH:.*]] = math.tanh %[[SMALL]]
// CHECK:             %[[CAPPED:.*]] = arith.mulf %[[TANH]], %[[CAP]]
// CHECK:             vector.store %[[CAPPED]], {{.*}} : memref<32x272xf32>
// CHECK:             arith.select %[[SEEN]], %[[CAPPED]]
// Whole vectors of seen keys, without masks; and the last ones.
// CHECK:             vector.load %[[TABLE]]
// CHECK-NOT:         arith.select {{.*}} vector<16xi1>, vector<16xi1>
// CHECK:             math.tanh
// CHECK:             vector.maskedload %[[TABLE]]
// CHECK:             math.tanh
// What is weighed is capped already: the exponential follows.
// CHECK-NOT:         math.tanh
// CHECK:             llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
ashlar.weight @t [#ashlar.alibi_table<2 x 20, behind = 19, max_bias = 8.0, scale = 1.0>] : tensor<2x20xf32>
func.func @attend(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %a = ashlar.attention causal %i, %k, %v, %s, %ks window 5 scale 0.5 bias @t behind 19 soft_cap 50.0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}

// -----

// Without a window there is no key that has passed. Where nothing is masked, a
// step of the mix is weighed at once, two vectors.
// CHECK-LABEL: ashlar.program @encoded
// CHECK-DAG:     %[[LESS:.*]] = arith.constant dense<0.0138629433> : vector<16xf32>
// CHECK-DAG:     %[[CAP:.*]] = arith.constant dense<72.1347503> : vector<16xf32>
// CHECK-DAG:     %[[UNIT:.*]] = arith.constant dense<1.44269502> : vector<16xf32>
// CHECK:         ashlar.phase "attention"
// CHECK:           %[[TABLE:.*]] = memref.view %{{.*}} to memref<2x32xf32>
// CHECK-NOT:       arith.select {{.*}} vector<16xi1>, vector<16xi1>
// CHECK:           %[[BIAS:.*]] = vector.load %[[TABLE]]
// CHECK:           %[[BIASED:.*]] = vector.fma %[[BIAS]], %[[UNIT]]
// CHECK:           %[[SMALL:.*]] = arith.mulf %[[BIASED]], %[[LESS]]
// CHECK:           %[[TANH:.*]] = math.tanh %[[SMALL]]
// CHECK:           arith.mulf %[[TANH]], %[[CAP]]
// CHECK:           math.tanh
// CHECK:           vector.maskedload %[[TABLE]]
ashlar.weight @t [#ashlar.alibi_table<2 x 20, behind = 19, max_bias = 8.0, scale = 1.0>] : tensor<2x20xf32>
func.func @encoded(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xbf16>, tensor<?x2x4xbf16>
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 bias @t behind 19 soft_cap 50.0 : tensor<?x2x4xf32>, tensor<?x2x4xbf16>, tensor<?x2x4xbf16> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}

// -----

// A window alone, to both sides: scores are not stored anew, and the last key is
// four behind the query's own, too.
// CHECK-LABEL: ashlar.program @window
// CHECK-NOT:     math.tanh
// CHECK:         ashlar.phase "attention"
// CHECK:           %[[LAST:.*]] = arith.addi %{{.*}}, %c5 : index
// CHECK:           arith.minsi %{{.*}}, %[[LAST]] : index
// CHECK:           arith.addi %{{.*}}, %c-4 : index
func.func @window(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append call %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xi8>, tensor<?x2x4xi8>
  %a = ashlar.attention all %i, %k, %v, %s, %ks window 5 scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xi8>, tensor<?x2x4xi8> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}
