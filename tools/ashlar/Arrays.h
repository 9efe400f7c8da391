//===- Arrays.h - NAME=FILE.npy of the command line ------------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_ARRAYS_H
#define ASHLAR_TOOLS_ASHLAR_ARRAYS_H

#include "runtime/text/array.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

/// Named arrays that are freed at the end of its life.
class NamedArrays {
public:
  NamedArrays() = default;
  NamedArrays(NamedArrays &&) = default;
  NamedArrays &operator=(NamedArrays &&) = delete;
  ~NamedArrays() {
    for (ashlar_named_array &named : arrays)
      ashlar_array_free(&named.array);
  }
  const ashlar_array *find(llvm::StringRef name) const {
    for (const ashlar_named_array &named : arrays)
      if (name == named.name)
        return &named.array;
    return nullptr;
  }

  std::vector<ashlar_named_array> arrays;
};

struct Binding {
  std::string name;
  std::string file;
};

/// All values of `option`, each NAME=FILE. Usage errors: another form, a name
/// given twice.
llvm::Expected<std::vector<Binding>> bindingsOf(const Arguments &arguments,
                                                llvm::StringRef option);

/// The arrays of the files; `bindings` must outlive them.
llvm::Expected<NamedArrays> readArrays(const std::vector<Binding> &bindings);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_ARRAYS_H
