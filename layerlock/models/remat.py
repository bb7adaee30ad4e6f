"""Rematerialisation: activations that the backward pass computes again.

A policy is one of

- `"none"`: all activations are kept;
- `"blocks"`: of each block only its input is kept;
- `"attention"`: of each block the activations of attention are computed again,
  and those of its MLP are kept;
- `"every_2"`, `"every_3"`, ...: of every second, third, ... block only its
  input is kept.

`True` and `False` are `"blocks"` and `"none"`, as older files have it.
"""

import re

from layerlock.backends import keras_internals

WHOLE_STACK = ("none", "blocks", "attention")


def check(policy) -> str:
    """Returns a policy as a text; raises unless there is one of this name.

    Also raises inside of a `keras.RematScope`.

    Example:

    >>> check(True), check("every_3")
    ('blocks', 'every_3')
    """
    keras_internals.refuse_remat_scope()
    if isinstance(policy, bool):
        return "blocks" if policy else "none"
    if policy not in WHOLE_STACK and not _interval(policy):
        raise ValueError(
            f"`remat` must be one of {list(WHOLE_STACK)}, or 'every_N' with N "
            f"from 2 on. Received: remat={policy!r}."
        )
    return policy


def of_block(policy: str, number: int) -> str:
    """Returns the policy of one block: one of `WHOLE_STACK`.

    Args:
        policy: str.
        number: int, of the block, from 1 on.

    Example:

    >>> [of_block("every_2", number) for number in (1, 2, 3)]
    ['none', 'blocks', 'none']
    """
    interval = _interval(policy)
    if not interval:
        return policy
    return "none" if number % interval else "blocks"


def of_blocks(policy: str, num_layers: int) -> tuple:
    """Returns the policy of each block of a stack."""
    return tuple(of_block(policy, k) for k in range(1, num_layers + 1))


def _interval(policy) -> int:
    """2 of `"every_2"`, 0 of others."""
    found = re.fullmatch(r"every_([1-9]\d{0,3})", str(policy))
    interval = int(found[1]) if found else 0
    return interval if interval > 1 else 0
