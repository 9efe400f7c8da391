// Keys and values kept as int8: their numbers become panels of bf16, segment by segment, or floats in the kernel; their scales go to scores and weights.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vnni tiles" --canonicalize --cse | FileCheck %s --check-prefixes=ALL,TILES
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program --canonicalize --cse | FileCheck %s --check-prefixes=ALL,VECTORS
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vnni tiles" --ashlar-expand-math --ashlar-outline-phases -o /dev/null

// A key of 20 entries takes 32: (256 keys * 32 + 256 keys * 32 (values: whole panels) + 2 * 256 scales * 4) bytes * 2 heads.
// ALL: segment_stride = 36864

// ALL-LABEL: ashlar.program @attend
// ALL:         ashlar.phase "append"
// A key's scale, a value's; then pairs of entries of the key, and bytes of the value.
// ALL:           memref.store {{.*}} : memref<256xf32>
// ALL:           memref.store {{.*}} : memref<256xf32>
// ALL:           math.roundeven
// ALL:           memref.store {{.*}} : memref<16x16x16xi16>
// ALL:           math.roundeven
// ALL:           memref.store {{.*}} : memref<2x128x32xi8>
// Behind the last key of a sequence, scales are zero.
// ALL:           scf.if
// ALL:             scf.for
// ALL-NEXT:          memref.store %{{.*}} : memref<256xf32>
// ALL:         ashlar.phase "attention"
// ALL-DAG:       %[[KEYS:.*]] = memref.alloca() {{.*}} memref<256x64xi8>
// ALL-DAG:       memref.alloca() {{.*}} memref<256x64xi8>
// Two times 16 numbers make a line. A token's few rows take the numbers as they are kept, unless a matrix unit wants bf16.
// VECTORS:       %[[FEW:.*]] = arith.cmpi slt, %{{.*}}, %c17
// VECTORS:       scf.if %[[FEW]] {
// VECTORS-NEXT:  } else {
// ALL:           vector.load {{.*}} : memref<16x16x32xi8>, vector<16xi8>
// ALL-NEXT:      arith.extsi
// ALL-NEXT:      arith.sitofp
// ALL:           vector.store {{.*}} : memref<256x64xi8>, vector<32xi8>
// ALL:           vector.load {{.*}} : memref<2x128x32xi8>, vector<16xi8>
// TILES-COUNT-4: amx.tile_mulf {{.*}} : !amx.tile<16x32xbf16>, !amx.tile<16x32xbf16>, !amx.tile<16x16xf32>
// VECTORS-NOT:   amx
// VECTORS:       scf.if %[[FEW]] {
// VECTORS:         memref.prefetch
// VECTORS:         %[[BYTES:.*]] = vector.load {{.*}} : memref<256x32xi8>, vector<32xi8>
// VECTORS-NEXT:    %[[PAIRS:.*]] = vector.bitcast %[[BYTES]] : vector<32xi8> to vector<16xi16>
// VECTORS:         %[[EVEN:.*]] = arith.shli %[[PAIRS]]
// VECTORS-NEXT:    arith.shrsi %[[EVEN]]
// VECTORS:         vector.fma
// VECTORS:       } else {
// VECTORS-NOT:     memref.prefetch
// VECTORS:         vector.load {{.*}} : memref<256x64xi8>, vector<64xi8>
// VECTORS:         vector.fma
// Scores times the keys' scales, weights times the values'.
// ALL:           %[[SCORES:.*]] = vector.load {{.*}} : memref<32x272xf32>
// ALL:           %[[SCALES:.*]] = vector.load {{.*}} : memref<256xf32>
// ALL:           arith.mulf %[[SCORES]], %[[SCALES]]
// ALL:         } {ashlar.precision = "bf16", ashlar.work = {bytes_per_key = 96 : i64, flops_per_key = 160 : i64}}
func.func @attend(%h: tensor<?x40xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xi8>, tensor<?x2x20xi8> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x2x20xf32>, tensor<?x2x20xi8>, tensor<?x2x20xi8> -> tensor<?x2x20xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x20xf32> -> tensor<?x40xf32>
  return %m : tensor<?x40xf32>
}
