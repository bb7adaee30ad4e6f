"""What is known of a run is one row."""

import json

from tests.benchmarks import untrained


def test_rows_have_costs_scores_and_what_the_log_says(study):
    import study_rows

    [salt] = [m for m in study.methods if m.name == "SALT"]
    untrained.complete(study, salt, 120, 0, 0.4)
    study.lengths = (120,)

    [found] = study_rows.write(study)

    assert found["flops"] == 1200  # both runs
    assert found["seconds"] == 4.0
    assert found["clips"] == 120 * 16
    assert found["monitors"]["loss"] == 0.5
    assert found["scores"]["motion"]["value"] == 0.4
    kept = json.loads((study.folder / "rows.json").read_text())
    assert kept == [found]


def test_speakers_of_answers_are_counted(tmp_path):
    from study_rows import by_group

    path = tmp_path / "answers.csv"
    path.write_text(
        "example,truth,answer\n"
        "test/01/M02_words_01_01.mp4,01,01\n"
        "test/01/M02_words_01_02.mp4,01,02\n"
        "test/02/M04_words_02_01.mp4,02,02\n"
    )

    assert by_group(path) == {"M02": [1, 2], "M04": [1, 1]}
