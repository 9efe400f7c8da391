"""Makes small tokenizers and texts: FOLDER/NAME.json and FOLDER/texts.json.

    python3 make.py FOLDER && node expect.js FOLDER

The vocabularies are trained here, in plain Python, on the lines below; what
they make of the texts is written by expect.js with the tokenizers library.
"""
import base64, collections, json, math, struct, sys

LINES = """
The quick brown fox jumps over the lazy dog. It's 1234 o'clock, isn't it?
Hello world! Hello, wonderful world; we'll meet again in 2024.
def main():\n    return x + 1\n\n\tif y != 0: print("done")
Größe, naïve café, Ελληνικά, русский язык, 日本語のテキスト, 한국어, العربية
the then there these those this that than with without within words wording
""" * 3

TEXTS = [
    "", " ", "  ", "a", "Hello world", " Hello  world ", "Hello, world! It's fine.",
    "the quick brown fox", "The lazy dog's 12345 wordings aren't 007.", "I'M HE'LL WE'VE don't",
    "tabs\tand\nnewlines\r\nand\r\n\r\n  more", "     five     spaces     ", "\n\n\n", " \n \n x", "x \t\n y",
    "caf\u00e9 cafe\u0301 na\u00efve", "\u212b \ufb01 \u2460 \u1e9b\u0323 \u1e69 s\u0323\u0307 s\u0307\u0323",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3002", "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u1100\u116e\u11a8", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd", "zero\u200bwidth\u200djoiner\ufeff",
    "\u0130stanbul \u03a3\u03a3\u03c2 \u1e9e \u01c5", "\uff21\uff22\uff23 \uff11\uff12\uff13 \u3000wide", "x\u0000y\u0001z\u007f\u00a0\u00ad\u2028\u2029",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0915\u094d\u0937\u093f", "def main():\n    return x + 1\n\n\tif y: pass\n", "<s>", "</s> inside </s>", "<mask> and[MASK] x <mask>",
    "a <mask>  b", "unknown: \u2603\u2604\U00010348!", "\u2581already\u2581marked", "\u2581 \u2581", "1/2 \u00bd \u0663\u0664 \u216b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 3,
    "...!!!???---", "http://x.y/z?a=b&c=d#e", "snake_case CamelCase kebab-case", "\"quoted\" 'single' `back`",
    "e\u0301\u0301\u0316\u0301 o\u0308\u0304", "\u0344\u0f71\u0f72 \u2f81a \U0001d15e", "don 't do not it 's ( x ) .", "<0x41> <0xE6>",
]
TEXTS.append("w" * 120 + " " + "th" * 60)

def byte_alphabet():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names, extra = {}, 256
    for b in range(256):
        if b in own:
            names[b] = chr(b)
        else:
            names[b], extra = chr(extra), extra + 1
    return names

BYTES = byte_alphabet()

def spell(text):
    return "".join(BYTES[b] for b in text.encode())

def train_bpe(words, alphabet, count, prefix="", suffix=""):
    """words: a Counter of tuples of symbols."""
    vocab = {s: i for i, s in enumerate(alphabet)}
    merges, words = [], dict(words)
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merged = best[0] + best[1][len(prefix):]
        merges.append(best)
        vocab.setdefault(merged, len(vocab))
        renewed = collections.Counter()
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                if i + 1 < len(word) and (word[i], word[i + 1]) == best:
                    out.append(merged)
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            renewed[tuple(out)] += n
        words = renewed
    return vocab, merges

def words_of(text, mark):
    return collections.Counter(tuple(mark + w) for w in text.split())

def added(vocab, *tokens, **flags):
    out = []
    for t in tokens:
        vocab.setdefault(t, len(vocab))
        f = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
        f.update(flags.get("all", {}))
        if t == "<mask>":
            f["lstrip"] = True
        out.append(dict(id=vocab[t], content=t, **f))
    return out

def tokenizer(model, **parts):
    whole = dict(version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=None,
                 pre_tokenizer=None, post_processor=None, decoder=None)
    whole.update(parts)
    whole["model"] = model
    return whole

def around(bos, eos, vocab, types=(0, 0)):
    single = []
    special = {}
    for t, where in ((bos, 0), (None, 1), (eos, 2)):
        if where == 1:
            single.append({"Sequence": {"id": "A", "type_id": types[0]}})
        elif t:
            single.append({"SpecialToken": {"id": t, "type_id": types[1]}})
            special[t] = {"id": t, "ids": [vocab[t]], "tokens": [t]}
    return {"type": "TemplateProcessing", "single": single, "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": special}

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

def byte_level():
    words = collections.Counter(tuple(spell(" " + w)) for w in LINES.split())
    words.update(tuple(spell(w)) for w in LINES.split())
    return train_bpe(words, [BYTES[b] for b in range(256)], 80)

def byte_level_cases():
    vocab, merges = byte_level()
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    base = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix="", end_of_word_suffix="",
                fuse_unk=False, byte_fallback=False)
    strings, lists = [" ".join(m) for m in merges], [list(m) for m in merges]
    v = dict(vocab)
    tokens = added(v, "<|end|>", "</s>", "<mask>")
    old = {k: base[k] for k in base if k not in ("type", "byte_fallback")}
    yield "gpt2", tokenizer(dict(old, vocab=vocab, merges=strings), added_tokens=tokens, pre_tokenizer=level,
                            post_processor=level, decoder=level)
    roberta = dict(type="RobertaProcessing", sep=["</s>", v["</s>"]], cls=["<|end|>", v["<|end|>"]], trim_offsets=True,
                   add_prefix_space=True)
    yield "roberta", tokenizer(dict(base, vocab=v, merges=lists), added_tokens=tokens,
                               pre_tokenizer=dict(level, add_prefix_space=True), post_processor=roberta, decoder=level)
    def cut(pattern):
        return {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
            dict(level, use_regex=False)]}
    whole = dict(vocab)
    whole[spell(" wonderful")] = len(whole)  # a token that no merge makes
    w = dict(whole)
    more = added(w, "<|end|>", "<s>")
    yield "llama3", tokenizer(dict(base, ignore_merges=True, vocab=whole, merges=lists), added_tokens=more,
                              pre_tokenizer=cut(LLAMA3),
                              post_processor={"type": "Sequence", "processors": [level, around("<s>", None, w)]},
                              decoder=level)
    yield "qwen2", tokenizer(dict(base, vocab=vocab, merges=strings), added_tokens=tokens, pre_tokenizer=cut(QWEN2),
                             post_processor=level, decoder=level, normalizer={"type": "NFC"})
    yield "gpt4o", tokenizer(dict(base, vocab=vocab, merges=strings), added_tokens=tokens, pre_tokenizer=cut(GPT4O),
                             decoder=level)
    falcon = {"type": "Sequence", "pretokenizers": [
        {"type": "Punctuation", "behavior": "Contiguous"}, level, {"type": "Digits", "individual_digits": False},
        {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": False}]}
    yield "falcon", tokenizer(dict(base, vocab=vocab, merges=strings), added_tokens=tokens, pre_tokenizer=falcon,
                              decoder=level)
    digits = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, level]}
    yield "starcoder", tokenizer(dict(base, vocab=vocab, merges=strings), added_tokens=tokens, pre_tokenizer=digits,
                                 decoder=level)
    # Behind ByteLevel pieces are cut within characters: of their bytes some are spelled with digits and marks.
    bytes_cut = {"type": "Sequence", "pretokenizers": [
        dict(level, use_regex=False), {"type": "Digits", "individual_digits": True},
        {"type": "Punctuation", "behavior": "MergedWithNext"}, {"type": "CharDelimiterSplit", "delimiter": "q"},
        {"type": "Split", "pattern": {"Regex": "[a-c\u00c0-\u00c3]"}, "behavior": "MergedWithPrevious", "invert": False}]}
    yield "bytes_cut", tokenizer(dict(base, vocab=vocab, merges=strings), added_tokens=tokens, pre_tokenizer=bytes_cut,
                                 decoder=level)
    for name, invert in (("split_empty", False), ("split_empty_inverted", True)):
        split = {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "a*"}, "behavior": "Contiguous", "invert": invert},
            dict(level, use_regex=False)]}
        yield name, tokenizer(dict(base, vocab=vocab, merges=strings), pre_tokenizer=split, decoder=level)
    for behavior in ("MergedWithPrevious", "MergedWithNext"):
        split = {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "[aeiou ]"}, "behavior": behavior, "invert": behavior[-1] == "t"},
            dict(level, use_regex=False)]}
        yield "split_" + behavior.lower(), tokenizer(dict(base, vocab=vocab, merges=strings), pre_tokenizer=split,
                                                     decoder=level)

CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
          r"|\s+(?!\S)|\s")
DEEPSEEK = [r"[\r\n]", "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u0370-\u03ff\u0400-\u0481]+",
            "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$",
            "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"]
# What surrounds a match: at the ends of pieces, beside newlines, between words.
PLACES = {
    "lines": [r"^[^\n]+", r"\w+$|^\s|\n\Z|\A\w"],
    "words": [r"\b\w+?\b", r"\B\p{Ll}\B|(?<=[aeiou])\w"],
    "sides": [r"(?<!\S)\S+(?=\s|\z)", r"(?<=^|l)[a-z](?!\b)", r"(?<![\p{L}'])'|x(?=$)"],
    "held": [r"(?>\s+)\S|\p{L}*+|(?>[.!?]|-)+", r"[a-m]++|[n-z]?+[a-z]"],
}
# No DFA does these.
IRREGULAR = {
    "ahead": [r"\d{1,3}(?=(?:\d{3})*+\b)|[^\d\s]+(?= \w{4})|\s+", r"(?<=th)[a-z]+|(?<!wor)d"],
    "again": [r"(?<one>\S)\k<one>+|(?<pair>..)\k<pair>", r"(?>[a-z]+|[A-Z][a-z]*)\s|\G."],
}

def place_cases():
    vocab, merges = byte_level()
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix="", end_of_word_suffix="",
                 fuse_unk=False, byte_fallback=False, vocab=vocab, merges=[" ".join(m) for m in merges])
    def split(pattern, behavior="Isolated"):
        return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}
    def cut(patterns, *more):
        return tokenizer(model, decoder=level, pre_tokenizer={
            "type": "Sequence", "pretokenizers": [*map(split, patterns), *more, level]})
    digits = {"type": "Digits", "individual_digits": True}
    yield "cl100k", cut([CL100K])
    yield "deepseek", cut(DEEPSEEK, digits)
    yield "deepseek_coder", cut([r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", DEEPSEEK[-1]], digits)
    for name, patterns in PLACES.items():
        yield "places_" + name, cut(patterns)
    for name, patterns in IRREGULAR.items():
        yield "irregular_" + name, cut(patterns)
    # Behind ByteLevel a pattern reads the letters that bytes are spelled with.
    yield "places_bytes", tokenizer(model, decoder=level, pre_tokenizer={"type": "Sequence", "pretokenizers": [
        level, split(r"\b\w|(?<=\u0120)[a-z]|.$".replace("\\u0120", "\u0120"), "MergedWithNext"), split(r"\W\Z|^\w")]})
    yield "irregular_bytes", tokenizer(model, decoder=level, pre_tokenizer={"type": "Sequence", "pretokenizers": [
        level, split(r"(.)\1|\b\w(?=\w\w)", "MergedWithPrevious")]})
    yield "irregular_replaced", tokenizer(model, decoder=level, pre_tokenizer=level, normalizer={
        "type": "Replace", "pattern": {"Regex": r"(\w)\1(?!\1)|\s+(?=\s\S)"}, "content": "_"})

def affix_cases():
    letters = sorted(set(LINES) - set(" \n\t"))
    words = collections.Counter(tuple([w[0]] + ["@@" + c for c in w[1:]]) for w in LINES.split())
    vocab, merges = train_bpe(words, ["<unk>"] + letters + ["@@" + c for c in letters], 80, prefix="@@")
    model = dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix="@@", end_of_word_suffix=None,
                 fuse_unk=False, vocab=vocab, merges=[" ".join(m) for m in merges])
    yield "prefix_bpe", tokenizer(model, pre_tokenizer={"type": "WhitespaceSplit"})
    words = collections.Counter(tuple([*w[:-1], w[-1] + "</w>"]) for w in LINES.split())
    vocab, merges = train_bpe(words, ["<unk>"] + letters + [c + "</w>" for c in letters], 80)
    model = dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None,
                 end_of_word_suffix="</w>", fuse_unk=True, vocab=vocab, merges=[" ".join(m) for m in merges])
    yield "suffix_bpe", tokenizer(model, pre_tokenizer={"type": "Whitespace"})
    yield "gpt", tokenizer(model, pre_tokenizer={"type": "Whitespace"}, decoder={"type": "BPEDecoder", "suffix": "</w>"},
                           normalizer={"type": "Lowercase"}, added_tokens=added(dict(vocab), "</s>"))
    yield "stripped", tokenizer(model, pre_tokenizer={"type": "Whitespace"}, decoder={"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "</w>"}, "content": ". "},
        {"type": "Strip", "content": " ", "start": 0, "stop": 1}, {"type": "Strip", "content": "o", "start": 2, "stop": 0}]})

def wordpiece_cases():
    text = LINES.lower()
    letters = sorted(set(text) - set(" \n\t"))
    words = collections.Counter(tuple([w[0]] + ["##" + c for c in w[1:]]) for w in text.split() if len(w) > 1)
    start = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + ["##" + c for c in letters]
    vocab, _ = train_bpe(words, start, 80, prefix="##")
    tokens = added(vocab, "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    model = dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=100,
                 vocab=vocab)
    bert = dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    pre = {"type": "BertPreTokenizer"}
    decoder = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    processor = {"type": "BertProcessing", "sep": ["[SEP]", vocab["[SEP]"]], "cls": ["[CLS]", vocab["[CLS]"]]}
    yield "bert", tokenizer(model, added_tokens=tokens, normalizer=bert, pre_tokenizer=pre, decoder=decoder,
                            post_processor=around("[CLS]", "[SEP]", vocab))
    yield "bert_cased", tokenizer(dict(model, max_input_chars_per_word=12), added_tokens=tokens,
                                  normalizer=dict(bert, lowercase=False, handle_chinese_chars=False), pre_tokenizer=pre,
                                  post_processor=processor, decoder=dict(decoder, cleanup=False))
    chain = {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"},
             {"type": "Strip", "strip_left": True, "strip_right": True},
             {"type": "Replace", "pattern": {"Regex": "[0-9]{2,}"}, "content": "9"},
             {"type": "Replace", "pattern": {"String": "'"}, "content": ""}]}
    word = dict(vocab)
    more = tokens + [dict(t, normalized=True, special=False) for t in added(word, "wonderful")]
    yield "wordpiece_chain", tokenizer(model, added_tokens=more, normalizer=chain, pre_tokenizer={"type": "Whitespace"}, decoder=decoder)

def normalizer_cases():
    vocab = {"?": 0}
    for t in TEXTS:
        for c in t:
            vocab.setdefault(c, len(vocab))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        chars = dict(vocab)
        import unicodedata
        for t in TEXTS:
            for c in unicodedata.normalize(form, t):
                chars.setdefault(c, len(chars))
        split = {"type": "Split", "pattern": {"Regex": "(?m:.)"}, "behavior": "Isolated", "invert": False}
        yield form.lower(), tokenizer(dict(type="WordLevel", vocab=chars, unk_token="?"), normalizer={"type": form},
                                      pre_tokenizer=split, decoder={"type": "Fuse"})

def fallback_cases():
    text = LINES + LINES.lower()
    letters = sorted(c for c in set(text) if c.isascii() and c not in "\n\t ") + ["\u2581"]
    words = collections.Counter(tuple("\u2581" + "".join(c for c in w if c.isascii())) for w in text.split())
    start = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)] + letters
    vocab, merges = train_bpe(words, start, 70)
    for run in ("\u2581" * 2, "\u2581" * 4):
        half = run[:len(run) // 2]
        merges.append((half, half))
        vocab.setdefault(run, len(vocab))
    model = dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None,
                 fuse_unk=True, byte_fallback=True, vocab=vocab, merges=[" ".join(m) for m in merges])
    tokens = added(vocab, "<unk>", "<s>", "</s>")
    mark = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    back = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    decoder = {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"},
               {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    yield "llama2", tokenizer(model, added_tokens=tokens, decoder=decoder,
                              normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, mark]},
                              post_processor=around("<s>", None, vocab))
    for scheme in ("first", "always", "never"):
        space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": scheme == "always"}
        yield "metaspace_" + scheme, tokenizer(model, added_tokens=tokens, pre_tokenizer=space,
                                               decoder=decoder if scheme == "first" else space)
    yield "gemma", tokenizer(dict(model, merges=[list(m) for m in merges]), added_tokens=tokens, normalizer=mark,
                             pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
                             decoder={"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}]},
                             post_processor=around("<s>", None, vocab))
    short = dict(model, byte_fallback=False)
    yield "unknown_fused", tokenizer(short, added_tokens=tokens, normalizer=mark, decoder=back)
    yield "unknown_single", tokenizer(dict(short, fuse_unk=False), added_tokens=tokens, normalizer=mark, decoder=back)

def charsmap(rules):
    """A darts-clone double array with the keys' values, and the texts."""
    texts, where = b"", {}
    for text in rules.values():
        if text not in where:
            where[text] = len(texts)
            texts += text.encode() + b"\0"
    root = {}
    for key, text in rules.items():
        node = root
        for b in key.encode():
            node = node.setdefault(b, {})
        node[None] = where[text]
    units, used = [0] * 512, {0}
    def place(node, at):
        labels = sorted(-1 if k is None else k for k in node)
        # The offset relative to the unit, by XOR; small ones only.
        offset = 1
        while True:
            base = at ^ offset
            slots = [base ^ max(l, 0) for l in labels]
            if all(s not in used for s in slots) and base != at:
                break
            offset += 1
        assert offset < 1 << 21
        while len(units) <= max(slots) + 256:
            units.append(0)
        used.update(slots)
        units[at] |= offset << 10
        for label, slot in zip(labels, slots):
            if label < 0:
                units[at] |= 1 << 8
                units[slot] = node[None] | 1 << 31
            else:
                units[slot] |= label
        for label, slot in zip(labels, slots):
            if label >= 0:
                place(node[label], slot)
    place(root, 0)
    blob = b"".join(struct.pack("<I", u) for u in units)
    return base64.b64encode(struct.pack("<I", len(blob)) + blob + texts).decode()

def unigram_cases():
    pieces = collections.Counter()
    for w in LINES.split():
        w = "\u2581" + w
        for i in range(len(w)):
            for j in range(i + 1, min(len(w), i + 6) + 1):
                pieces[w[i:j]] += 1
    kept = [p for p, n in sorted(pieces.items(), key=lambda e: (-e[1] * len(e[0]), e[0]))][:180]
    total = sum(pieces[p] for p in kept)
    def vocabulary(first):
        known = {t for t, _ in first}
        rest = [[p, round(math.log(pieces[p] / total), 6)] for p in kept if p not in known]
        return first + rest + ([["\u2581", -3.5]] if "\u2581" not in {p for p, _ in rest} else [])
    rules = {"\uff21": "A", "\uff22": "B", "\u3000": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\r": "", "\ufb01": "fi",
             "\u212b": "\u00c5", "e\u0301": "\u00e9", "\u200b": " ", "\u00ad": "", "\u2460": "1", "\u0e33": "\u0e4d\u0e32",
             "\u1112\u1161\u11ab": "\ud55c", "\uff11": "1", "A\u030a": "\u00c5", "\u00bd": "1\u20442", "\u2581": "\u2581"}
    table = {"type": "Precompiled", "precompiled_charsmap": charsmap(rules)}
    space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    def build(first, unk, **parts):
        vocab = vocabulary(first)
        ids = {t: i for i, (t, _) in enumerate(vocab)}
        tokens = added(ids, *[t for t, _ in first if t.startswith("<") and "0x" not in t])
        return tokenizer(dict(type="Unigram", unk_id=unk, vocab=vocab, byte_fallback=parts.pop("fallback", False)),
                         added_tokens=tokens, post_processor=around(parts.pop("bos", None), "</s>", ids), **parts)
    t5 = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    old = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
           {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}]}
    yield "t5", build(t5, 2, normalizer=table, pre_tokenizer=old,
                      decoder={"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True})
    xlmr = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["<mask>", 0.0]]
    chain = {"type": "Sequence", "normalizers": [table, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}
    yield "xlmr", build(xlmr, 3, normalizer=chain, pre_tokenizer=space, decoder=space, bos="<s>")
    fallback = [["<unk>", 0.0], ["</s>", 0.0]] + [["<0x%02X>" % b, -20.0] for b in range(256)]
    yield "unigram_bytes", build(fallback, 0, fallback=True, pre_tokenizer=dict(space, split=False),
                                 decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, space]},
                                 normalizer={"type": "Sequence", "normalizers": [
                                     {"type": "Nmt"}, {"type": "NFKC"},
                                     {"type": "Strip", "strip_left": False, "strip_right": True}]})

def main():
    folder = sys.argv[1]
    for make in (byte_level_cases, place_cases, affix_cases, wordpiece_cases, normalizer_cases, fallback_cases,
                 unigram_cases):
        for name, case in make():
            with open(f"{folder}/{name}.json", "w") as file:
                json.dump(case, file, ensure_ascii=False, separators=(",", ":"))
    with open(f"{folder}/texts.json", "w") as file:
        json.dump(TEXTS, file, ensure_ascii=True, indent=0)

main()
