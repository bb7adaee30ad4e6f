"""Names of arrays of flax: the modules that an array lies in, joined."""

_OTHERS = (".", "__")  # separators that programs take in place of `/`


def with_slashes(entries: dict) -> dict:
    """Returns arrays of flax with names that are joined by `/`.

    Args:
        entries: dict from names to whatever. Those of other libraries stay as
            they are.

    Example:

    >>> with_slashes({"params.Conv_0.kernel": 1, "params.Conv_0.bias": 2})
    {'params/Conv_0/kernel': 1, 'params/Conv_0/bias': 2}
    >>> with_slashes({"proj.weight": 1})
    {'proj.weight': 1}
    """
    if any("/" in name for name in entries):
        return entries
    for separator in _OTHERS:
        if any(name.endswith(f"{separator}kernel") for name in entries):
            return {
                name.replace(separator, "/"): entry
                for name, entry in entries.items()
            }
    return entries
