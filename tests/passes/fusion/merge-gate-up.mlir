// The gate and the up projection become one gated linear.
// RUN: ashlar-opt %s --ashlar-merge-gate-up --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-merge-gate-up --split-input-file --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

// The gate's rows come first, whichever linear stands first and on whichever
// side of the product the activation is.
// CHECK-NOT: ashlar.weight @mlp.gate
// CHECK:     ashlar.weight @mlp.gate_up [#ashlar.tensor<"gate", [6, 8], rows = 0 for 6>, #ashlar.tensor<"up", [6, 8], rows = 0 for 6>] : tensor<12x8xf32>
// CHECK:     ashlar.weight @mlp.gate_up.bias [#ashlar.zeros<6>, #ashlar.tensor<"upb", [6], rows = 0 for 6>] : tensor<12xf32>
// CHECK-NOT: ashlar.weight
// CHECK-LABEL: func.func @fuse
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>
// CHECK-NEXT:    %[[Y:.*]] = ashlar.linear %[[X]] weight @mlp.gate_up bias @mlp.gate_up.bias activation silu gated : tensor<?x8xf32> -> tensor<?x6xf32>
// CHECK-NEXT:    return %[[Y]]
ashlar.weight @mlp.gate [#ashlar.tensor<"gate", [6, 8], rows = 0 for 6>] : tensor<6x8xf32>
ashlar.weight @mlp.up [#ashlar.tensor<"up", [6, 8], rows = 0 for 6>] : tensor<6x8xf32>
ashlar.weight @mlp.up.b [#ashlar.tensor<"upb", [6], rows = 0 for 6>] : tensor<6xf32>
func.func @fuse(%x: tensor<?x8xf32>) -> tensor<?x6xf32> {
  %u = ashlar.linear %x weight @mlp.up bias @mlp.up.b : tensor<?x8xf32> -> tensor<?x6xf32>
  %g = ashlar.linear %x weight @mlp.gate : tensor<?x8xf32> -> tensor<?x6xf32>
  %a = ashlar.activate silu %g : tensor<?x6xf32>
  // expected-remark @below {{[Passed] fired | Category:ashlar-merge-gate-up | Function=fuse | Remark="gate and up projection are one gated linear"}}
  %y = ashlar.multiply %u, %a : tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// -----

// CHECK-LABEL: func.func @declines
// CHECK-NOT:     gated
ashlar.weight @a [#ashlar.tensor<"a", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @b [#ashlar.tensor<"b", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @c [#ashlar.tensor<"c", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @l [#ashlar.tensor<"{layer}.l", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 2]
ashlar.weight @m [#ashlar.tensor<"m", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @n [#ashlar.tensor<"n", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @o [#ashlar.tensor<"o", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
func.func @declines(%x: tensor<?x8xf32>, %z: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %g0 = ashlar.linear %x weight @a : tensor<?x8xf32> -> tensor<?x8xf32>
  %a0 = ashlar.activate silu %g0 : tensor<?x8xf32>
  %u0 = ashlar.linear %z weight @b : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{[Missed] declined | Category:ashlar-merge-gate-up | Function=declines | Remark="gate and up projection read different inputs"}}
  %0 = ashlar.multiply %a0, %u0 : tensor<?x8xf32>

  %g1 = ashlar.linear %x weight @a : tensor<?x8xf32> -> tensor<?x8xf32>
  %a1 = ashlar.activate silu %g1 : tensor<?x8xf32>
  %u1 = ashlar.linear %x weight @b : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"an intermediate result has other uses"}}
  %1 = ashlar.multiply %a1, %u1 : tensor<?x8xf32>

  %g2 = ashlar.linear %x weight @a : tensor<?x8xf32> -> tensor<?x8xf32>
  %a2 = ashlar.activate silu %g2 : tensor<?x8xf32>
  %u2 = ashlar.linear %x weight @c : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"@a has other uses"}}
  %2 = ashlar.multiply %a2, %u2 : tensor<?x8xf32>

  %y = ashlar.layers "h" [0, 2] (%x : tensor<?x8xf32>) {
  ^bb0(%b: tensor<?x8xf32>):
    %g3 = ashlar.linear %b weight @l : tensor<?x8xf32> -> tensor<?x8xf32>
    %a3 = ashlar.activate silu %g3 : tensor<?x8xf32>
    %u3 = ashlar.linear %b weight @m : tensor<?x8xf32> -> tensor<?x8xf32>
    // expected-remark @below {{"@m and @l are of different layers"}}
    %3 = ashlar.multiply %a3, %u3 : tensor<?x8xf32>
    ashlar.yield %3 : tensor<?x8xf32>
  }

  %g4 = ashlar.linear %x weight @n : tensor<?x8xf32> -> tensor<?x8xf32>
  %a4 = ashlar.activate silu %g4 : tensor<?x8xf32>
  %u4 = ashlar.linear %x weight @o activation relu : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the linear has an epilogue"}}
  %4 = ashlar.multiply %a4, %u4 : tensor<?x8xf32>
  return %u1, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Of experts, each expert's gate lies on its own up projection.
// CHECK:     ashlar.weight @gate_up [#ashlar.tensor<"{expert}.gate", [6, 8], rows = 0 for 6>, #ashlar.tensor<"{expert}.up", [6, 8], rows = 0 for 6>] : tensor<12x8xf32> experts = 3
// CHECK-LABEL: func.func @experts
// CHECK:         ^bb0(%[[R:.*]]: tensor<?x8xf32>):
// CHECK-NEXT:    ashlar.linear %[[R]] weight @gate_up activation silu gated : tensor<?x8xf32> -> tensor<?x6xf32>
ashlar.weight @gate [#ashlar.tensor<"{expert}.gate", [6, 8], rows = 0 for 6>] : tensor<6x8xf32> experts = 3
ashlar.weight @up [#ashlar.tensor<"{expert}.up", [6, 8], rows = 0 for 6>] : tensor<6x8xf32> experts = 3
func.func @experts(%x: tensor<?x8xf32>, %p: tensor<?x3xf32>) -> tensor<?x6xf32> {
  %e = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    %g = ashlar.linear %r weight @gate : tensor<?x8xf32> -> tensor<?x6xf32>
    %u = ashlar.linear %r weight @up : tensor<?x8xf32> -> tensor<?x6xf32>
    %a = ashlar.activate silu %g : tensor<?x6xf32>
    // expected-remark @below {{[Passed] fired | Category:ashlar-merge-gate-up | Function=experts | Remark="gate and up projection are one gated linear"}}
    %y = ashlar.multiply %a, %u : tensor<?x6xf32>
    ashlar.yield %y : tensor<?x6xf32>
  } : tensor<?x8xf32>, tensor<?x3xf32> -> tensor<?x6xf32>
  return %e : tensor<?x6xf32>
}

// -----

// What all experts have in common is not stacked on what each has.
// CHECK-LABEL: func.func @common
// CHECK-NOT:     gated
ashlar.weight @gate [#ashlar.tensor<"gate", [6, 8], rows = 0 for 6>] : tensor<6x8xf32>
ashlar.weight @up [#ashlar.tensor<"{expert}.up", [6, 8], rows = 0 for 6>] : tensor<6x8xf32> experts = 3
func.func @common(%x: tensor<?x8xf32>, %p: tensor<?x3xf32>) -> tensor<?x6xf32> {
  %e = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    %g = ashlar.linear %r weight @gate : tensor<?x8xf32> -> tensor<?x6xf32>
    %u = ashlar.linear %r weight @up : tensor<?x8xf32> -> tensor<?x6xf32>
    %a = ashlar.activate silu %g : tensor<?x6xf32>
    // expected-remark @below {{"@up and @gate are of different experts"}}
    %y = ashlar.multiply %a, %u : tensor<?x6xf32>
    ashlar.yield %y : tensor<?x6xf32>
  } : tensor<?x8xf32>, tensor<?x3xf32> -> tensor<?x6xf32>
  return %e : tensor<?x6xf32>
}
