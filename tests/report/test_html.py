from layerlock.report.html import Html, inline, tag


def test_strings_are_escaped():
    assert tag("p", "<script>") == "<p>&lt;script&gt;</p>"


def test_attributes_are_escaped():
    assert tag("img", src='"><b>') == '<img src="&quot;&gt;&lt;b&gt;">'


def test_html_is_kept():
    assert tag("p", Html("<b>x</b>")) == "<p><b>x</b></p>"


def test_backticks_mark_code():
    assert inline("set `--a<b`") == "set <code>--a&lt;b</code>"
