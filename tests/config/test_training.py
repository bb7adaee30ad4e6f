"""Several steps per execution, and what must fall on their ends."""

import pytest

from layerlock.config import OptionError, PretrainConfig


def resolved(**options):
    return PretrainConfig.of(**options).resolve()


@pytest.mark.parametrize(
    ("together", "accumulation", "border"),
    [(1, 1, 1), (10, 1, 10), (10, 4, 5), (4, 8, 1)],
)
def test_executions_are_filled_by_whole_optimizer_steps(
    together, accumulation, border
):
    config = PretrainConfig.of(
        steps_per_execution=together, accumulation=accumulation
    )

    assert config.training.border == border


def test_the_defaults_fall_on_the_ends_of_executions():
    config = resolved(steps=1400, steps_per_execution=20)

    run, freezing = config.run, config.freezing
    assert (run.log_every, run.monitor_every) == (20, 80)
    assert run.checkpoint_every % 20 == 0
    assert freezing.start_step == 840
    assert freezing.interval % 20 == 0
    plain = resolved(steps=1400)
    assert (plain.run.log_every, plain.run.monitor_every) == (14, 70)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 105}, r"steps \(105\)"),
        ({"log_every": 5, "checkpoint_every": 20}, r"log_every \(5\)"),
        ({"monitor_every": 7}, r"monitor_every \(7\)"),
        (
            {"schedule": "piecewise", "schedule_args": {"events": [(37, 1)]}},
            "a freeze at step 37",
        ),
        ({"mixed_precision": "float16"}, "mixed_precision=float16"),
    ],
    ids=["steps", "log", "monitor", "freeze", "float16"],
)
def test_what_falls_into_an_execution_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        resolved(**{"steps": 100, "steps_per_execution": 10, **options})
