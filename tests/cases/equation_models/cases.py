"""The lists that the families put their cases into, and parts of configurations."""


def labels(count):
    return {"id2label": {str(i): f"LABEL_{i}" for i in range(count)},
            "label2id": {f"LABEL_{i}": i for i in range(count)}}


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


# Of tests/cases/equations, by name.
CASES = {}


def case(name, model_class, config, forward, shapes, changes, note="",
         kind="decoder", version="4.47.1", gain=1.6, embedding=0.25, **more):
    """`changes`: what the outputs must depend on, as other configurations."""
    assert name not in CASES, name
    config = {**config, "architectures": [model_class],
              "torch_dtype": "float32", "transformers_version": version}
    CASES[name] = dict(name=name, model_class=model_class, config=config,
                       forward=forward, shapes=shapes, changes=changes,
                       note=note, kind=kind, gain=gain, embedding=embedding,
                       **more)


# Forward passes -> cases of tests/cases/hf that they cover.
COVERED = {}


def covers(forward, *names):
    COVERED[forward] = list(names)
