//===- Artifact.cpp - Writing the files of a compilation ------------------===//

#include "compiler/Codegen/Artifact.h"

#include "compiler/Codegen/ElfImage.h"
#include "compiler/Codegen/Linker.h"
#include "compiler/Support/Files.h"
#include "runtime/abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace ashlar;

static llvm::Error internalError(const llvm::Twine &text) {
  return llvm::createStringError("weights: " + text);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

llvm::Error WeightSink::write(llvm::ArrayRef<char> data) {
  if (data.size() > bytes - written)
    return internalError("more than the " + llvm::Twine(bytes) +
                         " bytes that the plan has");
  if (llvm::Error error = file.writeAt(base + written, data))
    return error;
  written += data.size();
  return llvm::Error::success();
}

llvm::Error WeightSink::padTo(uint64_t offset) {
  if (offset < written)
    return internalError("offset " + llvm::Twine(offset) +
                         " lies behind the position " + llvm::Twine(written));
  static constexpr char zeros[1 << 16] = {};
  while (written < offset)
    if (llvm::Error error = write(llvm::ArrayRef(zeros).take_front(
            std::min<uint64_t>(sizeof zeros, offset - written))))
      return error;
  return llvm::Error::success();
}

/// Streams the image into `file` from `base` on.
static llvm::Error streamWeights(const ArtifactRequest &request,
                                 AtomicFile &file, uint64_t base) {
  if (request.weightsBytes < sizeof(ashlar_weights_header))
    return internalError("the image has no room for its header");
  ashlar_weights_header header{};
  std::memcpy(header.magic, "ASHLARW1", sizeof header.magic);
  header.build_id = request.buildId;
  header.bytes = request.weightsBytes;

  WeightSink sink(file, base, request.weightsBytes);
  if (llvm::Error error = sink.write(llvm::ArrayRef(
          reinterpret_cast<const char *>(&header), sizeof header)))
    return error;
  if (request.weights)
    if (llvm::Error error = request.weights(sink))
      return error;
  if (sink.position() != request.weightsBytes)
    return internalError("only " + llvm::Twine(sink.position()) + " of " +
                         llvm::Twine(request.weightsBytes) + " bytes");
  return llvm::Error::success();
}

std::string ashlar::externalWeightsPath(llvm::StringRef output) {
  return (output + ".weights").str();
}

//===----------------------------------------------------------------------===//
// The artifact
//===----------------------------------------------------------------------===//

static bool isLinked(ArtifactKind kind) {
  return kind == ArtifactKind::SharedLibrary ||
         kind == ArtifactKind::Executable;
}

/// The artifact's bytes without weights.
static llvm::Expected<std::string> makeBytes(const ArtifactRequest &request) {
  llvm::StringRef name = llvm::sys::path::filename(request.output);
  switch (request.kind) {
  case ArtifactKind::SharedLibrary:
    return linkShared(request.object, name);
  case ArtifactKind::Executable:
    return linkExecutable(request.object);
  case ArtifactKind::StaticLibrary:
    return makeArchive(request.object, "model.o");
  case ArtifactKind::Object:
    return std::string(request.object.begin(), request.object.end());
  }
  llvm_unreachable("all kinds are listed");
}

static llvm::Error checkRequest(const ArtifactRequest &request) {
  if (request.weightsBytes && request.weightsInside && !isLinked(request.kind))
    return userError(request.output,
                     "an object or static library cannot carry weights itself",
                     "use --weights=external");
  return llvm::Error::success();
}

static llvm::Error writeLinked(const ArtifactRequest &request,
                               AtomicFile &file) {
  llvm::Expected<std::string> bytes = makeBytes(request);
  if (!bytes)
    return bytes.takeError();
  if (!request.weightsBytes || !request.weightsInside)
    return file.append(*bytes);
  llvm::Expected<uint64_t> base =
      placeWeightsSegment(*bytes, request.weightsBytes);
  if (!base)
    return base.takeError();
  if (llvm::Error error = file.append(*bytes))
    return error;
  return streamWeights(request, file, *base);
}

namespace {
/// Output files that are committed together.
class Outputs {
public:
  llvm::Expected<AtomicFile *> add(llvm::StringRef path, unsigned mode) {
    llvm::Expected<AtomicFile> file = AtomicFile::create(path, mode);
    if (!file)
      return file.takeError();
    files.push_back(std::make_unique<AtomicFile>(std::move(*file)));
    return files.back().get();
  }

  llvm::Error commit() {
    llvm::SmallVector<AtomicFile *> all;
    for (std::unique_ptr<AtomicFile> &file : files)
      all.push_back(file.get());
    return commitAll(all);
  }

private:
  llvm::SmallVector<std::unique_ptr<AtomicFile>> files;
};
} // namespace

llvm::Error ashlar::writeArtifact(const ArtifactRequest &request) {
  if (llvm::Error error = checkRequest(request))
    return error;
  Outputs outputs;
  bool external = request.weightsBytes && !request.weightsInside;
  if (external) {
    auto file = outputs.add(externalWeightsPath(request.output), 0666);
    if (!file)
      return file.takeError();
    if (llvm::Error error = streamWeights(request, **file, 0))
      return error;
  }
  if (!request.header.empty()) {
    auto file = outputs.add(request.headerPath, 0666);
    if (!file)
      return file.takeError();
    if (llvm::Error error = (*file)->append(request.header))
      return error;
  }
  auto file = outputs.add(request.output, isLinked(request.kind) ? 0777 : 0666);
  if (!file)
    return file.takeError();
  if (llvm::Error error = writeLinked(request, **file))
    return error;
  return outputs.commit();
}
