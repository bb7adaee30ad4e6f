"""A reference that never changes the optimizer, and a run to compare with it.

The reference keeps every variable trainable and in the optimizer, and drops
the gradients of frozen ones just before they are applied. Everything else is
the same code, the same masks and the same compiled mode.
"""

import keras
import numpy as np
from keras import ops

from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.models.video_encoder import VideoEncoder

CLIP_SHAPE = (4, 8, 8)
BATCH_SIZE = 4
WIDTH, MLP_DIM = 20, 24


def build_model(
    model_class=MaskedPretraining,
    dtype="float32",
    width=WIDTH,
    mlp_dim=MLP_DIM,
    **kwargs,
):
    """Builds the same small model, with the same weights, at every call."""
    keras.utils.set_random_seed(7)
    encoder = VideoEncoder(
        num_layers=4,
        num_heads=2,
        hidden_dim=width,
        mlp_dim=mlp_dim,
        patch_size=(2, 4, 4),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1,
        dtype=dtype,
        name="encoder",
    )
    return model_class(
        encoder, **{"mask": RandomMask(0.5), "seed": 3, **kwargs}, dtype=dtype
    )


def clips(num_batches, batch_size=BATCH_SIZE, seed=11):
    """Noise that differs between patches, so that there is a gradient."""
    rng = np.random.default_rng(seed)
    shape = (num_batches * batch_size, *CLIP_SHAPE, 3)
    return rng.integers(0, 256, shape, dtype="uint8")


@keras.saving.register_keras_serializable("tests")
class DroppedGradients(MaskedPretraining):
    """Never touches `trainable`; drops gradients instead."""

    def enter_stage(self, frozen_layers, reset_head=False):
        self.frozen_layers = frozen_layers
        self.target_layers = self.objective.target_layers(frozen_layers)
        return []

    def stage_variables(self):
        """Ids of the variables that are not to move at this stage."""
        frozen = keras.tree.flatten(self.freezable_layers[: self.frozen_layers])
        live = self.predictor.head_layers(self.target_layers)
        heads = [
            head
            for head in self.predictor.heads
            if not any(head is other for other in live)
        ]
        return {id(v) for layer in frozen + heads for v in layer.variables}


def drop_gradients(model, frozen_variables):
    """Makes the optimizer of a model drop the gradients of some variables.

    `frozen_variables` returns the ids of those that are not to move now.
    """
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    apply = optimizer.apply

    def apply_some(gradients, trainable_variables=None):
        variables = model.trainable_variables
        frozen = frozen_variables()
        gradients = [
            None if id(v) in frozen else gradient
            for gradient, v in zip(gradients, variables, strict=True)
        ]
        # An average may overwrite weights; never frozen ones.
        kept = [(v, ops.copy(v.value)) for v in variables if id(v) in frozen]
        result = apply(gradients, trainable_variables)
        for variable, value in kept:
            variable.assign(value)
        return result

    optimizer.apply = apply_some


class AtBatches(keras.callbacks.Callback):
    """Calls `freeze(frozen_layers)` after given numbers of batches."""

    def __init__(self, events, freeze):
        super().__init__()
        self.events = dict(events)
        self.freeze = freeze

    def on_train_batch_end(self, batch, logs=None):
        frozen_layers = self.events.get(batch + 1)
        if frozen_layers is not None:
            self.freeze(frozen_layers)


def train_frozen(make_optimizer, events, num_batches, **compile_arguments):
    """Trains with `FreezeScheduler`; returns the model and its losses."""
    model = build_model(dtype=compile_arguments.pop("dtype", "float64"))
    model.compile(optimizer=make_optimizer(), **compile_arguments)
    scheduler = FreezeScheduler(PiecewiseFreezeSchedule(events), model)
    return fit(model, events, scheduler.freeze, num_batches)


def train_reference(make_optimizer, events, num_batches, **compile_arguments):
    """Trains with dropped gradients; returns the model and its losses."""
    dtype = compile_arguments.pop("dtype", "float64")
    model = build_model(DroppedGradients, dtype=dtype)
    model.compile(optimizer=make_optimizer(), **compile_arguments)
    drop_gradients(model, model.stage_variables)

    def freeze(frozen_layers):
        if keras.backend.backend() == "jax":
            model.jax_state_sync()
        model.enter_stage(frozen_layers)
        model.make_train_function(force=True)

    return fit(model, events, freeze, num_batches)


def fit(model, events, freeze, num_batches):
    losses = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["batch_loss"])
    )
    model.fit(
        clips(num_batches),
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[record, AtBatches(events, freeze)],
    )
    return model, losses


def optimizer_slots(optimizer):
    """Returns `{(attribute, variable path): value}`, inner ones included."""
    slots = {}
    while optimizer is not None:
        variables = optimizer._trainable_variables
        for name, value in vars(optimizer).items():
            if name in ("_variables", "_trainable_variables"):
                continue
            if isinstance(value, keras.Variable):
                slots[name, ""] = np.asarray(value.numpy())
            elif isinstance(value, list) and len(value) == len(variables):
                for variable, slot in zip(variables, value, strict=True):
                    # TensorFlow keeps lists of something else, too.
                    if isinstance(slot, keras.Variable):
                        slots[name, variable.path] = np.asarray(slot.numpy())
        optimizer = getattr(optimizer, "inner_optimizer", None)
    return slots


def weights(model):
    return {v.path: np.asarray(v.numpy()) for v in model.variables}


def relative_error(value, expected):
    """Norm of the difference, in units of the expected norm."""
    value = np.asarray(value, "float64")
    expected = np.asarray(expected, "float64")
    difference = np.linalg.norm(value - expected)
    return difference / max(np.linalg.norm(expected), 1e-12)
