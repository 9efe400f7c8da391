//===- Passes.td - The static memory plan ------------------*- tablegen -*-===//

include "mlir/Pass/PassBase.td"

def InsertTapsPass : Pass<"ashlar-insert-taps", "::mlir::ModuleOp"> {
  let summary = "keeps a copy of the rows of every op, for `verify`";
  let description = [{
    Fused code overwrites its buffers. A tap behind an op copies its rows to a place
    of their own, under the name of the graph op whose result they are: the first one
    in the location of a fused op.

    ```mlir
    %y = ashlar.linear %x weight @w : ... loc("fc1")
    // gets
    ashlar.tap "fc1" %y : tensor<?x64xf32>
    ```

    Attention gets `ashlar.mapped`: it can keep its weights, too.
  }];
}

def PlanArenaPass : Pass<"ashlar-plan-arena", "::mlir::ModuleOp"> {
  let summary = "places every buffer, table and cache at compile time";
  let description = [{
    The arena begins with what all calls share: the call header, the row, tile and
    segment tables, the inputs, each stack's result, each head's rows. Behind lie the
    values of one entry, by lifetime: values that are never alive together share
    bytes, and so do entries. A loop over layers works in place: the rows that it
    yields take the buffer of its argument; where that would overwrite rows that are
    still needed, an `ashlar.copy` is inserted.

    Keys that outlive a call have a cache; those that are only seen through a window
    lie in a ring, which is no longer than the windows and the rows of a call ask for:

    ```mlir
    %k, %v, %s = ashlar.kv_append self %key, %value, %q : ...
    // gets its place: the cache in `ashlar.caches`, its first layer there, and the
    // layers from a turn of the loop to the next
    %k, %v, %s = ashlar.kv_append self %key, %value, %q {ashlar.cache = array<i64: 0, 2, 1>} : ...
    ```

    Sets `buffers` on ops, `ashlar.buffer` on arguments, `ashlar.result` on entries,
    `ashlar.cache` on what appends and reads keys,
    `ashlar.map` (one place for all) on attention that can keep its weights, and
    `ashlar.arena` and `ashlar.caches` on the module.
  }];
  let options = [
    Option<"maxTokens", "max-tokens", "int64_t", "512", "rows of one call">,
    Option<"maxContext", "max-context", "int64_t", "4096", "tokens of a sequence">,
    Option<"maxSource", "max-source", "int64_t", "512", "tokens of a source">,
    Option<"maxSequences", "max-sequences", "int64_t", "1", "slots">,
    Option<"rowTile", "row-tile", "int64_t", "8",
           "rows of a register tile: buffers hold a multiple">,
  ];
  let dependentDialects = ["::ashlar::ir::AshlarDialect"];
}
