//===- Validator.h - The checks of a description ---------------*- C++ -*-===//
//
// Private to Validate*.cpp: weights, blocks, what is around them, heads.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_VALIDATOR_H
#define ASHLAR_COMPILER_SPEC_VALIDATOR_H

#include "compiler/Spec/Checker.h"
#include "compiler/Spec/Limits.h"
#include "compiler/Spec/Validate.h"

namespace ashlar {

/// One function per structure of ModelSpec.h; `at` is the structure's path.
class Validator {
public:
  Validator(const ModelSpec &spec, FieldLocator locate)
      : spec(spec), check(locate) {}
  llvm::Error run();

private:
  void checkMatrix(const std::string &at, const Weight &weight, int64_t out,
                   int64_t in);
  void checkVector(const std::string &at, const Weight &weight, int64_t size);
  void checkParts(const std::string &at, const Weight &weight);
  void checkRows(const std::string &at, const Weight &weight, int64_t stored,
                 int64_t expected);
  void checkPieces(const std::string &at, const Weight &weight, int64_t stored);
  bool checkTensor(const std::string &at, const Weight &weight);
  void checkLinear(const std::string &at, const Linear &linear, int64_t in,
                   const char *whoseIn, int64_t out, const char *whoseOut);
  /// `groups`: parts of it that may be normalized each by itself.
  void checkNorm(const std::string &at, const Norm &norm, int64_t features,
                 int64_t groups = 1);
  void checkUnusedScaling(const std::string &at, const Rotary &rotary);
  void checkFactors(const std::string &at, const Rotary &rotary,
                    const std::vector<double> &factors);
  void checkRotary(const std::string &at, const Rotary &rotary,
                   int64_t headDim);
  void checkPositionBias(const std::string &at, const PositionBias &bias,
                         const Attention &attention);
  void checkMask(const std::string &at, const Mask &mask, const Stack &stack);
  void checkMasks(const std::string &at, const Attention &attention,
                  const Stack &stack);
  void checkMarked(const std::string &at, const Attention &attention,
                   const Stack &stack);
  void checkProjection(const std::string &at, const Linear &linear, int64_t in,
                       const char *whoseIn, int64_t out, const char *whoseOut);
  void checkHeadsNorm(const std::string &at, const std::optional<Norm> &norm,
                      int64_t headDim, int64_t width);
  void checkAttention(const std::string &at, const Attention &attention,
                      int64_t hidden, int64_t sourceHidden);
  void checkExperts(const std::string &at, const Experts &experts,
                    int64_t hidden);
  void checkFeedForward(const std::string &at, const FeedForward &feedForward,
                        int64_t hidden,
                        const char *whose = "the stack's hidden");
  void checkNorms(const std::string &at, const Block &block, int64_t hidden);
  void checkScale(const std::string &at, const Block &block,
                  const std::optional<Weight> &scale, int64_t hidden);
  void checkBlock(const std::string &at, const Block &block,
                  const Stack &stack);
  void checkBlocks(const std::string &at, const Stack &stack);
  void checkPositions(const std::string &at, const Positions &positions,
                      const Stack &stack, int64_t width);
  void checkConvolution(const std::string &at, const Convolution &convolution,
                        int64_t features, int64_t out);
  void checkStem(const std::string &at, const Stack &stack);
  void checkMarks(const std::string &at, const Stack &stack);
  void checkPatches(const std::string &at, const Patches &patches,
                    const Stack &stack);
  void checkTypes(const std::string &at, const Stack &stack);
  void checkEmbedding(const std::string &at, const Stack &stack);
  void checkRecomputing(const std::string &at, const Stack &stack);
  void checkStack(const std::string &at, const Stack &stack);
  void checkStacks();
  int64_t checkHeadLayers(const std::string &at,
                          const std::vector<HeadLayer> &layers, int64_t width);
  void checkAttentionPool(const std::string &at, const AttentionPool &pool,
                          const Stack &stack);
  void checkPooledRows(const std::string &at, const Pool &pool,
                       const Stack &stack);
  int64_t checkPools(const std::string &at, const Head &head);
  void checkSegmentOffset(const std::string &at, const Head &head);
  void checkHead(const std::string &at, const Head &head);
  void checkGeneration();
  void checkNames();

  const ModelSpec &spec;
  Checker check;
  /// Layers in the group at hand; 0 outside of blocks.
  int64_t layersOfGroup = 0;
  /// Whether the tensors at hand are those of experts.
  bool amongExperts = false;
};

/// "blocks[2]".
std::string indexed(const char *list, size_t index);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_VALIDATOR_H
