//===- EncoderFamiliesTest.cpp - Encoders ---------------------------------===//
//
// What the options of bert's heirs become: where positions begin, which tensors
// heads read, what layers share.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/EncoderConfigs.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::test;

//===----------------------------------------------------------------------===//
// roberta
//===----------------------------------------------------------------------===//

TEST(EncoderFamilies, RobertaPositionsBeginBehindPadding) {
  Stack stack = specOf("RobertaModel").stacks[0];
  EXPECT_EQ(stack.maxPositions, 14);
  EXPECT_EQ(stack.embedding.positions.count, 16);
  EXPECT_EQ(stack.embedding.positions.first, 2);
  EXPECT_EQ(stack.embedding.positions.offset, 0);
  EXPECT_TRUE(stack.embedding.positions.byToken);
  EXPECT_EQ(stack.embedding.positions.table->stored, (Sizes{16, 12}));
  Positions first = specOf("RobertaModel", {{"pad_token_id", "0"}})
                        .stacks[0]
                        .embedding.positions;
  EXPECT_EQ(first.count, 16);
  EXPECT_EQ(first.first, 1);
}

TEST(EncoderFamilies, RobertaHeads) {
  ModelSpec bare = specOf("RobertaModel");
  EXPECT_EQ(layersOf(bare.heads[0]), Names{"roberta.pooler.dense.weight tanh"});
  EXPECT_EQ(bare.heads[0].output, "pooler_output");
  ModelSpec masked = specOf("RobertaForMaskedLM", {{"hidden_act", "\"relu\""}});
  EXPECT_EQ(layersOf(masked.heads[0]),
            (Names{"lm_head.dense.weight gelu lm_head.layer_norm.weight",
                   "roberta.embeddings.word_embeddings.weight"}));
  EXPECT_EQ(masked.heads[0].layers[1].linear->bias->tensor, "lm_head.bias");
  EXPECT_EQ(masked.checkpoint.ignorable,
            (Names{"*.position_ids", "lm_head.decoder.*", "*pooler.dense.*"}));
  ModelSpec classes =
      specOf("RobertaForSequenceClassification", {{"num_labels", "3"}});
  EXPECT_EQ(layersOf(classes.heads[0]), (Names{"classifier.dense.weight tanh",
                                               "classifier.out_proj.weight"}));
  EXPECT_EQ(classes.heads[0].rows, RowSelection::First);
  EXPECT_EQ(classes.labels.size(), 3u);
}

/// null takes the theta of layers over the whole sequence.
TEST(EncoderFamilies, ModernBertThetaOfNearLayers) {
  auto thetaOf = [](const Keys &local) {
    Keys keys = {{"num_attention_heads", "2"}, {"global_rope_theta", "500"}};
    llvm::append_range(keys, local);
    ModelSpec spec = specOf("ModernBertModel", keys);
    return spec.stacks[0].blocks[1].block.attention.rotary->theta;
  };
  EXPECT_EQ(thetaOf({}), 10000.0);
  EXPECT_EQ(thetaOf({{"local_rope_theta", "70"}}), 70.0);
  EXPECT_EQ(thetaOf({{"local_rope_theta", "null"}}), 500.0);
}

TEST(EncoderFamilies, HeadsOfTokens) {
  for (const char *model :
       {"AlbertForTokenClassification", "BertForTokenClassification",
        "BigBirdForTokenClassification", "DistilBertForTokenClassification",
        "ElectraForTokenClassification", "MPNetForTokenClassification",
        "RobertaForTokenClassification"}) {
    ModelSpec spec = specOf(model, {{"num_labels", "5"}});
    ASSERT_EQ(spec.heads.size(), 1u) << model;
    EXPECT_EQ(spec.heads[0].output, "logits");
    EXPECT_EQ(spec.heads[0].rows, RowSelection::All);
    EXPECT_EQ(layersOf(spec.heads[0]), Names{"classifier.weight"}) << model;
    EXPECT_EQ(spec.labels.size(), 5u);
  }
  for (const char *model :
       {"AlbertForQuestionAnswering", "BertForQuestionAnswering",
        "DistilBertForQuestionAnswering", "ElectraForQuestionAnswering",
        "MPNetForQuestionAnswering", "RobertaForQuestionAnswering"}) {
    ModelSpec spec = specOf(model);
    ASSERT_EQ(spec.heads.size(), 2u) << model;
    const char *outputs[] = {"start_logits", "end_logits"};
    for (int64_t i = 0; i < 2; ++i) {
      EXPECT_EQ(spec.heads[i].output, outputs[i]);
      EXPECT_TRUE(spec.heads[i].scalar);
      EXPECT_EQ(spec.heads[i].layers[0].linear->weight.begin, i);
      EXPECT_EQ(spec.heads[i].layers[0].linear->bias->begin, i);
    }
    EXPECT_TRUE(spec.labels.empty());
  }
}

TEST(EncoderFamilies, PreTrainingHasTwoHeads) {
  struct Case {
    const char *model, *pooler, *output, *module;
    Names predictions;
  };
  const Names ofBert = {"cls.predictions.transform.dense.weight relu "
                        "cls.predictions.transform.LayerNorm.weight",
                        "bert.embeddings.word_embeddings.weight"};
  const Case cases[] = {
      {"BertForPreTraining", "bert.pooler.dense.weight",
       "seq_relationship_logits", "cls.seq_relationship.weight", ofBert},
      {"BigBirdForPreTraining", "bert.pooler.weight", "seq_relationship_logits",
       "cls.seq_relationship.weight", ofBert},
      {"AlbertForPreTraining",
       "albert.pooler.weight",
       "sop_logits",
       "sop_classifier.classifier.weight",
       {"predictions.dense.weight relu predictions.LayerNorm.weight",
        "albert.embeddings.word_embeddings.weight"}}};
  for (const Case &each : cases) {
    SCOPED_TRACE(each.model);
    ModelSpec spec = specOf(each.model, {{"hidden_act", "\"relu\""}});
    ASSERT_EQ(spec.heads.size(), 2u);
    EXPECT_EQ(spec.heads[0].output, "prediction_logits");
    EXPECT_EQ(spec.heads[0].rows, RowSelection::All);
    EXPECT_EQ(layersOf(spec.heads[0]), each.predictions);
    EXPECT_EQ(spec.heads[1].output, each.output);
    EXPECT_EQ(spec.heads[1].rows, RowSelection::First);
    EXPECT_EQ(layersOf(spec.heads[1]),
              (Names{std::string(each.pooler) + " tanh", each.module}));
    EXPECT_EQ(spec.heads[1].layers[1].linear->outFeatures, 2);
    EXPECT_TRUE(spec.labels.empty());
  }
}

/// Which tells for each token whether another one stood there.
TEST(EncoderFamilies, ElectraDiscriminator) {
  ModelSpec spec =
      specOf("ElectraForPreTraining", {{"hidden_act", "\"relu\""}});
  ASSERT_EQ(spec.heads.size(), 1u);
  EXPECT_EQ(spec.heads[0].output, "logits");
  EXPECT_TRUE(spec.heads[0].scalar);
  EXPECT_EQ(layersOf(spec.heads[0]),
            (Names{"discriminator_predictions.dense.weight relu",
                   "discriminator_predictions.dense_prediction.weight"}));
  EXPECT_EQ(spec.heads[0].layers[1].linear->outFeatures, 1);
}

TEST(EncoderFamilies, XlmRobertaIsRoberta) {
  const std::pair<const char *, const char *> models[] = {
      {"XLMRobertaModel", "RobertaModel"},
      {"XLMRobertaForMaskedLM", "RobertaForMaskedLM"},
      {"XLMRobertaForSequenceClassification",
       "RobertaForSequenceClassification"}};
  for (auto [model, same] : models) {
    ModelSpec spec = specOf(model);
    EXPECT_EQ(spec.family, "xlm-roberta");
    spec.family = "roberta";
    EXPECT_TRUE(spec == specOf(same)) << model;
  }
}

//===----------------------------------------------------------------------===//
// distilbert, electra, albert, mpnet
//===----------------------------------------------------------------------===//

TEST(EncoderFamilies, DistilBertHeads) {
  ModelSpec bare = specOf("DistilBertModel");
  EXPECT_TRUE(bare.heads.empty());
  EXPECT_EQ(bare.stacks[0].embedding.tokenTypes, 0);
  ModelSpec masked =
      specOf("DistilBertForMaskedLM",
             {{"activation", "\"relu\""}, {"sinusoidal_pos_embds", "true"}});
  EXPECT_EQ(layersOf(masked.heads[0]),
            (Names{"vocab_transform.weight relu vocab_layer_norm.weight",
                   "distilbert.embeddings.word_embeddings.weight"}));
  EXPECT_EQ(masked.heads[0].layers[1].linear->bias->tensor,
            "vocab_projector.bias");
  EXPECT_EQ(masked.stacks[0].embedding.positions.kind, PositionKind::Learned);
  EXPECT_EQ(layersOf(specOf("DistilBertForSequenceClassification").heads[0]),
            (Names{"pre_classifier.weight relu", "classifier.weight"}));
}

TEST(EncoderFamilies, ElectraWithNarrowTables) {
  ModelSpec spec = specOf("ElectraForMaskedLM", {{"embedding_size", "8"}});
  const Embedding &embedding = spec.stacks[0].embedding;
  EXPECT_EQ(embedding.width, 8);
  EXPECT_EQ(embedding.norm->features, 8);
  EXPECT_EQ(embedding.positions.table->stored, (Sizes{16, 8}));
  EXPECT_EQ(embedding.tokenTypeTable->stored, (Sizes{2, 8}));
  EXPECT_EQ(embedding.projection->weight.tensor,
            "electra.embeddings_project.weight");
  EXPECT_EQ(layersOf(spec.heads[0]),
            (Names{"generator_predictions.dense.weight gelu "
                   "generator_predictions.LayerNorm.weight",
                   "electra.embeddings.word_embeddings.weight"}));
  EXPECT_EQ(spec.heads[0].layers[0].linear->outFeatures, 8);
  Embedding wide =
      specOf("ElectraModel", {{"embedding_size", "12"}}).stacks[0].embedding;
  EXPECT_EQ(wide.width, 0);
  EXPECT_FALSE(wide.projection.has_value());
}

TEST(EncoderFamilies, ElectraHeads) {
  EXPECT_TRUE(specOf("ElectraModel").heads.empty());
  EXPECT_EQ(
      layersOf(specOf("ElectraForSequenceClassification",
                      {{"hidden_act", "\"relu\""}})
                   .heads[0]),
      (Names{"classifier.dense.weight gelu", "classifier.out_proj.weight"}));
}

TEST(EncoderFamilies, BigBirdMasks) {
  auto attentionOf = [](const Keys &keys) {
    return blockOf(specOf("BigBirdModel", keys).stacks[0]).attention;
  };
  Attention sparse =
      attentionOf({{"block_size", "4"}, {"num_random_blocks", "2"}});
  ASSERT_TRUE(sparse.mask && sparse.repeated);
  EXPECT_EQ(printMask(*sparse.mask),
            "length_up_to(36) | prefix(4) | first_queries(4) | last_block(4) | "
            "last_block_queries(4) | blocks(size=4, behind=1, ahead=1)");
  EXPECT_EQ(printMask(sparse.repeated->keys),
            "prefix(4) & !first_queries(4) & !last_block_queries(4) & "
            "!length_up_to(36)");
  EXPECT_EQ(sparse.repeated->times, 3);
  Attention byDefault = attentionOf({});
  EXPECT_TRUE(printMask(*byDefault.mask).starts_with("length_up_to(704) | "));
  EXPECT_EQ(byDefault.repeated->times, 4);
  EXPECT_FALSE(attentionOf({{"num_random_blocks", "0"}}).repeated);
  Attention full = attentionOf({{"attention_type", "\"original_full\""}});
  EXPECT_FALSE(full.mask || full.repeated);
}

TEST(EncoderFamilies, LongformerMasks) {
  Stack stack = specOf("LongformerModel").stacks[0];
  const Attention &attention = blockOf(stack).attention;
  EXPECT_EQ(printMask(*attention.mask), "window(257) | marked");
  ASSERT_TRUE(attention.marked);
  EXPECT_EQ(attention.marked->query.weight.tensor,
            "longformer.encoder.layer.{layer}.attention.self.query_global."
            "weight");
  EXPECT_EQ(attention.marked->value.bias->tensor,
            "longformer.encoder.layer.{layer}.attention.self.value_global."
            "bias");
  EXPECT_EQ(stack.blocks.size(), 1u);
  std::vector<BlockGroup> blocks =
      specOf("LongformerModel", {{"attention_window", "[8, 4]"}})
          .stacks[0]
          .blocks;
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(printMask(*blocks[0].block.attention.mask), "window(5) | marked");
  EXPECT_EQ(printMask(*blocks[1].block.attention.mask), "window(3) | marked");
  EXPECT_EQ(blocks[1].first, 1);
  EXPECT_EQ(specOf("LongformerModel", {{"attention_window", "[4, 4]"}})
                .stacks[0]
                .blocks.size(),
            1u);
}

/// Which tokens are global where the caller names none.
TEST(EncoderFamilies, LongformerMarks) {
  auto marksOf = [](const char *model) {
    return *specOf(model).stacks[0].marks;
  };
  EXPECT_EQ(marksOf("LongformerForMaskedLM"),
            (Marks{"global_attention_mask", MarkRule::None, 0}));
  EXPECT_EQ(marksOf("LongformerForTokenClassification").otherwise,
            MarkRule::None);
  EXPECT_EQ(marksOf("LongformerForSequenceClassification"),
            (Marks{"global_attention_mask", MarkRule::First, 0}));
  EXPECT_EQ(marksOf("LongformerForQuestionAnswering"),
            (Marks{"global_attention_mask", MarkRule::Before, 2}));
  EXPECT_EQ(specOf("LongformerForQuestionAnswering", {{"sep_token_id", "0"}})
                .stacks[0]
                .marks->token,
            0);
}

TEST(EncoderFamilies, BigBirdParts) {
  ModelSpec bare = specOf(
      "BigBirdModel", {{"rescale_embeddings", "true"}, {"use_bias", "false"}});
  EXPECT_EQ(layersOf(bare.heads[0]), Names{"bert.pooler.weight tanh"});
  EXPECT_EQ(bare.stacks[0].embedding.scale, std::sqrt(12.0));
  const Block &block = blockOf(bare.stacks[0]);
  EXPECT_FALSE(block.attention.query.bias || block.attention.key.bias ||
               block.attention.value.bias);
  EXPECT_TRUE(block.attention.output.bias);
  EXPECT_EQ(block.feedForward.activation, Activation::GeluTanh);
  EXPECT_EQ(layersOf(specOf("BigBirdForMaskedLM").heads[0]),
            (Names{"cls.predictions.transform.dense.weight gelu_tanh "
                   "cls.predictions.transform.LayerNorm.weight",
                   "bert.embeddings.word_embeddings.weight"}));
  EXPECT_EQ(layersOf(specOf("BigBirdForSequenceClassification").heads[0]),
            (Names{"classifier.dense.weight gelu_tanh",
                   "classifier.out_proj.weight"}));
}

/// Its head has a block of its own, and looks at the question's end.
TEST(EncoderFamilies, BigBirdAnswers) {
  ModelSpec spec =
      specOf("BigBirdForQuestionAnswering", {{"sep_token_id", "7"}});
  EXPECT_EQ(spec.stacks[0].embedding.typeSeparator, 7);
  EXPECT_FALSE(specOf("BigBirdModel").stacks[0].embedding.typeSeparator);
  ASSERT_EQ(spec.heads.size(), 2u);
  const char *outputs[] = {"start_logits", "end_logits"};
  for (int64_t i = 0; i < 2; ++i) {
    const Head &head = spec.heads[i];
    EXPECT_EQ(head.output, outputs[i]);
    EXPECT_TRUE(head.scalar);
    EXPECT_EQ(head.segmentOffset, (SegmentOffset{7, -1e6}));
    ASSERT_EQ(head.layers.size(), 2u);
    const FeedForward &feedForward = head.layers[0].feedForward;
    EXPECT_EQ(feedForward.width, 20);
    EXPECT_EQ(feedForward.activation, Activation::GeluTanh);
    EXPECT_EQ(feedForward.up.weight.tensor,
              "qa_classifier.intermediate.dense.weight");
    EXPECT_EQ(feedForward.down.bias->tensor, "qa_classifier.output.dense.bias");
    EXPECT_EQ(head.layers[0].norm->gain->tensor,
              "qa_classifier.output.LayerNorm.weight");
    EXPECT_EQ(head.layers[1].linear->weight.tensor,
              "qa_classifier.qa_outputs.weight");
    EXPECT_EQ(head.layers[1].linear->weight.begin, i);
  }
  EXPECT_EQ(specOf("BigBirdForQuestionAnswering", {{"vocab_size", "90"}})
                .heads[0]
                .segmentOffset->separator,
            66);
}

TEST(EncoderFamilies, AlbertLayersShareTensors) {
  ModelSpec spec = specOf("AlbertForMaskedLM", {{"embedding_size", "8"}});
  const Stack &stack = spec.stacks[0];
  ASSERT_EQ(stack.blocks.size(), 1u);
  EXPECT_EQ(stack.blocks[0].count, 2);
  EXPECT_EQ(blockOf(stack).feedForward.up.weight.tensor,
            "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight");
  EXPECT_EQ(blockOf(stack).feedForward.activation, Activation::GeluTanh);
  EXPECT_EQ(stack.embedding.projection->weight.stored, (Sizes{12, 8}));
  EXPECT_EQ(layersOf(spec.heads[0]),
            (Names{"predictions.dense.weight gelu_tanh "
                   "predictions.LayerNorm.weight",
                   "albert.embeddings.word_embeddings.weight"}));
  EXPECT_EQ(spec.heads[0].layers[1].linear->bias->tensor, "predictions.bias");
  EXPECT_EQ(layersOf(specOf("AlbertModel").heads[0]),
            Names{"albert.pooler.weight tanh"});
  EXPECT_EQ(layersOf(specOf("AlbertForSequenceClassification").heads[0]),
            (Names{"albert.pooler.weight tanh", "classifier.weight"}));
}

TEST(EncoderFamilies, MpNetSharesItsBias) {
  ModelSpec spec = specOf("MPNetForMaskedLM");
  const Stack &stack = spec.stacks[0];
  const PositionBias &bias = *blockOf(stack).attention.positionBias;
  EXPECT_EQ(bias.kind, PositionBiasKind::Relative);
  EXPECT_EQ(bias.table->tensor, "mpnet.encoder.relative_attention_bias.weight");
  EXPECT_EQ(bias.table->stored, (Sizes{32, 3}));
  EXPECT_TRUE(bias.bidirectional);
  EXPECT_EQ(bias.maxDistance, 128);
  EXPECT_EQ(stack.embedding.positions.first, 2);
  EXPECT_EQ(stack.embedding.positions.count, 16);
  EXPECT_EQ(stack.maxPositions, 14);
  EXPECT_EQ(stack.embedding.tokenTypes, 0);
  EXPECT_EQ(layersOf(spec.heads[0])[1],
            "mpnet.embeddings.word_embeddings.weight");
  EXPECT_EQ(layersOf(specOf("MPNetModel").heads[0]),
            Names{"mpnet.pooler.dense.weight tanh"});
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

TEST(EncoderFamilies, Unsupported) {
  const char *absolute = "10:30: \"position_embedding_type\" is "
                         "\"relative_key\"; supported: \"absolute\"";
  const std::pair<const char *, const char *> relative = {
      "position_embedding_type", "\"relative_key\""};
  expectErrors(
      {{"RobertaModel", relative, absolute},
       {"XLMRobertaModel", relative, absolute},
       {"ElectraModel", relative, absolute},
       {"AlbertModel", relative, absolute},
       {"BigBirdModel", relative, absolute},
       {"BigBirdModel",
        {"attention_type", "\"sparse\""},
        "10:21: \"attention_type\" is \"sparse\"; supported: block_sparse, "
        "original_full"},
       {"BigBirdModel",
        {"num_random_blocks", "-1"},
        "10:24: \"num_random_blocks\" is -1; expected an integer from 0 to "
        "16777216"},
       {"LongformerModel", relative, absolute},
       {"LongformerModel",
        {"attention_window", "[8, 4, 2]"},
        "10:23: \"attention_window\" is an array; expected one number, or 2, "
        "one "
        "for each layer"},
       {"LongformerModel",
        {"attention_window", "[8, 0]"},
        "10:27: \"attention_window\" is 0; expected an integer from 1 to "
        "2147483647"},
       {"LongformerModel",
        {"attention_window", "7"},
        "10:23: \"attention_window\" is 7; expected even numbers: half of it "
        "to "
        "either side"},
       {"RobertaModel",
        {"max_position_embeddings", "2"},
        "9:30: \"max_position_embeddings\" is 2; expected more than the 2 rows "
        "before the first token's"},
       {"RobertaModel",
        {"pad_token_id", "-1"},
        "10:19: \"pad_token_id\" is -1; expected an integer from 0 to "
        "2147483646"},
       {"RobertaForMaskedLM",
        {"architectures", "[\"RobertaForMultipleChoice\"]"},
        "3:21: \"architectures\" has \"RobertaForMultipleChoice\"; "
        "supported: RobertaModel, RobertaForMaskedLM, "
        "RobertaForQuestionAnswering, RobertaForSequenceClassification, "
        "RobertaForTokenClassification\nif the checkpoint has the tensors of "
        "one of these, name that one in \"architectures\""},
       {"DistilBertModel",
        {"n_heads", "5"},
        "8:14: \"n_heads\" is 5; expected a divisor of \"dim\" (12)"},
       {"AlbertModel",
        {"num_hidden_groups", "2"},
        "10:24: \"num_hidden_groups\" is 2; supported: 1"},
       {"AlbertModel",
        {"inner_group_num", "2"},
        "10:22: \"inner_group_num\" is 2; supported: 1"},
       {"MPNetModel",
        {"relative_attention_num_buckets", "64"},
        "10:37: \"relative_attention_num_buckets\" is 64; supported: 32"}});
}
