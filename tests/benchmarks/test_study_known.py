"""What a study elsewhere has found is not run again."""

import json

import pytest

from tests.benchmarks import untrained


def again(study, tmp_path, **changes):
    """The same study on another machine, which knows the first one's rows."""
    from study import Study

    settings = {
        "folder": tmp_path / "again",
        "clips": study.clips,
        "preset": study.preset,
        "batch_size": study.batch_size,
        "common": "",
        "lengths": study.lengths,
        "seeds": 1,
        "split": study.split,
        "known": study.folder,
    }
    return Study(**settings | changes)


@pytest.fixture
def earlier(study):
    """A study with settings and one run."""
    import study_rows

    study.folder.mkdir(parents=True)
    chosen = {m.name: [2.0, m.settings[0]] for m in study.methods}
    (study.folder / "settings.json").write_text(
        json.dumps({"tried": [], "chosen": chosen})
    )
    study.seeds, study.lengths = 1, (120,)
    untrained.complete(study, study.methods[0], 120, 0, 0.4)
    study_rows.write(study)
    return study


def test_a_known_row_is_not_trained(earlier, tmp_path, monkeypatch):
    import study_rows

    later = again(earlier, tmp_path)
    monkeypatch.setattr(later, "questions", later.questions[:1])
    monkeypatch.setattr(later, "train", lambda *_: pytest.fail("trained"))
    later._method(later.methods[0], 120, 0)

    assert study_rows.collect(later) == study_rows.collect(earlier)


@pytest.mark.parametrize("seed, steps", [(1, 120), (0, 60)])
def test_another_run_is_trained(seed, steps, earlier, tmp_path, monkeypatch):
    trained = []
    later = again(earlier, tmp_path)
    monkeypatch.setattr(later, "train", lambda *run: trained.append(run))
    monkeypatch.setattr(later, "ask", lambda *_: None)
    later._method(later.methods[0], steps, seed)

    assert trained == [(later.methods[0], steps, seed)]


def test_a_question_that_was_not_asked_is(earlier, tmp_path, monkeypatch):
    asked = []
    later = again(earlier, tmp_path)
    monkeypatch.setattr(later, "train", lambda *_: "path")
    monkeypatch.setattr(
        later.runs, "judge", lambda q, *_: asked.append(q) or 0.5
    )
    later._method(later.methods[0], 120, 0)

    assert asked == later.questions


@pytest.mark.parametrize(
    "changes", [{"split": "final"}, {"preset": "video_vit_tiny"}]
)
def test_rows_of_another_study_say_nothing(changes, earlier, tmp_path):
    import study_rows

    assert study_rows.collect(again(earlier, tmp_path, **changes)) == []


def test_rows_of_other_clips_say_nothing_and_settings_come_along(
    earlier, tmp_path, monkeypatch
):
    import study_rows
    import study_settings

    monkeypatch.setattr(earlier.clips, "contents", "other", raising=False)
    later = again(earlier, tmp_path)

    assert study_rows.collect(later) == []
    assert study_settings.chosen(later.folder)["MAE"] == (2.0, "")


def test_a_score_that_was_asked_in_another_way_is_asked_again(
    earlier, tmp_path
):
    import dataclasses

    import study_rows

    later = again(earlier, tmp_path)
    later.questions = [dataclasses.replace(later.main, repeats=3)]
    later.known = type(later.known)(study_rows.collect(earlier), later)

    assert study_rows.collect(later) == []


def test_the_folder_of_other_clips_is_refused(earlier, tmp_path, monkeypatch):
    later = again(earlier, tmp_path, methods=earlier.methods[:1])
    later.prepare()
    monkeypatch.setattr(earlier.clips, "contents", "other", raising=False)

    with pytest.raises(ValueError, match="is a study with another clips"):
        again(earlier, tmp_path)


@pytest.mark.parametrize(
    ("change", "what"),
    [({"quick": True}, "quick"), ({"preset": "video_vit_tiny"}, "study")],
)
def test_a_folder_has_results_of_one_kind(earlier, tmp_path, change, what):
    again(earlier, tmp_path, methods=earlier.methods[:1]).prepare()

    again(earlier, tmp_path)
    with pytest.raises(ValueError, match=f"another {what} .*--run_dir"):
        again(earlier, tmp_path, **change)


def test_rows_that_do_not_name_their_study_say_nothing(earlier, tmp_path):
    import study_rows

    path = earlier.folder / "rows.json"
    rows = json.loads(path.read_text())
    for row in rows:
        del row["study"]
    path.write_text(json.dumps(rows))

    assert study_rows.collect(again(earlier, tmp_path)) == []


def test_settings_come_along_and_never_over_those_there_are(earlier, tmp_path):
    import study_settings

    later = again(earlier, tmp_path)
    assert study_settings.chosen(later.folder)["MAE"] == (2.0, "")

    (later.folder / "settings.json").write_text('{"tried":[],"chosen":{}}')
    assert study_settings.chosen(again(earlier, tmp_path).folder) == {}


def test_a_folder_without_rows_is_refused(study, tmp_path):
    with pytest.raises(ValueError, match="rows.json"):
        again(study, tmp_path, known=tmp_path / "nowhere")


def test_rows_of_other_clips_are_not_written(earlier, tmp_path, monkeypatch):
    import study_rows

    monkeypatch.setattr(earlier.clips, "contents", "other", raising=False)

    assert study_rows.write(again(earlier, tmp_path)) == []
    kept = tmp_path / "again" / "rows.json"
    assert json.loads(kept.read_text()) == []


@pytest.mark.parametrize("text", ["[1]", "null", "{}", '[{"a": 1}]', "["])
def test_rows_that_are_none_are_refused(earlier, tmp_path, text):
    (earlier.folder / "rows.json").write_text(text)

    with pytest.raises(ValueError, match="`known` is the folder of a study"):
        again(earlier, tmp_path)


def test_it_is_said_what_is_taken_of_another_study(earlier, tmp_path, capsys):
    again(earlier, tmp_path)
    again(earlier, tmp_path, folder=tmp_path / "final", split="final")

    taken = capsys.readouterr().out.splitlines()

    assert "1 of 1 rows (those of this study), and settings.json." in taken[0]
    assert "0 of 1 rows (those of this study), and settings.json." in taken[1]
