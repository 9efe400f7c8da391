//===- PlanTest.cpp - Damaged plans are refused ---------------------------===//
//
// Would catch: an offset through which the runtime would write outside of the
// arena or cache.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <functional>

using namespace ashlar::test;

namespace {

/// A writable copy of a plan and its tables.
struct Copy {
  explicit Copy(const ashlar_plan &from)
      : plan(from), stacks(from.stacks, from.stacks + from.stack_count),
        heads(from.heads, from.heads + from.head_count),
        caches(from.caches, from.caches + from.cache_count) {
    plan.stacks = stacks.data();
    plan.heads = heads.data();
    plan.caches = caches.data();
  }
  ashlar_plan plan;
  std::vector<ashlar_stack_plan> stacks;
  std::vector<ashlar_head_plan> heads;
  std::vector<ashlar_cache_plan> caches;
};

bool soundAfter(const std::function<void(Copy &)> &change) {
  Copy copy(fake_pair);
  change(copy);
  return alpha_plan_is_sound(&copy.plan);
}

/// An offset that is negative, beyond the end, or odd.
void expectOffsetChecked(const std::function<int64_t &(Copy &)> &field,
                         const char *name) {
  for (int64_t offset : {INT64_MIN, int64_t(-2), int64_t(2),
                         int64_t(sizeof(fake_arena)), INT64_MAX})
    EXPECT_FALSE(soundAfter([&](Copy &c) { field(c) = offset; }))
        << name << " " << offset;
}

void expectCountChecked(const std::function<int64_t &(Copy &)> &field,
                        std::vector<int64_t> bad, const char *name) {
  bad.insert(bad.end(), {INT64_MIN, -1});
  for (int64_t value : bad)
    EXPECT_FALSE(soundAfter([&](Copy &c) { field(c) = value; }))
        << name << " " << value;
}

} // namespace

#define OFFSET(field)                                                          \
  expectOffsetChecked([](Copy &c) -> int64_t & { return c.field; }, #field)
#define COUNT(field, ...)                                                      \
  expectCountChecked([](Copy &c) -> int64_t & { return c.field; },             \
                     {__VA_ARGS__}, #field)

TEST(Plan, TheHandWrittenOnesAreSound) {
  for (const ashlar_plan *plan :
       {&fake_decoder, &fake_encoder, &fake_pair, &fake_vectors, &fake_external,
        &fake_windows, &fake_mixture})
    EXPECT_TRUE(alpha_plan_is_sound(plan));
}

TEST(Plan, Offsets) {
  OFFSET(plan.call_offset);
  OFFSET(plan.rows_offset);
  OFFSET(plan.tiles_offset);
  OFFSET(stacks[1].ids_offset);
  OFFSET(stacks[1].positions_offset);
  OFFSET(stacks[1].types_offset);
  OFFSET(stacks[1].hidden_offset);
  OFFSET(heads[1].input_offset);
  OFFSET(heads[1].output_offset);
  OFFSET(caches[0].offset);
  OFFSET(caches[1].offset);
  OFFSET(caches[2].table_offset);
}

TEST(Plan, Counts) {
  COUNT(plan.abi_version, 0, ASHLAR_ABI_VERSION + 1);
  COUNT(plan.arena_bytes, 0, sizeof(fake_arena) / 2);
  COUNT(plan.weights_bytes, 0, 63);
  COUNT(plan.max_tokens, 0, FAKE_TOKENS + 100000, INT64_MAX);
  COUNT(plan.max_sequences, 0, FAKE_SEQUENCES + 1, INT64_MAX);
  COUNT(plan.max_tiles, FAKE_TILES + 100000, INT64_MAX);
  COUNT(plan.tile_rows, 0, INT64_MAX);
  COUNT(stacks[0].hidden, 0, FAKE_STRIDE + 1, INT64_MAX);
  COUNT(stacks[0].hidden_stride, FAKE_HIDDEN - 1, 1000000, INT64_MAX);
  COUNT(heads[0].max_rows, 0, 1000000, INT64_MAX);
  COUNT(heads[0].input_features, 0, FAKE_HIDDEN - 1, INT64_MAX);
  COUNT(heads[0].output_features, 0, 5, INT64_MAX);
  COUNT(caches[0].layers, FAKE_LAYERS + 10, INT64_MAX);
  COUNT(caches[0].segments, FAKE_SEQUENCES * FAKE_OWN_SLOT - 1, INT64_MAX);
  COUNT(caches[0].slot_segments, FAKE_OWN_SLOT - 1, FAKE_OWN_SLOT + 1,
        INT64_MAX);
  COUNT(caches[0].capacity, FAKE_OWN_SLOT * 256 + 1, INT64_MAX);
}

TEST(Plan, Rings) {
  auto soundWith = [](const ashlar_plan &plan, auto change) {
    Copy copy(plan);
    change(copy);
    return alpha_plan_is_sound(&copy.plan);
  };
  for (int64_t kept : {INT64_MIN, int64_t(-1), int64_t(0), INT64_MAX,
                       // Fewer than a call's rows, or more than there are.
                       int64_t(1), int64_t(FAKE_RING_SLOT + 1)})
    EXPECT_FALSE(soundWith(fake_windows, [&](Copy &c) {
      c.caches[0].kept_segments = kept;
    })) << kept;
  for (int64_t kind : {INT64_MIN, int64_t(-2), int64_t(2), INT64_MAX,
                       // That of all keys.
                       int64_t(1)})
    EXPECT_FALSE(soundWith(fake_mixture, [&](Copy &c) {
      c.stacks[0].ring_kind = kind;
    })) << kind;
  EXPECT_FALSE(
      soundWith(fake_mixture, [](Copy &c) { c.stacks[0].cache_kind = 0; }));
  // One entry of a tile is for both tables.
  EXPECT_FALSE(
      soundWith(fake_mixture, [](Copy &c) { --c.caches[0].slot_segments; }));
  EXPECT_FALSE(
      soundWith(fake_windows, [](Copy &c) { c.caches[0].in_arena = 1; }));
}

TEST(Plan, Vectors) {
  auto soundWith = [](int64_t ashlar_stack_plan::*field, int64_t value) {
    Copy copy(fake_vectors);
    copy.stacks[0].*field = value;
    return alpha_plan_is_sound(&copy.plan);
  };
  for (int64_t bad : {INT64_MIN, int64_t(-1), int64_t(0), INT64_MAX})
    for (auto field :
         {&ashlar_stack_plan::vector_features, &ashlar_stack_plan::vector_rows})
      EXPECT_FALSE(soundWith(field, bad)) << bad;
  EXPECT_FALSE(soundWith(&ashlar_stack_plan::vector_features, FAKE_STRIDE + 1));
  EXPECT_FALSE(soundWith(&ashlar_stack_plan::vector_stride, FAKE_HIDDEN - 1));
  EXPECT_FALSE(soundWith(&ashlar_stack_plan::vector_rows, 1000000));
  EXPECT_FALSE(soundWith(&ashlar_stack_plan::vectors_offset, -2));
}

TEST(Plan, References) {
  for (int64_t stack : {INT64_MIN, int64_t(-2), int64_t(2), INT64_MAX}) {
    EXPECT_FALSE(soundAfter([&](Copy &c) { c.plan.encoder = stack; }));
    EXPECT_FALSE(soundAfter([&](Copy &c) { c.plan.decoder = stack; }));
  }
  for (int64_t kind : {INT64_MIN, int64_t(-2), int64_t(3), INT64_MAX}) {
    EXPECT_FALSE(soundAfter([&](Copy &c) { c.plan.cross_cache = kind; }));
    EXPECT_FALSE(soundAfter([&](Copy &c) { c.stacks[0].cache_kind = kind; }));
    EXPECT_FALSE(soundAfter([&](Copy &c) { c.stacks[1].cache_kind = kind; }));
  }
  EXPECT_FALSE(soundAfter([](Copy &c) { c.stacks[1].cache_kind = 1; }));
  EXPECT_FALSE(soundAfter([](Copy &c) { c.plan.cross_cache = 1; }));
  EXPECT_FALSE(soundAfter([](Copy &c) { c.plan.encoder = 1; }));
  EXPECT_FALSE(soundAfter([](Copy &c) { c.stacks[0].function = nullptr; }));
  EXPECT_FALSE(soundAfter([](Copy &c) { c.heads[0].function = nullptr; }));
  EXPECT_FALSE(soundAfter([](Copy &c) { c.stacks[0].ids_offset = -1; }));
  EXPECT_FALSE(soundAfter([](Copy &c) { c.stacks[0].vectors_offset = 0; }));
}

/// An encoder whose second head pools.
static bool
poolSoundAfter(const std::function<void(ashlar_head_plan &)> &change) {
  Copy copy(fake_encoder);
  copy.heads[1] = fake_pooling_head;
  change(copy.heads[1]);
  return alpha_plan_is_sound(&copy.plan);
}

TEST(Plan, HeadsThatPool) {
  EXPECT_TRUE(poolSoundAfter([](ashlar_head_plan &) {}));
  // It may give a row for each token.
  EXPECT_TRUE(
      poolSoundAfter([](ashlar_head_plan &h) { h.first_row_only = 0; }));
  EXPECT_FALSE(poolSoundAfter(
      [](ashlar_head_plan &h) { h.max_rows = FAKE_TOKENS - 1; }));
  EXPECT_FALSE(
      poolSoundAfter([](ashlar_head_plan &h) { h.input_offset += 64; }));
  EXPECT_FALSE(
      poolSoundAfter([](ashlar_head_plan &h) { h.input_stride += 8; }));
  // A decoder's sequences come in pieces.
  EXPECT_FALSE(soundAfter([](Copy &c) { c.heads[1] = fake_pooling_head; }));
}

/// Images of 4 x 5 in patches of 1 x 5, the numbers of a row of vectors, behind
/// a row of no patch.
static bool
imageSoundAfter(const std::function<void(ashlar_stack_plan &)> &change) {
  Copy copy(fake_vectors);
  copy.stacks[0].image = {1, 4, 5, 1, FAKE_HIDDEN, 1, 5};
  change(copy.stacks[0]);
  return alpha_plan_is_sound(&copy.plan);
}

TEST(Plan, Images) {
  EXPECT_TRUE(imageSoundAfter([](ashlar_stack_plan &) {}));
  int64_t ashlar_image_plan::*fields[] = {
      &ashlar_image_plan::channels,    &ashlar_image_plan::height,
      &ashlar_image_plan::width,       &ashlar_image_plan::patch_height,
      &ashlar_image_plan::patch_width, &ashlar_image_plan::prefix,
      &ashlar_image_plan::rows};
  for (int64_t ashlar_image_plan::*field : fields)
    for (int64_t value : {INT64_MIN, int64_t(-1), int64_t(2), int64_t(100),
                          int64_t(1) << 40, INT64_MAX})
      EXPECT_FALSE(imageSoundAfter([&](ashlar_stack_plan &stack) {
        stack.image.*field = value;
      })) << value;
  EXPECT_FALSE(imageSoundAfter(
      [](ashlar_stack_plan &stack) { stack.vector_features = 4; }));
  EXPECT_FALSE(imageSoundAfter(
      [](ashlar_stack_plan &stack) { stack.vector_features = 0; }));
  EXPECT_FALSE(imageSoundAfter([](ashlar_stack_plan &stack) {
    stack.ids_offset = stack.vectors_offset;
    stack.vectors_offset = -1;
  }));
}

TEST(Plan, OpenRefuses) {
  Copy copy(fake_decoder);
  copy.plan.abi_version = ASHLAR_ABI_VERSION + 1;
  ashlar_model *model = nullptr;
  EXPECT_EQ(alpha_rt_open(&copy.plan, nullptr, &model), ASHLAR_BAD_WEIGHTS);
  EXPECT_EQ(model, nullptr);
}
