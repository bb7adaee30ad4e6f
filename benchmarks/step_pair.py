"""One case of `step_time.py`: our step, and the one that is written by hand."""

import dataclasses
import itertools
import math

import keras
import numpy as np
from job_parts import endless, handwritten_step, long_run, noise
from side_by_side import Rounds
from stage_job import opened

from layerlock import backends
from layerlock.core.costs import flops
from layerlock.runs.callbacks.trace import Trace

NUM_CHECKED = 5  # steps whose losses must agree
NUM_TRACED = 5
# Relative, of these losses, by the precision of ours.
TOLERANCES = {"none": 1e-3, "bfloat16": 1e-2, "float16": 1e-2, "float8": 2e-2}


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured.

    Args:
        preset: str, size of the encoder.
        stage: int, frozen layers.
        batch_size: int, clips in a batch. Defaults to `4`.
        target: `"pixels"` or `"latents"`. Defaults to `"pixels"`.
        mixed_precision: `"none"`, `"bfloat16"`, or `"float8"`, beside which
            the step by hand stays in bfloat16. Defaults to `"none"`.
        compiled: bool. On PyTorch: our blocks are compiled, and the loss of
            the step by hand. Defaults to `False`.
        scanned: bool. On JAX: the step by hand trains a turn in one program.
            Defaults to `False`.
        alone: bool, leave the step by hand out. Defaults to `False`.
        steps: int, of a round. Defaults to `10`.
        rounds: int. Defaults to `9`.
        turn: int, steps before the other has its turn. Defaults to `5`.
        peak_tflops: float, what the device can do. Defaults to `None`.
        flags: tuple of further flags of `layerlock pretrain`.
    """

    preset: str
    stage: int
    batch_size: int = 4
    target: str = "pixels"
    mixed_precision: str = "none"
    compiled: bool = False
    scanned: bool = False
    alone: bool = False
    steps: int = 10
    rounds: int = 9
    turn: int = 5
    peak_tflops: float | None = None
    flags: tuple = ()

    def configuration(self, run_dir: str):
        """The resolved configuration of our run, and its method."""
        own = () if self.is_other_objective else (f"--target={self.target}",)
        return long_run(
            self.preset,
            f"--batch_size={self.batch_size}",
            f"--mixed_precision={self.mixed_precision}",
            f"--log_every={self.steps}",
            f"--{'' if self.compiled else 'no'}jit_compile"
            if keras.backend.backend() == "torch"
            else "--jit_compile",
            f"--run_dir={run_dir}",
            *own,
            *self.flags,
        )

    @property
    def is_other_objective(self) -> bool:
        """Whether the objective is one that no step by hand is written for."""
        return any(flag.startswith("--objective=") for flag in self.flags)


def stages_of(preset: dict) -> list[int]:
    """No layer, a third and two thirds of the layers that may freeze."""
    most = preset["num_layers"] - preset["num_decoder_layers"]
    return [0, round(most / 3), round(2 * most / 3)]


def measure(case: Case, trace=None) -> dict:
    """Trains a case, and returns what was measured.

    Args:
        case: what to measure.
        trace: folder for a trace of some steps of ours, after all rounds.
            Defaults to `None`.

    Returns:
        dict with `ratio`, `low`, `high`, seconds of a step, losses, memory,
        clips per second and utilisation.
    """
    with opened(case.configuration, case.stage) as job:
        model = job.model
        # On the device: what it takes to get them there is not asked for.
        batches = [
            keras.ops.convert_to_tensor(batch)
            for batch in noise(model, case.batch_size, NUM_CHECKED)
        ]
        theirs = expected = None
        if not case.alone:
            theirs = handwritten_step(
                model,
                job.config,
                job.method,
                case.stage,
                **_variant(case),
            )
            expected = [float(theirs(batch)) for batch in batches]
        losses = Losses(expected, case.mixed_precision)
        rounds = Rounds(
            taking_turns(theirs, batches),
            case.steps,
            case.rounds,
            # Whole turns, also where Keras trains a turn in one call.
            first_batch=math.ceil(NUM_CHECKED / case.turn) * case.turn,
            turn=case.turn,
        )
        ends = rounds.num_batches
        traces = []
        if trace is not None:
            traces = [Trace(trace, ends + 1, ends + NUM_TRACED)]
            ends += NUM_TRACED
        model.fit(
            endless(batches),
            steps_per_epoch=ends,
            shuffle=False,
            verbose=0,
            callbacks=[*traces, *job.callbacks, losses, rounds],
        )
        found = {
            **rounds.found(),
            "losses_ours": losses.values,
            "losses_theirs": expected,
            "peak_bytes_ours": backends.measure_step(model).peak_bytes,
        }
        found |= pace(model, case, found["step_seconds_ours"])
        if theirs is None:
            return found | dict.fromkeys(
                ("ratio", "low", "high", "step_seconds_theirs")
            )
        return found | {"peak_bytes_theirs": theirs.peak_bytes(batches[0])}


def _variant(case) -> dict:
    """Arguments of the step by hand that its backend has."""
    if keras.backend.backend() == "jax":
        return {"scanned": case.scanned}
    return {"compiled": case.compiled}


def taking_turns(step, batches):
    """A function of a number of steps that does them and waits for the last."""
    turns = itertools.cycle(batches)

    def take(num_steps):
        if step is not None:
            float(step.train(list(itertools.islice(turns, num_steps))))

    return take


def pace(model, case: Case, seconds: float) -> dict:
    """Clips and FLOPs per second, and the share of what the device can do."""
    sizes = flops.StepSizes.of(model, model.encoder.clip_shape, case.batch_size)
    tflops = sizes.step_flops(case.stage, model.target_layers) / seconds / 1e12
    return {
        "clips_per_second": case.batch_size / seconds,
        "tflops_per_second": tflops,
        "utilisation": case.peak_tflops and tflops / case.peak_tflops,
    }


class Losses(keras.callbacks.Callback):
    """Keeps the losses of the first batches, and says if they are wrong.

    Args:
        expected: list of floats, what they must be; `None` for whatever.
        mixed_precision: as for `Case`.
    """

    takes_tensors = True

    def __init__(self, expected, mixed_precision):
        super().__init__()
        self.expected = expected
        self.tolerance = TOLERANCES[mixed_precision]
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        if len(self.values) == NUM_CHECKED:
            return
        several = self.model.steps_per_execution > 1
        losses = self.model.batch_losses if several else logs["batch_loss"]
        losses = np.atleast_1d(keras.ops.convert_to_numpy(losses)).tolist()
        self.values = [*self.values, *losses][:NUM_CHECKED]
        if self.expected:
            np.testing.assert_allclose(
                self.values,
                self.expected[: len(self.values)],
                rtol=self.tolerance,
            )
