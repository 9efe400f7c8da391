// A worker's stack holds the scores of a tile's rows, their queries and results.
// RUN: ashlar-opt %s --ashlar-plan-arena="max-tokens=8 max-context=1024 row-tile=8" --split-input-file --verify-diagnostics

func.func @encoder(%q: tensor<?x65536xf32>, %kv: tensor<?x16xf32>, %seq: !ashlar.sequences) -> tensor<?x65536xf32> attributes {ashlar.stack = 0} {
  %qh = ashlar.split_heads %q : tensor<?x65536xf32> -> tensor<?x4096x16xf32>
  %kh = ashlar.split_heads %kv : tensor<?x16xf32> -> tensor<?x1x16xf32>
  %keys, %values, %kseq = ashlar.kv_append call %kh, %kh, %seq : tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>, tensor<?x1x16xf32>
  // expected-error@+1 {{has 4096 query heads of 16 features for each key head; a worker's stack holds 1882 of them}}
  %y = ashlar.attention all %qh, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x4096x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x4096x16xf32>
  %m = ashlar.merge_heads %y : tensor<?x4096x16xf32> -> tensor<?x65536xf32>
  return %m : tensor<?x65536xf32>
}

// -----

// bf16 goes through whole blocks of rows.
func.func @encoder(%x: tensor<?x3000xf32>, %seq: !ashlar.sequences) -> tensor<?x3000xf32> attributes {ashlar.stack = 0} {
  %h = ashlar.split_heads %x : tensor<?x3000xf32> -> tensor<?x1x3000xf32>
  %keys, %values, %kseq = ashlar.kv_append call %h, %h, %seq : tensor<?x1x3000xf32>, tensor<?x1x3000xf32> -> tensor<?x1x3000xbf16>, tensor<?x1x3000xbf16>
  // expected-error@+1 {{has 1 query heads of 3000 features for each key head; a worker's stack holds 16 of them, in blocks of 32; fewer are enough with kv=f32}}
  %y = ashlar.attention all %h, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x1x3000xf32>, tensor<?x1x3000xbf16>, tensor<?x1x3000xbf16> -> tensor<?x1x3000xf32>
  %m = ashlar.merge_heads %y : tensor<?x1x3000xf32> -> tensor<?x3000xf32>
  return %m : tensor<?x3000xf32>
}

// -----

// int8 takes place for a segment as bf16, too.
func.func @decoder(%x: tensor<?x512xf32>, %seq: !ashlar.sequences) -> tensor<?x512xf32> attributes {ashlar.stack = 0} {
  %h = ashlar.split_heads %x : tensor<?x512xf32> -> tensor<?x1x512xf32>
  %keys, %values, %kseq = ashlar.kv_append self %h, %h, %seq : tensor<?x1x512xf32>, tensor<?x1x512xf32> -> tensor<?x1x512xi8>, tensor<?x1x512xi8>
  // expected-error@+1 {{has 1 query heads of 512 features for each key head; a worker's stack holds 0 of them, in blocks of 32; fewer are enough with kv=f32}}
  %y = ashlar.attention causal %h, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x1x512xf32>, tensor<?x1x512xi8>, tensor<?x1x512xi8> -> tensor<?x1x512xf32>
  %m = ashlar.merge_heads %y : tensor<?x1x512xf32> -> tensor<?x512xf32>
  return %m : tensor<?x512xf32>
}

// -----

// Keys of sources are those that another entry has stored.
func.func @decoder(%x: tensor<?x16xf32>, %seq: !ashlar.sequences) -> tensor<?x16xf32> attributes {ashlar.stack = 0} {
  %h = ashlar.split_heads %x : tensor<?x16xf32> -> tensor<?x1x16xf32>
  // expected-error@+1 {{reads cache cross, but no kv_append fills it}}
  %keys, %values, %kseq = ashlar.kv_read cross %seq : tensor<?x1x16xf32>, tensor<?x1x16xf32>
  %y = ashlar.attention all %h, %keys, %values, %seq, %kseq scale 1.0 : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32> -> tensor<?x1x16xf32>
  %m = ashlar.merge_heads %y : tensor<?x1x16xf32> -> tensor<?x16xf32>
  return %m : tensor<?x16xf32>
}
