"""The templates lay out the data of the cards, and escape all of it."""

import dataclasses

import pytest

from layerlock.report import cards, templates

pytest.importorskip("jinja2")

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def parts():
    return templates.environment().get_template("parts.html.j2").module


def assert_escaped(html, times):
    assert "<script" not in html and '">&lt;' not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == times


def test_cards_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        cards.Tile("loss", "1").value = "2"


def test_a_tile_shows_its_mood_and_takes_two_columns(parts):
    tile = cards.Tile("health", "healthy", "note", "good", is_wide=True)

    html = parts.tile(tile)

    assert 'class="tile wide good"' in html
    assert "health" in html and "note" in html


def test_a_tile_without_a_mood_has_no_class_for_it(parts):
    assert 'class="tile"' in parts.tile(cards.Tile("loss", "1"))


def test_the_words_of_a_tile_are_escaped(parts):
    html = parts.tile(cards.Tile(HOSTILE, HOSTILE, HOSTILE))

    assert_escaped(html, 3)


def test_the_words_of_a_figure_are_escaped_and_its_drawing_is_not(parts):
    figure = cards.Figure(HOSTILE, HOSTILE, "<svg></svg>", [("ice", HOSTILE)])

    html = parts.figure_card(figure)

    assert_escaped(html, 3)
    assert "<svg></svg>" in html


def test_a_figure_without_a_drawing_has_no_legend(parts):
    html = parts.figure_card(cards.Figure("a", "b", None, [("ice", "key")]))

    assert "Not logged in this run." in html
    assert "key" not in html


def test_labels_and_captions_of_a_clip_are_escaped(parts):
    html = parts.clip_rows(cards.Clip([(HOSTILE, "data:,")], HOSTILE))

    assert_escaped(html, 3)  # the label also is the alternative text
    assert html.count("<img") == 1


def test_the_cells_of_a_table_are_escaped(parts):
    html = parts.table(cards.Table([HOSTILE], [[HOSTILE], [HOSTILE]]))

    assert_escaped(html, 3)
    assert html.count("<tr>") == 3


def test_the_words_of_a_command_are_escaped_and_keep_their_spaces(parts):
    html = parts.command(HOSTILE, f"python  'a b' {HOSTILE}")

    assert_escaped(html, 2)
    text = html.replace("<span>", "").replace("</span>", "")
    assert "<pre>python  &#39;a b&#39; " in text


def test_a_section_shows_what_it_has(parts):
    bare = parts.section(cards.Section("Title"))
    full = parts.section(
        cards.Section(
            "Title",
            f"Text with `code` and {HOSTILE}",
            [cards.Figure("Figure", "", None)],
            cards.Table(["column"], []),
            [cards.Clip([("original", "data:,")])],
        )
    )

    assert bare.strip() == "<h2>Title</h2>"
    for piece in ("<code>code</code>", "Figure", "column", "original"):
        assert piece in full
    assert_escaped(full, 1)
