"""Weights, and the shapes of those that parts of a description have."""

from equation_models.model import Model


class Weights(Model):
    """A description's. Instead of a configuration, the forward pass has
    arguments."""

    def __init__(self, values, dtype):
        super().__init__({}, values, dtype)

    def linear(self, x, name):
        """x W^T + b. What has no weight is x itself."""
        return super().linear(x, name) if name + ".weight" in self.weights else x

    def layer_norm(self, x, name, eps=1e-5):
        return super().layer_norm(x, name, eps)


def layers(count, name="layers"):
    return [f"{name}.{layer}." for layer in range(count)]


def attention_shapes(at, width, parts="qkvo"):
    names = {"q": "query", "k": "key", "v": "value", "o": "output"}
    return {f"{at}{names[part]}.weight": (width, width) for part in parts}


def feed_forward_shapes(at, width, inner, bias=True, gate=False):
    shapes = {at + "up.weight": (inner, width),
              at + "down.weight": (width, inner)}
    if gate:
        shapes[at + "gate.weight"] = (inner, width)
    if bias:
        shapes[at + "up.bias"] = (inner,)
        shapes[at + "down.bias"] = (width,)
    return shapes


def norm_shapes(width, *names, bias=True):
    shapes = {name + ".weight": (width,) for name in names}
    if bias:
        shapes.update({name + ".bias": (width,) for name in names})
    return shapes


def plain_shapes(width, count=1, parts="qkvo", vocabulary=0):
    """Layers of attention only, of a stack that reads tokens or vectors."""
    shapes = {"tokens.weight": (vocabulary, width)} if vocabulary else {}
    for at in layers(count):
        shapes.update(attention_shapes(at + "attention.", width, parts))
    return shapes


def full_shapes(width, inner, count, *norms, norm_bias=True, vocabulary=0,
                **options):
    shapes = plain_shapes(width, count, vocabulary=vocabulary)
    for at in layers(count):
        shapes.update(feed_forward_shapes(at + "feed_forward.", width, inner,
                                          **options))
        shapes.update(norm_shapes(width, *[at + name for name in norms],
                                  bias=norm_bias))
    return shapes
