// What a weight must be. Tests are named after their constraint in SPEC.md.
// RUN: ashlar-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{'ashlar.weight' op type is 'tensor<?x8xf32>'; expected a static float32 tensor of rank 1 or 2}}
ashlar.weight @weight_c1 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<?x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op type is 'tensor<8x8xf64>'; expected a static float32 tensor of rank 1 or 2}}
ashlar.weight @weight_type_c1 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf64>

// -----

// expected-error @below {{'ashlar.weight' op type is 'tensor<2x4x8xf32>'; expected a static float32 tensor of rank 1 or 2}}
ashlar.weight @weight_rank_c1 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<2x4x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op has no source}}
ashlar.weight @weight_c2 [] : tensor<8x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op source is "w"; expected tensor, zeros or a computed table}}
ashlar.weight @weight_c3 ["w"] : tensor<8x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op source has 8 columns; expected 4}}
ashlar.weight @weight_c4 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x4xf32>

// -----

// expected-error @below {{'ashlar.weight' op source has 1 columns; expected 4}}
ashlar.weight @weight_zeros_c4 [#ashlar.zeros<8>] : tensor<8x4xf32>

// -----

// expected-error @below {{'ashlar.weight' op sources have 12 rows together; expected 16}}
ashlar.weight @weight_c5 [#ashlar.tensor<"w", [8, 4], rows = 0 for 8>, #ashlar.tensor<"v", [8, 4], rows = 4 for 4>] : tensor<16x4xf32>

// -----

// expected-error @below {{'ashlar.weight' op layers is [0, 0]; expected [first, count] with count at least 1, or [first, count, step] with step at least 2}}
ashlar.weight @weight_c6 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 0]

// -----

// expected-error @below {{'ashlar.weight' op layers is [-1, 4]; expected [first, count] with count at least 1, or [first, count, step] with step at least 2}}
ashlar.weight @weight_first_c6 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [-1, 4]

// -----

// expected-error @below {{'ashlar.weight' op layers is [0, 4, 1]; expected [first, count] with count at least 1, or [first, count, step] with step at least 2}}
ashlar.weight @weight_step_c6 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> layers = [0, 4, 1]

// -----

// expected-error @below {{'ashlar.weight' op source "w" has shape [8, 3, 3]; expected rank 2, as it is transposed}}
ashlar.weight @weight_c34 [#ashlar.tensor<"w", [8, 3, 3], rows = 0 for 9, transposed = true>] : tensor<9x8xf32>

// -----

// Sizes behind the first are one row.
// expected-error @below {{'ashlar.weight' op source has 6 columns; expected 3}}
ashlar.weight @weight_flattened_c4 [#ashlar.tensor<"w", [1, 8, 3, 2], rows = 0 for 8>] : tensor<8x3xf32>

// -----

// expected-error @below {{'ashlar.weight' op source "w" of a convolution has shape [8, 6]; expected rank 3, not transposed}}
ashlar.weight @weight_c71 [#ashlar.tensor<"w", [8, 6], rows = 0 for 8, convolution = true>] : tensor<8x6xf32>

// -----

// expected-error @below {{'ashlar.weight' op source "w" of a convolution has shape [8, 2, 3], transposed; expected rank 3, not transposed}}
ashlar.weight @weight_transposed_c71 [#ashlar.tensor<"w", [8, 2, 3], rows = 0 for 8, transposed = true, convolution = true>] : tensor<8x6xf32>

// -----

// expected-error @below {{'ashlar.weight' op takes rows 4 to 12 of "w", which has 8}}
ashlar.weight @weight_c35 [#ashlar.tensor<"w", [8, 3], rows = 4 for 8>] : tensor<8x3xf32>

// -----

// Stored the other way round, a tensor has as many rows as it has columns there.
// expected-error @below {{'ashlar.weight' op takes rows 0 to 8 of "w", which has 3}}
ashlar.weight @weight_transposed_c35 [#ashlar.tensor<"w", [8, 3], rows = 0 for 8, transposed = true>] : tensor<8x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op takes rows -1 to 7 of "w", which has 8}}
ashlar.weight @weight_negative_c35 [#ashlar.tensor<"w", [8, 3], rows = -1 for 8>] : tensor<8x3xf32>

// -----

// expected-error @below {{'ashlar.weight' op takes 8 rows by 3 every 4 of "w", which has 16}}
ashlar.weight @weight_c55 [#ashlar.tensor<"w", [16, 3], rows = 0 for 8 by 3 every 4>] : tensor<8x3xf32>

// -----

// expected-error @below {{'ashlar.weight' op takes 8 rows by 0 every 4 of "w", which has 16}}
ashlar.weight @weight_empty_c55 [#ashlar.tensor<"w", [16, 3], rows = 0 for 8 by 0 every 4>] : tensor<8x3xf32>

// -----

// Pieces over each other.
// expected-error @below {{'ashlar.weight' op takes 8 rows by 4 every 3 of "w", which has 16}}
ashlar.weight @weight_overlap_c55 [#ashlar.tensor<"w", [16, 3], rows = 0 for 8 by 4 every 3>] : tensor<8x3xf32>

// -----

// From row 4 on there is room for 8 rows, but the second piece would begin at row 13.
// expected-error @below {{'ashlar.weight' op takes 8 rows by 4 every 9 of "w", which has 16}}
ashlar.weight @weight_end_c55 [#ashlar.tensor<"w", [3, 16], rows = 4 for 8 by 4 every 9, transposed = true>] : tensor<8x3xf32>

// -----

// expected-error @below {{'ashlar.weight' op source has zeros at position 4; expected one of its 4, or -1 for none}}
ashlar.weight @weight_c92 [#ashlar.sinusoid<split_half, zero = 4, 4 x 8>] : tensor<4x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op source has zeros at position -2; expected one of its 4, or -1 for none}}
ashlar.weight @weight_negative_c92 [#ashlar.sinusoid<split_half, zero = -2, 4 x 8>] : tensor<4x8xf32>

// -----

// expected-error @below {{'ashlar.weight' op has 1 buckets for distances up to 8; expected buckets for near distances and a larger maximum}}
ashlar.weight @weight_c56 [#ashlar.relative_table<"b", 1 x 2, columns = 4, behind = 3, max_distance = 8>] : tensor<2x4xf32>

// -----

// Of 4 buckets on each side, 2 are for one distance each.
// expected-error @below {{'ashlar.weight' op has 8 buckets for distances up to 2; expected buckets for near distances and a larger maximum}}
ashlar.weight @weight_distance_c56 [#ashlar.relative_table<"b", 8 x 2, columns = 4, behind = 3, max_distance = 2, bidirectional = true>] : tensor<2x4xf32>

// -----

// expected-error @below {{'ashlar.weight' op has 3 buckets for distances up to 9; expected buckets for near distances and a larger maximum}}
ashlar.weight @weight_bidirectional_c56 [#ashlar.relative_table<"b", 3 x 2, columns = 4, behind = 3, max_distance = 9, bidirectional = true>] : tensor<2x4xf32>

// -----

// A column for each distance, a row for each head.
// expected-error @below {{'ashlar.weight' op source has 5 columns; expected 4}}
ashlar.weight @weight_alibi_c4 [#ashlar.alibi_table<2 x 5, behind = 4, max_bias = 8.0, scale = 1.0>] : tensor<2x4xf32>

// -----

// expected-error @below {{'ashlar.weight' op sources have 3 rows together; expected 2}}
ashlar.weight @weight_relative_c5 [#ashlar.relative_table<"b", 8 x 3, columns = 4, behind = 3, max_distance = 9>] : tensor<2x4xf32>

// -----

// Of pairs that lie side by side, every entry has its cosine and its sine.
// expected-error @below {{'ashlar.weight' op source has 8 columns; expected 4}}
ashlar.weight @weight_interleaved_c4 [#ashlar.rotary_table<<4 interleaved = true, theta = 1.0e+04, none, factor = 1.0, low = 1.0, high = 4.0, original = 0>, 2>] : tensor<2x4xf32>

// -----

// expected-error @below {{'ashlar.weight' op source has 0 rows; expected at least 1}}
ashlar.weight @weight_c36 [#ashlar.tensor<"w", [8], rows = 0 for 8>, #ashlar.zeros<0>] : tensor<8xf32>

// -----

// expected-error @below {{numbers in f32 are not encoded}}
ashlar.weight @f32_c45 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <f32>

// -----

// expected-error @below {{group is 0 for int4; expected 32, 64 or 128 for int4, none for others}}
ashlar.weight @no_group_c45 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int4>

// -----

// expected-error @below {{group is 48 for int4; expected 32, 64 or 128 for int4, none for others}}
ashlar.weight @odd_group_c45 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int4, group = 48>

// -----

// expected-error @below {{group is 64 for int8; expected 32, 64 or 128 for int4, none for others}}
ashlar.weight @int8_group_c45 [#ashlar.tensor<"w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> encoded <int8, group = 64>

// -----

// expected-error @below {{'ashlar.weight' op is encoded, but its type is 'tensor<8xf32>'; expected rank 2}}
ashlar.weight @vector_c53 [#ashlar.tensor<"w", [8], rows = 0 for 8>] : tensor<8xf32> encoded <bf16>

// -----

// expected-error @below {{'ashlar.weight' op is of 0 experts; expected at least 1}}
ashlar.weight @weight_c63 [#ashlar.tensor<"{expert}.w", [8, 8], rows = 0 for 8>] : tensor<8x8xf32> experts = 0
