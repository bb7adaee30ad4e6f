"""The grid `main` asks about test speakers last."""

import copy

import pytest


def test_rows_are_named_even_where_a_name_has_a_comma():
    from study_grids import _names
    from study_methods import METHODS

    for method in METHODS:
        for text in (method.name, method.name.replace(", ", ",")):
            assert set(_names(f"V-JEPA, {text}")) == {"V-JEPA", method.name}
    with pytest.raises(ValueError, match="Received: V-JEPPA"):
        _names("MAE,V-JEPPA")


def test_test_speakers_wait_for_the_settings(tmp_path):
    import claims

    words = ["claims", "--grids=main", "--final", f"--run_dir={tmp_path}"]

    with pytest.raises(SystemExit, match="settings are chosen"):
        claims.main(words)


def test_a_study_without_curves_has_runs_of_one_length(tmp_path):
    import claims
    import study_grids
    import study_tables

    flags = copy.deepcopy(claims.FLAGS)  # of other tests, too
    flags(["claims", "--nocurves", f"--run_dir={tmp_path / 'study'}"])
    study = study_grids.build(flags)

    assert {study.steps_of(method) for method in study.methods} == {
        (study_grids.LONGEST,)
    }
    assert "Curves" not in study_tables.write(study)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data=/videos"], "--data is for the grids main and gap"),
        (["--final", "--methods=MAE"], "--final, --methods are for the grids"),
        (["--scale=tiny"], "at --scale=tiny, --grids takes some of main,gap"),
        (["--grids=main", "--methods=,"], "--methods takes names of rows"),
    ],
)
def test_options_that_have_no_effect_are_refused(
    words, message, monkeypatch, tmp_path
):
    import claims

    flags = copy.deepcopy(claims.FLAGS)
    for name in flags:
        flags[name].unparse()  # what other tests have set
    monkeypatch.setattr(claims, "FLAGS", flags)

    with pytest.raises(SystemExit, match=message):
        claims.main(["claims", *words, f"--run_dir={tmp_path}"])
    assert not list(tmp_path.iterdir())
