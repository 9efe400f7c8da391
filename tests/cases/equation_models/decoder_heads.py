"""Heads over decoders, other than the vocabulary's."""

import numpy as np

from .attention import real_tokens


def over(base, head):
    """`head` of what `base` gives in place of the vocabulary's logits."""
    def forward(model, inputs):
        x = base(model, inputs)["last_hidden_state"]
        return {**head(model, x, inputs), "last_hidden_state": x}
    forward.base = base
    return forward


def with_heads(base, outputs):
    """Shapes of `base` and of the head that is called one of these."""
    def shapes(c):
        result = base(c)
        result.pop("lm_head.weight", None)
        d = c.get("hidden_size") or c["n_embd"]
        for name, rows, bias in outputs:
            rows = rows or len(c["id2label"])
            result[name + ".weight"] = (rows, d)
            if bias:
                result[name + ".bias"] = (rows,)
        return result
    return shapes


def last_real(model, inputs):
    """The column of each row's last token."""
    real = real_tokens(inputs)
    columns = np.arange(real.shape[1])
    return np.where(real, columns, -1).max(1) * (not model.get("_first"))


# What a head that reads the last token depends on.
LAST_CHANGES = {"first token": {"_first": True}}


def sequence_classes(model, x, inputs):
    row = x[np.arange(x.shape[0]), last_real(model, inputs)]
    return {"logits": model.linear(row, "score")}


def token_classes(name):
    return lambda model, x, inputs: {"logits": model.linear(x, name)}


def answers(model, x, inputs):
    both = model.linear(x, "qa_outputs")
    if model.get("_end_first"):
        both = both[..., ::-1]
    return {"start_logits": both[..., 0], "end_logits": both[..., 1]}
