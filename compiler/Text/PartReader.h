//===- PartReader.h - Typed access to parts of tokenizer.json --*- C++ -*-===//
//
// What the readers of the parts share: members that must be there, types that
// are known, errors in the file's own words at the position of the fault.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_PARTREADER_H
#define ASHLAR_COMPILER_TEXT_PARTREADER_H

#include "compiler/Support/Json.h"
#include "compiler/Text/Tokenizer.h"
#include "compiler/Text/regex/Pattern.h"

#include "llvm/ADT/StringMap.h"

namespace ashlar {

/// The largest token id. Above it, or with more holes than tokens, a file
/// would cost memory that its size does not justify.
inline constexpr int64_t maximumTokenId = (1 << 24) - 1;

/// A tokenizer that may be right, but that tables cannot follow: the model is
/// of use without it.
class UnsupportedText : public llvm::ErrorInfo<UnsupportedText, UserError> {
public:
  static char ID;
  using ErrorInfo::ErrorInfo;
};
llvm::Error unsupportedText(const llvm::Twine &where, const llvm::Twine &cause,
                            const llvm::Twine &remedy = "");

class PartReader {
public:
  explicit PartReader(const JsonDocument &document) : document(document) {}

protected:
  llvm::Error error(const JsonValue &value, const llvm::Twine &cause,
                    const llvm::Twine &remedy = "") const {
    return userError(document.where(value), cause, remedy);
  }
  llvm::Expected<const JsonValue *> member(const JsonValue &value,
                                           llvm::StringRef key,
                                           llvm::StringRef owner) const;
  llvm::Expected<const JsonValue *> array(const JsonValue &value,
                                          llvm::StringRef key,
                                          llvm::StringRef owner) const;
  llvm::Expected<std::string> string(const JsonValue &value,
                                     llvm::StringRef key,
                                     llvm::StringRef owner) const;
  /// The "type" of a part that is an object.
  llvm::Expected<llvm::StringRef> typeOf(const JsonValue &value,
                                         llvm::StringRef part) const;
  /// What the tokenizers library may follow, and tables do not.
  llvm::Error unsupported(const JsonValue &value,
                          const llvm::Twine &cause) const {
    return unsupportedText(document.where(value), cause);
  }
  llvm::Error unsupportedType(const JsonValue &value, llvm::StringRef part,
                              llvm::StringRef type,
                              llvm::StringRef supported) const {
    return unsupported(*value.find("type"),
                       part + " \"" + escapeForDisplay(type) +
                           "\" is not supported; supported: " + supported);
  }
  /// A boolean that may be absent or null.
  llvm::Expected<bool> flag(const JsonValue &value, llvm::StringRef key,
                            bool absent = false) const;

  /// {"Regex": ...} or {"String": ...}.
  llvm::Expected<Pattern> pattern(const JsonValue &value) const;
  llvm::Expected<Pattern> compile(const JsonValue &where,
                                  const Regex &regex) const;

  const JsonDocument &document;
};

using TokenIds = llvm::StringMap<int32_t>;

/// "vocab", "merges" and their settings, once the vocabulary is in `ids`.
llvm::Error readModel(const JsonDocument &document, const JsonValue &value,
                      const TokenIds &ids, Tokenizer &tokenizer,
                      std::vector<std::string> &warnings);
/// The model's kind: "type", or what the members of old files tell.
llvm::Expected<std::string> modelType(const JsonDocument &document,
                                      const JsonValue &value);

/// What a tokenizer's class takes from tokenizer_config.json, not from the
/// parts that it concerns.
struct TokenizerOverrides {
  /// Of a BertNormalizer.
  struct Bert {
    bool lowerCase = true;
    std::optional<bool> stripAccents = {}; // nothing: as `lowerCase`
    std::optional<bool> chinese = {};      // nothing: what the part says
  };
  std::optional<Bert> bert = {};
  std::optional<bool> prefixSpace = {}; // of a ByteLevel that is alone
};

llvm::Error readNormalizer(const JsonDocument &document, const JsonValue &value,
                           const TokenizerOverrides &overrides,
                           Tokenizer &tokenizer);
llvm::Error readPreTokenizer(const JsonDocument &document,
                             const JsonValue &value,
                             const TokenizerOverrides &overrides,
                             Tokenizer &tokenizer);
llvm::Error readPostProcessor(const JsonDocument &document,
                              const JsonValue &value, Tokenizer &tokenizer);
llvm::Error readDecoder(const JsonDocument &document, const JsonValue &value,
                        Tokenizer &tokenizer);

/// Reads what `document` describes. A part of a kind that is not supported is
/// an UnsupportedText at its position; what is left aside is told in
/// `warnings`. Token ids must be below `vocabulary`, unless that is 0.
llvm::Expected<Tokenizer>
readTokenizer(const JsonDocument &document, int64_t vocabulary,
              std::vector<std::string> &warnings,
              const TokenizerOverrides &overrides = {});

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_PARTREADER_H
