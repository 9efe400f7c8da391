//===- TextTablesFuzzer.cpp - Any bytes as text tables --------------------===//

#include "runtime/text/chat.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A copy of the exact size, aligned: the sanitizer sees each byte too many.
  void *blob = std::malloc(size + (size == 0));
  std::memcpy(blob, data, size);
  // The size is part of the header; without this few inputs would pass it.
  if (size >= sizeof(ashlar_text_header))
    static_cast<ashlar_text_header *>(blob)->bytes = size;
  ashlar_text text;
  ashlar_error error;
  if (ashlar_text_open(blob, size, &text, &error) == 0) {
    static const char input[] = "Once [L] \u0130 a</s>one  UP 123\xFF";
    ashlar_tokens tokens;
    if (ashlar_text_tokens(&text, input, sizeof(input), ASHLAR_TEXT_SPECIAL,
                           &tokens, &error) == 0)
      ashlar_tokens_free(&tokens);
    const ashlar_turn said[] = {
        {input, sizeof(input)}, {"<think>a</think>\n b ", 20}, {"", 0}};
    for (ashlar_text_chat chat : {ashlar_text_chat{&said[1], said, 1},
                                  {nullptr, said, 1},
                                  {&said[0], said, 3},
                                  {nullptr, said, 3}}) {
      if (ashlar_text_chat_tokens(&text, &chat, 0, &tokens, &error) == 0)
        ashlar_tokens_free(&tokens);
    }
    ashlar_text_decoder decoder;
    ashlar_text_decoder_init(&decoder, &text);
    for (int32_t id = -1; id < 16; ++id)
      ashlar_text_decode(
          &decoder, id, [](void *, const char *, size_t) {}, nullptr);
    ashlar_text_decode_end(
        &decoder, [](void *, const char *, size_t) {}, nullptr);
    size_t bytes;
    ashlar_text_label(&text, 0, &bytes);
  }
  std::free(blob);
  return 0;
}
