// A sum and the norm of it become one op.
// RUN: ashlar-opt %s --ashlar-fuse-residual-norm | FileCheck %s
// RUN: ashlar-opt %s --ashlar-fuse-residual-norm --verify-diagnostics --remarks-filter='ashlar-.*' -o /dev/null

ashlar.weight @g [#ashlar.tensor<"g", [8], rows = 0 for 8>] : tensor<8xf32>
ashlar.weight @b [#ashlar.tensor<"b", [8], rows = 0 for 8>] : tensor<8xf32>

// The sum is used before the norm stands, and after it.
// CHECK-LABEL: func.func @sum_is_used
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x8xf32>
// CHECK-NEXT:    %[[SUM:.*]], %[[N:.*]] = ashlar.residual_norm layer_norm %[[X]], %[[Y]] gain @g bias @b epsilon 1.000000e-05 : tensor<?x8xf32>
// CHECK-NEXT:    %[[A:.*]] = ashlar.activate relu %[[SUM]]
// CHECK-NEXT:    return %[[N]], %[[SUM]], %[[A]]
func.func @sum_is_used(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %s = ashlar.add %x, %y : tensor<?x8xf32>
  %a = ashlar.activate relu %s : tensor<?x8xf32>
  // expected-remark @below {{[Passed] fired | Category:ashlar-fuse-residual-norm | Function=sum_is_used | Remark="sum and norm are one residual_norm"}}
  %n = ashlar.norm layer_norm %s gain @g bias @b epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %n, %s, %a : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func.func @declines
// CHECK:         ashlar.residual_norm rms_norm
// CHECK-NEXT:    ashlar.norm rms_norm
// CHECK:         ashlar.add
// CHECK:         ashlar.layers
// CHECK:         ashlar.norm layer_norm
func.func @declines(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %s = ashlar.add %x, %y : tensor<?x8xf32>
  // expected-remark @below {{"sum and norm are one residual_norm"}}
  %n = ashlar.norm rms_norm %s gain @g epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{[Missed] declined | Category:ashlar-fuse-residual-norm | Function=declines | Remark="the sum is fused with another norm"}}
  %m = ashlar.norm rms_norm %s epsilon 1.0e-6 : tensor<?x8xf32> -> tensor<?x8xf32>
  %t = ashlar.add %n, %m : tensor<?x8xf32>
  %r = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-remark @below {{"the sum is computed in another block"}}
    %u = ashlar.norm layer_norm %t gain @g epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %u : tensor<?x8xf32>
  }
  return %n, %m, %r : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// A residual_norm goes over whole rows.
// CHECK-LABEL: func.func @groups
// CHECK:         %[[S:.*]] = ashlar.add
// CHECK-NEXT:    ashlar.norm rms_norm %[[S]] epsilon 1.000000e-05 groups 2
func.func @groups(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %s = ashlar.add %x, %y : tensor<?x8xf32>
  // expected-remark @below {{[Missed] declined | Category:ashlar-fuse-residual-norm | Function=groups | Remark="the norm goes over parts of the row"}}
  %n = ashlar.norm rms_norm %s epsilon 1.0e-5 groups 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %n : tensor<?x8xf32>
}
