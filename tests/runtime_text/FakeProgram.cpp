//===- FakeProgram.cpp - An executable around a fake model ----------------===//
//
// FakeProgram KIND ARGUMENTS...: what `ashlar compile --emit=exe` would make of
// the fake model KIND (decoder, encoder, classifier, scorer, ids).
//
//===----------------------------------------------------------------------===//

#include "compiler/Text/TextTables.h"
#include "runtime/text/front.h"
#include "tests/runtime_text/FakeModel.h"

using namespace ashlar;

int main(int argc, char **argv) {
  llvm::StringRef kind = argc > 1 ? argv[1] : "";
  FakeModel model(kind == "decoder" || kind == "ids" || kind == "chat"
                      ? FakeModel::Kind::Decoder
                      : FakeModel::Kind::Encoder);
  if (kind == "encoder")
    model.plan.head_count = 0;
  if (kind == "classifier") {
    model.heads[0].output_features = 2;
    model.fixedLogits = {0, 1};
  }
  if (kind == "scorer") {
    model.heads[0].output_features = 1;
    model.fixedLogits = {2};
  }
  // Letters, each a token: the fake model continues the alphabet.
  std::string json = R"({"model": {"type": "WordLevel", "vocab": {"?": 0,)"
                     R"("a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6,)"
                     R"("</s>": 7}, "unk_token": "?"},)"
                     R"("added_tokens": [{"id": 7, "content": "</s>",)"
                     R"("special": true}], "decoder": {"type": "Fuse"},)"
                     R"("pre_tokenizer": {"type": "Split", "pattern":)"
                     R"({"Regex": "."}, "behavior": "Isolated"}})";
  TextOptions options = {.generation = {.endTokens = {7}},
                         .labels = {"bad", "go\tod"}};
  TokenizerFiles files;
  files.tokenizer = llvm::cantFail(parseJson(json, "t"));
  if (kind == "chat")
    files.chatTemplate = "{% for m in messages %}{% if m.role == 'system' %}b"
                         "{% endif %}{{ m.content }}</s>{% endfor %}c";
  TextTables tables =
      llvm::cantFail(kind == "ids" ? buildTextTables(options)
                                   : buildTextTables(files, options));
  model.plan.text = tables.blob.data();
  model.plan.text_bytes = tables.blob.size();
  ashlar_api api = *model.api();
  // The front end gets its session from here.
  static FakeModel *session;
  session = &model;
  api.session_create = [](const ashlar_model *, const ashlar_session_options *,
                          ashlar_session **result) {
    *result = session->session();
    return ASHLAR_OK;
  };
  api.session_destroy = [](ashlar_session *) {};
  return ashlar_front(&api, argc - 1, argv + 1);
}
