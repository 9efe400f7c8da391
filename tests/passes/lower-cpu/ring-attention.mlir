// Keys of a ring go where their row says, in a word of its own; attention reads
// them through the ring's table, and its phase says how far a row sees.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 max-context=1024 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse | FileCheck %s

// The ring, two segments of four, and the cache of all four have a table each.
// CHECK: ashlar.caches = [{capacity = 1024 : i64, kept_segments = 2 : i64, {{.*}}table = [[RINGAT:[0-9]+]] : i64}, {{.*}}kept_segments = 4 : i64, {{.*}}table = [[ALLAT:[0-9]+]] : i64}]
// CHECK-LABEL: ashlar.program @decoder
// CHECK-DAG:     %[[C7:.*]] = arith.constant 7 : index
// CHECK-DAG:     %[[RING:.*]] = arith.constant [[RINGAT]] : index
// CHECK-DAG:     %[[ALL:.*]] = arith.constant [[ALLAT]] : index
// CHECK:         ashlar.phase "append"
// CHECK:           memref.load %{{.*}}[%{{.*}}, %[[C7]]] : memref<8x9xi32>
// CHECK:         ashlar.phase "through a window"
// CHECK:           memref.view %{{.*}}[%[[RING]]][] : {{.*}} to memref<{{[0-9]+}}xi32>
// CHECK:         } {ashlar.tiles = array<i64: {{[0-9, ]+}}, 1024>, ashlar.window = array<i64: 4, 0>, ashlar.work
// CHECK:         ashlar.phase "append all"
// CHECK-NOT:       memref.load %{{.*}}[%{{.*}}, %[[C7]]] : memref<8x9xi32>
// CHECK:         ashlar.phase "of all"
// CHECK:           memref.view %{{.*}}[%[[ALL]]][] : {{.*}} to memref<{{[0-9]+}}xi32>
// CHECK-NOT:     ashlar.window
// CHECK:         } {ashlar.work
func.func @decoder(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks window 5 scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32> loc("through a window")
  %k1, %v1, %ks1 = ashlar.kv_append self %a, %a, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32> loc("append all")
  %b = ashlar.attention causal %a, %k1, %v1, %s, %ks1 scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32> loc("of all")
  %m = ashlar.merge_heads %b : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}
