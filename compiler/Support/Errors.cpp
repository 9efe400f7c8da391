//===- Errors.cpp - Faults of the user's input ----------------------------===//

#include "compiler/Support/Errors.h"

#include "compiler/Support/Utf8.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;

char UserError::ID = 0;

/// Characters that a terminal obeys or that make text read differently from
/// what it is: C0 and C1 controls, DEL, line separators, bidirectional marks.
static bool isUnsafe(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0xfeff;
}

static void writeEscape(llvm::raw_ostream &os, uint32_t c) {
  switch (c) {
  case '\n':
    os << "\\n";
    return;
  case '\r':
    os << "\\r";
    return;
  case '\t':
    os << "\\t";
    return;
  }
  if (c < 0x80)
    os << llvm::format("\\x%02x", c);
  else
    os << llvm::format("\\u%04x", c);
}

/// Writes `text` with unsafe characters and bytes that are no UTF-8 escaped;
/// `quoting` escapes '"' and '\' too.
static void writeSafe(llvm::raw_ostream &os, llvm::StringRef text,
                      bool quoting) {
  while (!text.empty()) {
    CodePoint c = decodeUtf8(text);
    llvm::StringRef bytes = text.take_front(c.length ? c.length : 1);
    text = text.drop_front(bytes.size());
    if (!c.length)
      os << llvm::format("\\x%02x", static_cast<unsigned char>(bytes[0]));
    else if (isUnsafe(c.value))
      writeEscape(os, c.value);
    else if (quoting && (c.value == '"' || c.value == '\\'))
      os << '\\' << bytes;
    else
      os << bytes;
  }
}

void UserError::log(llvm::raw_ostream &os) const {
  if (!where.empty()) {
    writeSafe(os, where, /*quoting=*/false);
    os << ": ";
  }
  writeSafe(os, cause, /*quoting=*/false);
  if (remedy.empty())
    return;
  os << '\n';
  writeSafe(os, remedy, /*quoting=*/false);
}

std::error_code UserError::convertToErrorCode() const {
  return std::make_error_code(std::errc::invalid_argument);
}

llvm::Error ashlar::userError(const llvm::Twine &where,
                              const llvm::Twine &cause,
                              const llvm::Twine &remedy) {
  return llvm::make_error<UserError>(where.str(), cause.str(), remedy.str());
}

std::string ashlar::escapeForDisplay(llvm::StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  writeSafe(os, text, /*quoting=*/true);
  return result;
}
