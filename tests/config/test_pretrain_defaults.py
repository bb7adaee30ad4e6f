"""Every option is used or refused, and derived defaults make sense."""

import json
import pathlib

import keras
import pytest
from absl import flags

import layerlock
import layerlock.data
from layerlock.cli.flags import dashed
from layerlock.commands import find
from layerlock.config import PretrainConfig, facts
from layerlock.jobs.pretraining import run_folder
from layerlock.runs import writing
from layerlock.runs.configuration import compare_config
from layerlock.runs.directory import RunDirectory
from tests.recipes import running

BACKEND = keras.backend.backend()


@pytest.fixture
def choose():
    """Resolves a command line into the values of options and the method.

    Errors have the form that the command line gives them.
    """

    def choose(*arguments):
        try:
            config, method = running.resolved(*arguments)
        except (ValueError, OSError) as error:
            raise type(error)(dashed(error, find("pretrain"))) from error
        return config.values, method

    return choose


def test_the_default_job_freezes_at_least_three_times(choose):
    chosen, method = choose()
    events = method.schedule.events(chosen["steps"])
    assert len(events) >= 3
    assert events[-1][0] < chosen["steps"]


@pytest.mark.parametrize("steps", [10, 100, 12_345])
def test_derived_events_fit_into_the_run(choose, steps):
    chosen, method = choose(f"--steps={steps}")
    last, frozen = method.schedule.events(steps)[-1]
    assert last < steps
    assert frozen == chosen["max_frozen_layers"] == 4


def test_the_paper_size_freezes_as_many_layers_as_the_paper(choose):
    chosen, _ = choose("--preset=video_vit_gigantic", "--size=224")
    assert abs(chosen["max_frozen_layers"] - 32) <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max_frozen_layers=7"], "At most 6 layers"),
        (["--start_step=2000"], "Nothing would freeze"),
        (
            ["--schedule=never", "--interval=5"],
            "--interval is not an argument of --schedule=never",
        ),
        (["--mask_ratio=0.001"], "hides nothing"),
        (["--mask_ratio=0.999"], "hides everything"),
        (["--mask_ratio=1.5"], "between 0 and 1"),
        (["--size=36"], "36"),
        (["--frames=7"], "7"),
        (["--patch_size=2,5,5"], "5"),
        (["--patch_size=2,8"], "frames,rows,columns"),
        (["--fps=8"], "--fps is for videos"),
        (["--sampling=whole"], "--sampling is for videos"),
        (["--sampling=all"], "Unknown --sampling"),
        (
            ["--data=.", "--fps=8", "--sampling=whole"],
            "--fps is the rate of --sampling=rate",
        ),
        (["--target_lag=-1"], "would move with the encoder"),
        (["--teacher=ema"], "--teacher is not an argument"),
        (["--momentum=0.9"], "--momentum is not an argument"),
        (["--target_gradient"], "--target_gradient is not an argument"),
        (["--mask_args=size=3"], "no argument 'size'"),
        (["--objective_args=target=pixels", "--target=pixels"], "twice"),
        (["--objective_args=target=pixels", "--target=latents"], "twice"),
        (["--objective=vjepa", "--target=latents"], "--target is not an arg"),
        (["--patch_size=0,8,8"], "frames,rows,columns"),
        (["--fps=0"], "--fps must be above 0"),
        (["--frames=-3"], "--frames must be at least 1"),
        (["--seed=4294967296"], "--seed must be"),
        (["--schedule=piecewise", "--schedule_args=events=[(5,9)]"], "At most"),
        (["--target_fraction=0"], "above 0 and at most 1"),
        (["--target=pixels", "--target_context=scored"], "pixels alone"),
        (["--schedule=never", "--target_context=scored"], "pixels alone"),
        (["--checkpoint_every=15", "--log_every=10"], "multiple"),
        (["--workers=-1"], "--workers"),
        (["--layers_per_event=0"], "layers_per_event"),
        (["--interval=0"], "interval"),
        (["--start_step=0"], "start_step"),
        (["--warmup_steps=1000"], "warmup_steps"),
        (["--learning_rate=0"], "learning_rate"),
        (["--init_from=x", "--preset=video_vit_tiny"], "contradicts"),
        (["--schedule=never", "--head_reset"], "--head_reset is about"),
        (["--schedule=never", "--mini_warmup_steps=5"], "mini_warmup_steps is"),
        (["--target=pixels", "--target_lag=3"], "need latent targets"),
        (
            ["--objective=vjepa", "--teacher=frozen", "--momentum=0.5"],
            "--momentum is that of a moving average",
        ),
        (["--schedule_args=interval=abc"], "must be a number"),
        (["--objective_args=target_lag=abc"], "must be a number"),
        (["--learning_rate=nan"], "--learning_rate must be finite"),
        (["--weight_decay=inf"], "--weight_decay must be finite"),
        (["--init_from=/nowhere"], "nowhere"),
        (["--fps=12", "--validation=scenes"], "--data=scenes has no time"),
        (["--sampling=whole", "--validation=scenes"], "has no time"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(
    choose, arguments, message
):
    with pytest.raises((ValueError, OSError), match=message):
        choose(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mask=spiral"],
        ["--objective=gan"],
        ["--unknown=1"],
        ["--steps=0"],
        ["--masks_per_clip=0"],
        ["--mini_warmup_steps=-1"],
    ],
)
def test_unknown_names_and_values_are_refused(choose, arguments):
    with pytest.raises((flags.Error, ValueError)):
        choose(*arguments)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX distributes")
def test_a_distribution_that_the_backend_lacks_is_refused(choose):
    with pytest.raises(ValueError, match=f"KERAS_BACKEND={BACKEND}: "):
        choose("--distribution=model")


def test_the_mini_warmup_suits_the_freezes_however_they_are_asked_for(choose):
    for how in ("--interval=40", "--schedule_args=interval=40"):
        assert choose(how)[0]["mini_warmup_steps"] == 10
    events = "--schedule_args=events=[(300,1),(500,2),(600,3)]"
    assert choose("--schedule=piecewise", events)[0]["mini_warmup_steps"] == 25
    assert choose("--schedule=never")[0]["mini_warmup_steps"] == 0


@pytest.mark.parametrize(
    "steps, first", [(1000, 0.5), (6000, 0.9), (600_000, 0.998)]
)
def test_a_teacher_follows_in_short_runs_too(choose, steps, first):
    _, method = choose("--objective=vjepa", f"--steps={steps}")
    assert method.objective.momentum == pytest.approx(first)
    assert method.objective.final_momentum == 1.0

    asked = choose("--objective=vjepa", "--objective_args=momentum=0.7")[1]
    assert asked.objective.momentum == 0.7
    assert choose("--objective=vjepa", "--teacher=self")[0]["momentum"] is None


def test_an_encoder_without_blocks_that_decode_gets_some(tmp_path):
    encoder = layerlock.VideoEncoder.from_preset(
        "video_vit_nano", num_decoder_layers=0
    )
    encoder.save_to_preset(tmp_path / "vjepa")
    init_from = f"--init_from={tmp_path / 'vjepa'}"

    for flags_, most in (([], 6), (["--objective=vjepa"], 8)):
        config, _ = running.resolved(init_from, *flags_)
        assert facts.num_freezable(config) == most


@pytest.mark.parametrize(
    "flags_, ratio",
    [
        (["--preset=video_vit_nano"], 0.75),  # 64 patches
        (["--preset=video_vit_nano", "--frames=16", "--size=128"], None),
        (["--preset=video_vit_small", "--frames=16", "--size=64"], 0.75),
        (["--preset=video_vit_small", "--frames=16", "--size=224"], None),
        (["--size=64", "--frames=16", "--patch_size=2,4,4"], None),
        (["--mask_ratio=0.9"], 0.9),
        (["--mask=tube"], 0.75),
    ],
)
def test_clips_of_few_patches_hide_less_of_them(choose, flags_, ratio):
    assert choose(*flags_)[0]["mask_ratio"] == ratio


def test_flags_reach_the_plug_ins(choose):
    _, method = choose(
        "--target=pixels",
        "--mask=tube",
        "--mask_ratio=0.5",
        "--schedule=piecewise",
        "--schedule_args=events=[(10,2),(20,3)]",
        "--objective_args=normalize_pixels=False",
    )
    assert method.objective.target == "pixels"
    assert not method.objective.normalize_pixels
    assert method.mask.ratio == 0.5
    assert method.schedule.events(100) == [(10, 2), (20, 3)]


def test_the_learning_rate_counts_updates_under_accumulation(choose):
    chosen, method = choose("--accumulation=4", "--steps=100")
    # The last batch of the warm-up's last update.
    rate = method.learning_rate(4 * chosen["warmup_steps"] - 1)
    assert float(rate) == pytest.approx(chosen["learning_rate"], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--momentum=1.5"], "momentum=1.5"),
        (["--momentum=0.9,0.99,1"], "--momentum is one number"),
        (["--momentum=high"], "--momentum is one number"),
        (
            ["--momentum=0.9,1", "--objective_args=final_momentum=1"],
            "momentum is given twice",
        ),
        (["--target_gradient"], "teacher='ema'"),
        (["--target=pixels"], "--target is not an argument"),
        (["--mask=random", "--mask_ratio=0.99"], "at least 2 visible"),
        (["--objective_args=target_layer=5,teacher='frozen'"], "would move"),
        (["--max_frozen_layers=9"], "At most 8 layers"),
    ],
)
def test_what_vjepa_cannot_do_is_refused(choose, arguments, message):
    with pytest.raises(ValueError, match=message):
        choose("--objective=vjepa", *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--masks_per_clip=1"], "at least 2 masks of each clip"),
        (["--target_fraction=0.5"], "compares visible ones"),
        (["--target_context=scored"], "predicts other views alone"),
        (["--teacher=ema"], "--teacher is not an argument"),
        (["--momentum=0.9"], "--momentum is not an argument"),
        (["--objective_args=sigreg_weight=2"], "sigreg_weight=2"),
    ],
)
def test_what_lejepa_cannot_do_is_refused(choose, arguments, message):
    with pytest.raises(ValueError, match=message):
        choose("--objective=lejepa", *arguments)


def test_lejepa_has_defaults_of_its_own(choose):
    chosen, method = choose("--objective=lejepa", "--steps=500")

    assert chosen["mask"] == "random" and chosen["mask_ratio"] == 0.75
    assert chosen["masks_per_clip"] == 4
    assert chosen["gradient_clip"] == 1.0 and chosen["momentum"] is None
    assert method.schedule.max_layers() == 6
    assert choose()[0]["masks_per_clip"] == 1
    kinds = choose(
        "--objective=lejepa", "--mask=multiblock", "--masks_per_clip=1"
    )[1]
    assert kinds.objective.target_layers(0) == ()


def test_vjepa_has_defaults_of_its_own(choose):
    chosen, method = choose("--objective=vjepa", "--steps=500")

    assert chosen["mask"] == "multiblock" and chosen["mask_ratio"] is None
    assert chosen["gradient_clip"] == 10.0
    assert method.schedule.max_layers() == 6
    assert method.objective.teacher == "ema"
    assert method.objective.steps == 500
    assert method.objective.target_layers(0) == (1,)


@pytest.mark.parametrize("objective", ["mae", "vjepa"])
def test_layers_freeze_once_they_have_learned(choose, objective):
    chosen, method = choose(f"--objective={objective}", "--steps=1000")
    events = method.schedule.events(1000)

    assert chosen["start_step"] == events[0][0] == 600
    # Freezes of either objective take up 32 % of the run.
    assert chosen["interval"] == round(320 / len(events))


@pytest.mark.parametrize(
    ("flags_", "rate"),
    [
        (["--batch_size=16"], 3e-3),  # grids 4 and 7 of docs/scenes.md
        (["--preset=video_vit_large", "--batch_size=3072"], 1.2e-3),
    ],
)
def test_the_learning_rate_falls_with_the_width(choose, flags_, rate):
    chosen, _ = choose(*flags_)

    assert chosen["learning_rate"] == pytest.approx(rate, rel=0.02)


def test_plain_vjepa_predicts_the_last_layer(choose):
    _, method = choose("--objective=vjepa", "--schedule=never")

    assert method.objective.target_layers(0) == (-1,)


@pytest.mark.parametrize(
    ("flag", "expected"),
    [("0.9", (0.9, 0.9)), ("0.9,1", (0.9, 1.0))],
)
def test_momentum_is_constant_or_changes(choose, flag, expected):
    _, method = choose("--objective=vjepa", f"--momentum={flag}")

    objective = method.objective
    assert (objective.momentum, objective.final_momentum) == expected


def test_a_target_ahead_of_the_frozen_layers_can_be_allowed(choose):
    _, method = choose("--target_lag=-1", "--allow_moving_target")

    assert method.objective.target_layers(2) == (3,)


def test_layers_that_freeze_by_themselves_have_a_limit(choose):
    chosen, method = choose("--schedule=converged", "--steps=500")

    assert method.schedule.max_layers() == 4
    assert chosen["start_step"] == 50


@pytest.mark.parametrize(
    "flags_",
    [
        [],
        ["--objective=vjepa"],
        ["--objective=vjepa", "--teacher=self"],
        ["--objective=vjepa", "--momentum=0.9,1", "--schedule=never"],
        ["--schedule=converged", "--patch_size=2,4,4", "--learning_rate=1e-4"],
        ["--schedule=piecewise", "--schedule_args=events=[(5,1)]"],
        ["--data=videos", "--fps=8", "--mask=tube", "--validation=more"],
        ["--data=videos", "--sampling=whole"],
        ["--probe_every=100", "--nojit_compile", "--on_collapse=stop"],
    ],
)
def test_a_run_that_continues_recalls_its_options(
    tmp_path, flags_, monkeypatch
):
    (tmp_path / "videos").mkdir()
    monkeypatch.chdir(tmp_path)
    config, _ = running.resolved(*flags_)
    began_with = run_folder.describe(config)
    RunDirectory.create(tmp_path / "run", began_with)

    again = running.configure(
        "pretrain", f"--run_dir={tmp_path / 'run'}", "--resume"
    )
    now = run_folder.describe(run_folder.recall(again).resolve())

    compare_config(
        writing.plain(began_with), writing.plain(now), run_folder.FREE
    )


def test_an_option_that_differs_from_the_run_is_refused(tmp_path):
    began_with = run_folder.describe(running.resolved("--steps=50")[0])
    RunDirectory.create(tmp_path / "run", began_with)
    run_dir = f"--run_dir={tmp_path / 'run'}"

    config = running.configure("pretrain", run_dir, "--resume", "--steps=60")

    with pytest.raises(ValueError, match="steps: 50 -> 60") as error:
        run_folder.recall(config)
    assert str(error.value).count("->") == 1


def test_a_run_from_before_options_had_sections_continues(tmp_path):
    path = pathlib.Path(__file__).with_name("run_of_0_1.json")
    began_with = {"flags": json.loads(path.read_text()), "backend": BACKEND}
    RunDirectory.create(tmp_path / "run", began_with)

    config = running.configure(
        "pretrain", f"--run_dir={tmp_path / 'run'}", "--resume"
    )
    resumed = run_folder.recall(config).resolve()

    assert run_folder.choose_folder(resumed) == tmp_path / "run"
    assert resumed.recorded["schedule_args"] == "interval=100"
    assert resumed.data.sampling == "rate"


def test_an_option_from_after_the_start_of_a_run_has_its_default(tmp_path):
    path = pathlib.Path(__file__).with_name("run_of_0_1.json")
    began_with = {"flags": json.loads(path.read_text()), "backend": BACKEND}
    RunDirectory.create(tmp_path / "run", began_with)

    def resume(value):
        run_dir = f"--run_dir={tmp_path / 'run'}"
        config = running.configure(
            "pretrain", run_dir, "--resume", f"--sampling={value}"
        )
        return run_folder.recall(config).resolve()

    assert run_folder.choose_folder(resume("rate")) == tmp_path / "run"
    with pytest.raises(ValueError, match="sampling: 'rate' -> 'whole'"):
        resume("whole")


def test_a_source_of_other_clips_than_the_options_is_refused():
    source = layerlock.data.get("scenes", frames=4, size=16)

    assert PretrainConfig.of(data=source).resolve().data.frames == 4
    with pytest.raises(ValueError, match="has `frames=4`. Received"):
        PretrainConfig.of(data=source, frames=8).resolve()
    for options in ({"fps": 8.0}, {"sampling": "whole"}):
        with pytest.raises(ValueError, match="is for videos that `data` names"):
            PretrainConfig.of(data=source, **options).resolve()
    with pytest.raises(ValueError, match="Clips come from"):
        PretrainConfig.of(data=5).resolve()
