//===- Arguments.h - The driver's command line -----------------*- C++ -*-===//
//
// `--opt=V` and `--opt V` mean the same. A command lists its options once; the
// list gives the check, the messages and --help.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_ARGUMENTS_H
#define ASHLAR_TOOLS_ASHLAR_ARGUMENTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::tool {

enum ExitStatus { done = 0, failed = 1, usage = 2, beyondTolerance = 3 };

/// A fault of the command line: exit status 2.
class UsageError : public llvm::ErrorInfo<UsageError> {
public:
  static char ID;
  explicit UsageError(std::string text) : text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;

private:
  std::string text;
};

llvm::Error usageError(const llvm::Twine &text);

/// What verify found is not good enough: exit status 3.
class ToleranceError : public llvm::ErrorInfo<ToleranceError> {
public:
  static char ID;
  explicit ToleranceError(std::string text) : text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;

private:
  std::string text;
};

struct OptionInfo {
  const char *name;  // with its dashes
  const char *value; // what --help shows behind '='; null for a switch
  const char *help;
};

struct CommandInfo {
  const char *name;
  const char *operands; // "MODEL", "ART_OR_MODEL"; null: none
  unsigned operandCount;
  const char *summary;
  llvm::ArrayRef<OptionInfo> options;
};

class Arguments {
public:
  /// Errors: an unknown option, a switch with a value, an option without one,
  /// the wrong number of operands.
  static llvm::Expected<Arguments> parse(const CommandInfo &command,
                                         llvm::ArrayRef<const char *> words);

  llvm::StringRef operand(unsigned index = 0) const { return operands[index]; }
  bool has(llvm::StringRef option) const;
  /// The last value given.
  std::optional<llvm::StringRef> get(llvm::StringRef option) const;
  /// The value of an option that says one thing: an error where it is given
  /// several times.
  llvm::Expected<std::optional<llvm::StringRef>>
  getOnce(llvm::StringRef option) const;
  std::vector<llvm::StringRef> all(llvm::StringRef option) const;
  /// A number in [minimum, maximum], or `fallback` when not given.
  llvm::Expected<int64_t> integer(llvm::StringRef option, int64_t fallback,
                                  int64_t minimum, int64_t maximum) const;
  /// A number above `minimum`, at most `maximum`.
  llvm::Expected<double> number(llvm::StringRef option, double fallback,
                                double minimum, double maximum) const;

private:
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::string> operands;
};

void printHelp(const CommandInfo &command);

/// Prints errors as "error: ..." and says which exit status they mean.
int report(llvm::Error error);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_ARGUMENTS_H
