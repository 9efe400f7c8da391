//===- ConfigReader.h - Typed access to a configuration --------*- C++ -*-===//
//
// Reads the keys of one JSON object and remembers which ones it was asked for,
// so that nothing in a configuration is ignored by accident. The first error
// sticks: later reads go on with harmless values, and the caller asks once, at
// the end, for the error. Family files stay tables that way.
//
// A key whose value is null counts as absent, as it does for the libraries that
// write these files.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_CONFIGREADER_H
#define ASHLAR_COMPILER_IMPORT_CONFIGREADER_H

#include "compiler/Spec/Limits.h"
#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Json.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"

namespace ashlar {

class ConfigReader {
public:
  /// `prefix` stands before the keys in messages ("rope_scaling.").
  ConfigReader(const JsonDocument &document, const JsonValue &object,
               llvm::StringRef prefix = "");

  /// The key's value; null when absent. Counts as read.
  const JsonValue *find(llvm::StringRef key);

  // Required keys.
  int64_t count(llvm::StringRef key, int64_t maximum = maxFeatures);
  double positive(llvm::StringRef key);
  llvm::StringRef string(llvm::StringRef key);

  // Keys that may be absent.
  int64_t countOr(llvm::StringRef key, int64_t fallback,
                  int64_t maximum = maxFeatures);
  double positiveOr(llvm::StringRef key, double fallback);
  bool flagOr(llvm::StringRef key, bool fallback);
  llvm::StringRef stringOr(llvm::StringRef key, llvm::StringRef fallback);
  /// An activation under any of the names that configurations use for it.
  static std::optional<Activation> activationNamed(llvm::StringRef name);
  /// Those names, for messages.
  static std::string activationNames();
  Activation activationOr(llvm::StringRef key, llvm::StringRef fallback);

  /// Records `"key" is VALUE; EXPECTED` at the key's value.
  void fail(llvm::StringRef key, const llvm::Twine &expected,
            const llvm::Twine &remedy = "");
  /// Records that `key` does not divide `whole`, the value of `wholeKey`.
  void requireDivides(llvm::StringRef key, int64_t part,
                      llvm::StringRef wholeKey, int64_t whole);

  /// Keeps the first error it is given.
  void record(llvm::Error error);
  /// Takes over the error and the unread keys of a nested object's reader.
  void absorb(ConfigReader &&nested);

  bool failed() const { return hasError; }
  llvm::Error takeError();
  /// A key that nobody asked for.
  struct Unread {
    std::string path; // with the reader's prefix
    llvm::StringRef key;
    const JsonValue *value;
    const JsonValue *object; // that it stands in
  };
  /// In the order of the file, those of nested objects behind the others.
  std::vector<Unread> unreadKeys() const;
  /// Paths of keys whose value somebody asked for, present or not, in
  /// alphabetical order.
  std::vector<std::string> askedKeys() const;
  /// Says that the key is known, and without effect here.
  void markRead(llvm::StringRef key) { setAside.insert(key); }
  const JsonDocument &source() const { return document; }
  /// "FILE:LINE:COLUMN" of the key's value, or of the object.
  std::string where(llvm::StringRef key) const;

private:
  std::optional<int64_t> integer(llvm::StringRef key, int64_t minimum,
                                 int64_t maximum);
  std::optional<double> positiveNumber(llvm::StringRef key);
  /// The key's value when it is a string; empty when absent or no string.
  std::optional<llvm::StringRef> text(llvm::StringRef key);
  void missing(llvm::StringRef key);

  const JsonDocument &document;
  const JsonValue &object;
  std::string prefix;
  llvm::StringSet<> asked, setAside;
  std::vector<std::string> nestedAsked;
  std::vector<Unread> nestedUnread;
  bool hasError = false;
  llvm::Error error = llvm::Error::success();
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_CONFIGREADER_H
