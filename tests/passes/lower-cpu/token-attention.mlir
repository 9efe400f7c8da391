// A token's rows, the query heads that share keys, go through a register tile of their own; fewer rows than a tile has are multiplied with more panels at once.
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=12 row-tile=6" --ashlar-lower-to-program="row-tile=6 panel-tile=1 vector-bits=256" --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=ALL,FEW
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=12 row-tile=8" --ashlar-lower-to-program --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=ALL,MANY
// RUN: ashlar-opt %s --ashlar-place-weights --ashlar-plan-arena="max-tokens=12 row-tile=6" --ashlar-lower-to-program="row-tile=6 panel-tile=1 vector-bits=256" --ashlar-expand-math --ashlar-outline-phases --split-input-file -o /dev/null

// Four heads: whole tiles, four rows, single rows; each times as many panels of the segment's 16 as there are sums for.
// ALL-LABEL: ashlar.program @shared
// ALL:         ashlar.phase "attention"
// ALL:           %[[QUERIES:.*]] = memref.alloca() {{.*}} : memref<{{.*}}x32xf32>
// FEW:           scf.for {{.*}} step %c6 {
// FEW:             scf.for {{.*}} step %c1 {
// FEW-COUNT-6:       vector.fma
// FEW-NOT:           vector.fma
// FEW:               scf.yield
// FEW:           scf.for {{.*}} step %c4 {
// FEW:             scf.for {{.*}} step %c1 {
// FEW-COUNT-4:       vector.fma
// FEW-NOT:           vector.fma
// FEW:               scf.yield
// FEW:           scf.for {{.*}} step %c1 {
// FEW:             scf.for {{.*}} step %c4 {
// FEW-COUNT-4:       vector.fma
// FEW-NOT:           vector.fma
// FEW:               scf.yield
// MANY:          scf.for {{.*}} step %c8 {
// MANY:            scf.for {{.*}} step %c3 {
// MANY-COUNT-24:     vector.fma
// MANY-NOT:          vector.fma
// MANY:              scf.yield
// MANY:          scf.for {{.*}} step %c4 {
// MANY:            scf.for {{.*}} step %c4 {
// MANY-COUNT-16:     vector.fma
// MANY-NOT:          vector.fma
// MANY:              scf.yield
// MANY:          scf.for {{.*}} step %c1 {
// MANY:            scf.for {{.*}} step %c8 {
// MANY-COUNT-8:      vector.fma
// MANY-NOT:          vector.fma
// MANY:              scf.yield
func.func @shared(%q: tensor<?x128xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x128xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.slice %q from 0 : tensor<?x128xf32> -> tensor<?x32xf32>
  %i = ashlar.split_heads %q : tensor<?x128xf32> -> tensor<?x4x32xf32>
  %j = ashlar.split_heads %x : tensor<?x32xf32> -> tensor<?x1x32xf32>
  %k, %v, %ks = ashlar.kv_append self %j, %j, %s : tensor<?x1x32xf32>, tensor<?x1x32xf32> -> tensor<?x1x32xf32>, tensor<?x1x32xf32> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x4x32xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x4x32xf32> -> tensor<?x128xf32>
  return %m : tensor<?x128xf32>
}

// -----

// Seven heads are a whole tile and one row, or all in a tile of their own.
// ALL-LABEL: ashlar.program @odd
// ALL:         ashlar.phase "attention"
// FEW:           scf.for {{.*}} step %c6 {
// FEW-COUNT-6:       vector.fma
// FEW-NOT:           vector.fma
// FEW:               scf.yield
// FEW:           scf.for {{.*}} step %c1 {
// FEW:             scf.for {{.*}} step %c4 {
// FEW-COUNT-4:       vector.fma
// FEW-NOT:           vector.fma
// FEW:               scf.yield
// MANY:          scf.for {{.*}} step %c8 {
// MANY-COUNT-24:     vector.fma
// MANY:          scf.for {{.*}} step %c7 {
// MANY:            scf.for {{.*}} step %c2 {
// MANY-COUNT-14:     vector.fma
// MANY-NOT:          vector.fma
// MANY:              scf.yield
func.func @odd(%q: tensor<?x224xf32> {ashlar.input = "vectors"}, %s: !ashlar.sequences {ashlar.input = "sequences"}) -> tensor<?x224xf32> attributes {ashlar.stack = 0} {
  %x = ashlar.slice %q from 0 : tensor<?x224xf32> -> tensor<?x32xf32>
  %i = ashlar.split_heads %q : tensor<?x224xf32> -> tensor<?x7x32xf32>
  %j = ashlar.split_heads %x : tensor<?x32xf32> -> tensor<?x1x32xf32>
  %k, %v, %ks = ashlar.kv_append self %j, %j, %s : tensor<?x1x32xf32>, tensor<?x1x32xf32> -> tensor<?x1x32xf32>, tensor<?x1x32xf32> loc("append")
  %a = ashlar.attention causal %i, %k, %v, %s, %ks scale 0.5 : tensor<?x7x32xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32> -> tensor<?x7x32xf32> loc("attention")
  %m = ashlar.merge_heads %a : tensor<?x7x32xf32> -> tensor<?x224xf32>
  return %m : tensor<?x224xf32>
}
