// A worker's stack holds the scores of a tile's rows, their queries and results.
// RUN: ashlar-opt %s --ashlar-plan-arena="max-tokens=8 row-tile=8" --verify-diagnostics

func.func @encoder(%q: tensor<?x65536xf32>, %kv: tensor<?x16xf32>, %seq: !ashlar.sequences) -> tensor<?x65536xf32> attributes {ashlar.stack = 0} {
  %qh = ashlar.split_heads %q : tensor<?x65536xf32> -> tensor<?x4096x16xf32>
  %kh = ashlar.split_heads %kv : tensor<?x16xf32> -> tensor<?x1x16xf32>
  %keys, %values, %kseq = ashlar.kv_append call %kh, %kh, %seq : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  // expected-error@+1 {{has 4096 query heads of 16 features for each key head; a worker's stack holds 455 of them}}
  %y = ashlar.attention all %qh, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x4096x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x4096x16xf32>
  %m = ashlar.merge_heads %y : tensor<?x4096x16xf32> -> tensor<?x65536xf32>
  return %m : tensor<?x65536xf32>
}
