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

/// `gain` and `bias` are [features] or empty.
Tensor norm(ir::NormKind kind, const Tensor &input, llvm::ArrayRef<double> gain,
            llvm::ArrayRef<double> bias, double epsilon);

/// Columns [begin, begin + features).
Tensor slice(const Tensor &input, int64_t begin, int64_t features);

/// Rotates each head of token t by positions[t].
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
Tensor mask(ir::MaskKind kind, std::optional<int64_t> window, Tensor scores,
            const Sequences &queries, const Sequences &keys);
/// Over the last dimension; a row of minus infinities gives zeros.
Tensor softmax(Tensor scores);
/// [tokens, heads, keys] x [keys, kv_heads, head_dim]
/// -> [tokens, heads, head_dim]
Tensor mix(const Tensor &weights, const Tensor &value);

} // namespace ashlar::reference

#endif // ASHLAR_COMPILER_REFERENCE_FUNCTIONS_H
