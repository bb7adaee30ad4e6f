"""The runs of a study, from settings to folders."""

from tests.recipes import running


def test_every_method_is_a_run_that_the_recipe_accepts(study, tmp_path):
    teacher = tmp_path / "teacher"
    for method in study.methods:
        for factor, own in method.candidates():
            [*_, (flags, steps)], _ = study.runs_of(
                method, 200, 0, (factor, own)
            )
            if "{teacher}" in flags:
                continue  # it must be there
            words = f"{study.common} {flags} --steps={steps}".split()
            running.resolved(*words)
    assert not teacher.exists()


def test_the_steps_of_salt_are_shared_by_both_runs(study):
    [salt] = [m for m in study.methods if m.name == "SALT"]

    flags, paths = study.runs_of(salt, 120, 0, (1.0, ""))

    assert [steps for _, steps in flags] == [20, 100]
    assert len(set(paths)) == 2


def test_the_last_freeze_comes_before_the_end_at_every_size(study, tmp_path):
    from study import Study

    for preset, freezes in (("video_vit_nano", 4), ("video_vit_tiny", 6)):
        other = Study(
            *(tmp_path / preset, study.clips, preset, 16, ""),
            *((25, 50, 100, 200), 2, "selection"),
        )
        assert other.freezes == freezes
        for name in ("LayerLock", "LayerLock, paper's schedule"):
            [method] = [m for m in other.methods if m.name == name]
            setting = method.candidates()[-1]
            [(flags, _)], _ = other.runs_of(method, 200, 0, setting)
            words = f"{other.common} {flags} --steps=200".split()
            schedule = running.resolved(*words)[0].freezing
            assert schedule.max_frozen_layers == freezes
            last = schedule.start_step + (freezes - 1) * schedule.interval
            assert last < 200


def test_other_settings_are_other_runs(study):
    [mae, *_] = study.methods
    paths = {
        study.runs_of(mae, 100, 0, setting)[1][-1]
        for setting in mae.candidates()
    }

    assert len(paths) == len(mae.candidates())


def test_every_readout_starts_from_a_seed_of_its_own(study, monkeypatch):
    import dataclasses

    asked = []

    def judge(question, path, encoder, seed):
        asked.append((question.name, question.command("e", "o"), seed))
        return float(len(asked))

    monkeypatch.setattr(study.runs, "judge", judge)
    question = dataclasses.replace(study.main, repeats=3)

    assert study.ask([question], "path", 2) == [2.0]

    names, commands, seeds = zip(*asked, strict=True)
    assert len(set(names)) == 3
    assert set(seeds) == {2}  # of the encoder, where it is a random one
    assert ["seed=102" in command for command in commands] == [0, 1, 0]
    assert ["seed=202" in command for command in commands] == [0, 0, 1]
