#!/usr/bin/env python3
"""Writes the reference cases of tests/cases/equations.

The forward passes, in the modules of equation_models, are plain numpy, written
from the published equations of the families and the behaviour of the Hugging
Face modules; nothing of the compiler is used. Every case is computed in float64;
the same lines in float32 give the tolerances. A case is refused if one of its
options does not matter: each is changed in turn, and the outputs must move by
over 100 tolerances (15 for one way to compute gelu instead of the other).

    python3 tests/cases/make_equation_cases.py [CASE...]
    python3 tests/cases/make_equation_cases.py --against-hf

The second form writes nothing: it runs the same functions over those cases of
tests/cases/hf that they cover and prints how far they are from the outputs of
the Hugging Face models.
"""

import sys

import numpy as np

sys.dont_write_bytecode = True  # the source tree stays clean
from equation_models.cases import CASES, COVERED
from equation_models.hugging_face import worst_error
from equation_models.model import Model
from equation_models.reference_case import Case


def against_hf(name, forward):
    worst = worst_error(name, forward, lambda config, weights:
                        Model(config, weights, np.float64))
    print(f"{name}: {worst:.1e}")
    assert worst < 1e-9


def main(names):
    if names == ["--against-hf"]:
        for forward, covered in COVERED.items():
            for name in covered:
                against_hf(name, forward)
        return
    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit("no such case: " + ", ".join(sorted(unknown)))
    for name in names or CASES:
        Case(CASES[name]).write()


if __name__ == "__main__":
    main(sys.argv[1:])
