"""Weights, inputs and runs of a case, by its random numbers."""

import math
import re

import numpy as np

from .images import height_and_width
from .positions import READ_POSITIONS


def draw_weights(made, rng):
    shapes = made["shapes"](made["config"])
    weights = {}
    for name in sorted(shapes):
        shape = shapes[name]
        values = rng.standard_normal(shape)
        if "relative_attention_bias" in name:
            values *= 1.0
        elif len(shape) == 4:
            values *= made["gain"] / math.sqrt(math.prod(shape[1:]))
        elif re.search(r"_token$|class_embedding|position_embeddings$|probe$",
                       name):
            values *= 0.6
        elif len(shape) == 2 and re.search(r"embed|shared|wte", name) and not (
                re.search(r"embed_out|embeddings_project", name)):
            values *= made["embedding"]
        elif len(shape) == 2 and "_norm.weight" not in name:
            values *= made["gain"] / math.sqrt(shape[1])
        elif name.endswith("bias"):
            values *= 0.3
        else:
            values = made.get("norm_mean", 1.0) + 0.2 * values
        if ".SelfAttention.q" in name or ".EncDecAttention.q" in name:
            values /= math.sqrt(made["config"]["d_kv"])
        weights[name] = values.astype(np.float32)
    return weights


def draw_ids(made, rng, batch, length):
    c = made["config"]
    most = made.get("end", c.get("text_config", c)["vocab_size"])
    ids = rng.integers(4, most, (batch, length))
    if "end" in made:
        ids[:, length * 2 // 3] = made["end"]
    if "separators" in made and length != made.get("unseparated"):
        ids[:, length // 3] = c["sep_token_id"]
    return ids


def batch_inputs(made, rng, length, short, side):
    ids = draw_ids(made, rng, 2, length)
    mask = np.ones_like(ids)
    if side == "right":
        mask[1, short:] = 0
    else:
        mask[0, :length - short] = 0
    pad = made.get("pad", 0)
    inputs = {"input_ids": np.where(mask == 1, ids, pad),
              "attention_mask": mask}
    base = getattr(made["forward"], "base", made["forward"])
    reads = READ_POSITIONS.get(base)
    if side == "left" and reads and reads(made["config"]):
        inputs["position_ids"] = np.maximum(mask.cumsum(1) - 1, 0)
    return inputs


def draw_runs(made, rng):
    runs = {}
    if made["kind"] == "image":
        c = made["config"]
        c = c.get("vision_config", c)
        shape = (c["num_channels"], *height_and_width(c["image_size"]))
        for batch in (1, 3):
            runs[f"b{batch}"] = {"pixel_values": rng.standard_normal(
                (batch, *shape)).astype(np.float32)}
        return runs
    if made["kind"] == "seq2seq":
        far = 29 if made.get("long_decoder") else 17
        for length, target in ((1, 1), (7, 5), (33, far)):
            runs[f"b1_s{length}_t{target}"] = {
                "input_ids": draw_ids(made, rng, 1, length),
                "decoder_input_ids": draw_ids(made, rng, 1, target)}
        inputs = batch_inputs(made, rng, 13, 6, "right")
        inputs["decoder_input_ids"] = draw_ids(made, rng, 2, 6)
        runs["b2_s13_t6_rightpad"] = inputs
        if made.get("padding_inside"):
            inputs = batch_inputs(made, rng, 9, 7, "right")
            inputs["input_ids"][0, 3:5] = inputs["input_ids"][1, 0] = made["pad"]
            inputs["decoder_input_ids"] = draw_ids(made, rng, 2, 5)
            inputs["decoder_input_ids"][:, 2] = made["pad"]
            runs["b2_s9_t5_padinside"] = inputs
        start = made["config"]["decoder_start_token_id"]
        for inputs in runs.values():
            inputs["decoder_input_ids"][:, 0] = start
        return runs
    if made["kind"] == "reread":
        c = made["config"]
        for batch, length in ((1, 2), (1, 7), (1, 33), (2, 9)):
            ids = draw_ids(made, rng, batch, length)
            ids[:, -1] = c["eos_token_id"]
            again = np.roll(ids, 1, 1)
            again[:, 0] = c["decoder_start_token_id"]
            runs[f"b{batch}_s{length}"] = {"input_ids": ids,
                                           "decoder_input_ids": again}
        return runs
    for length in (1, 7, 33):
        runs[f"b1_s{length}"] = {"input_ids": draw_ids(made, rng, 1, length)}
    if made.get("unpadded"):
        runs["b2_s9"] = {"input_ids": draw_ids(made, rng, 2, 9)}
    else:
        runs["b2_s9_rightpad"] = batch_inputs(made, rng, 9, 5, "right")
    if made["kind"] == "decoder" or hasattr(made["forward"], "base"):
        runs["b2_s8_leftpad"] = batch_inputs(made, rng, 8, 5, "left")
    if made.get("padding_inside"):
        inputs = batch_inputs(made, rng, 9, 7, "right")
        inputs["input_ids"][0, 3:5] = inputs["input_ids"][1, 0] = made["pad"]
        runs["b2_s9_padinside"] = inputs
    if "types" in made:
        for name, inputs in runs.items():
            if name != "b1_s1":
                inputs["token_type_ids"] = rng.integers(
                    0, made["types"], inputs["input_ids"].shape)
    return runs


def wanted_outputs(made, run):
    """(output, source, input that says where it is valid) of a run."""
    mask = "attention_mask" if "pad" in run else None
    if made["kind"] in ("reread", "seq2seq"):
        encoder = "encoder_last_hidden_state"
        return [("logits", "logits", None), (encoder, encoder, mask)]
    if made["kind"] == "image":
        return [(name, name, None) for name in made["outputs"]]
    rows = made["kind"] == "classifier"
    outputs = [(name, name,
                None if rows or name in made.get("of_sequences", []) else mask)
               for name in made.get("outputs", ["logits"])]
    if "last_hidden_state" in made.get("outputs", []):
        return outputs
    if run in ("b1_s1", "b1_s7") or rows:
        outputs.append(("last_hidden_state",
                        made.get("source", "hidden_states[-1]"), mask))
    return outputs
