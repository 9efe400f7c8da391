// Keys and values of bf16: matrix tiles where the target has them, register tiles with the same arithmetic elsewhere.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vnni tiles" --canonicalize --cse | FileCheck %s --check-prefixes=ALL,TILES
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program --canonicalize --cse | FileCheck %s --check-prefixes=ALL,VECTORS
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vector-bits=256" --canonicalize --cse | FileCheck %s --check-prefixes=ALL,HALVES
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8 row-tile=8" --ashlar-lower-to-program="vnni tiles" --ashlar-expand-math --ashlar-outline-phases -o /dev/null

// A key of 20 entries takes 32: 256 keys * 32 + 256 keys * 32 (values: whole panels) * 2 bytes * 2 heads.
// ALL: segment_stride = 65536

// ALL-LABEL: ashlar.program @attend
// ALL:         ashlar.phase "append"
// Key by key: words of two entries, and halves of words of two values.
// ALL:           vector.maskedstore {{.*}} : memref<2x128x32xi16>, vector<32xi1>, vector<32xi16>
// ALL:         ashlar.phase "attention"
// Queries as operand rows; scores, and in their place the weights.
// ALL-DAG:       memref.alloca() {{.*}} memref<128x64xi8>
// ALL-DAG:       %[[SCORES:.*]] = memref.alloca() {{.*}} memref<34816xi8>
// ALL:           memref.view %[[SCORES]]{{.*}} to memref<32x272xf32>
// ALL:           memref.view %[[SCORES]]{{.*}} to memref<544x64xi8>
// TILES:         memref.prefetch
// TILES-COUNT-4: amx.tile_mulf {{.*}} : !amx.tile<16x32xbf16>, !amx.tile<16x32xbf16>, !amx.tile<16x16xf32>
// VECTORS-NOT:   amx
// Where the keys come from further away, a line is fetched ahead in each step.
// VECTORS:       memref.prefetch
// VECTORS:       vector.fma
// What was summed is scaled by factors, computed for 16 rows; then weights of two
// vectors of 16 keys at once. Fraction and power are an instruction each where
// registers have 512 bits, and so is the conversion of both on AMX's CPUs.
// TILES:         vector.store {{.*}} : memref<32xf32>
// TILES:         scf.for {{.*}} step %c32
// TILES:           llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"
// TILES:           %[[LOW:.*]] = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// TILES:           %[[HIGH:.*]] = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// TILES:           llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%[[HIGH]], %[[LOW]])
// VECTORS:       scf.for {{.*}} step %c32
// VECTORS:         llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// VECTORS-NOT:     bf16.512
// VECTORS:         vector.shuffle {{.*}} : vector<16xi16>, vector<16xi16>
// HALVES-NOT:    avx512
// HALVES:        arith.shli %{{.*}} : vector<16xi32>
// No function for the exponential: it is short and its own.
// ALL-NOT:       math.exp
// ALL:         } {ashlar.precision = "bf16", ashlar.work = {bytes_per_key = 160 : i64, flops_per_key = 160 : i64}}
func.func @attend(%h: tensor<?x40xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x40xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x40xf32> -> tensor<?x2x20xf32>
  %k, %v, %ks = ashlar.kv_append self %i, %i, %s : tensor<?x2x20xf32>, tensor<?x2x20xf32> -> tensor<?x2x20xbf16>, tensor<?x2x20xbf16> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x2x20xf32>, tensor<?x2x20xbf16>, tensor<?x2x20xbf16> -> tensor<?x2x20xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x2x20xf32> -> tensor<?x40xf32>
  return %m : tensor<?x40xf32>
}
