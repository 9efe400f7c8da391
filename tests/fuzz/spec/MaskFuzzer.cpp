//===- MaskFuzzer.cpp - Masks as text -------------------------------------===//
//
// What can be read can be written, and is the same when read again; so is what
// is left of it without causality and window.
//
//===----------------------------------------------------------------------===//

#include "compiler/Spec/Limits.h"
#include "compiler/Spec/Mask.h"

#include <cstdlib>

using namespace ashlar;

static void checkText(const Mask &mask) {
  if (sizeOf(mask) > maxMaskParts)
    return; // no description takes it
  std::string fault;
  std::optional<Mask> again = parseMask(printMask(mask), fault);
  if (!again || !(*again == mask))
    abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  std::string fault;
  std::optional<Mask> mask = parseMask(text, fault);
  if (mask.has_value() == !fault.empty())
    abort();
  if (!mask)
    return 0;
  checkText(*mask);
  bool causal = false;
  int64_t window = 0;
  if (auto rest = takeCausalAndWindow(std::move(mask), causal, window))
    checkText(*rest);
  return 0;
}
