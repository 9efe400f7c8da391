//===- YamlText.cpp - YAML to trees of values -----------------------------===//

#include "compiler/Spec/YamlText.h"

#include "compiler/Support/Numbers.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
namespace yaml = llvm::yaml;

static std::string positionText(StringRef file, unsigned line,
                                unsigned column) {
  return (file + ":" + Twine(line) + ":" + Twine(column)).str();
}

//===----------------------------------------------------------------------===//
// Before LLVM's parser
//===----------------------------------------------------------------------===//

namespace {

/// Bounds what nests: brackets, and the column at which the first token of a
/// line stands behind spaces, dashes and question marks, as every level of
/// block style takes a column. Brackets within quotes may count; names with
/// dozens of them are as little use as nests.
class DepthScan {
public:
  DepthScan(StringRef text, StringRef file, unsigned limit)
      : text(text), file(file), limit(limit) {}

  Error run() {
    for (const char *c = text.begin(); c != text.end();) {
      CodePoint point = decodeUtf8(text.drop_front(c - text.begin()));
      if (!point.length)
        return fail("invalid UTF-8");
      if (Error error = visit(point.value))
        return error;
      c += point.length;
      column += point.length;
    }
    return Error::success();
  }

private:
  Error visit(uint32_t c) {
    if (c == '\n') {
      ++line;
      column = 0;
      atStart = true;
      return Error::success();
    }
    if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
      return fail("control character");
    if (c == '[' || c == '{')
      ++brackets;
    else if ((c == ']' || c == '}') && brackets > 0)
      --brackets;
    atStart = atStart && (c == ' ' || c == '-' || c == '?' || c == ':');
    // Two columns a level is how people and printers indent.
    if (brackets > limit || (atStart && column > 4 * limit))
      return fail("nested deeper than " + Twine(limit) + " levels");
    return Error::success();
  }

  Error fail(const Twine &cause) {
    return userError(positionText(file, line, column), cause);
  }

  StringRef text;
  StringRef file;
  unsigned limit;
  unsigned line = 1;
  unsigned column = 1;
  unsigned brackets = 0;
  bool atStart = true;
};

} // namespace

//===----------------------------------------------------------------------===//
// LLVM's nodes to values
//===----------------------------------------------------------------------===//

namespace {

class TreeReader {
public:
  TreeReader(StringRef text, StringRef file, const JsonLimits &limits)
      : text(text), file(file), limits(limits) {
    lines.push_back(text.begin());
    for (const char &c : text)
      if (c == '\n')
        lines.push_back(&c + 1);
    sources.setDiagHandler(
        [](const llvm::SMDiagnostic &diagnostic, void *self) {
          static_cast<TreeReader *>(self)->failAt(diagnostic.getLineNo(),
                                                  diagnostic.getColumnNo() + 1,
                                                  diagnostic.getMessage());
        },
        this);
    stream.emplace(llvm::MemoryBufferRef(text, "yaml"), sources,
                   /*ShowColors=*/false);
  }

  Expected<JsonDocument> read();

private:
  bool readNode(yaml::Node *node, JsonValue &out, unsigned depth);
  bool readScalar(yaml::ScalarNode &node, JsonValue &out);
  bool readSequence(yaml::SequenceNode &node, JsonValue &out, unsigned depth);
  bool readMapping(yaml::MappingNode &node, JsonValue &out, unsigned depth);
  bool readMember(yaml::KeyValueNode &entry, JsonValue &out, unsigned depth,
                  llvm::DenseSet<StringRef> &seen);
  SourcePosition positionOf(yaml::Node &node);
  bool fail(yaml::Node &node, const Twine &cause);
  void failAt(unsigned line, unsigned column, const Twine &cause);

  StringRef text;
  StringRef file;
  const JsonLimits &limits;
  std::vector<const char *> lines; // where each starts
  llvm::SourceMgr sources;
  std::optional<yaml::Stream> stream;
  llvm::BumpPtrAllocator keys;
  uint64_t values = 0;
  std::string failure; // empty: none yet
  std::string failurePosition;
};

} // namespace

void TreeReader::failAt(unsigned line, unsigned column, const Twine &cause) {
  if (!failure.empty())
    return;
  failure = cause.str();
  failurePosition = positionText(file, line, column);
}

/// LLVM's flow containers start behind their bracket.
SourcePosition TreeReader::positionOf(yaml::Node &node) {
  const char *start = node.getSourceRange().Start.getPointer();
  if (!start)
    return {1, 1};
  const char *bracket = start;
  while (bracket != text.begin() && llvm::isSpace(bracket[-1]))
    --bracket;
  char before = bracket == text.begin() ? ' ' : bracket[-1];
  if ((before == '[' && llvm::isa<yaml::SequenceNode>(node)) ||
      (before == '{' && llvm::isa<yaml::MappingNode>(node)))
    start = bracket - 1;
  auto line = std::prev(llvm::upper_bound(lines, start));
  return {static_cast<uint32_t>(line - lines.begin() + 1),
          static_cast<uint32_t>(start - *line + 1)};
}

bool TreeReader::fail(yaml::Node &node, const Twine &cause) {
  SourcePosition position = positionOf(node);
  failAt(position.line, position.column, cause);
  return false;
}

Expected<JsonDocument> TreeReader::read() {
  JsonDocument document{file.str(), {}};
  yaml::document_iterator current = stream->begin();
  if (current != stream->end()) {
    yaml::Node *root = current->getRoot();
    bool ok = root && readNode(root, document.root, /*depth=*/1);
    if (ok && !stream->failed() && ++current != stream->end())
      if (yaml::Node *next = current->getRoot())
        fail(*next, "a second document; expected one");
  }
  if (stream->failed())
    failAt(1, 1, "not YAML");
  if (!failure.empty())
    return userError(failurePosition, failure);
  return document;
}

bool TreeReader::readNode(yaml::Node *node, JsonValue &out, unsigned depth) {
  if (!node || stream->failed())
    return false;
  out.position = positionOf(*node);
  if (++values > limits.values)
    return fail(*node, "more than " + Twine(limits.values) + " values");
  bool isContainer =
      llvm::isa<yaml::SequenceNode>(node) || llvm::isa<yaml::MappingNode>(node);
  if (isContainer && depth > limits.depth)
    return fail(*node, "nested deeper than " + Twine(limits.depth) + " levels");
  if (!node->getAnchor().empty() || llvm::isa<yaml::AliasNode>(node))
    return fail(*node, "anchors and aliases are not supported");
  if (!node->getRawTag().empty())
    return fail(*node, "tags are not supported");
  if (auto *scalar = llvm::dyn_cast<yaml::ScalarNode>(node))
    return readScalar(*scalar, out);
  if (auto *sequence = llvm::dyn_cast<yaml::SequenceNode>(node))
    return readSequence(*sequence, out, depth);
  if (auto *mapping = llvm::dyn_cast<yaml::MappingNode>(node))
    return readMapping(*mapping, out, depth);
  if (auto *block = llvm::dyn_cast<yaml::BlockScalarNode>(node)) {
    out.kind = JsonValue::Kind::String;
    out.text = block->getValue().str();
    return true;
  }
  return llvm::isa<yaml::NullNode>(node) || fail(*node, "not a value");
}

bool TreeReader::readScalar(yaml::ScalarNode &node, JsonValue &out) {
  llvm::SmallString<64> storage;
  StringRef raw = node.getRawValue();
  StringRef text = node.getValue(storage);
  bool quoted = raw.starts_with("\"") || raw.starts_with("'");
  if (!quoted && (text == "null" || text == "~" || text.empty()))
    return true;
  if (!quoted && (text == "true" || text == "false")) {
    out.kind = JsonValue::Kind::Boolean;
    out.boolean = text == "true";
    return true;
  }
  out.text = text.str();
  bool isNumber = !quoted && parseFiniteDouble(text).has_value();
  out.kind = isNumber ? JsonValue::Kind::Number : JsonValue::Kind::String;
  return !stream->failed();
}

bool TreeReader::readSequence(yaml::SequenceNode &node, JsonValue &out,
                              unsigned depth) {
  out.kind = JsonValue::Kind::Array;
  for (yaml::Node &element : node)
    if (!readNode(&element, out.elements.emplace_back(), depth + 1))
      return false;
  return !stream->failed();
}

bool TreeReader::readMapping(yaml::MappingNode &node, JsonValue &out,
                             unsigned depth) {
  out.kind = JsonValue::Kind::Object;
  llvm::DenseSet<StringRef> seen;
  for (yaml::KeyValueNode &entry : node)
    if (!readMember(entry, out, depth, seen))
      return false;
  return !stream->failed();
}

bool TreeReader::readMember(yaml::KeyValueNode &entry, JsonValue &out,
                            unsigned depth, llvm::DenseSet<StringRef> &seen) {
  yaml::Node *key = entry.getKey();
  if (!key || stream->failed())
    return false;
  auto *scalar = llvm::dyn_cast<yaml::ScalarNode>(key);
  if (!scalar)
    return fail(*key, "a key is a single word here");
  llvm::SmallString<64> storage;
  JsonValue::Member &member = out.members.emplace_back();
  member.key = scalar->getValue(storage).str();
  member.position = positionOf(*key);
  if (!seen.insert(StringRef(member.key).copy(keys)).second)
    return fail(*key, "the key \"" + escapeForDisplay(member.key) +
                          "\" occurs twice in this mapping");
  return readNode(entry.getValue(), member.value, depth + 1);
}

Expected<JsonDocument> ashlar::parseYamlTree(StringRef text, StringRef file,
                                             const JsonLimits &limits) {
  if (text.size() > limits.bytes)
    return userError(file, "the YAML text has " + Twine(text.size()) +
                               " bytes; at most " + Twine(limits.bytes) +
                               " are read");
  if (Error error = DepthScan(text, file, limits.depth).run())
    return error;
  return TreeReader(text, file, limits).read();
}
