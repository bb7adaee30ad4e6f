"""Measures how well features predict pixels of fixed clips."""

import time

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.core.monitoring import ridge
from layerlock.core.normalization import normalize

MAX_ROWS = 1024
_CLIPS_AT_ONCE = 16


class HeldOutPrediction(EverySteps):
    """Predicts the second half of fixed clips from features of the first.

    A falling loss means little if its targets move. The targets here are
    pixels, the same for all objectives and for the whole run. Every `every`
    optimizer steps the encoder processes the first half of each clip. From the
    features of each patch at the end of this half, ridge regression predicts
    the change of the pixels to the next patch in time. The regression is fitted
    to half of the clips, and predicts the other half.

    Args:
        every: int, in optimizer steps.
        clips: uint8 `(clips, frames, height, width, 3)`, the same for the
            whole run.
        layer: int, the number of the block whose features are used.
        last_step: int, the last optimizer step of the run, which is measured
            too. Defaults to `None`.

    Example:

    >>> import layerlock
    >>> encoder = layerlock.VideoEncoder(
    ...     num_layers=3, num_heads=2, hidden_dim=12, mlp_dim=24,
    ...     patch_size=(2, 8, 8), clip_shape=(4, 32, 32), num_decoder_layers=1)
    >>> model = layerlock.MaskedPretraining(encoder)
    >>> model.compile(optimizer="adamw")
    >>> clips = np.random.default_rng(0).integers(
    ...     0, 256, (4, 4, 32, 32, 3), dtype="uint8")
    >>> held_out = HeldOutPrediction(every=2, clips=clips, layer=2)
    >>> history = model.fit(
    ...     clips, batch_size=2, verbose=0, callbacks=[held_out])
    >>> sorted(held_out.pop_metrics())
    ['held_out_prediction', 'held_out_seconds']
    """

    def __init__(self, every, clips, layer, last_step=None):
        super().__init__(every, last_step)
        self.clips = clips
        self.layer = layer
        self._metrics = {}

    def pop_metrics(self) -> dict:
        """Returns what was measured since the last call.

        Returns:
            A dict with `held_out_prediction`, the predicted share of the
            variance (see `ridge.explained_variance`), and `held_out_seconds`;
            empty without a new measurement, and for clips of one frame of
            patches.
        """
        metrics, self._metrics = self._metrics, {}
        return metrics

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        encoder = self.model.encoder
        self.rows = Rows(encoder.grid(self.clips.shape[1:4]), len(self.clips))
        if not self.rows.are_predictable:
            return
        self._batches = [
            ops.convert_to_tensor(self.clips[first : first + _CLIPS_AT_ONCE])
            for first in range(0, len(self.clips), _CLIPS_AT_ONCE)
        ]
        self._measure = backends.compiled(
            self.model, self._features, example=(self._batches[0],)
        )
        self._changes = self.rows.changes(
            np.concatenate(
                [
                    ops.convert_to_numpy(encoder.patchify(clips))
                    for clips in self._batches
                ]
            )
        )

    def on_step(self, step, logs):
        if not self.rows.are_predictable:
            return
        started = time.perf_counter()
        features = np.concatenate(
            [
                ops.convert_to_numpy(self._measure(clips))
                for clips in self._batches
            ]
        )
        predicted = ridge.explained_variance(
            self.rows.sampled(features), self._changes, self.rows.groups
        )
        spent = time.perf_counter() - started
        self._metrics = {
            "held_out_prediction": predicted,
            "held_out_seconds": round(spent, 4),
        }

    def _features(self, clips):
        """Features of the last frame of patches of the first half."""
        encoder, rows = self.model.exported_encoder, self.rows
        patches = encoder.patchify(clips)[:, : rows.first_half]
        positions = encoder.token_positions(rows.grid)[: rows.first_half]
        positions = backends.constant(positions, "int32")[None]
        tokens = encoder.embed(patches, positions, rows.grid)
        tokens = encoder(
            tokens, positions, last_layer=self.layer, grid=rows.grid
        )
        tokens = normalize(tokens[:, -rows.patches_per_frame :])
        return ops.cast(tokens, "float32")


class Rows:
    """Rows of a regression: patches of one frame of all clips.

    There are at most `MAX_ROWS`, evenly spread.

    Args:
        grid: Frames, rows and columns of a clip, in patches.
        num_clips: int.
    """

    def __init__(self, grid, num_clips: int):
        self.grid = tuple(grid)
        self.patches_per_frame = grid[1] * grid[2]
        self.first_half = grid[0] // 2 * self.patches_per_frame  # tokens
        self.are_predictable = grid[0] > 1 and num_clips > 1
        count = num_clips * self.patches_per_frame
        chosen = np.linspace(0, count - 1, min(count, MAX_ROWS))
        self._chosen = chosen.round().astype(int)
        self.groups = self._chosen // self.patches_per_frame

    def changes(self, patches):
        """Change of patches from the first half to the next frame of patches.

        Args:
            patches: NumPy array `(clips, tokens, values)`.
        """
        end, count = self.first_half, self.patches_per_frame
        change = patches[:, end : end + count] - patches[:, end - count : end]
        return self.sampled(change)

    def sampled(self, tokens):
        """The chosen rows of `(clips, patches_per_frame, values)`."""
        return tokens.reshape(-1, tokens.shape[-1])[self._chosen]


def clips_for(patches_per_frame: int) -> int:
    """The number of clips that give enough rows: 16, 32, 48 or 64.

    Args:
        patches_per_frame: int, rows times columns of the grid.

    Example:

    >>> clips_for(16), clips_for(36), clips_for(196)
    (64, 32, 16)
    """
    batches = -(-MAX_ROWS // (patches_per_frame * _CLIPS_AT_ONCE))
    return _CLIPS_AT_ONCE * min(max(batches, 1), 4)
