"""Compiling takes memory for its own work and two tensors, not for the model;
running takes what `describe` says.
"""

import os
import subprocess

import artifact
import models

MIB = 1 << 20


def peak(process, field):
    """Largest `field` of the process's status until it ends, in bytes."""
    most = 0
    while process.poll() is None:
        try:
            for line in open(f"/proc/{process.pid}/status"):
                if line.startswith(field + ":"):
                    most = max(most, int(line.split()[1]) * 1024)
        except OSError:
            pass
        try:
            process.wait(0.002)
        except subprocess.TimeoutExpired:
            pass
    return most


def compile_peak(model, output, *flags):
    process = subprocess.Popen(
        [artifact.ASHLAR, "compile", model, "-o", output, "--target=x86-64-v3",
         *flags], stderr=subprocess.PIPE, text=True)
    most = peak(process, "RssAnon")
    assert process.returncode == 0, process.stderr.read()
    return most


def checkpoint(folder, name, config, shapes):
    model = models.write(folder, name, config)
    models.write_safetensors(os.path.join(model, "model.safetensors"), shapes,
                             lambda count: b"\0\0\x80\x3e" * count)
    largest = 0
    for shape in shapes.values():
        size = 4
        for extent in shape:
            size *= extent
        largest = max(largest, size)
    return model, largest


def limit(folder, name, config, shapes, *flags):
    model, largest = checkpoint(folder, name, config, shapes)
    total = os.path.getsize(os.path.join(model, "model.safetensors"))
    most = compile_peak(model, os.path.join(folder, name + ".so"), *flags)
    bound = 256 * MIB + 2 * largest
    print(f"{name}: peak {most / MIB:.0f} MiB, largest tensor "
          f"{largest / MIB:.0f} MiB, checkpoint {total / MIB:.0f} MiB")
    assert most <= bound, f"{name}: {most / MIB:.0f} MiB"
    return most


def large_embedding(folder):
    config = models.llama(512, 8, 2, 64, 1024, layers=12)
    config["vocab_size"] = 32768  # 64 MiB
    limit(folder, "llama", config, models.llama_shapes(config))


def transposed_tensors(folder):
    config = models.gpt2(1024, 16, 4096, layers=4)  # 16 MiB each, stored in-out
    limit(folder, "gpt2", config, models.gpt2_shapes(config))


def encoded_weights(folder):
    """Scales and sums of one weight are kept until its panels are written."""
    config = models.llama(512, 8, 2, 64, 1024, layers=12)
    config["vocab_size"] = 32768
    for index, precision in enumerate(["bf16", "int8", "int4,zero_points"]):
        limit(folder, f"encoded{index}", config, models.llama_shapes(config),
              f"--precision={precision}")
    config = models.gpt2(1024, 16, 4096, layers=4)
    limit(folder, "transposed", config, models.gpt2_shapes(config),
          "--precision=int8")


def more_layers_take_no_more(folder):
    peaks = []
    for layers in (2, 24):
        config = models.llama(256, 4, 2, 64, 512, layers=layers)
        peaks.append(limit(folder, f"layers{layers}", config,
                           models.llama_shapes(config)))
    assert peaks[1] < peaks[0] + 16 * MIB, peaks


def predicted(program):
    text = subprocess.run([artifact.ASHLAR, "describe", program], check=True,
                          capture_output=True, text=True).stdout
    (words,) = [line.split() for line in text.splitlines()
                if line.startswith("  resident ")]
    return int(words[1].replace(",", ""))


def resident(folder):
    """A prompt as long as one call may be, then tokens until the context is
    full: every page of weights (of embeddings, too), cache and arena has been
    used."""
    config = models.llama(512, 8, 2, 64, 1536, layers=20, vocab_size=256,
                          max_position_embeddings=512)
    model = models.write(folder, "resident", config)
    for precision in ("f32", "bf16", "int8"):
        program = os.path.join(folder, "resident-" + precision)
        subprocess.run(
            [artifact.ASHLAR, "compile", model, "-o", program, "--emit=exe",
             "--random-weights=1", f"--precision={precision}",
             "--max-tokens=256", "--max-context=512"], check=True)
        ids = ",".join(map(str, range(256)))
        process = subprocess.Popen(
            [program, "--ids=" + ids, "--ignore-eos", "--max-new-tokens=256"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        most = peak(process, "VmHWM")
        assert process.returncode == 0, process.stderr.read()
        said = predicted(program)
        print(f"{precision}: {most / MIB:.1f} MiB, said {said / MIB:.1f} MiB")
        assert abs(most - said) <= 0.05 * said + 8 * MIB, (most, said)


if __name__ == "__main__":
    artifact.main(large_embedding, transposed_tensors, encoded_weights,
                  more_layers_take_no_more, resident)
