//===- Checker.h - The first fault of a description ------------*- C++ -*-===//
//
// The vocabulary of Validate.cpp: checks that record the first fault with the
// path of the field, and are free afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_CHECKER_H
#define ASHLAR_COMPILER_SPEC_CHECKER_H

#include "compiler/Spec/Validate.h"

#include "llvm/ADT/Twine.h"

namespace ashlar {

class Checker {
public:
  explicit Checker(FieldLocator locate) : locate(locate) {}

  bool failed() const { return !cause.empty(); }
  llvm::Error takeError();

  // Each returns whether the check holds and nothing failed before.

  /// `"PATH" is FOUND; expected EXPECTED` unless `holds`.
  bool expect(bool holds, const llvm::Twine &path, const llvm::Twine &found,
              const llvm::Twine &expected);
  bool range(const llvm::Twine &path, int64_t value, int64_t minimum,
             int64_t maximum);
  bool equal(const llvm::Twine &path, int64_t value, const char *whose,
             int64_t expected);
  /// A finite number above 0 that float32 can hold.
  bool positive(const llvm::Twine &path, double value);
  bool text(const llvm::Twine &path, llvm::StringRef value);

private:
  FieldLocator locate;
  std::string path;
  std::string cause;
};

/// Shortest decimal text that reads back as `value`.
std::string formatDouble(double value);

/// "[3, 4]".
std::string formatShape(const std::vector<int64_t> &shape);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_CHECKER_H
