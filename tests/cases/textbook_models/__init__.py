"""The descriptions of examples/specs in numpy: plain float64 from the formula that
stands at the top of each.

`scores`, `positions`, `feed_forwards`, `stacks`, `windows` and `convolution` have
the forward passes, which `case` puts into the list CASES with the shapes of their
weights. These are made of what is in `blocks` and `weights`; the rest draws,
checks and writes the cases. What the models of equation_models need as well is
there.
"""

import importlib
import pkgutil

# The list is whole once every module is read.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
