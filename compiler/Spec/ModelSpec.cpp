//===- ModelSpec.cpp - What a transformer is ------------------------------===//

#include "compiler/Spec/ModelSpec.h"

using namespace ashlar;

static const Stack *findStack(const ModelSpec &spec, StackKind kind) {
  for (const Stack &stack : spec.stacks)
    if (stack.kind == kind)
      return &stack;
  return nullptr;
}

const Stack *ModelSpec::encoder() const {
  return findStack(*this, StackKind::Encoder);
}

const Stack *ModelSpec::decoder() const {
  return findStack(*this, StackKind::Decoder);
}
