//===- Passes.td - From fused ops to CPU code --------------*- tablegen -*-===//
//
// In the order in which they run.
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def LowerToProgramPass : Pass<"ashlar-lower-to-program", "::mlir::ModuleOp"> {
  let summary = "fused ops on tensors -> phases over tiles with vector bodies";
  let description = [{
    Each entry becomes an `ashlar.program`; each op a phase, with a barrier between
    phases; each `ashlar.layers` a loop over the layers that shifts the weights' and
    the cache's offsets. Views cost nothing.

    ```mlir
    %y = ashlar.linear %x weight @w {buffers = [...]} : ...
    // becomes
    ashlar.phase "decoder.layers.*.fc1" tiles(%groups) { ^bb0(%begin, %end: index): ... }
    ashlar.barrier
    ```
  }];
  let options = [
    Option<"rowTile", "row-tile", "int64_t", "8", "rows of a register tile">,
    Option<"panelTile", "panel-tile", "int64_t", "3",
           "panels of 16 columns of a register tile">,
    Option<"vectorBits", "vector-bits", "int64_t", "512",
           "bits of a vector register">,
    Option<"tilePrefetchLines", "tile-prefetch-lines", "int64_t", "16",
           "lines of each panel that a register tile of many rows fetches "
           "ahead; 0: none">,
    Option<"prefetchLines", "prefetch-lines", "int64_t", "24",
           "lines of each stream of weights that a token's layers fetch ahead">,
    Option<"vnni", "vnni", "bool", "false", "the target has AVX-512 VNNI">,
    Option<"tiles", "tiles", "bool", "false", "the target has AMX">,
  ];
  let dependentDialects = [
    "::ashlar::ir::AshlarDialect", "::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::amx::AMXDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandMathPass : Pass<"ashlar-expand-math"> {
  let summary = "exp, tanh, erf -> polynomials in vector code";
  let description = [{
    Upstream's polynomial approximations. Artifacts call no math function.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def OutlinePhasesPass : Pass<"ashlar-outline-phases", "::mlir::ModuleOp"> {
  let summary = "programs -> one worker function each, phases -> private functions";
  let description = [{
    What a phase uses from outside becomes its function's arguments. The worker holds
    calls, barriers and the loops over layers. A phase is cut into parts, several for
    each worker, and a worker that is free takes the next one: a slow core holds nobody
    up. Which worker computes a tile changes nothing in its bits.

    ```mlir
    func.func @decoder(%weights, %arena, %cache, %team, %worker, %workers) {
      // while ((part = ashlar_take(team)) < parts)
      call @"decoder.embed"(%begin_of_part, %end_of_part, %arena, %weights)
      call @ashlar_barrier(%team)
      ...
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect"];
}

def LowerToLlvmPass : Pass<"ashlar-lower-to-llvm", "::mlir::ModuleOp"> {
  let summary = "everything -> the LLVM dialect, memrefs as bare pointers";
  let description = [{
    Upstream's conversion patterns in one conversion, with bare pointers for memref
    arguments: `convert-to-llvm` would make seven parameters of each and lose
    `llvm.noalias`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}
