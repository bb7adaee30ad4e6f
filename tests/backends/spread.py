"""A short training under a distribution, on any backend."""

import dataclasses

import keras
import numpy as np

from layerlock import backends
from layerlock.backends.contract import variable_bytes
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.models.float8 import Float8Policy
from tests.core.freezing import dropped_gradients as freezing
from tests.core.trajectory import adamw, set_same_weights

NUM_BATCHES = 30
EVENTS = [(8, 1), (15, 2), (22, 3)]  # after this many batches


@dataclasses.dataclass(frozen=True)
class Run:
    """A training.

    Args:
        kind: str, the distribution.
        objective: str.
        accumulation: int, batches per update.
        remat: str.
        clipnorm: str, the argument of the optimizer that clips.
        float8: bool, whether blocks multiply float8 numbers.
    """

    kind: str
    objective: str = "mae"
    accumulation: int = 1
    remat: str = "none"
    clipnorm: str = "global_clipnorm"
    float8: bool = False

    @property
    def name(self):
        return "-".join(map(str, dataclasses.astuple(self)))

    @property
    def alone(self):
        """The same training on one device."""
        return dataclasses.replace(self, kind="none", remat="none")


class Record(keras.callbacks.Callback):
    """What the logs and the measurements of each batch say.

    The norm is that of the last batch of a step, 0 for those before.

    Args:
        accumulation: int, batches of a step.
    """

    def __init__(self, accumulation):
        super().__init__()
        self.accumulation = accumulation
        self.lines = []
        self.held = []

    def on_train_batch_end(self, batch, logs=None):
        optimizer = self.model.optimizer
        self.held.append(
            variable_bytes([*self.model.variables, *optimizer.variables])
        )
        measured = keras.ops.convert_to_numpy(self.model.health.value)
        moments = keras.ops.convert_to_numpy(self.model.feature_moments.value)
        self.lines.append(
            [
                float(logs["batch_loss"]),
                0.0
                if (batch + 1) % self.accumulation
                else float(logs["grad_norm"]),
                *measured.tolist(),
                float(np.linalg.norm(moments)),
            ]
        )


def build(run):
    """A model of a training, compiled."""
    options = {}
    if run.float8:  # of widths that kernels of a GPU multiply
        options = {"dtype": Float8Policy(), "width": 32, "mlp_dim": 48}
    model = freezing.build_model(objective=run.objective, **options)
    set_same_weights(model)
    for block in model.encoder.blocks:
        block.remat = run.remat
    optimizer = adamw(
        gradient_accumulation_steps=(
            run.accumulation if run.accumulation > 1 else None
        ),
        **{run.clipnorm: 0.5},
    )
    model.compile(optimizer, jit_compile=False)
    backends.place(model)
    return model


def own_batches(num_batches):
    """Yields the rows of each global batch that this process reads, once."""
    rows = backends.local_rows(freezing.BATCH_SIZE)
    for batch in np.split(freezing.clips(num_batches), num_batches):
        yield (batch[rows],)


def train(run, watch=(), after=None) -> dict:
    """Trains; returns arrays by name: logs, held bytes and weights.

    Args:
        run: a `Run`.
        watch: more callbacks. Defaults to none.
        after: function that gets the trained model. Defaults to `None`.
    """
    with backends.distributed(run.kind):
        model = build(run)
        record = Record(run.accumulation)
        events = [(step // run.accumulation, k) for step, k in EVENTS]
        model.fit(
            own_batches(NUM_BATCHES),
            steps_per_epoch=NUM_BATCHES,
            shuffle=False,
            verbose=0,
            callbacks=[
                record,
                *watch,
                LayerLock(PiecewiseFreezeSchedule(events)),
            ],
        )
        if after is not None:
            after(model)
        return {
            "logs": np.array(record.lines),
            "held": np.array(record.held),
            **weights(model),
        }


def named(model) -> dict:
    """Variables of a model and its optimizer, by name."""
    return {
        f"{place}.{number}": variable
        for place, variables in (
            ("model", model.variables),
            ("optimizer", model.optimizer.variables),
        )
        for number, variable in enumerate(variables)
    }


def weights(model) -> dict:
    """The whole values of a model and its optimizer, by name."""
    # A copy: TensorFlow does not convert a variable of several devices.
    return {
        name: np.array(
            keras.ops.convert_to_numpy(keras.ops.copy(backends.whole(variable)))
        )
        for name, variable in named(model).items()
    }


def restored(run, folder) -> dict:
    """The values of a fresh model that loaded the parts in a folder."""
    with backends.distributed(run.kind):
        model = build(run)
        model.optimizer.build(model.trainable_variables)
        schedule = PiecewiseFreezeSchedule(EVENTS)
        FreezeScheduler(schedule, model).freeze(EVENTS[-1][1])
        backends.load_shards(folder, named(model))
        return weights(model)
