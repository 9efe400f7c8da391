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
  std::string file = folder + "/prompts";
  std::ofstream(file, std::ios::binary) << "a\r\nc\nd";
  EXPECT_EQ(run({"decoder", "--prompt-file", file}, "x\n"), 0);
  EXPECT_EQ(out, "bcdef\ndef\nef\n");
  EXPECT_EQ(run({"decoder", "--prompt-file=-"}, "c\n"), 0);
  EXPECT_EQ(out, "def\n");
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

TEST_F(Program, chats) {
  // The template ends with "c"; the fake model goes on from there.
  EXPECT_EQ(run({"chat", "--chat", "a"}), 0) << err;
  EXPECT_EQ(out, "def\n");
  EXPECT_EQ(run({"chat", "--chat", "--system=a", "a", ""}), 0) << err;
  EXPECT_EQ(out, "def\ndef\n");
  auto refuses = [&](std::vector<llvm::StringRef> arguments, int status,
                     const char *message) {
    EXPECT_EQ(run(arguments), status);
    EXPECT_NE(err.find(message), std::string::npos) << err;
  };
  refuses({"decoder", "--chat", "a"}, 1, "the model has no chat template");
  refuses({"chat", "--system=a", "a"}, 2,
          "--system is for --chat and --converse");
  for (const char *flag : {"--chat", "--converse", "--messages=f"})
    refuses({"chat", flag, "--ids=1"}, 2,
            "--chat, --converse and --messages are for texts, of a model that "
            "generates");
  refuses({"classifier", "--converse", "a"}, 2, "of a model that generates");
  for (const char *flag : {"a", "--chat", "--converse"})
    refuses({"chat", "--messages=f", flag}, 2,
            "--messages does not go with prompts, --chat and --converse");
  for (const char *flag : {"--chat", "--ids-only", "--beams=2"})
    refuses({"chat", "--converse", flag, "a"}, 2,
            "--converse does not go with --chat, --ids-only and --beams");
}

TEST_F(Program, chatsOfSeveralTurns) {
  EXPECT_EQ(run({"chat", "--converse", "--system=a"}, "a\n\nb\n"), 0) << err;
  EXPECT_EQ(out, "def\ndef\ndef\n");
  EXPECT_EQ(run({"chat", "--messages=-"},
                R"([{"role": "user", "content": "a"}]
                   [{"content": "b", "role": "system"},
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "\u00e9"},
                    {"role": "user", "content": ""}])"),
            0)
      << err;
  EXPECT_EQ(out, "def\ndef\n");
  EXPECT_EQ(run({"chat", "--messages=-"}, "[{\"role\": \"user\"}]"), 1);
  EXPECT_EQ(err, "error: standard input:1: a message without \"role\" or "
                 "\"content\"\n");
  EXPECT_EQ(run({"chat", "--messages=/no/file"}), 1);
  EXPECT_EQ(err, "error: /no/file: No such file or directory\n");
}

TEST_F(Program, languages) {
  EXPECT_EQ(run({"decoder", "--language=en", "a"}), 1);
  EXPECT_EQ(err, "error: --language: the model has no tokens of languages that "
                 "its output could begin with\n");
  EXPECT_EQ(run({"decoder", "--language=en", "--decoder-ids=1", "a"}), 2);
  EXPECT_NE(err.find("--language does not go with --decoder-ids"),
            std::string::npos);
  EXPECT_EQ(run({"classifier", "--language=en", "a"}), 2);
  EXPECT_NE(err.find("--language is for the output of a model that generates"),
            std::string::npos);
}

TEST_F(Program, samples) {
  std::vector<llvm::StringRef> words = {"decoder", "--temperature=4",
                                        "--max-new-tokens=12", "--ids-only",
                                        "--ignore-eos"};
  auto with = [&](std::initializer_list<llvm::StringRef> more) {
    std::vector<llvm::StringRef> all = words;
    all.insert(all.end(), more);
    EXPECT_EQ(run(all), 0) << err;
    return out;
  };
  std::string first = with({"--seed=5", "a"});
  EXPECT_EQ(with({"--seed=5", "a"}), first);
  EXPECT_NE(with({"--seed=6", "a"}), first);
  EXPECT_EQ(with({"--seed=0", "a"}), with({"a"}));
  // Each prompt has random numbers of its own.
  std::string two = with({"--seed=5", "a", "a"});
  EXPECT_TRUE(llvm::StringRef(two).starts_with(first));
  EXPECT_NE(two, first + first);
  EXPECT_EQ(with({"--top-k=1", "a"}), with({"--top-p=0.001", "a"}));
  EXPECT_EQ(run({"decoder", "--top-k=1", "a"}), 0);
  EXPECT_EQ(out, "bcdef\n");
}

TEST_F(Program, searchesAndStops) {
  EXPECT_EQ(run({"decoder", "--beams=3", "a"}), 0);
  EXPECT_EQ(out, "bcdef\n");
  EXPECT_EQ(run({"decoder", "--beams=3", "--n-best=3", "--length-penalty=0.5",
                 "--ids-only", "e"}),
            0);
  EXPECT_EQ(llvm::StringRef(out).count('\n'), 3u);
  EXPECT_TRUE(llvm::StringRef(out).starts_with("6,7\n")) << out;
  EXPECT_EQ(run({"decoder", "--beams=3", "--early-stopping=true", "a"}), 0);
  EXPECT_EQ(out, "bcdef\n");
  EXPECT_EQ(run({"decoder", "--stop-ids=3,4", "a"}), 0);
  EXPECT_EQ(out, "bc\n");
  EXPECT_EQ(run({"decoder", "--ignore-eos", "--stop-ids=9", "--ids-only", "e"}),
            0);
  EXPECT_EQ(out, "6,7,8,9\n");
  EXPECT_EQ(run({"decoder", "--stream", "a", "b"}), 0);
  EXPECT_EQ(out, "bcdef\ncdef\n");
  // The fake model's best logit is 0, which no penalty moves.
  EXPECT_EQ(run({"decoder", "--repetition-penalty=100", "a"}), 0);
  EXPECT_EQ(out, "bcdef\n");
}

TEST_F(Program, embeds) {
  std::string file = folder + "/e.npy";
  std::string flag = "--out=sentence_embedding=" + file;
  EXPECT_EQ(run({"encoder", flag, "--pooling=max", "ab", "f"}), 0) << err;
  EXPECT_EQ(out, "");
  EXPECT_EQ(err, "");
  ashlar_array array;
  ashlar_error error;
  ASSERT_EQ(ashlar_npy_read(file.c_str(), &array, &error), 0);
  EXPECT_EQ(array.rank, 2);
  EXPECT_EQ(array.shape[0], 2);
  EXPECT_EQ(ashlar_array_float(&array, 0), 2);
  EXPECT_EQ(ashlar_array_float(&array, array.shape[1]), 6);
  ashlar_array_free(&array);
  EXPECT_EQ(run({"encoder", flag}, "ab\nf\n"), 0) << err;
  EXPECT_EQ(err, "note: the model does not say how: mean of all rows "
                 "(--pooling)\n");
}

TEST_F(Program, scoresASingleClass) {
  EXPECT_EQ(run({"scorer", "a"}), 0);
  EXPECT_EQ(out, "bad\t0.880797\n"); // 1 / (1 + exp(-2))
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
  fails({"decoder", "--temperature=0", "a"}, 2,
        "--temperature=0: expected a number above 0, at most 1e+06");
  fails({"decoder", "--temperature=nan", "a"}, 2,
        "--temperature=nan: expected a number above 0, at most 1e+06");
  fails({"decoder", "--top-p=1.5", "a"}, 2,
        "--top-p=1.5: expected a number above 0, at most 1");
  fails({"decoder", "--top-k=0", "a"}, 2,
        "--top-k=0: expected a number from 1 to 2147483647");
  fails({"decoder", "--seed=-1", "a"}, 2,
        "--seed=-1: expected a number from 0 to 9223372036854775807");
  fails({"decoder", "--repetition-penalty=x", "a"}, 2,
        "--repetition-penalty=x: expected a number above 0, at most 1e+06");
  fails({"decoder", "--length-penalty=99", "--beams=2", "a"}, 2,
        "--length-penalty=99: expected a number from -20, at most 20");
  fails({"decoder", "--beams=0", "a"}, 2,
        "--beams=0: expected a number from 1 to 1024");
  fails({"decoder", "--beams=2", "--seed=1", "a"}, 2,
        "--beams does not go with --temperature, --top-k, --top-p and --seed");
  fails({"decoder", "--n-best=2", "a"}, 2,
        "--n-best: at most as many as --beams");
  fails({"decoder", "--stop-ids=x", "a"}, 2,
        "--stop-ids: \"x\" is no token id");
  fails({"decoder", "--beams=4", "a"}, 1,
        "4 beams need 4 sequences; the artifact has 3 (--max-sequences of "
        "compile)");
  fails({"decoder", "--length-penalty=1", "--beams=1", "a"}, 2,
        "--length-penalty is for several beams: --beams=2 or more");
  fails({"decoder", "--early-stopping=never", "a"}, 2,
        "--early-stopping is for several beams: --beams=2 or more");
  fails({"decoder", "--beams=2", "--early-stopping=1", "a"}, 2,
        "--early-stopping=1: expected false, true or never");
  fails({"decoder", "--stop-ids=5,20", "a"}, 1,
        "--stop-ids has id 20; the vocabulary has 20 tokens");
  fails({"decoder", "--stop-ids=20", "--beams=2", "a"}, 1,
        "--stop-ids has id 20; the vocabulary has 20 tokens");
  fails({"decoder", "--ids=1", "--ids=2"}, 2,
        "--ids: given twice; one prompt of token ids at a time");
  fails({"decoder", "--prompt-file=x", "a"}, 2,
        "--prompt-file does not go with other prompts");
  fails({"decoder", "--prompt-file=x", "--ids=1"}, 2,
        "--ids does not go with other prompts");
  fails({"decoder", "--prompt-file=/nowhere/x"}, 1,
        "/nowhere/x: No such file or directory");
  fails({"decoder", "--decoder-ids=1", "a"}, 1,
        "--decoder-ids: the model has no encoder; its output begins with the "
        "prompt");
  fails({"encoder", "--pooling=median", "a"}, 2,
        "--pooling=median: expected mean, cls, last or max");
  fails({"encoder", "--pooling=mean", "a"}, 2,
        "--pooling and --normalize are for --out sentence_embedding=FILE");
  fails({"encoder", "--out=sentence_embedding=x.npy", "--ids=1"}, 2,
        "--ids does not go with sentence_embedding");
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
