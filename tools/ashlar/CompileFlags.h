//===- CompileFlags.h - Flags of every command that compiles ---*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_COMPILEFLAGS_H
#define ASHLAR_TOOLS_ASHLAR_COMPILEFLAGS_H

#include "compiler/Compiler.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

// Entries of a command's table of options.
#define ASHLAR_TOWER_OPTION                                                    \
  {"--tower", "NAME",                                                          \
   "of a folder with two models (clip, siglip): text or vision"}
#define ASHLAR_COMPILE_OPTIONS                                                 \
  ASHLAR_TOWER_OPTION,                                                         \
      {"--target", "LEVELS",                                                   \
       "instruction set: native, help, ...; several by commas"},               \
      {"--emulate", nullptr,                                                   \
       "for tests: the target's program, on any CPU and slowly"},              \
      {"--precision", "SPEC",                                                  \
       "f32, bf16, int8 or int4[,group=N][,lm_head=P][,kv=P][,PATTERN=P]..."}, \
      {"--max-tokens", "N", "tokens of one call"},                             \
      {"--max-context", "N", "tokens of one sequence"},                        \
      {"--max-source", "N", "tokens of an encoder-decoder's source"},          \
      {"--max-sequences", "N", "sequences of one call"},                       \
      {"--taps", nullptr, "keep the rows of every op for verify"},             \
      {"--random-weights", "SEED",                                             \
       "random numbers instead of the checkpoint"},                            \
      {"--chat-date", "YYYY-MM-DD",                                            \
       "the day that a chat template writes, where it asks for it"},           \
      {"--disable-fusion", "PASS",                                             \
       "leave a fusion out (merge-qkv, fuse-epilogue, ...)"}

/// What those flags say; output, kind and name are left to the command.
llvm::Expected<CompileOptions> compileOptions(const Arguments &arguments);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_COMPILEFLAGS_H
