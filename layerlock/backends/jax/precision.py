"""Precisions that a device cannot compute in."""

import jax

from layerlock.backends import float8


def refuse_precision(dtype_policy, multiplies_float8: bool) -> str | None:
    """The reason why the devices here cannot compute so, or `None`.

    Args:
        dtype_policy: name of a policy, or a policy.
        multiplies_float8: bool.
    """
    if dtype_policy == "mixed_float16" and jax.default_backend() == "cpu":
        return (
            "JAX has no float16 matrix products on a CPU. Use "
            "mixed_bfloat16, or an accelerator."
        )
    return float8.refuse(_capability()) if multiplies_float8 else None


def _capability():
    """The compute capability of a GPU; `None` without one."""
    if jax.default_backend() != "gpu":
        return None
    found = getattr(jax.devices()[0], "compute_capability", None)  # "9.0"
    return found and tuple(map(int, found.split(".")))
