//===- RunErrorsTest.cpp - What `run` refuses, in words -------------------===//

#include "runtime/text/run.h"
#include "tests/runtime_text/FakeModel.h"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

constexpr auto Decoder = FakeModel::Kind::Decoder;
constexpr auto Encoder = FakeModel::Kind::Encoder;
constexpr auto EncoderDecoder = FakeModel::Kind::EncoderDecoder;

struct Input {
  const char *name;
  ashlar_element element;
  std::vector<int64_t> shape;
  std::vector<int64_t> values;
};

Input ids(const char *name, int64_t batch, int64_t columns,
          std::vector<int64_t> values) {
  return {name, ASHLAR_INT64, {batch, columns}, std::move(values)};
}

std::string refusal(FakeModel &model, std::vector<Input> inputs,
                    const char *wanted = "last_hidden_state") {
  std::vector<ashlar_named_array> arrays;
  for (Input &input : inputs) {
    ashlar_array array = {input.element, int32_t(input.shape.size()), {}, {}};
    std::copy(input.shape.begin(), input.shape.end(), array.shape);
    array.data = input.values.data();
    arrays.push_back({input.name, array});
  }
  ashlar_named_array output = {wanted, {}};
  ashlar_error error = {};
  int failed = ashlar_run(model.api(), model.session(), arrays.data(),
                          arrays.size(), &output, 1, nullptr, &error);
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(output.array.data, nullptr);
  ashlar_array_free(&output.array);
  return error.message;
}

} // namespace

TEST(RunErrors, names) {
  FakeModel decoder(Decoder);
  EXPECT_EQ(refusal(decoder, {ids("token_type_ids", 1, 1, {0})}),
            "token_type_ids: no input of this model; it has: input_ids, "
            "attention_mask, position_ids");
  EXPECT_EQ(refusal(decoder, {ids("input_ids", 1, 1, {0})}, "memory"),
            "memory: no output of this model; it has: last_hidden_state, "
            "logits, pooler_output");
  EXPECT_EQ(refusal(decoder, {}), "input_ids: missing");
  EXPECT_EQ(refusal(decoder, {ids("attention_mask", 1, 1, {1})}),
            "input_ids: missing");
  EXPECT_EQ(refusal(decoder,
                    {ids("input_ids", 1, 1, {0}), ids("input_ids", 1, 1, {0})}),
            "input_ids: given twice");
  FakeModel both(EncoderDecoder);
  EXPECT_EQ(refusal(both, {ids("position_ids", 1, 1, {0})}),
            "position_ids: no input of this model; it has: input_ids, "
            "attention_mask, decoder_input_ids, decoder_attention_mask");
}

TEST(RunErrors, typesAndShapes) {
  FakeModel model(Decoder);
  EXPECT_EQ(refusal(model, {{"input_ids", ASHLAR_FLOAT64, {1, 1}, {0}}}),
            "input_ids: elements are float64; expected int64 or int32");
  EXPECT_EQ(refusal(model, {{"input_ids", ASHLAR_INT64, {2}, {0, 0}}}),
            "input_ids: shape [2]; expected [batch, tokens]");
  EXPECT_EQ(refusal(model, {{"input_ids", ASHLAR_INT64, {}, {0}}}),
            "input_ids: shape []; expected [batch, tokens]");
  EXPECT_EQ(refusal(model, {ids("input_ids", 1, 2, {0, 0}),
                            ids("attention_mask", 2, 1, {1, 1})}),
            "attention_mask: shape [2, 1]; expected [1, 2] as input_ids has");
  EXPECT_EQ(refusal(model, {ids("input_ids", 1, 2, {0, 0}),
                            ids("attention_mask", 1, 2, {1, -1})}),
            "attention_mask: element 1 is -1; expected 0 or 1");
  EXPECT_EQ(refusal(model, {ids("input_ids", 1, 1, {0}),
                            {"position_ids", ASHLAR_FLOAT64, {1, 1}, {0}}}),
            "position_ids: elements are float64; expected int64 or int32");
  FakeModel both(EncoderDecoder);
  EXPECT_EQ(refusal(both, {ids("input_ids", 2, 1, {1, 1}),
                           ids("decoder_input_ids", 1, 1, {1})}),
            "input_ids has 2 sequences, decoder_input_ids has 1");
}

TEST(RunErrors, values) {
  FakeModel model(Decoder);
  model.stacks[0].positions = 16;
  for (int64_t id :
       {int64_t(-1), int64_t(20), INT64_MAX, INT64_MIN, int64_t(1) << 32})
    EXPECT_EQ(refusal(model, {ids("input_ids", 1, 2, {0, id})}),
              "input_ids: element [0, 1] is " + std::to_string(id) +
                  "; expected 0 to 19");
  EXPECT_EQ(refusal(model, {ids("input_ids", 1, 1, {0}),
                            ids("position_ids", 1, 1, {16})}),
            "position_ids: element [0, 0] is 16; expected 0 to 15");
  EXPECT_EQ(
      refusal(model, {ids("input_ids", 1, 17, std::vector<int64_t>(17, 1))}),
      "input_ids has 17 columns; the model has 16 positions");
  // Two of them come before the first token's.
  model.stacks[0].first_position = 2;
  EXPECT_EQ(
      refusal(model, {ids("input_ids", 1, 15, std::vector<int64_t>(15, 1))}),
      "input_ids has 15 columns; the model has 14 positions");
  model.nextStatus = ASHLAR_OUT_OF_MEMORY;
  EXPECT_EQ(refusal(model, {ids("input_ids", 1, 1, {0})}), "out of memory");
}

TEST(RunErrors, maskedValuesDoNotMatter) {
  FakeModel model(Decoder);
  std::vector<int64_t> values = {-100, 3}, mask = {0, 1};
  ashlar_array array = {ASHLAR_INT64, 2, {1, 2}, values.data()};
  ashlar_array masks = {ASHLAR_INT64, 2, {1, 2}, mask.data()};
  ashlar_named_array inputs[] = {{"input_ids", array},
                                 {"attention_mask", masks}};
  ashlar_named_array output = {"logits", {}};
  ashlar_error error = {};
  EXPECT_EQ(ashlar_run(model.api(), model.session(), inputs, 2, &output, 1,
                       nullptr, &error),
            0)
      << error.message;
  ashlar_array_free(&output.array);
}

TEST(RunErrors, lengths) {
  FakeModel decoder(Decoder);
  EXPECT_EQ(
      refusal(decoder, {ids("input_ids", 1, 33, std::vector<int64_t>(33, 1))}),
      "input_ids: sequence 0 has 33 tokens; the artifact takes 32 at "
      "most (--max-context of compile)");
  FakeModel encoder(Encoder);
  EXPECT_EQ(
      refusal(encoder, {ids("input_ids", 2, 9, std::vector<int64_t>(18, 1))}),
      "input_ids: sequence 0 has 9 tokens; the artifact takes 8 at most "
      "(--max-tokens of compile)");
  FakeModel both(EncoderDecoder);
  both.plan.max_source = 4;
  EXPECT_EQ(refusal(both, {ids("input_ids", 1, 5, {1, 1, 1, 1, 1})},
                    "encoder_last_hidden_state"),
            "input_ids: sequence 0 has 5 tokens; the artifact takes 4 at most "
            "(--max-source of compile)");
}
