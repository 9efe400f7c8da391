// What only a fusion can take has no code of its own.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=8" --ashlar-lower-to-program --verify-diagnostics

func.func @decoder(%h: tensor<?x8xf32> {ashlar.input = "vectors"}) -> tensor<?x8xf32> attributes {ashlar.stack = 0} {
  %i = ashlar.split_heads %h : tensor<?x8xf32> -> tensor<?x2x4xf32>
  // expected-error @below {{'ashlar.scores' op has no CPU code of its own; leave the fusion that takes it in switched on}}
  %s = ashlar.scores %i, %i : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  %m = ashlar.mix %s, %i : tensor<?x2x?xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>
  %o = ashlar.merge_heads %m : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}
