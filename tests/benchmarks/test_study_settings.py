"""Settings are chosen once, on clips of no test speaker."""


def test_the_best_setting_on_validation_clips_is_kept(study, monkeypatch):
    import study_settings

    [mae, *_] = study.methods
    study.methods = (mae,)
    asked = []

    def train(method, steps, seed, setting):
        asked.append((steps, seed))
        return setting

    def judge(question, setting):
        assert question.split == "selection"
        return {1.0: 0.2, 0.5: 0.4, 2.0: 0.3}[setting[0]]

    monkeypatch.setattr(study, "train", train)
    monkeypatch.setattr(study.runs, "judge", judge)

    study.prepare()

    assert study_settings.chosen(study.folder) == {"MAE": (0.5, "")}
    assert set(asked) == {(100, 0)}
    assert not study_settings.undecided(study)
    study.prepare()
    assert len(asked) == 3  # once
