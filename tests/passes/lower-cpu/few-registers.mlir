// Where registers are few, a kernel's sums stay in them: wide tiles go panel by panel, parts of the inputs one after the other.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=12 row-tile=6" --ashlar-lower-to-program="row-tile=6 panel-tile=1 vector-bits=256 tile-prefetch-lines=0 prefetch-lines=8" --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=ALL,FEW
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=12 row-tile=8" --ashlar-lower-to-program --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=ALL,MANY
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=12 row-tile=6" --ashlar-lower-to-program="row-tile=6 panel-tile=1 vector-bits=256" --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// The sums of a gate panel and its up panel wait on the stack, bias included; each panel's kernel fetches its own of the next unit.
// ALL-LABEL: ashlar.program @gated
// ALL:         ashlar.phase "gate"
// FEW:           memref.alloca() {{.*}} : memref<6x2x16xf32>
// FEW:           scf.if
// FEW:           } else {
// FEW:             vector.store %{{.*}}, %[[KEPT:[a-z_0-9]+]][%c0, %c0, %c0]
// FEW-COUNT-11:    vector.store %{{.*}}, %[[KEPT]][
// FEW-NEXT:        scf.for %[[PANEL:.*]] = %c0 to %c2 step %c1 {
// FEW-COUNT-6:       vector.load %[[KEPT]][{{.*}}, %[[PANEL]], %c0]
// FEW:               arith.addi %{{.*}}, %[[PANEL]]
// FEW:               memref.prefetch
// FEW-NOT:           memref.prefetch
// FEW-COUNT-6:       vector.fma
// FEW-NOT:           vector.fma
// FEW-COUNT-6:       vector.store %{{.*}}, %[[KEPT]][{{.*}}, %[[PANEL]], %c0]
// FEW:             }
// MANY:          scf.if
// Wide registers' kernel fetches the lines that it comes to into L1.
// MANY:          } else {
// MANY:            memref.prefetch {{.*}} locality<2>
// MANY:            %[[NEAR:.*]] = arith.addi %[[K:.*]], %c16 : index
// MANY-NEXT:       arith.cmpi slt, %[[NEAR]], %c40
// MANY:            memref.prefetch %[[PANELS:.*]][%[[PANEL:[0-9]+]], %{{.*}}, %c0], read, locality<3>
// MANY:            memref.prefetch {{.*}} locality<3>
// MANY-NOT:        memref.prefetch
// MANY:            vector.load %[[PANELS]][%[[PANEL]], %[[K]], %c0]
// MANY-COUNT-16:   vector.fma
// MANY-NOT:        vector.fma
ashlar.weight @w [#ashlar.tensor<"w", [64, 40], rows = 0 for 64>] : tensor<64x40xf32>
ashlar.weight @b [#ashlar.tensor<"b", [64], rows = 0 for 64>] : tensor<64xf32>
func.func @gated(%h: tensor<?x40xf32> {ashlar.input = "vectors"}) -> tensor<?x32xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.linear %h weight @w bias @b activation silu gated : tensor<?x40xf32> -> tensor<?x32xf32> loc("gate")
  return %a : tensor<?x32xf32>
}

// -----

// bf16: chains of the even inputs, then chains of the odd ones, where there are more than one row. Rows come into the tile's form once for all panels, and all parts of the phase.
// ALL-LABEL: ashlar.program @chains
// ALL:         ashlar.phase "proj"
// ALL:           %[[LOADED:.*]] = memref.alloca() {alignment = 64 : i64, ashlar.zero} : memref<1xindex>
// ALL:           %[[BEFORE:.*]] = memref.load %[[LOADED]][%c0]
// ALL:           arith.cmpi ne, %[[BEFORE]], %c1
// FEW:           scf.if
// FEW:           } else {
// FEW:             scf.for {{.*}} step %{{.*}} {
// FEW:               scf.for {{.*}} step %c4 {
// FEW:                 vector.store
// FEW:                 scf.for
// FEW:                   scf.for {{.*}} step %c16
// FEW:                     scf.for
// FEW-COUNT-4:               vector.fma
// FEW-NOT:                   vector.fma
// FEW:                     scf.for
// FEW-COUNT-4:               vector.fma
// FEW-NOT:                   vector.fma
// FEW:                     arith.addf
// MANY:          scf.if
// MANY:          } else {
// MANY:            scf.for {{.*}} step %c16
// MANY:              scf.for
// MANY-COUNT-24:       vector.fma
// MANY-NOT:            vector.fma
// MANY:              scf.for
// MANY-COUNT-24:       vector.fma
// MANY-NOT:            vector.fma
// MANY:              arith.addf
ashlar.weight @w [#ashlar.tensor<"w", [48, 40], rows = 0 for 48>] : tensor<48x40xf32> encoded <bf16>
func.func @chains(%h: tensor<?x40xf32> {ashlar.input = "vectors"}) -> tensor<?x48xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.convert %h : tensor<?x40xf32> -> tensor<?x40xbf16>
  %0 = ashlar.linear %a weight @w : tensor<?x40xbf16> -> tensor<?x48xf32> loc("proj")
  return %0 : tensor<?x48xf32>
}

// -----

// int8: 16 lines of a panel with one half of the inputs, then with the other. A single row takes both at once.
// ALL-LABEL: ashlar.program @sums
// ALL:         ashlar.phase "proj"
// FEW:           scf.if
// FEW-COUNT-8:     llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// FEW:           } else {
// FEW:                   scf.for {{.*}} step %c16
// FEW:                     scf.for
// FEW-COUNT-12:              llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// FEW-NOT:                   llvm.call_intrinsic
// FEW:                       scf.yield
// FEW:                     scf.for
// FEW-COUNT-12:              llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// FEW-NOT:                   llvm.call_intrinsic
// FEW:                       scf.yield
// MANY:          } else {
// MANY-COUNT-48:           llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// MANY-NOT:                llvm.call_intrinsic
// MANY:                    scf.yield
ashlar.weight @w [#ashlar.tensor<"w", [48, 200], rows = 0 for 48>] : tensor<48x200xf32> encoded <int8>
func.func @sums(%h: tensor<?x200xf32> {ashlar.input = "vectors"}) -> tensor<?x48xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.convert %h : tensor<?x200xf32> -> tensor<?x200xi8>
  %0 = ashlar.linear %a weight @w : tensor<?x200xi8> -> tensor<?x48xf32> loc("proj")
  return %0 : tensor<?x48xf32>
}

// -----

// int4: sums of 16 bits over four lines, which take no more, then sums of 32.
// ALL-LABEL: ashlar.program @nibbles
// ALL:         ashlar.phase "proj"
// ALL:           } else {
// FEW:             scf.for
// FEW:               scf.for {{.*}} step %c4
// FEW:                 scf.for {{.*}} -> (vector<32xi16>, vector<32xi16>, vector<32xi16>, vector<32xi16>)
// FEW-COUNT-16:          llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// FEW-NOT:               llvm.call_intrinsic
// FEW:                   scf.yield
// FEW-COUNT-8:         llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// FEW-NOT:             llvm.call_intrinsic
// FEW:                 scf.yield
// MANY:                scf.for {{.*}} step %c4
// MANY-COUNT-48:         llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"
// MANY-NOT:              llvm.call_intrinsic
// MANY:                  scf.yield
// MANY-COUNT-24:       llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
ashlar.weight @w [#ashlar.tensor<"w", [48, 200], rows = 0 for 48>] : tensor<48x200xf32> encoded <int4, group = 64>
func.func @nibbles(%h: tensor<?x200xf32> {ashlar.input = "vectors"}) -> tensor<?x48xf32> attributes {ashlar.stack = 0} {
  %a = ashlar.convert %h group 64 : tensor<?x200xf32> -> tensor<?x200xi8>
  %0 = ashlar.linear %a weight @w : tensor<?x200xi8> -> tensor<?x48xf32> loc("proj")
  return %0 : tensor<?x48xf32>
}
