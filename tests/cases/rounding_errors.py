#!/usr/bin/env python3
"""What fewer bits cost by themselves: writes rounding_errors.json.

The forward passes of equation_models, in float64, with the numbers of each
product rounded as a precision says and nothing else: no sum, norm or softmax is
computed in fewer bits. So this is the error of the quantization, of which no
implementation can be free:

    bf16   both factors of every linear, of scores and of mixes, to bfloat16
    int8   weights in 127 steps of the largest number of their output channel,
           rows in 127 steps of their own largest number; attention as in bf16

The relative L2 error of a case is the worst of its runs' outputs. Cases are
those of hf/ that the passes cover.

    python3 tests/cases/rounding_errors.py
"""

import json
import os
import sys

import numpy as np

sys.dont_write_bytecode = True  # the source tree stays clean
from equation_models.cases import COVERED
from equation_models.files import TESTS_CASES
from equation_models.hugging_face import worst_error
from equation_models.model import Model


def to_bf16(x):
    """To nearest, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    bits = bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)


def to_int8(x, axis):
    step = np.abs(x).max(axis, keepdims=True) / 127
    step[step == 0] = 1
    return np.round(x / step) * step


class Factor(np.ndarray):
    """The second factor of products whose factors are rounded."""

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        left, *rest = inputs = [np.asarray(each) for each in inputs]
        if ufunc is np.matmul and method == "__call__":
            inputs = self.rounded(left, *rest)
        return getattr(ufunc, method)(*inputs, **keywords)


class Bf16(Factor):
    @staticmethod
    def rounded(left, right):
        return to_bf16(left), to_bf16(right)


class Int8(Factor):
    @staticmethod
    def rounded(left, right):
        return to_int8(left, -1), to_int8(right, -2)


class Rounded(Model):
    def __init__(self, config, weights, factor):
        super().__init__(config, weights, np.float64)
        self.weights = {name: values.view(factor) if values.ndim > 1 else values
                        for name, values in self.weights.items()}

    def second_factor(self, x):
        return x.view(Bf16)


def error_of(name, forward, factor):
    worst = worst_error(name, forward, lambda config, weights:
                        Rounded(config, weights, factor))
    return float(f"{worst:.3g}")


def main():
    errors = {name: {"bf16": error_of(name, forward, Bf16),
                     "int8": error_of(name, forward, Int8)}
              for forward, names in COVERED.items() for name in names}
    with open(os.path.join(TESTS_CASES, "rounding_errors.json"), "w") as file:
        json.dump(errors, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
