"""What an artifact needs and carries: no function of libm, no code that grows
with the number of layers, no name of a folder of the build."""

import os
import subprocess

import artifact
import models

# Of libm or of a vector library; the C front end does its own arithmetic too.
MATHEMATICS = {
    name + suffix
    for name in """acos asin atan atan2 cbrt ceil cos cosh erf erfc exp exp10 exp2
        expm1 fabs floor fma fmax fmin fmod frexp hypot ldexp llrint llround log
        log10 log1p log2 lrint lround modf nearbyint pow remainder rint round
        roundeven scalbn sin sincos sinh sqrt tan tanh tgamma trunc""".split()
    for suffix in ("", "f", "l", "f16")}


def tool(name):
    return os.path.join(os.environ.get("LLVM_PREFIX", "/usr/lib/llvm-22"), "bin", name)


def undefined(path):
    """Names that the file wants from others, without versions."""
    names = set()
    for flags in (["-u"], ["-u", "-D"]):
        done = subprocess.run([tool("llvm-nm"), *flags, path], capture_output=True,
                              text=True)
        names |= {line.split()[-1].split("@")[0]
                  for line in done.stdout.splitlines() if line.strip()}
    return names


def no_mathematics_from_outside(folder):
    for target in artifact.TARGETS:
        for name in ["sentiment-bert", "story-llama", "calculator-gpt",
                     "date-translator"]:
            model = os.path.join(artifact.EXAMPLES, name)
            for suffix in (".so", "", ".o") if name == "date-translator" else (
                    ".so", ""):
                path = os.path.join(folder, "m" + suffix)
                artifact.compile_model(
                    model, path, f"--target={target}",
                    *(["--weights=external"] if suffix == ".o" else []))
                names = undefined(path)
                assert names, f"{path}: nothing is undefined; is it stripped?"
                assert not names & MATHEMATICS, (
                    f"{name} {target} {suffix}: {sorted(names & MATHEMATICS)}")
                data = open(path, "rb").read()
                for leak in (model, folder, artifact.SOURCE, "-ffast-math"):
                    assert leak.encode() not in data, f"{name}{suffix}: {leak}"


def one_block_for_all_layers(folder):
    """48 layers are 2 layers in a longer loop."""
    sizes = {}
    for layers in (2, 48):
        model = models.write(folder, f"llama{layers}", models.llama(
            64, 4, 2, 16, 96, layers=layers))
        path = os.path.join(folder, f"m{layers}.o")
        artifact.compile_model(model, path, "--random-weights=1",
                               "--weights=external", "--name=model")
        sizes[layers] = os.path.getsize(path)
    assert abs(sizes[48] - sizes[2]) < 0.05 * sizes[2], sizes


if __name__ == "__main__":
    artifact.main(no_mathematics_from_outside, one_block_for_all_layers)
