"""A few models with the code of each level above the lowest, emulated.

Most machines that run these tests have AVX2 only: a mistake in tiles, VNNI or wide
vectors would show elsewhere. ASHLAR_EMULATE=LEVEL takes the other tests to levels
that a machine lacks, all of them and slowly.
"""

import json
import os
import re
import subprocess

import artifact
import guard_pages
import models
import odd_sizes
from odd_sizes import run_chunked, same


def bits(folder):
    """To the bit as the lowest level's, and as the level's own where this CPU has
    it: the kernels have little in common. Prompts multiply tiles, tokens rows."""
    windowed, experts, marked = (models.odd_forms()[i][1] for i in (1, 5, 12))
    for index, (config, level, precision, chunk) in enumerate((
            (models.llama(63, 7, 1, 20, 17), "sapphirerapids", "bf16", 1),
            (windowed, "sapphirerapids", "bf16,kv=int8", 64),
            (experts, "sapphirerapids", "int8", 16),
            (marked, "sapphirerapids", "int8,kv=int8", None),
            (models.gpt2(63, 7, 33), "sapphirerapids", "int4,group=32,zero_points", 17),
            (models.llama(63, 9, 3, 88, 1), "x86-64-v4-vnni", "int8", 64),
            (models.bert(63, 9, 33), "x86-64-v4", "int8", None))):
        name = models.write(folder, f"m{index}", config)
        forms = [["--target=x86-64-v3"], [f"--target={level}", "--emulate"]]
        if artifact.LEVELS[level] in artifact.CPU:
            forms.append([f"--target={level}"])
        results = []
        for number, flags in enumerate(forms):
            model = odd_sizes.Model(name, os.path.join(folder, f"m{index}_{number}.so"),
                                    f"--precision={precision}", *flags)
            what = f"{config['model_type']} {precision} {flags}"
            case = model.case(257)
            results.append(run_chunked(model, 1, case, 10 ** 9))
            same(results[-1], results[0], what)
            if chunk:
                same(run_chunked(model, 1, case, chunk), results[0],
                     f"{what}, chunks of {chunk}")
            model.library.close()


def guarded(folder):
    """Tiles neither read nor write beyond what they are given."""
    model = models.write(folder, "guarded", models.llama(63, 7, 1, 20, 17))
    guard_pages.run(model, folder, 0, ["sapphirerapids"], "--emulate",
                    "--random-weights=7", "--precision=bf16,lm_head=int8")


def instructions(folder):
    """They are the lowest level's, `open` asks for no more, and the manifest says
    what it is, so that nobody takes it for the level's own code."""
    model = models.write(folder, "plain", models.llama(63, 7, 1, 20, 17))
    path = artifact.compile_model(model, os.path.join(folder, "plain.so"),
                                  "--target=sapphirerapids", "--emulate",
                                  "--random-weights=7", "--precision=int8")
    disassembler = os.path.join(os.environ["LLVM_PREFIX"], "bin", "llvm-objdump")
    code = subprocess.run([disassembler, "-d", "--no-show-raw-insn", path],
                          capture_output=True, text=True, check=True).stdout
    assert "ymm" in code and "vpmaddwd" in code
    found = set(re.findall(r"%zmm|%tmm|%k[0-7]|ldtilecfg", code))
    assert not found, found
    plan = artifact.Library(path).plan
    assert (plan.cpu_level, plan.uses_tiles) == (3, 0), plan
    manifest = json.loads(artifact.ashlar("describe", "--json", path).stdout)
    assert manifest["target"] == "sapphirerapids, emulated", manifest["target"]
    native = os.path.join(folder, "native.so")
    artifact.compile_model(model, native, "--target=sapphirerapids", "--random-weights=7",
                           "--precision=int8", "--name=plain")
    other = json.loads(artifact.ashlar("describe", "--json", native).stdout)
    assert manifest["build_id"] != other["build_id"]


if __name__ == "__main__":
    artifact.main(bits, guarded, instructions)
