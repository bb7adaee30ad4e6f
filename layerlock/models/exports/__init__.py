"""Formats that an encoder is exported to, one file each."""

from layerlock import plugins
from layerlock.models.exports.base import (
    STUDENT,
    Export,
    Networks,
    keras_features,
)

__all__ = ["STUDENT", "Export", "Networks", "get", "keras_features"]


def get(spec) -> Export:
    """Returns a format from an instance or a name.

    Example:

    >>> get("onnx").suffix
    '.onnx'
    """
    return plugins.resolve(spec, __name__, Export)
