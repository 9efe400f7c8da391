//===- TinyModel.cpp - The smallest artifacts to test with ----------------===//

#include "tests/compiler/codegen/TinyModel.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
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

TinyModel::TinyModel() {
  plan.name = "tiny";
  plan.manifest = R"({"name": "tiny"})";
  StackDescription stack;
  stack.function = "tiny_stack";
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.plan.vocabulary = 100;
  stack.plan.hidden = 48;
  stack.plan.cache_kind = -1;
  plan.stacks.push_back(stack);
  HeadDescription head;
  head.function = "tiny_head";
  head.output = "logits";
  head.plan.output_features = 100;
  plan.heads.push_back(head);
  plan.plan.cpu_level = ASHLAR_CPU_X86_64_V3;
  plan.plan.build_id = buildId;
  plan.plan.arena_bytes = 1 << 16;
  plan.plan.max_tokens = 32;
  plan.plan.max_sequences = 1;
  plan.plan.encoder = 0;
  plan.plan.decoder = -1;
  plan.plan.cross_cache = -1;
}

std::unique_ptr<llvm::Module>
TinyModel::makeModule(llvm::LLVMContext &context) const {
  static constexpr llvm::StringLiteral text = R"(
define void @tiny_stack(ptr %weights, ptr %arena, ptr %cache, ptr %team,
                        i64 %worker, i64 %workers) {
  %at = getelementptr i8, ptr %weights, i64 64
  %weight = load float, ptr %at
  %before = load float, ptr %arena
  %sum = fadd float %weight, %before
  store float %sum, ptr %arena
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
  auto module = llvm::parseAssemblyString(text, diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  return module;
}

llvm::Expected<ObjectCode> TinyModel::compile() const {
  llvm::LLVMContext context;
  CodegenOptions options;
  options.kind = kind;
  auto found = findTarget(target);
  if (!found)
    return found.takeError();
  options.target = *found;
  PlanDescription full = plan;
  full.weightsInside = weightsInside && weightsBytes;
  full.plan.weights_bytes = weightsBytes;
  return generateObject(makeModule(context), full, options);
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
