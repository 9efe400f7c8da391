//===- Names.cpp - The C names of an artifact -----------------------------===//

#include "compiler/Codegen/Names.h"

#include "compiler/Codegen/Embedded.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;

static constexpr llvm::StringLiteral prefix = "ashlar_";
static constexpr size_t maximumLength = 64;

static bool isIdentifierPart(char c) { return llvm::isAlnum(c) || c == '_'; }

/// libc's own families with an `open` or `close`: an artifact of that name
/// would take its place.
static bool isTaken(llvm::StringRef identifier) {
  return llvm::is_contained({"mq", "sem", "shm"}, identifier);
}

/// Appends each `ashlar_name(` of `header` that is no part of a longer name.
static void collectFunctions(llvm::StringRef header,
                             std::vector<std::string> &names) {
  for (size_t at = 0;
       (at = header.find(prefix, at)) != llvm::StringRef::npos;) {
    bool inside = at > 0 && isIdentifierPart(header[at - 1]);
    llvm::StringRef name = header.substr(at).take_while(isIdentifierPart);
    at += name.size();
    if (!inside && header.substr(at).starts_with("("))
      names.push_back(name.str());
  }
}

std::vector<std::string> ashlar::publicFunctions() {
  std::vector<std::string> names;
  collectFunctions(embedded::publicHeader(), names);
  collectFunctions(embedded::apiHeader(), names);
  return names;
}

std::string ashlar::publicName(llvm::StringRef function,
                               llvm::StringRef identifier) {
  assert(function.starts_with(prefix) && "not a public name");
  return (identifier + "_" + function.drop_front(prefix.size())).str();
}

std::string ashlar::identifierFromStem(llvm::StringRef stem) {
  std::string result;
  for (char c : stem.take_front(maximumLength - 1))
    result += isIdentifierPart(c) ? llvm::toLower(c) : '_';
  if (llvm::all_of(result, [](char c) { return c == '_'; }))
    return "model";
  if (llvm::isDigit(result.front()) || isTaken(result))
    result.insert(0, "m");
  return result;
}

llvm::Error ashlar::checkIdentifier(llvm::StringRef identifier) {
  std::string shown = "\"" + escapeForDisplay(identifier) + "\"";
  if (identifier.empty() || llvm::isDigit(identifier.front()) ||
      !llvm::all_of(identifier, isIdentifierPart))
    return userError("--name", shown + " is not a C identifier",
                     "use letters, digits and underscores; no digit first");
  if (identifier.size() > maximumLength)
    return userError("--name",
                     shown + " has " + llvm::Twine(identifier.size()) +
                         " characters; at most " + llvm::Twine(maximumLength));
  if (isTaken(identifier))
    return userError("--name",
                     shown + " gives functions that libc has: " + identifier +
                         "_open",
                     "use another name");
  return llvm::Error::success();
}
