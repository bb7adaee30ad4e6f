"""Which block a flag names, and which clips."""

import pytest
from absl import flags

from layerlock.runs.directory import RunDirectory
from tests.evaluation import layouts


class Encoder:
    num_layers = 20
    clip_shape = (8, 32, 32)
    patch_size = (2, 8, 8)


@pytest.fixture
def parse(common):
    from common import evaluation_options

    def parse(*arguments):
        values = flags.FlagValues()
        evaluation_options.define_probe(values)
        values(["recipe.py", *arguments])
        return values

    return parse


@pytest.fixture
def layer(parse):
    from common import evaluation_options

    return lambda text: evaluation_options.layer_number(
        parse(f"--layer={text}"), Encoder
    )


@pytest.fixture
def build(parse):
    from common import tasks

    return lambda *arguments: tasks.build_task(parse(*arguments), Encoder)


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
def test_a_layer_is_a_block_or_a_share_of_the_depth(layer, text, number):
    assert layer(text) == number


@pytest.mark.parametrize("text", ["abc", "", "inf", "nan", "0,5"])
def test_a_layer_that_is_no_number_is_named(layer, text):
    with pytest.raises(ValueError, match=rf"--layer is .* Received: {text}\."):
        layer(text)


def test_clips_are_as_the_encoder_likes_them_or_as_asked_for(build):
    usual = build()
    asked = build("--frames=4", "--size=24")

    assert (usual.frames, usual.size) == (8, 32)
    assert (asked.frames, asked.size) == (4, 24)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--frames=0", "`frames` must be .* Received: frames=0"),
        ("--size=0", "`size` must be .* Received: size=0"),
        ("--size=-8", "`size` must be .* Received: size=-8"),
        ("--frames=3", "frames is not a multiple of 2"),
        ("--size=30", "rows is not a multiple of 8"),
        ("--task_args=size=30", "rows is not a multiple of 8"),
    ],
)
def test_clips_that_make_no_sense_are_refused(build, flag, message):
    with pytest.raises(ValueError, match=message):
        build(flag)


def test_videos_are_read_at_the_rate_of_the_run(build, tmp_path):
    pytest.importorskip("av")
    run = RunDirectory.create(tmp_path / "run", {"flags": {"fps": 5.0}})
    run.append_metrics({"step": 1})
    folder = layouts.folder(tmp_path / "videos", ("jump", "run"), 4)
    given = ("--task=folder", f"--data={folder}")

    assert build(f"--encoder={run.path}", *given).framing.fps == 5.0
    own = build(f"--encoder={run.path}", *given, "--task_args=fps=3.0")
    assert own.framing.fps == 3.0
    assert build("--encoder=random:video_vit_nano", *given).framing.fps is None


def test_a_floor_says_that_its_clips_are_those_of_the_preset(build, parse):
    from common import tasks

    floor, run = "--encoder=random:video_vit_nano", "--encoder=runs/mine"
    same = ("--frames=4", "--size=24")

    assert "--frames and --size" in tasks.describe_clips(build(), parse(floor))
    for given in ((floor, *same), (run,), (run, *same)):
        said = tasks.describe_clips(build(*given), parse(*given))
        assert said.startswith("Clips of") and "--frames" not in said
