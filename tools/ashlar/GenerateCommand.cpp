//===- GenerateCommand.cpp - ashlar generate -----------------------------===//

#include "runtime/text/generate.h"
#include "tools/ashlar/Arrays.h"
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
    {"--prompt", "TEXT", "a text to continue; may be given several times"},
    {"--prompt-file", "FILE", "texts, one on each line; - is standard input"},
    {"--ids", "1,2,3", "a prompt of token ids"},
    {"--in", "NAME=FILE",
     "prompts of token ids as .npy: input_ids [B,S], and "
     "attention_mask, decoder_input_ids where needed"},
    {"--max-new-tokens", "N", "tokens to generate at most"},
    {"--ignore-eos", nullptr, "do not stop at end tokens"},
    {"--special", nullptr,
     "special tokens in a prompt are themselves, not text"},
    {"--decoder-ids", "1,2", "what an encoder-decoder's output begins with"},
    {"--ids-only", nullptr, "print token ids instead of text"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    {"--temperature", "T", "sampling: not in this build"},
    {"--top-k", "K", "sampling: not in this build"},
    {"--top-p", "P", "sampling: not in this build"},
    {"--seed", "N", "sampling: not in this build"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::generateInfo = {
    "generate", "ART_OR_MODEL", 1,
    "continues texts by greedy decoding, one line for each", options};

namespace {
/// What is the same for all prompts of a command.
struct Generator {
  const Artifact &artifact;
  ashlar_session *session;
  ashlar_text text;
  int64_t maxNewTokens = -1;
  bool ignoreEnd = false;
  bool special = false;
  bool idsOnly = false;
  std::vector<int32_t> decoderIds = {};

  Error run(llvm::ArrayRef<int32_t> prompt);
  Error run(StringRef prompt);
};

/// Where the tokens of one prompt go.
struct Printer {
  ashlar_text_decoder decoder;
  bool idsOnly;
  size_t count = 0;
};
} // namespace

static void printPart(void *, const char *bytes, size_t count) {
  printText({bytes, count});
}

static int printToken(void *user, int32_t id) {
  auto *printer = static_cast<Printer *>(user);
  if (printer->idsOnly)
    printText((printer->count ? "," : "") + std::to_string(id));
  else
    ashlar_text_decode(&printer->decoder, id, printPart, nullptr);
  ++printer->count;
  return llvm::outs().has_error();
}

Error Generator::run(llvm::ArrayRef<int32_t> prompt) {
  Printer printer = {{}, idsOnly || !ashlar_text_has_tokenizer(&text)};
  ashlar_text_decoder_init(&printer.decoder, &text);
  ashlar_generation request = {};
  request.prompt = prompt.data();
  request.prompt_count = prompt.size();
  if (!decoderIds.empty()) {
    request.decoder_ids = decoderIds.data();
    request.decoder_count = decoderIds.size();
  }
  request.max_new_tokens = maxNewTokens;
  request.ignore_end_tokens = ignoreEnd;
  request.on_token = printToken;
  request.user = &printer;
  ashlar_generated result;
  ashlar_error error;
  bool failed = ashlar_generate(&artifact.api(), session, &text, &request,
                                &result, &error);
  if (!printer.idsOnly)
    ashlar_text_decode_end(&printer.decoder, printPart, nullptr);
  if (!failed || result.count > 0)
    llvm::outs() << "\n";
  if (failed)
    return llvm::joinErrors(checkOutput(), frontError(error));
  if (result.stop == ASHLAR_STOP_CONTEXT)
    llvm::errs() << "note: the context of " << artifact.plan().max_context
                 << " tokens is full\n";
  return checkOutput();
}

Error Generator::run(StringRef prompt) {
  Expected<Tokens> tokens = Tokens::encode(text, prompt, special);
  if (!tokens)
    return tokens.takeError();
  return run(tokens->ids());
}

//===----------------------------------------------------------------------===//
// Prompts of arrays
//===----------------------------------------------------------------------===//

/// The integers of row `row` at which `mask` is not zero.
static std::vector<int32_t> rowOf(const ashlar_array &array,
                                  const ashlar_array *mask, int64_t row) {
  int64_t length = array.shape[array.rank - 1];
  std::vector<int32_t> ids;
  for (int64_t i = row * length; i < (row + 1) * length; ++i) {
    if (mask && !ashlar_array_integer(mask, i))
      continue;
    // Out of range stays out of range, for the check behind this.
    int64_t id = ashlar_array_integer(&array, i);
    ids.push_back(id == static_cast<int32_t>(id) ? id : -1);
  }
  return ids;
}

static Error checkIdArray(const Binding &binding, const ashlar_array &array) {
  bool integers = array.element == ASHLAR_INT32 ||
                  array.element == ASHLAR_INT64 || array.element == ASHLAR_BOOL;
  if (integers && (array.rank == 1 || array.rank == 2))
    return Error::success();
  char shape[128];
  ashlar_array_shape(&array, shape, sizeof(shape));
  return userError(binding.file, llvm::Twine(binding.name) + " is " +
                                     ashlar_element_name(array.element) +
                                     shape +
                                     "; expected int64 or int32 [B, S]");
}

static int64_t rowsOf(const ashlar_array &array) {
  return array.rank == 2 ? array.shape[0] : 1;
}

static Error sameShape(const Binding &binding, const ashlar_array &array,
                       const ashlar_array &ids, bool columnsToo) {
  bool same =
      rowsOf(array) == rowsOf(ids) &&
      (!columnsToo || array.shape[array.rank - 1] == ids.shape[ids.rank - 1]);
  if (same)
    return Error::success();
  char found[128], expected[128];
  ashlar_array_shape(&array, found, sizeof(found));
  ashlar_array_shape(&ids, expected, sizeof(expected));
  return userError(binding.file, llvm::Twine(binding.name) + " is " + found +
                                     ", but the prompts are " + expected);
}

/// Generates for each row of the arrays.
static Error runArrays(Generator &generator,
                       const std::vector<Binding> &bindings,
                       const NamedArrays &arrays) {
  const ashlar_plan &plan = generator.artifact.plan();
  const ashlar_stack_plan &first =
      plan.stacks[plan.encoder >= 0 ? plan.encoder : plan.decoder];
  std::string decoder =
      plan.encoder >= 0 ? plan.stacks[plan.decoder].input : "";
  const ashlar_array *ids = arrays.find(first.input);
  if (!ids)
    return userError("", llvm::Twine("--in does not give ") + first.input);
  for (size_t i = 0; i < bindings.size(); ++i) {
    const Binding &binding = bindings[i];
    const ashlar_array &array = arrays.arrays[i].array;
    bool isMask = binding.name == "attention_mask";
    if (!isMask && binding.name != first.input && binding.name != decoder)
      return userError(
          "",
          "generate takes no input \"" + escapeForDisplay(binding.name) + "\"",
          llvm::Twine("it takes ") + first.input + ", attention_mask" +
              (decoder.empty() ? "" : ", " + decoder));
    if (Error error = checkIdArray(binding, array))
      return error;
    if (Error error = sameShape(binding, array, *ids, isMask))
      return error;
  }
  const ashlar_array *mask = arrays.find("attention_mask");
  const ashlar_array *start = decoder.empty() ? nullptr : arrays.find(decoder);
  for (int64_t row = 0; row < rowsOf(*ids); ++row) {
    if (start)
      generator.decoderIds = rowOf(*start, nullptr, row);
    if (Error error = generator.run(rowOf(*ids, mask, row)))
      return error;
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

static Error checkFlags(const Arguments &arguments) {
  for (const char *flag : {"--temperature", "--top-k", "--top-p", "--seed"})
    if (arguments.has(flag))
      return userError("",
                       llvm::Twine(flag) + " asks for sampling; this build "
                                           "decodes greedily",
                       "leave it out");
  int kinds = arguments.has("--prompt") + arguments.has("--prompt-file") +
              arguments.has("--ids") + arguments.has("--in");
  if (kinds != 1)
    return usageError("ashlar generate needs one of --prompt, --prompt-file, "
                      "--ids and --in");
  return Error::success();
}

static Error setUp(const Arguments &arguments, Generator &generator) {
  Expected<int64_t> most =
      arguments.integer("--max-new-tokens", -1, 0, INT32_MAX);
  if (!most)
    return most.takeError();
  generator.maxNewTokens = *most;
  generator.ignoreEnd = arguments.has("--ignore-eos");
  generator.special = arguments.has("--special");
  generator.idsOnly = arguments.has("--ids-only");
  std::optional<StringRef> start = arguments.get("--decoder-ids");
  if (!start)
    return Error::success();
  Expected<std::vector<int32_t>> ids = parseIds(*start, "--decoder-ids");
  if (!ids)
    return ids.takeError();
  generator.decoderIds = std::move(*ids);
  return Error::success();
}

static Error runTexts(Generator &generator, const Arguments &arguments) {
  if (Error error =
          needTokenizer(generator.text, "give token ids: --ids=1,2,3 or --in"))
    return error;
  if (std::optional<StringRef> file = arguments.get("--prompt-file"))
    return forEachLine(*file,
                       [&](StringRef line) { return generator.run(line); });
  for (StringRef prompt : arguments.all("--prompt"))
    if (Error error = generator.run(prompt))
      return error;
  return Error::success();
}

Error ashlar::tool::runGenerate(const Arguments &arguments) {
  if (Error error = checkFlags(arguments))
    return error;
  // Everything that the command line alone can get wrong comes first.
  std::vector<int32_t> ids;
  if (std::optional<StringRef> text = arguments.get("--ids")) {
    Expected<std::vector<int32_t>> parsed = parseIds(*text, "--ids");
    if (!parsed)
      return parsed.takeError();
    ids = std::move(*parsed);
  }
  Expected<std::vector<Binding>> in = bindingsOf(arguments, "--in");
  if (!in)
    return in.takeError();
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  Expected<NamedArrays> arrays = readArrays(*in);
  if (!arrays)
    return arrays.takeError();
  Expected<Artifact> artifact = openOperand(arguments);
  if (!artifact)
    return artifact.takeError();
  if (!ashlar_can_generate(&artifact->plan()))
    return userError(arguments.operand(),
                     "the model does not generate tokens: "
                     "it has no decoder with logits",
                     "use ashlar run");
  Expected<Session> session = artifact->createSession(*threads);
  if (!session)
    return session.takeError();
  Expected<ashlar_text> text = artifact->openText();
  if (!text)
    return text.takeError();
  Generator generator = {*artifact, session->get(), *text};
  if (Error error = setUp(arguments, generator))
    return error;
  if (!ids.empty())
    return generator.run(ids);
  if (!in->empty())
    return runArrays(generator, *in, *arrays);
  return runTexts(generator, arguments);
}
