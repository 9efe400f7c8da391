//===- Functions.h - The mathematics of every op ---------------*- C++ -*-===//
//
// One plain function per op, float64, no tricks: what compiled code is compared
// with. Ops.td says what each computes.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_REFERENCE_FUNCTIONS_H
#define ASHLAR_COMPILER_REFERENCE_FUNCTIONS_H

#include "compiler/Reference/Tensor.h"
#include "dialect/Ashlar.h"

namespace ashlar::reference {

/// Sum of a[i] * b[i].
double dot(const double *a, const double *b, int64_t count);

double activate(ir::ActivationKind kind, double x);
Tensor activate(ir::ActivationKind kind, Tensor input);
Tensor add(Tensor lhs, const Tensor &rhs);
Tensor multiply(Tensor lhs, const Tensor &rhs);
Tensor scale(Tensor input, double factor);
Tensor softCap(Tensor input, double cap);
/// The weights of the `top` largest logits of each row, zeros for the others.
Tensor route(const Tensor &logits, int64_t top, bool renormalized);
Tensor clip(Tensor input, double limit);

/// Of each of `groups` parts of a row; `gain` and `bias` are empty, of all of
/// them or of one.
Tensor norm(ir::NormKind kind, const Tensor &input, llvm::ArrayRef<double> gain,
            llvm::ArrayRef<double> bias, double epsilon, int64_t groups = 1);

/// Rows beside their neighbours; `sequences` describes every `perToken`-th row
/// of the result.
Tensor unfold(const Tensor &input, const Sequences &sequences, int64_t kernel,
              int64_t stride, int64_t padding, int64_t perToken);

/// A row for each sequence: the mean of its rows from index `from` on, `count`
/// of them where that is given; zeros where there is none.
Tensor pool(const Tensor &input, const Sequences &sequences, int64_t from,
            std::optional<int64_t> count);

/// Row t: 1 in column 0 for the tokens of each sequence up to the first one of
/// the id `separator` (for its first token where there is none), 1 in column 1
/// behind it, of `features`; all 0 for the first `skip` tokens.
Tensor segments(llvm::ArrayRef<int32_t> ids, const Sequences &sequences,
                int64_t separator, int64_t skip, int64_t features);

/// Row t of each input, behind each other.
Tensor concat(llvm::ArrayRef<const Tensor *> inputs);

/// Columns [begin, begin + features).
Tensor slice(const Tensor &input, int64_t begin, int64_t features);

/// Cosines and sines of positions[t], of frequencies for the length that the
/// token's sequence ends with among `tokens`, in row t.
Tensor angles(llvm::ArrayRef<int32_t> positions, const Sequences &tokens,
              ir::RotaryAttr rotary);
/// Rotates each head of token t by row t of `angles`, or by positions[t].
Tensor rotate(Tensor heads, const Tensor &angles, ir::RotaryAttr rotary);
Tensor rotate(Tensor heads, llvm::ArrayRef<int32_t> positions,
              ir::RotaryAttr rotary);

/// [tokens, heads, head_dim] x [keys, kv_heads, head_dim]
/// -> [tokens, heads, keys]
Tensor scores(const Tensor &query, const Tensor &key);
/// vector[head] . tanh(query + key), of the same shapes; `vector` is
/// [heads * head_dim].
Tensor additiveScores(const Tensor &query, const Tensor &key,
                      llvm::ArrayRef<double> vector);
/// Adds entry (head, key index - query index + behind) of `table`.
Tensor biasPositions(Tensor scores, const Sequences &queries,
                     const Sequences &keys, const Tensor &table,
                     int64_t behind);
/// Adds log(times) for the keys of a query's sequence that `pattern` admits.
Tensor repeat(mlir::Attribute pattern, int64_t times, Tensor scores,
              const Sequences &queries, const Sequences &keys);
Tensor mask(ir::MaskKind kind, std::optional<int64_t> window, Tensor scores,
            const Sequences &queries, const Sequences &keys,
            mlir::Attribute pattern = {});
/// Over the last dimension; a row of minus infinities gives zeros.
Tensor softmax(Tensor scores);
/// [tokens, heads, keys] x [keys, kv_heads, head_dim]
/// -> [tokens, heads, head_dim]
Tensor mix(const Tensor &weights, const Tensor &value);

} // namespace ashlar::reference

#endif // ASHLAR_COMPILER_REFERENCE_FUNCTIONS_H
