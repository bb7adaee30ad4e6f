"""Names of files and classes as text that people can read.

A name on a disk is bytes. Python keeps bytes that are not UTF-8 as surrogates:
the text opens the file, but it can be neither printed nor encoded.
"""

import os
import re
import unicodedata

_SURROGATES = re.compile("[\ud800-\udfff]")
# They would end a line, or steer a terminal.
_CONTROL = ("Cc", "Cs", "Zl", "Zp")


def readable(name) -> str:
    r"""Returns a name in one line that can be printed, encoded and drawn.

    Bytes that are not UTF-8, and control characters, become escapes.

    Args:
        name: str or path, as it opens the file.

    Example:

    >>> readable(os.fsdecode(b"caf\xe9\n.mp4"))
    'caf\\xe9\\n.mp4'
    """
    text = os.fspath(name)
    if text.isprintable():
        return text
    return "".join(
        _escape(letter) if unicodedata.category(letter) in _CONTROL else letter
        for letter in text
    )


def encodable(text: str) -> str:
    """Returns a text of any length without what UTF-8 cannot encode.

    Lines and tabs stay; see `readable` for names.
    """
    return _SURROGATES.sub(lambda found: _escape(found.group()), text)


def encodable_values(value):
    """Returns a value of JSON types where every string is `encodable`."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {
            encodable(str(key)): encodable_values(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [encodable_values(item) for item in value]
    return value


def _escape(letter: str) -> str:
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")
