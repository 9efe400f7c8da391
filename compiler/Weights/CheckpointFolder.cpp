//===- CheckpointFolder.cpp - Which files a folder's weights are in -------===//

#include "compiler/Support/Json.h"
#include "compiler/Weights/Checkpoint.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Index
//===----------------------------------------------------------------------===//

static constexpr size_t shardLimit = 10'000;

/// A file of the same folder: the name cannot lead elsewhere.
static bool isShardName(StringRef name) {
  StringRef suffix = ".safetensors";
  return name.size() > suffix.size() && name.ends_with(suffix) &&
         name.find_first_of(StringRef("/\0", 2)) == StringRef::npos;
}

Expected<ShardIndex> ashlar::parseShardIndex(StringRef text, StringRef file) {
  Expected<JsonDocument> document = parseJson(text, file);
  if (!document)
    return document.takeError();
  const JsonValue *map = document->root.find("weight_map");
  if (!map || !map->isObject())
    return userError(document->where(map ? *map : document->root),
                     "expected an object with the key \"weight_map\" that "
                     "maps tensors to files");
  ShardIndex index;
  llvm::StringMap<uint32_t> numbers;
  for (const JsonValue::Member &member : map->members) {
    Expected<StringRef> shard = document->asString(member.value, member.key);
    if (!shard)
      return shard.takeError();
    if (!isShardName(*shard))
      return userError(document->where(member.value),
                       "\"" + escapeForDisplay(*shard) +
                           "\" is no name of a .safetensors file in this "
                           "folder");
    auto [entry, isNew] =
        numbers.try_emplace(*shard, static_cast<uint32_t>(index.shards.size()));
    if (isNew)
      index.shards.push_back(shard->str());
    if (index.shards.size() > shardLimit)
      return userError(document->where(member.value),
                       "more than " + Twine(shardLimit) + " shards");
    index.tensors.emplace_back(member.key, entry->second);
  }
  if (index.tensors.empty())
    return userError(document->where(*map), "\"weight_map\" is empty");
  llvm::sort(index.tensors);
  return index;
}

/// Each tensor is in the shard that the index names, and nowhere else. Both
/// lists are ordered by name.
static Error checkIndex(const ShardIndex &index, const Checkpoint &checkpoint,
                        StringRef indexPath) {
  for (const auto &[name, shard] : index.tensors) {
    const TensorInfo *tensor = checkpoint.find(name);
    if (tensor && tensor->file == shard)
      continue;
    return userError(checkpoint.files()[shard].path(),
                     "tensor \"" + escapeForDisplay(name) +
                         "\" is not in this file, where " + indexPath +
                         " says it is");
  }
  auto named = index.tensors.begin();
  for (const TensorInfo &tensor : checkpoint.tensors()) {
    if (named != index.tensors.end() && named->first == tensor.name) {
      ++named;
      continue;
    }
    return userError(checkpoint.files()[tensor.file].path(),
                     "tensor \"" + escapeForDisplay(tensor.name) +
                         "\" is not in " + indexPath);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Folder
//===----------------------------------------------------------------------===//

static std::string inFolder(StringRef folder, StringRef file) {
  llvm::SmallString<256> path = folder;
  llvm::sys::path::append(path, file);
  return path.str().str();
}

/// file_not_found only where there is no such entry, not on other errors.
static llvm::sys::fs::file_type typeOf(StringRef path, bool follow) {
  llvm::sys::fs::file_status status;
  (void)llvm::sys::fs::status(path, status, follow);
  return status.type();
}

/// Whether there is an entry of this name, be it a dangling symlink: opening
/// that one tells what is wrong.
static bool hasEntry(StringRef path) {
  return typeOf(path, /*follow=*/false) !=
         llvm::sys::fs::file_type::file_not_found;
}

/// The first file, by name, with weights in a format that is not read.
static std::string foreignWeights(StringRef folder) {
  std::string found;
  std::error_code status;
  for (llvm::sys::fs::directory_iterator it(folder, status), end;
       !status && it != end; it.increment(status)) {
    StringRef name = llvm::sys::path::filename(it->path());
    bool isForeign = llvm::any_of(
        llvm::ArrayRef<StringRef>{".bin", ".pt", ".pth", ".ckpt", ".gguf",
                                  ".h5", ".msgpack", ".onnx"},
        [&](StringRef suffix) { return name.ends_with_insensitive(suffix); });
    bool isArguments = name == "training_args.bin"; // no weights
    if (isForeign && !isArguments && (found.empty() || name < found))
      found = name.str();
  }
  return found;
}

static constexpr StringRef conversionRemedy =
    "convert the weights in Python: load the model with "
    "transformers.AutoModel.from_pretrained, then call "
    "save_pretrained(FOLDER, safe_serialization=True)";

static Error checkFolder(StringRef path) {
  using llvm::sys::fs::file_type;
  file_type type = typeOf(path, /*follow=*/true);
  if (type == file_type::file_not_found)
    return userError(path, "there is no such folder",
                     "models are read from the disk: download the model's "
                     "files first");
  // On other errors opening the files tells what is wrong.
  if (type == file_type::directory_file || type == file_type::status_error)
    return Error::success();
  if (path.ends_with_insensitive(".gguf"))
    return userError(path, "GGUF files are not read", conversionRemedy);
  return userError(path, "this is no folder",
                   "name the folder that has config.json and "
                   "model.safetensors");
}

/// What is wrong with a folder that has no safetensors.
static Error noWeights(StringRef folder) {
  std::string foreign = foreignWeights(folder);
  if (!foreign.empty())
    return userError(inFolder(folder, foreign),
                     "weights are read from safetensors only; the folder has "
                     "no model.safetensors",
                     conversionRemedy);
  return userError(folder,
                   "the folder has neither model.safetensors nor "
                   "model.safetensors.index.json",
                   "download the model's weights into it");
}

Expected<Checkpoint> Checkpoint::open(StringRef folder) {
  if (Error error = checkFolder(folder))
    return std::move(error);
  std::string single = inFolder(folder, "model.safetensors");
  if (hasEntry(single)) {
    Expected<Checkpoint> checkpoint = openFiles(single);
    if (checkpoint)
      checkpoint->source = folder.str();
    return checkpoint;
  }
  std::string indexPath = inFolder(folder, "model.safetensors.index.json");
  if (!hasEntry(indexPath))
    return noWeights(folder);

  Expected<InputFile> indexFile = InputFile::open(indexPath);
  if (!indexFile)
    return indexFile.takeError();
  Expected<std::string> text = indexFile->readAll(JsonLimits().bytes);
  if (!text)
    return text.takeError();
  Expected<ShardIndex> index = parseShardIndex(*text, indexPath);
  if (!index)
    return index.takeError();
  std::vector<std::string> paths;
  for (const std::string &shard : index->shards)
    paths.push_back(inFolder(folder, shard));
  Expected<Checkpoint> checkpoint = openFiles(paths);
  if (!checkpoint)
    return checkpoint.takeError();
  checkpoint->source = folder.str();
  if (Error error = checkIndex(*index, *checkpoint, indexPath))
    return std::move(error);
  return checkpoint;
}
