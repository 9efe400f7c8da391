"""The same input gives the same bytes, wherever it lies and however often; and
so does the description that `ashlar spec` prints."""

import os
import shutil

import artifact

KINDS = [(".so", []), ("", []), (".o", ["--weights=external"]),
         (".a", ["--weights=external"]), (".so", ["--weights=external"]),
         (".so", ["--precision=bf16"]), (".so", ["--precision=int8"]),
         (".so", ["--precision=int4,zero_points"])]

# One of each family, and what needs more words to describe.
CASES = ["bart", "bert_seq_cls_f16", "gpt2_small", "llama_mqa_bias_head_dim",
         "llama_rope_llama3", "llama_sharded", "marian",
         "torch_transformer_post_norm"]


def products(folder, name="m"):
    """File name -> bytes."""
    return {entry: open(os.path.join(folder, entry), "rb").read()
            for entry in sorted(os.listdir(folder))
            if entry.split(".")[0] == name}


def build(model, folder, suffix, flags):
    os.makedirs(folder)
    artifact.compile_model(model, os.path.join(folder, "m" + suffix), *flags)
    return products(folder)


def same(first, second, what):
    assert first.keys() == second.keys(), what
    for name in first:
        if first[name] == second[name]:
            continue
        at = next((i for i, (a, b) in enumerate(zip(first[name], second[name]))
                   if a != b), min(len(first[name]), len(second[name])))
        raise AssertionError(
            f"{what}: {name} differs from byte {at}: "
            f"{first[name][at - 40:at + 60]} and {second[name][at - 40:at + 60]}")


def twice(folder):
    model = os.path.join(artifact.EXAMPLES, "story-llama")
    moved = os.path.join(folder, "elsewhere")
    shutil.copytree(model, moved)
    for index, (suffix, flags) in enumerate(KINDS):
        results = [build(source, os.path.join(folder, f"{index}_{turn}"), suffix,
                         flags)
                   for turn, source in enumerate([model, model, moved])]
        same(results[0], results[1], f"second time, {suffix} {flags}")
        same(results[0], results[2], f"moved model, {suffix} {flags}")


def one_core(folder):
    """Where one thread does what several do elsewhere."""
    model = os.path.join(artifact.EXAMPLES, "story-llama")
    for index, (suffix, flags) in enumerate(KINDS[:2]):
        some = build(model, os.path.join(folder, f"some{index}"), suffix, flags)
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        alone = build(model, os.path.join(folder, f"alone{index}"), suffix, flags)
        os.sched_setaffinity(0, cores)
        same(some, alone, f"one core, {suffix} {flags}")


def from_description(folder):
    """The YAML carries what the folder says, and no more."""
    if artifact.ashlar("spec", "--help").returncode:
        print("ashlar has no spec command: skipped")
        raise SystemExit(77)
    models = [os.path.join(artifact.CASES, name, "model")
              for name in CASES]
    models += [os.path.join(artifact.EXAMPLES, name)
               for name in ("sentiment-bert", "date-translator")]
    for index, model in enumerate(models):
        # Beside a copy, since the description names files relative to itself.
        home = os.path.join(folder, f"home{index}")
        shutil.copytree(model, home)
        yaml = os.path.join(home, "model.yaml")
        done = artifact.ashlar("spec", home, "-o", yaml)
        assert done.returncode == 0, f"{model}: {done.stderr}"
        first = build(home, os.path.join(folder, f"a{index}"), ".so", [])
        second = build(yaml, os.path.join(folder, f"b{index}"), ".so", [])
        same(first, second, model)


if __name__ == "__main__":
    artifact.main(twice, one_core, from_description)
