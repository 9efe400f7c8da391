//===- Passes.td - Fusion passes ---------------------------*- tablegen -*-===//
//
// In alphabetical order. The order in which they run, and why, is in
// Pipeline.cpp. Every pass says where it `fired` and where it `declined`, the
// latter with its reason, as a remark (--remarks-filter); Statistics.h counts
// them (`ashlar inspect --statistics`).
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_FUSION_PASSES_TD
#define ASHLAR_PASSES_FUSION_PASSES_TD

include "mlir/Pass/PassBase.td"

class Ashlar_FusionPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let dependentDialects = ["::ashlar::ir::AshlarDialect"];
}

def FoldAttentionScalePass : Ashlar_FusionPass<"ashlar-fold-attention-scale"> {
  let summary = "Fold the scale of the scores into the query projection";
  let description = [{
    Why: a factor that is a power of two (head_dim 16, 64, 256) costs nothing
    when the numbers of the query's weight and bias already carry it. Other
    factors would round every weight once more; they stay, and the attention op
    takes them as its `scale`. Rotary positions are linear, so the factor goes
    through them.

    Before:
    ```mlir
    %q = ashlar.linear %x weight @q : tensor<?x64xf32> -> tensor<?x64xf32>
    %h = ashlar.split_heads %q : tensor<?x64xf32> -> tensor<?x4x16xf32>
    %s = ashlar.scores %h, %k
        : tensor<?x4x16xf32>, tensor<?x4x16xf32> -> tensor<?x4x?xf32>
    %t = ashlar.scale %s by 2.500000e-01 : tensor<?x4x?xf32>
    ```
    After, the sources of `@q` saying `scale = 2.500000e-01`:
    ```mlir
    %q = ashlar.linear %x weight @q : tensor<?x64xf32> -> tensor<?x64xf32>
    %h = ashlar.split_heads %q : tensor<?x64xf32> -> tensor<?x4x16xf32>
    %s = ashlar.scores %h, %k
        : tensor<?x4x16xf32>, tensor<?x4x16xf32> -> tensor<?x4x?xf32>
    ```
    Declines where the factor is no power of two, where the scores or the queries
    have other uses, and where the query's weight or bias does.
  }];
}

def FuseAttentionPass : Ashlar_FusionPass<"ashlar-fuse-attention"> {
  let summary = "Fuse scores, scale, mask, softmax and mix into attention";
  let description = [{
    Why: the score matrix is [tokens, heads, keys] and would be written and read
    four times. The fused op never makes it, and visits no key that the mask
    hides. Between scale and mask there may be a position bias, then a soft cap;
    the scores may be additive.

    Before:
    ```mlir
    %s = ashlar.scores %q, %k
        : tensor<?x4x16xf32>, tensor<?x4x16xf32> -> tensor<?x4x?xf32>
    %t = ashlar.scale %s by 3.000000e-01 : tensor<?x4x?xf32>
    %m = ashlar.mask causal %t, %seq, %key_seq : tensor<?x4x?xf32>
    %p = ashlar.softmax %m : tensor<?x4x?xf32>
    %y = ashlar.mix %p, %v
        : tensor<?x4x?xf32>, tensor<?x4x16xf32> -> tensor<?x4x16xf32>
    ```
    After (without a scale op, `scale` is 1):
    ```mlir
    %y = ashlar.attention causal %q, %k, %v, %seq, %key_seq scale 3.000000e-01
        : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>
        -> tensor<?x4x16xf32>
    ```
    Declines where scores or probabilities have other uses, where there is no
    mask (so the sequences are unknown), and where keys and values differ in
    shape.
  }];
}

def FuseEpiloguePass : Ashlar_FusionPass<"ashlar-fuse-epilogue"> {
  let summary = "Fuse an activation or a residual sum into the linear before it";
  let description = [{
    Why: both read what the linear has just written; in its epilogue they work
    on registers instead.

    Before:
    ```mlir
    %u = ashlar.linear %x weight @up : tensor<?x64xf32> -> tensor<?x256xf32>
    %a = ashlar.activate gelu %u : tensor<?x256xf32>
    %d = ashlar.linear %a weight @down : tensor<?x256xf32> -> tensor<?x64xf32>
    %y = ashlar.add %r, %d : tensor<?x64xf32>
    ```
    After:
    ```mlir
    %a = ashlar.linear %x weight @up activation gelu
        : tensor<?x64xf32> -> tensor<?x256xf32>
    %y = ashlar.linear %a weight @down residual %r : tensor<?x64xf32>
        : tensor<?x256xf32> -> tensor<?x64xf32>
    ```
    A fused linear stands where the activation or the sum stood, so the residual
    may be computed after the linear was. Declines where the linear's result has
    other uses, where it lies in another block (it would move into a loop), and
    where the epilogue cannot hold one more part: it is bias, activation,
    gating, residual, in this order.
  }];
}

def FuseResidualNormPass : Ashlar_FusionPass<"ashlar-fuse-residual-norm"> {
  let summary = "Fuse a sum and the norm of it";
  let description = [{
    Why: the norm needs a whole row at a time, and the sum has the row in its
    hands. One pass over the rows, one barrier less.

    Before:
    ```mlir
    %s = ashlar.add %x, %o : tensor<?x64xf32>
    %n = ashlar.norm rms_norm %s gain @g epsilon 1.000000e-05
        : tensor<?x64xf32> -> tensor<?x64xf32>
    ```
    After; the sum may have other uses:
    ```mlir
    %s, %n = ashlar.residual_norm rms_norm %x, %o gain @g epsilon 1.000000e-05
        : tensor<?x64xf32>
    ```
    Declines where the norm is in another block, and for all but the first of
    several norms of one sum.
  }];
}

def FuseRotaryPass : Ashlar_FusionPass<"ashlar-fuse-rotary"> {
  let summary = "Fuse rotary positions into attention and kv_append";
  let description = [{
    Why: attention loads every query and kv_append every key anyway; rotating
    there saves a pass over both.

    Before:
    ```mlir
    %r = ashlar.rotary %q, %positions by #rotary : tensor<?x4x16xf32>, tensor<?xi32>
    %y = ashlar.attention causal %r, %k, %v, %seq, %key_seq scale 1.000000e+00
        : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>
        -> tensor<?x4x16xf32>
    ```
    After:
    ```mlir
    %y = ashlar.attention causal %q, %k, %v, %seq, %key_seq scale 1.000000e+00
        rotary #rotary, %positions : tensor<?xi32>
        : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>
        -> tensor<?x4x16xf32>
    ```
    Declines where the rotated heads have other uses, where their user is
    neither of the two or rotates already, and where it lies in another block.
  }];
}

def MergeGateUpPass : Ashlar_FusionPass<"ashlar-merge-gate-up"> {
  let summary = "Merge the gate and the up projection into one gated linear";
  let description = [{
    Why: both read the same rows, and their product is made from registers: the
    two wide intermediate tensors are never written.

    Before:
    ```mlir
    %g = ashlar.linear %x weight @gate : tensor<?x64xf32> -> tensor<?x176xf32>
    %a = ashlar.activate silu %g : tensor<?x176xf32>
    %u = ashlar.linear %x weight @up : tensor<?x64xf32> -> tensor<?x176xf32>
    %y = ashlar.multiply %a, %u : tensor<?x176xf32>
    ```
    After, `@gate_up` having the sources of `@gate`, then those of `@up`:
    ```mlir
    %y = ashlar.linear %x weight @gate_up activation silu gated
        : tensor<?x64xf32> -> tensor<?x176xf32>
    ```
    Where one of the two has a bias, the other's is zeros. Declines where the
    inputs or the layers of the weights differ, where an intermediate result or
    a weight has other uses, and where a linear has an epilogue.
  }];
}

def MergeQkvPass : Ashlar_FusionPass<"ashlar-merge-qkv"> {
  let summary = "Merge projections of one input into heads into one linear";
  let description = [{
    Why: one wide linear instead of three (or of two, where only keys and values
    are projected) reads its input once and gives every worker longer tiles.

    Before:
    ```mlir
    %q = ashlar.linear %x weight @q bias @b : tensor<?x64xf32> -> tensor<?x64xf32>
    %k = ashlar.linear %x weight @k : tensor<?x64xf32> -> tensor<?x32xf32>
    %v = ashlar.linear %x weight @v : tensor<?x64xf32> -> tensor<?x32xf32>
    ```
    After, `@q_k_v` having the sources of the three on top of each other, and its
    bias zeros where there was none:
    ```mlir
    %m = ashlar.linear %x weight @q_k_v bias @q_k_v.bias
        : tensor<?x64xf32> -> tensor<?x128xf32>
    %q = ashlar.slice %m from 0 : tensor<?x128xf32> -> tensor<?x64xf32>
    %k = ashlar.slice %m from 64 : tensor<?x128xf32> -> tensor<?x32xf32>
    %v = ashlar.slice %m from 96 : tensor<?x128xf32> -> tensor<?x32xf32>
    ```
    The slices keep the locations of the linears: the model's names survive.
    Declines for a linear that has an epilogue, whose weight or bias has other
    uses (it would be stored twice) or is of other layers than the first one's,
    and for one that is alone on its input.
  }];
}

#endif // ASHLAR_PASSES_FUSION_PASSES_TD
