import re
import sys
from pathlib import Path

import pytest

from layerlock.report import templates

pytest.importorskip("jinja2")

FOLDER = Path(templates.__file__).with_name("templates")


def test_only_drawings_are_left_unescaped():
    unescaped = [
        match
        for path in sorted(FOLDER.iterdir())
        for match in re.findall(r"\S+ *\| *safe\b", path.read_text())
    ]

    assert templates.environment().autoescape is True
    assert unescaped == ["figure.svg | safe"]


def test_backticks_mark_code():
    mark_code = templates.environment().filters["code"]

    assert mark_code("set `--a<b`") == "set <code>--a&lt;b</code>"
    assert mark_code("<b>one ` alone") == "&lt;b&gt;one ` alone"


def test_a_variable_that_a_template_lacks_is_an_error():
    import jinja2

    with pytest.raises(jinja2.UndefinedError):
        templates.render("run.html.j2")


def test_every_template_can_be_loaded():
    for path in FOLDER.iterdir():
        templates.environment().get_template(path.name)


def test_without_jinja2_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(ImportError, match=r'pip install "layerlock\[report\]"'):
        templates.require_jinja2()


def test_names_that_are_not_utf_8_can_be_written():
    texts = dict.fromkeys(("name", "kind", "title", "footer"), "a\udc80")
    parts = {"facts": {}, "tiles": [], "notices": [], "sections": []}

    page = templates.render("page.html.j2", **texts, **parts)

    assert "a\\udc80" in page
    page.encode()
