// Layers with windows keep a ring of segments: no more than what the rows of a
// call see, and the rows themselves.
// RUN: ashlar-opt %s --ashlar-plan-arena="max-tokens=8 max-context=4096" --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-plan-arena="max-tokens=8 max-context=512" --split-input-file | FileCheck %s --check-prefix=SHORT
// RUN: ashlar-opt %s --ashlar-plan-arena="max-tokens=3840 max-context=4096" --split-input-file | FileCheck %s --check-prefix=LONG

// Windows of 6, of all layers: 5 keys behind and 8 rows lie in two segments at
// most. A context of as many segments needs no ring; nor do calls so long that
// their rows leave none of its 16 segments out.
// CHECK: ashlar.caches = [{capacity = 4096 : i64, kept_segments = 2 : i64, kind = #ashlar<cache self>, layer_stride = 65536 : i64, layers = 3 : i64, offset = 0 : i64, segment_stride = 32768 : i64, segments = 2 : i64, slot_segments = 16 : i64
// CHECK-LABEL: func.func @windows
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 0, 0, 1>}
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 0, 2, 0>}
// SHORT: kept_segments = 2 : i64, {{.*}}slot_segments = 2 : i64
// SHORT-LABEL: func.func @windows
// LONG: kept_segments = 16 : i64, {{.*}}slot_segments = 16 : i64
// LONG-LABEL: func.func @windows
func.func @windows(%h: tensor<?x16xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x16xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.activate relu %h : tensor<?x16xf32>
  %y = ashlar.layers "l" [0, 2] (%x : tensor<?x16xf32>) {
  ^bb0(%c: tensor<?x16xf32>):
    %i = ashlar.split_heads %c : tensor<?x16xf32> -> tensor<?x1x16xf32>
    %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
    %a = ashlar.attention causal %i, %k, %v, %s, %ks window 6 scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
    %m = ashlar.merge_heads %a : tensor<?x1x16xf32> -> tensor<?x16xf32>
    %z = ashlar.add %c, %m : tensor<?x16xf32>
    ashlar.yield %z : tensor<?x16xf32>
  }
  %i = ashlar.split_heads %y : tensor<?x16xf32> -> tensor<?x1x16xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  %a = ashlar.attention causal %i, %k, %v, %s, %ks window 3 scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
  %m = ashlar.merge_heads %a : tensor<?x1x16xf32> -> tensor<?x16xf32>
  return %m : tensor<?x16xf32>
}

// -----

// Windows and all keys in turn: a cache for each, with its own layers. A window
// of 250 and 8 rows are 257 keys, which touch two segments; the ring is as long
// as the longest window asks for, 251, which may touch three. One of 4,000 would
// not be shorter than the context: its layer keeps all keys, too.
// CHECK: ashlar.caches = [{capacity = 4096 : i64, kept_segments = 3 : i64, kind = #ashlar<cache self>, {{.*}}layers = 3 : i64, offset = 0 : i64, {{.*}}segments = 3 : i64, slot_segments = 16 : i64
// CHECK-SAME: {capacity = 4096 : i64, kept_segments = 16 : i64, kind = #ashlar<cache self>, {{.*}}layers = 4 : i64, offset = 294912 : i64, {{.*}}segments = 16 : i64, slot_segments = 16 : i64
// CHECK-LABEL: func.func @turns
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 0, 0, 1>}
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 1, 0, 1>}
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 0, 2, 0>}
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 1, 2, 0>}
// A pattern says which keys a query sees, but not that the others are never
// needed.
// CHECK:         ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 1, 3, 0>}
// SHORT: ashlar.caches = [{{.*}}layers = 7 : i64
// SHORT-LABEL: func.func @turns
// LONG: ashlar.caches = [{{.*}}layers = 7 : i64
// LONG-LABEL: func.func @turns
func.func @turns(%h: tensor<?x16xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x16xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.activate relu %h : tensor<?x16xf32>
  %y = ashlar.layers "l" [0, 4] (%x : tensor<?x16xf32>) {
  ^bb0(%c: tensor<?x16xf32>):
    %i = ashlar.split_heads %c : tensor<?x16xf32> -> tensor<?x1x16xf32>
    %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
    %a = ashlar.attention causal %i, %k, %v, %s, %ks window 250 scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
    %m = ashlar.merge_heads %a : tensor<?x1x16xf32> -> tensor<?x16xf32>
    %z = ashlar.add %c, %m : tensor<?x16xf32>
    ashlar.yield %z : tensor<?x16xf32>
  }, {
  ^bb0(%c: tensor<?x16xf32>):
    %i = ashlar.split_heads %c : tensor<?x16xf32> -> tensor<?x1x16xf32>
    %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
    %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
    %m = ashlar.merge_heads %a : tensor<?x1x16xf32> -> tensor<?x16xf32>
    %z = ashlar.add %c, %m : tensor<?x16xf32>
    ashlar.yield %z : tensor<?x16xf32>
  }
  %i = ashlar.split_heads %y : tensor<?x16xf32> -> tensor<?x1x16xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  %a = ashlar.attention causal %i, %k, %v, %s, %ks window 251 where #ashlar.near<behind = 3, ahead = -1, block = 1> scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
  %k1, %v1, %ks1 = ashlar.kv_append self %a, %a, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  %b = ashlar.attention causal %a, %k1, %v1, %s, %ks1 window 4000 scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
  %k2, %v2, %ks2 = ashlar.kv_append self %b, %b, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  %c = ashlar.attention causal %b, %k2, %v2, %s, %ks2 where #ashlar.near<behind = 3, ahead = -1, block = 1> scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
  %m = ashlar.merge_heads %c : tensor<?x1x16xf32> -> tensor<?x16xf32>
  return %m : tensor<?x16xf32>
}
