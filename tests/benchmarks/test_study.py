"""The study of `benchmarks/claims.py`, from runs that were never trained."""

import json
import pathlib

import numpy as np
import pytest
from scipy import stats

from layerlock.runs import RunDirectory
from tests.recipes import running

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"
SPEAKERS = ("F01", "F02", "M01", "M02")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def real(tmp_path):
    """A folder of clips that cannot be read, split by speaker."""
    splits = {"F01": "train", "F02": "train", "M01": "val", "M02": "test"}
    data = tmp_path / "data"
    for speaker, split in splits.items():
        for label in ("01", "02"):
            for number in range(5):
                name = f"{speaker}_words_{label}_{number}.mp4"
                place = data / "lips_words" / split / label / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(name)
                if split != "test":
                    (data / "lips_unlabelled").mkdir(exist_ok=True)
                    (data / "lips_unlabelled" / name).write_text(name)
    room = data / "room"
    room.mkdir()
    for number in range(200):
        for kind in ("color.jpg", "depth.png", "pose.txt"):
            (room / f"frame-{number:06d}.{kind}").write_text("x")
    return data


@pytest.fixture
def clips(real, tmp_path):
    from study_clips import RealClips

    return RealClips(real, tmp_path / "run", 8, 32)


def names(folder):
    return {path.name for path in pathlib.Path(folder).rglob("*.*")}


def test_settings_are_chosen_without_a_clip_of_a_test_speaker(clips):
    for question in clips.questions("selection"):
        assert not any(name.startswith("M02") for name in names(question.data))
    assert any(name.startswith("M02") for name in names(clips.data)) is not None

    finals = clips.questions("final")

    assert all(
        any(name.startswith("M02") for name in names(question.data))
        for question in finals
        if question.task == "folder"
    )


def test_columns_are_the_sets_the_speaker_and_the_depth(clips):
    columns = [question.column for question in clips.questions("final")]

    assert columns == ["word", "word k-NN", "speaker", "depth error"]


def test_every_speaker_is_in_every_split_of_the_question_who_speaks(clips):
    [question] = [q for q in clips.questions("final") if q.column == "speaker"]

    for split in ("train", "val", "test"):
        found = {path.name for path in (question.data / split).iterdir()}
        assert found == set(SPEAKERS)


@pytest.mark.parametrize("split", ["selection", "final"])
def test_a_room_is_parted_by_time(clips, split):
    [question] = [q for q in clips.questions(split) if q.task == "scannet"]
    frames = {}
    for part in ("train", "val"):
        scans = (question.data / f"scannetv2_{part}.txt").read_text().split()
        frames[part] = {
            int(path.stem)
            for scan in scans
            for path in (question.data / scan / "color").iterdir()
        }

    assert max(frames["train"]) < min(frames["val"])
    assert max(frames["val"]) == (139 if split == "selection" else 199)


def test_links_are_made_again_where_the_clips_have_changed(clips, real):
    [question, *_] = clips.questions("selection")
    new = real / "lips_words" / "train" / "01" / "F01_words_01_9.mp4"
    new.write_text("new")

    [again, *_] = clips.questions("selection")

    assert again.data == question.data
    assert new.name in names(again.data)


def test_a_folder_without_a_labelled_set_is_refused(tmp_path):
    from study_clips import RealClips

    with pytest.raises(ValueError, match="no labelled set"):
        RealClips(tmp_path, tmp_path / "run", 8, 32)


def test_the_interval_of_seeds_alone_is_students():
    from study_verdicts import difference

    values = np.array([0.1, 0.3, 0.2])
    found = difference(values[:, None])

    expected = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)


def test_an_interval_covers_seeds_and_speakers():
    from study_verdicts import difference

    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        table = (
            0.05
            + 0.03 * random.normal(size=(3, 1))
            + 0.05 * random.normal(size=(1, 4))
            + 0.02 * random.normal(size=(3, 4))
        )
        found = difference(table)
        covered += found.low <= 0.05 <= found.high

    assert 0.92 <= covered / 400 <= 1.0


def row(method, steps, seed, value, flops=None, column="word"):
    return {
        "method": method,
        "steps": steps,
        "seed": seed,
        "flops": flops,
        "clips": steps * 16,
        "scores": {column: {"value": value}},
        "monitors": {"loss": 1 - value, "effective_rank": 3.0},
    }


def rows(offset):
    """MAE at two lengths, and a dearer method that is `offset` better."""
    found = []
    for seed in range(3):
        noise = 0.001 * seed
        for steps, score in ((100, 0.2), (200, 0.3)):
            found.append(row("MAE", steps, seed, score + noise, steps))
            found.append(
                row("B", steps, seed, score + offset - noise, 2 * steps)
            )
    return found


@pytest.mark.parametrize(
    "offset, budget, word",
    [
        (0.05, "steps", "better"),
        (-0.05, "steps", "worse"),
        (0.0, "steps", "not apart"),
        (0.05, "decoded clips", "better"),
        (0.05, "FLOPs", "worse"),  # 200 are spent after half of the steps
    ],
)
def test_methods_are_compared_where_both_have_spent_the_same(
    offset, budget, word
):
    from study_verdicts import compare

    found = compare(rows(offset), "B", "MAE", "word", budget)

    assert found.word() == word
    assert found.seeds == 3


def test_a_method_that_is_missing_is_not_compared():
    from study_verdicts import compare

    assert compare(rows(0.1), "C", "MAE", "word", "steps") is None


def test_a_lower_error_is_better():
    from study_verdicts import Difference

    assert Difference(-0.1, -0.2, -0.05, 3, 1).word(True) == "better"


def test_a_number_that_ranks_runs_as_their_probe_is_found():
    from study_clips import Question
    from study_trust import correlations, table

    found = {
        one["name"]: one
        for one in correlations(rows(0.1), Question("word", "folder", "knn"))
    }

    assert found["loss"]["value"] == pytest.approx(-1.0, abs=0.01)
    assert found["loss"]["within"] == pytest.approx(-1.0, abs=0.01)
    assert found["effective_rank"]["value"] == 0.0
    assert "| `loss` | 12 | -1.00 |" in table(list(found.values()))


@pytest.fixture
def study(tmp_path):
    from study import Study
    from study_clips import Scenes

    return Study(
        tmp_path / "study",
        Scenes(8, 32),
        "video_vit_nano",
        16,
        "",
        (25, 50, 100, 200),
        2,
        "selection",
    )


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


def test_other_settings_are_other_runs(study):
    [mae, *_] = study.methods
    paths = {
        study.runs_of(mae, 100, 0, setting)[1][-1]
        for setting in mae.candidates()
    }

    assert len(paths) == len(mae.candidates())


def complete(study, method, steps, seed, score):
    """A run that looks complete, with the answer to the main question."""
    flags, paths = study.runs_of(method, steps, seed)
    for (_, run_steps), path in zip(flags, paths, strict=True):
        config = {"flags": {"batch_size": 16, "accumulation": 1}}
        run = RunDirectory.create(path, config)
        run.append_metrics(
            {
                "step": run_steps,
                "loss": 0.5,
                "flops": 10 * run_steps,
                "seconds": 2.0,
                "peak_memory_bytes": 7,
            }
        )
        (path / "report.html").write_text("")
    out = paths[-1] / "probes" / study.main.name
    out.mkdir(parents=True)
    metrics = {"top1": {"value": score, "low": 0.0, "high": 1.0}}
    (out / "probe.json").write_text(json.dumps({"metrics": metrics}))


def test_rows_have_costs_scores_and_what_the_log_says(study):
    import study_rows

    [salt] = [m for m in study.methods if m.name == "SALT"]
    complete(study, salt, 120, 0, 0.4)
    study.lengths = (120,)

    [found] = study_rows.write(study)

    assert found["flops"] == 1200  # both runs
    assert found["seconds"] == 4.0
    assert found["clips"] == 120 * 16
    assert found["monitors"]["loss"] == 0.5
    assert found["scores"]["motion"]["value"] == 0.4
    kept = json.loads((study.folder / "rows.json").read_text())
    assert kept == [found]


def test_tables_and_figure_are_made_of_what_there_is(study):
    import study_tables

    by_name = {method.name: method for method in study.methods}
    for seed in range(2):
        for steps in study.lengths:
            for name, score in (("MAE", 0.3), ("LayerLock", 0.4)):
                value = score + steps / 1e3 + seed / 1e4
                complete(study, by_name[name], steps, seed, value)

    text = study_tables.write(study)

    assert "| LayerLock | 0.600 ± 0.000 |" in text
    assert "motion, equal steps: LayerLock is better than MAE" in text
    assert "| `loss` | 16 |" in text
    assert (study.folder / "curves.png").stat().st_size > 10_000


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


def test_the_best_setting_on_validation_clips_is_kept(study, monkeypatch):
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

    assert study.settings() == {"MAE": (0.5, "")}
    assert set(asked) == {(100, 0)}
    assert not study.undecided()
    study.prepare()
    assert len(asked) == 3  # once


def test_test_speakers_wait_for_the_settings(tmp_path):
    import claims

    words = ["claims", "--grids=main", "--final", f"--run_dir={tmp_path}"]

    with pytest.raises(SystemExit, match="settings are chosen"):
        claims.main(words)


def test_a_schedule_that_was_found_is_stretched_to_the_run(study):
    study.folder.mkdir(parents=True)
    [method] = [m for m in study.methods if "{schedule}" in m.flags]
    assert method not in study.active()  # nothing was found
    found = {"steps": 50, "events": [[20, 2], [30, 4]]}
    (study.folder / "schedule.json").write_text(json.dumps(found))

    [(flags, _)], _ = study.runs_of(method, 200, 0)

    assert method in study.active()
    assert flags.endswith("--schedule_args=events=[(80,2),(120,4)]")
    running.resolved(*f"{study.common} {flags} --steps=200".split())
