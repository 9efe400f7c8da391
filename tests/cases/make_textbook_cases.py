#!/usr/bin/env python3
"""Writes the reference cases of tests/cases/textbook, one for each description
in examples/specs.

The forward passes, in the modules of textbook_models, are plain numpy, each
written from the formula that stands at the top of its description and from
nothing of the compiler. Every case is computed in float64; the same lines in
float32 give the tolerances, by the rule of tests/cases/hf. A case is refused if
what it is there for does not matter: each of its options is changed in turn, and
the outputs must move by over 100 tolerances (15 for one way to compute gelu
instead of the other).

    python3 tests/cases/make_textbook_cases.py [CASE...]
"""

import sys

sys.dont_write_bytecode = True  # the source tree stays clean
from textbook_models.cases import CASES
from textbook_models.reference_case import Case


def main(names):
    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit("no such case: " + ", ".join(sorted(unknown)))
    for name in names or CASES:
        Case(CASES[name]).write()


if __name__ == "__main__":
    main(sys.argv[1:])
