//===- JinjaDate.cpp - The day of templates that ask for it ---------------===//
//
// The same folder makes the same artifact on any day: the day that templates
// write comes from the user, never from a clock.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/chat/JinjaEvaluator.h"

#include <ctime>

using namespace ashlar;
using llvm::StringRef;

using Value = JinjaValue;

/// Midnight of a day of Gregory's calendar, all fields set.
static std::tm dayOf(int64_t year, int64_t month, int64_t day) {
  std::tm when = {};
  when.tm_year = int(year) - 1900;
  when.tm_mon = int(month) - 1;
  when.tm_mday = int(day);
  ::timegm(&when);
  return when;
}

std::optional<Value> JinjaValue::today(StringRef text) {
  int64_t year, month, day;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' ||
      text.find_first_not_of("0123456789-") != StringRef::npos ||
      text.take_front(4).getAsInteger(10, year) ||
      text.substr(5, 2).getAsInteger(10, month) ||
      text.substr(8).getAsInteger(10, day) || year < 1)
    return std::nullopt;
  std::tm when = dayOf(year, month, day);
  if (when.tm_mon != month - 1 || when.tm_mday != day)
    return std::nullopt; // the 30th of February
  Value result = function("strftime_now");
  result.list = of(List{of(year), of(month), of(day)}).list;
  return result;
}

Value JinjaEvaluator::formatDate(const Value &date,
                                 const JinjaArguments &arguments) {
  const std::string *format = textArgument(arguments, 0, "format");
  if (!format)
    return fail("strftime_now needs a format");
  std::string out;
  const Value::List &day = *date.list;
  std::tm when = dayOf(day[0].integer, day[1].integer, day[2].integer);
  for (size_t at = 0; at < format->size(); ++at) {
    if ((*format)[at] != '%') {
      out += (*format)[at];
      continue;
    }
    // One by one: others depend on the machine, or are as wide as they say.
    size_t length = format->compare(at, 2, "%-") == 0 ? 3 : 2;
    std::string field = format->substr(at, length);
    if (field.size() != length ||
        StringRef("aAbBdeFHIjmMpSTyY%").find(field.back()) == StringRef::npos)
      return fail("strftime_now of \"" + escapeForDisplay(field) +
                  "\"; supported: % and one of a, A, b, B, d, e, F, H, I, j, "
                  "m, M, p, S, T, y, Y");
    char buffer[64];
    out.append(buffer,
               std::strftime(buffer, sizeof(buffer), field.c_str(), &when));
    at += length - 1;
  }
  return makeText(std::move(out));
}
