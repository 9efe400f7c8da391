"""Descriptions that ask for the impossible, files that change while they are
read, and names that look like options."""

import json
import os
import random
import resource
import shutil
import subprocess
import time

import artifact
import models

HUGE = [0, -1, 10 ** 9, 2 ** 31, 2 ** 40, 2 ** 63, 10 ** 400, 1.5, "7", None, ()]
CHANGES = {
    "llama": (models.llama(64, 4, 2, 16, 96), [
        "num_hidden_layers", "vocab_size", "num_attention_heads",
        "num_key_value_heads", "head_dim", "hidden_size", "intermediate_size",
        "max_position_embeddings", "rms_norm_eps", "rope_theta"]),
    "gpt2": (models.gpt2(64, 4, 96), [
        "n_layer", "vocab_size", "n_head", "n_embd", "n_inner", "n_positions",
        "layer_norm_epsilon"]),
    "bert": (models.bert(64, 4, 96), [
        "type_vocab_size", "max_position_embeddings"]),
    "roberta": (dict(models.bert(64, 4, 96), model_type="roberta",
                     architectures=["RobertaModel"]), ["pad_token_id"]),
    "marian": (models.marian(64, 4, 96, 48), [
        "encoder_layers", "decoder_layers", "d_model", "decoder_vocab_size",
        "max_position_embeddings", "decoder_attention_heads"]),
    "torch": (models.torch(64, 4, 96), [
        "num_encoder_layers", "num_decoder_layers", "nhead", "d_model",
        "dim_feedforward"]),
}


# Real numbers, a key that says nothing where tables are shared; and counts that
# only a checkpoint can contradict.
LOOSE = {"rms_norm_eps", "layer_norm_epsilon", "rope_theta", "decoder_vocab_size"}
POSSIBLE = {("vocab_size", 10 ** 9), ("max_position_embeddings", 10 ** 9),
            ("n_positions", 10 ** 9), ("pad_token_id", 0)}


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (4000000 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def assert_refused(done, output, what):
    assert done.returncode in (1, 2), (
        f"{what}: status {done.returncode}: {done.stderr[-500:]}")
    assert done.stderr.startswith("error: "), f"{what}: {done.stderr[-500:]}"
    left = [name for name in os.listdir(os.path.dirname(output))
            if name.startswith((os.path.basename(output), ".ashlar"))]
    assert not left, f"{what}: left {left}"


def impossible_numbers(folder):
    """Each key of each family takes each value: an error at a place in config.json,
    or else the error that there is no checkpoint; never an abort."""
    checked = 0
    for family, (config, keys) in CHANGES.items():
        for key in keys:
            for value in HUGE:
                changed = dict(config, **{key: value})
                model = models.write(folder, "model", changed)
                output = os.path.join(folder, "out.so")
                done = artifact.ashlar("compile", model, "-o", output,
                                       preexec_fn=limited)
                assert_refused(done, output, f"{family} {key}={value}")
                if (key not in LOOSE and value is not None
                        and (key, value) not in POSSIBLE):
                    assert "config.json:" in done.stderr, (
                        f"{family} {key}={value}: {done.stderr}")
                shutil.rmtree(model)
                checked += 1
    assert checked > 300, checked


def impossible_sizes_of_random_models(folder):
    """Without a checkpoint nothing but the description limits the size."""
    cases = [("llama", {"num_hidden_layers": 10 ** 9}),
             ("llama", {"vocab_size": 2 ** 40}),
             ("llama", {"num_attention_heads": 0}),
             ("llama", {"hidden_size": 2 ** 30, "intermediate_size": 2 ** 30}),
             ("llama", {"vocab_size": 2 ** 31 - 1, "hidden_size": 2 ** 20}),
             ("gpt2", {"n_layer": 10 ** 6, "n_embd": 2 ** 16}),
             ("gpt2", {"n_positions": 2 ** 31 - 1}),
             ("bert", {"max_position_embeddings": 2 ** 31 - 1})]
    for family, change in cases:
        model = models.write(folder, "model", dict(CHANGES[family][0], **change))
        output = os.path.join(folder, "out.so")
        limits = lambda: (limited(), resource.setrlimit(
            resource.RLIMIT_FSIZE, (1 << 26,) * 2))
        done = artifact.ashlar("compile", model, "-o", output,
                               "--random-weights=1", preexec_fn=limits,
                               timeout=60)
        assert_refused(done, output, f"{family} {change}")
        shutil.rmtree(model)
    for flags in (["--max-tokens=16777216"], ["--max-sequences=16777216"],
                  ["--max-sequences=100000", "--max-tokens=100000"],
                  ["--max-tokens=-1"], ["--max-tokens=9999999999999999999"]):
        model = models.write(folder, "model", CHANGES["torch"][0])
        output = os.path.join(folder, "out.so")
        done = artifact.ashlar("compile", model, "-o", output,
                               "--random-weights=1", *flags, preexec_fn=limited,
                               timeout=60)
        assert done.returncode in (0, 1, 2), f"{flags}: {done.returncode}"
        assert done.returncode == 0 or done.stderr.startswith("error: "), flags
        for name in os.listdir(folder):
            if name.startswith("out"):
                os.remove(os.path.join(folder, name))
        shutil.rmtree(model)


def small_checkpoint(folder):
    config = models.llama(64, 4, 2, 16, 96, layers=2)
    model = models.write(folder, "model", config)
    path = os.path.join(model, "model.safetensors")
    models.write_safetensors(path, models.llama_shapes(config),
                             lambda count: b"\0\0\x80\x3e" * count)
    return model, path


def files_that_change(folder):
    """A checkpoint is cut or written over while it is read: status 1 and no
    output, or the output of one of the two contents; never SIGBUS."""
    model, path = small_checkpoint(folder)
    good = open(path, "rb").read()
    start = time.monotonic()
    output = os.path.join(folder, "good.so")
    artifact.compile_model(model, output, "--target=x86-64-v3")
    duration = time.monotonic() - start
    expected = open(output, "rb").read()
    chance = random.Random(3)
    refused = 0
    for turn in range(100):
        if time.monotonic() - start > 35 and turn >= 40:
            break
        output = os.path.join(folder, "good.so")
        os.remove(output)
        process = subprocess.Popen(
            [artifact.ASHLAR, "compile", model, "-o", output,
             "--target=x86-64-v3"], stderr=subprocess.PIPE, text=True)
        # Mostly early, where headers are read, and late, where tensors are.
        if turn % 4:
            time.sleep(chance.random() * duration * 1.1)
        if turn % 3:
            os.truncate(path, chance.randrange(len(good)))
        else:
            with open(path, "r+b") as file:
                file.seek(chance.randrange(len(good) - 64))
                file.write(os.urandom(64))
        message = process.communicate()[1]
        if process.returncode:
            refused += 1
            assert process.returncode == 1, (turn, process.returncode, message)
            assert message.startswith("error: "), message
            assert not os.path.exists(output)
            open(output, "wb").close()
        else:
            # All that was read, it had been before the change, or behind it.
            made = open(output, "rb").read()
            if made != expected:
                artifact.compile_model(model, output, "--target=x86-64-v3")
                assert open(output, "rb").read() == made, turn
        assert not [n for n in os.listdir(folder) if n.startswith(".ashlar")]
        with open(path, "wb") as file:
            file.write(good)
    assert refused > 5, refused


def names_like_options(folder):
    model = models.write(folder, "model", CHANGES["gpt2"][0])
    for arguments, output in [(["-o", "@file.so"], "@file.so"),
                              (["-o", "./-x.so"], "-x.so"),
                              (["-o=-y.so"], "-y.so"),
                              (["-o", "sp ace\n.so"], "sp ace\n.so")]:
        done = artifact.ashlar("compile", "model", *arguments,
                               "--random-weights=1", "--name=m", cwd=folder)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        path = os.path.join(folder, output)
        assert os.path.getsize(path) > 4096
        # Nothing was read from, or written to, another file.
        assert open(path, "rb").read(4) == b"\x7fELF"
        for name in (output, output[:-3] + ".h"):
            os.remove(os.path.join(folder, name))
    os.rename(os.path.join(folder, "model"), os.path.join(folder, "-m"))
    for arguments in (["-o", "a.so", "--random-weights=1", "--", "-m"],
                      ["./-m", "-o", "a.so", "--random-weights=1"]):
        done = artifact.ashlar("compile", *arguments, cwd=folder)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
    assert sorted(os.listdir(folder)) == ["-m", "a.h", "a.so"]


if __name__ == "__main__":
    artifact.main(impossible_numbers, impossible_sizes_of_random_models,
                  files_that_change, names_like_options)
