//===- Mask.h - Which keys a query sees ------------------------*- C++ -*-===//
//
// A predicate over the indices of a query and of a key in their sequence, as a
// tree of unions, intersections and complements. As text:
//
//   causal                        key <= query
//   window(n)                     |key - query| < n
//   window(behind=a, ahead=b)     -a <= key - query <= b; either may be absent
//   blocks(size=n, behind=a, ahead=b)  the same, of blocks of n tokens
//   prefix(n)                     the key is one of the first n
//   first_queries(n)              the query is one of the first n
//   global(n)                     prefix(n) | first_queries(n)
//   last_block(n)                 the key is in the block of the last token, of
//                                 blocks of n tokens
//   last_block_queries(n)         the query is
//   length_up_to(n)               the sequence has at most n tokens
//   marked                        the caller has marked the key's token
//   marked_queries                he has marked the query's
//   random(blocks=r, block=n, seed=s, of=m)
//                                 the key's block is one of r drawn for the
//                                 query's block among m, or up to its own
//   a & b, a | b, !a, (a)         & binds more tightly than |
//
// dialect/Attrs.td has the exact definitions.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_MASK_H
#define ASHLAR_COMPILER_SPEC_MASK_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {

enum class MaskKind {
  Near,         // behind, ahead (-1: no end), block
  FirstKeys,    // count
  FirstQueries, // count
  LastKeys,     // block
  LastQueries,  // block
  ShortLength,  // count
  MarkedKeys,
  MarkedQueries,
  Random, // count, block, seed, of (0: up to the query's block)
  AnyOf,
  AllOf,
  Not
};

struct Mask {
  MaskKind kind = MaskKind::Near;
  int64_t behind = -1;
  int64_t ahead = -1;
  int64_t block = 1;
  int64_t count = 0;
  int64_t seed = 0;
  int64_t of = 0;
  std::vector<Mask> members; // of AnyOf and AllOf; the one of Not
  bool operator==(const Mask &) const = default;

  static Mask causal();
  static Mask window(int64_t behind, int64_t ahead, int64_t block = 1);
  static Mask counting(MaskKind kind, int64_t count);
  static Mask lastBlock(MaskKind kind, int64_t block);
  /// MarkedKeys or MarkedQueries.
  static Mask marked(MaskKind kind);
  /// Normalized: members that are unions themselves are taken apart, doubles
  /// and the unions of one member disappear. The same for `all` and `negate`.
  static Mask any(std::vector<Mask> members);
  static Mask all(std::vector<Mask> members);
  static Mask negate(Mask member);
};

/// Whether some part of `mask` asks for the sequence's length.
bool readsLength(const Mask &mask);
/// Whether some part of it asks for marks.
bool readsMarks(const Mask &mask);
/// Parts of the mask: nodes of the tree, a random one counted as often as it
/// draws.
int64_t sizeOf(const Mask &mask);

/// No mask, and what is wrong in `fault`, when `text` is none.
std::optional<Mask> parseMask(std::string_view text, std::string &fault);
/// The text that parseMask reads as `mask`.
std::string printMask(const Mask &mask);

/// Attention says `causal` and `window(n)` in fields of their own: moves them
/// there where `mask` is an intersection with them, a window behind the query
/// where there is causality, too. Gives what is left.
std::optional<Mask> takeCausalAndWindow(std::optional<Mask> mask, bool &causal,
                                        int64_t &window);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_MASK_H
