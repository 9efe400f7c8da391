//===- Arguments.cpp - The driver's command line -------------------------===//

#include "tools/ashlar/Arguments.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar::tool;

char UsageError::ID = 0;
char ToleranceError::ID = 0;

void ToleranceError::log(llvm::raw_ostream &os) const { os << text; }

std::error_code ToleranceError::convertToErrorCode() const {
  return std::make_error_code(std::errc::result_out_of_range);
}

void UsageError::log(llvm::raw_ostream &os) const { os << text; }

std::error_code UsageError::convertToErrorCode() const {
  return std::make_error_code(std::errc::invalid_argument);
}

llvm::Error ashlar::tool::usageError(const llvm::Twine &text) {
  return llvm::make_error<UsageError>(text.str());
}

static const OptionInfo *findOption(const CommandInfo &command,
                                    llvm::StringRef name) {
  for (const OptionInfo &option : command.options)
    if (name == option.name)
      return &option;
  return nullptr;
}

llvm::Expected<Arguments> Arguments::parse(const CommandInfo &command,
                                           llvm::ArrayRef<const char *> words) {
  Arguments arguments;
  bool onlyOperands = false;
  for (size_t i = 0; i < words.size(); ++i) {
    llvm::StringRef word = words[i];
    if (onlyOperands || !word.starts_with("-") || word == "-") {
      arguments.operands.push_back(word.str());
      continue;
    }
    if (word == "--") {
      onlyOperands = true;
      continue;
    }
    auto [name, value] = word.split('=');
    bool hasValue = word.contains('=');
    const OptionInfo *option = findOption(command, name);
    if (!option)
      return usageError("ashlar " + llvm::Twine(command.name) +
                        " has no option " + name + "; see ashlar " +
                        command.name + " --help");
    if (!option->value && hasValue)
      return usageError(name + " takes no value");
    if (option->value && !hasValue) {
      if (i + 1 == words.size())
        return usageError(name + " needs a value: " + name + "=" +
                          option->value);
      value = words[++i];
    }
    arguments.values.emplace_back(name.str(), value.str());
  }
  if (!arguments.has("--help") &&
      arguments.operands.size() != command.operandCount) {
    std::string wanted = "no operand";
    if (command.operands)
      wanted = std::to_string(command.operandCount) + " operand (" +
               command.operands + ")";
    return usageError("ashlar " + llvm::Twine(command.name) + " takes " +
                      wanted + ", but " +
                      llvm::Twine(arguments.operands.size()) + " were given");
  }
  return arguments;
}

bool Arguments::has(llvm::StringRef option) const {
  return get(option).has_value();
}

std::optional<llvm::StringRef> Arguments::get(llvm::StringRef option) const {
  for (size_t i = values.size(); i-- > 0;)
    if (values[i].first == option)
      return llvm::StringRef(values[i].second);
  return std::nullopt;
}

std::vector<llvm::StringRef> Arguments::all(llvm::StringRef option) const {
  std::vector<llvm::StringRef> found;
  for (const auto &[name, value] : values)
    if (name == option)
      found.push_back(value);
  return found;
}

llvm::Expected<std::optional<llvm::StringRef>>
Arguments::getOnce(llvm::StringRef option) const {
  if (all(option).size() > 1)
    return usageError(option + " is given " + llvm::Twine(all(option).size()) +
                      " times; expected it once");
  return get(option);
}

llvm::Expected<int64_t> Arguments::integer(llvm::StringRef option,
                                           int64_t fallback, int64_t minimum,
                                           int64_t maximum) const {
  std::optional<llvm::StringRef> text = get(option);
  if (!text)
    return fallback;
  int64_t value = 0;
  if (text->getAsInteger(10, value) || value < minimum || value > maximum)
    return usageError(option + " is \"" + *text +
                      "\"; expected a number from " + llvm::Twine(minimum) +
                      " to " + llvm::Twine(maximum));
  return value;
}

llvm::Expected<double> Arguments::number(llvm::StringRef option,
                                         double fallback, double minimum,
                                         double maximum) const {
  std::optional<llvm::StringRef> text = get(option);
  if (!text)
    return fallback;
  double value = 0;
  // "nan" is above nothing.
  if (text->getAsDouble(value) || !(value > minimum && value <= maximum))
    return usageError(llvm::formatv(
        "{0} is \"{1}\"; expected a number above {2}, at most {3}", option,
        *text, minimum, maximum));
  return value;
}

void ashlar::tool::printHelp(const CommandInfo &command) {
  llvm::outs() << "ashlar " << command.name << " ";
  if (command.operands)
    llvm::outs() << command.operands << " ";
  llvm::outs() << "[options]\n  " << command.summary << "\n\n";
  for (const OptionInfo &option : command.options) {
    std::string name = option.name;
    if (option.value)
      name += std::string("=") + option.value;
    llvm::outs() << "  " << name;
    llvm::outs().indent(name.size() < 28 ? 28 - name.size() : 1);
    llvm::outs() << " " << option.help << "\n";
  }
}

int ashlar::tool::report(llvm::Error error) {
  if (!error)
    return done;
  int status = failed;
  llvm::handleAllErrors(std::move(error), [&](llvm::ErrorInfoBase &info) {
    if (info.isA<UsageError>())
      status = usage;
    else if (info.isA<ToleranceError>())
      status = beyondTolerance;
    llvm::errs() << "error: ";
    info.log(llvm::errs());
    llvm::errs() << "\n";
  });
  return status;
}
