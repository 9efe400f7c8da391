//===- Import.cpp - From a model's files to its description ---------------===//

#include "compiler/Import/Import.h"

#include "compiler/Import/Sentence.h"
#include "compiler/Import/hf/Families.h"
#include "compiler/Spec/Yaml.h"
#include "compiler/Support/Files.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

static constexpr uint64_t maxTextBytes = uint64_t(32) << 20;

static Expected<std::string> readText(StringRef file) {
  Expected<InputFile> input = InputFile::open(file);
  if (!input)
    return input.takeError();
  return input->readAll(maxTextBytes);
}

static std::string fileIn(StringRef folder, StringRef name) {
  llvm::SmallString<256> result(folder);
  path::append(result, name);
  return result.str().str();
}

std::vector<std::string> ashlar::supportedFamilies() {
  std::vector<std::string> names;
  for (const hf::Family *family : hf::families())
    names.push_back(family->modelType.str());
  return names;
}

//===----------------------------------------------------------------------===//
// Hugging Face folders
//===----------------------------------------------------------------------===//

static Expected<JsonDocument> readJson(StringRef file) {
  Expected<std::string> text = readText(file);
  if (!text)
    return text.takeError();
  return parseJson(*text, file);
}

/// What the pooling module's configuration says.
static Error importPooling(StringRef folder, StringRef name,
                           ImportResult &result) {
  SentenceEmbedding &sentence = *result.spec.sentence;
  std::string file = fileIn(fileIn(folder, name), "config.json");
  if (!fs::exists(file)) {
    result.warnings.push_back("modules.json names \"" + escapeForDisplay(name) +
                              "\", which has no config.json: sentence "
                              "embeddings need --pooling");
    sentence.pooling = Pooling::Other;
    return Error::success();
  }
  Expected<JsonDocument> config = readJson(file);
  if (!config)
    return config.takeError();
  if (Error error = readPooling(*config, sentence, result.warnings))
    return error;
  checkPromptIsPooled(*config, result.source.texts, sentence, result.warnings);
  return Error::success();
}

/// What a sentence-transformers folder says of the texts themselves.
static Error importTexts(StringRef folder, StringRef transformer,
                         ImportResult &result) {
  TextSettings &texts = result.source.texts;
  std::string inner =
      transformer.empty() ? folder.str() : fileIn(folder, transformer);
  for (const char *kind : {"bert", "roberta", "distilbert", "camembert",
                           "albert", "xlm-roberta", "xlnet"}) {
    std::string file =
        fileIn(inner, "sentence_" + std::string(kind) + "_config.json");
    if (!fs::exists(file))
      continue;
    Expected<JsonDocument> limits = readJson(file);
    if (!limits)
      return limits.takeError();
    if (Error error = readTextLimits(*limits, texts, result.warnings))
      return error;
    break;
  }
  std::string file = fileIn(folder, "config_sentence_transformers.json");
  if (!fs::exists(file))
    return Error::success();
  Expected<JsonDocument> prompts = readJson(file);
  return prompts ? readPrompt(*prompts, texts) : prompts.takeError();
}

/// What modules.json of a sentence-transformers folder says, if there is one.
static Error importSentence(StringRef folder, ImportResult &result) {
  std::string file = fileIn(folder, "modules.json");
  if (!fs::exists(file))
    return Error::success();
  Expected<JsonDocument> document = readJson(file);
  if (!document)
    return document.takeError();
  Expected<SentenceModules> modules =
      readSentenceModules(*document, result.warnings);
  if (!modules)
    return modules.takeError();
  result.spec.sentence = modules->sentence;
  if (Error error = importTexts(folder, modules->transformerFolder, result))
    return error;
  if (modules->poolingFolder.empty())
    return Error::success();
  return importPooling(folder, modules->poolingFolder, result);
}

/// tokenizer.json, or else the SentencePiece model that stands for it.
static std::string findTokenizer(StringRef folder) {
  for (const char *name : {"tokenizer.json", "tokenizer.model", "spiece.model",
                           "sentencepiece.bpe.model", "source.spm"})
    if (std::string file = fileIn(folder, name); fs::exists(file))
      return file;
  return "";
}

Expected<ImportResult> ashlar::importHuggingFace(StringRef folder,
                                                 StringRef tower) {
  std::string configFile = fileIn(folder, "config.json");
  if (!fs::exists(configFile))
    return userError(folder, "the folder has no config.json",
                     "give a Hugging Face model folder (config.json and "
                     "*.safetensors) or a .yaml description");
  Expected<std::string> config = readText(configFile);
  if (!config)
    return config.takeError();

  std::string generationFile = fileIn(folder, "generation_config.json");
  std::optional<std::string> generation;
  if (fs::exists(generationFile)) {
    Expected<std::string> text = readText(generationFile);
    if (!text)
      return text.takeError();
    generation = std::move(*text);
  }
  Expected<ImportResult> result =
      importConfig(*config, configFile, generation ? &*generation : nullptr,
                   generationFile, tower);
  if (!result)
    return result.takeError();
  if (Error error = importSentence(folder, *result))
    return std::move(error);
  result->source.weights = folder.str();
  bool readsTexts = llvm::any_of(result->spec.stacks, [](const Stack &stack) {
    return stack.embedding.tokens.has_value();
  });
  if (readsTexts)
    result->source.tokenizer = findTokenizer(folder);
  return result;
}

//===----------------------------------------------------------------------===//
// Anything
//===----------------------------------------------------------------------===//

static Expected<ImportResult> importYaml(StringRef file) {
  Expected<std::string> text = readText(file);
  if (!text)
    return text.takeError();
  Expected<YamlModel> model = parseYaml(*text, file);
  if (!model)
    return model.takeError();
  ImportResult result;
  result.spec = std::move(model->spec);
  result.source = std::move(model->source);
  return result;
}

/// A name like "org/model" that is no file.
static bool looksLikeHubId(StringRef name) {
  auto [owner, model] = name.split('/');
  auto isPlain = [](StringRef part) {
    return !part.empty() && !part.starts_with(".") &&
           part.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.") == StringRef::npos;
  };
  return isPlain(owner) && isPlain(model);
}

static Error refuseMissing(StringRef name) {
  if (looksLikeHubId(name))
    return userError(name,
                     "no such file or folder; this looks like the id of a "
                     "model on the Hugging Face Hub",
                     "download it first (`huggingface-cli download " + name +
                         " --local-dir FOLDER`) and give the folder");
  return userError(name, "no such file or folder",
                   "give a Hugging Face model folder or a .yaml description");
}

static Error refuseFile(StringRef name) {
  StringRef suffix = path::extension(name);
  if (suffix == ".gguf")
    return userError(name, "GGUF files cannot be read",
                     "give the Hugging Face folder that it was converted "
                     "from");
  if (suffix == ".bin" || suffix == ".pt" || suffix == ".pth" ||
      suffix == ".ckpt")
    return userError(name, "pickled PyTorch weights cannot be read",
                     "save the model with safetensors "
                     "(`model.save_pretrained(FOLDER)`) and give the folder");
  if (suffix == ".safetensors" || suffix == ".json")
    return userError(name, "this file is only a part of a model",
                     "give the folder that holds it");
  return userError(name, "unknown kind of model file",
                   "give a Hugging Face model folder or a .yaml description");
}

Expected<ImportResult> ashlar::importModel(StringRef name, StringRef tower) {
  if (fs::is_directory(name))
    return importHuggingFace(name, tower);
  if (!fs::exists(name))
    return refuseMissing(name);
  StringRef suffix = path::extension(name);
  bool isYaml = suffix == ".yaml" || suffix == ".yml";
  if (isYaml && !tower.empty())
    return userError(name,
                     "--tower is \"" + escapeForDisplay(tower) +
                         "\", but a description is of one model",
                     "leave --tower out");
  if (isYaml)
    return importYaml(name);
  return refuseFile(name);
}
