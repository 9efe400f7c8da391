//===- TokenMarksTest.cpp - Tokens that masks ask for ---------------------===//
//
// Would catch: marks of a neighbour in the batch, a rule that is applied where
// the caller gives marks, marks that are not checked.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <climits>
#include <cstdlib>

using namespace ashlar::test;

namespace {
/// The encoder, whose masks ask for marks; its arena is the test's.
struct MarkedEncoder {
  explicit MarkedEncoder(int64_t rule, int64_t token = 0) {
    plan.stacks = &stack;
    stack.marks_input = "global_attention_mask";
    stack.marks_offset = plan.arena_bytes;
    stack.marks_rule = rule;
    stack.marks_token = token;
    plan.arena_bytes += (plan.max_tokens + 1) * int64_t(sizeof(int32_t));
    plan.arena_bytes = (plan.arena_bytes + 63) / 64 * 64;
    memory = std::aligned_alloc(64, size_t(plan.arena_bytes));
    model = openModel(plan);
    ashlar_session_options options = {};
    options.threads = 1;
    options.arena = memory;
    options.arena_bytes = size_t(plan.arena_bytes);
    ashlar_session *created = nullptr;
    EXPECT_EQ(api().session_create(model.get(), &options, &created), ASHLAR_OK);
    session.reset(created);
  }
  ~MarkedEncoder() {
    session.reset();
    std::free(memory);
  }

  /// Two sequences, of four tokens and of three.
  ashlar_status encode(const int32_t *marks) {
    Batch batch;
    batch.add(0, {{5, 0, 0}, {6, 1, 0}, {7, 2, 0}, {6, 3, 0}});
    batch.add(2, {{6, 0, 0}, {8, 1, 0}, {9, 2, 0}});
    ashlar_batch view = batch.view();
    view.marks = marks;
    return api().encode(session.get(), &view);
  }

  std::vector<int32_t> before() const {
    auto *table = reinterpret_cast<const int32_t *>(
        static_cast<const char *>(memory) + stack.marks_offset);
    return {table, table + 8};
  }

  ashlar_stack_plan stack = fake_encoder.stacks[0];
  ashlar_plan plan = fake_encoder;
  void *memory;
  Model model;
  Session session;
};

using Counts = std::vector<int32_t>;
} // namespace

TEST(TokenMarks, AreTheCallers) {
  for (int64_t rule :
       {ASHLAR_MARK_NONE, ASHLAR_MARK_FIRST, ASHLAR_MARK_BEFORE}) {
    MarkedEncoder encoder(rule, 7);
    const int32_t marks[] = {0, 1, 1, 0, 0, 0, 1};
    ASSERT_EQ(encoder.encode(marks), ASHLAR_OK);
    EXPECT_EQ(encoder.before(), (Counts{0, 0, 1, 2, 2, 2, 2, 3}));
  }
}

TEST(TokenMarks, FollowTheModelsRule) {
  MarkedEncoder none(ASHLAR_MARK_NONE);
  ASSERT_EQ(none.encode(nullptr), ASHLAR_OK);
  EXPECT_EQ(none.before(), (Counts{0, 0, 0, 0, 0, 0, 0, 0}));
  MarkedEncoder first(ASHLAR_MARK_FIRST);
  ASSERT_EQ(first.encode(nullptr), ASHLAR_OK);
  EXPECT_EQ(first.before(), (Counts{0, 1, 1, 1, 1, 2, 2, 2}));
  // Before the first token 7; the second sequence has none.
  MarkedEncoder before(ASHLAR_MARK_BEFORE, 7);
  ASSERT_EQ(before.encode(nullptr), ASHLAR_OK);
  EXPECT_EQ(before.before(), (Counts{0, 1, 2, 2, 2, 2, 2, 2}));
  // It stands in front of the second one.
  MarkedEncoder early(ASHLAR_MARK_BEFORE, 6);
  ASSERT_EQ(early.encode(nullptr), ASHLAR_OK);
  EXPECT_EQ(early.before(), (Counts{0, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(TokenMarks, AreChecked) {
  for (int32_t wrong : {-1, 2, INT_MAX}) {
    MarkedEncoder encoder(ASHLAR_MARK_NONE);
    int32_t marks[] = {0, 1, 1, 0, 0, 0, wrong};
    EXPECT_EQ(encoder.encode(marks), ASHLAR_INVALID_ARGUMENT);
  }
}

TEST(TokenMarks, NotWhereNobodyAsks) {
  Model model = openModel(fake_encoder);
  Session session = createSession(model, 1);
  Batch batch;
  batch.add(0, {{5, 0, 0}});
  ashlar_batch view = batch.view();
  const int32_t mark = 1;
  view.marks = &mark;
  EXPECT_EQ(api().encode(session.get(), &view), ASHLAR_NOT_SUPPORTED);
}

TEST(TokenMarks, PlansAreChecked) {
  auto opens = [](auto change) {
    ashlar_stack_plan stack = fake_encoder.stacks[0];
    ashlar_plan plan = fake_encoder;
    plan.stacks = &stack;
    stack.marks_input = "marks";
    stack.marks_offset = stack.ids_offset; // any place of max_tokens + 1
    change(stack);
    ashlar_model *model = nullptr;
    bool opened = alpha_rt_open(&plan, nullptr, &model) == ASHLAR_OK;
    api().close(model);
    return opened;
  };
  EXPECT_TRUE(opens([](ashlar_stack_plan &) {}));
  EXPECT_FALSE(opens([](ashlar_stack_plan &s) { s.marks_rule = -1; }));
  EXPECT_FALSE(opens([](ashlar_stack_plan &s) { s.marks_rule = 3; }));
  EXPECT_FALSE(opens([](ashlar_stack_plan &s) { s.marks_offset = -1; }));
  EXPECT_FALSE(opens([](ashlar_stack_plan &s) {
    s.marks_offset = fake_encoder.arena_bytes - 64;
  }));
}
