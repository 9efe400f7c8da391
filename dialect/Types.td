//===- Types.td - Types of the ashlar dialect --------------*- tablegen -*-===//

#ifndef ASHLAR_DIALECT_TYPES_TD
#define ASHLAR_DIALECT_TYPES_TD

include "dialect/Dialect.td"
include "mlir/IR/AttrTypeBase.td"

def Ashlar_Sequences : TypeDef<Ashlar_Dialect, "Sequences"> {
  let mnemonic = "sequences";
  let summary = "which row belongs to which sequence, and where in it";
  let description = [{
    For each row of a ragged batch: the sequence that it belongs to and its index
    in that sequence, from 0. A batch has no padding.
  }];
}

#endif // ASHLAR_DIALECT_TYPES_TD
