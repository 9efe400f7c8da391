//===- TinyModel.h - The smallest artifacts to test with -------*- C++ -*-===//
//
// An encoder whose first result is the first token id plus the first weight
// behind the image's header: it shows whether code, plan and weights found each
// other.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_COMPILER_CODEGEN_TINYMODEL_H
#define ASHLAR_TESTS_COMPILER_CODEGEN_TINYMODEL_H

#include "compiler/Codegen/Artifact.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <filesystem>
#include <string>

namespace ashlar::tests {

/// A folder of one test's own, removed at the end of its life.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string operator/(const std::string &name) const {
    return (path / name).string();
  }
  const std::filesystem::path &get() const { return path; }

private:
  std::filesystem::path path;
};

struct TinyModel {
  ArtifactKind kind = ArtifactKind::SharedLibrary;
  std::string target = "x86-64-v3";
  uint64_t weightsBytes = 8192;
  bool weightsInside = true;
  float firstWeight = 41;
  /// Further LLVM IR, of functions that the artifact has no use for.
  std::string moreCode;
  PlanDescription plan;

  TinyModel();
  llvm::Expected<ObjectCode> compileAnew() const;
  /// The same, but only once for the same fields.
  llvm::Expected<ObjectCode> compile() const;
  /// Compiles and writes to `output`.
  llvm::Error write(const std::string &output) const;
};

/// The error's text, "" for success.
std::string textOf(llvm::Error error);

std::string readFile(const std::string &path);

/// Runs `command` by the shell; its standard output, and its status appended
/// when that is not 0.
std::string shell(const std::string &command);

} // namespace ashlar::tests

#endif // ASHLAR_TESTS_COMPILER_CODEGEN_TINYMODEL_H
