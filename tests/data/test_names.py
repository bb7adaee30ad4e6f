import json
import os

import pytest

from layerlock.data import names

LATIN = os.fsdecode(b"caf\xe9.mp4")


@pytest.mark.parametrize(
    "name, shown",
    [
        ("a b,c.mp4", "a b,c.mp4"),
        ("日本\u3000語.mp4", "日本\u3000語.mp4"),
        (LATIN, r"caf\xe9.mp4"),
        ("a\nb\x1b[2J.mp4", r"a\nb\x1b[2J.mp4"),
        ("a\x85b\u2028c.mp4", r"a\x85b\u2028c.mp4"),
        ("\ud800.mp4", r"\ud800.mp4"),
    ],
)
def test_a_name_becomes_one_line_that_can_be_encoded(name, shown):
    assert names.readable(name) == shown
    assert len(shown.encode().splitlines()) == 1


def test_a_readable_name_stays_as_it_is():
    once = names.readable(LATIN)

    assert names.readable(once) == once


def test_a_text_keeps_its_lines():
    assert names.encodable(f"1\t{LATIN}\n2") == "1\tcaf\\xe9.mp4\n2"


def test_values_of_json_become_encodable():
    values = {LATIN: [LATIN, 1, None, {"a": (LATIN,)}]}

    text = json.dumps(names.encodable_values(values), ensure_ascii=False)

    assert text.encode().count(rb"caf\\xe9.mp4") == 3
