"""Transformers in plain PyTorch, from a config.json's shape, with random weights.

Encoders take ids [1, S] and give hidden rows [1, S, H]. Decoders take ids and the
keys and values so far, lists of [1, key heads, P, head size], and give the logits
of the last token and the longer lists.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

BLOCK = torch.rand(1 << 20, generator=torch.Generator().manual_seed(0)) * 0.07 - 0.035


def random_(tensor):
    """One block of numbers over and over: drawing a billion would take a while."""
    count = tensor.numel()
    flat = BLOCK.to(tensor.dtype).repeat(-(-count // len(BLOCK)))[:count]
    return tensor.data.copy_(flat.view(tensor.shape))


def linear(inputs, outputs, bias=True):
    module = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias)
    for parameter in module.parameters():
        random_(parameter)
    return module


def embedding(count, hidden):
    module = nn.utils.skip_init(nn.Embedding, count, hidden)
    random_(module.weight)
    return module


def attend(q, k, v, mask):
    """[1, heads, S, size] each, k and v longer; mask is added to the scores."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + mask
    return torch.matmul(torch.softmax(scores, -1), v)


def split(x, heads):
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def merge(x):
    return x.transpose(1, 2).flatten(2)


class BertLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner, epsilon = c["hidden_size"], c["intermediate_size"], c["layer_norm_eps"]
        self.heads = c["num_attention_heads"]
        self.q, self.k, self.v, self.o = (linear(hidden, hidden) for _ in range(4))
        self.up, self.down = linear(hidden, inner), linear(inner, hidden)
        self.norm1, self.norm2 = nn.LayerNorm(hidden, epsilon), nn.LayerNorm(hidden, epsilon)

    def forward(self, x):
        q, k, v = (split(part(x), self.heads) for part in (self.q, self.k, self.v))
        x = self.norm1(x + self.o(merge(attend(q, k, v, None))))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Bert(nn.Module):
    """With `fast`, the layers are PyTorch's own, which have a fused path."""

    def __init__(self, c, fast=False):
        super().__init__()
        hidden = c["hidden_size"]
        self.tokens = embedding(c["vocab_size"], hidden)
        self.positions = embedding(c["max_position_embeddings"], hidden)
        self.norm = nn.LayerNorm(hidden, c["layer_norm_eps"])
        count = c["num_hidden_layers"]
        if fast:
            layer = nn.TransformerEncoderLayer(
                hidden, c["num_attention_heads"], c["intermediate_size"],
                activation="gelu", batch_first=True,
            )  # fmt: skip
            layers = [nn.TransformerEncoder(layer, count, enable_nested_tensor=False)]
        else:
            layers = [BertLayer(c) for _ in range(count)]
        self.layers = nn.Sequential(*layers)

    def forward(self, ids):
        positions = self.positions(torch.arange(ids.shape[1]))[None]
        return self.layers(self.norm(self.tokens(ids) + positions))


class Gpt2Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, epsilon = c["n_embd"], c["layer_norm_epsilon"]
        inner = c.get("n_inner") or 4 * hidden
        self.heads = c["n_head"]
        self.qkv, self.o = linear(hidden, 3 * hidden), linear(hidden, hidden)
        self.up, self.down = linear(hidden, inner), linear(inner, hidden)
        self.norm1, self.norm2 = nn.LayerNorm(hidden, epsilon), nn.LayerNorm(hidden, epsilon)

    def forward(self, x, keys, values, mask, rotation):
        parts = self.qkv(self.norm1(x)).split(x.shape[2], 2)
        q, k, v = (split(part, self.heads) for part in parts)
        keys, values = torch.cat((keys, k), 2), torch.cat((values, v), 2)
        x = x + self.o(merge(attend(q, keys, values, mask)))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")), keys, values


class RmsNorm(nn.Module):
    def __init__(self, hidden, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(hidden)), epsilon

    def forward(self, x):
        wide = x.float()
        factor = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return (wide * factor).to(x.dtype) * self.weight


def rotate(x, rotation):
    cosine, sine = rotation
    low, high = x.chunk(2, -1)
    return x * cosine + torch.cat((-high, low), -1) * sine


class LlamaLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner, epsilon = c["hidden_size"], c["intermediate_size"], c["rms_norm_eps"]
        self.heads, self.key_heads = c["num_attention_heads"], c["num_key_value_heads"]
        size = c.get("head_dim") or hidden // self.heads
        self.q = linear(hidden, self.heads * size, False)
        self.k, self.v = (linear(hidden, self.key_heads * size, False) for _ in range(2))
        self.o = linear(self.heads * size, hidden, False)
        self.gate, self.up = linear(hidden, inner, False), linear(hidden, inner, False)
        self.down = linear(inner, hidden, False)
        self.norm1, self.norm2 = RmsNorm(hidden, epsilon), RmsNorm(hidden, epsilon)

    def repeated(self, x):
        """Each key head serves heads / key_heads query heads."""
        group = self.heads // self.key_heads
        return x[:, :, None].expand(-1, -1, group, -1, -1).flatten(1, 2)

    def forward(self, x, keys, values, mask, rotation):
        h = self.norm1(x)
        q = rotate(split(self.q(h), self.heads), rotation)
        k = rotate(split(self.k(h), self.key_heads), rotation)
        v = split(self.v(h), self.key_heads)
        keys, values = torch.cat((keys, k), 2), torch.cat((values, v), 2)
        mixed = attend(q, self.repeated(keys), self.repeated(values), mask)
        x = x + self.o(merge(mixed))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)), keys, values


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        llama = c["model_type"] == "llama"
        hidden = c["hidden_size"] if llama else c["n_embd"]
        self.theta = c["rope_theta"] if llama else None
        self.tokens = embedding(c["vocab_size"], hidden)
        self.positions = None if llama else embedding(c["n_positions"], hidden)
        count = c["num_hidden_layers"] if llama else c["n_layer"]
        self.layers = nn.ModuleList((LlamaLayer if llama else Gpt2Layer)(c) for _ in range(count))
        if llama:
            self.norm = RmsNorm(hidden, c["rms_norm_eps"])
        else:
            self.norm = nn.LayerNorm(hidden, c["layer_norm_epsilon"])
        self.head = linear(hidden, c["vocab_size"], False)

    def rotation(self, positions, size, dtype):
        exponents = torch.arange(size // 2) / (size // 2)
        angles = positions[:, None].float() * torch.pow(self.theta, -exponents)[None]
        return [torch.cat((f(angles),) * 2, -1).to(dtype) for f in (torch.cos, torch.sin)]

    def forward(self, ids, keys, values):
        count, past = ids.shape[1], keys[0].shape[2]
        positions = torch.arange(past, past + count)
        x = self.tokens(ids)
        mask, rotation = None, None
        if count > 1:
            hidden = torch.arange(past + count)[None] > positions[:, None]
            mask = torch.zeros(count, past + count, dtype=x.dtype).masked_fill(hidden, -10000.0)
        if self.positions is None:
            rotation = self.rotation(positions, keys[0].shape[3], x.dtype)
        else:
            x = x + self.positions(positions)[None]
        new_keys, new_values = [], []
        for layer, layer_keys, layer_values in zip(self.layers, keys, values):
            x, k, v = layer(x, layer_keys, layer_values, mask, rotation)
            new_keys.append(k)
            new_values.append(v)
        return self.head(self.norm(x[:, -1:])), new_keys, new_values


def empty_cache(c, past, dtype):
    """The lists of keys and values of `past` tokens."""
    heads = c.get("num_attention_heads") or c["n_head"]
    hidden = c.get("hidden_size") or c["n_embd"]
    layers = c.get("num_hidden_layers") or c["n_layer"]
    size = c.get("head_dim") or hidden // heads
    shape = (1, c.get("num_key_value_heads") or heads, past, size)
    return [[torch.full(shape, 0.01, dtype=dtype) for _ in range(layers)] for _ in range(2)]


def build(c, fast=False):
    return Bert(c, fast) if c["model_type"] == "bert" else Decoder(c)
