//===- Generator.h - Prompts to lines of standard output -------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_GENERATOR_H
#define ASHLAR_TOOLS_ASHLAR_GENERATOR_H

#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/GenerateOptions.h"
#include "tools/ashlar/Texts.h"

namespace ashlar::tool {

/// Generates for one prompt after the other, or for several at a time. Lines
/// come in the order of the prompts, and are the same either way.
class Generator {
public:
  Generator(const Artifact &artifact, ashlar_session *session,
            const ashlar_text &text, GenerateOptions options)
      : options(std::move(options)), text(text), artifact(artifact),
        session(session) {}

  /// Prints each token as it comes.
  llvm::Error run(llvm::ArrayRef<int32_t> prompt);
  /// The same for a source of vectors, of so many tokens.
  llvm::Error run(llvm::ArrayRef<float> vectors, size_t tokens);
  llvm::Error run(llvm::StringRef prompt);
  llvm::Error run(const ashlar_text_chat &chat);
  /// `prompt` is the user's next message of one chat.
  llvm::Error converse(llvm::StringRef prompt);

  /// Keeps the prompt until enough have come.
  llvm::Error add(llvm::StringRef prompt);
  /// Generates for those that are kept.
  llvm::Error finish();

  GenerateOptions options;
  const ashlar_text text;
  const Artifact &artifact;

private:
  llvm::Expected<Tokens> encode(llvm::StringRef prompt) const;
  ashlar_generation request(llvm::ArrayRef<int32_t> prompt);
  llvm::Error run(ashlar_generation request);
  llvm::Error search(const ashlar_generation &request,
                     ashlar_generated &result);
  void note(const ashlar_generated &result) const;

  ashlar_session *session;
  uint64_t prompts = 0;          // so far
  std::vector<Tokens> pending;   // not run yet
  std::vector<int32_t> answer;   // of the last prompt that was run alone
  std::vector<std::string> said; // the user's and answers in turn
};

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_GENERATOR_H
