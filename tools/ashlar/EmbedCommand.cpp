//===- EmbedCommand.cpp - ashlar embed -----------------------------------===//

#include "compiler/Support/Errors.h"
#include "runtime/text/array.h"
#include "runtime/text/embed.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Texts.h"

#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const OptionInfo options[] = {
    {"--text", "TEXT", "a text; may be given several times"},
    {"--file", "FILE", "texts, one on each line; - is standard input"},
    {"--out", "FILE.npy", "the embeddings: float32 [texts, features]"},
    {"--pooling", "KIND",
     "mean, cls, last or max of a text's rows (default: the model's)"},
    {"--normalize", nullptr, "embeddings of length 1 (default: the model's)"},
    {"--no-normalize", nullptr, "embeddings as they come from pooling"},
    {"--special", nullptr, "special tokens in a text are themselves, not text"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::embedInfo = {
    "embed", "ART_OR_MODEL", 1,
    "makes a vector of each text: sentence embeddings as .npy", options};

namespace {
struct Wishes {
  std::string out;
  int32_t pooling = ASHLAR_POOLING_NONE;
  int normalize = -1;
};
} // namespace

static Expected<Wishes> wishesOf(const Arguments &arguments) {
  Wishes wishes;
  if (arguments.has("--text") == arguments.has("--file"))
    return usageError("ashlar embed needs one of --text and --file");
  if (!arguments.has("--out"))
    return usageError("ashlar embed needs --out=FILE.npy");
  wishes.out = arguments.get("--out")->str();
  if (std::optional<StringRef> name = arguments.get("--pooling")) {
    wishes.pooling = ashlar_pooling_named(name->str().c_str());
    if (wishes.pooling == ASHLAR_POOLING_NONE)
      return usageError("--pooling is \"" + *name +
                        "\"; expected mean, cls, last or max");
  }
  if (arguments.has("--normalize") && arguments.has("--no-normalize"))
    return usageError("--normalize does not go with --no-normalize");
  if (arguments.has("--normalize"))
    wishes.normalize = 1;
  if (arguments.has("--no-normalize"))
    wishes.normalize = 0;
  return wishes;
}

static Expected<std::vector<Tokens>>
readTexts(const Arguments &arguments, const ashlar_text &text,
          const ashlar_embedding &embedding) {
  std::vector<Tokens> texts;
  auto take = [&](StringRef line) -> Error {
    Expected<Tokens> tokens = Tokens::encodeToEmbed(text, embedding, line,
                                                    arguments.has("--special"));
    if (!tokens)
      return tokens.takeError();
    texts.push_back(std::move(*tokens));
    return Error::success();
  };
  if (Error error = forEachText(arguments, take))
    return std::move(error);
  return texts;
}

static Expected<ashlar_embedding>
choose(const ashlar_plan &plan, const ashlar_text &text, const Wishes &wishes) {
  ashlar_embedding embedding;
  int assumed;
  ashlar_error error;
  if (ashlar_embedding_choose(&plan, &text, wishes.pooling, wishes.normalize,
                              &embedding, &assumed, &error))
    return frontError(error);
  if (assumed)
    llvm::errs() << "note: the model's folder has no modules.json: an "
                    "embedding is the mean of all rows"
                 << (embedding.normalize ? "" : ", not normalized")
                 << " (--pooling, --normalize)\n";
  return embedding;
}

static Error write(const Artifact &artifact, ashlar_session *session,
                   const ashlar_embedding &embedding,
                   llvm::ArrayRef<Tokens> texts, const std::string &out) {
  std::vector<ashlar_tokens> list;
  for (const Tokens &tokens : texts)
    list.push_back(tokens.view());
  int64_t shape[] = {static_cast<int64_t>(texts.size()),
                     ashlar_embedding_features(&artifact.plan(), &embedding)};
  ashlar_array array;
  ashlar_error error;
  if (ashlar_array_make(&array, ASHLAR_FLOAT32, 2, shape, &error))
    return frontError(error);
  const char *path = out.c_str();
  bool failed =
      ashlar_embed(&artifact.api(), session, &embedding, list.data(),
                   list.size(), static_cast<float *>(array.data), &error) ||
      ashlar_npy_write(&path, &array, 1, &error);
  ashlar_array_free(&array);
  return failed ? frontError(error) : Error::success();
}

Error ashlar::tool::runEmbed(const Arguments &arguments) {
  Expected<Wishes> wishes = wishesOf(arguments);
  if (!wishes)
    return wishes.takeError();
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  Expected<Artifact> artifact = openOperand(arguments);
  if (!artifact)
    return artifact.takeError();
  if (!ashlar_can_embed(&artifact->plan()))
    return userError(arguments.operand(),
                     "the model makes no sentence embeddings: it is no single "
                     "stack that takes token ids",
                     "use ashlar run");
  Expected<Session> session = artifact->createSession(*threads);
  if (!session)
    return session.takeError();
  Expected<ashlar_text> text = artifact->openText();
  if (!text)
    return text.takeError();
  if (Error error =
          needTokenizer(*text, "use ashlar run with token ids as .npy"))
    return error;
  Expected<ashlar_embedding> embedding =
      choose(artifact->plan(), *text, *wishes);
  if (!embedding)
    return embedding.takeError();
  Expected<std::vector<Tokens>> texts = readTexts(arguments, *text, *embedding);
  if (!texts)
    return texts.takeError();
  return write(*artifact, session->get(), *embedding, *texts, wishes->out);
}
