//===- YamlPrint.cpp - Trees of values as YAML ----------------------------===//

#include "compiler/Spec/YamlText.h"

#include "compiler/Support/Utf8.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using llvm::StringRef;

static constexpr size_t lineWidth = 100;

/// Whether `text` can stand without quotes and is read back as a string.
static bool isPlain(StringRef text) {
  // Not "...", which ends a document.
  bool isPath = text == "." || text == ".." || text.starts_with("./") ||
                text.starts_with("../") || text.starts_with("/");
  if (text.empty() || !(isPath || llvm::isAlpha(text[0]) || text[0] == '_'))
    return false;
  for (char c : text)
    if (!llvm::isAlnum(c) && c != '_' && c != '.' && c != '-' && c != '/')
      return false;
  for (StringRef word :
       {"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
    if (text.equals_insensitive(word))
      return false;
  return true;
}

static void writeQuoted(llvm::raw_ostream &os, StringRef text) {
  os << '"';
  while (!text.empty()) {
    CodePoint c = decodeUtf8(text);
    assert(c.length && "strings of a description are UTF-8");
    StringRef bytes = text.take_front(c.length);
    text = text.drop_front(c.length);
    bool unsafe = c.value < 0x20 || (c.value >= 0x7f && c.value <= 0xa0) ||
                  (c.value >= 0x2000 && c.value <= 0x206f) || c.value == 0xfeff;
    if (c.value == '"' || c.value == '\\')
      os << '\\' << bytes;
    else if (unsafe)
      os << llvm::format("\\u%04x", c.value);
    else
      os << bytes;
  }
  os << '"';
}

static void writeString(llvm::raw_ostream &os, StringRef text) {
  if (isPlain(text))
    os << text;
  else
    writeQuoted(os, text);
}

static void writeFlow(llvm::raw_ostream &os, const JsonValue &value) {
  switch (value.kind) {
  case JsonValue::Kind::Null:
    os << "null";
    return;
  case JsonValue::Kind::Boolean:
    os << (value.boolean ? "true" : "false");
    return;
  case JsonValue::Kind::Number:
    os << value.text;
    return;
  case JsonValue::Kind::String:
    writeString(os, value.text);
    return;
  case JsonValue::Kind::Array:
    os << '[';
    for (const JsonValue &element : value.elements) {
      os << (&element == value.elements.data() ? "" : ", ");
      writeFlow(os, element);
    }
    os << ']';
    return;
  case JsonValue::Kind::Object:
    os << '{';
    for (const JsonValue::Member &member : value.members) {
      os << (&member == value.members.data() ? "" : ", ");
      writeString(os, member.key);
      os << ": ";
      writeFlow(os, member.value);
    }
    os << '}';
    return;
  }
}

/// Objects two levels up from the leaves are easier to read as blocks.
static bool nests(const JsonValue &value) {
  auto isContainer = [](const JsonValue &inner) {
    return inner.isArray() || inner.isObject();
  };
  for (const JsonValue &element : value.elements)
    if (isContainer(element))
      return element.isObject() || nests(element);
  for (const JsonValue::Member &member : value.members)
    if (member.value.isObject())
      return true;
  return false;
}

static void writeBlock(llvm::raw_ostream &os, const JsonValue &value,
                       unsigned indent);

/// What follows a key or a dash at column `indent` of a line that already has
/// `used` columns.
static void writeNested(llvm::raw_ostream &os, const JsonValue &value,
                        unsigned indent, size_t used, bool afterDash) {
  std::string flow;
  llvm::raw_string_ostream flowStream(flow);
  bool isEmpty = value.elements.empty() && value.members.empty();
  if (isEmpty || !nests(value)) {
    writeFlow(flowStream, value);
    if (isEmpty || used + 1 + flow.size() <= lineWidth) {
      os << ' ' << flow << '\n';
      return;
    }
  }
  if (afterDash && value.isObject()) {
    os << ' '; // the first member stands beside the dash
    writeBlock(os, value, indent + 2);
    return;
  }
  os << '\n';
  os.indent(indent + 2);
  writeBlock(os, value, indent + 2);
}

/// Writes a container whose first line starts at the cursor, column `indent`.
static void writeBlock(llvm::raw_ostream &os, const JsonValue &value,
                       unsigned indent) {
  bool isFirst = true;
  auto startLine = [&] {
    if (!isFirst)
      os.indent(indent);
    isFirst = false;
  };
  for (const JsonValue &element : value.elements) {
    startLine();
    os << '-';
    writeNested(os, element, indent, indent + 1, /*afterDash=*/true);
  }
  for (const JsonValue::Member &member : value.members) {
    startLine();
    std::string key;
    llvm::raw_string_ostream keyStream(key);
    writeString(keyStream, member.key);
    os << key << ':';
    writeNested(os, member.value, indent, indent + key.size() + 1,
                /*afterDash=*/false);
  }
}

std::string ashlar::printYamlTree(const JsonValue &root) {
  std::string result;
  llvm::raw_string_ostream os(result);
  if (root.elements.empty() && root.members.empty()) {
    writeFlow(os, root);
    os << '\n';
  } else {
    writeBlock(os, root, 0);
  }
  return result;
}
