//===- Subject.h - A description for tests to break ------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_SPEC_SUBJECT_H
#define ASHLAR_TESTS_COMPILER_SPEC_SUBJECT_H

#include "compiler/Spec/Validate.h"
#include "tests/compiler/spec/Specs.h"
#include "tests/compiler/support/ErrorText.h"

#include <string>
#include <utility>

namespace ashlar::test {

/// A valid description, the parts of it that tests break, and its error.
struct Subject {
  explicit Subject(ModelSpec valid = decoderSpec()) : spec(std::move(valid)) {}

  std::string error() const { return errorText(validate(spec)); }
  Stack &stack() { return spec.stacks.back(); }
  BlockGroup &group() { return stack().blocks[0]; }
  Block &block() { return group().block; }
  Attention &attention() { return block().attention; }
  Attention &cross() { return *block().crossAttention; }
  Embedding &embedding() { return stack().embedding; }
  Rotary &rotary() {
    attention().rotary.emplace().dimensions = 6;
    return *attention().rotary;
  }

  ModelSpec spec;
};

inline const std::string block0 = "\"stacks[0].blocks[0].";

} // namespace ashlar::test

#endif // ASHLAR_TESTS_COMPILER_SPEC_SUBJECT_H
