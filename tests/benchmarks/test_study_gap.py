"""Readings of the same features are cells of one table."""


def test_each_reading_of_the_gap_is_a_cell(study):
    import study_gap

    answers = {
        reading: [0.1 * number, 0.1 * number + 0.02]
        for number, reading in enumerate(study_gap.readings(("MAE",)))
    }

    text = study_gap.table(study, answers)

    cells = [line for line in text.splitlines() if "±" in line]
    assert len(cells) == 2 * 3  # samplings and features
    assert text.count("±") == len(answers)
    assert text.splitlines()[4].endswith("|  |")  # pixels have no encoder
    assert "0.010 ± 0.014" in text


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
