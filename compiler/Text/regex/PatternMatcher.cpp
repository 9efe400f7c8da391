//===- PatternMatcher.cpp - Patterns that are not regular -----------------===//

#include "compiler/Text/regex/PatternMatcher.h"
#include "compiler/Support/Errors.h"
#include "runtime/text/error.h"

#define PCRE2_CODE_UNIT_WIDTH 32
#include <pcre2.h>

using namespace ashlar;

/// Of one search; what a search may do is the caller's to say.
static constexpr uint32_t mostHeap = 64 << 10; // KiB

PatternMatcher::PatternMatcher() {
  table.find = find;
  table.user = this;
}

void PatternMatcher::Free::operator()(pcre2_code_32 *code) const {
  pcre2_code_free_32(code);
}

static std::string messageOf(int code) {
  PCRE2_UCHAR32 wide[256];
  std::string text;
  int count = pcre2_get_error_message_32(code, wide, std::size(wide));
  for (int i = 0; i < count; ++i)
    text += static_cast<char>(wide[i]);
  return text;
}

/// `offset` is where an error lies.
llvm::Expected<PatternMatcher::Code>
PatternMatcher::compile(llvm::StringRef notation, size_t &offset) {
  std::u32string wide(notation.begin(), notation.end());
  int code = 0;
  // Called before each item, we count the steps.
  Code compiled(pcre2_compile_32(reinterpret_cast<PCRE2_SPTR32>(wide.data()),
                                 wide.size(),
                                 PCRE2_AUTO_CALLOUT | PCRE2_NEVER_UTF |
                                     PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
                                 &code, &offset, nullptr));
  if (!compiled)
    return userError("", "PCRE2: " + messageOf(code));
  return std::move(compiled);
}

llvm::Error ashlar::checkNotation(const RegexNotation &notation) {
  size_t offset = 0;
  auto code = PatternMatcher::compile(notation.text, offset);
  if (code)
    return llvm::Error::success();
  return llvm::handleErrors(code.takeError(), [&](const UserError &error) {
    return userError("", "regular expression, byte " +
                             llvm::Twine(notation.byteAt(offset)) + ": " +
                             error.cause);
  });
}

llvm::Expected<std::unique_ptr<PatternMatcher>>
PatternMatcher::create(const ashlar_text &text) {
  std::unique_ptr<PatternMatcher> result;
  const auto *steps = reinterpret_cast<const ashlar_text_step *>(
      text.blob + text.header->steps.offset);
  for (uint32_t i = 0; i < text.header->steps.count; ++i) {
    ashlar_text_string notation = steps[i].pattern.notation;
    if (notation.bytes == 0)
      continue;
    size_t offset;
    llvm::Expected<Code> code =
        compile(llvm::StringRef(reinterpret_cast<const char *>(text.blob) +
                                    notation.offset,
                                notation.bytes),
                offset);
    if (!code)
      return code.takeError();
    if (!result)
      result.reset(new PatternMatcher);
    result->codes.resize(i + 1);
    result->codes[i] = std::move(*code);
  }
  return std::move(result);
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

namespace {
/// What a search has done so far.
struct Work {
  uint64_t *budget;
  size_t last; // where the item before this one was tried
  bool comparesGroups;
};
} // namespace

/// Before each item: the step itself, and the letters that the item before it
/// has read.
static int countSteps(pcre2_callout_block_32 *block, void *data) {
  auto *work = static_cast<Work *>(data);
  uint64_t steps = 1;
  if (block->current_position > work->last)
    steps += block->current_position - work->last;
  // A group may be read in vain.
  if (work->comparesGroups)
    steps += block->current_position -
             std::min(block->current_position, block->start_match);
  work->last = block->current_position;
  *work->budget -= std::min(*work->budget, steps);
  return *work->budget > 0 ? 0 : PCRE2_ERROR_CALLOUT;
}

int PatternMatcher::find(const void *user, uint32_t step,
                         const uint32_t *letters, size_t count, size_t at,
                         uint64_t *budget, size_t *begin, size_t *end,
                         ashlar_error *error) {
  const pcre2_code_32 *code =
      static_cast<const PatternMatcher *>(user)->codes[step].get();
  uint32_t groups = 0;
  pcre2_pattern_info_32(code, PCRE2_INFO_CAPTURECOUNT, &groups);
  Work work{budget, at, groups > 0};
  std::unique_ptr<pcre2_match_context_32, void (*)(pcre2_match_context_32 *)>
      context(pcre2_match_context_create_32(nullptr),
              pcre2_match_context_free_32);
  std::unique_ptr<pcre2_match_data_32, void (*)(pcre2_match_data_32 *)> data(
      pcre2_match_data_create_from_pattern_32(code, nullptr),
      pcre2_match_data_free_32);
  if (!context || !data) {
    ashlar_fail(error, "out of memory for a pattern of the tokenizer");
    return -1;
  }
  pcre2_set_callout_32(context.get(), countSteps, &work);
  pcre2_set_heap_limit_32(context.get(), mostHeap);
  uint32_t most = std::min<uint64_t>(*budget, UINT32_MAX);
  pcre2_set_match_limit_32(context.get(), most);
  pcre2_set_depth_limit_32(context.get(), most);
  static const PCRE2_UCHAR32 nothing = 0;
  int found = pcre2_match_32(code, count ? letters : &nothing, count, at, 0,
                             data.get(), context.get());
  if (found == PCRE2_ERROR_NOMATCH)
    return 0;
  if (found < 0) {
    if (found == PCRE2_ERROR_MATCHLIMIT)
      *budget = 0;
    ashlar_fail(error,
                "a pattern of the tokenizer: PCRE2: %s; give the text in "
                "smaller parts",
                messageOf(found).c_str());
    return -1;
  }
  const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer_32(data.get());
  *begin = bounds[0];
  *end = bounds[1];
  return 1;
}
