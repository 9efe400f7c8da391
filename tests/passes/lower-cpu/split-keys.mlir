// Attention over more than 1,024 keys sums up each split of so many by itself and merges the sums in order; in calls of few rows each split is a tile.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 max-context=2100 row-tile=8" --ashlar-lower-to-program --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,LONG
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 max-context=1024 row-tile=8" --ashlar-lower-to-program --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,SHORT
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=2 max-context=2100 row-tile=8" | FileCheck %s --check-prefix=FEW
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 max-context=2100 row-tile=8" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases -o /dev/null

// A count for each of 4 rows and 2 key heads; of one token alone fewer.
// LONG:  ashlar.arena = {arrival_count = 8 : i64, {{.*}}split_rows = 4 : i64
// SHORT: ashlar.arena = {arrival_count = 0 : i64, {{.*}}split_rows = 0 : i64
// FEW:   ashlar.arena = {arrival_count = 4 : i64, {{.*}}split_rows = 2 : i64

// CHECK-LABEL: ashlar.program @attend
// CHECK:         ashlar.phase "of all"
// Sums of 3 splits, 2 key heads, 4 rows and 2 query heads a key head.
// LONG:            memref.view {{.*}} memref<48x32xf32>
// LONG:            memref.view {{.*}} memref<48x16xf32>
// LONG:            memref.view {{.*}} memref<48xf32>
// SHORT-NOT:       memref<48x32xf32>
// The last one to arrive merges them.
// LONG:            %[[BEFORE:.*]] = memref.atomic_rmw addi %{{.*}}, %[[COUNTS:.*]][%{{.*}}, %{{.*}}] : (i32, memref<4x2xi32>) -> i32
// LONG:            %[[COUNT:.*]] = arith.index_cast %[[BEFORE]]
// LONG:            %[[NEXT:.*]] = arith.addi %[[COUNT]], %{{.*}}
// LONG:            %[[LAST:.*]] = arith.cmpi eq, %[[NEXT]], %{{.*}}
// LONG:            scf.if %[[LAST]]
// LONG:              memref.store %{{.*}}, %[[COUNTS]]
// SHORT-NOT:       atomic_rmw
// Windows span few splits: their sums are merged where they are.
// CHECK:         ashlar.phase "through a window"
// LONG:            memref.alloca() {{.*}} memref<256x32xf32>
// SHORT:           memref.alloca() {{.*}} memref<128x32xf32>
// CHECK-NOT:       atomic_rmw
func.func @attend(%h: tensor<?x80xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x80xf32> attributes {ashlar.stack = 0} {
  %q = ashlar.split_heads %h : tensor<?x80xf32> -> tensor<?x4x20xf32>
  %n = ashlar.slice %h from 0 : tensor<?x80xf32> -> tensor<?x40xf32>
  %i = ashlar.split_heads %n : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xf32>, tensor<?x2x20xf32> loc("append")
  %a = ashlar.attention causal %q, %k, %v, %s, %ks scale 0.5 : tensor<?x4x20xf32>, tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x4x20xf32> loc("of all")
  %b = ashlar.attention causal %a, %k, %v, %s, %ks window 300 scale 0.5 : tensor<?x4x20xf32>, tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x4x20xf32> loc("through a window")
  %m = ashlar.merge_heads %b : tensor<?x4x20xf32> -> tensor<?x80xf32>
  return %m : tensor<?x80xf32>
}
