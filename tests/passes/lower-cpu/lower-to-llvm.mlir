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

// Marked tile loads pass by L1.
// CHECK-LABEL: llvm.func @stream(
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloaddt164.internal"(
// CHECK-NOT:     ashlar.stream
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(
func.func @stream(%m: memref<64x64xi8>, %o: memref<16x16xf32>, %i: index) {
  %zero = amx.tile_zero : !amx.tile<16x16xf32>
  %a = amx.tile_load %m[%i, %i] {ashlar.stream} : memref<64x64xi8> into !amx.tile<16x32xbf16>
  %b = amx.tile_load %m[%i, %i] : memref<64x64xi8> into !amx.tile<16x32xbf16>
  %c = amx.tile_mulf %a, %b, %zero : !amx.tile<16x32xbf16>, !amx.tile<16x32xbf16>, !amx.tile<16x16xf32>
  amx.tile_store %o[%i, %i], %c : memref<16x16xf32>, !amx.tile<16x16xf32>
  return
}
