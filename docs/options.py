"""Writes the page of all options: `python docs/options.py`."""

import pathlib

from layerlock.cli import text

PAGE = pathlib.Path(__file__).parent / "reference" / "options.md"

if __name__ == "__main__":
    PAGE.write_text(text.reference())
