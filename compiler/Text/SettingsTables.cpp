//===- SettingsTables.cpp - Generation, labels, pooling -> blob -----------===//

#include "compiler/Text/SettingsTables.h"
#include "compiler/Spec/Limits.h"
#include "runtime/text/text.h"

using namespace ashlar;

llvm::Expected<int32_t> ashlar::toToken(std::optional<int64_t> value,
                                        const char *name) {
  if (!value)
    return ASHLAR_TEXT_NONE;
  if (*value < 0 || *value > INT32_MAX)
    return userError("", llvm::Twine("\"") + name + "\" is " +
                             llvm::Twine(*value) + ", which is no token id");
  return static_cast<int32_t>(*value);
}

/// Lengths beyond what a context can hold are as good as its largest value.
static int32_t toLength(std::optional<int64_t> value) {
  if (!value)
    return ASHLAR_TEXT_NONE;
  return static_cast<int32_t>(std::clamp<int64_t>(*value, 0, INT32_MAX));
}

static uint32_t earlyStoppingOf(EarlyStopping value) {
  switch (value) {
  case EarlyStopping::False:
    return ASHLAR_EARLY_STOPPING_FALSE;
  case EarlyStopping::True:
    return ASHLAR_EARLY_STOPPING_TRUE;
  case EarlyStopping::Never:
    return ASHLAR_EARLY_STOPPING_NEVER;
  }
  return ASHLAR_EARLY_STOPPING_FALSE;
}

static void addSearch(const Generation &generation,
                      ashlar_text_header &header) {
  static_assert(maxLengthPenalty == ASHLAR_MAX_LENGTH_PENALTY);
  header.length_penalty = generation.lengthPenalty;
  header.early_stopping = earlyStoppingOf(generation.earlyStopping);
  header.num_return_sequences =
      static_cast<uint32_t>(generation.numReturnSequences);
}

static llvm::Error addGeneration(const Generation &generation, Blob &blob,
                                 ashlar_text_header &header) {
  std::vector<int64_t> start = generation.decoderPrompt;
  if (generation.decoderStartToken)
    start.insert(start.begin(), *generation.decoderStartToken);
  struct {
    llvm::ArrayRef<int64_t> values;
    const char *name;
    ashlar_text_section *field;
  } lists[] = {
      {generation.endTokens, "eos_token_id", &header.end_tokens},
      {start, "decoder_start_token_id", &header.decoder_start},
      {generation.suppressedTokens, "suppress_tokens", &header.suppressed},
      {generation.suppressedAtBegin, "begin_suppress_tokens",
       &header.suppressed_at_begin}};
  for (auto &list : lists) {
    std::vector<int32_t> ids;
    for (int64_t token : list.values) {
      llvm::Expected<int32_t> id = toToken(token, list.name);
      if (!id)
        return id.takeError();
      ids.push_back(*id);
    }
    *list.field = blob.add(ids);
  }
  struct {
    std::optional<int64_t> value;
    const char *name;
    int32_t *field;
  } tokens[] = {
      {generation.forcedFirstToken, "forced_bos_token_id",
       &header.forced_first},
      {generation.forcedLastToken, "forced_eos_token_id", &header.forced_last}};
  for (auto &token : tokens) {
    llvm::Expected<int32_t> id = toToken(token.value, token.name);
    if (!id)
      return id.takeError();
    *token.field = *id;
  }
  header.max_length = toLength(generation.maxLength);
  header.max_new_tokens = toLength(generation.maxNewTokens);
  addSearch(generation, header);
  return llvm::Error::success();
}

static uint32_t poolingOf(Pooling pooling) {
  switch (pooling) {
  case Pooling::Mean:
    return ASHLAR_POOLING_MEAN;
  case Pooling::Cls:
    return ASHLAR_POOLING_CLS;
  case Pooling::Last:
    return ASHLAR_POOLING_LAST;
  case Pooling::Max:
    return ASHLAR_POOLING_MAX;
  case Pooling::Other:
    return ASHLAR_POOLING_OTHER;
  }
  return ASHLAR_POOLING_OTHER;
}

static void addSentence(const std::optional<SentenceEmbedding> &sentence,
                        ashlar_text_header &header) {
  header.pooling =
      sentence ? poolingOf(sentence->pooling) : uint32_t(ASHLAR_POOLING_NONE);
  header.normalize = sentence && sentence->normalize;
}

static uint32_t scoresOf(std::optional<LabelScores> scores) {
  if (!scores)
    return ASHLAR_SCORES_USUAL;
  switch (*scores) {
  case LabelScores::Softmax:
    return ASHLAR_SCORES_SOFTMAX;
  case LabelScores::Sigmoid:
    return ASHLAR_SCORES_SIGMOID;
  case LabelScores::Logits:
    return ASHLAR_SCORES_LOGITS;
  }
  llvm_unreachable("every kind of scores is handled above");
}

static void addTexts(const TextSettings &texts, std::optional<int32_t> padding,
                     Blob &blob, ashlar_text_header &header) {
  auto toCount = [](int64_t count) {
    return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, INT32_MAX));
  };
  header.label_scores = scoresOf(texts.labelScores);
  header.most_tokens = toCount(texts.maxTokens);
  header.prompt = blob.addString(texts.prompt);
  header.padded_tokens = padding ? toCount(texts.paddedTokens) : 0;
  header.padding = padding.value_or(0);
}

static void addLabels(llvm::ArrayRef<std::string> labels, Blob &blob,
                      ashlar_text_header &header) {
  std::vector<ashlar_text_string> strings;
  for (const std::string &label : labels)
    strings.push_back(blob.addString(label));
  header.labels = blob.add(strings);
}

llvm::Error ashlar::addSettings(const TextOptions &options,
                                std::optional<int32_t> padding, Blob &blob,
                                ashlar_text_header &header) {
  if (llvm::Error error = addGeneration(options.generation, blob, header))
    return error;
  addLabels(options.labels, blob, header);
  addSentence(options.sentence, header);
  addTexts(options.texts, padding, blob, header);
  return llvm::Error::success();
}
