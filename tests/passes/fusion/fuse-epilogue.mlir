// An activation and a residual sum go into the linear that they follow.
// RUN: ashlar-opt %s --ashlar-fuse-epilogue | FileCheck %s
// RUN: ashlar-opt %s --ashlar-fuse-epilogue --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

ashlar.weight @w [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32>
ashlar.weight @b [#ashlar.tensor<"b", [8], rows = 0 for 8>] : tensor<8xf32>
ashlar.weight @gu [#ashlar.tensor<"gu", [16, 8], rows = 0 for 16>] : tensor<16x8xf32>

// CHECK-LABEL: func.func @activation_then_residual
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[R:.*]]: tensor<?x8xf32>
// CHECK-NEXT:    %[[Y:.*]] = ashlar.linear %[[X]] weight @w bias @b activation gelu residual %[[R]] : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK-NEXT:    return %[[Y]]
func.func @activation_then_residual(%x: tensor<?x8xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %l = ashlar.linear %x weight @w bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{[Passed] fired | Category:ashlar-fuse-epilogue | Function=activation_then_residual | Remark="the activation is in the epilogue of the linear"}}
  %a = ashlar.activate gelu %l : tensor<?x8xf32>
  // expected-remark @below {{"the sum is in the epilogue of the linear"}}
  %y = ashlar.add %r, %a : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// The residual is computed after the linear: the linear goes to the sum. Of two
// linears the later one takes the sum.
// CHECK-LABEL: func.func @later_residual
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>
// CHECK-NEXT:    %[[R:.*]] = ashlar.norm
// CHECK-NEXT:    %[[Y:.*]] = ashlar.linear %[[X]] weight @w residual %[[R]]
// CHECK-NEXT:    %[[A:.*]] = ashlar.linear %[[Y]] weight @w :
// CHECK-NEXT:    %[[B:.*]] = ashlar.linear %[[Y]] weight @w bias @b residual %[[A]]
// CHECK-NEXT:    return %[[B]]
func.func @later_residual(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %l = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  %r = ashlar.norm rms_norm %x epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the sum is in the epilogue of the linear"}}
  %y = ashlar.add %l, %r : tensor<?x8xf32>
  %a = ashlar.linear %y weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  %b = ashlar.linear %y weight @w bias @b : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the sum is in the epilogue of the linear"}}
  %z = ashlar.add %b, %a : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// Gating comes before the residual.
// CHECK-LABEL: func.func @gated
// CHECK:         ashlar.linear %{{.*}} weight @gu activation silu gated residual %
func.func @gated(%x: tensor<?x8xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %l = ashlar.linear %x weight @gu activation silu gated : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the sum is in the epilogue of the linear"}}
  %y = ashlar.add %l, %r : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @declines
// CHECK-COUNT-3: = ashlar.activate
// CHECK-COUNT-3: = ashlar.add
func.func @declines(%x: tensor<?x8xf32>, %r: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %l0 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{[Missed] declined | Category:ashlar-fuse-epilogue | Function=declines | Remark="the linear's result has other uses"}}
  %0 = ashlar.activate relu %l0 : tensor<?x8xf32>
  %l1 = ashlar.linear %x weight @w activation tanh : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the linear has an activation already"}}
  %1 = ashlar.activate relu %l1 : tensor<?x8xf32>
  %l2 = ashlar.linear %x weight @w residual %r : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the linear has a residual already"}}
  %2 = ashlar.activate relu %l2 : tensor<?x8xf32>

  %l3 = ashlar.linear %x weight @w residual %r : tensor<?x8xf32> : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the linear has a residual already"}}
  %3 = ashlar.add %l3, %1 : tensor<?x8xf32>
  %l4 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{"the linear's result has other uses"}}
  %4 = ashlar.add %l4, %l4 : tensor<?x8xf32>
  %l5 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  %5 = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-remark @below {{"the linear is in another block"}}
    %6 = ashlar.add %a, %l5 : tensor<?x8xf32>
    ashlar.yield %6 : tensor<?x8xf32>
  }
  return %l0, %3, %5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}
