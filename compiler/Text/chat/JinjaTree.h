//===- JinjaTree.h - A template as a tree ----------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_JINJATREE_H
#define ASHLAR_COMPILER_TEXT_CHAT_JINJATREE_H

#include "compiler/Text/chat/Jinja.h"

namespace ashlar {

struct JinjaToken {
  enum class Kind {
    Data, // text between the tags
    Name,
    Integer,
    Real,
    String,
    Symbol,
    BeginOutput,
    EndOutput,
    BeginBlock,
    EndBlock,
    End
  };
  Kind kind = Kind::End;
  std::string text;
  uint32_t line = 1;
};

llvm::Expected<std::vector<JinjaToken>> lexJinja(llvm::StringRef source,
                                                 llvm::StringRef where);

struct JinjaNode {
  enum class Kind {
    // Expressions.
    Literal,   // value
    Name,      // text
    List,      // children
    Map,       // children: key, value, ...
    Attribute, // children[0] . text
    Item,      // children[0] [ children[1] ]
    Slice,     // children[0] [ children[1] : [2] : [3] ]
    Call,      // children[0] ( the others ), the last ones named by `names`
    Filter,    // children[0] | text ( the others )
    Test,      // children[0] is text ( the others ); flag: is not
    Unary,     // text children[0]
    Binary,    // children[0] text children[1]
    Choice,    // children: value, condition, other value
    // Statements.
    Data,   // text
    Output, // children[0]
    For,    // names in children[0], if children[1]: body, else otherwise
    If,     // children[0]: body, else otherwise
    Set,    // names = children[0], or = body where there is none
    Member, // names[0] . text = children[0]
    Macro,  // text ( names ), the last ones defaulting to children: body
    Break,
    Continue
  };
  Kind kind = Kind::Literal;
  uint32_t line = 0;
  std::string text;
  bool flag = false;
  JinjaValue value;
  std::vector<uint32_t> children; // ~0u: left out
  std::vector<std::string> names;
  std::vector<uint32_t> body;
  std::vector<uint32_t> otherwise;
};

struct JinjaTree {
  static constexpr uint32_t absent = ~0u;
  std::vector<JinjaNode> nodes;
  std::vector<uint32_t> body;
};

/// Whether every template may call it by this name.
bool isJinjaFunction(llvm::StringRef name);

llvm::Expected<JinjaTree> parseJinja(llvm::ArrayRef<JinjaToken> tokens,
                                     llvm::StringRef where,
                                     const JinjaLimits &limits);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_JINJATREE_H
