//===- NpyHeader.cpp - The dictionary before the data of a .npy file ------===//
//
// The header is a Python dictionary such as
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
// Of Python only what NumPy writes there is understood.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Npy.h"
#include "compiler/Support/Shape.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

#include <optional>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace {

struct TypeRow {
  NpyType type;
  StringRef name;
  StringRef descr;
  size_t size;
};

} // namespace

static constexpr TypeRow typeTable[] = {
    {NpyType::Bool, "bool", "|b1", 1},
    {NpyType::Int32, "int32", "<i4", 4},
    {NpyType::Int64, "int64", "<i8", 8},
    {NpyType::Float32, "float32", "<f4", 4},
    {NpyType::Float64, "float64", "<f8", 8},
};

static const TypeRow &rowOf(NpyType type) {
  for (const TypeRow &row : typeTable)
    if (row.type == type)
      return row;
  llvm_unreachable("type without a row");
}

StringRef ashlar::nameOf(NpyType type) { return rowOf(type).name; }
size_t ashlar::sizeOf(NpyType type) { return rowOf(type).size; }

uint64_t NpyHeader::dataBytes() const {
  return static_cast<uint64_t>(*elementCount(shape)) * sizeOf(type);
}

//===----------------------------------------------------------------------===//
// Dictionary
//===----------------------------------------------------------------------===//

namespace {

/// Reads the dictionary; functions return false after fail().
class Dictionary {
public:
  explicit Dictionary(StringRef text) : rest(text) {}

  bool read(NpyHeader &header);
  const std::string &failure() const { return cause; }

private:
  bool readEntry(NpyHeader &header);
  bool readQuoted(StringRef &out);
  bool readType(NpyType &out);
  bool readBoolean(bool &out);
  bool readShape(std::vector<int64_t> &out);

  /// Consumes `token` and the blanks before it.
  bool take(StringRef token) {
    rest = rest.ltrim(' ');
    return rest.consume_front(token);
  }
  bool fail(const Twine &text) {
    cause = text.str();
    return false;
  }
  bool failHere(StringRef expected) {
    return fail("the header has \"" + escapeForDisplay(rest.take_front(20)) +
                "\" where " + expected + " should be");
  }

  StringRef rest;
  bool hasType = false, hasOrder = false, hasShape = false;
  std::string cause;
};

} // namespace

bool Dictionary::read(NpyHeader &header) {
  if (!take("{"))
    return failHere("'{'");
  while (!take("}")) {
    if (!readEntry(header))
      return false;
    if (take(","))
      continue;
    if (!take("}"))
      return failHere("',' or '}'");
    break;
  }
  if (!rest.trim(" \n").empty())
    return failHere("the header's end");
  if (!hasType || !hasOrder || !hasShape)
    return fail("the header lacks 'descr', 'fortran_order' or 'shape'");
  return true;
}

bool Dictionary::readEntry(NpyHeader &header) {
  StringRef key;
  if (!readQuoted(key))
    return false;
  if (!take(":"))
    return failHere("':'");
  bool *seen = key == "descr"           ? &hasType
               : key == "fortran_order" ? &hasOrder
               : key == "shape"         ? &hasShape
                                        : nullptr;
  if (!seen)
    return fail("the header has an unknown key \"" + escapeForDisplay(key) +
                "\"");
  if (*seen)
    return fail("the header has the key \"" + key + "\" twice");
  *seen = true;
  if (seen == &hasType)
    return readType(header.type);
  if (seen == &hasOrder)
    return readBoolean(header.fortranOrder);
  return readShape(header.shape);
}

bool Dictionary::readQuoted(StringRef &out) {
  char quote = take("'") ? '\'' : take("\"") ? '"' : '\0';
  if (!quote)
    return failHere("a string");
  size_t length = rest.find(quote);
  if (length == StringRef::npos)
    return fail("a string in the header has no end");
  out = rest.take_front(length);
  rest = rest.drop_front(length + 1);
  return true;
}

bool Dictionary::readType(NpyType &out) {
  rest = rest.ltrim(' ');
  if (rest.starts_with("["))
    return fail("the array is structured; supported are bool, int32, int64, "
                "float32 and float64");
  StringRef descr;
  if (!readQuoted(descr))
    return false;
  for (const TypeRow &row : typeTable) {
    // One byte has no order, and '=' is what the little-endian machine has.
    bool sameKind =
        descr.size() == 3 && descr.drop_front() == row.descr.drop_front();
    if (!sameKind)
      continue;
    if (descr.front() == '>' && row.size > 1)
      return fail("the array is big-endian (\"" + descr + "\"); expected \"" +
                  row.descr + "\"");
    if (!StringRef("<|=>").contains(descr.front()))
      continue;
    out = row.type;
    return true;
  }
  return fail("the array's type is \"" + escapeForDisplay(descr) +
              "\"; supported are bool (|b1), int32 (<i4), int64 (<i8), "
              "float32 (<f4) and float64 (<f8)");
}

bool Dictionary::readBoolean(bool &out) {
  out = take("True");
  return out || take("False") || failHere("True or False");
}

bool Dictionary::readShape(std::vector<int64_t> &out) {
  constexpr size_t maximumRank = 64; // NumPy's own limit
  if (!take("("))
    return failHere("a shape");
  while (!take(")")) {
    rest = rest.ltrim(' ');
    StringRef digits = rest.take_while(llvm::isDigit);
    int64_t extent;
    if (digits.empty())
      return failHere("a dimension");
    if (digits.getAsInteger(10, extent))
      return fail("dimension " + digits.take_front(40) + " is too large");
    if (out.size() == maximumRank)
      return fail("the array has more than 64 dimensions");
    out.push_back(extent);
    rest = rest.drop_front(digits.size());
    if (take(","))
      continue;
    // "(3)" is a number in Python, only "(3,)" a shape.
    if (out.size() == 1 || !take(")"))
      return failHere("','");
    break;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

/// Magic, version and length; returns the dictionary's text.
static Expected<StringRef> headerText(StringRef prefix, StringRef file) {
  if (!prefix.starts_with("\x93NUMPY") || prefix.size() < 8)
    return userError(file, "this is no .npy file",
                     "save the array with numpy.save");
  unsigned version = static_cast<unsigned char>(prefix[6]);
  if (version < 1 || version > 3 || prefix[7] != 0)
    return userError(file, "version " + Twine(version) + "." +
                               Twine(static_cast<unsigned char>(prefix[7])) +
                               " of the .npy format; supported are 1.0, 2.0 "
                               "and 3.0");
  size_t lengthBytes = version == 1 ? 2 : 4;
  StringRef rest = prefix.drop_front(8);
  if (rest.size() < lengthBytes)
    return userError(file, "the file ends inside its header");
  uint64_t length = version == 1 ? llvm::support::endian::read16le(rest.data())
                                 : llvm::support::endian::read32le(rest.data());
  rest = rest.drop_front(lengthBytes);
  if (8 + lengthBytes + length > npyHeaderLimit)
    return userError(file, "the header's length is " + Twine(length) +
                               "; at most " + Twine(npyHeaderLimit - 12) +
                               " bytes are read");
  if (rest.size() < length)
    return userError(file, "the file ends inside its header");
  return rest.take_front(length);
}

Expected<NpyHeader> ashlar::parseNpyHeader(StringRef prefix, StringRef file) {
  Expected<StringRef> text = headerText(prefix, file);
  if (!text)
    return text.takeError();
  NpyHeader header;
  header.dataOffset = static_cast<uint64_t>(text->end() - prefix.begin());
  Dictionary dictionary(*text);
  if (!dictionary.read(header))
    return userError(file, dictionary.failure());
  std::optional<int64_t> count = elementCount(header.shape);
  if (!count || *count > INT64_MAX / static_cast<int64_t>(sizeOf(header.type)))
    return userError(file, "shape " + shapeText(header.shape) +
                               " has too many elements");
  return header;
}

std::string ashlar::npyHeader(NpyType type, llvm::ArrayRef<int64_t> shape) {
  std::string text = ("{'descr': '" + rowOf(type).descr +
                      "', 'fortran_order': False, 'shape': (")
                         .str();
  for (int64_t extent : shape)
    text += std::to_string(extent) + ", ";
  if (shape.size() > 1)
    text.resize(text.size() - 2);
  else if (shape.size() == 1)
    text.pop_back();
  text += "), }";
  constexpr size_t before = 10; // magic, version, length
  size_t total = llvm::alignTo(before + text.size() + 1, 64);
  text.append(total - before - text.size() - 1, ' ');
  text += '\n';
  assert(text.size() <= UINT16_MAX && "shape too long for version 1");
  std::string result("\x93NUMPY\x01\x00", 8);
  result += static_cast<char>(text.size() & 0xff);
  result += static_cast<char>(text.size() >> 8);
  return result + text;
}
