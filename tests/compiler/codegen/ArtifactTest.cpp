//===- ArtifactTest.cpp - Artifacts of every kind, linked and run ---------===//

#include "runtime/choose_plan.h"
#include "tests/compiler/codegen/TinyModel.h"

#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <thread>

using namespace ashlar;
using namespace ashlar::tests;

namespace {

/// A loaded shared library and its API.
class Loaded {
public:
  Loaded(const std::string &path, const std::string &function) {
    handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(handle) << ::dlerror();
    if (!handle)
      return;
    auto get = reinterpret_cast<const ashlar_api *(*)()>(
        ::dlsym(handle, function.c_str()));
    EXPECT_TRUE(get) << function;
    if (get)
      api = get();
  }
  ~Loaded() {
    if (handle)
      ::dlclose(handle);
  }

  /// The first number that encoding the token 1 gives; opens the weights from
  /// `source`.
  float encodeOne(const ashlar_weights_source *source) const {
    const int32_t one = 1;
    ashlar_batch batch{};
    batch.sequences = 1;
    batch.lengths = &one;
    batch.ids = &one;
    ashlar_session_options options{};
    options.threads = 1;
    ashlar_model *model = nullptr;
    ashlar_session *session = nullptr;
    const float *hidden = nullptr;
    int64_t rows, features, stride;
    EXPECT_EQ(api->open(source, &model), ASHLAR_OK);
    EXPECT_EQ(api->session_create(model, &options, &session), ASHLAR_OK);
    EXPECT_EQ(api->encode(session, &batch), ASHLAR_OK);
    EXPECT_EQ(api->hidden(session, &hidden, &rows, &features, &stride),
              ASHLAR_OK);
    float result = hidden ? hidden[0] : 0;
    api->session_destroy(session);
    api->close(model);
    return result;
  }

  void *handle = nullptr;
  const ashlar_api *api = nullptr;
};

void checkLoads(const std::string &path, uint64_t weightsBytes) {
  Loaded library(path, "tiny_get_api");
  ASSERT_TRUE(library.api);
  const ashlar_plan &plan = *ashlar_plan_of(library.api);
  EXPECT_EQ(plan.abi_version, ASHLAR_ABI_VERSION);
  EXPECT_STREQ(plan.name, "tiny");
  EXPECT_STREQ(plan.manifest, R"({"name": "tiny"})");
  EXPECT_STREQ(plan.stacks[0].input, "input_ids");
  EXPECT_EQ(plan.weights_bytes, static_cast<int64_t>(weightsBytes));
  ashlar_weights_header header;
  std::memcpy(&header, plan.weights, sizeof header);
  EXPECT_EQ(std::memcmp(header.magic, "ASHLARW1", 8), 0);
  EXPECT_EQ(header.build_id, plan.build_id);
  EXPECT_EQ(header.bytes, plan.weights_bytes);
  EXPECT_EQ(static_cast<const char *>(plan.weights)[weightsBytes - 1], 0);
  EXPECT_EQ(library.encodeOne(nullptr), 42);
}

} // namespace

// Catches: weights at the wrong file offset or address, for images below and
// above a page and above a huge page, with odd sizes.
TEST(Artifact, SharedLibraryFindsItsWeights) {
  for (uint64_t bytes : {uint64_t(72), uint64_t(8192), uint64_t(1000001),
                         uint64_t(8 << 20), uint64_t((8 << 20) + 77)}) {
    TemporaryFolder folder;
    TinyModel model;
    model.weightsBytes = bytes;
    ASSERT_EQ(textOf(model.write(folder / "tiny.so")), "");
    checkLoads(folder / "tiny.so", bytes);
  }
}

// Catches: weights that stay in a writable segment, or none for the program's
// own zero-filled data, when the linker has put both into one.
TEST(Artifact, ZeroFilledDataBesideTheWeights) {
  TemporaryFolder folder;
  TinyModel model;
  model.moreCode = R"(
@counter = internal global [1000 x i64] zeroinitializer
@llvm.used = appending global [1 x ptr] [ptr @counter], section "llvm.metadata"
)";
  ASSERT_EQ(textOf(model.write(folder / "tiny.so")), "");
  checkLoads(folder / "tiny.so", model.weightsBytes);
  std::string segments =
      shell(std::string(ASHLAR_LLVM_READELF) + " -lW " + folder / "tiny.so");
  EXPECT_TRUE(std::regex_search(
      segments, std::regex("LOAD .* 0x000000 0x001f40 RW +0x1000")))
      << segments;
  EXPECT_TRUE(std::regex_search(
      segments, std::regex("LOAD .* 0x002000 0x002000 R +0x1000")))
      << segments;
  ASSERT_EQ(shell(ASHLAR_LLVM_STRIP " " + folder / "tiny.so"), "");
  checkLoads(folder / "tiny.so", model.weightsBytes);
}

// Catches: plans that are not chained, or that lack what they share; functions
// of one level in the plan of another.
TEST(Artifact, SeveralLevelsShareTheirWeights) {
  TemporaryFolder folder;
  TinyModel model;
  model.target = "x86-64-v3,x86-64-v4,sapphirerapids";
  ASSERT_EQ(textOf(model.write(folder / "tiny.so")), "");
  checkLoads(folder / "tiny.so", model.weightsBytes);
  Loaded library(folder / "tiny.so", "tiny_get_api");
  ASSERT_TRUE(library.api);
  const ashlar_plan *plan = library.api->best_plan;
  int64_t level = ASHLAR_CPU_SAPPHIRE_RAPIDS + 1;
  std::set<ashlar_worker_function> functions;
  for (; plan; level = plan->cpu_level, plan = plan->lower) {
    EXPECT_LT(plan->cpu_level, level);
    EXPECT_EQ(plan->weights, library.api->best_plan->weights);
    EXPECT_EQ(plan->manifest, library.api->best_plan->manifest);
    EXPECT_TRUE(functions.insert(plan->stacks[0].function).second);
  }
  EXPECT_EQ(level, ASHLAR_CPU_X86_64_V3);
}

// Run by hand: writes 3 GiB. Catches: 32-bit distances and offsets.
TEST(Artifact, DISABLED_WeightsBeyond32Bits) {
  TemporaryFolder folder;
  TinyModel model;
  model.weightsBytes = (3ull << 30) + 100;
  ASSERT_EQ(textOf(model.write(folder / "tiny.so")), "");
  checkLoads(folder / "tiny.so", model.weightsBytes);
}

// Catches: a segment that the common tools take for droppable or misplace.
TEST(Artifact, SurvivesStrip) {
  for (std::string tool : {ASHLAR_LLVM_STRIP, "strip"}) {
    if (tool == "strip" && shell("command -v strip").empty())
      continue;
    TemporaryFolder folder;
    TinyModel model;
    model.weightsBytes = 3 << 20;
    ASSERT_EQ(textOf(model.write(folder / "tiny.so")), "");
    size_t before = readFile(folder / "tiny.so").size();
    ASSERT_EQ(shell(tool + " " + folder / "tiny.so"), "");
    EXPECT_GE(readFile(folder / "tiny.so").size(), 3u << 20);
    EXPECT_LE(readFile(folder / "tiny.so").size(), before + (4 << 20));
    checkLoads(folder / "tiny.so", 3 << 20);
  }
}

TEST(Artifact, SharedLibraryWithExternalWeights) {
  TemporaryFolder folder;
  TinyModel model;
  model.weightsInside = false;
  ASSERT_EQ(textOf(model.write(folder / "tiny.so")), "");
  std::string path = externalWeightsPath(folder / "tiny.so");
  EXPECT_EQ(path, folder / "tiny.so.weights");
  ashlar_weights_source source{};
  source.path = path.c_str();
  source.descriptor = -1;
  Loaded library(folder / "tiny.so", "tiny_get_api");
  ASSERT_TRUE(library.api);
  EXPECT_EQ(library.encodeOne(&source), 42);
}

TEST(Artifact, ExecutableRuns) {
  TemporaryFolder folder;
  TinyModel model;
  model.kind = ArtifactKind::Executable;
  ASSERT_EQ(textOf(model.write(folder / "tiny")), "");
  // The token 1 goes in as an array of shape [1, 1], 41 + 1 comes out.
  std::string npy("\x93NUMPY\x01\0\x76\0", 10);
  npy += "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }";
  npy.resize(127, ' ');
  npy += '\n';
  npy.append("\1\0\0\0\0\0\0\0", 8);
  std::ofstream(folder / "ids.npy", std::ios::binary) << npy;
  EXPECT_EQ(shell(folder / "tiny" + " --in input_ids=" + folder / "ids.npy" +
                  " --out last_hidden_state=" + folder / "out.npy"),
            "");
  std::string result = readFile(folder / "out.npy");
  size_t numbers = result.find('\n') + 1;
  float first = 0;
  ASSERT_LE(numbers + sizeof first, result.size());
  std::memcpy(&first, result.data() + numbers, sizeof first);
  EXPECT_EQ(first, 42);
}

// Catches: two objects whose private names collide in one program.
TEST(Artifact, TwoObjectsLinkIntoOneProgram) {
  TemporaryFolder folder;
  std::string inputs;
  for (std::string name : {"one", "two"}) {
    TinyModel model;
    model.kind =
        name == "one" ? ArtifactKind::Object : ArtifactKind::StaticLibrary;
    model.weightsInside = false;
    model.plan.name = name;
    std::string path = folder / (name + (name == "one" ? ".o" : ".a"));
    ASSERT_EQ(textOf(model.write(path)), "");
    EXPECT_EQ(readFile(path + ".weights").size(), model.weightsBytes);
    inputs += " " + path;
  }
  std::ofstream(folder / "main.c") << R"(
#include <stdio.h>
const void **one_get_api(void), **two_get_api(void);
int main(void) {
  return one_get_api()[1] == two_get_api()[1];
})";
  EXPECT_EQ(shell("cc -o " + folder / "both" + " " + folder / "main.c" +
                  inputs + " -lpthread -lm"),
            "");
  EXPECT_EQ(shell(folder / "both"), "");
}

TEST(Artifact, SameInputSameBytes) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "other");
  for (ArtifactKind kind :
       {ArtifactKind::SharedLibrary, ArtifactKind::Executable}) {
    TinyModel model;
    model.kind = kind;
    ObjectCode first = llvm::cantFail(model.compileAnew());
    ObjectCode second = llvm::cantFail(model.compileAnew());
    EXPECT_TRUE(first.bytes == second.bytes);
    ASSERT_EQ(textOf(model.write(folder / "tiny")), "");
    ASSERT_EQ(textOf(model.write(folder / "other/tiny")), "");
    EXPECT_EQ(readFile(folder / "tiny"), readFile(folder / "other/tiny"));
  }
}

// Catches: names that become options or response files of the linker.
TEST(Artifact, OddFileNames) {
  for (std::string name : {"@file", "-x", "--version", "a b\nc", "*.so"}) {
    TemporaryFolder folder;
    TinyModel model;
    ASSERT_EQ(textOf(model.write(folder / name)), "") << name;
    checkLoads(folder / name, model.weightsBytes);
  }
}

// Catches: an artifact that only fails when it is loaded.
TEST(Artifact, UnknownFunctionIsALinkError) {
  TemporaryFolder folder;
  TinyModel model;
  model.moreCode = R"(
declare void @no_such_function()
define void @calls() {
  call void @no_such_function()
  ret void
}
@keeper = internal global ptr @calls
@llvm.used = appending global [1 x ptr] [ptr @keeper], section "llvm.metadata"
)";
  EXPECT_NE(textOf(model.write(folder / "tiny.so"))
                .find("undefined symbol: no_such_function"),
            std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.get()));
  // The failed link has left nothing behind in the linker either.
  EXPECT_EQ(textOf(TinyModel().write(folder / "tiny.so")), "");
}

// Catches: two compilations at a time that share the linker's state.
TEST(Artifact, ManyThreadsAtATime) {
  TemporaryFolder folder;
  std::vector<std::thread> threads;
  std::string errors[4];
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      TinyModel model;
      model.moreCode = "; " + std::to_string(i);
      errors[i] =
          textOf(model.write(folder / ("tiny" + std::to_string(i) + ".so")));
    });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(errors[i], "");
    checkLoads(folder / ("tiny" + std::to_string(i) + ".so"), 8192);
  }
}

TEST(Artifact, ObjectCannotCarryWeights) {
  TemporaryFolder folder;
  TinyModel model;
  ObjectCode object = llvm::cantFail(model.compile());
  ArtifactRequest request;
  request.output = folder / "tiny.o";
  request.kind = ArtifactKind::Object;
  request.object = object.bytes;
  request.weightsBytes = 100;
  EXPECT_NE(textOf(writeArtifact(request)).find("use --weights=external"),
            std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.get()));
}

// Catches: a partial artifact after the weights could not be read to the end.
TEST(Artifact, FailingWeightsLeaveNoFile) {
  TemporaryFolder folder;
  for (bool inside : {true, false}) {
    TinyModel model;
    model.weightsInside = inside;
    ObjectCode object = llvm::cantFail(model.compile());
    ArtifactRequest request;
    request.output = folder / "tiny.so";
    request.object = object.bytes;
    request.weightsInside = inside;
    request.weightsBytes = model.weightsBytes;
    request.header = "/* header */\n";
    request.headerPath = folder / "tiny.h";
    for (std::string fault : {"truncated", "short", "long"}) {
      request.weights = [&](WeightSink &sink) -> llvm::Error {
        if (fault == "truncated")
          return llvm::createStringError("truncated");
        return sink.padTo(model.weightsBytes + (fault == "long" ? 1 : -1));
      };
      EXPECT_NE(textOf(writeArtifact(request)), "") << fault;
      EXPECT_TRUE(std::filesystem::is_empty(folder.get())) << fault;
    }
  }
}
