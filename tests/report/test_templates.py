import pytest

from layerlock.report import cards, document, strips

pytest.importorskip("jinja2")


def test_the_name_of_a_page_and_its_text_are_escaped():
    page = document("<script>.mp4", ["<script>class"], "<script>")

    assert "<script" not in page
    assert "&lt;script&gt;.mp4" in page and "&lt;script&gt;class" in page


def test_the_words_of_a_card_are_escaped_and_its_drawing_is_not():
    card = cards.figure("<script>", "<script>", "<svg></svg>", [("ice", "<b>")])

    assert "<script" not in card and "<b>" not in card
    assert "<svg></svg>" in card


def test_the_labels_of_a_clip_are_escaped():
    assert "<b>" not in strips.clip_rows([("<b>", "data:,")])
