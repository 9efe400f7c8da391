// int4 on AMX: numbers become bytes, a group's exact sums leave the tiles for FMA chains. Without AMX: register tiles.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=40 row-tile=16" --ashlar-lower-to-program="vnni tiles" --canonicalize --cse | FileCheck %s --check-prefixes=ALL,TILES
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=40 row-tile=16" --ashlar-lower-to-program="vnni" --canonicalize --cse | FileCheck %s --check-prefixes=ALL,VECTORS
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=40 row-tile=16" --ashlar-lower-to-program="vnni tiles" --ashlar-expand-math --ashlar-outline-phases -o /dev/null

ashlar.weight @w32 [#ashlar.tensor<"p", [20, 70], rows = 0 for 20>] : tensor<20x70xf32> encoded <int4, group = 32>
ashlar.weight @w128 [#ashlar.tensor<"q", [6, 5000], rows = 0 for 6>] : tensor<6x5000xf32> encoded <int4, group = 128, zero_points = true>

// ALL-LABEL: ashlar.program @groups
func.func @groups(%x: tensor<?x70xf32> {ashlar.input = "vectors"}, %y: tensor<?x5000xf32> {ashlar.input = "vectors"}) -> (tensor<?x20xf32>, tensor<?x3xf32>) attributes {ashlar.stack = 0} {
  %a = ashlar.convert %x group 32 : tensor<?x70xf32> -> tensor<?x70xi8>
  %b = ashlar.convert %y group 128 : tensor<?x5000xf32> -> tensor<?x5000xi8>
  // A group of 32 is half a line; all of the 128 padded inputs are expanded at once: 32 lines of four.
  // ALL:         ashlar.phase "of32"
  // TILES-DAG:     memref.alloca() {{.*}} memref<32x64xi8>
  // TILES-DAG:     memref.alloca() {{.*}} memref<1x64x16xf32>
  // TILES:         amx.tile_load {{.*}} into !amx.tile<16x32xi8>
  // TILES:         amx.tile_load {{.*}} into !amx.tile<8x64xi8>
  // TILES:         amx.tile_muli {{.*}} : !amx.tile<16x32xi8>, !amx.tile<8x64xi8>, !amx.tile<16x16xi32>
  // TILES:         amx.tile_store
  // TILES-COUNT-16: vector.fma
  // VECTORS:       vector.fma
  %0 = ashlar.linear %a weight @w32 : tensor<?x70xi8> -> tensor<?x20xf32> loc("of32")
  // Parts of 2048 inputs; gate and up have sums of their own.
  // ALL:         ashlar.phase "of128"
  // TILES-DAG:     memref.alloca() {{.*}} memref<512x64xi8>
  // TILES-DAG:     memref.alloca() {{.*}} memref<2x64x16xf32>
  // TILES:         amx.tile_muli {{.*}} : !amx.tile<16x64xi8>, !amx.tile<16x64xi8>, !amx.tile<16x16xi32>
  // VECTORS-NOT:   amx
  %1 = ashlar.linear %b weight @w128 activation silu gated : tensor<?x5000xi8> -> tensor<?x3xf32> loc("of128")
  return %0, %1 : tensor<?x20xf32>, tensor<?x3xf32>
}
