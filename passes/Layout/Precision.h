//===- Precision.h - What --precision says ---------------------*- C++ -*-===//
//
//   f32 | bf16 | int8 | int4 [,group=32|64|128] [,zero_points]
//   [,lm_head=PRECISION] [,embeddings=f32|bf16] [,kv=f32|bf16|int8]
//   [,PATTERN=PRECISION ...]
//
// The first word is for the linears of the stacks. `lm_head` is for the linears
// of the heads: the same where it is not given, but int8 under int4.
// `embeddings` is for tables of token embeddings: bf16 where it is not given,
// f32 under f32; a table that the head shares follows the head. `kv` is for
// keys and values, kept and multiplied: bf16 where it is not given, f32 under
// f32; int8 is kept only, and multiplied as bf16. Routers of experts are f32. A
// PATTERN with * and ? is for
// linears any of whose tensors it matches; the last one that matches decides.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LAYOUT_PRECISION_H
#define ASHLAR_PASSES_LAYOUT_PRECISION_H

#include "dialect/Ashlar.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/GlobPattern.h"

#include <optional>
#include <string>
#include <vector>

namespace ashlar {

struct PrecisionOptions {
  struct Exception {
    std::string text; // of the pattern
    llvm::GlobPattern pattern;
    ir::Precision precision;

    /// Whether it matches any of the weight's tensors. Those of all its layers
    /// count as those of the first: layers that a pattern tells apart share no
    /// weight (compiler/Build/LayerLoops.h); likewise those of all experts,
    /// which a pattern must not tell apart.
    bool matches(ir::WeightOp weight) const;
  };
  std::string text = "f32"; // what was parsed
  ir::Precision linears = ir::Precision::F32;
  ir::Precision heads = ir::Precision::F32;
  ir::Precision embeddings = ir::Precision::F32;
  ir::Precision keysAndValues = ir::Precision::F32;
  int64_t group = 64;
  bool zeroPoints = false;
  std::vector<Exception> exceptions;

  /// Errors name the word that is wrong and what may stand there.
  static llvm::Expected<PrecisionOptions> parse(llvm::StringRef text);

  /// The one with the fewest bits that any linear or key may have.
  ir::Precision lowest() const;

  /// Number of the last exception that matches `tensor`, or -1.
  int64_t exceptionFor(llvm::StringRef tensor) const;

  /// The first one that matches no weight of any linear of `module`, or null.
  const Exception *unusedException(mlir::ModuleOp module) const;

  /// The first one that matches the tensor of one expert and not of another,
  /// or null: experts share code.
  const Exception *dividingException(mlir::ModuleOp module) const;

  /// The encoding of `precision`, null for f32.
  ir::EncodingAttr encoding(mlir::MLIRContext *context,
                            ir::Precision precision) const;
};

} // namespace ashlar

#endif // ASHLAR_PASSES_LAYOUT_PRECISION_H
