//===- ErrorsTest.cpp - Messages and escapes ------------------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

using namespace ashlar;

TEST(Errors, Layout) {
  EXPECT_EQ(errorText(userError("config.json:7:17", "cause", "remedy")),
            "config.json:7:17: cause\nremedy");
  EXPECT_EQ(errorText(userError("", "cause")), "cause");
}

// A stranger's tensor name must not move the cursor, start a new line of
// output or turn the reading order around, wherever in a message it stands.
TEST(Errors, PrintingEscapesControls) {
  EXPECT_EQ(errorText(userError("a\033]0;x", "b\nc\x7f",
                                "d\xc2\x9b"
                                "31m")),
            "a\\x1b]0;x: b\\nc\\x7f\nd\\u009b31m");
  EXPECT_EQ(errorText(userError("", "\xe2\x80\xae"
                                    "abc")),
            "\\u202eabc");
  EXPECT_EQ(errorText(userError("", "x\xff\xc3")), "x\\xff\\xc3");
  EXPECT_EQ(errorText(userError("", "\"grün\" \\ 好")), "\"grün\" \\ 好");
}

TEST(Errors, EscapeForDisplay) {
  EXPECT_EQ(escapeForDisplay("a\"b\\c"), "a\\\"b\\\\c");
  EXPECT_EQ(escapeForDisplay(llvm::StringRef("\0\t\r", 3)), "\\x00\\t\\r");
  EXPECT_EQ(escapeForDisplay(""), "");
  // Escaping once more when printed leaves an escaped text as it is.
  EXPECT_EQ(errorText(userError("", escapeForDisplay("\n"))), "\\n");
}

TEST(Errors, IsUserError) {
  llvm::Error error = userError("w", "c", "r");
  EXPECT_TRUE(error.isA<UserError>());
  handleAllErrors(std::move(error), [](const UserError &e) {
    EXPECT_EQ(e.where + "|" + e.cause + "|" + e.remedy, "w|c|r");
  });
}

TEST(Utf8, DecodesEveryLength) {
  auto check = [](llvm::StringRef text, uint32_t value, unsigned length) {
    CodePoint c = decodeUtf8(text);
    EXPECT_EQ(c.value, value) << escapeForDisplay(text);
    EXPECT_EQ(c.length, length) << escapeForDisplay(text);
    std::string back;
    appendUtf8(back, value);
    EXPECT_EQ(back, text.take_front(length));
  };
  check("a!", 'a', 1);
  check(llvm::StringRef("\0", 1), 0, 1);
  check("\x7f", 0x7f, 1);
  check("\xc2\x80", 0x80, 2);
  check("\xdf\xbf", 0x7ff, 2);
  check("\xe0\xa0\x80", 0x800, 3);
  check("\xed\x9f\xbf", 0xd7ff, 3);
  check("\xee\x80\x80", 0xe000, 3);
  check("\xef\xbf\xbf", 0xffff, 3);
  check("\xf0\x90\x80\x80", 0x10000, 4);
  check("\xf4\x8f\xbf\xbf"
        "x",
        0x10ffff, 4);
}

TEST(Utf8, RefusesMalformed) {
  for (llvm::StringRef bad :
       {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x20",
        "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x28\xa1", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff"})
    EXPECT_EQ(decodeUtf8(bad).length, 0u) << escapeForDisplay(bad);
}
