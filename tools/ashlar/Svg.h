//===- Svg.h - What drawings share -----------------------------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_SVG_H
#define ASHLAR_TOOLS_ASHLAR_SVG_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace ashlar::tool {

/// `text`, which may be a stranger's, as the content of an element.
std::string escapeXml(llvm::StringRef text);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_SVG_H
