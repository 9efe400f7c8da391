//===- Rotary.cpp - Rotary positions of a configuration -------------------===//

#include "compiler/Import/hf/Decoder.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static void readLlama3(ConfigReader &scaling, Rotary &rotary) {
  rotary.scaling = RopeScalingKind::Llama3;
  rotary.factor = scaling.positive("factor");
  rotary.lowFrequencyFactor = scaling.positive("low_freq_factor");
  rotary.highFrequencyFactor = scaling.positive("high_freq_factor");
  rotary.originalMaxPositions =
      scaling.count("original_max_position_embeddings", maxCount);
  if (rotary.highFrequencyFactor <= rotary.lowFrequencyFactor)
    scaling.fail("high_freq_factor", "expected more than \"low_freq_factor\"");
}

/// Peng et al. 2023. Without an original length it is the model's own.
static void readYarn(ConfigReader &config, ConfigReader &scaling,
                     Rotary &rotary) {
  rotary.scaling = RopeScalingKind::Yarn;
  rotary.factor = scaling.positive("factor");
  rotary.betaFast = scaling.positiveOr("beta_fast", 32.0);
  rotary.betaSlow = scaling.positiveOr("beta_slow", 1.0);
  if (rotary.betaFast <= rotary.betaSlow)
    scaling.fail("beta_fast", "expected more than \"beta_slow\"");
  rotary.originalMaxPositions =
      scaling.find("original_max_position_embeddings")
          ? scaling.count("original_max_position_embeddings", maxCount)
          : config.count("max_position_embeddings", maxCount);
  double byFactor =
      rotary.factor > 1.0 ? 0.1 * std::log(rotary.factor) + 1.0 : 1.0;
  rotary.magnitude = scaling.positiveOr("attention_factor", byFactor);
}

/// Theta grows with a sequence that is longer than the model's own length.
static void readDynamic(ConfigReader &config, ConfigReader &scaling,
                        Rotary &rotary) {
  rotary.scaling = RopeScalingKind::Dynamic;
  rotary.factor = scaling.positive("factor");
  if (rotary.factor < 1.0)
    scaling.fail("factor", "expected at least 1");
  rotary.originalMaxPositions =
      config.count("max_position_embeddings", maxCount);
  const char *key = "original_max_position_embeddings";
  if (scaling.countOr(key, rotary.originalMaxPositions, maxCount) !=
      rotary.originalMaxPositions)
    scaling.fail(key, "supported: \"max_position_embeddings\" (" +
                          llvm::Twine(rotary.originalMaxPositions) + ")");
  if (rotary.dimensions < 4)
    scaling.fail(scaling.find("rope_type") ? "rope_type" : "type",
                 "expected at least 4 of a head's features to be rotated, "
                 "not " +
                     llvm::Twine(rotary.dimensions));
}

/// A list of `pairs` numbers over 0.
static std::vector<double> readFactors(ConfigReader &scaling, StringRef key,
                                       int64_t pairs) {
  std::vector<double> factors;
  const JsonValue *list = scaling.find(key);
  if (list && list->isArray() &&
      static_cast<int64_t>(list->elements.size()) == pairs)
    for (const JsonValue &element : list->elements) {
      llvm::Expected<double> factor =
          scaling.source().asDouble(element, key.str());
      if (!factor) {
        scaling.record(factor.takeError());
        return factors;
      }
      if (*factor > 0)
        factors.push_back(*factor);
    }
  if (static_cast<int64_t>(factors.size()) != pairs)
    scaling.fail(key, "expected a list of " + llvm::Twine(pairs) +
                          " numbers over 0, one for each pair of a head's "
                          "rotated features");
  return factors;
}

/// Ding et al. 2024. Short factors up to the original length, long ones beyond.
static void readLongRope(ConfigReader &config, ConfigReader &scaling,
                         Rotary &rotary) {
  rotary.scaling = RopeScalingKind::LongRope;
  int64_t pairs = rotary.dimensions / 2;
  rotary.shortFactors = readFactors(scaling, "short_factor", pairs);
  rotary.longFactors = readFactors(scaling, "long_factor", pairs);
  const char *key = "original_max_position_embeddings";
  bool isNested = scaling.find(key);
  rotary.originalMaxPositions =
      (isNested ? scaling : config).count(key, maxCount);
  auto original = static_cast<double>(rotary.originalMaxPositions);
  double grown =
      static_cast<double>(config.count("max_position_embeddings", maxCount)) /
      original;
  // Beside a length of the configuration's own, a factor has no effect.
  double factor = scaling.positiveOr("factor", grown);
  if (!isNested)
    factor = grown;
  double byFactor = factor > 1.0 && original > 1.0
                        ? std::sqrt(1.0 + std::log(factor) / std::log(original))
                        : 1.0;
  rotary.magnitude = scaling.positiveOr("attention_factor", byFactor);
}

/// The first files with lists of factors called their kind otherwise.
static StringRef todaysName(ConfigReader &scaling, StringRef kind) {
  bool isLong =
      kind == "su" || (kind == "yarn" && scaling.find("short_factor"));
  return isLong ? "longrope" : kind;
}

/// The kind stands under "rope_type" or, in older files, "type".
static void readScaling(ConfigReader &config, ConfigReader &scaling,
                        Rotary &rotary) {
  StringRef key = scaling.find("rope_type") ? "rope_type" : "type";
  scaling.markRead("type");
  // A factor alone says that something is scaled, but not how.
  StringRef kind = scaling.find("factor") ? scaling.string(key)
                                          : scaling.stringOr(key, "default");
  kind = todaysName(scaling, kind);
  if (key == "rope_type" && scaling.find("type") &&
      todaysName(scaling, scaling.stringOr("type", "")) != kind)
    return scaling.fail("type", "expected the value of \"rope_type\" (\"" +
                                    escapeForDisplay(scaling.string(key)) +
                                    "\")");
  if (kind == "longrope") {
    readLongRope(config, scaling, rotary);
  } else if (kind == "linear") {
    rotary.scaling = RopeScalingKind::Linear;
    rotary.factor = scaling.positive("factor");
  } else if (kind == "llama3") {
    readLlama3(scaling, rotary);
  } else if (kind == "yarn") {
    readYarn(config, scaling, rotary);
  } else if (kind == "dynamic") {
    readDynamic(config, scaling, rotary);
  } else if (kind != "default") {
    scaling.fail(key,
                 "supported: default, dynamic, linear, llama3, longrope, yarn");
  }
}

/// The part of a head that turns, if `reader` says it: in whole pairs. Families
/// whose heads turn as a whole do not read it.
static void readPart(ConfigReader &reader, Rotary &rotary, int64_t headDim,
                     bool mayBePartial) {
  const char *key = "partial_rotary_factor";
  if (!mayBePartial || !reader.find(key))
    return;
  double part = reader.positiveOr(key, 1.0);
  if (part > 1.0)
    return reader.fail(key, "expected at most 1");
  rotary.dimensions = static_cast<int64_t>(static_cast<double>(headDim) * part);
  if (rotary.dimensions < 2 || rotary.dimensions % 2 != 0)
    reader.fail(key, "expected an even number of a head's features to be "
                     "rotated, not " +
                         llvm::Twine(rotary.dimensions));
}

Rotary hf::readRotary(ConfigReader &config, int64_t headDim,
                      double defaultTheta, std::optional<double> defaultPart) {
  // Where the key does not size the heads it would turn them otherwise.
  if (config.countOr("head_dim", headDim, maxHeads) != headDim)
    config.fail("head_dim",
                "supported: the size of a head, " + llvm::Twine(headDim));
  Rotary rotary;
  rotary.theta = config.positiveOr("rope_theta", defaultTheta);
  rotary.dimensions = static_cast<int64_t>(static_cast<double>(headDim) *
                                           defaultPart.value_or(1.0));
  readPart(config, rotary, headDim, defaultPart.has_value());
  for (StringRef key : {"rope_scaling", "rope_parameters"}) {
    const JsonValue *value = config.find(key);
    if (!value)
      continue;
    if (!value->isObject()) {
      config.fail(key, "expected an object");
      continue;
    }
    ConfigReader scaling(config.source(), *value, key.str() + ".");
    rotary.theta = scaling.positiveOr("rope_theta", rotary.theta);
    readPart(scaling, rotary, headDim, defaultPart.has_value());
    readScaling(config, scaling, rotary);
    config.absorb(std::move(scaling));
  }
  if (rotary.dimensions < 2 || rotary.dimensions % 2 != 0)
    config.fail(config.find("head_dim") ? "head_dim" : "num_attention_heads",
                "expected an even number of a head's features to be rotated, "
                "not " +
                    llvm::Twine(rotary.dimensions));
  return rotary;
}
