// Keys and values into their segments: 16 rows whose keys are a panel's lines go together, others one by one.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=40 max-context=600 row-tile=8" --ashlar-lower-to-program --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=40 max-context=600 row-tile=8" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// A tile is a head of 16 rows. They are whole if they are 16, from a multiple of 16 on, of one segment, in its order.
// CHECK-LABEL: ashlar.program @floats
// CHECK:         arith.addi %{{.*}}, %c15
// CHECK-NEXT:    %[[BLOCKS:.*]] = arith.divui %{{.*}}, %c16
// CHECK-NEXT:    %[[TILES:.*]] = arith.muli %[[BLOCKS]], %c2
// CHECK-NEXT:    ashlar.phase "append" tiles(%[[TILES]])
// CHECK:           %[[ROWS:.*]] = memref.view %arg1{{.*}} to memref<40x9xi32>
// CHECK:           %[[FIRST:.*]] = arith.muli %{{.*}}, %c16
// CHECK:           memref.load %[[ROWS]][%[[FIRST]], %c1]
// CHECK-COUNT-4:   arith.cmpi eq
// CHECK:           scf.if
// The values are rows, of 16 columns and of 4; 16 entries of the keys become as many lines, and then 4.
// CHECK:             scf.for
// CHECK-COUNT-2:       vector.store {{.*}} : memref<2x256x16xf32>
// CHECK:             }
// CHECK-COUNT-64:    vector.shuffle
// CHECK-COUNT-16:    vector.store {{.*}} : memref<16x20x16xf32>, vector<16xf32>
// CHECK:             vector.shuffle
// CHECK-COUNT-4:     vector.store {{.*}} : memref<16x20x16xf32>, vector<16xf32>
// CHECK-NOT:         vector.store {{.*}} : memref<16x20x16xf32>
// CHECK:           } else {
// CHECK:             memref.store {{.*}} : memref<16x20x16xf32>
func.func @floats(%h: tensor<?x40xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xf32>, tensor<?x2x20xf32> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x2x20xf32>, tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x20xf32> -> tensor<?x40xf32>
  return %m : tensor<?x40xf32>
}

// -----

// bf16: two values share a line, 32 entries of 16 keys become 16 lines. What is not finite is looked for in both forms.
// CHECK-LABEL: ashlar.program @halves
// CHECK:         ashlar.phase "append"
// CHECK:           scf.if
// CHECK:             scf.for
// CHECK-COUNT-2:       vector.reduction <maxui>
// CHECK:               vector.store {{.*}} : memref<2x128x32xi16>, vector<32xi16>
// CHECK:             }
// CHECK-COUNT-16:    vector.store {{.*}} : memref<16x16x16xi32>, vector<16xi32>
// CHECK-NOT:         vector.store {{.*}} : memref<16x16x16xi32>
// Behind the sequence's last row its step of 32 keys is cleared.
// CHECK:             scf.if
// CHECK:               vector.store %cst{{.*}} : memref<2x128x32xi16>
// CHECK:           } else {
// CHECK:             vector.reduction <maxui>
// CHECK:             memref.store {{.*}} : memref<16x16x16xi32>
// CHECK:             vector.maskedstore {{.*}} : memref<2x128x32xi16>
func.func @halves(%h: tensor<?x40xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xbf16>, tensor<?x2x20xbf16> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x2x20xf32>, tensor<?x2x20xbf16>, tensor<?x2x20xbf16> -> tensor<?x2x20xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x20xf32> -> tensor<?x40xf32>
  return %m : tensor<?x40xf32>
}

// -----

// int8: a scale for each key, so one by one.
// CHECK-LABEL: ashlar.program @bytes
// CHECK:         ashlar.phase "append"
// CHECK-NOT:       vector.shuffle
// CHECK:           vector.reduction <maxsi>
// CHECK-NOT:       vector.shuffle
// CHECK:         ashlar.phase "attention"
func.func @bytes(%h: tensor<?x40xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xi8>, tensor<?x2x20xi8> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x2x20xf32>, tensor<?x2x20xi8>, tensor<?x2x20xi8> -> tensor<?x2x20xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x20xf32> -> tensor<?x40xf32>
  return %m : tensor<?x40xf32>
}
