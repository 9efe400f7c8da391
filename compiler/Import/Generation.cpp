//===- Generation.cpp - Settings of text generation -----------------------===//

#include "compiler/Import/Generation.h"

#include "compiler/Spec/Checker.h"
#include "compiler/Spec/Limits.h"

#include <cmath>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// The member's value; null when absent or null.
static const JsonValue *find(const JsonDocument &document, StringRef key) {
  const JsonValue *value = document.root.find(key);
  return value && !value->isNull() ? value : nullptr;
}

static Error readInteger(const JsonDocument &document, StringRef key,
                         int64_t minimum, int64_t maximum,
                         std::optional<int64_t> &out) {
  const JsonValue *value = find(document, key);
  if (!value)
    return Error::success();
  Expected<int64_t> number = document.asInteger(*value, key, minimum, maximum);
  if (!number)
    return number.takeError();
  out = *number;
  return Error::success();
}

namespace {

/// Token ids are below `vocabulary`; a model without one has no ids.
struct TokenReader {
  const JsonDocument &document;
  int64_t vocabulary;
  const DefaultTokens &defaults;

  /// What the absent key means. null is not absence: it says that there is no
  /// such token. Nor does a smaller vocabulary have the default.
  bool hasDefault(StringRef key, int64_t id) const {
    return id >= 0 && id < vocabulary && !document.root.find(key);
  }

  Error readId(StringRef key, std::optional<int64_t> &out,
               int64_t byDefault = -1) const {
    if (vocabulary == 0)
      return Error::success();
    if (hasDefault(key, byDefault))
      out = byDefault;
    return readInteger(document, key, 0, vocabulary - 1, out);
  }

  /// One id or a list of them.
  Error readIds(StringRef key, std::vector<int64_t> &out,
                llvm::ArrayRef<int64_t> byDefault = {}) const {
    if (!byDefault.empty() && !document.root.find(key))
      out.clear();
    for (int64_t id : byDefault)
      if (hasDefault(key, id))
        out.push_back(id);
    const JsonValue *value = find(document, key);
    if (!value || vocabulary == 0)
      return Error::success();
    llvm::ArrayRef<JsonValue> ids = *value;
    if (value->isArray())
      ids = value->elements;
    out.clear();
    for (const JsonValue &id : ids) {
      Expected<int64_t> number = document.asInteger(id, key, 0, vocabulary - 1);
      if (!number)
        return number.takeError();
      out.push_back(*number);
    }
    return Error::success();
  }

  Error readTokens(Generation &result) const {
    if (Error error = readIds("eos_token_id", result.endTokens, defaults.eos))
      return error;
    if (Error error = readId("decoder_start_token_id", result.decoderStartToken,
                             defaults.decoderStart))
      return error;
    // Old checkpoints of llama say so that there is none.
    if (const JsonValue *pad = find(document, "pad_token_id"))
      if (pad->isNumber() && pad->text == "-1") {
        result.padToken.reset();
        return Error::success();
      }
    return readId("pad_token_id", result.padToken, defaults.pad);
  }

  /// Older bart configurations say with a flag that bos comes first.
  Error readForcedTokens(Generation &result) const {
    const JsonValue *flag = find(document, "force_bos_token_to_be_generated");
    bool flagged = flag && flag->isBoolean() && flag->boolean &&
                   !find(document, "forced_bos_token_id");
    if (Error error = readId(flagged ? "bos_token_id" : "forced_bos_token_id",
                             result.forcedFirstToken))
      return error;
    return readId("forced_eos_token_id", result.forcedLastToken,
                  defaults.forcedEos);
  }

  Error readSuppressed(Generation &result) const {
    if (Error error = readIds("suppress_tokens", result.suppressedTokens))
      return error;
    return readIds("begin_suppress_tokens", result.suppressedAtBegin,
                   defaults.beginSuppress);
  }

  /// [[1, id], [2, id], ...]: what stands behind the start token. `isOpen`: one
  /// of them is null, for the program that asks to choose.
  Error readForcedPrompt(std::vector<int64_t> &prompt, bool &isOpen) const {
    const StringRef key = "forced_decoder_ids";
    const JsonValue *list = find(document, key);
    if (!list)
      return Error::success();
    for (const JsonValue &pair : list->elements) {
      int64_t place = static_cast<int64_t>(prompt.size()) + 1;
      if (!pair.isArray() || pair.elements.size() != 2)
        return userError(document.where(pair),
                         "\"" + key + "\" has " + describe(pair) +
                             "; expected [" + llvm::Twine(place) + ", id]");
      Expected<int64_t> at =
          document.asInteger(pair.elements[0], key, place, place);
      if (!at)
        return at.takeError();
      isOpen |= pair.elements[1].isNull();
      prompt.push_back(0);
      if (pair.elements[1].isNull())
        continue;
      if (Error error =
              document.asInteger(pair.elements[1], key, 0, vocabulary - 1)
                  .moveInto(prompt.back()))
        return error;
    }
    return Error::success();
  }
};

} // namespace

static Error readLimits(const JsonDocument &document, Generation &result) {
  if (Error error =
          readInteger(document, "max_length", 1, maxCount, result.maxLength))
    return error;
  return readInteger(document, "max_new_tokens", 1, maxCount,
                     result.maxNewTokens);
}

/// `early_stopping`: a flag, or "never".
static Error readEarlyStopping(const JsonDocument &document,
                               EarlyStopping &out) {
  const JsonValue *value = find(document, "early_stopping");
  if (!value)
    return Error::success();
  if (value->isBoolean()) {
    out = value->boolean ? EarlyStopping::True : EarlyStopping::False;
    return Error::success();
  }
  out = EarlyStopping::Never;
  if (value->isString() && value->text == "never")
    return Error::success();
  return userError(document.where(*value),
                   "\"early_stopping\" is " + describe(*value) +
                       "; expected false, true or \"never\"");
}

/// Settings of beam search, which the user asks for.
static Error readSearch(const JsonDocument &document, Generation &result) {
  if (const JsonValue *value = find(document, "length_penalty")) {
    Expected<double> penalty = document.asDouble(*value, "length_penalty");
    if (!penalty)
      return penalty.takeError();
    if (std::abs(*penalty) > maxLengthPenalty)
      return userError(document.where(*value),
                       "\"length_penalty\" is " + describe(*value) +
                           "; expected a number from " +
                           formatDouble(-maxLengthPenalty) + " to " +
                           formatDouble(maxLengthPenalty));
    result.lengthPenalty = *penalty;
  }
  std::optional<int64_t> sequences;
  if (Error error =
          readInteger(document, "num_return_sequences", 1, maxCount, sequences))
    return error;
  result.numReturnSequences = sequences.value_or(1);
  return readEarlyStopping(document, result.earlyStopping);
}

/// What an encoder-decoder's output begins with, behind the start token. Of
/// models for many languages, one of these tokens says which; where the
/// settings leave it open, the prompt is left to the user.
static Error readPrompt(const TokenReader &tokens, const TokenReader &fallback,
                        StringRef file, Generation &result,
                        std::vector<std::string> &warnings) {
  const JsonDocument &document = tokens.document;
  bool hasOwn = find(document, "forced_decoder_ids");
  bool isOpen = false;
  if (Error error = (hasOwn ? tokens : fallback)
                        .readForcedPrompt(result.decoderPrompt, isOpen))
    return error;
  isOpen |= result.decoderPrompt.empty() && find(document, "lang_to_id");
  if (isOpen) {
    result.decoderPrompt.clear();
    warnings.push_back((file +
                        " leaves the language of the output open; "
                        "--language or --decoder-ids says what it begins with")
                           .str());
    return Error::success();
  }
  std::optional<int64_t> last;
  if (Error error = tokens.readId("no_timestamps_token_id", last))
    return error;
  if (last &&
      (result.decoderPrompt.empty() || result.decoderPrompt.back() != *last))
    result.decoderPrompt.push_back(*last);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// What is set aside
//===----------------------------------------------------------------------===//

namespace {
/// A setting that changes what is decoded unless it has this value.
struct NeutralValue {
  const char *key;
  const char *value;            // a number as text; "" = null or an empty list
  const char *option = nullptr; // which asks for the same
};
} // namespace

static constexpr NeutralValue neutralValues[] = {
    {"bad_words_ids", ""},
    {"constraints", ""},
    {"diversity_penalty", "0"},
    {"dola_layers", ""},
    {"encoder_no_repeat_ngram_size", "0"},
    {"encoder_repetition_penalty", "1"},
    {"exponential_decay_length_penalty", ""},
    {"force_words_ids", ""},
    {"guidance_scale", "1"},
    {"max_time", ""},
    {"min_length", "0"},
    {"min_new_tokens", "0"},
    {"no_repeat_ngram_size", "0"},
    {"num_beam_groups", "1"},
    {"num_beams", "1", "--beams"},
    {"penalty_alpha", "0"},
    {"renormalize_logits", "false"},
    {"repetition_penalty", "1", "--repetition-penalty"},
    {"return_timestamps", "false"},
    {"sequence_bias", ""},
    {"stop_strings", ""},
    {"token_healing", "false"},
    {"watermarking_config", ""},
};

static bool isNeutral(const JsonValue &value, StringRef neutral) {
  if (value.isArray() && value.elements.empty())
    return true;
  if (value.isBoolean())
    return neutral == (value.boolean ? "true" : "false");
  double number = 0, expected = 0;
  return value.isNumber() && !neutral.getAsDouble(expected) &&
         !StringRef(value.text).getAsDouble(number) && number == expected;
}

/// The defaults of an artifact are greedy; what an option asks for, the warning
/// says how to have.
static void warnOfSettings(const JsonDocument &document, StringRef file,
                           std::vector<std::string> &warnings) {
  const JsonValue *sampling = find(document, "do_sample");
  if (sampling && sampling->isBoolean() && sampling->boolean)
    warnings.push_back((file + " asks for sampling; without --temperature, "
                               "--top-k, --top-p or --seed decoding is greedy")
                           .str());
  std::string keys, options;
  for (const NeutralValue &entry : neutralValues) {
    const JsonValue *value = find(document, entry.key);
    if (!value || isNeutral(*value, entry.value))
      continue;
    if (entry.option && value->isNumber())
      options += (llvm::Twine(" ") + entry.option + "=" + value->text).str();
    else
      keys += (keys.empty() ? "" : ", ") + std::string(entry.key);
  }
  if (!keys.empty())
    warnings.push_back(
        (file + " asks for " + keys + "; decoding sets them aside").str());
  if (!options.empty())
    warnings.push_back(
        (file + " asks for what generation does with" + options + " alone")
            .str());
}

Expected<Generation>
ashlar::readGeneration(const JsonDocument &config,
                       const JsonDocument *generation, const ModelSpec &spec,
                       const DefaultTokens &defaults,
                       std::vector<std::string> &warnings) {
  const JsonDocument &decisive = generation ? *generation : config;
  int64_t vocabulary =
      spec.decoder() ? spec.decoder()->embedding.vocabulary : 0;
  DefaultTokens known = generation ? DefaultTokens() : defaults;
  TokenReader fallback{config, vocabulary, known};
  TokenReader tokens{decisive, vocabulary, known};
  Generation result;
  // A decoder without a start token of its own starts with bos.
  if (spec.encoder() && spec.decoder())
    for (const TokenReader &reader : {fallback, tokens})
      if (Error error = reader.readId("bos_token_id", result.decoderStartToken,
                                      known.bos))
        return error;
  for (const TokenReader &reader : {fallback, tokens})
    if (Error error = reader.readTokens(result))
      return error;
  if (Error error = tokens.readForcedTokens(result))
    return error;
  if (Error error = tokens.readSuppressed(result))
    return error;
  StringRef file = generation ? "generation_config.json" : "config.json";
  if (vocabulary && result.decoderStartToken && spec.encoder() &&
      spec.decoder())
    if (Error error = readPrompt(tokens, fallback, file, result, warnings))
      return error;
  if (Error error = readLimits(decisive, result))
    return error;
  if (Error error = readSearch(decisive, result))
    return error;
  warnOfSettings(decisive, file, warnings);
  return result;
}
