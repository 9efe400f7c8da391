"""Times PyTorch on a model's shape, with random weights.

    torch_bench.py save MODEL PRECISION MODE FILE
    torch_bench.py PHASE MODEL PRECISION MODE TOKENS THREADS
    torch_bench.py first MODEL PRECISION MODE TOKENS THREADS FILE

MODEL is a folder with the config.json of a bert, gpt2 or llama. PRECISION is f32,
bf16 or int8 (dynamic quantization). MODE is eager, trace, compile or fast (BERT by
nn.TransformerEncoder). PHASE is encode or prompt (of TOKENS), decode (a token
behind TOKENS) or first (from opening FILE to the logits of a prompt). Prints
{"milliseconds": median, "version": text}: of three runs at least and a second in all,
behind two that are not counted.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import torch

sys.dont_write_bytecode = True  # the source tree stays clean
import torch_models


def make_model(config, precision, mode):
    model = torch_models.build(config, fast=mode == "fast").eval()
    if precision == "bf16":
        model = model.to(torch.bfloat16)
    if precision == "int8":
        kinds = {torch.nn.Linear}
        model = torch.ao.quantization.quantize_dynamic(model, kinds, dtype=torch.qint8)
    return model


def inputs_of(config, precision, phase, tokens):
    decode = phase == "decode"
    ids = torch.randint(0, config["vocab_size"], (1, 1 if decode else tokens))
    if config["model_type"] == "bert":
        return (ids,)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return (ids, *torch_models.empty_cache(config, tokens if decode else 0, dtype))


def translated(model, precision, mode, inputs):
    if mode == "compile":
        return torch.compile(model)
    if mode != "trace":
        return model
    traced = torch.jit.freeze(torch.jit.trace(model, inputs, check_trace=False))
    return torch.jit.optimize_for_inference(traced) if precision == "f32" else traced


def run(model, inputs):
    """Seconds."""
    begin = time.perf_counter()
    outputs = model(*inputs)
    end = time.perf_counter()
    rows = outputs if isinstance(outputs, torch.Tensor) else outputs[0]
    assert torch.isfinite(rows).all(), "the outputs are not finite"
    return end - begin


def median(model, inputs):
    run(model, inputs)
    run(model, inputs)  # traces are compiled in the second run
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < 1:
        times.append(run(model, inputs))
    return statistics.median(times)


def first(file, inputs):
    begin = time.perf_counter()
    run(torch.load(file, weights_only=False), inputs)
    return time.perf_counter() - begin


def main():
    phase, folder, precision, mode, *rest = sys.argv[1:]
    config = json.loads((Path(folder) / "config.json").read_text())
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    if phase == "save":
        torch.save(make_model(config, precision, mode), rest[0])
        return
    tokens, threads, *file = rest
    torch.set_num_threads(int(threads))
    inputs = inputs_of(config, precision, phase, int(tokens))
    with torch.inference_mode():
        if phase == "first":
            seconds = first(file[0], inputs)
        else:
            model = translated(make_model(config, precision, mode), precision, mode, inputs)
            seconds = median(model, inputs)
    print(json.dumps({"milliseconds": seconds * 1e3, "version": torch.__version__}))


if __name__ == "__main__":
    main()
