// What only a fusion can take has no code of its own.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8" --ashlar-lower-to-program --split-input-file --verify-diagnostics

func.func @decoder(%h: tensor<?x8xf32> {ashlar.input = "vectors"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  // expected-error @below {{'ashlar.scores' op has no CPU code of its own; leave the fusion that takes it in switched on}}
  %s = ashlar.scores %i, %i : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  %m = ashlar.mix %s, %i : tensor<?x2x?xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %o = ashlar.merge_heads %m : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

ashlar.weight @t [#ashlar.alibi_table<2 x 4, behind = 3, max_bias = 8.0, scale = 1.0>] : tensor<2x4xf32>
func.func @decoder(%h: tensor<?x8xf32> {ashlar.input = "vectors"}, %s: tensor<?x2x?xf32>, %q: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  // expected-error @below {{'ashlar.position_bias' op has no CPU code of its own; leave the fusion that takes it in switched on}}
  %b = ashlar.position_bias %s, %q, %q table @t behind 3 : tensor<?x2x?xf32>
  return %h : tensor<?x8xf32>
}
