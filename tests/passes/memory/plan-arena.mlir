// Buffers by lifetime, loops in place, copies where a loop would overwrite.
// RUN: ashlar-opt %s --ashlar-plan-arena="max-tokens=8 row-tile=8" --split-input-file | FileCheck %s

// Rows of 8 floats take 16: 8 rows are 512 bytes, and 64 follow them for vector
// loads past the end. The loop, its operand and the result share one place.
// CHECK-LABEL: func.func @decoder
// CHECK-SAME:    %{{.*}}: tensor<?xi32> {ashlar.buffer = #ashlar.buffer<[[#IDS:]], stride = 1>, ashlar.input = "ids"}
// CHECK-SAME:    ashlar.result = #ashlar.buffer<[[#X:]], stride = 16>
// CHECK:         ashlar.embedding {{.*}} {buffers = [#ashlar.buffer<[[#X]], stride = 16>]}
// CHECK:         ashlar.layers
// CHECK:           ashlar.linear {{.*}} {buffers = [#ashlar.buffer<[[#A:]], stride = 32>]}
// A view lies where what it looks at lies, 8 columns of 4 bytes further.
// CHECK:           ashlar.slice {{.*}} {buffers = [#ashlar.buffer<[[#A+32]], stride = 32>]}
// CHECK:           ashlar.activate {{.*}} {buffers = [#ashlar.buffer<[[#B:]], stride = 16>]}
// %a is no longer needed: its place is taken again.
// CHECK:           ashlar.activate {{.*}} {buffers = [#ashlar.buffer<[[#A]], stride = 16>]}
// CHECK:           ashlar.add {{.*}} {buffers = [#ashlar.buffer<[[#X]], stride = 16>]}
// CHECK-NOT:     ashlar.copy
ashlar.weight @t [#ashlar.tensor<"t", [5, 8], rows = 0 for 5>] : tensor<5x8xf32>
ashlar.weight @w [#ashlar.tensor<"w", [24, 8], rows = 0 for 24>] : tensor<24x8xf32>
func.func @decoder(%ids: tensor<?xi32> {ashlar.input = "ids"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.embedding %ids table @t : tensor<?xi32> -> tensor<?x8xf32>
  %y = ashlar.layers "l" [0, 2] (%x : tensor<?x8xf32>) {
  ^bb0(%c: tensor<?x8xf32>):
    %a = ashlar.linear %c weight @w : tensor<?x8xf32> -> tensor<?x24xf32>
    %s = ashlar.slice %a from 8 : tensor<?x24xf32> -> tensor<?x8xf32>
    %b = ashlar.activate relu %s : tensor<?x8xf32>
    %d = ashlar.activate relu %b : tensor<?x8xf32>
    %z = ashlar.add %c, %d : tensor<?x8xf32>
    ashlar.yield %z : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// The linear reads whole rows of what it would overwrite: a copy. What goes into
// the loop is needed behind it: another one.
// CHECK-LABEL: func.func @copies
// CHECK:         %[[E:.*]] = ashlar.embedding
// CHECK:         %[[C:.*]] = ashlar.copy %[[E]]
// CHECK:         ashlar.layers {{.*}}(%[[C]]
// CHECK:           %[[L:.*]] = ashlar.linear
// CHECK:           %[[K:.*]] = ashlar.copy %[[L]]
// CHECK:           ashlar.yield %[[K]]
ashlar.weight @t [#ashlar.tensor<"t", [5, 8], rows = 0 for 5>] : tensor<5x8xf32>
ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @copies(%ids: tensor<?xi32> {ashlar.input = "ids"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.embedding %ids table @t : tensor<?xi32> -> tensor<?x8xf32>
  %y = ashlar.layers "l" [0, 2] (%x : tensor<?x8xf32>) {
  ^bb0(%c: tensor<?x8xf32>):
    %a = ashlar.linear %c weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %a : tensor<?x8xf32>
  }
  %z = ashlar.add %x, %y : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// A loop that passes its rows through needs no copy; keys of a call lie in the
// arena, those of a sequence in the cache, one segment of 256 keys each.
// CHECK: ashlar.caches = [{capacity = 8 : i64, kept_segments = 1 : i64, kind = #ashlar<cache call>, layer_stride = 32768 : i64, layers = 1 : i64
// CHECK-SAME: {capacity = 512 : i64, kept_segments = 2 : i64, kind = #ashlar<cache cross>, layer_stride = 65536 : i64, layers = 3 : i64, offset = 0 : i64
// CHECK-LABEL: func.func @keys
// CHECK-NOT:     ashlar.copy
func.func @keys(%h: tensor<?x16xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x16xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.activate relu %h : tensor<?x16xf32>
  %i = ashlar.split_heads %a : tensor<?x16xf32> -> tensor<?x1x16xf32>
  %k, %v, %ks = ashlar.kv_append call %i, %i, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  %y = ashlar.layers "l" [0, 3] (%a : tensor<?x16xf32>) {
  ^bb0(%c: tensor<?x16xf32>):
    %j = ashlar.split_heads %c : tensor<?x16xf32> -> tensor<?x1x16xf32>
    %l, %m, %ls = ashlar.kv_append cross %j, %j, %s : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
    ashlar.yield %c : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// Blocks that take turns hand on one place; the second, which only passes rows
// through, needs no copy. The cache has the layers that keep keys: two.
// CHECK: ashlar.caches = [{capacity = 4096 : i64, kept_segments = 16 : i64, kind = #ashlar<cache self>, {{.*}}layers = 2 : i64
// CHECK-LABEL: func.func @turns
// CHECK:         ashlar.embedding {{.*}} {buffers = [#ashlar.buffer<[[#X:]], stride = 16>]}
// CHECK:         ashlar.layers
// CHECK:           ashlar.linear {{.*}} {buffers = [#ashlar.buffer<[[#A:]], stride = 16>]}
// CHECK:           ashlar.add {{.*}} {buffers = [#ashlar.buffer<[[#X]], stride = 16>]}
// CHECK:           ashlar.yield
// CHECK:           ashlar.kv_append self {{.*}} {ashlar.cache = array<i64: 0, 0, 1>}
// CHECK-NOT:       ashlar.copy
// CHECK:         } {buffers = [#ashlar.buffer<[[#X]], stride = 16>]}
ashlar.weight @t [#ashlar.tensor<"t", [5, 8], rows = 0 for 5>] : tensor<5x8xf32>
ashlar.weight @w [#ashlar.tensor<"w.{layer}", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 2, 2]
func.func @turns(%ids: tensor<?xi32> {ashlar.input = "ids"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.embedding %ids table @t : tensor<?xi32> -> tensor<?x8xf32>
  %y = ashlar.layers "l" [0, 4] (%x : tensor<?x8xf32>) {
  ^bb0(%c: tensor<?x8xf32>):
    %a = ashlar.linear %c weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
    %z = ashlar.add %c, %a : tensor<?x8xf32>
    ashlar.yield %z : tensor<?x8xf32>
  }, {
  ^bb0(%c: tensor<?x8xf32>):
    %j = ashlar.split_heads %c : tensor<?x8xf32> -> tensor<?x1x8xf32>
    %l, %m, %ls = ashlar.kv_append self %j, %j, %s : tensor<?x1x8xf32>, tensor<?x1x8xf32> -> tensor<?x1x8xf32>, tensor<?x1x8xf32>
    ashlar.yield %c : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// What comes before the last convolution has twice as many rows: 16 of 8 floats
// take 1,024 bytes, 16 of 24 take 2,048, and 64 follow each.
// CHECK-LABEL: func.func @stem
// CHECK-SAME:    %{{.*}}: tensor<?x8xf32> {ashlar.buffer = #ashlar.buffer<[[#IN:]], stride = 16>
// CHECK-SAME:    ashlar.result = #ashlar.buffer<[[#IN+1088]], stride = 32>
// CHECK:         ashlar.unfold {{.*}} {buffers = [#ashlar.buffer<[[#U:]], stride = 32>]}
// CHECK:         ashlar.linear {{.*}} {buffers = [#ashlar.buffer<[[#U+2112]], stride = 16>]}
// CHECK:         ashlar.unfold {{.*}} {buffers = [#ashlar.buffer<[[#IN+1088]], stride = 32>]}
ashlar.weight @w [#ashlar.tensor<"w", [8, 8, 3], rows = 0 for 8, convolution = true>] : tensor<8x24xf32>
func.func @stem(%x: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x24xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.unfold %x, %s kernel 3 stride 1 padding 1 per_token 2 : tensor<?x8xf32> -> tensor<?x24xf32>
  %b = ashlar.linear %a weight @w : tensor<?x24xf32> -> tensor<?x8xf32>
  %c = ashlar.unfold %b, %s kernel 3 stride 2 padding 1 : tensor<?x8xf32> -> tensor<?x24xf32>
  return %c : tensor<?x24xf32>
}
