"""Which block an option names, and which clips."""

import pytest

from layerlock.config import OptionError, ProbeConfig, components
from layerlock.config.evaluation import FEATURES, LOCK, is_left
from layerlock.evaluation import encoders
from layerlock.jobs.judging import tasks
from layerlock.runs.directory import RunDirectory
from tests.evaluation import layouts
from tests.recipes import running

NANO = "--encoder=random:video_vit_nano"


class Encoder:
    num_layers = 20
    layer_names = ("embedding", *(f"block_{k}" for k in range(1, 21)))
    clip_shape = (8, 32, 32)
    patch_size = (2, 8, 8)


def configure(*flags):
    return running.configure("probe", NANO, *flags).resolve()


def layer(text):
    config = ProbeConfig.of(encoder="random:video_vit_nano", layer=text)
    return encoders.layer_number(Encoder, config.resolve().encoder.block)


def build(*flags):
    return tasks.build_task(configure(*flags), Encoder)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1", 1),
        ("1.0", 20),
        ("0.5", 10),
        ("1e-1", 2),
        ("5e-1", 10),
        ("7", 7),
        ("7.0", 7),
    ],
)
def test_a_layer_is_a_block_or_a_share_of_the_depth(text, number):
    assert layer(text) == number


@pytest.mark.parametrize("text", ["abc", "", "inf", "nan", "0,5"])
def test_a_layer_that_is_no_number_is_named(text):
    with pytest.raises(ValueError, match=rf"`layer` is .* Received: {text}\."):
        layer(text)


def test_clips_have_the_shape_of_the_encoder_or_of_the_options():
    usual = build()
    asked = build("--frames=4", "--size=24")

    assert (usual.frames, usual.size) == (8, 32)
    assert (asked.frames, asked.size) == (4, 24)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--frames=0", "`frames` must be at least 1. Received: 0"),
        ("--size=0", "`size` must be at least 1. Received: 0"),
        ("--size=-8", "`size` must be at least 1. Received: -8"),
        ("--frames=3", "frames is not a multiple of 2"),
        ("--size=30", "rows is not a multiple of 8"),
        ("--task_args=size=30", "rows is not a multiple of 8"),
    ],
)
def test_clips_that_make_no_sense_are_refused(flag, message):
    with pytest.raises(ValueError, match=message):
        build(flag)


def test_videos_are_read_at_the_rate_of_the_run(tmp_path):
    pytest.importorskip("av")
    run = RunDirectory.create(tmp_path / "run", {"flags": {"fps": 5.0}})
    run.append_metrics({"step": 1})
    folder = layouts.folder(tmp_path / "videos", ("jump", "run"), 4)
    given = ("--task=folder", f"--data={folder}")

    def rate(*flags):
        config = running.configure("probe", *given, *flags)
        config = config.but(frames=8, size=32).resolve()
        return tasks.build_task(config, Encoder).framing.fps

    assert rate(f"--encoder={run.path}") == 5.0
    assert rate(f"--encoder={run.path}", "--task_args=fps=3.0") == 3.0
    assert rate(NANO) is None


@pytest.mark.parametrize(
    ("layout", "options", "sampling", "fps"),
    [
        ("folder", {"sampling": "whole", "fps": None}, "whole", None),
        ("folder", {"sampling": "rate", "fps": 5.0}, "rate", 5.0),
        ("folder", {"fps": 5.0}, "rate", 5.0),  # an older run
        ("ssv2", {"sampling": "rate", "fps": 5.0}, "whole", None),
        ("kinetics", {"sampling": "whole", "fps": None}, "rate", None),
        ("kinetics", {"sampling": "rate", "fps": 5.0}, "rate", 5.0),
    ],
)
def test_a_published_sampling_comes_before_that_of_the_run(
    tmp_path, layout, options, sampling, fps
):
    pytest.importorskip("av")
    run = RunDirectory.create(tmp_path / "run", {"flags": options})
    run.append_metrics({"step": 1})
    path = getattr(layouts, layout)(tmp_path / "videos")
    given = (f"--task={layout}", f"--data={path}", f"--encoder={run.path}")

    def framing(*flags):
        config = running.configure("probe", *given, *flags)
        config = config.but(frames=8, size=32).resolve()
        return tasks.build_task(config, Encoder).framing

    assert (framing().sampling, framing().fps) == (sampling, fps)
    other = {"rate": "whole", "whole": "rate"}[sampling]
    asked = framing(f"--task_args=sampling={other}")
    assert asked.sampling == other
    assert asked.fps == (options["fps"] if other == "rate" else None)


@pytest.mark.parametrize(
    "pattern", [r"(jump|run)_[01]", r"_\d+", r"a=(\w,)?b|_"]
)
def test_an_expression_for_groups_may_have_brackets_and_signs(pattern):
    config = configure("--task=folder", f"--task_args=groups={pattern}")

    assert components.own_arguments(config, "task") == {"groups": pattern}


def test_the_clips_of_a_baseline_are_those_of_the_preset():
    same = ("--frames=4", "--size=24")
    text = tasks.describe_clips(build(), configure())
    assert "`frames` and `size`" in text

    text = tasks.describe_clips(build(*same), configure(*same))
    assert text == "Clips of 4 frames of 24x24."


def test_two_jobs_do_not_write_into_one_folder(tmp_path):
    out = tmp_path / "results"
    with tasks.made(out) as kept:
        (kept / "features.npy").write_text("half of them")
        with pytest.raises(OptionError, match="Another job.*another `out`"):
            with tasks.made(out):
                pass
        assert (kept / "features.npy").exists()

    assert not out.exists()


def test_what_a_killed_job_left_is_used(tmp_path):
    out = tmp_path / "results"
    (out / FEATURES).mkdir(parents=True)
    (out / LOCK).write_text("")

    assert is_left(out)
    with tasks.made(out):
        (out / "probe.json").write_text("{}")

    assert [path.name for path in out.iterdir()] == ["probe.json"]
    assert not is_left(out)
