"""The list that the descriptions' forward passes are put into."""

VOCABULARY = 41

# Of tests/cases/textbook, by name.
CASES = {}


def case(shapes, *changes, name=None, reads="vectors", width=24, **options):
    """Adds the function below as a case of its name. `changes`: keyword
    arguments of it, each of which must matter. `reads`: vectors or tokens of
    an encoder, "past" for the tokens of a decoder, "pair" for both sides of an
    encoder-decoder."""
    def add(forward):
        called = name or forward.__name__
        CASES[called] = {
            "name": called, "forward": forward, "shapes": shapes,
            "changes": changes, "reads": reads, "width": width, **options}
        return forward
    return add
