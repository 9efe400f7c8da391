// What graph-level ops must be. Tests are named after their constraint in
// SPEC.md.
// RUN: ashlar-opt %s --split-input-file --verify-diagnostics

func.func @layers_c7(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.layers' op count is 0; expected at least 1}}
  %0 = ashlar.layers "h" [0, 0] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    ashlar.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @layers_c8(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.layers' op region expects one argument of type 'tensor<?x8xf32>'}}
  %0 = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x4xf32>):
    ashlar.yield %x : tensor<?x8xf32>
  }
  return
}

// -----

func.func @layers_c9(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.layers' op region ends in 'ashlar.yield'; expected ashlar.yield of 'tensor<?x8xf32>'}}
  %0 = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    ashlar.yield %y : tensor<?x4xf32>
  }
  return
}

// -----

func.func @layers_c85(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.layers' op has 3 layers for 2 regions; expected as many for each}}
  %0 = ashlar.layers "h" [0, 3] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    ashlar.yield %a : tensor<?x8xf32>
  }, {
  ^bb0(%a: tensor<?x8xf32>):
    ashlar.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @layers_no_region_c85(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.layers' op has 3 layers for 0 regions; expected as many for each}}
  %0 = "ashlar.layers"(%x) {name = "h", first = 0 : i64, count = 3 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @layers_second_c8(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.layers' op region expects one argument of type 'tensor<?x8xf32>'}}
  %0 = ashlar.layers "h" [0, 2] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    ashlar.yield %a : tensor<?x8xf32>
  }, {
  ^bb0:
    ashlar.yield %x : tensor<?x8xf32>
  }
  return
}

// -----

func.func @layers_c37(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.layers' op first is -1; expected at least 0}}
  %0 = ashlar.layers "h" [-1, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    ashlar.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @layers_c38(%x: tensor<?x8xf32>) {
  %0 = ashlar.layers "h" [0, 1] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.layers' op stands in another ashlar.layers}}
    %1 = ashlar.layers "inner" [0, 1] (%a : tensor<?x8xf32>) {
    ^bb0(%b: tensor<?x8xf32>):
      ashlar.yield %b : tensor<?x8xf32>
    }
    ashlar.yield %1 : tensor<?x8xf32>
  }
  return
}

// -----

func.func @embedding_c10(%ids: tensor<?xi32>) {
  // expected-error @below {{'ashlar.embedding' op uses @tokens, which is no ashlar.weight}}
  %0 = ashlar.embedding %ids table @tokens : tensor<?xi32> -> tensor<?x8xf32>
  return
}

// -----

func.func @other() {
  return
}
func.func @linear_function_c10(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op uses @other, which is no ashlar.weight}}
  %0 = ashlar.linear %x weight @other : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @w [#ashlar.tensor<"w.{layer}", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 2]
func.func @linear_c11(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op uses @w of layers [0, 2] outside of a loop over them}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @g [#ashlar.tensor<"g.{layer}", [8], rows = 0 for 8>] : tensor<8xf32> layers = [1, 2, 2]
func.func @norm_other_part_c11(%x: tensor<?x8xf32>) {
  %0 = ashlar.layers "h" [0, 4] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.norm' op uses @g of layers [1, 2, 2] outside of a loop over them}}
    %1 = ashlar.norm rms_norm %a gain @g epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %1 : tensor<?x8xf32>
  }, {
  ^bb0(%a: tensor<?x8xf32>):
    %1 = ashlar.norm rms_norm %a gain @g epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %1 : tensor<?x8xf32>
  }
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @g [#ashlar.tensor<"g.{layer}", [8], rows = 0 for 8>] : tensor<8xf32> layers = [0, 2]
func.func @norm_other_layers_c11(%x: tensor<?x8xf32>) {
  %0 = ashlar.layers "h" [0, 3] (%x : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.norm' op uses @g of layers [0, 2] outside of a loop over them}}
    %1 = ashlar.norm rms_norm %a gain @g epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %1 : tensor<?x8xf32>
  }
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @w [#ashlar.tensor<"w", [4, 8], rows = 0 for 4>] : tensor<4x8xf32>
func.func @linear_c12(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op weight @w has shape [4, 8]; expected [8, 8]}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

ashlar.weight @w [#ashlar.tensor<"w", [4, 8], rows = 0 for 4>] : tensor<4x8xf32>
// expected-note @below {{weight is here}}
ashlar.weight @b [#ashlar.tensor<"b", [8], rows = 0 for 8>] : tensor<8xf32>
func.func @linear_bias_c12(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op bias @b has shape [8]; expected [4]}}
  %0 = ashlar.linear %x weight @w bias @b : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @g [#ashlar.tensor<"g", [4], rows = 0 for 4>] : tensor<4xf32>
func.func @norm_gain_c12(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.norm' op gain @g has shape [4]; expected [8]}}
  %0 = ashlar.norm layer_norm %x gain @g epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @t [#ashlar.tensor<"t", [11, 4], rows = 0 for 11>] : tensor<11x4xf32>
func.func @embedding_c12(%ids: tensor<?xi32>) {
  // expected-error @below {{'ashlar.embedding' op table @t has shape [11, 4]; expected [11, 8]}}
  %0 = ashlar.embedding %ids table @t : tensor<?xi32> -> tensor<?x8xf32>
  return
}

// -----

func.func @norm_c14(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.norm' op epsilon is 0.000000e+00; expected a number over 0}}
  %0 = ashlar.norm layer_norm %x epsilon 0.0 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @norm_c15(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.norm' op result is 'tensor<?x4xf32>'; expected 'tensor<?x8xf32>'}}
  %0 = ashlar.norm layer_norm %x epsilon 1.0e-5 : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @norm_c57(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.norm' op has 3 groups; expected a divisor of 8 features}}
  %0 = ashlar.norm layer_norm %x epsilon 1.0e-5 groups 3 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @norm_no_groups_c57(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.norm' op has 0 groups; expected a divisor of 8 features}}
  %0 = ashlar.norm layer_norm %x epsilon 1.0e-5 groups 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// A gain is of the whole row, or of a group.
// expected-note @below {{weight is here}}
ashlar.weight @g [#ashlar.tensor<"g", [6], rows = 0 for 6>] : tensor<6xf32>
func.func @norm_groups_c12(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.norm' op gain @g has shape [6]; expected [4]}}
  %0 = ashlar.norm rms_norm %x gain @g epsilon 1.0e-5 groups 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @pool_from_c86(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.pool' op is of rows from -1 on, 1 of them; expected at least 0 and at least 1}}
  %0 = ashlar.pool %x, %seq from -1 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @pool_count_c86(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.pool' op is of rows from 2 on, 0 of them; expected at least 0 and at least 1}}
  %0 = ashlar.pool %x, %seq from 2 count 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @pool_c87(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.pool' op gives 4 features; expected the input's 8}}
  %0 = ashlar.pool %x, %seq from 0 : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @pool_twice_c88(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  %0 = ashlar.pool %x, %seq from 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = ashlar.activate relu %0 : tensor<?x8xf32>
  // expected-error @below {{'ashlar.pool' op reads what has not one row for each token}}
  %2 = ashlar.pool %1, %seq from 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @pool_of_stem_c88(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  %0 = ashlar.unfold %x, %seq kernel 3 stride 1 padding 1 per_token 2 : tensor<?x8xf32> -> tensor<?x24xf32>
  // expected-error @below {{'ashlar.pool' op reads what has not one row for each token}}
  %1 = ashlar.pool %0, %seq from 0 : tensor<?x24xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @concat_c89(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.concat' op gives 16 features of 2 inputs; expected those of all, 12}}
  %0 = ashlar.concat %x, %y : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @concat_nothing_c89() {
  // expected-error @below {{'ashlar.concat' op gives 8 features of 0 inputs; expected those of all, 0}}
  %0 = "ashlar.concat"() : () -> tensor<?x8xf32>
  return
}

// -----

func.func @concat_c90(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  %0 = ashlar.pool %x, %seq from 0 : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-error @below {{'ashlar.concat' op has inputs with a row for each sequence beside such with a row for each token}}
  %1 = ashlar.concat %x, %0 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @segment_c93(%ids: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.segment' op has separator 5 and skips -1 tokens; expected at least 0 of both}}
  %0 = ashlar.segment %ids, %seq separator 5 skip -1 : tensor<?xi32> -> tensor<?x2xf32>
  return
}

// -----

func.func @segment_c93_separator(%ids: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.segment' op has separator -5 and skips 0 tokens; expected at least 0 of both}}
  %0 = ashlar.segment %ids, %seq separator -5 : tensor<?xi32> -> tensor<?x2xf32>
  return
}

// -----

ashlar.weight @c [#ashlar.tensor<"c", [1, 1, 8], rows = 0 for 8>] : tensor<8xf32>
func.func @set_row_c70(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.set_row' op index is -1; expected at least 0}}
  %0 = ashlar.set_row %x, %seq at -1 to @c : tensor<?x8xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @c [#ashlar.tensor<"c", [7], rows = 0 for 7>] : tensor<7xf32>
func.func @set_row_c12(%x: tensor<?x8xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.set_row' op vector @c has shape [7]; expected [8]}}
  %0 = ashlar.set_row %x, %seq at 1 to @c : tensor<?x8xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @c [#ashlar.tensor<"c", [7], rows = 0 for 7>] : tensor<7xf32>
func.func @scale_features_c12(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.scale_features' op factors @c has shape [7]; expected [8]}}
  %0 = ashlar.scale_features %x by @c : tensor<?x8xf32>
  return
}

// -----

func.func @soft_cap_c58(%s: tensor<?x2x?xf32>) {
  // expected-error @below {{'ashlar.soft_cap' op cap is 0.000000e+00; expected a number over 0}}
  %0 = ashlar.soft_cap %s at 0.0 : tensor<?x2x?xf32>
  return
}

// -----

func.func @soft_cap_infinite_c58(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.soft_cap' op cap is INF; expected a number over 0}}
  %0 = ashlar.soft_cap %x at 0x7FF0000000000000 : tensor<?x8xf32>
  return
}

// -----

func.func @mask_c59(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.mask' op window is 0; expected at least 1}}
  %0 = ashlar.mask causal %s, %seq, %seq window 0 : tensor<?x2x?xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @t [#ashlar.alibi_table<2 x 4, behind = 3, max_bias = 8.0, scale = 1.0>] : tensor<2x4xf32>
func.func @position_bias_c12(%s: tensor<?x3x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.position_bias' op table @t has shape [2, 4]; expected [3, 4]}}
  %0 = ashlar.position_bias %s, %seq, %seq table @t behind 3 : tensor<?x3x?xf32>
  return
}

// -----

ashlar.weight @t [#ashlar.alibi_table<2 x 4, behind = 3, max_bias = 8.0, scale = 1.0>] : tensor<2x4xf32>
func.func @position_bias_c61(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.position_bias' op behind is 4; expected a column of @t, which has 4}}
  %0 = ashlar.position_bias %s, %seq, %seq table @t behind 4 : tensor<?x2x?xf32>
  return
}

// -----

func.func @position_bias_c10(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.position_bias' op uses @t, which is no ashlar.weight}}
  %0 = ashlar.position_bias %s, %seq, %seq table @t behind 4 : tensor<?x2x?xf32>
  return
}

// -----

func.func @split_heads_c16(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.split_heads' op splits 8 features into 3 heads of 4}}
  %0 = ashlar.split_heads %x : tensor<?x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

func.func @merge_heads_c17(%x: tensor<?x2x4xf32>) {
  // expected-error @below {{'ashlar.merge_heads' op merges 2 heads of 4 into 6 features}}
  %0 = ashlar.merge_heads %x : tensor<?x2x4xf32> -> tensor<?x6xf32>
  return
}

// -----

func.func @rotary_c18(%x: tensor<?x2x4xf32>, %pos: tensor<?xi32>) {
  // expected-error @below {{'ashlar.rotary' op rotates 6 dimensions; expected an even number up to head_dim 4}}
  %0 = ashlar.rotary %x, %pos by <6, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0> : tensor<?x2x4xf32>, tensor<?xi32>
  return
}

// -----

func.func @rotary_odd_c18(%x: tensor<?x2x4xf32>, %pos: tensor<?xi32>) {
  // expected-error @below {{'ashlar.rotary' op rotates 3 dimensions; expected an even number up to head_dim 4}}
  %0 = ashlar.rotary %x, %pos by <3, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0> : tensor<?x2x4xf32>, tensor<?xi32>
  return
}

// -----

func.func @rotary_c40(%x: tensor<?x2x4xf32>, %pos: tensor<?xi32>) {
  // expected-error @below {{'ashlar.rotary' op rotates with theta 1.000000e+04 and factor 0.000000e+00; expected numbers over 0}}
  %0 = ashlar.rotary %x, %pos by <4, theta = 1.0e+04, linear, factor = 0.0, low = 1.0, high = 4.0, original = 0> : tensor<?x2x4xf32>, tensor<?xi32>
  return
}

// -----

func.func @rotary_c80(%x: tensor<?x2x4xf32>, %a: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.rotary' op rotates with 1 factors; expected 2 over 0 for longrope of 4 dimensions}}
  %0 = ashlar.rotary %x, %a by <4, theta = 1.0e+04, longrope, factor = 1.0, low = 1.0, high = 4.0, original = 8 short = [1.0] long = [1.0, 2.0]> : tensor<?x2x4xf32>, tensor<?x4xf32>
  return
}

// -----

func.func @rotary_unused_c80(%x: tensor<?x2x4xf32>, %pos: tensor<?xi32>) {
  // expected-error @below {{'ashlar.rotary' op rotates with 2 factors; expected 0 over 0 for none of 4 dimensions}}
  %0 = ashlar.rotary %x, %pos by <4, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0 short = [1.0, 1.0] long = [1.0, 2.0]> : tensor<?x2x4xf32>, tensor<?xi32>
  return
}

// -----

func.func @rotary_c81(%x: tensor<?x2x4xf32>, %a: tensor<?x2xf32>) {
  // expected-error @below {{'ashlar.rotary' op rotates 2 dimensions with an original length of 8; expected a length of at least 1 and at least 4 dimensions}}
  %0 = ashlar.rotary %x, %a by <2, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 8> : tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @rotary_angles_c81(%pos: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.rotary_angles' op rotates 4 dimensions with an original length of 0; expected a length of at least 1 and at least 4 dimensions}}
  %0 = ashlar.rotary_angles %pos, %seq by <4, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 0> : tensor<?xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @rotary_c82(%x: tensor<?x2x4xf32>, %pos: tensor<?xi32>) {
  // expected-error @below {{'ashlar.rotary' op rotates by positions; expected angles with dynamic}}
  %0 = ashlar.rotary %x, %pos by <4, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 8> : tensor<?x2x4xf32>, tensor<?xi32>
  return
}

// -----

func.func @rotary_angles_c82(%x: tensor<?x2x4xf32>, %a: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.rotary' op rotates by angles; expected positions with none}}
  %0 = ashlar.rotary %x, %a by <4, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0> : tensor<?x2x4xf32>, tensor<?x4xf32>
  return
}

// -----

func.func @rotary_angles_c83(%pos: tensor<?xi32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.rotary_angles' op angles have 4 columns; expected 8}}
  %0 = ashlar.rotary_angles %pos, %seq by <4 interleaved = true, theta = 1.0e+04, dynamic, factor = 2.0, low = 1.0, high = 4.0, original = 8> : tensor<?xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @clip_c84(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.clip' op limit is 0.000000e+00; expected a number over 0}}
  %0 = ashlar.clip %x at 0.0 : tensor<?x8xf32>
  return
}

// -----

func.func @kv_append_c20(%k: tensor<?x2x4xf32>, %v: tensor<?x2x8xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_append' op key is 'tensor<?x2x4xf32>' and value 'tensor<?x2x8xf32>'; expected the same type}}
  %0, %1, %2 = ashlar.kv_append self %k, %v, %seq : tensor<?x2x4xf32>, tensor<?x2x8xf32> -> tensor<?x2x4xf32>, tensor<?x2x8xf32>
  return
}

// -----

func.func @kv_append_c21(%k: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_append' op gives 'tensor<?x1x4xf32>'; expected the shape of 'tensor<?x2x4xf32>'}}
  %0, %1, %2 = ashlar.kv_append self %k, %k, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x1x4xf32>, tensor<?x1x4xf32>
  return
}

// -----

func.func @kv_append_c91(%q: tensor<?x2x4xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_append' op call gives keys to 'ashlar.scores' behind another kv_append call, which takes their place}}
  %k, %v, %ks = ashlar.kv_append call %q, %q, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %0, %1, %2 = ashlar.kv_append call %q, %q, %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %s = ashlar.scores %q, %k : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x2x?xf32>
  return
}

// -----

func.func @kv_read_c22(%seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_read' op reads cache call; expected cross}}
  %0, %1, %2 = ashlar.kv_read call %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}

// -----

func.func @kv_read_self_c22(%seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.kv_read' op reads cache self; expected cross}}
  %0, %1, %2 = ashlar.kv_read self %seq : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}

// -----

func.func @scores_c23(%q: tensor<?x2x4xf32>, %k: tensor<?x2x8xf32>) {
  // expected-error @below {{'ashlar.scores' op query has head_dim 4 and key 8}}
  %0 = ashlar.scores %q, %k : tensor<?x2x4xf32>, tensor<?x2x8xf32> -> tensor<?x2x?xf32>
  return
}

// -----

func.func @scores_c24(%q: tensor<?x3x4xf32>, %k: tensor<?x2x4xf32>) {
  // expected-error @below {{'ashlar.scores' op has 3 heads; expected a multiple of kv_heads 2}}
  %0 = ashlar.scores %q, %k : tensor<?x3x4xf32>, tensor<?x2x4xf32> -> tensor<?x3x?xf32>
  return
}

// -----

func.func @scores_c25(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>) {
  // expected-error @below {{'ashlar.scores' op result is 'tensor<?x1x?xf32>'; expected [tokens, heads, keys]}}
  %0 = ashlar.scores %q, %k : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x1x?xf32>
  return
}

// -----

ashlar.weight @v [#ashlar.tensor<"v", [8], rows = 0 for 8>] : tensor<8xf32>
func.func @additive_scores_c23(%q: tensor<?x2x4xf32>, %k: tensor<?x2x8xf32>) {
  // expected-error @below {{'ashlar.additive_scores' op query has head_dim 4 and key 8}}
  %0 = ashlar.additive_scores %q, %k by @v : tensor<?x2x4xf32>, tensor<?x2x8xf32> -> tensor<?x2x?xf32>
  return
}

// -----

ashlar.weight @v [#ashlar.tensor<"v", [8], rows = 0 for 8>] : tensor<8xf32>
func.func @additive_scores_c25(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>) {
  // expected-error @below {{'ashlar.additive_scores' op result is 'tensor<?x1x?xf32>'; expected [tokens, heads, keys]}}
  %0 = ashlar.additive_scores %q, %k by @v : tensor<?x2x4xf32>, tensor<?x2x4xf32> -> tensor<?x1x?xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @v [#ashlar.tensor<"v", [4], rows = 0 for 4>] : tensor<4xf32>
func.func @additive_scores_c12(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>) {
  // expected-error @below {{'ashlar.additive_scores' op vector @v has shape [4]; expected [8]}}
  %0 = ashlar.additive_scores %q, %k by @v : tensor<?x2x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x?xf32>
  return
}

// -----

func.func @mix_c26(%p: tensor<?x3x?xf32>, %v: tensor<?x2x4xf32>) {
  // expected-error @below {{'ashlar.mix' op has 3 heads; expected a multiple of kv_heads 2}}
  %0 = ashlar.mix %p, %v : tensor<?x3x?xf32>, tensor<?x2x4xf32> -> tensor<?x3x4xf32>
  return
}

// -----

func.func @mix_c27(%p: tensor<?x2x?xf32>, %v: tensor<?x2x4xf32>) {
  // expected-error @below {{'ashlar.mix' op result is 'tensor<?x2x8xf32>'; expected [tokens, 2, 4]}}
  %0 = ashlar.mix %p, %v : tensor<?x2x?xf32>, tensor<?x2x4xf32> -> tensor<?x2x8xf32>
  return
}

// -----

func.func @add_c32(%x: tensor<?x?xf32>) {
  // expected-error @below {{'ashlar.add' op operand #0 must be float32 [tokens, features] with fixed features, but got 'tensor<?x?xf32>'}}
  %0 = ashlar.add %x, %x : tensor<?x?xf32>
  return
}

// -----

func.func @split_heads_c33(%x: tensor<?x6xf32>) {
  // expected-error @below {{'ashlar.split_heads' op result #0 must be float32 [tokens, heads, head_dim] with fixed heads and head_dim, but got 'tensor<?x2x?xf32>'}}
  %0 = ashlar.split_heads %x : tensor<?x6xf32> -> tensor<?x2x?xf32>
  return
}

// -----

func.func @split_heads_c39(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.split_heads' op failed to verify that all of {input, result} have same number of tokens}}
  %0 = ashlar.split_heads %x : tensor<?x8xf32> -> tensor<5x2x4xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @w [#ashlar.tensor<"{expert}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> experts = 3
func.func @linear_c64(%x: tensor<?x8xf32>) {
  // expected-error @below {{'ashlar.linear' op uses @w of 3 experts outside of an ashlar.experts of as many}}
  %0 = ashlar.linear %x weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// expected-note @below {{weight is here}}
ashlar.weight @w [#ashlar.tensor<"{expert}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> experts = 3
func.func @linear_of_others_c64(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) {
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.linear' op uses @w of 3 experts outside of an ashlar.experts of as many}}
    %1 = ashlar.linear %r weight @w : tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %1 : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @route_c65(%x: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.route' op chooses 5 of 4 experts; expected 1 to 4}}
  %0 = ashlar.route %x top 5 : tensor<?x4xf32>
  return
}

// -----

func.func @route_none_c65(%x: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.route' op chooses 0 of 4 experts; expected 1 to 4}}
  %0 = ashlar.route %x top 0 : tensor<?x4xf32>
  return
}

// -----

func.func @experts_c66(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.experts' op region expects one argument of type 'tensor<?x8xf32>'}}
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x6xf32>):
    ashlar.yield %r : tensor<?x6xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x6xf32>
  return
}

// -----

func.func @experts_c67(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.experts' op region ends in 'ashlar.yield'; expected ashlar.yield of 'tensor<?x6xf32>'}}
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    ashlar.yield %r : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x6xf32>
  return
}

// -----

func.func @experts_c68(%x: tensor<?x8xf32>, %p: tensor<?x8xf32>) {
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.experts' op stands in another ashlar.experts}}
    %1 = ashlar.experts %r, %r {
    ^bb0(%s: tensor<?x8xf32>):
      ashlar.yield %s : tensor<?x8xf32>
    } : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    ashlar.yield %1 : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @layers_c69(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) {
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.layers' op stands in an ashlar.experts}}
    %1 = ashlar.layers "h" [0, 1] (%r : tensor<?x8xf32>) {
    ^bb0(%s: tensor<?x8xf32>):
      ashlar.yield %s : tensor<?x8xf32>
    }
    ashlar.yield %1 : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// An expert's rows are not those of the tokens.
func.func @experts_isolated(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) {
  // expected-note @below {{required by region isolation constraints}}
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    // expected-error @below {{'ashlar.add' op using value defined outside the region}}
    %1 = ashlar.add %r, %x : tensor<?x8xf32>
    ashlar.yield %1 : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @experts_c39(%x: tensor<?x8xf32>, %p: tensor<?x4xf32>) {
  // expected-error @below {{'ashlar.experts' op failed to verify that all of {input, weights, result} have same number of tokens}}
  %0 = ashlar.experts %x, %p {
  ^bb0(%r: tensor<?x8xf32>):
    ashlar.yield %r : tensor<?x8xf32>
  } : tensor<?x8xf32>, tensor<?x4xf32> -> tensor<5x8xf32>
  return
}

// -----

func.func @unfold_c72(%x: tensor<?x8xf32>, %s: !ashlar.sequences) {
  // expected-error @below {{'ashlar.unfold' op has kernel 3, stride 0, padding 1 and per_token 1; expected at least 1, and at least 0 for the padding}}
  %0 = ashlar.unfold %x, %s kernel 3 stride 0 padding 1 : tensor<?x8xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @unfold_c73(%x: tensor<?x8xf32>, %s: !ashlar.sequences) {
  // expected-error @below {{'ashlar.unfold' op has kernel 3, stride 1 and padding 0; expected a row for each 1 of a sequence: 2 * padding from kernel - stride to kernel - 1}}
  %0 = ashlar.unfold %x, %s kernel 3 stride 1 padding 0 : tensor<?x8xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @unfold_wide_c73(%x: tensor<?x8xf32>, %s: !ashlar.sequences) {
  // expected-error @below {{'ashlar.unfold' op has kernel 3, stride 2 and padding 2; expected a row for each 2 of a sequence: 2 * padding from kernel - stride to kernel - 1}}
  %0 = ashlar.unfold %x, %s kernel 3 stride 2 padding 2 : tensor<?x8xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @unfold_c74(%x: tensor<?x8xf32>, %s: !ashlar.sequences) {
  // expected-error @below {{'ashlar.unfold' op gives 16 features; expected 3 times the input's 8}}
  %0 = ashlar.unfold %x, %s kernel 3 stride 1 padding 1 : tensor<?x8xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @unfold_c75(%x: tensor<?x8xf32>, %s: !ashlar.sequences) {
  %0 = ashlar.unfold %x, %s kernel 3 stride 1 padding 1 per_token 3 : tensor<?x8xf32> -> tensor<?x24xf32>
  %1 = ashlar.activate gelu %0 : tensor<?x24xf32>
  // expected-error @below {{'ashlar.unfold' op reads 2 rows for each token; the unfold before it gives 3}}
  %2 = ashlar.unfold %1, %s kernel 3 stride 2 padding 1 : tensor<?x24xf32> -> tensor<?x72xf32>
  return
}

// -----

func.func @first_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{count of a pattern is 0; expected at least 1}}
  %0 = ashlar.mask all where #ashlar.first<keys, 0> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @near_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{behind of a pattern is -2; expected at least -1}}
  %0 = ashlar.mask all where #ashlar.near<behind = -2> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @near_ahead_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{ahead of a pattern is -2; expected at least -1}}
  %0 = ashlar.mask all where #ashlar.near<ahead = -2> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @near_block_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{block of a pattern is 0; expected at least 1}}
  %0 = ashlar.mask all where #ashlar.near<ahead = 0, block = 0> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @last_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{block of a pattern is 0; expected at least 1}}
  %0 = ashlar.mask all where #ashlar.last<keys, 0> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @short_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{count of a pattern is 0; expected at least 1}}
  %0 = ashlar.mask all where #ashlar.short<0> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @random_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{count of a pattern is 0; expected at least 1}}
  %0 = ashlar.mask all where #ashlar.random<count = 0, block = 4, seed = 1> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @random_block_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{block of a pattern is 0; expected at least 1}}
  %0 = ashlar.mask all where #ashlar.random<count = 1, block = 0, seed = 1> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @random_of_c76(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{of of a pattern is -1; expected at least 0}}
  %0 = ashlar.mask all where #ashlar.random<count = 1, block = 4, seed = 1, of = -1> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @any_c77(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{a pattern is made of other attributes; expected patterns}}
  %0 = ashlar.mask all where #ashlar.any_of<[7 : i64]> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @all_c77(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{a pattern is made of other attributes; expected patterns}}
  %0 = ashlar.mask all where #ashlar.all_of<[#ashlar.first<keys, 1>, "x"]> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @not_c77(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{a pattern is made of other attributes; expected patterns}}
  %0 = ashlar.mask all where #ashlar.not<unit> %s, %seq, %seq : tensor<?x2x?xf32>
  return
}

// -----

func.func @repeat_c78(%s: tensor<?x2x?xf32>, %seq: !ashlar.sequences) {
  // expected-error @below {{'ashlar.repeat' op repeats keys 1 times; expected at least 2}}
  %0 = ashlar.repeat %s, %seq, %seq where #ashlar.first<keys, 4> times 1 : tensor<?x2x?xf32>
  return
}
