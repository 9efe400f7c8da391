// Each op becomes a phase with a barrier behind it, a loop over layers a loop.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2" --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=4" --ashlar-lower-to-program="row-tile=4 panel-tile=2 prefetch-lines=9" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=NEAR
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8" --ashlar-lower-to-program --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// A single row's weights are fetched as many lines ahead as the target says.
// NEAR-LABEL: ashlar.program @decoder
// NEAR:         %[[LINES:.*]] = arith.constant 9 : index
// NEAR:         ashlar.phase "proj"
// NEAR:           %[[LATER:.*]] = arith.addi %{{.*}}, %[[LINES]] : index
// NEAR:           %[[JUMP:.*]] = arith.select
// NEAR:           %[[PLACE:.*]] = arith.addi %[[LATER]], %[[JUMP]]
// NEAR-NEXT:      memref.prefetch %{{.*}}[%{{.*}}, %[[PLACE]], %{{.*}}], read, locality<3>

// 40 outputs are three panels: a tile of two and a tile of one.
// CHECK-LABEL: ashlar.program @decoder
// CHECK-DAG:     %[[C2:.*]] = arith.constant 2 : index
// Work of a call: a row of 48 floats of the table, 40 x 40 multiply-adds and the
// weights of three panels.
// CHECK:         ashlar.phase "embed"
// CHECK:         } {ashlar.work = {bytes_per_row = 192 : i64}}
// CHECK:         ashlar.barrier
// CHECK:         scf.for %[[LAYER:.*]] =
// CHECK:           ashlar.phase "proj" tiles(%[[C2]])
// The layer's weights lie one stride further for each layer.
// CHECK:             arith.muli %[[LAYER]]
// Decode and prefill: one row, or register tiles of 4 x 2 and 4 x 1.
// CHECK:             scf.if
// CHECK:               memref.prefetch
// CHECK:             } else {
// CHECK-COUNT-8:       vector.fma
// CHECK:               scf.if
// CHECK-COUNT-4:         vector.fma
// CHECK-NOT:             vector.fma
// CHECK:             } {ashlar.work = {flops_per_row = 3200 : i64, weight_bytes = 7680 : i64}}
// CHECK:           ashlar.barrier
// CHECK:           ashlar.phase "norm"
// CHECK:             math.sqrt
ashlar.weight @t [#ashlar.tensor<"t", [5, 40], rows = 0 for 5>] : tensor<5x40xf32>
ashlar.weight @w [#ashlar.tensor<"{layer}.w", [40, 40], rows = 0 for 40>] : tensor<40x40xf32> layers = [0, 2]
func.func @decoder(%ids: tensor<?xi32> {ashlar.input = "ids"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.embedding %ids table @t : tensor<?xi32> -> tensor<?x40xf32> loc("embed")
  %y = ashlar.layers "l" [0, 2] (%x : tensor<?x40xf32>) {
  ^bb0(%c: tensor<?x40xf32>):
    %a = ashlar.linear %c weight @w : tensor<?x40xf32> -> tensor<?x40xf32> loc("proj")
    %n = ashlar.norm rms_norm %a epsilon 1.0e-5 : tensor<?x40xf32> -> tensor<?x40xf32> loc("norm")
    ashlar.yield %n : tensor<?x40xf32>
  }
  return %y : tensor<?x40xf32>
}

// -----

// Blocks that take turns: a turn has the phases of both, each with the stride of
// its own weights; keys of the second part's layers lie behind each other. Those
// of cross-attention lie by the layer's index, 2 * turn + 2: what one entry stores
// another one reads.
// CHECK-LABEL: ashlar.program @turns
// CHECK:         scf.for %[[TURN:.*]] = %c0 to %c3 step
// CHECK:           ashlar.phase "first"
// CHECK:           ashlar.phase "second"
// CHECK:           ashlar.phase "append"
// CHECK:             arith.muli %[[TURN]], %c655360 :
// CHECK:           ashlar.phase "source"
// CHECK:             %[[TURNS:.*]] = arith.muli %[[TURN]], %c163840 :
// CHECK-NEXT:        arith.addi %[[TURNS]], %c2129920 :
// CHECK:         ashlar.barrier
ashlar.weight @f [#ashlar.tensor<"{layer}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [1, 3, 2]
ashlar.weight @s [#ashlar.tensor<"{layer}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [2, 3, 2]
func.func @turns(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %q: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %y = ashlar.layers "l" [1, 6] (%h : tensor<?x8xf32>) {
  ^bb0(%c: tensor<?x8xf32>):
    %a = ashlar.linear %c weight @f : tensor<?x8xf32> -> tensor<?x8xf32> loc("first")
    ashlar.yield %a : tensor<?x8xf32>
  }, {
  ^bb0(%c: tensor<?x8xf32>):
    %a = ashlar.linear %c weight @s : tensor<?x8xf32> -> tensor<?x8xf32> loc("second")
    %i = ashlar.split_heads %a : tensor<?x8xf32> -> tensor<?x2x4xf32>
    %k, %v, %ks = ashlar.kv_append self %i, %i, %q : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32> loc("append")
    %ck, %cv, %cks = ashlar.kv_append cross %i, %i, %q : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32> loc("source")
    ashlar.yield %a : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// Attention never makes the score matrix: its memory is one segment of keys, and
// its loop goes from segment to segment.
// CHECK-LABEL: ashlar.program @attend
// CHECK:         ashlar.phase "append"
// CHECK-NOT:     ashlar.work
// CHECK:         ashlar.phase "attention"
// CHECK-DAG:       memref.alloca() {{.*}} memref<34816xi8>
// CHECK-DAG:       memref.alloca() {{.*}} memref<128x16xf32>
// CHECK:           memref.view {{.*}} to memref<32x272xf32>
// CHECK-NOT:       memref.alloca() {{.*}} memref<{{.*}}512
// CHECK:         } {ashlar.work = {bytes_per_key = 64 : i64, flops_per_key = 32 : i64}}
func.func @attend(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}

// -----

// What goes over numbers one by one, parts of rows, and pairs of neighbours.
// CHECK-LABEL: ashlar.program @rows
// CHECK-DAG:     %[[QUARTER:.*]] = arith.constant dense<2.500000e-01> : vector<16xf32>
// CHECK-DAG:     %[[LESS:.*]] = arith.constant dense<3.125000e-02> : vector<16xf32>
// CHECK-DAG:     %[[CAP:.*]] = arith.constant dense<3.200000e+01> : vector<16xf32>
// CHECK:         ashlar.phase "scaled"
// CHECK:           arith.mulf %{{.*}}, %[[QUARTER]]
// CHECK:         ashlar.phase "capped"
// CHECK:           %[[SMALL:.*]] = arith.mulf %{{.*}}, %[[LESS]]
// CHECK:           %[[TANH:.*]] = math.tanh %[[SMALL]]
// CHECK:           arith.mulf %[[TANH]], %[[CAP]]
// Each group of 20 features by itself, with the same gain.
// CHECK:         ashlar.phase "norm"
// CHECK:           %[[GAIN:.*]] = memref.view {{.*}} to memref<48xf32>
// CHECK:           scf.for %[[GROUP:.*]] = %c0 to %c40 step %c20 {
// CHECK:             vector.load %{{.*}}, %[[GROUP]]] : memref<8x48xf32>
// CHECK:             math.sqrt
// CHECK:             vector.load %[[GAIN]][%c0]
// CHECK:             vector.store {{.*}}, %[[GROUP]]] : memref<8x48xf32>
// Times the cosines, plus the neighbours times the sines behind them.
// CHECK:         ashlar.phase "rotary"
// CHECK:           %[[TABLE:.*]] = memref.view {{.*}} to memref<12x16xf32>
// CHECK:           %[[OTHERS:.*]] = vector.shuffle %[[X:.*]], %[[X]] [1, 0, 3, 2,
// CHECK:           %[[COSINES:.*]] = vector.maskedload %[[TABLE]][%{{.*}}, %c0]
// CHECK:           %[[SINES:.*]] = vector.maskedload %[[TABLE]][%{{.*}}, %c8]
// CHECK-DAG:       %[[A:.*]] = arith.mulf %[[X]], %[[COSINES]]
// CHECK-DAG:       %[[B:.*]] = arith.mulf %[[OTHERS]], %[[SINES]]
// CHECK:           arith.addf %[[A]], %[[B]]
#neighbours = #ashlar.rotary<8 interleaved = true, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0>
ashlar.weight @g [#ashlar.tensor<"g", [20], rows = 0 for 20>] : tensor<20xf32>
ashlar.weight @angles [#ashlar.rotary_table<#neighbours, 12>] : tensor<12x16xf32>
func.func @rows(%x: tensor<?x40xf32> {ashlar.input = "vectors"}, %p: tensor<?xi32> {ashlar.input = "positions"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.scale %x by 0.25 : tensor<?x40xf32> loc("scaled")
  %b = ashlar.soft_cap %a at 32.0 : tensor<?x40xf32> loc("capped")
  %n = ashlar.norm rms_norm %b gain @g epsilon 1.0e-5 groups 2 : tensor<?x40xf32> -> tensor<?x40xf32> loc("norm")
  %h = ashlar.split_heads %n : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %r = ashlar.rotary %h, %p by #neighbours table @angles : tensor<?x2x20xf32>, tensor<?xi32> loc("rotary")
  %m = ashlar.merge_heads %r : tensor<?x2x20xf32> -> tensor<?x40xf32>
  return %m : tensor<?x40xf32>
}

// -----

// Before the last convolution there are two rows for each token, and twice the
// work. A row is unfolded tap by tap: copied where it is of the same slot, else
// zeros.
// CHECK-LABEL: ashlar.program @stem
// CHECK-DAG:     %[[C2:.*]] = arith.constant 2 : index
// CHECK-DAG:     %[[C3:.*]] = arith.constant 3 : index
// CHECK:         %[[ROWS:.*]] = arith.muli %{{.*}}, %[[C2]]
// CHECK:         ashlar.phase "first" tiles(%[[ROWS]])
// CHECK:           scf.for {{.*}} to %[[C3]]
// CHECK:             arith.cmpi eq
// CHECK:             arith.cmpi eq
// CHECK:             arith.andi
// CHECK:             scf.if
// CHECK:             } else {
// CHECK:         ashlar.phase "proj"
// CHECK:         } {ashlar.work = {flops_per_row = 768 : i64
// CHECK:         %[[TOKENS:.*]] = arith.index_cast
// CHECK-NEXT:    ashlar.phase "second" tiles(%[[TOKENS]])
ashlar.weight @w [#ashlar.tensor<"w", [8, 8, 3], rows = 0 for 8, convolution = true>] : tensor<8x24xf32>
func.func @stem(%x: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x24xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.unfold %x, %s kernel 3 stride 1 padding 1 per_token 2 : tensor<?x8xf32> -> tensor<?x24xf32> loc("first")
  %b = ashlar.linear %a weight @w : tensor<?x24xf32> -> tensor<?x8xf32> loc("proj")
  %c = ashlar.unfold %b, %s kernel 3 stride 2 padding 1 : tensor<?x8xf32> -> tensor<?x24xf32> loc("second")
  return %c : tensor<?x24xf32>
}

// -----

// Whole turns go away, then what is left is an angle. The length of the row's
// sequence (word 6) chooses the row of frequencies.
// CHECK-LABEL: ashlar.program @lengths
// CHECK:         ashlar.phase "angles"
// CHECK:           %[[LENGTH:.*]] = memref.load %{{.*}}[%{{.*}}, %c8] : memref<8x9xi32>
// CHECK:           arith.maxsi
// CHECK:           arith.minsi
// CHECK:           %[[TURNS:.*]] = arith.mulf
// CHECK:           vector.fma
// CHECK:           %[[WHOLE:.*]] = math.roundeven %[[TURNS]]
// CHECK:           arith.subf %[[TURNS]], %[[WHOLE]]
// CHECK:           math.cos
// CHECK:           math.sin
// Then rows of angles are read by the row itself.
// CHECK:         ashlar.phase "rotary"
// CHECK:           %[[TABLE:.*]] = memref.view {{.*}} to memref<8x16xf32>
// CHECK:         ashlar.phase "clipped"
// CHECK-DAG:       arith.cmpf olt
// CHECK-DAG:       arith.cmpf ogt
#dynamic = #ashlar.rotary<8, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 4>
ashlar.weight @frequencies [#ashlar.rotary_frequencies<#dynamic, 5>] : tensor<5x8xf32>
func.func @lengths(%x: tensor<?x40xf32> {ashlar.input = "vectors"}, %p: tensor<?xi32> {ashlar.input = "positions"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.rotary_angles %p, %s by #dynamic frequencies @frequencies : tensor<?xi32> -> tensor<?x8xf32> loc("angles")
  %h = ashlar.split_heads %x : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %r = ashlar.rotary %h, %a by #dynamic : tensor<?x2x20xf32>, tensor<?x8xf32> loc("rotary")
  %m = ashlar.merge_heads %r : tensor<?x2x20xf32> -> tensor<?x40xf32>
  %c = ashlar.clip %m at 2.0 : tensor<?x40xf32> loc("clipped")
  return %c : tensor<?x40xf32>
}
