//===- ClassifyCommand.cpp - ashlar classify -----------------------------===//

#include "runtime/text/classify.h"
#include "runtime/text/model.h"
#include "runtime/text/stream.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Texts.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const OptionInfo options[] = {
    {"--text", "TEXT", "a text; may be given several times"},
    {"--file", "FILE", "texts, one on each line; - is standard input"},
    {"--json", nullptr, "one JSON object for each text"},
    {"--special", nullptr, "special tokens in a text are themselves, not text"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::classifyInfo = {
    "classify", "ART_OR_MODEL", 1,
    "prints the class of each text and the score of every class", options};

namespace {
struct Classifier {
  const Artifact &artifact;
  ashlar_session *session;
  ashlar_text text;
  bool special;
  bool json;

  Error run(StringRef input);
  std::string labelOf(int64_t index) const;
  void print(int64_t best, llvm::ArrayRef<float> result) const;
  int32_t scores() const {
    return ashlar_class_scores(&artifact.plan(), &text);
  }
};
} // namespace

std::string Classifier::labelOf(int64_t index) const {
  size_t bytes;
  const char *label = ashlar_text_label(&text, index, &bytes);
  return label ? std::string(label, bytes) : "LABEL_" + std::to_string(index);
}

/// One line, fields between tabs, whatever a label holds.
static std::string asField(StringRef label) {
  std::string field;
  ashlar_stream stream = {};
  stream.user = &field;
  stream.sink = [](void *user, const char *bytes, size_t count) {
    bool steers = static_cast<unsigned char>(bytes[0]) < 0x20 ||
                  ashlar_stream_steers(bytes, count);
    *static_cast<std::string *>(user) +=
        steers ? "?" : std::string(bytes, count);
  };
  ashlar_stream_write(&stream, label.data(), label.size());
  ashlar_stream_end(&stream);
  return field;
}

void Classifier::print(int64_t best, llvm::ArrayRef<float> result) const {
  if (json) {
    // Logits of a regression are no probabilities.
    const char *key =
        scores() == ASHLAR_SCORES_LOGITS ? "score" : "probability";
    llvm::json::Array all;
    for (auto [i, score] : llvm::enumerate(result))
      all.push_back(
          llvm::json::Object{{"label", llvm::json::fixUTF8(labelOf(i))},
                             {key, static_cast<double>(score)}});
    llvm::outs() << llvm::json::Value(llvm::json::Object{
                        {"label", llvm::json::fixUTF8(labelOf(best))},
                        {key, static_cast<double>(result[best])},
                        {"classes", std::move(all)}})
                 << "\n";
    return;
  }
  llvm::outs() << asField(labelOf(best));
  for (auto [i, score] : llvm::enumerate(result))
    llvm::outs() << "\t" << asField(labelOf(i))
                 << llvm::format("=%.6f", static_cast<double>(score));
  llvm::outs() << "\n";
}

Error Classifier::run(StringRef input) {
  Expected<Tokens> tokens = Tokens::encode(text, input, special);
  if (!tokens)
    return tokens.takeError();
  std::vector<float> result(ashlar_class_count(&artifact.plan()));
  int64_t best;
  ashlar_error error;
  if (ashlar_classify(&artifact.api(), session, &text, tokens->ids().data(),
                      tokens->types(), tokens->ids().size(), result.data(),
                      &best, &error))
    return frontError(error);
  print(best, result);
  return checkOutput();
}

Error ashlar::tool::runClassify(const Arguments &arguments) {
  if (arguments.has("--text") == arguments.has("--file"))
    return usageError("ashlar classify needs one of --text and --file");
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  Expected<Artifact> artifact = openOperand(arguments);
  if (!artifact)
    return artifact.takeError();
  const ashlar_plan &plan = artifact->plan();
  if (plan.stacks[0].image.channels)
    return userError(arguments.operand(), "the model reads images, not texts",
                     "use ashlar run --in pixel_values=FILE.npy");
  int32_t logits = ashlar_logits_head(&plan);
  if (logits >= 0 && !plan.heads[logits].first_row_only && plan.decoder < 0)
    return userError(arguments.operand(),
                     "the model gives logits of each token, not of whole texts",
                     "use ashlar run with token ids as .npy");
  if (!ashlar_class_count(&plan))
    return userError(arguments.operand(),
                     "the model does not classify texts: "
                     "it has no logits of whole sequences",
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
  Classifier classifier = {*artifact, session->get(), *text,
                           arguments.has("--special"), arguments.has("--json")};
  return forEachText(arguments,
                     [&](StringRef input) { return classifier.run(input); });
}
