//===- GenerateCommand.cpp - ashlar generate -----------------------------===//

#include "tools/ashlar/Arrays.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Generator.h"

#include "runtime/text/language.h"
#include "runtime/text/messages.h"
#include "runtime/text/vectors.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const OptionInfo options[] = {
    {"--prompt", "TEXT", "a text to continue; may be given several times"},
    {"--prompt-file", "FILE",
     "texts, one on each line; - is standard input. Several go at once as far "
     "as --max-sequences of compile reaches"},
    {"--ids", "1,2,3", "a prompt of token ids"},
    {"--in", "NAME=FILE",
     "prompts of token ids as .npy: input_ids [B,S], and "
     "attention_mask, decoder_input_ids where needed; or what a model reads "
     "instead: input_features [B,F,S]"},
    {"--special", nullptr,
     "special tokens in a prompt are themselves, not text"},
    {"--chat", nullptr,
     "each prompt is a user's message in the model's chat template: one turn "
     "that asks for an answer"},
    {"--converse", nullptr,
     "prompts are the user's messages of one chat: the next follows the answer "
     "to the one before"},
    {"--system", "TEXT", "what a chat begins with, as its system"},
    {"--messages", "FILE",
     "chats, each a JSON list of {\"role\": ..., \"content\": ...}, which the "
     "user's message ends; - is standard input"},
    {"--language", "CODE",
     "of the output, as the model's tokenizer calls it: fr_XX, fra_Latn, fr"},
    {"--decoder-ids", "1,2", "what an encoder-decoder's output begins with"},
    {"--ids-only", nullptr, "print token ids instead of text"},
    {"--stream", nullptr, "print text as it is made, also into a pipe"},
    ASHLAR_GENERATE_OPTIONS,
    {"--threads", "N", "workers (default: the cores this process may use)"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::generateInfo = {
    "generate", "ART_OR_MODEL", 1,
    "continues texts, greedily unless told else, one line for each", options};

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
  return array.rank == 1 ? 1 : array.shape[0];
}

/// What a model reads instead of token ids.
static Error checkVectors(const ashlar_stack_plan &stack,
                          const Binding &binding, const ashlar_array &array,
                          int64_t &tokens) {
  ashlar_error error;
  if (ashlar_vectors_check(&stack, binding.name.c_str(), &array, &tokens,
                           &error))
    return userError(binding.file, error.message);
  return Error::success();
}

static Error runVectors(Generator &generator, const ashlar_stack_plan &stack,
                        const ashlar_array &array, int64_t row,
                        int64_t tokens) {
  std::vector<float> vectors(tokens * ashlar_vectors_size(&stack) + 1);
  ashlar_vectors_read(&stack, &array, row, /*first=*/0, tokens, vectors.data());
  return generator.run(vectors, tokens);
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
  bool isVectors = first.ids_offset < 0;
  int64_t tokens = 0; // of each sequence of vectors
  const ashlar_array *ids = arrays.find(first.input);
  if (!ids)
    return userError("", llvm::Twine("--in does not give ") + first.input);
  for (size_t i = 0; i < bindings.size(); ++i) {
    const Binding &binding = bindings[i];
    const ashlar_array &array = arrays.arrays[i].array;
    bool isMask = !isVectors && binding.name == "attention_mask";
    if (!isMask && binding.name != first.input && binding.name != decoder)
      return userError("",
                       "generate takes no input \"" +
                           escapeForDisplay(binding.name) + "\"",
                       llvm::Twine("it takes ") + first.input +
                           (isVectors ? "" : ", attention_mask") +
                           (decoder.empty() ? "" : ", " + decoder));
    if (Error error = isVectors && binding.name == first.input
                          ? checkVectors(first, binding, array, tokens)
                          : checkIdArray(binding, array))
      return error;
    if (Error error = sameShape(binding, array, *ids, isMask))
      return error;
  }
  const ashlar_array *mask =
      isVectors ? nullptr : arrays.find("attention_mask");
  const ashlar_array *start = decoder.empty() ? nullptr : arrays.find(decoder);
  for (int64_t row = 0; row < rowsOf(*ids); ++row) {
    if (start) {
      generator.options.decoderIds = rowOf(*start, nullptr, row);
      if (generator.options.decoderIds.empty())
        return userError("", "\"" + decoder + "\" has no tokens to begin with");
    }
    if (Error error = isVectors
                          ? runVectors(generator, first, *ids, row, tokens)
                          : generator.run(rowOf(*ids, mask, row)))
      return error;
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

static Error checkFlags(const Arguments &arguments) {
  int kinds = arguments.has("--prompt") + arguments.has("--prompt-file") +
              arguments.has("--ids") + arguments.has("--in") +
              arguments.has("--messages");
  if (kinds != 1)
    return usageError("ashlar generate needs one of --prompt, --prompt-file, "
                      "--messages, --ids and --in");
  if (arguments.all("--ids").size() > 1)
    return usageError("--ids: given twice; one prompt of token ids at a time");
  bool chat = arguments.has("--chat"), converse = arguments.has("--converse");
  if (arguments.has("--system") && !chat && !converse)
    return usageError("--system is for --chat and --converse");
  if ((chat || converse) && !arguments.has("--prompt") &&
      !arguments.has("--prompt-file"))
    return usageError("--chat and --converse are for prompts that are texts: "
                      "--prompt or --prompt-file");
  if (converse &&
      (chat || arguments.has("--ids-only") || arguments.has("--beams")))
    return usageError("--converse does not go with --chat, --ids-only and "
                      "--beams");
  return Error::success();
}

static Error runMessages(Generator &generator, const std::string &file) {
  ashlar_messages messages;
  llvm::scope_exit release([&] { ashlar_messages_free(&messages); });
  ashlar_error error;
  if (ashlar_messages_read(&messages, file.c_str(), &error))
    return frontError(error);
  for (;;) {
    ashlar_text_chat chat;
    int found = 0;
    if (ashlar_messages_next(&messages, &chat, &found, &error))
      return frontError(error);
    if (!found)
      return Error::success();
    if (Error failed = generator.run(chat))
      return failed;
  }
}

static Error runConversation(Generator &generator, const Arguments &arguments) {
  auto take = [&](StringRef prompt) { return generator.converse(prompt); };
  if (std::optional<StringRef> file = arguments.get("--prompt-file"))
    return forEachLine(*file, take);
  for (StringRef prompt : arguments.all("--prompt"))
    if (Error error = take(prompt))
      return error;
  return Error::success();
}

static Error runTexts(Generator &generator, const Arguments &arguments) {
  if (Error error =
          needTokenizer(generator.text, "give token ids: --ids=1,2,3 or --in"))
    return error;
  if (std::optional<StringRef> messages = arguments.get("--messages"))
    return runMessages(generator, messages->str());
  std::optional<StringRef> file = arguments.get("--prompt-file");
  if (generator.options.converse)
    return runConversation(generator, arguments);
  // Who types lines, or another program that waits, gets each answer at once.
  if (file && *file == "-")
    return forEachLine(*file,
                       [&](StringRef line) { return generator.run(line); });
  Error error = Error::success();
  if (file)
    error =
        forEachLine(*file, [&](StringRef line) { return generator.add(line); });
  for (StringRef prompt : arguments.all("--prompt"))
    if (!error)
      error = generator.add(prompt);
  // Prompts before a bad one are not lost.
  return llvm::joinErrors(generator.finish(), std::move(error));
}

/// --language as --decoder-ids.
static Error chooseLanguage(const ashlar_text &text, GenerateOptions &options) {
  if (!options.language)
    return Error::success();
  size_t count = 0;
  ashlar_error error;
  options.decoderIds.resize(ASHLAR_TEXT_MAX_LANGUAGE_START);
  if (ashlar_text_language_start(&text, options.language->c_str(),
                                 options.decoderIds.data(), &count, &error))
    return frontError(error);
  options.decoderIds.resize(count);
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
  Expected<GenerateOptions> options = generateOptions(arguments);
  if (!options)
    return options.takeError();
  Expected<NamedArrays> arrays = readArrays(*in);
  if (!arrays)
    return arrays.takeError();
  Expected<Artifact> artifact = openOperand(
      arguments, options->search.beams > 1 ? options->search.beams : 0);
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
  if (Error error = chooseLanguage(*text, *options))
    return error;
  Generator generator(*artifact, session->get(), *text, std::move(*options));
  if (!ids.empty())
    return generator.run(ids);
  if (!in->empty())
    return runArrays(generator, *in, *arrays);
  return runTexts(generator, arguments);
}
