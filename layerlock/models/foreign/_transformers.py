"""The `config.json` that transformers writes beside the arrays."""

from layerlock import json_files

_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}
_LABELS = json_files.Kind(
    "an object from numbers to names",
    lambda x: isinstance(x, dict) and all(map(json_files.is_text, x.values())),
)
COUNT = json_files.Kind(
    "a whole number, at least 1", lambda x: json_files.is_whole(x) and x >= 1
)
_MAX_LENGTH = 65_536
LENGTH = json_files.Kind(
    f"a number of frames or pixels from 1 to {_MAX_LENGTH:,}",
    lambda x: COUNT.accepts(x) and x <= _MAX_LENGTH,
)
EPSILON = json_files.Kind(
    "a number from 0 to 1", lambda x: json_files.is_number(x) and 0 <= x <= 1
)


def read_config(checkpoint, kinds: dict) -> dict:
    """Returns the configuration of a folder, checked.

    Args:
        checkpoint: a `Checkpoint`.
        kinds: dict from the keys that the caller reads to their kinds.
    """
    if not checkpoint.config:
        raise ValueError(
            f"{checkpoint.place} has the arrays of transformers, which need "
            "the config.json that lies beside them. Pass the folder."
        )
    kinds = {"hidden_act": json_files.TEXT, **kinds}
    json_files.check(checkpoint.config, kinds, _place(checkpoint))
    return checkpoint.config


def activation(checkpoint) -> str:
    """Returns LayerLock's name of the activation."""
    name = checkpoint.config.get("hidden_act", "gelu")
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"{_place(checkpoint)} names the activation "
            f"{json_files.shown(name)}. Expected one of {list(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]


def class_names(checkpoint) -> tuple:
    """Returns the classes in order; empty where they have no names."""
    named = checkpoint.config.get("id2label")
    if not named:
        return ()
    json_files.check(
        checkpoint.config, {"id2label": _LABELS}, _place(checkpoint)
    )
    found = [named.get(str(number), "") for number in range(len(named))]
    if "" in found or found[0] == "LABEL_0":  # transformers' own names
        return ()
    return tuple(found)


def check_sizes(checkpoint, stored: dict, found: tuple):
    """Raises if the configuration is that of other arrays.

    Args:
        checkpoint: a `Checkpoint`.
        stored: dict from the keys that the arrays tell too to transformers'
            values where it stores none.
        found: tuple of the values of the arrays.
    """
    named = tuple(checkpoint.config.get(k, v) for k, v in stored.items())
    if named != found:
        raise ValueError(
            f"{_place(checkpoint)} describes another model than "
            f"its arrays. Received: {tuple(stored)} of {named}. Expected "
            f"{found}. The weights were stored in part, or the files belong to "
            "two models."
        )


def _place(checkpoint) -> str:
    return f"config.json in {checkpoint.place}"
