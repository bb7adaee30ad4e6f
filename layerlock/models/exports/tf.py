"""TensorFlow's SavedModel."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models.exports.base import Export
from layerlock.models.patches import CHANNELS, PixelStandardisation

_KINDS_OF_ANY_SIZE = (
    "rotary",
    "rotary_qk",
    "rotary_tiled",
    "rotary_interleaved",
    "sincos",
    "none",
)


class SavedModelExport(Export):
    """A folder that computes the features of chosen layers.

    It is written by Keras, on TensorFlow.

    Example:

    >>> print(SavedModelExport().usage("mine", None, ["block_8"]))
    import tensorflow as tf
    <BLANKLINE>
    program = tf.saved_model.load("mine")
    block_8 = program.serve(clips)["block_8"]
    """

    needs = ("tensorflow",)
    extras = "tensorflow"
    runtime = "TensorFlow"
    is_program = True

    def check_installed(self):
        super().check_installed()
        if "tensorflow" not in backends.versions():
            raise ImportError(
                "A SavedModel is written by Keras on TensorFlow. Received: "
                f"KERAS_BACKEND={keras.backend.backend()}. Run the same "
                "command with KERAS_BACKEND=tensorflow, which reads the "
                "encoders of every backend."
            )

    def free_axes(self, encoder):
        is_free = (
            encoder.positions in _KINDS_OF_ANY_SIZE
            and encoder.position_grid is None
        )
        return (0, 1, 2) if is_free else ()

    def write(self, networks, path, layers, dtype):
        encoder, notes = networks.encoder, []
        sizes = (None, None, None)
        if not self.free_axes(encoder):
            sizes = encoder.clip_shape
            notes.append(
                f"Positions {encoder.positions!r} are computed when the "
                f"program is written: its clips have {sizes[0]} frames of "
                f"{sizes[1]}x{sizes[2]}."
            )
        archive = keras.export.ExportArchive()
        archive.track(encoder)
        archive.add_endpoint(
            "serve",
            lambda clips: _features(encoder, clips, layers),
            [keras.InputSpec(dtype, (None, *sizes, CHANNELS), name="clips")],
        )
        archive.write_out(path, verbose=False)
        return notes

    def features(self, path, clips, layers):
        program = keras.layers.TFSMLayer(path, call_endpoint="serve")
        features = program(clips)
        return {k: ops.convert_to_numpy(v) for k, v in features.items()}

    def usage(self, name, encoder, layers):
        return (
            "import tensorflow as tf\n\n"
            f'program = tf.saved_model.load("{name}")\n'
            f'{layers[0]} = program.serve(clips)["{layers[0]}"]'
        )


def _features(encoder, clips, layers):
    """`encoder.features`, of clips whose sizes are known when it runs."""
    sizes = ops.shape(clips)[1:4]
    grid = tuple(
        size // patch
        for size, patch in zip(sizes, encoder.patch_size, strict=True)
    )
    axes = [ops.arange(size, dtype="int32") for size in grid]
    positions = ops.stack(ops.meshgrid(*axes, indexing="ij"), axis=-1)
    positions = ops.reshape(positions, (1, -1, 3))
    tokens = encoder.embed(_patches(encoder, clips, grid), positions, grid)
    rotation = encoder.rotation(positions, grid)
    names, features = encoder.layer_names, {}
    for depth in range(max(map(names.index, layers)) + 1):
        if depth > encoder.num_layers:
            tokens = encoder.output_norm(tokens)
        elif depth > 0:
            tokens = encoder.blocks[depth - 1](tokens, rotation)
        if names[depth] in layers:
            shape = (-1, *grid, encoder.hidden_dim)
            features[names[depth]] = ops.reshape(tokens, shape)
    return features


def _patches(encoder, clips, grid):
    """`encoder.patchify`, for a grid that is known when it runs."""
    t, r, c = grid
    frames, rows, columns = encoder.patch_size
    x = ops.reshape(clips, (-1, t, frames, r, rows, c, columns, CHANNELS))
    x = ops.transpose(x, (0, 1, 3, 5, 2, 4, 6, 7))
    x = ops.reshape(x, (-1, t * r * c, encoder.patch_dim))
    pixels = PixelStandardisation(encoder.pixel_mean, encoder.pixel_std)
    return pixels.apply(x, "float32")
