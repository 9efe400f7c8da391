"""The same functions over cases computed by Hugging Face models."""

import json
import os

import numpy as np

from .files import TESTS_CASES, read_safetensors, rel_l2, valid_part


def worst_error(name, forward, model_of):
    """The relative L2 error of the worst output of a case of tests/cases/hf;
    `model_of` makes the model of a configuration and weights."""
    folder = os.path.join(TESTS_CASES, "hf", name)
    with open(os.path.join(folder, "case.json")) as file:
        record = json.load(file)
    with open(os.path.join(folder, "model", "config.json")) as file:
        config = json.load(file)
    # save_pretrained leaves out what is the default of the library.
    config.setdefault("tie_word_embeddings", config["model_type"] != "llama")
    model = model_of(config, read_safetensors(
        os.path.join(folder, "model", "model.safetensors")))
    worst = 0.0
    for run in record["runs"]:
        inputs = {given["name"]: np.load(os.path.join(folder, given["file"]))
                  for given in run["inputs"]}
        outputs = forward(model, inputs)
        for output in run["outputs"]:
            ref = np.load(os.path.join(folder, output["file"]))
            ref, got = [valid_part(values, inputs, output["valid_where"])
                        for values in (ref, np.asarray(outputs[output["name"]]))]
            worst = max(worst, rel_l2(got, ref))
    return worst
