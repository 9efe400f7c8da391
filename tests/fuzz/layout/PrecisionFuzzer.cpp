//===- PrecisionFuzzer.cpp - What --precision says ------------------------===//
//
// The input is the flag's value and, behind a line's end, a tensor's name. What
// is understood has encodings that verify, and says the same when it is read
// again.
//
//===----------------------------------------------------------------------===//

#include "passes/Layout/Precision.h"

#include <cassert>

using namespace ashlar;

static void check(const PrecisionOptions &options, llvm::StringRef name) {
  static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::AshlarDialect>();
  for (ir::Precision precision : {options.linears, options.heads})
    assert(!options.encoding(&context, precision) ==
           (precision == ir::Precision::F32));
  assert(options.embeddings == ir::Precision::F32 ||
         options.embeddings == ir::Precision::Bf16);
  for (const PrecisionOptions::Exception &exception : options.exceptions) {
    bool matches = exception.pattern.match(name);
    assert(!matches || !exception.text.empty());
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef input(reinterpret_cast<const char *>(data), size);
  auto [text, name] = input.split('\n');
  llvm::Expected<PrecisionOptions> options = PrecisionOptions::parse(text);
  if (!options) {
    std::string message = llvm::toString(options.takeError());
    assert(llvm::StringRef(message).starts_with("--precision: "));
    return 0;
  }
  check(*options, name);
  llvm::Expected<PrecisionOptions> again =
      PrecisionOptions::parse(options->text);
  assert(again && again->exceptions.size() == options->exceptions.size());
  return 0;
}
