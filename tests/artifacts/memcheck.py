"""valgrind on an executable: front end, runtime and AVX2 code. valgrind knows no
AVX-512, hence the target."""

import os
import shutil
import subprocess

import artifact

COMMON = ["--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite",
          "--quiet", "--track-origins=yes"]


def run(folder, example, arguments, text):
    program = os.path.join(folder, "program")
    artifact.compile_model(os.path.join(artifact.EXAMPLES, example), program,
                           "--target=x86-64-v3", "--max-tokens=64")
    plain = subprocess.run([program, *arguments], input=text, text=True,
                           capture_output=True)
    assert plain.returncode == 0, plain.stderr
    checked = subprocess.run(["valgrind", *COMMON, program, *arguments],
                             input=text, text=True, capture_output=True)
    assert checked.returncode == 0, f"{example}: {checked.stderr}"
    assert "==" not in checked.stderr, checked.stderr
    # valgrind computes on the same instructions.
    assert checked.stdout == plain.stdout, (checked.stdout, plain.stdout)


def translator(folder):
    for threads in (1, 2):
        run(folder, "date-translator", [f"--threads={threads}"],
            "July 24th, 1958\n12 Feb 1994\n")


def classifier(folder):
    run(folder, "sentiment-bert", ["--threads=2"],
        "the food was anything but lovely!\n")


if __name__ == "__main__":
    if not shutil.which("valgrind"):
        print("valgrind is not installed: skipped")
        raise SystemExit(77)
    artifact.main(translator, classifier)
