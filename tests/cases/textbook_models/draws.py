"""Weights, inputs and runs of a case, by its random numbers."""

import math

import numpy as np

from .cases import VOCABULARY


def draw_weights(made, rng):
    weights = {}
    for name, shape in sorted(made["shapes"].items()):
        values = rng.standard_normal(shape)
        if name in ("tokens.weight", "source.weight", "target.weight"):
            values *= made.get("embedding", 1.0)
        elif name in ("relative.weight", "positions.weight") or (
                name.endswith("attention.vector")):
            pass
        elif len(shape) >= 2:
            values *= 1.4 / math.sqrt(math.prod(shape[1:]))
            if name.endswith("query.weight"):
                values *= made.get("query_gain", 1.0)
        elif name.endswith("bias"):
            values *= 0.3
        else: # gains of norms
            values = 1 + 0.2 * values
        weights[name] = values.astype(np.float32)
    return weights


def draw(made, rng, batch, length):
    if made["reads"] == "vectors":
        shape = batch, length * made.get("frames", 1), made["width"]
        values = rng.standard_normal(shape) * made.get("spread", 1.0)
        return {"inputs": values.astype(np.float32)}
    most = made.get("source", VOCABULARY)
    inputs = {"input_ids": rng.integers(0, most, (batch, length))}
    if "marked" in made: # the first token, and few others
        inputs["marks"] = (rng.random((batch, length)) < 0.05).astype(np.int64)
        inputs["marks"][:, 0] = 1
    return inputs


def padded(made, rng, length, short):
    """Two sequences, the second one padded on the right."""
    inputs = draw(made, rng, 2, length)
    for values in inputs.values():
        values[1, short:] = 0
    mask = np.ones((2, length), np.int64)
    mask[1, short:] = 0
    return {**inputs, "attention_mask": mask}


def draw_runs(made, rng):
    runs = {}
    if made["reads"] == "pair":
        for length, target in ((1, 1), (7, 5), (33, 17)):
            runs[f"b1_s{length}_t{target}"] = {
                **draw(made, rng, 1, length), "decoder_input_ids":
                    rng.integers(0, made["target"], (1, target))}
        runs["b2_s13_t6_rightpad"] = {
            **padded(made, rng, 13, 6), "decoder_input_ids":
                rng.integers(0, made["target"], (2, 6))}
        return runs
    for length in made.get("lengths", (1, 7, 33)):
        runs[f"b1_s{length}"] = draw(made, rng, 1, length)
    if "frames" in made: # that make one token: none of them can be missing
        runs["b2_s9"] = draw(made, rng, 2, 9)
    elif made["reads"] != "past":
        runs["b2_s9_rightpad"] = padded(made, rng, 9, 5)
    return runs
