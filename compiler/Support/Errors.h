//===- Errors.h - Faults of the user's input -------------------*- C++ -*-===//
//
// A UserError names where the fault is, what was found and expected, and a
// remedy. Tools print it as "error: WHERE: CAUSE" and, when there is one, the
// remedy on a second line. Faults of our own are asserts, never UserErrors.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SUPPORT_ERRORS_H
#define ASHLAR_COMPILER_SUPPORT_ERRORS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <string>

namespace ashlar {

class UserError : public llvm::ErrorInfo<UserError> {
public:
  static char ID;
  UserError(std::string where, std::string cause, std::string remedy)
      : where(std::move(where)), cause(std::move(cause)),
        remedy(std::move(remedy)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;

  /// File, file:line:column or tensor "name"; may be empty.
  const std::string where;
  const std::string cause;
  /// What the user can do about it; may be empty.
  const std::string remedy;
};

/// Makes a UserError. Control characters of the texts (they may come from a
/// stranger's model) are escaped when the error is printed.
llvm::Error userError(const llvm::Twine &where, const llvm::Twine &cause,
                      const llvm::Twine &remedy = "");

/// `text` with control characters, quotes and backslashes escaped, so that a
/// model's own string can be shown on a terminal or inside quotes.
std::string escapeForDisplay(llvm::StringRef text);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_ERRORS_H
