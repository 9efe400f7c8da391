"""Makes small SentencePiece models and what is expected of them.

    python3 make_sentencepiece.py FOLDER

FOLDER/NAME/ gets the files of a Hugging Face folder (config.json,
tokenizer_config.json, the model file); FOLDER/NAME/expected.json the ids of
the texts of ../texts.json. SentencePiece itself (python3-sentencepiece 0.1.97)
cuts the texts; ids, special tokens and what stands around a text are put
together here as the slow tokenizers of the transformers library do.
"""
import io, json, os, sys

import sentencepiece

FOLDER = sys.argv[1]
RULES_FILE = os.path.join(FOLDER, "rules.tsv")  # for the trainer, removed at the end
HERE = os.path.dirname(os.path.abspath(__file__))
LINES = """
The quick brown fox jumps over the lazy dog. It's 1234 o'clock, isn't it?
Hello world! Hello, wonderful world; we'll meet again in 2024, or in 19,000 years.
def main(): return x + 1 if y != 0: print("done")
Größe, naïve café, Ελληνικά, русский язык, 日本語のテキスト, 한국어, العربية
the then there these those this that than with without within words wording
""".strip().split("\n") * 20
TEXTS = json.load(open(os.path.join(HERE, "texts.json")))
# A special token's name in a text is looked for before the pieces are, and
# texts of these characters differ between SentencePiece and the fast
# tokenizers, which normalize graphemes: both are tested elsewhere.
def is_plain(text):
    return not any(c in text for c in "<[\u2581\u0000\u0001\u007f\u00ad\u200b\u200d\u0301\u0308\u0323\u0307\u0344\u1112\u0f71\u0327\u0e31\u094d\U0001f1e9")


# Of Unicode's rules a few: the whole map would be 200 kB.
RULES = {" ": "\t\n\r\u00a0\u3000\u2028\u2029", "fi": "\ufb01", "1/2": "\u00bd", "": "\ufeff",
         **{chr(c): chr(c + 0xFEE0) for c in range(33, 127)}}


def train(normalization_rule_name="", **options):
    model = io.BytesIO()
    if normalization_rule_name:
        options["normalization_rule_name"] = normalization_rule_name
    else:
        with open(RULES_FILE, "w") as out:
            for target, sources in RULES.items():
                for source in sources:
                    out.write(f"{ord(source):X}\t{' '.join(f'{ord(c):X}' for c in target)}\n")
        options["normalization_rule_tsv"] = RULES_FILE
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, minloglevel=2,
        hard_vocab_limit=False, **options)
    return model.getvalue()


def write(name, files, config, sp, encode):
    folder = os.path.join(FOLDER, name)
    os.makedirs(folder, exist_ok=True)
    for file, content in files.items():
        with open(os.path.join(folder, file), "wb") as out:
            out.write(content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode() + b"\n")
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as out:
        json.dump(config, out)
        out.write("\n")
    with open(os.path.join(folder, "expected.json"), "w") as out:
        rows = []
        for text in filter(is_plain, TEXTS):
            row, pieces = {"input": text, "ids": encode(text)}, sp.encode(lower(config, text))
            # Unknown pieces are special tokens here; SentencePiece has a sign for them.
            if sp.unk_id() not in pieces:
                row["decoded"] = sp.decode(pieces)
            rows.append(json.dumps(row))
        out.write("[" + ",\n".join(rows) + "]\n")


def lower(config, text):
    return text.lower() if config.get("do_lower_case") else text


def processor(model):
    return sentencepiece.SentencePieceProcessor(model_proto=model)


def t5():
    model = train(vocab_size=400, model_type="unigram", unk_id=2, bos_id=-1, eos_id=1, pad_id=0, character_coverage=0.98)
    sp = processor(model)
    write("t5", {"spiece.model": model, "config.json": {"model_type": "t5"}},
          {"tokenizer_class": "T5Tokenizer", "extra_ids": 10, "eos_token": "</s>"}, sp,
          lambda t: sp.encode(t) + [1])


def fairseq(name, model_type, kind, tail, around, offset=1):
    model = train(vocab_size=400, model_type="unigram", character_coverage=0.98)
    sp = processor(model)
    def encode(text):
        # <unk> is 0 there and 3 here, the other pieces are one further on
        ids = [3 if i == 0 else i + 1 for i in sp.encode(text)]
        first, last = around(sp.get_piece_size())
        return first + ids + last
    write(name, {"sentencepiece.bpe.model": model, "config.json": {"model_type": model_type}}, kind, sp, encode)


def llama(name, config, first, last, **options):
    model = train(vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                  remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True, **options)
    sp = processor(model)
    write(name, {"tokenizer.model": model, "config.json": {"model_type": config.pop("model_type")}}, config, sp,
          lambda t: first + sp.encode(t) + last)


def pegasus():
    model = train(vocab_size=400, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=0.98)
    sp = processor(model)
    write("pegasus", {"spiece.model": model, "config.json": {"model_type": "pegasus"}}, {"tokenizer_class": "PegasusTokenizer"}, sp,
          lambda t: [i + 103 for i in sp.encode(t)] + [1])


def albert():
    model = train(vocab_size=400, model_type="unigram", pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                  control_symbols=["[CLS]", "[SEP]", "[MASK]"], character_coverage=0.98)
    sp = processor(model)
    cls, sep = sp.piece_to_id("[CLS]"), sp.piece_to_id("[SEP]")
    def encode(text):
        text = text.replace("``", '"').replace("''", '"').lower()
        return [cls] + sp.encode(text) + [sep]
    write("albert", {"spiece.model": model, "config.json": {"model_type": "albert"}},
          {"keep_accents": True, "do_lower_case": True}, sp, encode)


def marian():
    model = train(vocab_size=400, model_type="unigram", character_coverage=0.98)
    sp = processor(model)
    pieces = [sp.id_to_piece(i) for i in range(sp.get_piece_size()) if not sp.is_control(i) and not sp.is_unknown(i)]
    names = ["</s>", "<unk>", *sorted(pieces), "\u2581nur", "ziel", ">>deu<<", "<pad>"]
    ids = {name: i for i, name in enumerate(names)}
    write("marian", {"source.spm": model, "vocab.json": ids, "config.json": {"model_type": "marian"}},
          {"source_lang": "en", "target_lang": "de"}, sp,
          lambda t: [ids.get(p, 1) for p in sp.encode(t, out_type=str)] + [0])


def m2m_100():
    model = train(vocab_size=300, model_type="bpe", character_coverage=0.98)
    sp = processor(model)
    pieces = [sp.id_to_piece(i) for i in range(sp.get_piece_size()) if not sp.is_control(i) and not sp.is_unknown(i)]
    names = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pieces)]
    ids = {name: i for i, name in enumerate(names)}
    # "de" is the 17th of the languages behind the vocabulary.
    write("m2m_100", {"sentencepiece.bpe.model": model, "vocab.json": ids, "config.json": {"model_type": "m2m_100"}},
          {"tokenizer_class": "M2M100Tokenizer", "src_lang": "de"}, sp,
          lambda t: [len(names) + 16] + [ids.get(p, 3) for p in sp.encode(t, out_type=str)] + [2])


t5()
fairseq("xlmr", "xlm-roberta", {"tokenizer_class": "XLMRobertaTokenizer"}, None, lambda n: ([0], [2]))
fairseq("mbart", "mbart", {"tokenizer_class": "MBartTokenizer", "src_lang": "de_DE"}, None, lambda n: ([], [2, n + 1 + 2]))
fairseq("mbart50", "mbart", {"tokenizer_class": "MBart50Tokenizer", "src_lang": "sl_SI"}, None, lambda n: ([n + 1 + 51], [2]))
llama("llama", {"model_type": "llama", "tokenizer_class": "LlamaTokenizer"}, [1], [])
llama("llama_both", {"model_type": "llama", "tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": True}, [], [2])
llama("gemma", {"model_type": "gemma", "tokenizer_class": "GemmaTokenizer", "bos_token": "<bos>", "eos_token": "<eos>"}, [2], [],
      pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
      add_dummy_prefix=False)
pegasus()
albert()
marian()
m2m_100()
os.remove(RULES_FILE)
