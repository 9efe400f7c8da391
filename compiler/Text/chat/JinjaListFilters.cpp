//===- JinjaListFilters.cpp - Filters of lists ----------------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/chat/JinjaEvaluator.h"

using namespace ashlar;
using llvm::StringRef;

using Value = JinjaValue;
using Kind = JinjaValue::Kind;

Value JinjaEvaluator::join(StringRef separator, const Value &list) {
  std::string out;
  bool isFirst = true;
  for (const Value &element : elements(list)) {
    std::string text = textOf(element);
    if (!charge(text.size() + separator.size()))
      break;
    out += (isFirst ? "" : separator.str()) + text;
    isFirst = false;
  }
  return makeText(std::move(out));
}

/// select, reject, selectattr, rejectattr.
Value JinjaEvaluator::selectBy(const JinjaArguments &arguments,
                               bool byAttribute, bool keep) {
  const std::string *name =
      byAttribute ? textArgument(arguments, 0, "attribute") : nullptr;
  if (byAttribute && !name)
    return fail("the attribute's name is missing");
  const std::string *test = textArgument(arguments, byAttribute, "test");
  Value::List list;
  for (const Value &element : elements(arguments.self)) {
    JinjaArguments tested;
    tested.self = byAttribute ? attribute(element, *name) : element;
    for (size_t i = byAttribute + 1; i < arguments.values.size(); ++i)
      tested.values.push_back(arguments.values[i]);
    bool holds = test ? applyTest(*test, tested).truth() : tested.self.truth();
    if (holds == keep)
      list.push_back(element);
  }
  return makeList(std::move(list));
}

Value JinjaEvaluator::mapBy(const JinjaArguments &arguments) {
  const std::string *name = textArgument(arguments, ~size_t(0), "attribute");
  const std::string *filter =
      name ? nullptr : textArgument(arguments, 0, "filter");
  if (!name && !filter)
    return fail("map needs an attribute or a filter");
  Value::List list;
  for (const Value &element : elements(arguments.self)) {
    JinjaArguments inner;
    inner.self = element;
    for (size_t i = 1; filter && i < arguments.values.size(); ++i)
      inner.values.push_back(arguments.values[i]);
    list.push_back(name ? attribute(element, *name)
                        : applyFilter(*filter, inner));
    if (failed())
      break;
  }
  return makeList(std::move(list));
}

Value JinjaEvaluator::applyListFilter(StringRef name,
                                      const JinjaArguments &arguments) {
  if (name == "join") {
    const std::string *separator = textArgument(arguments, 0, "d");
    return join(separator ? *separator : "", arguments.self);
  }
  if (name == "select" || name == "reject" || name == "selectattr" ||
      name == "rejectattr")
    return selectBy(arguments, name.ends_with("attr"),
                    name.starts_with("select"));
  if (name == "map")
    return mapBy(arguments);
  if (name == "items")
    return arguments.self.is(Kind::Map) ? callMapMethod(name, arguments)
                                        : makeList({});
  if (name == "sort")
    return sort(arguments);
  if (name == "unique")
    return unique(arguments);
  if (name == "dictsort")
    return sortMap(arguments);
  Value::List list = elements(arguments.self);
  if (name == "first")
    return list.empty() ? Value() : list.front();
  if (name == "last")
    return list.empty() ? Value() : list.back();
  if (name == "reverse")
    std::reverse(list.begin(), list.end());
  else if (name != "list")
    return fail("filter \"" + escapeForDisplay(name) +
                "\" is not supported; supported: abs, capitalize, count, "
                "default, dictsort, first, float, indent, int, items, join, "
                "last, length, list, lower, map, reject, rejectattr, replace, "
                "reverse, safe, select, selectattr, sort, string, title, "
                "tojson, trim, unique, upper");
  return makeList(std::move(list));
}
