// Memrefs become bare pointers that keep `noalias`.
// RUN: ashlar-opt %s --ashlar-lower-to-llvm | FileCheck %s

// CHECK-LABEL: llvm.func @bare(
// CHECK-SAME:    %{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: i64)
// CHECK-NOT:     unrealized_conversion_cast
// CHECK:         llvm.store
func.func @bare(%m: memref<64xi8> {llvm.noalias}, %i: index) {
  %zero = arith.constant 0 : i8
  memref.store %zero, %m[%i] : memref<64xi8>
  return
}
