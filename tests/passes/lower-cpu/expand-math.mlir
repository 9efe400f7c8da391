// exp, tanh and erf become arithmetic; square roots are instructions already.
// RUN: ashlar-opt %s --ashlar-expand-math | FileCheck %s

// CHECK-LABEL: func.func @expand
// CHECK-NOT:     math.exp
// CHECK-NOT:     math.tanh
// CHECK-NOT:     math.erf
// CHECK:         return
func.func @expand(%x: vector<16xf32>) -> vector<16xf32> {
  %a = math.exp %x : vector<16xf32>
  %b = math.tanh %a : vector<16xf32>
  %c = math.erf %b : vector<16xf32>
  return %c : vector<16xf32>
}

// CHECK-LABEL: func.func @declines
// CHECK:         math.sqrt
func.func @declines(%x: f32) -> f32 {
  %a = math.sqrt %x : f32
  return %a : f32
}
