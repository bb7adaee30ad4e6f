"""The type bfloat16, which NumPy does not have."""

import numpy as np


def from_bfloat16(bits):
    """Returns float32 from the bits of bfloat16, as uint16.

    >>> import numpy as np
    >>> from_bfloat16(np.array([0x3F80], "uint16")).tolist()
    [1.0]
    """
    return (bits.astype("uint32") << 16).view("float32")


def fits_bfloat16(values) -> bool:
    """Whether all of an array's values are those of bfloat16.

    >>> import numpy as np
    >>> fits_bfloat16(np.array([0.5])), fits_bfloat16(np.array([0.1]))
    (True, False)
    """
    bits = np.asarray(values, "float32").view("uint32")
    return not np.any(bits & 0xFFFF)
