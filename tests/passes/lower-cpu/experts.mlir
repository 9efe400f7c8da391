// Experts: weights one behind the other, rows behind each other in units, a
// phase for each op whatever the number of experts.
// RUN: ashlar-opt %s --ashlar-choose-precision="precision=int8" --ashlar-place-weights | FileCheck %s --check-prefix=PLACED
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=10 row-tile=8" | FileCheck %s --check-prefix=PLANNED
// RUN: ashlar-opt %s --ashlar-choose-precision="precision=bf16" --ashlar-place-weights --ashlar-plan-arena="max-tokens=10 row-tile=8" | FileCheck %s --check-prefix=UNITS
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=10 row-tile=8" --ashlar-lower-to-program="row-tile=8" | FileCheck %s --check-prefix=PROGRAM

// The router stays float32. Each of the three experts takes 2 panels of 16 x 64
// bytes, their scales and their sums: 2304 bytes.
// PLACED: ashlar.weight @router {{.*}} layout panels at 64{{$}}
// PLACED: ashlar.weight @up {{.*}} experts = 3 encoded <int8> layout panels at 1600{{$}}
// PLACED: ashlar.weight @down {{.*}} experts = 3 encoded <int8> layout panels at 8512{{$}}
// PLACED: ashlar.route
// PLACED: ashlar.experts
// PLACED: %[[I:.*]] = ashlar.convert %{{.*}} : tensor<?x24xf32> -> tensor<?x24xi8>
// PLACED: ashlar.linear %[[I]] weight @up

// 16 rows of a call, each with two experts, in up to three parts of whole
// register tiles: 56 rows. Operands are multiplied in pairs of tiles, 32 rows.
// PLANNED: expert_unit = 8
// PLANNED: ashlar.experts {{.*}} {
// PLANNED: } {ashlar.buffer = #ashlar.buffer<{{.*}}, stride = 32>, buffers = [#ashlar.buffer<{{.*}}, stride = 32>]}
// UNITS: expert_unit = 32

// PROGRAM: ashlar.phase "moe.tokens" tiles(%c3{{.*}})
// PROGRAM: ashlar.barrier
// The tiles of all experts are counted, from the rows of each.
// PROGRAM: scf.for
// PROGRAM: ashlar.phase "moe.rows" tiles(%{{.*}})
// PROGRAM: scf.for
// PROGRAM: ashlar.phase "moe.up" tiles(%{{.*}})
// The expert's index finds its weights: 2 panels of 24 inputs, 3072 bytes.
// PROGRAM: arith.muli %{{.*}}, %c3072
// PROGRAM: } {ashlar.work = {expert_bytes = 9216 : i64, expert_bytes_per_row = 6144 : i64, flops_per_row = 1920 : i64}}
// PROGRAM: ashlar.phase "moe.down" tiles(%{{.*}})
// PROGRAM: ashlar.phase "moe" tiles(%{{.*}})
// PROGRAM-NOT: ashlar.phase
module {
  ashlar.weight @router [#ashlar.tensor<"router", [3, 24], rows = 0 for 3>] : tensor<3x24xf32>
  ashlar.weight @up [#ashlar.tensor<"{expert}.up", [20, 24], rows = 0 for 20>] : tensor<20x24xf32> experts = 3
  ashlar.weight @down [#ashlar.tensor<"{expert}.down", [24, 20], rows = 0 for 24>] : tensor<24x20xf32> experts = 3
  func.func @encoder(%x: tensor<?x24xf32> {ashlar.input = "vectors"}) -> tensor<?x24xf32> attributes {ashlar.stack = 0 : i64} {
    %l = ashlar.linear %x weight @router : tensor<?x24xf32> -> tensor<?x3xf32> loc("router")
    %p = ashlar.route %l top 2 renormalized : tensor<?x3xf32> loc("chosen")
    %y = ashlar.experts %x, %p {
    ^bb0(%r: tensor<?x24xf32>):
      %u = ashlar.linear %r weight @up activation silu : tensor<?x24xf32> -> tensor<?x20xf32> loc("moe.up")
      %d = ashlar.linear %u weight @down : tensor<?x20xf32> -> tensor<?x24xf32> loc("moe.down")
      ashlar.yield %d : tensor<?x24xf32>
    } : tensor<?x24xf32>, tensor<?x3xf32> -> tensor<?x24xf32> loc("moe")
    return %y : tensor<?x24xf32>
  }
}
