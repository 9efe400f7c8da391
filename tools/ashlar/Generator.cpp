//===- Generator.cpp - Prompts to lines of standard output ---------------===//

#include "tools/ashlar/Generator.h"

#include "compiler/Support/Errors.h"
#include "runtime/text/stream.h"

#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// Prompts that are kept for each sequence of a call: when one ends early,
/// another takes its place.
static constexpr size_t promptsPerSequence = 8;

namespace {
/// Where the tokens of one prompt go.
class Printer {
public:
  explicit Printer(const Generator &generator)
      : asIds(generator.options.idsOnly ||
              !ashlar_text_has_tokenizer(&generator.text)),
        atOnce(generator.options.stream) {
    ashlar_text_decoder_init(&decoder, &generator.text);
    stream.sink = [](void *, const char *bytes, size_t count) {
      printText({bytes, count});
    };
  }

  void print(int32_t id) {
    if (asIds)
      printText((count++ ? "," : "") + std::to_string(id));
    else
      ashlar_text_decode(&decoder, id, ashlar_stream_write, &stream);
    if (atOnce)
      llvm::outs().flush();
  }
  void printLine(llvm::ArrayRef<int32_t> ids) {
    for (int32_t id : ids)
      print(id);
    end();
  }
  void end() {
    if (!asIds)
      ashlar_text_decode_end(&decoder, ashlar_stream_write, &stream);
    ashlar_stream_end(&stream);
    llvm::outs() << "\n";
  }

private:
  ashlar_text_decoder decoder;
  ashlar_stream stream = {};
  bool asIds;
  bool atOnce;
  size_t count = 0;
};
} // namespace

ashlar_generation Generator::request(llvm::ArrayRef<int32_t> prompt) {
  ashlar_generation request = {};
  request.prompt = prompt.data();
  request.prompt_count = prompt.size();
  if (!options.decoderIds.empty()) {
    request.decoder_ids = options.decoderIds.data();
    request.decoder_count = options.decoderIds.size();
  }
  request.max_new_tokens = options.maxNewTokens;
  request.ignore_end_tokens = options.ignoreEnd;
  request.stop_ids = options.stopIds.data();
  request.stop_count = options.stopIds.size();
  request.sampling = options.sampling;
  request.stream = prompts++;
  return request;
}

void Generator::note(const ashlar_generated &result) const {
  if (result.done && result.stop == ASHLAR_STOP_CONTEXT)
    llvm::errs() << "note: the context of " << artifact.plan().max_context
                 << " tokens is full\n";
}

//===----------------------------------------------------------------------===//
// One prompt
//===----------------------------------------------------------------------===//

Error Generator::search(const ashlar_generation &request,
                        ashlar_generated &result) {
  ashlar_error error;
  if (ashlar_beam_search(
          &artifact.api(), session, &text, &request, &options.search,
          [](void *user, const int32_t *ids, size_t count, double) {
            Printer(*static_cast<Generator *>(user)).printLine({ids, count});
            return int(llvm::outs().has_error());
          },
          this, &result, &error))
    return frontError(error);
  note(result);
  return checkOutput();
}

Error Generator::run(llvm::ArrayRef<int32_t> prompt) {
  return run(request(prompt));
}

Error Generator::run(llvm::ArrayRef<float> vectors, size_t tokens) {
  ashlar_generation request = this->request({});
  request.vectors = vectors.data();
  request.prompt_count = tokens;
  return run(request);
}

Error Generator::run(ashlar_generation request) {
  ashlar_generated result;
  if (options.search.beams > 1)
    return search(request, result);
  Printer printer(*this);
  answer.clear();
  std::pair<Printer *, std::vector<int32_t> *> takers = {&printer, &answer};
  request.on_token = [](void *user, int32_t id) {
    auto [printer, answer] = *static_cast<decltype(takers) *>(user);
    printer->print(id);
    answer->push_back(id);
    return int(llvm::outs().has_error());
  };
  request.user = &takers;
  ashlar_error error;
  bool failed = ashlar_generate(&artifact.api(), session, &text, &request,
                                &result, &error);
  if (!failed || result.count > 0)
    printer.end();
  if (failed)
    return llvm::joinErrors(checkOutput(), frontError(error));
  note(result);
  return checkOutput();
}

Expected<Tokens> Generator::encode(StringRef prompt) const {
  if (!options.chat)
    return Tokens::encode(text, prompt, options.special);
  return Tokens::encodeChat(text, options.system, prompt.str(),
                            options.special);
}

Error Generator::run(StringRef prompt) {
  Expected<Tokens> tokens = encode(prompt);
  if (!tokens)
    return tokens.takeError();
  return run(tokens->ids());
}

Error Generator::run(const ashlar_text_chat &chat) {
  Expected<Tokens> tokens = Tokens::encodeChat(text, chat, options.special);
  if (!tokens)
    return tokens.takeError();
  return run(tokens->ids());
}

Error Generator::converse(StringRef prompt) {
  said.push_back(prompt.str());
  Expected<Tokens> tokens =
      Tokens::encodeChat(text, options.system, said, options.special);
  if (!tokens)
    return tokens.takeError();
  if (Error error = run(tokens->ids()))
    return error;
  said.push_back(decodeTokens(text, answer));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Several prompts
//===----------------------------------------------------------------------===//

Error Generator::add(StringRef prompt) {
  size_t sequences = artifact.plan().max_sequences;
  if (sequences == 1 || options.stream || options.search.beams > 1)
    return run(prompt);
  Expected<Tokens> tokens = encode(prompt);
  if (!tokens)
    return tokens.takeError();
  pending.push_back(std::move(*tokens));
  return pending.size() < promptsPerSequence * sequences ? Error::success()
                                                         : finish();
}

Error Generator::finish() {
  std::vector<ashlar_generation> requests;
  std::vector<ashlar_generated> results(pending.size());
  std::vector<std::vector<int32_t>> ids(pending.size());
  for (auto [tokens, made] : llvm::zip(pending, ids)) {
    requests.push_back(request(tokens.ids()));
    requests.back().on_token = [](void *user, int32_t id) {
      static_cast<std::vector<int32_t> *>(user)->push_back(id);
      return 0;
    };
    requests.back().user = &made;
  }
  ashlar_error error;
  bool failed =
      !pending.empty() &&
      ashlar_generate_all(&artifact.api(), session, &text, requests.data(),
                          requests.size(), results.data(), &error);
  for (auto [result, made] : llvm::zip(results, ids)) {
    if (!result.done)
      break;
    Printer(*this).printLine(made);
    note(result);
  }
  pending.clear();
  if (failed)
    return llvm::joinErrors(checkOutput(), frontError(error));
  return checkOutput();
}
