"""The tables of the docs are those of the rows that are shipped with them."""

import json

import pytest


@pytest.fixture
def results_page(benchmarks):
    import results_page

    return results_page


@pytest.fixture
def rows(results_page):
    """The rows of the study on real clips."""
    import study_known

    return study_known.load(results_page.ROWS)


def test_the_pages_have_the_tables_of_the_rows(results_page):
    for name, page in results_page.pages().items():
        assert page == (results_page.DOCS / name).read_text(), (
            f"{name}: run `python benchmarks/results_page.py`"
        )


def test_a_score_that_changes_changes_the_page(
    results_page, rows, monkeypatch, tmp_path
):
    [first] = [
        row
        for row in rows
        if (row["method"], row["steps"], row["seed"]) == ("LayerLock", 4000, 0)
    ]
    first["scores"]["word"]["value"] += 0.3

    changed = tmp_path / "rows.json"
    changed.write_text(json.dumps(rows))
    monkeypatch.setattr(results_page, "ROWS", changed)
    page = results_page.pages()["results.md"]

    assert page != (results_page.DOCS / "results.md").read_text()


def test_a_section_replaces_the_one_before(benchmarks):
    from page_sections import replace

    page = "# A\n\n<!-- b: begin -->\nold\n<!-- b: end -->\n\nafter\n"
    text = replace(page, "b", "new\n")

    assert text == page.replace("old", "new")
    assert replace(text, "b", "new") == text
    with pytest.raises(ValueError, match="c: begin"):
        replace(page, "c", "new")


def test_rows_that_are_shipped_are_found_again(results_page, rows):
    """`--known=docs/lips` repeats none of them."""
    from study_methods import METHODS
    from study_runs import StudyRuns

    runs = StudyRuns()
    runs.folder = results_page.DOCS / "lips"
    runs.batch_size, runs.identity = 16, ""
    runs.common = "--preset=video_vit_nano --batch_size=16 --frames=8 --size=32"
    by_name = {method.name: method for method in METHODS}
    trained = [row for row in rows if row["method"] in by_name]

    assert len(trained) > 80
    for row in trained:
        method = by_name[row["method"]]
        flags, _ = runs.runs_of(method, row["steps"], row["seed"])
        assert row["flags"] == [text for text, _ in flags]
