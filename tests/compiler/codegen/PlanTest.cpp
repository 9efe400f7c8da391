//===- PlanTest.cpp - The plan's layout in LLVM and in C ------------------===//

#include "tests/compiler/codegen/TinyModel.h"

#include "llvm/IR/DataLayout.h"
#include "llvm/IR/DerivedTypes.h"

#include <cstddef>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::tests;

namespace {
class PlanLayout : public testing::Test {
protected:
  PlanLayout() : module("layout", context) {
    module.setDataLayout("e-m:e-i64:64-f80:128-n8:16:32:64-S128");
  }

  /// A struct of `which` has `bytes` bytes; the element at `offset` is a
  /// pointer or a number.
  void checkSize(PlanStruct which, size_t bytes) {
    EXPECT_EQ(layout(which)->getSizeInBytes().getFixedValue(), bytes);
  }
  void checkField(PlanStruct which, size_t offset, bool pointer) {
    unsigned index = layout(which)->getElementContainingOffset(offset);
    EXPECT_EQ(layout(which)->getElementOffset(index).getFixedValue(), offset);
    EXPECT_EQ(
        planStructType(module, which)->getElementType(index)->isPointerTy(),
        pointer)
        << offset;
  }
  const llvm::StructLayout *layout(PlanStruct which) {
    return module.getDataLayout().getStructLayout(
        planStructType(module, which));
  }

  llvm::LLVMContext context;
  llvm::Module module;
};
} // namespace

// A field is a pointer in LLVM exactly when it is one in C.
#define CHECK_FIELD(which, type, field)                                        \
  checkField(PlanStruct::which, offsetof(type, field),                         \
             std::is_pointer_v<decltype(type::field)>)

TEST_F(PlanLayout, Plan) {
  checkSize(PlanStruct::Plan, sizeof(ashlar_plan));
  CHECK_FIELD(Plan, ashlar_plan, abi_version);
  CHECK_FIELD(Plan, ashlar_plan, name);
  CHECK_FIELD(Plan, ashlar_plan, manifest);
  CHECK_FIELD(Plan, ashlar_plan, manifest_bytes);
  CHECK_FIELD(Plan, ashlar_plan, cpu_level);
  CHECK_FIELD(Plan, ashlar_plan, uses_tiles);
  CHECK_FIELD(Plan, ashlar_plan, lower);
  CHECK_FIELD(Plan, ashlar_plan, build_id);
  CHECK_FIELD(Plan, ashlar_plan, weights);
  CHECK_FIELD(Plan, ashlar_plan, weights_bytes);
  CHECK_FIELD(Plan, ashlar_plan, arena_bytes);
  CHECK_FIELD(Plan, ashlar_plan, cache_bytes);
  CHECK_FIELD(Plan, ashlar_plan, max_tokens);
  CHECK_FIELD(Plan, ashlar_plan, max_context);
  CHECK_FIELD(Plan, ashlar_plan, max_source);
  CHECK_FIELD(Plan, ashlar_plan, max_sequences);
  CHECK_FIELD(Plan, ashlar_plan, call_offset);
  CHECK_FIELD(Plan, ashlar_plan, rows_offset);
  CHECK_FIELD(Plan, ashlar_plan, tiles_offset);
  CHECK_FIELD(Plan, ashlar_plan, max_tiles);
  CHECK_FIELD(Plan, ashlar_plan, tile_rows);
  CHECK_FIELD(Plan, ashlar_plan, split_rows);
  CHECK_FIELD(Plan, ashlar_plan, arrivals_offset);
  CHECK_FIELD(Plan, ashlar_plan, arrivals);
  CHECK_FIELD(Plan, ashlar_plan, cross_cache);
  CHECK_FIELD(Plan, ashlar_plan, encoder);
  CHECK_FIELD(Plan, ashlar_plan, decoder);
  CHECK_FIELD(Plan, ashlar_plan, stack_count);
  CHECK_FIELD(Plan, ashlar_plan, stacks);
  CHECK_FIELD(Plan, ashlar_plan, head_count);
  CHECK_FIELD(Plan, ashlar_plan, heads);
  CHECK_FIELD(Plan, ashlar_plan, cache_count);
  CHECK_FIELD(Plan, ashlar_plan, caches);
  CHECK_FIELD(Plan, ashlar_plan, tap_count);
  CHECK_FIELD(Plan, ashlar_plan, taps);
  CHECK_FIELD(Plan, ashlar_plan, text);
  CHECK_FIELD(Plan, ashlar_plan, text_bytes);
}

TEST_F(PlanLayout, Stack) {
  checkSize(PlanStruct::Stack, sizeof(ashlar_stack_plan));
  CHECK_FIELD(Stack, ashlar_stack_plan, function);
  CHECK_FIELD(Stack, ashlar_stack_plan, input);
  CHECK_FIELD(Stack, ashlar_stack_plan, output);
  CHECK_FIELD(Stack, ashlar_stack_plan, ids_offset);
  CHECK_FIELD(Stack, ashlar_stack_plan, vectors_offset);
  CHECK_FIELD(Stack, ashlar_stack_plan, hidden_stride);
  CHECK_FIELD(Stack, ashlar_stack_plan, cache_kind);
  CHECK_FIELD(Stack, ashlar_stack_plan, ring_kind);
}

TEST_F(PlanLayout, HeadCacheTap) {
  checkSize(PlanStruct::Head, sizeof(ashlar_head_plan));
  CHECK_FIELD(Head, ashlar_head_plan, function);
  CHECK_FIELD(Head, ashlar_head_plan, output);
  CHECK_FIELD(Head, ashlar_head_plan, first_row_only);
  CHECK_FIELD(Head, ashlar_head_plan, pools);
  CHECK_FIELD(Head, ashlar_head_plan, output_features);
  CHECK_FIELD(Head, ashlar_head_plan, scalar);
  checkSize(PlanStruct::Cache, sizeof(ashlar_cache_plan));
  CHECK_FIELD(Cache, ashlar_cache_plan, in_arena);
  CHECK_FIELD(Cache, ashlar_cache_plan, kept_segments);
  CHECK_FIELD(Cache, ashlar_cache_plan, capacity);
  checkSize(PlanStruct::Tap, sizeof(ashlar_tap_plan));
  CHECK_FIELD(Tap, ashlar_tap_plan, name);
  CHECK_FIELD(Tap, ashlar_tap_plan, stack);
  CHECK_FIELD(Tap, ashlar_tap_plan, layer_step);
  CHECK_FIELD(Tap, ashlar_tap_plan, features);
  checkSize(PlanStruct::Map, sizeof(ashlar_map_plan));
  CHECK_FIELD(Map, ashlar_map_plan, stack);
  CHECK_FIELD(Map, ashlar_map_plan, heads);
}
