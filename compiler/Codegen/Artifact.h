//===- Artifact.h - Writing the files of a compilation ---------*- C++ -*-===//
//
// From an object to the artifact, the weights and the header beside it. All
// files appear complete or none does. Weights are streamed: neither the linker
// nor this library ever holds the image.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_ARTIFACT_H
#define ASHLAR_COMPILER_CODEGEN_ARTIFACT_H

#include "compiler/Codegen/ObjectCode.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <functional>
#include <string>

namespace ashlar {

class AtomicFile;

/// Takes the weight image in order, from behind its header on.
class WeightSink {
public:
  WeightSink(AtomicFile &file, uint64_t base, uint64_t bytes)
      : file(file), base(base), bytes(bytes) {}

  llvm::Error write(llvm::ArrayRef<char> data);
  /// Zeros up to `offset` of the image.
  llvm::Error padTo(uint64_t offset);

  /// Bytes of the image so far; the first write lands at
  /// sizeof(ashlar_weights_header).
  uint64_t position() const { return written; }

private:
  AtomicFile &file;
  uint64_t base;  // of the image in the file
  uint64_t bytes; // of the whole image
  uint64_t written = 0;
};

struct ArtifactRequest {
  std::string output; // the path as the user gave it
  ArtifactKind kind = ArtifactKind::SharedLibrary;
  llvm::ArrayRef<char> object; // of generateObject

  /// Weights inside the artifact (what plan.weightsInside said), or in
  /// OUTPUT.weights.
  bool weightsInside = true;
  uint64_t buildId = 0;
  /// Bytes of the weight image, ashlar_weights_header included; 0: none.
  uint64_t weightsBytes = 0;
  /// Writes everything behind the header: weightsBytes minus 64 bytes.
  std::function<llvm::Error(WeightSink &)> weights;

  std::string header;     // text of the C header; empty: none
  std::string headerPath; // where it goes
};

/// Writes the artifact and what belongs to it.
llvm::Error writeArtifact(const ArtifactRequest &request);

/// OUTPUT.weights, of --weights=external.
std::string externalWeightsPath(llvm::StringRef output);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_ARTIFACT_H
