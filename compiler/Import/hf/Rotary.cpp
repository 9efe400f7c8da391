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

/// The kind stands under "rope_type" or, in older files, "type".
static void readScaling(ConfigReader &config, ConfigReader &scaling,
                        Rotary &rotary) {
  StringRef key = scaling.find("rope_type") ? "rope_type" : "type";
  scaling.markRead("type");
  // A factor alone says that something is scaled, but not how.
  StringRef kind = scaling.find("factor") ? scaling.string(key)
                                          : scaling.stringOr(key, "default");
  if (kind == "linear") {
    rotary.scaling = RopeScalingKind::Linear;
    rotary.factor = scaling.positive("factor");
  } else if (kind == "llama3") {
    readLlama3(scaling, rotary);
  } else if (kind == "yarn") {
    readYarn(config, scaling, rotary);
  } else if (kind != "default") {
    scaling.fail(key, "supported: default, linear, llama3, yarn");
  }
}

/// The part of a head that turns, if `reader` says it: in whole pairs.
static void readPart(ConfigReader &reader, Rotary &rotary, int64_t headDim,
                     bool mayBePartial) {
  const char *key = "partial_rotary_factor";
  if (!reader.find(key))
    return;
  double part = reader.positiveOr(key, 1.0);
  if (!mayBePartial && part != 1.0)
    return reader.fail(key, "supported: 1.0");
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
