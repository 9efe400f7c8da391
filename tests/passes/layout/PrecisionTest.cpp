//===- PrecisionTest.cpp - What --precision says -------------------------===//

#include "passes/Layout/Precision.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace ashlar;
using ir::Precision;

static PrecisionOptions parse(llvm::StringRef text) {
  llvm::Expected<PrecisionOptions> options = PrecisionOptions::parse(text);
  if (options)
    return std::move(*options);
  ADD_FAILURE() << llvm::toString(options.takeError());
  return PrecisionOptions();
}

static std::string errorOf(llvm::StringRef text) {
  llvm::Expected<PrecisionOptions> options = PrecisionOptions::parse(text);
  return options ? "" : llvm::toString(options.takeError());
}

TEST(Precision, headsEmbeddingsAndKeysFollow) {
  struct Case {
    const char *text;
    Precision linears, heads, embeddings, keysAndValues;
  };
  for (const Case &expected :
       {Case{"f32", Precision::F32, Precision::F32, Precision::F32,
             Precision::F32},
        Case{"bf16", Precision::Bf16, Precision::Bf16, Precision::Bf16,
             Precision::Bf16},
        Case{"int8", Precision::Int8, Precision::Int8, Precision::Bf16,
             Precision::Bf16},
        Case{"int4", Precision::Int4, Precision::Int8, Precision::Bf16,
             Precision::Bf16},
        Case{"int4,lm_head=int4", Precision::Int4, Precision::Int4,
             Precision::Bf16, Precision::Bf16},
        Case{"int8,lm_head=f32,embeddings=f32", Precision::Int8, Precision::F32,
             Precision::F32, Precision::Bf16},
        Case{"int8,kv=f32", Precision::Int8, Precision::Int8, Precision::Bf16,
             Precision::F32},
        Case{"f32,kv=bf16", Precision::F32, Precision::F32, Precision::F32,
             Precision::Bf16},
        Case{"bf16,kv=int8", Precision::Bf16, Precision::Bf16, Precision::Bf16,
             Precision::Int8},
        Case{"f32,embeddings=bf16", Precision::F32, Precision::F32,
             Precision::Bf16, Precision::F32}}) {
    PrecisionOptions options = parse(expected.text);
    EXPECT_EQ(options.text, expected.text);
    EXPECT_EQ(options.linears, expected.linears) << expected.text;
    EXPECT_EQ(options.heads, expected.heads) << expected.text;
    EXPECT_EQ(options.embeddings, expected.embeddings) << expected.text;
    EXPECT_EQ(options.keysAndValues, expected.keysAndValues) << expected.text;
    EXPECT_EQ(options.group, 64);
    EXPECT_FALSE(options.zeroPoints);
    EXPECT_TRUE(options.exceptions.empty());
  }
}

TEST(Precision, groupsAndZeroPoints) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::AshlarDialect>();
  for (int64_t group : {32, 64, 128}) {
    PrecisionOptions options =
        parse("int4,zero_points,group=" + std::to_string(group));
    EXPECT_EQ(options.encoding(&context, Precision::Int4),
              ir::EncodingAttr::get(&context, Precision::Int4, group, true));
    // They are about int4 alone.
    EXPECT_EQ(options.encoding(&context, Precision::Int8),
              ir::EncodingAttr::get(&context, Precision::Int8, 0, false));
    EXPECT_EQ(options.encoding(&context, Precision::Bf16),
              ir::EncodingAttr::get(&context, Precision::Bf16, 0, false));
    EXPECT_FALSE(options.encoding(&context, Precision::F32));
  }
}

TEST(Precision, patternsInTheirOrder) {
  PrecisionOptions options = parse("int4,*.down_proj*=int8,h.?.x=f32");
  ASSERT_EQ(options.exceptions.size(), 2u);
  EXPECT_EQ(options.exceptions[0].text, "*.down_proj*");
  EXPECT_EQ(options.exceptions[0].precision, Precision::Int8);
  EXPECT_TRUE(options.exceptions[0].pattern.match("l.{layer}.down_proj.w"));
  EXPECT_FALSE(options.exceptions[0].pattern.match("l.{layer}.up_proj.w"));
  EXPECT_EQ(options.exceptions[1].precision, Precision::F32);
  EXPECT_TRUE(options.exceptions[1].pattern.match("h.0.x"));
  EXPECT_FALSE(options.exceptions[1].pattern.match("h.10.x"));
  EXPECT_EQ(options.exceptionFor("h.2.x"), 1);
  EXPECT_EQ(options.exceptionFor("h.2.down_proj.w"), 0);
  EXPECT_EQ(options.exceptionFor("h.22.x"), -1);
}

TEST(Precision, everyWordMustBeUnderstood) {
  const std::string expected = "; expected f32, bf16, int8 or int4";
  EXPECT_EQ(errorOf(""), "--precision: \"\" is no precision" + expected);
  EXPECT_EQ(errorOf("fp16"),
            "--precision: \"fp16\" is no precision" + expected);
  EXPECT_EQ(errorOf("INT8"),
            "--precision: \"INT8\" is no precision" + expected);
  EXPECT_EQ(errorOf(" int8"),
            "--precision: \" int8\" is no precision" + expected);
  EXPECT_EQ(errorOf("lm_head=int8"),
            "--precision: \"lm_head=int8\" is no precision" + expected);
  EXPECT_EQ(errorOf("int8,lm_head=int3"),
            "--precision: \"int3\" is no precision" + expected);
  EXPECT_EQ(errorOf("int8,*=f16"),
            "--precision: \"f16\" is no precision" + expected);
  EXPECT_EQ(errorOf("int8,embeddings=int8"),
            "--precision: embeddings is \"int8\"; expected f32 or bf16");
  EXPECT_EQ(errorOf("int8,kv=int4"),
            "--precision: kv is \"int4\"; expected f32, bf16 or int8");
  EXPECT_EQ(errorOf("int8,embeddings=x"),
            "--precision: \"x\" is no precision" + expected);
  for (const char *group : {"0", "16", "63", "256", "-32", "32x", "4294967360",
                            "99999999999999999999"})
    EXPECT_EQ(errorOf(std::string("int4,group=") + group),
              std::string("--precision: group is \"") + group +
                  "\"; expected 32, 64 or 128");
  for (const char *word : {"", "zero_point", "group", "int4", "=int8", "x="})
    EXPECT_EQ(errorOf(std::string("int4,") + word),
              std::string("--precision: \"") + word +
                  "\" is not understood; expected KEY=VALUE with group, "
                  "lm_head, embeddings, kv or a pattern of tensor names, or "
                  "zero_points");
  EXPECT_EQ(errorOf("int8,h[0=f32").find("--precision: pattern \"h[0\": "), 0u);
}

TEST(Precision, aPatternOfNoLinearIsFound) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::AshlarDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
ashlar.weight @q [#ashlar.tensor<"q.weight", [8, 8], rows = 0 for 8>,
                  #ashlar.tensor<"k.weight", [8, 8], rows = 0 for 8>]
    : tensor<16x8xf32>
ashlar.weight @bias [#ashlar.tensor<"q.bias", [16], rows = 0 for 16>]
    : tensor<16xf32>
ashlar.weight @unread [#ashlar.tensor<"v.weight", [8, 8], rows = 0 for 8>]
    : tensor<8x8xf32>
func.func @f(%x: tensor<?x8xf32>) {
  %0 = ashlar.linear %x weight @q bias @bias
      : tensor<?x8xf32> -> tensor<?x16xf32>
  return
})",
                                                        &context);
  ASSERT_TRUE(module);
  auto unused = [&](llvm::StringRef text) -> std::string {
    PrecisionOptions options = parse(text);
    const auto *exception = options.unusedException(*module);
    return exception ? exception->text : "";
  };
  EXPECT_EQ(unused("int8"), "");
  EXPECT_EQ(unused("int8,q.weight=f32,k*=bf16,*=f32"), "");
  EXPECT_EQ(unused("int8,k*=bf16,q.bias=f32,v*=f32"), "q.bias");
  EXPECT_EQ(unused("int8,v.weight=f32"), "v.weight");
}

// Catches: a pattern for one expert that all of them follow, or none.
TEST(Precision, aPatternForSomeExpertsIsFound) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::AshlarDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
ashlar.weight @up [#ashlar.tensor<"h.{layer}.{expert}.up", [8, 8], rows = 0 for 8>]
    : tensor<8x8xf32> layers = [2, 2] experts = 3)",
                                                        &context);
  ASSERT_TRUE(module);
  auto dividing = [&](llvm::StringRef text) -> std::string {
    PrecisionOptions options = parse(text);
    const auto *exception = options.dividingException(*module);
    return exception ? exception->text : "";
  };
  EXPECT_EQ(dividing("int8,h.*=f32,h.3.*.up=bf16,h.2.?.up=f32"), "");
  EXPECT_EQ(dividing("int8,h.*.1.up=f32"), "h.*.1.up");
  EXPECT_EQ(dividing("int8,*=f32,h.3.0.up=f32"), "h.3.0.up");
}
