//===- Arrays.cpp - NAME=FILE.npy of the command line --------------------===//

#include "tools/ashlar/Arrays.h"

#include "compiler/Support/Errors.h"

using namespace ashlar;
using namespace ashlar::tool;

llvm::Expected<std::vector<Binding>>
ashlar::tool::bindingsOf(const Arguments &arguments, llvm::StringRef option) {
  std::vector<Binding> bindings;
  for (llvm::StringRef text : arguments.all(option)) {
    auto [name, file] = text.split('=');
    if (name.empty() || file.empty())
      return usageError(option + " is \"" + text +
                        "\"; expected NAME=FILE.npy");
    for (const Binding &other : bindings)
      if (other.name == name)
        return usageError(option + " names \"" + name + "\" twice");
    bindings.push_back({name.str(), file.str()});
  }
  return bindings;
}

llvm::Expected<NamedArrays>
ashlar::tool::readArrays(const std::vector<Binding> &bindings) {
  NamedArrays result;
  for (const Binding &binding : bindings) {
    ashlar_named_array named = {};
    named.name = binding.name.c_str();
    ashlar_error error;
    if (ashlar_npy_read(binding.file.c_str(), &named.array, &error))
      return userError(binding.file, error.message);
    result.arrays.push_back(named);
  }
  return result;
}
