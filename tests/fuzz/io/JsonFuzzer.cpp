//===- JsonFuzzer.cpp - Any bytes as JSON ---------------------------------===//

#include "compiler/Support/Json.h"
#include "tests/fuzz/io/Refusal.h"

using namespace ashlar;

template <typename T> static void use(llvm::Expected<T> result) {
  if (!result)
    checkRefusal(result.takeError());
}

/// Visits every value with every access.
static void visit(const JsonDocument &document, const JsonValue &value) {
  assert(value.position.line > 0 && value.position.column > 0);
  use(document.asBoolean(value, "v"));
  use(document.asInteger(value, "v", -10, INT64_MAX));
  use(document.asDouble(value, "v"));
  use(document.asString(value, "v"));
  if (value.isString()) {
    auto again = parseJson("\"" + escapeJson(value.text) + "\"", "again");
    assert(again && again->root.text == value.text && "escapes round trip");
    (void)llvm::errorToBool(again.takeError());
  }
  for (const JsonValue &element : value.elements)
    visit(document, element);
  for (const JsonValue::Member &member : value.members) {
    if (value.members.size() < 100)
      assert(value.find(member.key) == &member.value);
    visit(document, member.value);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  auto document = parseJson(text, "f");
  if (document)
    visit(*document, document->root);
  else
    checkRefusal(document.takeError());
  return 0;
}
