//===- Encoder.h - What encoder-only families share ------------*- C++ -*-===//
//
// Most of them are bert with other names of tensors: tables of tokens, token
// types and positions, a norm over their sum, post-norm blocks, and a head that
// reads every token or the first one.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_ENCODER_H
#define ASHLAR_COMPILER_IMPORT_HF_ENCODER_H

#include "compiler/Import/hf/Parts.h"

namespace ashlar::hf {

/// Bidirectional attention by `num_attention_heads` without projections.
Attention encoderAttention(ConfigReader &config, int64_t hidden);

/// The modules of an attention's projections, with biases.
struct ProjectionNames {
  std::string query, key, value, output;
};
void addBiasedProjections(Attention &attention, const ProjectionNames &names,
                          int64_t hidden);

/// Feed-forward by `intermediate_size` and `hidden_act`, of these modules.
FeedForward encoderFeedForward(ConfigReader &config, const llvm::Twine &up,
                               const llvm::Twine &down, int64_t hidden,
                               llvm::StringRef defaultActivation = "gelu");

/// Bert's block in `layer` ("bert.encoder.layer.{layer}").
Block bertBlock(ConfigReader &config, const llvm::Twine &layer, int64_t hidden,
                double epsilon);

/// Tables of `module` that are `width` wide and the norm over their sum. The
/// table of positions has max_position_embeddings rows; the first token's is
/// `firstPosition`.
Embedding bertEmbedding(ConfigReader &config, const llvm::Twine &module,
                        int64_t width, double epsilon,
                        int64_t firstPosition = 0);
/// The same without token types.
Embedding untypedEmbedding(ConfigReader &config, const llvm::Twine &module,
                           int64_t width, double epsilon,
                           int64_t firstPosition = 0);

/// A stack of tokens: input_ids -> last_hidden_state.
Stack encoderStack(int64_t hidden, Embedding embedding,
                   std::vector<BlockGroup> blocks);
Stack encoderStack(int64_t hidden, Embedding embedding, int64_t layers,
                   Block block);

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

HeadLayer headLayer(Linear linear,
                    std::optional<Activation> activation = std::nullopt,
                    std::optional<Norm> norm = std::nullopt);

/// A head of the first token of each sequence.
Head firstTokenHead(llvm::StringRef output, std::vector<HeadLayer> layers);

/// "pooler_output": tanh of the linear `module`.
Head poolerHead(const llvm::Twine &module, int64_t hidden);

/// "logits" of a class each: act(dense), then `output`, of the first token.
/// Reads the names of the classes.
void addClassifier(ConfigReader &config, ModelSpec &spec, HeadLayer dense,
                   const llvm::Twine &output);
/// "logits" of a class each, of what `head` gives, `width` features. Without
/// names and number there are `defaultClasses`.
void addClassifier(ConfigReader &config, ModelSpec &spec, Head head,
                   int64_t width, const llvm::Twine &output,
                   int64_t defaultClasses = 2);
/// The same behind any layer, which gives `width` features.
void addClassifier(ConfigReader &config, ModelSpec &spec, HeadLayer before,
                   int64_t width, const llvm::Twine &output);

/// "start_logits" and "end_logits", a number for every token: what the rows of
/// `module` make of what `head` gives, `width` features.
void addSpanHeads(ModelSpec &spec, const Head &head, int64_t width,
                  const llvm::Twine &module);

/// The heads of models "...ForTokenClassification" ("logits" of `classifier`, a
/// class each, of every token) and "...ForQuestionAnswering" ("start_logits"
/// and "end_logits", a number for every token). False for other models.
bool addTokenHeads(ConfigReader &config, ModelSpec &spec, llvm::StringRef model,
                   int64_t hidden, llvm::StringRef classifier = "classifier");

/// Modules of norm(act(dense)), then the decoder, whose weight is the table of
/// tokens when tied. `bias` is the decoder's: a tensor.
struct MaskedLmNames {
  llvm::StringRef dense, norm, decoder, bias;
};
void addMaskedLmHead(ModelSpec &spec, const Stack &stack,
                     const MaskedLmNames &names, Activation activation,
                     double epsilon, bool tied);

/// What "...ForPreTraining" adds to the masked-lm head, which gives
/// "prediction_logits" then: `output`, the numbers by which `module` tells of
/// what `pooler` gives how two texts follow each other.
void addPairHead(ModelSpec &spec, Head pooler, llvm::StringRef output,
                 const llvm::Twine &module, int64_t classes);

/// The head that roberta's `model` has, which others took over: `prefix` is the
/// encoder's ("roberta.").
void addRobertaHead(ConfigReader &config, ModelSpec &spec,
                    llvm::StringRef model, const Stack &stack,
                    llvm::StringRef prefix, double epsilon);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_ENCODER_H
