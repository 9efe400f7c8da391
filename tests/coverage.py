#!/usr/bin/env python3
"""Every check has a test and every test runs.

Fails where
  - a .mlir file under tests/ has no RUN line,
  - a constraint's label in dialect/ (a comment "C<n>") is not in SPEC.md, or
    SPEC.md has one that no check bears, or numbers are missing or defined
    twice,
  - a constraint has no test named after it (@..._c<n>) in a *-errors.mlir file,
  - a pass has no test file of its flag's name (without "ashlar-").
"""

import re
import sys
from pathlib import Path


def numbers(pattern, text):
    return [int(n) for n in re.findall(pattern, text)]


def missing_run_lines(root):
    for test in sorted((root / "tests").rglob("*.mlir")):
        if not re.search(r"^// RUN: \S", test.read_text(), re.MULTILINE):
            yield f"{test.relative_to(root)}: no '// RUN:' line"


def constraint_gaps(root):
    dialect = root / "dialect"
    sources = "\n".join(
        path.read_text()
        for pattern in ("*.td", "*.cpp")
        for path in sorted(dialect.glob(pattern))
    )
    labels = numbers(r"(?m)// C(\d+)$", sources)
    specified = numbers(r"(?m)^\| C(\d+) \|", (dialect / "SPEC.md").read_text())
    errors = "\n".join(
        path.read_text()
        for path in sorted((root / "tests/dialect").glob("*-errors.mlir"))
    )
    tested = set(numbers(r"@\w+_c(\d+)\b", errors))
    for name, found in (("dialect/*.{td,cpp}", labels), ("SPEC.md", specified)):
        for n in sorted({n for n in found if found.count(n) > 1}):
            yield f"{name}: C{n} more than once"
    if sorted(specified) != list(range(1, len(specified) + 1)):
        yield "SPEC.md: numbers are missing"
    for n in sorted(set(labels) ^ set(specified)):
        where = "SPEC.md" if n in labels else "any check of dialect/"
        yield f"C{n}: not in {where}"
    for n in sorted(set(specified) - tested):
        yield f"C{n}: no test named *_c{n} in tests/dialect/*-errors.mlir"


def passes_without_tests(root):
    names = {path.stem for path in (root / "tests").rglob("*.mlir")}
    for definitions in sorted((root / "passes").rglob("Passes.td")):
        for flag in re.findall(r'"ashlar-([a-z0-9-]+)"', definitions.read_text()):
            if flag not in names:
                place = definitions.relative_to(root)
                yield f"{place}: --ashlar-{flag} has no test {flag}.mlir"


def main():
    root = Path(sys.argv[1])
    problems = [
        *missing_run_lines(root),
        *constraint_gaps(root),
        *passes_without_tests(root),
    ]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
