//===- Mask.cpp - Which keys a query sees ---------------------------------===//

#include "compiler/Spec/Mask.h"

#include <algorithm>

using namespace ashlar;

Mask Mask::causal() { return window(/*behind=*/-1, /*ahead=*/0); }

Mask Mask::window(int64_t behind, int64_t ahead, int64_t block) {
  Mask mask;
  mask.behind = behind;
  mask.ahead = ahead;
  mask.block = block;
  return mask;
}

Mask Mask::counting(MaskKind kind, int64_t count) {
  Mask mask;
  mask.kind = kind;
  mask.count = count;
  return mask;
}

Mask Mask::lastBlock(MaskKind kind, int64_t block) {
  Mask mask;
  mask.kind = kind;
  mask.block = block;
  return mask;
}

Mask Mask::marked(MaskKind kind) {
  Mask mask;
  mask.kind = kind;
  return mask;
}

static Mask combine(MaskKind kind, std::vector<Mask> members) {
  Mask mask;
  mask.kind = kind;
  auto add = [&](Mask &member) {
    if (std::find(mask.members.begin(), mask.members.end(), member) ==
        mask.members.end())
      mask.members.push_back(std::move(member));
  };
  for (Mask &member : members) {
    if (member.kind != kind)
      add(member);
    else
      for (Mask &inner : member.members)
        add(inner);
  }
  if (mask.members.size() > 1)
    return mask;
  Mask only = std::move(mask.members.front());
  return only;
}

Mask Mask::any(std::vector<Mask> members) {
  return combine(MaskKind::AnyOf, std::move(members));
}

Mask Mask::all(std::vector<Mask> members) {
  return combine(MaskKind::AllOf, std::move(members));
}

Mask Mask::negate(Mask member) {
  if (member.kind == MaskKind::Not) {
    Mask inner = std::move(member.members.front());
    return inner;
  }
  Mask mask;
  mask.kind = MaskKind::Not;
  mask.members.push_back(std::move(member));
  return mask;
}

bool ashlar::readsLength(const Mask &mask) {
  return mask.kind == MaskKind::LastKeys ||
         mask.kind == MaskKind::LastQueries ||
         mask.kind == MaskKind::ShortLength ||
         std::any_of(mask.members.begin(), mask.members.end(), readsLength);
}

bool ashlar::readsMarks(const Mask &mask) {
  return mask.kind == MaskKind::MarkedKeys ||
         mask.kind == MaskKind::MarkedQueries ||
         std::any_of(mask.members.begin(), mask.members.end(), readsMarks);
}

int64_t ashlar::sizeOf(const Mask &mask) {
  int64_t size = mask.kind == MaskKind::Random ? mask.count : 1;
  for (const Mask &member : mask.members)
    size += sizeOf(member);
  return size;
}

/// Whether no query sees a key behind it.
static bool isCausal(const Mask &part) {
  return part == Mask::window(part.behind, /*ahead=*/0);
}

std::optional<Mask> ashlar::takeCausalAndWindow(std::optional<Mask> mask,
                                                bool &causal, int64_t &window) {
  if (!mask)
    return mask;
  bool isUnderCausality =
      mask->kind != MaskKind::AllOf
          ? isCausal(*mask)
          : std::any_of(mask->members.begin(), mask->members.end(), isCausal);
  causal |= isUnderCausality;
  auto take = [&](const Mask &part) {
    if (part == Mask::causal())
      return true;
    if (part.behind < 0 || part != Mask::window(part.behind, part.ahead))
      return false;
    // What lies ahead is not seen anyway.
    if (!causal && part.ahead != part.behind)
      return false;
    window = window ? std::min(window, part.behind + 1) : part.behind + 1;
    return true;
  };
  if (mask->kind != MaskKind::AllOf)
    return take(*mask) ? std::nullopt : std::move(mask);
  std::vector<Mask> left;
  for (Mask &member : mask->members)
    if (!take(member))
      left.push_back(std::move(member));
  if (left.empty())
    return std::nullopt;
  return Mask::all(std::move(left));
}
