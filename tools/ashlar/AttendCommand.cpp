//===- AttendCommand.cpp - ashlar attend ---------------------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Files.h"
#include "runtime/text/course.h"
#include "runtime/text/run.h"
#include "tools/ashlar/Arrays.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/HeatMap.h"
#include "tools/ashlar/Texts.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const OptionInfo options[] = {
    {"--prompt", "TEXT", "what the model reads"},
    {"--ids", "1,2,3", "the same as token ids"},
    {"--attention", "[WHICH:]LAYER[:HEAD]",
     "which weights (default: 0): of all heads, or of one; WHICH is encoder, "
     "decoder or cross (without it: decoder, where there is one)"},
    {"--decoder-ids", "1,2,3",
     "what an encoder-decoder has written (default: what it generates)"},
    {"--max-new-tokens", "N", "of what it generates (default: 32)"},
    {"--special", nullptr, "special tokens in a text are themselves, not text"},
    {"--svg", "FILE.svg", "the drawing"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::attendInfo = {
    "attend", "ART_OR_MODEL", 1,
    "draws what each token of a text attends to, from an artifact with --taps "
    "or a model",
    options};

namespace {
struct Wishes {
  std::string svg, choice;
  std::vector<int32_t> ids, decoderIds;
  int64_t newTokens = 32;
};

/// The tokens that go into the model.
struct Reading {
  std::vector<int32_t> ids, types, decoderIds;
};
} // namespace

static Expected<Wishes> wishesOf(const Arguments &arguments) {
  Wishes wishes;
  if (arguments.has("--prompt") == arguments.has("--ids"))
    return usageError("ashlar attend needs one of --prompt and --ids");
  std::optional<StringRef> svg = arguments.get("--svg");
  if (!svg || !svg->ends_with(".svg"))
    return usageError("ashlar attend needs --svg=FILE.svg");
  wishes.svg = svg->str();
  Expected<std::optional<StringRef>> choice = arguments.getOnce("--attention");
  if (!choice)
    return choice.takeError();
  wishes.choice = choice->value_or("0").str();
  for (auto [flag, ids] :
       {std::pair<const char *, std::vector<int32_t> *>{"--ids", &wishes.ids},
        {"--decoder-ids", &wishes.decoderIds}})
    if (std::optional<StringRef> text = arguments.get(flag)) {
      Expected<std::vector<int32_t>> parsed = parseIds(*text, flag);
      if (!parsed)
        return parsed.takeError();
      *ids = std::move(*parsed);
    }
  Expected<int64_t> count =
      arguments.integer("--max-new-tokens", wishes.newTokens, 1, 4096);
  if (!count)
    return count.takeError();
  wishes.newTokens = *count;
  return wishes;
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

static Expected<Reading> readPrompt(const Arguments &arguments,
                                    const Wishes &wishes,
                                    const ashlar_text &text) {
  Reading reading;
  reading.decoderIds = wishes.decoderIds;
  reading.ids = wishes.ids;
  std::optional<StringRef> prompt = arguments.get("--prompt");
  if (!prompt)
    return reading;
  if (Error error = needTokenizer(text, "give token ids: --ids=1,2,3"))
    return std::move(error);
  Expected<Tokens> tokens =
      Tokens::encode(text, *prompt, arguments.has("--special"));
  if (!tokens)
    return tokens.takeError();
  reading.ids.assign(tokens->ids().begin(), tokens->ids().end());
  reading.types.assign(tokens->types(), tokens->types() + tokens->ids().size());
  if (reading.ids.empty())
    return usageError("--prompt has no tokens");
  return reading;
}

/// What an encoder-decoder writes for the prompt, its start token included.
static Error generate(const Artifact &artifact, ashlar_session *session,
                      const ashlar_text &text, const Wishes &wishes,
                      Reading &reading) {
  ashlar_generation request = {};
  request.prompt = reading.ids.data();
  request.prompt_count = reading.ids.size();
  request.max_new_tokens = wishes.newTokens;
  request.on_token = [](void *user, int32_t id) {
    static_cast<std::vector<int32_t> *>(user)->push_back(id);
    return 0;
  };
  request.user = &reading.decoderIds;
  ashlar_course course;
  ashlar_error error;
  if (ashlar_course_find(&artifact.plan(), &text, &request, &course, &error))
    return frontError(error);
  reading.decoderIds.assign(course.start, course.start + course.start_count);
  ashlar_generated result;
  if (ashlar_generate(&artifact.api(), session, &text, &request, &result,
                      &error))
    return frontError(error);
  return Error::success();
}

static std::vector<std::string> labelsOf(const ashlar_text &text,
                                         ArrayRef<int32_t> ids) {
  std::vector<std::string> labels;
  for (int32_t id : ids) {
    size_t bytes;
    const char *token = ashlar_text_token_bytes(&text, id, &bytes);
    labels.push_back(token ? std::string(token, bytes) : std::to_string(id));
  }
  return labels;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static Error addInput(NamedArrays &inputs, const char *name,
                      ArrayRef<int32_t> values) {
  ashlar_named_array input = {name, {}};
  int64_t shape[] = {1, static_cast<int64_t>(values.size())};
  ashlar_error error;
  if (ashlar_array_make(&input.array, ASHLAR_INT32, 2, shape, &error))
    return frontError(error);
  llvm::copy(values, static_cast<int32_t *>(input.array.data));
  inputs.arrays.push_back(input);
  return Error::success();
}

/// The output "attention": [1, heads, rows, columns], or without heads.
static Error run(const Artifact &artifact, ashlar_session *session,
                 const Reading &reading, const ashlar_attention &attention,
                 NamedArrays &outputs) {
  const ashlar_plan &plan = artifact.plan();
  const ashlar_stack_plan &first =
      plan.stacks[plan.encoder >= 0 ? plan.encoder : plan.decoder];
  NamedArrays inputs;
  if (Error error = addInput(inputs, first.input, reading.ids))
    return error;
  if (first.types_offset >= 0 && !reading.types.empty())
    if (Error error = addInput(inputs, "token_type_ids", reading.types))
      return error;
  if (!reading.decoderIds.empty())
    if (Error error = addInput(inputs, plan.stacks[plan.decoder].input,
                               reading.decoderIds))
      return error;
  outputs.arrays.push_back({"attention", {}});
  ashlar_error error;
  if (ashlar_run(&artifact.api(), session, inputs.arrays.data(),
                 inputs.arrays.size(), outputs.arrays.data(),
                 outputs.arrays.size(), &attention, &error))
    return frontError(error);
  return Error::success();
}

static Expected<std::string>
draw(const Artifact &artifact, const ashlar_text &text, const Reading &reading,
     const ashlar_attention &attention, const ashlar_array &weights) {
  const ashlar_plan &plan = artifact.plan();
  const ashlar_map_plan &map = plan.maps[attention.map];
  bool isDecoder = plan.encoder >= 0 && map.stack == plan.decoder;
  bool isCross = map.keys == ASHLAR_MAP_SOURCE;
  HeatMap drawing;
  drawing.title = artifact.manifest().family +
                  (isCross                             ? ", cross-attention"
                   : plan.stack_count > 1 && isDecoder ? ", decoder"
                   : plan.stack_count > 1              ? ", encoder"
                                                       : "") +
                  ", layer " + std::to_string(attention.layer);
  drawing.rows = labelsOf(text, isDecoder ? reading.decoderIds : reading.ids);
  drawing.columns =
      labelsOf(text, isDecoder && !isCross ? reading.decoderIds : reading.ids);
  size_t cells = drawing.rows.size() * drawing.columns.size();
  int64_t heads = attention.head >= 0 ? 1 : map.heads;
  if (static_cast<int64_t>(cells) * heads > mostCells)
    return userError("",
                     std::to_string(heads) + " heads of " +
                         std::to_string(drawing.rows.size()) + " by " +
                         std::to_string(drawing.columns.size()) +
                         " tokens are too many to draw",
                     "draw one head (--attention=LAYER:HEAD), or take the "
                     "numbers: ashlar run --attention");
  const auto *values = static_cast<const float *>(weights.data);
  for (int64_t i = 0; i < heads; ++i)
    drawing.heads.push_back(
        {attention.head >= 0 ? attention.head : i,
         ArrayRef<float>(values + static_cast<size_t>(i) * cells, cells)});
  return drawHeatMap(drawing);
}

/// What goes in, to the end of what the decoder writes where its attention is
/// looked at.
static Expected<Reading> read(const Arguments &arguments,
                              const Artifact &artifact, ashlar_session *session,
                              const ashlar_text &text, const Wishes &wishes,
                              const ashlar_attention &attention) {
  const ashlar_plan &plan = artifact.plan();
  Expected<Reading> reading = readPrompt(arguments, wishes, text);
  if (!reading)
    return reading.takeError();
  if (!reading->decoderIds.empty() && plan.encoder < 0)
    return usageError("--decoder-ids is for encoder-decoders");
  bool writes =
      plan.encoder >= 0 && plan.maps[attention.map].stack == plan.decoder;
  if (!writes)
    reading->decoderIds.clear();
  else if (reading->decoderIds.empty())
    if (Error error = generate(artifact, session, text, wishes, *reading))
      return std::move(error);
  return reading;
}

/// The weights that are wished for, as a drawing.
static Expected<std::string> attend(const Arguments &arguments,
                                    const Artifact &artifact,
                                    const Wishes &wishes, int64_t threads) {
  const ashlar_plan &plan = artifact.plan();
  ashlar_attention attention;
  ashlar_error error;
  if (ashlar_attention_find(&plan, wishes.choice.c_str(), &attention, &error))
    return frontError(error);
  if (plan.stacks[plan.encoder >= 0 ? plan.encoder : plan.decoder].ids_offset <
      0)
    return userError(arguments.operand(), "the model reads no tokens",
                     "take the numbers: ashlar run --attention");
  Expected<Session> session = artifact.createSession(threads);
  if (!session)
    return session.takeError();
  Expected<ashlar_text> text = artifact.openText();
  if (!text)
    return text.takeError();
  Expected<Reading> reading =
      read(arguments, artifact, session->get(), *text, wishes, attention);
  if (!reading)
    return reading.takeError();
  NamedArrays outputs;
  if (Error failed =
          run(artifact, session->get(), *reading, attention, outputs))
    return std::move(failed);
  return draw(artifact, *text, *reading, attention, outputs.arrays[0].array);
}

Error ashlar::tool::runAttend(const Arguments &arguments) {
  Expected<Wishes> wishes = wishesOf(arguments);
  if (!wishes)
    return wishes.takeError();
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  // Before anything long: the drawing's place may not be writable.
  Expected<AtomicFile> file = AtomicFile::create(wishes->svg);
  if (!file)
    return file.takeError();
  Expected<Artifact> artifact =
      openOperand(arguments, /*sequences=*/0, /*taps=*/true);
  if (!artifact)
    return artifact.takeError();
  Expected<std::string> svg = attend(arguments, *artifact, *wishes, *threads);
  if (!svg)
    return svg.takeError();
  if (Error failed = file->append(*svg))
    return failed;
  return file->commit();
}
