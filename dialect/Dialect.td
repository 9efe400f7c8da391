//===- Dialect.td - The ashlar dialect ---------------------*- tablegen -*-===//

#ifndef ASHLAR_DIALECT_DIALECT_TD
#define ASHLAR_DIALECT_DIALECT_TD

include "mlir/IR/OpBase.td"

def Ashlar_Dialect : Dialect {
  let name = "ashlar";
  let cppNamespace = "::ashlar::ir";
  let summary = "Transformer blocks, from the textbook graph to phases over tiles";
  let description = [{
    Three levels share this dialect. The *graph* level says what a textbook says:
    linear, scores, softmax, mix. The *fused* level has one op per kernel. Both
    work on tensors `[tokens, features]` or `[tokens, heads, head_dim]` of a ragged
    batch. The *program* level holds phases over tiles whose bodies are in the
    `vector`, `memref`, `arith` and `scf` dialects.

    Weights are symbols bound to named tensors of the checkpoint; their numbers
    are never part of the IR. The constraints of every op are numbered in SPEC.md.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = "void registerAttributes();";
  let useDefaultTypePrinterParser = 1;
}

#endif // ASHLAR_DIALECT_DIALECT_TD
