//===- Passes.td - Operand layouts -------------------------*- tablegen -*-===//
//
// Alphabetical.
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def BindRotaryTablesPass : Pass<"ashlar-bind-rotary-tables", "::mlir::ModuleOp"> {
  let summary = "gives rotary ops a table of cosines and sines";
  let description = [{
    Angles are computed in float64 when the artifact is made: a kernel loads
    them. Ops with the same frequencies share a table.

    ```mlir
    %r = ashlar.rotary %q, %p <16, ...> : ...
    // becomes
    ashlar.weight @rotary.0 [#ashlar.rotary_table<<16, ...>, 512>] : tensor<512x16xf32>
    %r = ashlar.rotary %q, %p <16, ...> table @rotary.0 : ...
    ```

    Angles that depend on the length of the sequence (`rotary_angles`) are computed in
    each call: they get a table of frequencies, a row for each length.
  }];
  let options = [Option<"positions", "positions", "int64_t", /*default=*/"512",
                        "rows of a table: positions that may occur">];
  let statistics = [Statistic<"tables", "tables", "Tables made">];
}

def ChoosePrecisionPass : Pass<"ashlar-choose-precision", "::mlir::ModuleOp"> {
  let summary = "decides how weights are stored, and converts what they multiply";
  let description = [{
    Weights of linears get an encoding, and each such linear an operand of its kind:
    bf16 for bf16, int8 rows with a scale each for int8 and int4. A bf16 operand
    that nobody else reads is written by the linear or attention that makes it. Norms,
    softmax, sums and biases stay float32.

    ```mlir
    ashlar.weight @q [...] : tensor<64x64xf32> layers = [0, 12]
    %y = ashlar.linear %x weight @q : tensor<?x64xf32> -> tensor<?x64xf32>
    // becomes, with precision=int8,
    ashlar.weight @q [...] : tensor<64x64xf32> layers = [0, 12] encoded <int8>
    %i = ashlar.convert %x : tensor<?x64xf32> -> tensor<?x64xi8>
    %y = ashlar.linear %i weight @q : tensor<?x64xi8> -> tensor<?x64xf32>
    ```
  }];
  let options = [Option<"precision", "precision", "std::string",
                        /*default=*/"\"f32\"", "see Precision.h">];
}

def PlaceWeightsPass : Pass<"ashlar-place-weights", "::mlir::ModuleOp"> {
  let summary = "decides each weight's layout and place in the image";
  let description = [{
    Weights of linears are packed in panels of 16 output features, those of gated
    ones with the gate's and the up projection's panels by turns; tables and
    vectors stay rows. A table that a linear uses too is stored once, in panels.
    The weights of one layer lie together; the next layer's follow at
    `layer_stride`, so that a loop over layers adds a constant.

    ```mlir
    ashlar.weight @q [...] : tensor<64x64xf32> layers = [0, 12]
    // becomes
    ashlar.weight @q [...] : tensor<64x64xf32> layers = [0, 12]
        layout panels at 64 stride 65536
    ```
  }];
}
