//===- llama_bench.cpp - Times llama.cpp's libraries ----------------------===//
//
//   llama_bench quantize LIBRARIES TYPE IN.gguf OUT.gguf
//   llama_bench PHASE LIBRARIES MODEL.gguf TOKENS THREADS FLASH REPACK
//
// LIBRARIES is the folder of the backends. TYPE is a number of llama_ftype.
// PHASE is encode or prompt (of TOKENS), decode (tokens around TOKENS behind a
// prompt) or first (from opening the model to the logits of a prompt). FLASH
// and REPACK are 0 or 1: flash attention, and weights repacked at load. Prints
// {"milliseconds": median, "version": text}: of three runs at least and a
// second in all, behind one that is not counted.
//
//===----------------------------------------------------------------------===//

#include "ggml-backend.h"
#include "llama.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int newTokens = 32;

struct Options {
  const char *phase = "";
  const char *model = "";
  int tokens = 0;
  int threads = 0;
  bool flash = false;
  bool repack = false;

  bool is(const char *name) const { return !std::strcmp(phase, name); }
};

double now() {
  auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

[[noreturn]] void fail(const char *what) {
  std::fprintf(stderr, "error: %s\n", what);
  std::exit(1);
}

void logErrors(ggml_log_level level, const char *text, void *) {
  if (level == GGML_LOG_LEVEL_ERROR)
    std::fputs(text, stderr);
}

class Bench {
public:
  explicit Bench(const Options &options) : options(options) {
    start = now();
    auto parameters = llama_model_default_params();
    parameters.use_extra_bufts = options.repack;
    model = llama_model_load_from_file(options.model, parameters);
    if (!model)
      fail("the model cannot be loaded");
    vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    makeContext();
  }

  /// Median milliseconds.
  double run() {
    if (options.is("first")) {
      prompt(options.tokens);
      return (now() - start) * 1e3;
    }
    round();
    times.clear();
    double begin = now();
    for (int rounds = 0; rounds < 3 || now() - begin < 1; ++rounds)
      round();
    auto middle = times.begin() + times.size() / 2;
    std::nth_element(times.begin(), middle, times.end());
    return *middle * 1e3;
  }

private:
  /// The token in the middle of those decoded is behind `tokens` others.
  int promptTokens() const {
    return options.tokens - (options.is("decode") ? newTokens / 2 : 0);
  }

  void makeContext() {
    auto parameters = llama_context_default_params();
    parameters.n_ctx = options.tokens + newTokens;
    parameters.n_batch = parameters.n_ubatch = options.tokens;
    parameters.n_threads = parameters.n_threads_batch = options.threads;
    parameters.flash_attn_type = options.flash ? LLAMA_FLASH_ATTN_TYPE_ENABLED
                                               : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    if (options.is("encode")) {
      parameters.embeddings = true;
      parameters.pooling_type = LLAMA_POOLING_TYPE_NONE;
    }
    context = llama_init_from_model(model, parameters);
    if (!context)
      fail("the context cannot be made");
  }

  /// Behind what the cache holds; waits for the outputs.
  void run(int count) {
    std::vector<llama_token> ids(count);
    for (llama_token &id : ids)
      id = std::rand() % vocabulary;
    llama_batch batch = llama_batch_get_one(ids.data(), count);
    if (options.is("encode") ? llama_encode(context, batch)
                             : llama_decode(context, batch))
      fail("the model cannot be run");
    llama_synchronize(context);
    const float *outputs = options.is("encode")
                               ? llama_get_embeddings_ith(context, 0)
                               : llama_get_logits_ith(context, -1);
    if (!outputs || !std::isfinite(outputs[0]))
      fail("the outputs are not finite");
  }

  void prompt(int count) {
    if (!options.is("encode"))
      llama_memory_clear(llama_get_memory(context), true);
    run(count);
  }

  void round() {
    if (!options.is("decode")) {
      double begin = now();
      prompt(options.tokens);
      times.push_back(now() - begin);
      return;
    }
    if (held)
      llama_memory_seq_rm(llama_get_memory(context), -1, promptTokens(), -1);
    else
      prompt(promptTokens());
    held = true;
    for (int i = 0; i < newTokens; ++i) {
      double begin = now();
      run(1);
      times.push_back(now() - begin);
    }
  }

  const Options &options;
  llama_model *model = nullptr;
  llama_context *context = nullptr;
  int vocabulary = 0;
  bool held = false; // the prompt is in the cache
  double start = 0;
  std::vector<double> times;
};

int quantize(const char *type, const char *in, const char *out) {
  auto parameters = llama_model_quantize_default_params();
  parameters.ftype = static_cast<llama_ftype>(std::atoi(type));
  return llama_model_quantize(in, out, &parameters) ? 1 : 0;
}

} // namespace

int main(int argc, char **argv) {
  llama_log_set(logErrors, nullptr);
  if (argc < 6) {
    std::fprintf(stderr, "usage: see the head of llama_bench.cpp\n");
    return 2;
  }
  ggml_backend_load_all_from_path(argv[2]);
  llama_backend_init();
  if (!std::strcmp(argv[1], "quantize"))
    return quantize(argv[3], argv[4], argv[5]);
  if (argc != 8)
    return 2;
  Options options;
  options.phase = argv[1];
  options.model = argv[3];
  options.tokens = std::atoi(argv[4]);
  options.threads = std::atoi(argv[5]);
  options.flash = std::atoi(argv[6]);
  options.repack = std::atoi(argv[7]);
  Bench bench(options);
  std::printf("{\"milliseconds\": %.4f, \"version\": \"%s\"}\n", bench.run(),
              LLAMA_BENCH_VERSION);
}
