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


def test_a_run_that_fails_does_not_end_the_others(study, monkeypatch):
    trained = []

    def train(method, steps, seed):
        trained.append((method.name, steps, seed))
        if method.name == "V-JEPA":
            raise RuntimeError("the loss is not finite")
        return "path"

    monkeypatch.setattr(study, "train", train)
    monkeypatch.setattr(study, "ask", lambda *_: None)
    monkeypatch.setattr(study, "finetune", lambda *_: None)
    study.work()

    failed = [run for run in trained if run[0] == "V-JEPA"]
    assert study.failures == ["the loss is not finite"] * len(failed)
    assert len(failed) == 2 * len(study.lengths)
    assert ("LeVJEPA", study.lengths[0], 1) in trained  # among the last


def test_masks_of_fewer_clips_have_the_rate_of_all(study):
    named = {method.name: method for method in study.methods}

    def resolved(name):
        [(flags, _)], _ = study.runs_of(named[name], 200, 0, (0.5, ""))
        words = f"{study.common} {flags} --steps=200".split()
        return running.resolved(*words)[0].training

    many, one = resolved("LayerLock, 4 masks per clip"), resolved("LayerLock")
    assert (many.batch_size, one.batch_size) == (4, 16)
    assert many.learning_rate == one.learning_rate


def test_paths_may_have_spaces(study, tmp_path):
    import shlex

    question = study.main
    command = question.command("my run/encoder", "my out")
    assert "--encoder=my run/encoder" in shlex.split(command)
    assert "--out=my out" in shlex.split(command)


def test_results_of_another_protocol_are_not_taken(study):
    import dataclasses

    other = dataclasses.replace(study.main, readout_args="steps=20")

    assert other.name != study.main.name
