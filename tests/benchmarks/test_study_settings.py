"""Settings are chosen once, on clips of no test speaker."""

import json

import pytest

HEALTHY = {"verdict": "healthy"}


def test_the_best_setting_on_validation_clips_is_kept(study, monkeypatch):
    import study_settings

    [mae, *_] = study.methods
    study.methods = (mae,)
    asked = []

    def train(method, steps, seed, setting):
        asked.append((steps, seed))
        return setting

    def judge(question, setting, *_):
        assert question.split == "selection"
        return {1.0: 0.2, 0.5: 0.4, 2.0: 0.3}[setting[0]]

    monkeypatch.setattr(study, "train", train)
    monkeypatch.setattr(study.runs, "judge", judge)
    monkeypatch.setattr(study.runs, "metrics", lambda _: [HEALTHY])

    study.prepare()

    assert study_settings.chosen(study.folder) == {"MAE": (0.5, "")}
    assert set(asked) == {(100, 0)}
    assert not study_settings.undecided(study)
    study.prepare()
    assert len(asked) == 3  # once


def test_a_variant_takes_the_rate_of_the_method_it_varies(study):
    import dataclasses

    import study_settings

    from layerlock.runs import writing

    latent = study.methods[-1]
    assert latent.rate_of == "MAE"
    study.methods = (latent,)
    # Its rate is chosen even where no run of that method is asked for.
    assert [m.name for m in study_settings.undecided(study)] == ["MAE"]

    study.folder.mkdir(parents=True, exist_ok=True)
    writing.write_json(
        study.folder / study_settings.FILE,
        {"tried": [], "chosen": {"MAE": (2.0, "--seed=3")}},
    )

    assert study_settings.of(study, latent) == (2.0, "")
    assert not study_settings.undecided(study)
    variant = dataclasses.replace(latent, rate_of=None, variant_of="MAE")
    study.methods = (variant,)
    assert study_settings.of(study, variant) == (2.0, "--seed=3")
    assert not study_settings.undecided(study)


def test_a_setting_that_fails_is_not_chosen(study, monkeypatch, capsys):
    import study_settings

    [mae, *_] = study.methods
    study.methods = (mae,)
    failing = {2.0}

    def train(method, steps, seed, setting):
        if setting[0] in failing:
            _, [path] = study.runs_of(method, steps, seed, setting)
            path.mkdir(parents=True, exist_ok=True)
            (path / "failure.json").write_text("{}")
            raise RuntimeError("the loss is not finite")
        return setting

    monkeypatch.setattr(study, "train", train)
    monkeypatch.setattr(study.runs, "judge", lambda q, setting, *_: setting[0])
    monkeypatch.setattr(study.runs, "metrics", lambda _: [HEALTHY])
    study.prepare()

    assert study_settings.chosen(study.folder) == {"MAE": (1.0, "")}
    assert "MAE, (2.0, ''): the loss is not finite" in capsys.readouterr().out

    (study.folder / study_settings.FILE).unlink()
    failing |= {0.5, 1.0}
    with pytest.raises(RuntimeError, match="No setting of MAE"):
        study.prepare()


def test_a_setting_whose_run_was_cut_off_is_not_decided(study, monkeypatch):
    import study_settings

    def train(method, steps, seed, setting):
        if setting[0] == 1.0:
            raise RuntimeError("ended with 1")  # such as a full disk
        return setting

    study.methods = study.methods[:1]
    monkeypatch.setattr(study, "train", train)
    monkeypatch.setattr(study.runs, "judge", lambda q, setting, *_: setting[0])
    monkeypatch.setattr(study.runs, "metrics", lambda _: [HEALTHY])

    with pytest.raises(RuntimeError, match="ended with 1"):
        study.prepare()
    assert study_settings.undecided(study)


@pytest.mark.parametrize(
    ("healthy", "best"), [({0.5, 1.0}, 1.0), (set(), 2.0), ({0.5, 2.0}, 2.0)]
)
def test_a_healthy_run_comes_before_a_better_one(
    study, monkeypatch, healthy, best
):
    import study_settings

    study.methods = study.methods[:1]
    scores = {0.5: 0.2, 1.0: 0.3, 2.0: 0.1 + 0.3}
    monkeypatch.setattr(study, "train", lambda *arguments: arguments[-1])
    monkeypatch.setattr(
        study.runs, "judge", lambda q, setting, *_: scores[setting[0]]
    )
    monkeypatch.setattr(
        study.runs,
        "metrics",
        lambda setting: [
            {"verdict": "healthy"},
            {"verdict": "healthy" if setting[0] in healthy else "collapsed"},
        ],
    )

    study.prepare()

    assert study_settings.chosen(study.folder) == {"MAE": (best, "")}
    kept = json.loads((study.folder / study_settings.FILE).read_text())
    verdicts = {one[1]: one[-1] for one in kept["tried"]}
    assert {rate for rate, word in verdicts.items() if word == "healthy"} == (
        healthy
    )
