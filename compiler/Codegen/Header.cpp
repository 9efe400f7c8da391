//===- Header.cpp - The C header of an artifact ---------------------------===//

#include "compiler/Codegen/Header.h"

#include "compiler/Codegen/Embedded.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;

/// `text` inside a comment: a model's own strings neither end it nor begin
/// another, and cannot form a trigraph.
static std::string commentText(llvm::StringRef text) {
  std::string result;
  for (char c : escapeForDisplay(text)) {
    char before = result.empty() ? ' ' : result.back();
    if ((before == '*' && c == '/') || (before == '/' && c == '*') ||
        (before == '?' && c == '?'))
      result += ' ';
    result += c;
  }
  return result;
}

/// `text` as the end of a macro's name.
static std::string macroPart(llvm::StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  return result;
}

static bool isIdentifierPart(char c) { return llvm::isAlnum(c) || c == '_'; }

/// Replaces `from` by `to` where an identifier begins with it.
static std::string renamePrefix(llvm::StringRef text, llvm::StringRef from,
                                llvm::StringRef to) {
  std::string result;
  while (!text.empty()) {
    bool inside = !result.empty() && isIdentifierPart(result.back());
    if (!inside && text.starts_with(from)) {
      result += to;
      text = text.drop_front(from.size());
      continue;
    }
    result += text.front();
    text = text.drop_front();
  }
  return result;
}

int64_t ashlar::kvBytesPerToken(const PlanDescription &plan) {
  int64_t bytes = 0;
  for (auto [index, cache] : llvm::enumerate(plan.caches))
    if (!cache.in_arena && cache.kept_segments == cache.slot_segments &&
        static_cast<int64_t>(index) != plan.plan.cross_cache)
      bytes += cache.layers * cache.segment_stride / ASHLAR_SEGMENT_KEYS;
  return bytes;
}

namespace {
class HeaderWriter {
public:
  HeaderWriter(const PlanDescription &plan, llvm::StringRef model)
      : plan(plan), model(model), upper(macroPart(plan.name)), os(text) {}

  std::string write();

private:
  void writeTitle(llvm::StringRef comment);
  void writeConstants();
  void writeStacks();
  void writeImages(const ashlar_image_plan &image);
  void writeHeads();
  void define(llvm::StringRef name, int64_t value, llvm::StringRef comment);

  const PlanDescription &plan;
  llvm::StringRef model;
  std::string upper; // the identifier in macros
  std::string text;
  llvm::raw_string_ostream os;
};
} // namespace

void HeaderWriter::define(llvm::StringRef name, int64_t value,
                          llvm::StringRef comment) {
  os << "#define " << upper << '_' << name << ' ' << value;
  // A literal that does not fit int is long in C and C++ alike on LP64.
  if (!comment.empty())
    os << " /* " << comment << " */";
  os << '\n';
}

/// The title names the model and keeps what ashlar.h says on threads.
void HeaderWriter::writeTitle(llvm::StringRef comment) {
  os << "/* " << plan.name << ": compiled from " << commentText(model) << ".\n"
     << " * Written by `ashlar compile`; do not edit.\n";
  size_t threads = comment.find("Thread safety");
  assert(threads != llvm::StringRef::npos && "ashlar.h lost a paragraph");
  os << " *\n";
  llvm::SmallVector<llvm::StringRef> lines;
  comment.substr(threads).split(lines, '\n');
  for (llvm::StringRef line : lines) {
    line.consume_front("|*");
    if (line.trim().empty())
      break;
    os << " * " << line.trim() << '\n';
  }
  os << " */\n\n";
}

void HeaderWriter::writeConstants() {
  const ashlar_plan &sizes = plan.plan;
  os << "/* Sizes of this model. A session takes ARENA_BYTES and CACHE_BYTES. "
        "*/\n";
  define("ARENA_BYTES", sizes.arena_bytes, "");
  define("CACHE_BYTES", sizes.cache_bytes, "");
  define("WEIGHTS_BYTES", sizes.weights_bytes, "");
  define("KV_BYTES_PER_TOKEN", kvBytesPerToken(plan),
         "what a token of context adds to CACHE_BYTES");
  define("MAX_TOKENS", sizes.max_tokens, "rows of one call");
  define("MAX_CONTEXT", sizes.max_context, "tokens of one sequence");
  define("MAX_SOURCE", sizes.max_source, "tokens of one source");
  define("MAX_SEQUENCES", sizes.max_sequences, "slots of a session");
  os << '\n';
}

/// Of what a stack's call takes for its rows.
static std::string inputShape(const ashlar_stack_plan &stack) {
  if (stack.ids_offset >= 0)
    return " [rows]";
  if (const ashlar_image_plan &image = stack.image; image.channels)
    return " [sequences, " + std::to_string(image.channels) + ", " +
           std::to_string(image.height) + ", " + std::to_string(image.width) +
           "]";
  std::string rows = stack.vector_rows > 1
                         ? std::to_string(stack.vector_rows) + " * rows"
                         : "rows";
  std::string features = stack.vector_features == stack.hidden
                             ? "hidden"
                             : std::to_string(stack.vector_features);
  return " [" + rows + ", " + features + "]";
}

void HeaderWriter::writeStacks() {
  auto write = [&](llvm::StringRef entry, int64_t index) {
    if (index < 0)
      return;
    const StackDescription &stack = plan.stacks[index];
    os << "/* " << plan.name << '_' << entry << ": " << commentText(stack.input)
       << inputShape(stack.plan) << " -> " << commentText(stack.output)
       << " [rows, hidden], hidden = " << stack.plan.hidden << ". */\n";
  };
  write("encode", plan.plan.encoder);
  write("decode", plan.plan.decoder);
  if (plan.stacks.empty())
    return;
  const ashlar_stack_plan &last = plan.stacks.back().plan;
  if (last.image.channels)
    writeImages(last.image);
  else
    define("VOCABULARY", last.vocabulary, "ids lie in [0, VOCABULARY)");
  define("HIDDEN", last.hidden, "features of a row");
  os << '\n';
}

void HeaderWriter::writeImages(const ashlar_image_plan &image) {
  os << "/* An image is a sequence of IMAGE_ROWS rows: " << image.prefix
     << " before those of its patches of " << image.patch_height << " x "
     << image.patch_width << ". */\n";
  define("IMAGE_CHANNELS", image.channels, "");
  define("IMAGE_HEIGHT", image.height, "");
  define("IMAGE_WIDTH", image.width, "");
  define("IMAGE_ROWS", image.rows, "");
  define("MAX_IMAGES",
         std::min(plan.plan.max_sequences, plan.plan.max_tokens / image.rows),
         "images of one call");
}

void HeaderWriter::writeHeads() {
  for (auto [index, head] : llvm::enumerate(plan.heads)) {
    std::string name = "HEAD_" + macroPart(head.output);
    os << "/* " << plan.name << "_head(session, " << upper << '_' << name
       << ", ...): " << commentText(head.output) << " ["
       << (head.plan.first_row_only ? "sequences" : "rows");
    if (!head.plan.scalar)
      os << ", " << head.plan.output_features;
    os << "]. */\n";
    define(name, index, "");
    define(name + "_FEATURES", head.plan.output_features, "");
  }
  if (!plan.heads.empty())
    os << '\n';
}

std::string HeaderWriter::write() {
  constexpr llvm::StringLiteral titleEnd = "*/\n";
  constexpr llvm::StringLiteral declarations = "#ifdef __cplusplus\nextern";
  llvm::StringRef source = embedded::publicHeader();
  auto [title, body] = source.split(titleEnd);
  size_t split = body.find(declarations);
  assert(split != llvm::StringRef::npos && "ashlar.h has no declarations");
  auto rename = [&](llvm::StringRef part) {
    return renamePrefix(renamePrefix(part, "ashlar_", plan.name + "_"),
                        "ASHLAR_", upper + "_");
  };

  writeTitle(title);
  os << rename(body.take_front(split).ltrim('\n'));
  writeConstants();
  writeStacks();
  writeHeads();
  os << rename(body.drop_front(split));
  return text;
}

std::string ashlar::makeHeader(const PlanDescription &plan,
                               llvm::StringRef model) {
  return HeaderWriter(plan, model).write();
}
