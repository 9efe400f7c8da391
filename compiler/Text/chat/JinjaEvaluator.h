//===- JinjaEvaluator.h - A template at work -------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_JINJAEVALUATOR_H
#define ASHLAR_COMPILER_TEXT_CHAT_JINJAEVALUATOR_H

#include "compiler/Text/chat/JinjaTree.h"

#include "llvm/ADT/StringMap.h"

namespace ashlar {

/// What a call, filter or test is given; `self` is what stands before it.
struct JinjaArguments {
  JinjaValue self;
  std::vector<JinjaValue> values;
  std::vector<std::string> names; // of the last ones

  /// The argument at `index` or of this name; null when it is absent.
  const JinjaValue *get(size_t index, llvm::StringRef name) const;
};

/// The first fault is kept, and everything behind it does nothing.
class JinjaEvaluator {
public:
  JinjaEvaluator(const JinjaTree &tree, const JinjaLimits &limits)
      : tree(tree), limits(limits) {}

  std::string run(const JinjaValue &variables);

  std::string fault;
  uint32_t faultLine = 0;

private:
  using Value = JinjaValue;
  using Scope = llvm::StringMap<Value>;
  enum class Flow { Normal, Break, Continue };

  bool failed() const { return !fault.empty(); }
  Value fail(const llvm::Twine &cause);
  /// Counts what is made against the limit.
  bool charge(uint64_t bytes);
  Value makeText(std::string text);
  Value makeList(Value::List list);
  Value makeMap(Value::Map map);
  Value checkNesting(Value value);
  bool mayGoDeeper();

  // Statements, in JinjaStatements.cpp.
  Flow execute(llvm::ArrayRef<uint32_t> body, std::string &out);
  Flow executeOne(const JinjaNode &node, std::string &out);
  Flow executeFor(const JinjaNode &node, std::string &out);
  void executeSet(const JinjaNode &node);
  void bind(llvm::ArrayRef<std::string> names, const Value &value);
  void write(const Value &value, std::string &out);
  Value *lookUp(llvm::StringRef name);
  Value callMacro(const JinjaNode &macro, const JinjaArguments &arguments);

  // Expressions, in JinjaEvaluator.cpp and JinjaOperators.cpp.
  Value evaluate(uint32_t index);
  Value evaluateNode(const JinjaNode &node);
  Value evaluateMap(const JinjaNode &node);
  Value evaluateUnary(const JinjaNode &node);
  Value evaluateBinary(const JinjaNode &node);
  Value arithmetic(llvm::StringRef sign, const Value &a, const Value &b);
  Value repeat(llvm::StringRef text, int64_t times);
  Value power(const Value &a, const Value &b);
  Value compare(llvm::StringRef sign, const Value &a, const Value &b);
  bool contains(const Value &container, const Value &value);
  Value attribute(const Value &value, llvm::StringRef name);
  Value item(const Value &value, const Value &index);
  Value slice(const JinjaNode &node);
  Value evaluateCall(const JinjaNode &node);
  JinjaArguments argumentsOf(const JinjaNode &node);
  /// The elements that a loop goes through.
  Value::List elements(const Value &value);
  std::string textOf(const Value &value);

  // Functions, tests, methods and filters, in files of these names.
  Value callValue(const Value &function, const JinjaArguments &arguments);
  Value callFunction(llvm::StringRef name, const JinjaArguments &arguments);
  Value formatDate(const Value &date, const JinjaArguments &arguments);
  Value callMethod(llvm::StringRef name, const JinjaArguments &arguments);
  Value callTextMethod(llvm::StringRef name, const JinjaArguments &arguments);
  Value callMapMethod(llvm::StringRef name, const JinjaArguments &arguments);
  Value applyFilter(llvm::StringRef name, const JinjaArguments &arguments);
  Value applyListFilter(llvm::StringRef name, const JinjaArguments &arguments);
  Value applyTest(llvm::StringRef name, const JinjaArguments &arguments);
  std::vector<std::string> splitLines(llvm::StringRef text);
  Value split(const std::string &text, const JinjaArguments &arguments);
  Value replace(const std::string &text, const JinjaArguments &arguments);
  Value numberFilter(llvm::StringRef name, const Value &self);
  Value lengthOf(const Value &value);
  Value indent(const std::string &text, const JinjaArguments &arguments);
  Value sort(const JinjaArguments &arguments);
  Value unique(const JinjaArguments &arguments);
  Value sortMap(const JinjaArguments &arguments);
  void sortBy(std::vector<std::pair<Value, Value>> &keyed, bool reverse);
  std::vector<std::pair<Value, Value>> keyedBy(const JinjaArguments &arguments,
                                               size_t index);
  bool flagArgument(const JinjaArguments &arguments, size_t index,
                    llvm::StringRef name);
  Value selectBy(const JinjaArguments &arguments, bool byAttribute, bool keep);
  Value mapBy(const JinjaArguments &arguments);
  Value range(const JinjaArguments &arguments);
  Value join(llvm::StringRef separator, const Value &list);
  void writeJson(const Value &value, unsigned indent, unsigned level,
                 std::string &out);
  const std::string *textArgument(const JinjaArguments &arguments, size_t index,
                                  llvm::StringRef name);

  const JinjaTree &tree;
  const JinjaLimits &limits;
  std::vector<Scope> scopes;
  size_t base = 0; // the scopes between the first and this one are a caller's
  uint64_t steps = 0;
  uint64_t bytes = 0;
  unsigned depth = 0;
  uint32_t line = 1;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_JINJAEVALUATOR_H
