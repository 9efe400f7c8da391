//===- SentencePieceModel.cpp - A SentencePiece model file ----------------===//

#include "compiler/Text/sentencepiece/SentencePieceModel.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/PartReader.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Endian.h"

#include <cmath>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

/// Numbers of sentencepiece_model.proto.
enum ModelField { pieceField = 1, trainerField = 2, normalizerField = 3 };
enum PieceField { textField = 1, scoreField = 2, typeField = 3 };
enum TrainerField {
  algorithmField = 3,
  whitespaceSuffixField = 24,
  byteFallbackField = 35
};
enum NormalizerField {
  charsmapField = 2,
  addPrefixField = 3,
  removeBlanksField = 4,
  escapeField = 5
};

/// A field of a message: a number, or the bytes that it holds.
struct Field {
  enum Kind { Number = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
  uint64_t number = 0;
  Kind kind = Number;
  uint64_t value = 0;
  StringRef bytes = {};
};

class ModelParser {
public:
  ModelParser(StringRef file, StringRef whole) : whole(whole) {
    model.file = file.str();
  }
  Error parse();

  SentencePieceModel model;

private:
  Error fail(StringRef at, const llvm::Twine &cause) const {
    return userError(model.file, "byte " +
                                     llvm::Twine(at.data() - whole.data()) +
                                     ": " + cause);
  }
  Error refuse(const llvm::Twine &cause) const {
    return userError(model.file, cause);
  }
  Expected<uint64_t> readVarint(StringRef &rest) const;
  Expected<StringRef> readBytes(StringRef &rest, uint64_t count) const;
  Expected<Field> readField(StringRef &rest) const;
  /// Calls `take` for the fields of a message.
  Error eachField(StringRef message,
                  llvm::function_ref<Error(const Field &)> take) const;
  Error readPiece(StringRef message);
  Error takePieceField(const Field &field, SentencePieceModel::Piece &piece);
  Error takeTrainerField(const Field &field);
  Error takeNormalizerField(const Field &field);

  StringRef whole;
};

} // namespace

Expected<uint64_t> ModelParser::readVarint(StringRef &rest) const {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest.empty())
      return fail(rest, "the file ends inside a number");
    unsigned char byte = rest.front();
    rest = rest.drop_front();
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return value;
  }
  return fail(rest, "a number of more than 64 bits");
}

Expected<StringRef> ModelParser::readBytes(StringRef &rest,
                                           uint64_t count) const {
  if (count > rest.size())
    return fail(rest, "a field of " + llvm::Twine(count) + " bytes, of which " +
                          llvm::Twine(rest.size()) + " are there");
  StringRef bytes = rest.take_front(count);
  rest = rest.drop_front(count);
  return bytes;
}

Expected<Field> ModelParser::readField(StringRef &rest) const {
  StringRef begin = rest;
  Expected<uint64_t> tag = readVarint(rest);
  if (!tag)
    return tag.takeError();
  Field field = {.number = *tag >> 3, .kind = Field::Kind(*tag & 7)};
  if (field.number == 0)
    return fail(begin, "field 0, which no message has");
  uint64_t size = 0;
  switch (field.kind) {
  case Field::Number: {
    Expected<uint64_t> value = readVarint(rest);
    if (!value)
      return value.takeError();
    field.value = *value;
    return field;
  }
  case Field::Bytes: {
    Expected<uint64_t> count = readVarint(rest);
    if (!count)
      return count.takeError();
    size = *count;
    break;
  }
  case Field::Fixed64:
    size = 8;
    break;
  case Field::Fixed32:
    size = 4;
    break;
  default: // groups, which are gone since version 3 of the language
    return fail(begin, "a field of wire type " + llvm::Twine(*tag & 7));
  }
  Expected<StringRef> bytes = readBytes(rest, size);
  if (!bytes)
    return bytes.takeError();
  field.bytes = *bytes;
  return field;
}

Error ModelParser::eachField(
    StringRef message, llvm::function_ref<Error(const Field &)> take) const {
  while (!message.empty()) {
    Expected<Field> field = readField(message);
    if (!field)
      return field.takeError();
    if (Error error = take(*field))
      return error;
  }
  return Error::success();
}

Error ModelParser::takePieceField(const Field &field,
                                  SentencePieceModel::Piece &piece) {
  if (field.number == textField && field.kind == Field::Bytes) {
    piece.text = field.bytes.str();
  } else if (field.number == scoreField && field.kind == Field::Fixed32) {
    uint32_t bits = llvm::support::endian::read32le(field.bytes.data());
    std::memcpy(&piece.score, &bits, sizeof(bits));
    if (!std::isfinite(piece.score))
      return fail(field.bytes, "a score that is no number");
  } else if (field.number == typeField && field.kind == Field::Number) {
    if (field.value < 1 || field.value > 6)
      return refuse("piece " + llvm::Twine(model.pieces.size()) + " has type " +
                    llvm::Twine(field.value) + "; expected 1 to 6");
    piece.type = SentencePieceModel::Type(field.value);
  }
  return Error::success();
}

Error ModelParser::readPiece(StringRef message) {
  SentencePieceModel::Piece piece;
  if (Error error = eachField(message, [&](const Field &field) {
        return takePieceField(field, piece);
      }))
    return error;
  if (piece.text.empty())
    return fail(message,
                "piece " + llvm::Twine(model.pieces.size()) + " is empty");
  for (StringRef rest = piece.text; !rest.empty();) {
    CodePoint character = decodeUtf8(rest);
    if (character.length == 0)
      return fail(message,
                  "piece " + llvm::Twine(model.pieces.size()) + " is no UTF-8");
    rest = rest.drop_front(character.length);
  }
  if (model.pieces.size() > maximumTokenId)
    return fail(message,
                "more than " + llvm::Twine(maximumTokenId + 1) + " pieces");
  model.pieces.push_back(std::move(piece));
  return Error::success();
}

Error ModelParser::takeTrainerField(const Field &field) {
  if (field.kind != Field::Number)
    return Error::success();
  switch (field.number) {
  case algorithmField: {
    static constexpr const char *names[] = {"unigram", "bpe", "word", "char"};
    if (field.value != 1 && field.value != 2)
      return refuse("\"model_type\" is " +
                    (field.value - 1 < 4 ? llvm::Twine(names[field.value - 1])
                                         : llvm::Twine(field.value)) +
                    "; supported: bpe, unigram");
    model.algorithm = SentencePieceModel::Algorithm(field.value);
    break;
  }
  case whitespaceSuffixField:
    if (field.value)
      return refuse("\"treat_whitespace_as_suffix\" is set; pieces that end "
                    "with their blank are not supported");
    break;
  case byteFallbackField:
    model.byteFallback = field.value;
    break;
  }
  return Error::success();
}

Error ModelParser::takeNormalizerField(const Field &field) {
  if (field.number == charsmapField && field.kind == Field::Bytes)
    model.charsmap = field.bytes.str();
  if (field.kind != Field::Number)
    return Error::success();
  if (field.number == addPrefixField)
    model.addsPrefix = field.value;
  if (field.number == removeBlanksField)
    model.removesExtraBlanks = field.value;
  if (field.number == escapeField && !field.value)
    return refuse("\"escape_whitespaces\" is false; blanks inside pieces are "
                  "not supported");
  return Error::success();
}

Error ModelParser::parse() {
  Error error = eachField(whole, [&](const Field &field) -> Error {
    if (field.kind != Field::Bytes)
      return Error::success();
    if (field.number == pieceField)
      return readPiece(field.bytes);
    if (field.number == trainerField)
      return eachField(field.bytes, [&](const Field &inner) {
        return takeTrainerField(inner);
      });
    if (field.number == normalizerField)
      return eachField(field.bytes, [&](const Field &inner) {
        return takeNormalizerField(inner);
      });
    return Error::success();
  });
  if (error)
    return error;
  if (model.pieces.empty())
    return refuse("the file has no pieces; expected a SentencePiece model");
  return Error::success();
}

Expected<SentencePieceModel> ashlar::parseSentencePieceModel(StringRef bytes,
                                                             StringRef file) {
  ModelParser parser(file, bytes);
  if (Error error = parser.parse())
    return std::move(error);
  return std::move(parser.model);
}
