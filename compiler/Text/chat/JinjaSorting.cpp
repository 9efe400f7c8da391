//===- JinjaSorting.cpp - Filters that compare elements -------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/chat/JinjaEvaluator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <numeric>

using namespace ashlar;
using llvm::StringRef;

using Value = JinjaValue;
using Kind = JinjaValue::Kind;
using Keyed = std::pair<Value, Value>; // what is compared, the element

bool JinjaEvaluator::flagArgument(const JinjaArguments &arguments, size_t index,
                                  StringRef name) {
  const Value *value = arguments.get(index, name);
  return value && value->truth();
}

/// The elements by the argument "attribute" at `index`, and, unless the
/// argument "case_sensitive" in front of it says otherwise, by small letters.
std::vector<Keyed> JinjaEvaluator::keyedBy(const JinjaArguments &arguments,
                                           size_t index) {
  const std::string *path = textArgument(arguments, index, "attribute");
  bool byCase = flagArgument(arguments, index - 1, "case_sensitive");
  std::vector<Keyed> keyed;
  for (const Value &element : elements(arguments.self)) {
    Value key = element;
    llvm::SmallVector<StringRef, 4> names;
    if (path)
      StringRef(*path).split(names, '.');
    for (StringRef name : names)
      key = attribute(key, name);
    if (!byCase && key.is(Kind::String))
      key = makeText(StringRef(*key.text).lower());
    keyed.emplace_back(std::move(key), element);
  }
  return keyed;
}

void JinjaEvaluator::sortBy(std::vector<Keyed> &keyed, bool reverse) {
  // Compared one by one first: a fault in the middle would be no order.
  for (size_t i = 1; i < keyed.size(); ++i)
    compare("<", keyed[i - 1].first, keyed[i].first);
  if (failed())
    return;
  auto less = [&](size_t a, size_t b) {
    return compare("<", keyed[a].first, keyed[b].first).truth();
  };
  std::vector<size_t> order(keyed.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return less(a, b) ? !reverse : less(b, a) ? reverse : a < b;
  });
  std::vector<Keyed> sorted;
  for (size_t i : order)
    sorted.push_back(std::move(keyed[i]));
  keyed = std::move(sorted);
}

Value JinjaEvaluator::sort(const JinjaArguments &arguments) {
  std::vector<Keyed> keyed = keyedBy(arguments, 2);
  sortBy(keyed, flagArgument(arguments, 0, "reverse"));
  Value::List list;
  for (Keyed &each : keyed)
    list.push_back(std::move(each.second));
  return makeList(std::move(list));
}

Value JinjaEvaluator::unique(const JinjaArguments &arguments) {
  Value::List keys, list;
  for (auto &[key, element] : keyedBy(arguments, 1)) {
    if (!charge(keys.size() + 1))
      break;
    if (llvm::any_of(keys,
                     [&](const Value &known) { return equal(known, key); }))
      continue;
    keys.push_back(key);
    list.push_back(element);
  }
  return makeList(std::move(list));
}

/// Pairs of keys and values, by the keys or the values.
Value JinjaEvaluator::sortMap(const JinjaArguments &arguments) {
  const std::string *by = textArgument(arguments, 1, "by");
  if (!arguments.self.is(Kind::Map) || (by && *by != "key" && *by != "value"))
    return fail("dictsort takes a mapping, and sorts it by \"key\" or "
                "\"value\"");
  bool byCase = flagArgument(arguments, 0, "case_sensitive");
  std::vector<Keyed> keyed;
  for (const auto &[name, value] : *arguments.self.map) {
    Value key = by && *by == "value" ? value : makeText(name);
    if (!byCase && key.is(Kind::String))
      key = makeText(StringRef(*key.text).lower());
    keyed.emplace_back(std::move(key), makeList({makeText(name), value}));
  }
  sortBy(keyed, flagArgument(arguments, 2, "reverse"));
  Value::List list;
  for (Keyed &each : keyed)
    list.push_back(std::move(each.second));
  return makeList(std::move(list));
}
