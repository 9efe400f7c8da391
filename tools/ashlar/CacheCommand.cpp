//===- CacheCommand.cpp - ashlar cache -----------------------------------===//

#include "tools/ashlar/ArtifactCache.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/Texts.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;

static const OptionInfo options[] = {
    {"--clear", nullptr, "remove them"},
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::cacheInfo = {
    "cache", nullptr, 0,
    "says what compiled models the commands have kept, and where", options};

llvm::Error ashlar::tool::runCache(const Arguments &arguments) {
  std::string folder = ArtifactCache::userFolder();
  ArtifactCache::Usage usage;
  bool clear = arguments.has("--clear");
  // Nothing is made only to be looked at.
  if (folder.empty() || llvm::sys::fs::exists(folder)) {
    llvm::Expected<ArtifactCache> cache = ArtifactCache::open();
    if (!cache)
      return cache.takeError();
    usage = clear ? cache->clear() : cache->usage();
  }
  llvm::outs() << folder << (clear ? ": removed " : ": ") << usage.libraries
               << (usage.libraries == 1 ? " model, " : " models, ")
               << grouped(usage.bytes) << " bytes\n";
  return llvm::Error::success();
}
