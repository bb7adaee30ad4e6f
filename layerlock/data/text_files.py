"""Lines of a text file that a person or another program wrote."""

import codecs
import pathlib
import re

# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
# Not `str.splitlines`, which also splits names at U+0085 or U+2028.
_END_OF_LINE = re.compile("\r\n|\n|\r")


def read(path) -> str:
    """Returns the text of a file in UTF-8, UTF-16 or UTF-32.

    UTF-16 and UTF-32 are known by their byte-order mark. Bytes that are not
    UTF-8 become surrogates, as in names of files.

    Args:
        path: the file.

    Raises:
        ValueError: if the file is not a text.
    """
    content = pathlib.Path(path).read_bytes()
    encoding = "utf-8"
    for mark, name in _MARKS:
        if content.startswith(mark):
            encoding = name
            break
    else:
        if b"\0" in content:  # UTF-16 without a mark, or no text at all
            raise ValueError(
                f"{str(path)!r} is not a text in UTF-8: it has zero bytes. "
                "Save it as UTF-8."
            )
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    try:
        return content.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} begins like a text in {encoding.upper()} and is "
            f"none: {error.reason}. Save it as UTF-8."
        ) from error


def lines(path) -> list[str]:
    """Returns the lines of a file, see `read`, without their ends."""
    return _END_OF_LINE.split(read(path))


def from_windows(text: str) -> str:
    """Returns a text whose bytes are Windows-1252 (Latin-1), not UTF-8.

    Args:
        text: str, from `read`.
    """
    content = text.encode("utf-8", "surrogateescape")
    return content.decode("cp1252", "replace")
