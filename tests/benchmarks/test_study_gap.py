"""Readings of the same features are cells of one table."""

import json


def test_each_reading_of_the_gap_is_a_cell(study):
    import study_gap

    readings = study_gap.readings(("MAE",))
    answers = [
        {**vars(reading), "seed": seed, "value": 0.1 * number + 0.02 * seed}
        for number, reading in enumerate(readings)
        for seed in (0, 1)
    ]

    text = study_gap.table(answers, 2)

    cells = [line for line in text.splitlines() if "±" in line]
    assert len(cells) == 2 * 3  # samplings and features
    assert text.count("±") == len(readings)
    assert text.splitlines()[2].endswith("|  |")  # pixels have no encoder
    assert "0.010 ± 0.014" in text


def test_end_to_end_from_random_weights_is_the_row_of_the_study(
    study, monkeypatch
):
    import study_gap

    asked = []

    def finetune(encoder, question, steps, seed, out):
        asked.append((encoder, question, out))
        return {"metrics": {"top1": {"value": 0.5}}}

    monkeypatch.setattr(study, "finetune", finetune)
    reading = study_gap.Reading("random encoder", "whole", "end to end")

    assert study_gap.read(study, reading, 1) == 0.5
    [(encoder, question, out)] = asked
    assert encoder == f"random:{study.preset}"
    assert out == study.supervised_path(study.main, 1)
    assert question == study.main


def test_each_run_is_trained_by_one_process(study, monkeypatch):
    import collections

    import study_gap

    trained = collections.Counter()
    monkeypatch.setattr(
        study, "train", lambda m, steps, seed: trained.update([(m.name, seed)])
    )
    monkeypatch.setattr(study_gap, "read", lambda *_: 0.5)
    study.methods = study.methods[:1]  # the gap has methods of its own
    study_gap.work(study)

    assert trained == dict.fromkeys(
        ((name, seed) for name in ("MAE", "LayerLock") for seed in (0, 1)), 1
    )
    kept = json.loads((study.folder / study_gap.FILE).read_text())
    assert len(kept) == 2 * len(study_gap.readings(("MAE", "LayerLock")))
