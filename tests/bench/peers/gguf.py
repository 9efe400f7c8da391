"""A GGUF file of a model's shape, with random float32 weights.

    gguf.py MODEL OUT.gguf

MODEL is a folder with the config.json of a bert, gpt2 or llama. Matrices hold one
block of random numbers over and over, each from another place of it.
"""

import json
import random
import struct
import sys
from array import array
from pathlib import Path

BLOCK = 1 << 20  # numbers
ALIGNMENT = 32
UINT32, FLOAT32, BOOL, STRING = 4, 6, 7, 8  # types of metadata values


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, value):
    if isinstance(value, bool):
        return text(key) + struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", UINT32, value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", FLOAT32, value)
    return text(key) + struct.pack("<I", STRING) + text(value)


class Tensors:
    """What the file holds, in order: (name, shape with the inputs first, fill)."""

    def __init__(self):
        self.list = []

    def matrix(self, name, inputs, outputs):
        self.list.append((f"{name}.weight", (inputs, outputs), None))

    def linear(self, name, inputs, outputs):
        self.matrix(name, inputs, outputs)
        self.list.append((f"{name}.bias", (outputs,), 0.0))

    def gain(self, name, size):
        self.list.append((f"{name}.weight", (size,), 1.0))

    def norm(self, name, size):
        self.gain(name, size)
        self.list.append((f"{name}.bias", (size,), 0.0))


def gpt2(config, tensors):
    hidden, inner = config["n_embd"], config.get("n_inner") or 4 * config["n_embd"]
    tensors.matrix("token_embd", hidden, config["vocab_size"])
    tensors.matrix("position_embd", hidden, config["n_positions"])
    tensors.norm("output_norm", hidden)
    for i in range(config["n_layer"]):
        block = f"blk.{i}"
        tensors.norm(f"{block}.attn_norm", hidden)
        tensors.linear(f"{block}.attn_qkv", hidden, 3 * hidden)
        tensors.linear(f"{block}.attn_output", hidden, hidden)
        tensors.norm(f"{block}.ffn_norm", hidden)
        tensors.linear(f"{block}.ffn_up", hidden, inner)
        tensors.linear(f"{block}.ffn_down", inner, hidden)
    return {
        "context_length": config["n_positions"],
        "embedding_length": hidden,
        "block_count": config["n_layer"],
        "feed_forward_length": inner,
        "attention.head_count": config["n_head"],
        "attention.layer_norm_epsilon": config["layer_norm_epsilon"],
    }


def bert(config, tensors):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tensors.matrix("token_embd", hidden, config["vocab_size"])
    tensors.matrix("position_embd", hidden, config["max_position_embeddings"])
    tensors.matrix("token_types", hidden, config["type_vocab_size"])
    tensors.norm("token_embd_norm", hidden)
    for i in range(config["num_hidden_layers"]):
        block = f"blk.{i}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors.linear(f"{block}.{name}", hidden, hidden)
        tensors.norm(f"{block}.attn_output_norm", hidden)
        tensors.linear(f"{block}.ffn_up", hidden, inner)
        tensors.linear(f"{block}.ffn_down", inner, hidden)
        tensors.norm(f"{block}.layer_output_norm", hidden)
    return {
        "context_length": config["max_position_embeddings"],
        "embedding_length": hidden,
        "block_count": config["num_hidden_layers"],
        "feed_forward_length": inner,
        "attention.head_count": config["num_attention_heads"],
        "attention.layer_norm_epsilon": config["layer_norm_eps"],
        "attention.causal": False,
        "pooling_type": 0,
    }


def llama(config, tensors):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim") or hidden // heads
    tensors.matrix("token_embd", hidden, config["vocab_size"])
    tensors.gain("output_norm", hidden)
    if not config["tie_word_embeddings"]:
        tensors.matrix("output", hidden, config["vocab_size"])
    for i in range(config["num_hidden_layers"]):
        block = f"blk.{i}"
        tensors.gain(f"{block}.attn_norm", hidden)
        tensors.gain(f"{block}.ffn_norm", hidden)
        tensors.matrix(f"{block}.attn_q", hidden, heads * size)
        tensors.matrix(f"{block}.attn_k", hidden, key_heads * size)
        tensors.matrix(f"{block}.attn_v", hidden, key_heads * size)
        tensors.matrix(f"{block}.attn_output", heads * size, hidden)
        tensors.matrix(f"{block}.ffn_gate", hidden, inner)
        tensors.matrix(f"{block}.ffn_up", hidden, inner)
        tensors.matrix(f"{block}.ffn_down", inner, hidden)
    return {
        "context_length": config["max_position_embeddings"],
        "embedding_length": hidden,
        "block_count": config["num_hidden_layers"],
        "feed_forward_length": inner,
        "attention.head_count": heads,
        "attention.head_count_kv": key_heads,
        "attention.key_length": size,
        "attention.value_length": size,
        "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "rope.dimension_count": size,
        "rope.freq_base": config["rope_theta"],
    }


def count_of(shape):
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def padding(size):
    return b"\0" * (-size % ALIGNMENT)


def header_of(metadata, tensors):
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(entry(key, value) for key, value in metadata.items())
    offset = 0
    for name, shape, _ in tensors:
        header += text(name) + struct.pack("<I", len(shape))
        header += struct.pack(f"<{len(shape)}QIQ", *shape, 0, offset)  # 0 = float32
        offset += 4 * count_of(shape)
        offset += len(padding(offset))
    return header + padding(len(header))


def write_numbers(file, count, fill, block, begin):
    if fill is not None:
        file.write(array("f", [fill]) * count)
        return
    while count:
        part = block[begin : begin + count]
        file.write(part)
        count -= len(part)
        begin = 0


def main():
    folder, out = sys.argv[1:]
    config = json.loads((Path(folder) / "config.json").read_text())
    family = config["model_type"]
    tensors = Tensors()
    own = {"gpt2": gpt2, "bert": bert, "llama": llama}[family](config, tensors)
    metadata = {"general.architecture": family, "general.file_type": 0}
    metadata |= {f"{family}.{key}": value for key, value in own.items()}
    metadata[f"{family}.vocab_size"] = config["vocab_size"]
    metadata["tokenizer.ggml.model"] = "no_vocab"
    if family == "bert":
        metadata["tokenizer.ggml.token_type_count"] = config["type_vocab_size"]
    generator = random.Random(0)
    block = memoryview(array("f", (generator.uniform(-0.035, 0.035) for _ in range(BLOCK))))
    with open(out, "wb") as file:
        file.write(header_of(metadata, tensors.list))
        for _, shape, fill in tensors.list:
            write_numbers(file, count_of(shape), fill, block, generator.randrange(BLOCK))
            file.write(padding(file.tell()))


if __name__ == "__main__":
    main()
