"""The type bfloat16, which NumPy does not have."""


def from_bfloat16(bits):
    """Returns float32 from the bits of bfloat16, as uint16.

    >>> import numpy as np
    >>> from_bfloat16(np.array([0x3F80], "uint16")).tolist()
    [1.0]
    """
    return (bits.astype("uint32") << 16).view("float32")
