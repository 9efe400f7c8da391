"""A configuration with weights, and the modules that all families have."""

import copy
import re

import numpy as np

from .functions import normalize, root_mean_square


class Model:
    """A configuration (keys beginning with _ are changes that no configuration
    can state) and weights widened to `dtype`."""

    def __init__(self, config, weights, dtype):
        self.config, self.dtype = config, np.dtype(dtype)
        left_out = config.get("_without")
        self.weights = {name: values.astype(dtype)
                        for name, values in weights.items()
                        if not (left_out and re.search(left_out, name))}

    def __getitem__(self, key):
        return self.config[key]

    def get(self, key, default=None):
        return self.config.get(key, default)

    def weight(self, name):
        return self.weights[name]

    def inner(self, key):
        """The same weights with a part of the configuration."""
        changes = {name: value for name, value in self.config.items()
                   if name.startswith("_")}
        part = copy.copy(self)
        part.config = {**self.config[key], **changes}
        return part

    def second_factor(self, x):
        """Keys and values as factors of attention's products: a model that is
        computed in fewer bits rounds them."""
        return x

    def linear(self, x, name):
        y = x @ self.weights[name + ".weight"].T
        bias = self.weights.get(name + ".bias")
        return y if bias is None else y + bias

    def layer_norm(self, x, name, eps):
        y = normalize(x, eps) * self.weights[name + ".weight"]
        bias = self.weights.get(name + ".bias")
        return y if bias is None else y + bias

    def rms_norm(self, x, name, eps):
        return root_mean_square(x, eps) * self.weights[name + ".weight"]
