"""What is known of a run is one row."""

import json

import pytest

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


def test_answers_of_one_speaker_have_no_interval(study):
    import study_rows

    scores = [{"value": v, "low": None, "high": None} for v in (0.4, 0.5)]

    assert study_rows._mean(scores) == {
        "value": 0.45,
        "low": None,
        "high": None,
        "readouts": [0.4, 0.5],
    }


@pytest.mark.parametrize(
    "change",
    [{"methods": "SALT"}, {"seeds": 1}, {"split": "final"}, {"lengths": (60,)}],
)
def test_a_call_about_less_keeps_the_other_rows(study, change):
    import study_rows

    mae, *_ = study.methods
    study.lengths = (120,)
    for seed in (0, 1):
        untrained.complete(study, mae, 120, seed, 0.4)
    before = study_rows.write(study)
    assert len(before) == 2

    later = type(study)(
        *(study.folder, study.clips, study.preset, study.batch_size, ""),
        *(change.get("lengths", study.lengths), change.get("seeds", 2)),
        change.get("split", study.split),
        methods=tuple(
            m for m in study.methods if m.name == change.get("methods", m.name)
        ),
    )
    found = study_rows.write(later)

    kept = json.loads((study.folder / "rows.json").read_text())
    assert sorted(kept, key=str) == sorted(before, key=str)
    assert found == ([] if "split" in change else kept)


def test_a_row_of_other_flags_is_replaced(study):
    import study_rows

    mae, *_ = study.methods
    study.lengths = (120,)
    untrained.complete(study, mae, 120, 0, 0.4)
    [row] = study_rows.write(study)
    stale = {**row, "flags": ["--other"]}
    (study.folder / "rows.json").write_text(json.dumps([row, stale]))

    assert study_rows.write(study) == [row]


def test_known_rows_of_other_methods_are_written_too(study, tmp_path):
    import study_rows

    mae, *_ = study.methods
    study.lengths = (120,)
    untrained.complete(study, mae, 120, 0, 0.4)
    known = study_rows.write(study)
    later = type(study)(
        *(tmp_path / "later", study.clips, study.preset, 16, "", (120,), 2),
        *(study.split,),
        methods=study.methods[-1:],
        known=study.folder,
    )

    assert study_rows.write(later) == known
