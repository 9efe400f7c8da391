//===- TinyModel.cpp - The smallest artifacts to test with ----------------===//

#include "tests/compiler/codegen/TinyModel.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <sstream>

using namespace ashlar;
using namespace ashlar::tests;

static constexpr uint64_t buildId = 0x1122334455667788;

TemporaryFolder::TemporaryFolder() {
  llvm::SmallString<128> name;
  std::error_code status =
      llvm::sys::fs::createUniqueDirectory("ashlar-test", name);
  EXPECT_FALSE(status) << status.message();
  path = name.str().str();
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path); }

// Where the arena keeps what; see makeModule.
static constexpr int64_t idsOffset = 4096;
static constexpr int64_t hiddenOffset = 8192;
static constexpr int64_t hiddenFeatures = 48;
static constexpr int64_t maxTokens = 32;

static StackDescription makeStack() {
  StackDescription stack;
  stack.function = "tiny_stack";
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.plan.ids_offset = idsOffset;
  stack.plan.vectors_offset = -1;
  stack.plan.positions_offset = -1;
  stack.plan.types_offset = -1;
  stack.plan.vocabulary = 100;
  stack.plan.hidden = hiddenFeatures;
  stack.plan.hidden_offset = hiddenOffset;
  stack.plan.hidden_stride = hiddenFeatures;
  stack.plan.cache_kind = -1;
  stack.plan.ring_kind = -1;
  return stack;
}

static HeadDescription makeHead() {
  HeadDescription head;
  head.function = "tiny_head";
  head.output = "logits";
  head.plan.max_rows = maxTokens;
  head.plan.input_offset = 16384;
  head.plan.input_stride = hiddenFeatures;
  head.plan.input_features = hiddenFeatures;
  head.plan.output_offset = 24576;
  head.plan.output_stride = 100;
  head.plan.output_features = 100;
  return head;
}

TinyModel::TinyModel() {
  plan.name = "tiny";
  plan.manifest = R"({"name": "tiny"})";
  plan.stacks.push_back(makeStack());
  plan.heads.push_back(makeHead());
  plan.plan.cpu_level = ASHLAR_CPU_X86_64_V3;
  plan.plan.build_id = buildId;
  plan.plan.arena_bytes = 1 << 16;
  plan.plan.max_tokens = maxTokens;
  plan.plan.max_source = maxTokens;
  plan.plan.max_sequences = 1;
  plan.plan.rows_offset = 64;
  plan.plan.tiles_offset = 1024;
  plan.plan.max_tiles = maxTokens;
  plan.plan.tile_rows = 16;
  plan.plan.encoder = 0;
  plan.plan.decoder = -1;
  plan.plan.cross_cache = -1;
}

static std::unique_ptr<llvm::Module> makeModule(llvm::LLVMContext &context,
                                                const std::string &moreCode) {
  static constexpr llvm::StringLiteral text = R"(
define void @tiny_stack(ptr %weights, ptr %arena, ptr %cache, ptr %team,
                        i64 %worker, i64 %workers) {
  %weight_at = getelementptr i8, ptr %weights, i64 64
  %weight = load float, ptr %weight_at
  %id_at = getelementptr i8, ptr %arena, i64 4096
  %id = load i32, ptr %id_at
  %number = sitofp i32 %id to float
  %sum = fadd float %weight, %number
  %hidden = getelementptr i8, ptr %arena, i64 8192
  store float %sum, ptr %hidden
  ret void
}
define void @tiny_head(ptr %weights, ptr %arena, ptr %cache, ptr %team,
                       i64 %worker, i64 %workers) {
  %row = load <16 x float>, ptr %arena
  %twice = fadd <16 x float> %row, %row
  store <16 x float> %twice, ptr %arena
  ret void
}
)";
  llvm::SMDiagnostic diagnostic;
  auto module =
      llvm::parseAssemblyString(text.str() + moreCode, diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  return module;
}

llvm::Expected<ObjectCode> TinyModel::compileAnew() const {
  llvm::LLVMContext context;
  auto targets = findTargets(target);
  if (!targets)
    return targets.takeError();
  PlanDescription full = plan;
  full.weightsInside = weightsInside && weightsBytes;
  full.plan.weights_bytes = weightsBytes;
  std::vector<LevelCode> levels;
  for (const Target *level : *targets) {
    if (targets->size() > 1) {
      full.plan.cpu_level = level->cpuLevel;
      full.plan.uses_tiles = level->tiles;
    }
    levels.push_back({level, makeModule(context, moreCode), full});
  }
  return generateObject(std::move(levels), kind);
}

llvm::Expected<ObjectCode> TinyModel::compile() const {
  static std::mutex lock;
  static std::map<std::string, ObjectCode> known;
  std::string key = std::to_string(static_cast<int>(kind)) + "|" + target +
                    "|" + std::to_string(weightsBytes) + "|" +
                    std::to_string(weightsInside) + "|" + moreCode + "|" +
                    plan.name + "|" + plan.manifest;
  {
    std::lock_guard guard(lock);
    if (auto it = known.find(key); it != known.end())
      return it->second;
  }
  llvm::Expected<ObjectCode> object = compileAnew();
  if (!object)
    return object.takeError();
  std::lock_guard guard(lock);
  return known[key] = std::move(*object);
}

llvm::Error TinyModel::write(const std::string &output) const {
  llvm::Expected<ObjectCode> object = compile();
  if (!object)
    return object.takeError();
  ArtifactRequest request;
  request.output = output;
  request.kind = kind;
  request.object = object->bytes;
  request.weightsInside = weightsInside;
  request.weightsBytes = weightsBytes;
  request.buildId = buildId;
  request.weights = [&](WeightSink &sink) -> llvm::Error {
    char bytes[sizeof firstWeight];
    std::memcpy(bytes, &firstWeight, sizeof bytes);
    if (llvm::Error error = sink.write(bytes))
      return error;
    return sink.padTo(weightsBytes);
  };
  return writeArtifact(request);
}

std::string tests::textOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

std::string tests::readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string tests::shell(const std::string &command) {
  FILE *pipe = ::popen((command + " 2>&1").c_str(), "r");
  EXPECT_TRUE(pipe);
  std::string output;
  char chunk[4096];
  while (size_t count = std::fread(chunk, 1, sizeof chunk, pipe))
    output.append(chunk, count);
  int status = ::pclose(pipe);
  if (status != 0)
    output += "status " + std::to_string(status);
  return output;
}
