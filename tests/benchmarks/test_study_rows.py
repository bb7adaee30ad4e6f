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


def test_a_score_is_the_mean_of_all_readouts(study):
    import dataclasses

    import study_rows

    main = dataclasses.replace(study.main, repeats=2, parted=True)
    study.questions, study.lengths, study.seeds = [main], (120,), 1
    [mae, *_] = study.methods
    untrained.complete(study, mae, 120, 0, 0.4)
    probes = study.runs_of(mae, 120, 0)[1][-1] / "probes"
    answers = "example,truth,answer\na/M02_1.mp4,1,{}\na/M02_2.mp4,1,{}\n"
    (probes / main.name / "answers.csv").write_text(answers.format(1, 2))
    assert study_rows.collect(study) == []  # one readout is missing

    second = probes / main.each(0)[1].name
    second.mkdir()
    metrics = {"top1": {"value": 0.5, "low": 0.2, "high": 1.0}}
    (second / "probe.json").write_text(json.dumps({"metrics": metrics}))
    (second / "answers.csv").write_text(answers.format(1, 1))

    [row] = study_rows.collect(study)
    assert row["scores"][main.column] == {
        "value": 0.45,
        "low": 0.1,
        "high": 1.0,
        "readouts": [0.4, 0.5],
        "groups": {"M02": [3, 4]},
        "protocol": main.protocol,
    }
