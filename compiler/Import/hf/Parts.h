//===- Parts.h - The pieces that families are made of ----------*- C++ -*-===//
//
// Descriptions of modules by the names of their tensors: a module "x" stores
// "x.weight" and "x.bias".
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_PARTS_H
#define ASHLAR_COMPILER_IMPORT_HF_PARTS_H

#include "compiler/Import/ConfigReader.h"
#include "compiler/Spec/ModelSpec.h"

namespace ashlar::hf {

Weight tensor(const llvm::Twine &name, std::vector<int64_t> stored);

/// Rows [begin, begin + count) of a tensor.
Weight rows(const llvm::Twine &name, std::vector<int64_t> stored, int64_t begin,
            int64_t count);

/// A linear layer whose weight is stored as [out, in].
Linear linear(const llvm::Twine &module, int64_t in, int64_t out, bool bias);

Norm layerNorm(const llvm::Twine &module, int64_t features, double epsilon,
               bool bias = true);
/// Of each head by itself, with a gain of its own: [heads, head_dim], no bias.
Norm headsNorm(const llvm::Twine &module, int64_t heads, int64_t headDim,
               double epsilon);
Norm rmsNorm(const llvm::Twine &module, int64_t features, double epsilon);

/// Attention of `heads` over `hidden` with scale head_dim^-0.5 and as many
/// key and value heads; the projections are the caller's.
Attention attention(int64_t hidden, int64_t heads, bool causal);

Positions learnedPositions(const llvm::Twine &name, int64_t count,
                           int64_t hidden, int64_t offset = 0);

/// The id of a token, from 0 on.
int64_t readToken(ConfigReader &config, llvm::StringRef key, int64_t fallback);

/// The position of a sequence's first token where they count from behind
/// `pad_token_id` (absent: 1).
int64_t readFirstPosition(ConfigReader &config);

/// One group of `count` layers.
std::vector<BlockGroup> uniformBlocks(int64_t count, Block block);

/// A head of one linear layer, "logits" of every token.
Head languageModelHead(Linear linear);

/// The name in `architectures` that the model is read as. Without the key it
/// is the first of `supported`.
llvm::StringRef architecture(ConfigReader &config,
                             llvm::ArrayRef<const char *> supported,
                             std::vector<std::string> &warnings);

/// id2label, or num_labels numbered ones: the names of a classifier's classes.
/// Without either there are `defaultClasses`.
std::vector<std::string> classLabels(ConfigReader &config,
                                     int64_t defaultClasses = 2);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_PARTS_H
