#!/usr/bin/env python3
"""Writes the seeds of TextTablesFuzzer anew, after a change of the tables' format.

    tests/fuzz/make_text_seeds.py ASHLAR

Compiles small models, and cuts the text tables out of the artifacts.
"""

import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SEEDS = Path(__file__).parent / "seeds" / "TextTablesFuzzer"
CALCULATOR = ROOT / "examples" / "calculator-gpt"
TOKENIZERS = ROOT / "tests" / "text_cases"
CHAT = ("{% for m in messages %}<{{ m.role }}>"
        "{{ m.content.split('</think>')[-1] | trim }}{% endfor %}")  # fmt: skip
TRANSLATOR = {
    "architectures": ["M2M100ForConditionalGeneration"], "model_type": "m2m_100",
    "d_model": 24, "encoder_layers": 1, "decoder_layers": 1,
    "encoder_attention_heads": 3, "decoder_attention_heads": 3,
    "encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "max_position_embeddings": 64,
    "decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1,
    "vocab_size": 5,
}  # fmt: skip
LANGUAGES = {
    "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}},
    "added_tokens": [
        {"id": number, "content": text, "special": True}
        for number, text in ((2, "</s>"), (3, "__fr__"), (4, "deu_Latn"))
    ],
}
GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 24,
    "n_layer": 1, "n_head": 3, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip


def text_tables(ashlar, model, *options):
    """The tables, which begin with their magic, version and size in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "model.so"
        subprocess.run([ashlar, "compile", model, "-o", library, *options], check=True)
        data = library.read_bytes()
    at = -1
    while True:
        at = data.index(b"ASHLTEXT", at + 1)
        version, size = struct.unpack("<II", data[at + 8 : at + 16])
        if version < 256 and 16 < size <= len(data) - at:
            return data[at : at + size]


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


def with_tokenizer(folder, name):
    """A model of random weights with a tokenizer of tests/text_cases."""
    tokenizer = json.loads((TOKENIZERS / f"{name}.json").read_text())
    count = max(tokenizer["model"]["vocab"].values()) + 1
    for token in tokenizer.get("added_tokens", []):
        count = max(count, token["id"] + 1)
    write_json(folder / name / "tokenizer.json", tokenizer)
    write_json(folder / name / "config.json", dict(GPT2, vocab_size=count))
    return folder / name


def make_seeds(ashlar, folder):
    calculator = text_tables(ashlar, CALCULATOR)
    yield "calculator", calculator
    yield "short", calculator[:300]

    ids_only = shutil.copytree(CALCULATOR, folder / "ids_only")
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.json"):
        (ids_only / file).unlink()
    yield "no_tokenizer", text_tables(ashlar, ids_only)

    chat = shutil.copytree(CALCULATOR, folder / "chat")
    settings = json.loads((chat / "tokenizer_config.json").read_text())
    write_json(chat / "tokenizer_config.json", dict(settings, chat_template=CHAT))
    yield "chat", text_tables(ashlar, chat)

    write_json(folder / "languages" / "config.json", TRANSLATOR)
    write_json(folder / "languages" / "tokenizer.json", LANGUAGES)
    yield "languages", text_tables(ashlar, folder / "languages", "--random-weights=1")

    for seed, name in (("irregular", "irregular_bytes"), ("places", "places_bytes")):
        model = with_tokenizer(folder, name)
        yield seed, text_tables(ashlar, model, "--random-weights=1")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, data in make_seeds(sys.argv[1], Path(folder)):
            (SEEDS / name).write_bytes(data)
            print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
