//===- Embedded.cpp - What the compiler carries inside itself -------------===//

#include "compiler/Codegen/Embedded.h"

using namespace ashlar;

// Each file's bytes lie between NAME and NAME_end, both of Embed.cmake.
#define ASHLAR_EMBEDDED(function, name)                                        \
  extern "C" const char ashlar_embedded_##name[];                              \
  extern "C" const char ashlar_embedded_##name##_end[];                        \
  llvm::StringRef embedded::function() {                                       \
    return llvm::StringRef(ashlar_embedded_##name,                             \
                           ashlar_embedded_##name##_end -                      \
                               ashlar_embedded_##name);                        \
  }

ASHLAR_EMBEDDED(runtimeObject, runtime_object)
ASHLAR_EMBEDDED(executableObject, executable_object)
ASHLAR_EMBEDDED(glibcObject, glibc_object)
ASHLAR_EMBEDDED(tilesObject, tiles_object)
ASHLAR_EMBEDDED(stubLibc, stub_libc)
ASHLAR_EMBEDDED(stubLibm, stub_libm)
ASHLAR_EMBEDDED(stubLibpthread, stub_libpthread)
ASHLAR_EMBEDDED(publicHeader, ashlar_h)
ASHLAR_EMBEDDED(apiHeader, api_h)
