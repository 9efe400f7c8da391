//===- ProgramTest.cpp - Command line of an executable --------------------===//

#include "runtime/text/array.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <gtest/gtest.h>

#include <fstream>

namespace {

class Program : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("program", path));
    folder = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  /// Runs the program; standard output goes to `out`, the rest to `err`.
  int run(std::vector<llvm::StringRef> arguments, llvm::StringRef input = "") {
    std::string in = folder + "/in", outName = folder + "/out",
                errName = folder + "/err";
    std::ofstream(in, std::ios::binary) << input.str();
    arguments.insert(arguments.begin(), FAKE_PROGRAM);
    // Redirection does not shorten files.
    llvm::sys::fs::remove(outName);
    llvm::sys::fs::remove(errName);
    std::optional<llvm::StringRef> redirects[] = {in, outName, errName};
    int status = llvm::sys::ExecuteAndWait(FAKE_PROGRAM, arguments,
                                           std::nullopt, redirects, 60);
    out = read(outName);
    err = read(errName);
    return status;
  }
  std::string read(const std::string &name) {
    auto buffer = llvm::MemoryBuffer::getFile(name);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  std::string write(const char *name, std::initializer_list<int64_t> values) {
    int64_t shape[] = {1, int64_t(values.size())};
    ashlar_array array;
    ashlar_error error;
    EXPECT_EQ(ashlar_array_make(&array, ASHLAR_INT64, 2, shape, &error), 0);
    std::copy(values.begin(), values.end(), static_cast<int64_t *>(array.data));
    std::string path = folder + "/" + name;
    const char *paths[] = {path.c_str()};
    EXPECT_EQ(ashlar_npy_write(paths, &array, 1, &error), 0);
    ashlar_array_free(&array);
    return path;
  }

  std::string folder, out, err;
};

} // namespace

TEST_F(Program, generatesALineForEachArgument) {
  EXPECT_EQ(run({"decoder", "ab", "e"}), 0);
  EXPECT_EQ(out, "cdef\nf\n");
  EXPECT_EQ(err, "");
}

TEST_F(Program, generatesALineForEachLine) {
  EXPECT_EQ(run({"decoder"}, "a\r\nc\nd"), 0);
  EXPECT_EQ(out, "bcdef\ndef\nef\n");
  EXPECT_EQ(run({"decoder"}, ""), 0);
  EXPECT_EQ(out, "");
}

TEST_F(Program, options) {
  EXPECT_EQ(run({"decoder", "--max-new-tokens=2", "a"}), 0);
  EXPECT_EQ(out, "bc\n");
  EXPECT_EQ(run({"decoder", "--max-new-tokens", "2", "--threads", "1", "a"}),
            0);
  EXPECT_EQ(out, "bc\n");
  EXPECT_EQ(run({"decoder", "--ids=1,2", "--ids-only"}), 0);
  EXPECT_EQ(out, "3,4,5,6,7\n");
  EXPECT_EQ(run({"decoder", "--ids", "5"}), 0);
  EXPECT_EQ(out, "f\n");
  EXPECT_EQ(
      run({"decoder", "--ignore-eos", "--max-new-tokens=4", "--ids-only", "e"}),
      0);
  EXPECT_EQ(out, "6,7,8,9\n");
  EXPECT_EQ(
      run({"decoder", "--special", "--max-new-tokens=1", "--ids-only", "</s>"}),
      0);
  EXPECT_EQ(out, "8\n");
  EXPECT_EQ(run({"decoder", "--max-new-tokens=1", "--ids-only", "</s>"}), 0);
  EXPECT_EQ(out, "1\n"); // the text ends with the unknown ">"
  EXPECT_EQ(run({"decoder", "--max-new-tokens=1", "--", "--a"}), 0);
  EXPECT_EQ(out, "b\n");
}

TEST_F(Program, classifies) {
  EXPECT_EQ(run({"classifier", "a", "b"}), 0);
  EXPECT_EQ(out, "go?od\t0.731059\ngo?od\t0.731059\n");
}

TEST_F(Program, runsArrays) {
  std::string in = "input_ids=" + write("in.npy", {1, 2, 3});
  std::string result = folder + "/o.npy";
  EXPECT_EQ(run({"encoder", "--in", in, "--out=last_hidden_state=" + result}),
            0)
      << err;
  ashlar_array array;
  ashlar_error error;
  ASSERT_EQ(ashlar_npy_read(result.c_str(), &array, &error), 0);
  EXPECT_EQ(array.shape[1], 3);
  EXPECT_EQ(ashlar_array_float(&array, 3), 6); // the sum of the ids
  ashlar_array_free(&array);
}

TEST_F(Program, failsInWords) {
  auto fails = [&](std::vector<llvm::StringRef> arguments, int status,
                   llvm::StringRef message) {
    EXPECT_EQ(run(arguments), status) << message.str();
    EXPECT_EQ(err.substr(0, err.find('\n')), "error: " + message.str());
    EXPECT_EQ(out, "");
  };
  fails({"decoder", "--foo"}, 2, "unknown option --foo");
  fails({"decoder", "--ids"}, 2, "--ids: value missing");
  fails({"decoder", "--ids=1,x"}, 2, "--ids: \"x\" is no token id");
  fails({"decoder", "--ids="}, 2, "--ids: \"\" is no token id");
  fails({"decoder", "--threads=0"}, 2,
        "--threads=0: expected a number from 1 to 256");
  fails({"decoder", "--special=1"}, 2, "--special takes no value");
  fails({"decoder", "--in", "x"}, 2, "--in x: expected NAME=FILE");
  fails({"decoder", "--in", "a=x"}, 2, "--in without --out");
  fails({"decoder", "--out", "a=x", "b"}, 2,
        "--in and --out do not go with prompts");
  fails({"decoder", "--ids=1", "b"}, 2, "--ids does not go with other prompts");
  fails({"encoder", "a"}, 2,
        "the model neither generates nor classifies texts: it needs --in and "
        "--out");
  fails({"decoder", ""}, 1, "the prompt has no tokens");
  fails({"decoder", "--ids=20"}, 1,
        "token 1 of the prompt has id 20; the vocabulary has 20 tokens");
  fails({"ids", "a"}, 1, "the model has no tokenizer: give token ids (--ids)");
  fails({"encoder", "--in", "input_ids=/nowhere/x.npy", "--out", "a=b"}, 1,
        "/nowhere/x.npy: No such file or directory");
  fails({"encoder", "--out", "a=b"}, 1,
        "a: no output of this model; it has: last_hidden_state");
}

TEST_F(Program, modelsWithoutTokenizerSpeakInIds) {
  EXPECT_EQ(run({"ids", "--ids=5"}), 0);
  EXPECT_EQ(out, "6,7\n");
}

TEST_F(Program, tellsAboutItself) {
  EXPECT_EQ(run({"decoder", "--help"}), 0);
  EXPECT_NE(out.find("--max-new-tokens"), std::string::npos);
  EXPECT_NE(out.find("inputs: input_ids attention_mask position_ids"),
            std::string::npos);
  EXPECT_EQ(run({"decoder", "--version"}), 0);
  EXPECT_TRUE(llvm::StringRef(out).starts_with("fake, compiled by Ashlar "));
}

TEST_F(Program, aFullDeviceIsAnError) {
  std::vector<llvm::StringRef> arguments = {FAKE_PROGRAM, "decoder", "a"};
  std::string errName = folder + "/err";
  std::optional<llvm::StringRef> redirects[] = {"", "/dev/full",
                                                llvm::StringRef(errName)};
  EXPECT_EQ(llvm::sys::ExecuteAndWait(FAKE_PROGRAM, arguments, std::nullopt,
                                      redirects, 60),
            1);
  EXPECT_EQ(read(errName), "error: standard output: No space left on device\n");
}
