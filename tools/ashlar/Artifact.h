//===- Artifact.h - Code that the tools have loaded ------------*- C++ -*-===//
//
// ART_OR_MODEL of the command line: a shared library that `ashlar compile`
// wrote, or a model, which is compiled into the user's cache first.
// Loading a library runs its code: the manifest is read and checked before.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_ARTIFACT_H
#define ASHLAR_TOOLS_ASHLAR_ARTIFACT_H

#include "compiler/Compiler.h"
#include "compiler/Text/regex/PatternMatcher.h"
#include "runtime/choose_plan.h"
#include "runtime/text/text.h"
#include "tools/ashlar/Arguments.h"
#include "tools/ashlar/ArtifactCache.h"
#include "tools/ashlar/ManifestView.h"

#include <memory>

namespace ashlar::tool {

/// A session of a loaded artifact; it must not outlive it.
using Session = std::unique_ptr<ashlar_session, void (*)(ashlar_session *)>;

class Artifact {
public:
  static llvm::Expected<Artifact> load(llvm::StringRef path);
  /// `model`, compiled with `options`, whose output is set here: the one in the
  /// user's cache where it was compiled before. Warnings go to standard error.
  static llvm::Expected<Artifact> compile(llvm::StringRef model,
                                          CompileOptions options);

  const ashlar_api &api() const { return *table; }
  const ashlar_plan &plan() const { return *ashlar_plan_of(table); }
  const ManifestView &manifest() const { return description; }

  /// `threads` 0: as many as this process may use.
  llvm::Expected<Session> createSession(int64_t threads) const;
  /// The tables of the text front end; the artifact must outlive them.
  llvm::Expected<ashlar_text> openText() const;

private:
  /// Into a folder that goes away.
  static llvm::Expected<Artifact> compileOnce(llvm::StringRef model,
                                              const CompileOptions &options);
  static llvm::Expected<Artifact> compileInto(const ArtifactCache &cache,
                                              llvm::StringRef key,
                                              llvm::StringRef model,
                                              const CompileOptions &options);

  using Library = std::unique_ptr<void, int (*)(void *)>;
  using Model = std::unique_ptr<ashlar_model, void (*)(ashlar_model *)>;

  Artifact(Library library, const ashlar_api *table, Model model,
           ManifestView description)
      : library(std::move(library)), table(table), model(std::move(model)),
        description(std::move(description)) {}

  Library library; // goes last: the others are made of its code
  const ashlar_api *table;
  Model model;
  ManifestView description;
  /// Of patterns that the tables cannot follow; made when they are opened.
  mutable std::unique_ptr<PatternMatcher> patterns;
};

/// A folder, a YAML file or nothing that is there, and no artifact.
bool isModel(llvm::StringRef path);

/// Error when the artifact's file ends too early.
llvm::Error checkComplete(llvm::StringRef path);

/// The command's ART_OR_MODEL. Flags of compilation are errors for an artifact.
/// A model is compiled for `sequences` if --max-sequences does not say (0: for
/// the usual number), and with taps where the command needs them.
llvm::Expected<Artifact> openOperand(const Arguments &arguments,
                                     int64_t sequences = 0, bool taps = false);

/// Error when flags of compilation are given although nothing is compiled.
llvm::Error refuseCompileFlags(const Arguments &arguments,
                               llvm::StringRef artifact);

/// `--threads`; 0 when not given.
llvm::Expected<int64_t> threadsOf(const Arguments &arguments);

/// What a function of the text front end said.
llvm::Error frontError(const ashlar_error &error);
/// What a function of the artifact answered.
llvm::Error statusError(const ashlar_api &api, ashlar_status status);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_ARTIFACT_H
