"""Folders with a SentencePiece model and no tokenizer.json, from compile to text.

Catches ids that are not SentencePiece's own (stored under tests/text_cases), ids
that become other text than their pieces, and executables that differ.
"""

import json
import os
import shutil
import unittest

from driver import ROOT, DriverTest

TOKENIZERS = os.path.join(ROOT, "tests", "text_cases", "sentencepiece")
T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5",
      "d_model": 24, "d_kv": 8, "d_ff": 40, "num_layers": 1, "num_heads": 3,
      "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama",
         "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1,
         "num_attention_heads": 3, "bos_token_id": 1, "eos_token_id": 2}

MBART = {"architectures": ["MBartForConditionalGeneration"],
         "model_type": "mbart", "d_model": 24, "encoder_layers": 1,
         "decoder_layers": 1, "encoder_attention_heads": 3,
         "decoder_attention_heads": 3, "encoder_ffn_dim": 40,
         "decoder_ffn_dim": 40, "max_position_embeddings": 64,
         "decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}


def read_number(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """Numbers and values of a protobuf message's fields."""
    at = 0
    while at < len(data):
        key, at = read_number(data, at)
        if key & 7 == 0:
            value, at = read_number(data, at)
        else:
            size = 4 if key & 7 == 5 else 8
            if key & 7 == 2:
                size, at = read_number(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def pieces(path):
    """Text and type of each piece."""
    with open(path, "rb") as file:
        messages = [dict(fields(value)) for number, value in fields(file.read())
                    if number == 1]
    return [(message[1].decode(), message.get(3, 1)) for message in messages]


class SentencePiece(DriverTest):
    def model(self, name, config, **sizes):
        """The tokenizer `name` beside a configuration, without weights."""
        folder = self.path(name)
        source = os.path.join(TOKENIZERS, name)
        shutil.copytree(source, folder)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({**config, **sizes}, file)
        with open(os.path.join(source, "expected.json")) as file:
            return folder, json.load(file)

    def ids(self, artifact, *flags):
        return self.ashlar("generate", artifact, "--ids-only", "--ignore-eos",
                           "--max-new-tokens=6", *flags).stdout

    def check_ids(self, artifact, cases):
        cases = [case for case in cases if case["input"].isprintable()
                 and 0 < len(case["ids"]) < 40][:12]
        self.assertEqual(len(cases), 12)
        for case in cases:
            ids = ",".join(map(str, case["ids"]))
            self.assertEqual(self.ids(artifact, "--prompt=" + case["input"]),
                             self.ids(artifact, "--ids=" + ids), case["input"])

    def test_t5(self):
        folder, cases = self.model("t5", T5, vocab_size=160)
        artifact = self.compile(folder, "t5.so", "--random-weights=5")
        self.check_ids(artifact, cases)
        texts = pieces(os.path.join(folder, "spiece.model"))
        program = self.compile(folder, "program", "--random-weights=5")
        flags = ("--temperature=3", "--seed=2", "--max-new-tokens=12")
        for prompt in ("Hello world", "the quick brown fox"):
            ids = self.ashlar("generate", artifact, "--ids-only", *flags,
                              "--prompt=" + prompt).stdout
            text = "".join(texts[i][0] for i in map(int, ids.split(","))
                           if i < len(texts) and texts[i][1] == 1)
            self.assertNotEqual(text, "")
            text = text.replace("\u2581", " ").removeprefix(" ") + "\n"
            self.assertEqual(self.ashlar("generate", artifact, *flags,
                                         "--prompt=" + prompt).stdout, text)
            self.assertEqual(self.execute([program, *flags, prompt]).stdout,
                             text)

    def test_llama(self):
        folder, cases = self.model("llama", LLAMA, vocab_size=700)
        self.check_ids(self.compile(folder, "m.so", "--random-weights=5"), cases)

    def test_mbart_languages(self):
        folder, _ = self.model("mbart50", MBART, vocab_size=400)
        artifact = self.compile(folder, "m.so", "--random-weights=5")
        program = self.compile(folder, "program", "--random-weights=5")
        # fairseq's four tokens for the three of SentencePiece, its pieces, and
        # the languages of mbart in the order of their names.
        count = len(pieces(os.path.join(folder, "sentencepiece.bpe.model")))
        prompt = "--prompt=Hello world"
        for code, index in (("ar_AR", 0), ("en_XX", 3), ("zh_CN", 24)):
            wanted = self.ids(artifact, prompt,
                              f"--decoder-ids=2,{count + 1 + index}")
            self.assertEqual(
                self.ids(artifact, prompt, "--language=" + code), wanted)
            self.assertEqual(
                self.execute([program, "--language", code, "--ids-only",
                              "--ignore-eos", "--max-new-tokens=6",
                              "Hello world"]).stdout, wanted)
        done = self.ashlar("generate", artifact, prompt, "--language=fr",
                           status=1)
        self.assertIn("--language=fr: the model has no such language; it has "
                      "52, such as fr_XX", done.stderr)
        self.ashlar("generate", artifact, prompt, "--language=fr_XX",
                    "--decoder-ids=2", status=2)

    def test_m2m_100_languages(self):
        config = {**MBART, "architectures": ["M2M100ForConditionalGeneration"],
                  "model_type": "m2m_100"}
        folder, cases = self.model("m2m_100", config, vocab_size=500)
        artifact = self.compile(folder, "m.so", "--random-weights=5")
        self.check_ids(artifact, cases)
        with open(os.path.join(folder, "vocab.json")) as file:
            count = len(json.load(file))
        for code, index in (("af", 0), ("de", 16), ("zu", 99)):
            self.assertEqual(
                self.ids(artifact, "--prompt=Hello", "--language=" + code),
                self.ids(artifact, "--prompt=Hello",
                         f"--decoder-ids=2,{count + index}"))
        done = self.ashlar("generate", artifact, "--prompt=Hello",
                           "--language=ger", status=1)
        self.assertIn("it has 100, such as", done.stderr)
        os.remove(os.path.join(folder, "vocab.json"))
        done = self.ashlar("compile", folder, "-o", self.path("x.so"),
                           "--random-weights=5")
        self.assertIn("no vocab.json beside it", done.stderr)

    def test_file_that_is_no_model(self):
        folder, _ = self.model("t5", T5, vocab_size=160)
        with open(os.path.join(folder, "spiece.model"), "wb") as file:
            file.write(b"\x0a\xff\xff")
        done = self.ashlar("compile", folder, "-o", self.path("x.so"),
                           "--random-weights=5", status=1)
        self.assertIn("spiece.model: byte 3: the file ends inside a number",
                      done.stderr)


if __name__ == "__main__":
    unittest.main()
