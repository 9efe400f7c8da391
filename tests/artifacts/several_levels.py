"""One artifact with code for several levels of CPUs: `open` takes the best that the
machine runs, and the bits are those of an artifact for that level alone.
"""

import json
import os
import re
import subprocess

import artifact
import models
import odd_sizes
from odd_sizes import run_chunked, same

LEVELS = list(artifact.LEVELS)
ALL = ",".join(LEVELS)


def plans(plan):
    """From `plan` down."""
    found = [plan]
    while plan.lower:
        plan = artifact.Plan.from_address(plan.lower)
        found.append(plan)
    return found


def describe(path):
    return json.loads(artifact.ashlar("describe", "--json", path).stdout)


def bits(folder):
    """Of the level that is taken; sizes are those of the largest one."""
    native = len([name for name in LEVELS if artifact.LEVELS[name] in artifact.CPU])
    for index, (config, precision, chunk) in enumerate((
            (models.llama(63, 7, 1, 20, 17, layers=2), "bf16,kv=int8", 17),
            (models.gpt2(63, 7, 33), "int8", 1),
            (models.bert(63, 9, 33), "int4,group=32", None))):
        name = models.write(folder, f"m{index}", config)
        make = lambda what, *flags: odd_sizes.Model(
            name, os.path.join(folder, f"m{index}_{what}.so"),
            f"--precision={precision}", *flags)
        several = make("several", f"--target={ALL}")
        alone = make("alone", f"--target={LEVELS[native - 1]}")
        levels = [plan.cpu_level for plan in plans(several.library.plan)]
        assert levels == sorted(levels, reverse=True) and levels[-1] == 3, levels
        assert levels[0] <= 2 + native < several.library.api.best_plan.contents.cpu_level \
            or native == len(LEVELS), levels
        assert several.library.plan.uses_tiles == alone.library.plan.uses_tiles
        assert several.library.plan.arena_bytes == alone.library.plan.arena_bytes
        case = several.case(257)
        expected = run_chunked(alone, 1, case, 10 ** 9)
        for threads in (1, 3):
            same(run_chunked(several, threads, case, 10 ** 9), expected, config["model_type"])
        if chunk:
            same(run_chunked(several, 2, case, chunk), expected, f"chunks of {chunk}")
        arenas = []
        for level in LEVELS:
            path = os.path.join(folder, f"m{index}_{level.replace('-', '_')}.so")
            artifact.compile_model(name, path, f"--target={level}", "--random-weights=11",
                                   "--max-sequences=3", "--max-tokens=301",
                                   f"--precision={precision}")
            arenas.append(describe(path)["memory"]["arena_bytes"])
        manifest = describe(os.path.join(folder, f"m{index}_several.so"))
        assert manifest["target"] == ", ".join(LEVELS), manifest["target"]
        assert manifest["memory"]["arena_bytes"] == max(arenas), (manifest["memory"], arenas)
        with open(os.path.join(folder, f"m{index}_several.h")) as file:
            assert f"_ARENA_BYTES {max(arenas)}\n" in file.read()
        for model in (several, alone):
            model.library.close()


def best(folder):
    """The code of a level above the lowest, emulated, beside that of the lowest: all of
    them run here, so the best one is taken."""
    model = models.write(folder, "best", models.llama(63, 7, 1, 20, 17))
    forms = [["--target=x86-64-v3"], ["--target=sapphirerapids", "--emulate"],
             ["--target=sapphirerapids,x86-64-v3", "--emulate"]]
    made = [odd_sizes.Model(model, os.path.join(folder, f"best{i}.so"), "--precision=int8", *flags)
            for i, flags in enumerate(forms)]
    case = made[0].case(17)
    results = [run_chunked(each, 2, case, 5) for each in made]
    for result in results[1:]:
        same(result, results[0], "levels")
    arenas = [each.library.plan.arena_bytes for each in made]
    assert arenas[2] == arenas[1] != arenas[0], arenas
    assert [plan.arena_bytes for plan in plans(made[2].library.plan)] == [arenas[1], arenas[0]]


def alike(folder):
    """Levels above AVX-512 have nothing for float32, and VNNI nothing for bf16: such code is
    there once."""
    model = models.write(folder, "alike", models.llama(63, 7, 1, 20, 17))
    for precision, levels in (("f32", [4, 3]), ("bf16", [6, 4, 3]),
                              ("int8,kv=f32", [6, 5, 4, 3])):
        path = artifact.compile_model(
            model, os.path.join(folder, f"alike_{precision[:3]}.so"), f"--target={ALL}",
            "--random-weights=7", f"--precision={precision}")
        best = artifact.Library(path).api.best_plan.contents
        found = [plan.cpu_level for plan in plans(best)]
        assert found == levels, (precision, found)
        assert describe(path)["target"] == ", ".join(LEVELS)


def kinds(folder):
    """Executables, and objects with weights beside them."""
    model = models.write(folder, "kinds", models.gpt2(63, 7, 33))
    flags = [f"--target={ALL}", "--random-weights=7", "--precision=int8"]
    program = artifact.compile_model(model, os.path.join(folder, "program"), *flags)
    alone = artifact.compile_model(model, os.path.join(folder, "alone"), *flags[1:])
    answers = [subprocess.run([path, "--ids=3,1,4,1,5"], capture_output=True, text=True,
                              check=True).stdout for path in (program, alone)]
    assert answers[0] == answers[1] and answers[0].strip(), answers
    archive = artifact.compile_model(model, os.path.join(folder, "kinds.a"), *flags)
    source = os.path.join(folder, "main.c")
    with open(source, "w") as file:
        file.write('#include "kinds.h"\n'
                   "int main(int n, char **v) { kinds_model *m;\n"
                   "kinds_weights_source w = {.path = v[1], .descriptor = -1};\n"
                   "if (kinds_open(&w, &m)) return 1; kinds_close(m); return 0; }\n")
    linked = os.path.join(folder, "linked")
    subprocess.run([os.environ.get("CC", "cc"), source, archive, "-o", linked, "-lm", "-pthread"],
                   check=True)
    subprocess.run([linked, archive + ".weights"], check=True)


def names(folder):
    """Of functions, which profilers show: a phase's, then its level's."""
    model = models.write(folder, "names", models.llama(63, 7, 1, 20, 17))
    path = artifact.compile_model(model, os.path.join(folder, "names.so"), f"--target={ALL}",
                                  "--random-weights=7", "--precision=int8")
    tool = os.path.join(os.environ["LLVM_PREFIX"], "bin", "llvm-nm")
    symbols = subprocess.run([tool, path], capture_output=True, text=True, check=True).stdout
    for level in LEVELS:
        assert re.search(rf" t \S*down_proj\.{re.escape(level)}$|"
                         rf" t \S*residual\.{re.escape(level)}$", symbols, re.M), (level, symbols)
    public = subprocess.run([tool, "-D", "--defined-only", path], capture_output=True, text=True,
                            check=True).stdout
    assert "sapphirerapids" not in public, public


def mistakes(folder):
    """Each names what was found, and changes nothing."""
    model = models.write(folder, "wrong", models.llama(63, 7, 1, 20, 17))
    output = os.path.join(folder, "wrong.so")
    for levels, expected in (("x86-64-v3,haswell", 'unknown level "haswell"'),
                             ("x86-64-v3,", 'unknown level ""'),
                             ("x86-64-v3, native", 'unknown level " native"')):
        done = artifact.ashlar("compile", model, "-o", output, f"--target={levels}",
                               "--random-weights=7")
        assert done.returncode == 1 and expected in done.stderr, done
        assert not os.path.exists(output)
    done = artifact.ashlar("inspect", model, "--stage=program",
                           "--target=x86-64-v3,sapphirerapids")
    assert done.returncode == 2 and "x86-64-v3, sapphirerapids" in done.stderr, done


if __name__ == "__main__":
    artifact.main(bits, best, alike, kinds, names, mistakes)
