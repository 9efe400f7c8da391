"""The models of tests/cases/equations in numpy: plain float64 from the published
equations and the behaviour of the Hugging Face modules.

A module for each family, or for a few that are alike, has the forward passes,
the shapes of their weights and the families' cases; `case` and `covers` put
these into the lists CASES and COVERED. What families share is in `functions`,
`model`, `attention`, `positions` and `decoder_heads`; the rest draws, checks and
writes the cases.
"""

import importlib
import pkgutil

# The lists are whole once every module is read.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
